/* SPDX-License-Identifier: Apache-2.0 */
#include "front/view_states.h"

#include "front/view_state.h"

#include <stdlib.h>

struct states {
    const struct view *view;
    const struct topic_filter *filter;
    view_states_fn visit;
    void *arg;
    struct buf topic;
    struct buf payload;
    struct buf keys; /* of one resource: each behind its length (u32 big-endian) */
    uint32_t count;
    bool is_over;
};

/* ---- one topic ---- */

static bool is_unseen(struct err err)
{
    return err_equal(err, ERR(NOT_FOUND)) || err_equal(err, ERR(DENIED));
}

static struct err visit_topic(struct states *states, struct topic_ref ref)
{
    struct topic topic = {
        .family = ref.family,
        .options = {.project = states->filter->topic.options.project},
        .name_bytes = (uint16_t)ref.name.bytes,
    };
    bool found;
    if (ref.resource != NULL) {
        topic.resource = *ref.resource;
    }
    if (ref.name.bytes > 0) {
        memcpy(topic.name_at, ref.name.at, ref.name.bytes);
    }
    buf_reset(&states->payload);
    struct err err = view_state(states->view, &topic, &states->payload, &found);
    if (err_is_set(err) || !found) {
        return is_unseen(err) ? ERR(OK) : err;
    }
    buf_reset(&states->topic);
    topic_write(&states->topic, ref);
    if (states->topic.failed) {
        return ERR(NO_MEMORY);
    }
    states->count++;
    bool goes_on = states->visit(states->arg, buf_data(&states->topic), buf_data(&states->payload));
    states->is_over = !goes_on || states->count == VIEW_STATES_MAX;
    return ERR(OK);
}

/* ---- one resource ---- */

static bool keep_key(void *arg, struct slice key, uint32_t property)
{
    struct buf *keys = arg;
    (void)property;
    if (!slice_is_empty(key)) { /* else it is the location */
        buf_put_u32be(keys, (uint32_t)key.bytes);
        buf_put(keys, key);
    }
    return !keys->failed;
}

/* The topic of each property. */
static struct err visit_keys(struct states *states, struct topic_ref ref)
{
    struct documents_reader *documents = states->view->reader->documents;
    buf_reset(&states->keys);
    TRY(documents_reader_begin(documents));
    struct err err = documents_properties(documents, ref.resource, keep_key, &states->keys);
    documents_reader_end(documents);
    TRY(err);
    if (states->keys.failed) {
        return ERR(NO_MEMORY);
    }
    struct cursor keys = cursor_over(buf_data(&states->keys));
    uint32_t bytes;
    while (!states->is_over && cursor_read_u32be(&keys, &bytes) &&
           cursor_read_bytes(&keys, bytes, &ref.name)) {
        TRY(visit_topic(states, ref));
    }
    return ERR(OK);
}

static struct err visit_ref(struct states *states, struct topic_ref ref)
{
    if ((topic_ref_open(ref) & TOPIC_OPEN_NAME) == 0) {
        return visit_topic(states, ref);
    }
    bool is_key = topic_family_row(ref.family)->name_kind == TOPIC_NAME_KEY;
    return is_key ? visit_keys(states, ref) : ERR(OK);
}

/* What the filter selects of one resource; of the account, without. */
static struct err visit_resource(struct states *states, enum resource_kind kind,
                                 const struct id *id)
{
    const struct topic_filter *filter = states->filter;
    for (unsigned i = 0; i < filter->count && !states->is_over; i++) {
        struct topic_ref ref = topic_filter_ref(filter, i);
        if (topic_family_row(ref.family)->resource == kind) {
            ref.resource = id;
            TRY(visit_ref(states, ref));
        }
    }
    return ERR(OK);
}

/* ---- all resources of a kind ---- */

static bool keep_id(void *arg, const struct document *document)
{
    struct buf *ids = arg;
    buf_put_bytes(ids, &document->id, sizeof(document->id));
    return !ids->failed;
}

static enum perm_subject list_subject(enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_THNG:
        return PERM_THNGS;
    case RESOURCE_PRODUCT:
        return PERM_PRODUCTS;
    default:
        return PERM_COLLECTIONS;
    }
}

static struct err list_ids(const struct states *states, enum resource_kind kind, struct buf *ids)
{
    const struct actor *actor = states->view->actor;
    if (actor->kind == ACTOR_DEVICE) { /* it sees its own thng alone, and lists nothing */
        if (kind == RESOURCE_THNG) {
            buf_put_bytes(ids, &actor->id, sizeof(actor->id));
        }
        return ERR(OK);
    }
    struct view view = *states->view;
    struct perm_reach reach;
    struct documents_query query = {
        .account = actor->account, .kind = kind, .limit = VIEW_STATES_RESOURCES_MAX};
    view.subject = list_subject(kind);
    view.operation = PERM_LIST;
    if (!view_narrow(&view, &query, &reach)) {
        return ERR(OK);
    }
    struct documents_reader *documents = view.reader->documents;
    TRY(documents_reader_begin(documents));
    struct err err = documents_list(documents, &query, keep_id, ids);
    documents_reader_end(documents);
    return err;
}

static struct err visit_list(struct states *states, enum resource_kind kind)
{
    struct buf ids = {0};
    struct err err = list_ids(states, kind, &ids);
    if (!err_is_set(err) && ids.failed) {
        err = ERR(NO_MEMORY);
    }
    const struct id *at = (const struct id *)(const void *)buf_data(&ids).at; /* bytes alone */
    for (size_t i = 0; i < buf_bytes(&ids) / sizeof(*at); i++) {
        if (err_is_set(err) || states->is_over) {
            break;
        }
        err = visit_resource(states, kind, &at[i]);
    }
    buf_deinit(&ids);
    return err;
}

static struct err visit_kind(struct states *states, enum resource_kind kind)
{
    const struct topic_filter *filter = states->filter;
    for (unsigned i = 0; i < filter->count; i++) {
        struct topic_ref ref = topic_filter_ref(filter, i);
        if (topic_family_row(ref.family)->resource == kind) {
            /* All families of a kind have the same resource, or any. */
            return ref.resource != NULL || kind == 0 ? visit_resource(states, kind, ref.resource)
                                                     : visit_list(states, kind);
        }
    }
    return ERR(OK);
}

struct err view_states(const struct view *view, const struct topic_filter *filter,
                       view_states_fn visit, void *arg)
{
    static const enum resource_kind kinds[] = {0, RESOURCE_COLLECTION, RESOURCE_PRODUCT,
                                               RESOURCE_THNG};
    struct states states = {.view = view, .filter = filter, .visit = visit, .arg = arg};
    struct err err = ERR(OK);
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !err_is_set(err) && !states.is_over; i++) {
        err = visit_kind(&states, kinds[i]);
    }
    buf_deinit(&states.topic);
    buf_deinit(&states.payload);
    buf_deinit(&states.keys);
    return err;
}
