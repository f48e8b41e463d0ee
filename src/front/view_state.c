/* SPDX-License-Identifier: Apache-2.0 */
#include "front/view_state.h"

#include "codec/json_write.h"
#include "model/document.h"
#include "model/location.h"
#include "model/property.h"

static void put_point(struct buf *out, struct slice key, const struct sample *sample)
{
    json_write_comma(out);
    property_write_sample(out, &(struct property_sample){
                                   .key = key,
                                   .value = sample->value,
                                   .timestamp_ms = sample->timestamp_ms,
                                   .created_ms = sample->created_ms,
                               });
}

/* ---- all properties ---- */

struct walk {
    struct reader *reader;
    struct buf *out;
    bool found;
    struct err err;
};

static bool visit_property(void *arg, struct slice key, uint32_t property)
{
    struct walk *walk = arg;
    struct sample sample;
    bool found;
    if (slice_is_empty(key)) {
        return true; /* the location */
    }
    walk->err = history_latest(store_history(walk->reader->store), property, &sample,
                               &walk->reader->value, &found);
    if (!err_is_set(walk->err) && found) {
        walk->found = true;
        put_point(walk->out, key, &sample);
    }
    return !err_is_set(walk->err) && !walk->out->failed;
}

struct err view_properties(const struct view *view, const struct id *id, struct buf *out,
                           bool *found)
{
    struct walk walk = {.reader = view->reader, .out = out};
    json_write_open(out, '[');
    TRY(documents_properties(view->reader->documents, id, visit_property, &walk));
    TRY(walk.err);
    json_write_close(out, ']');
    *found = walk.found;
    return ERR(OK);
}

/* ---- one property, or the location ---- */

static struct err state_of_one(const struct view *view, const struct topic *topic, struct slice key,
                               struct buf *out, bool *found)
{
    uint32_t property;
    struct sample sample;
    struct reader *reader = view->reader;
    struct err err = documents_property(reader->documents, &topic->resource, key, &property);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    TRY(history_latest(store_history(reader->store), property, &sample, &reader->value, found));
    if (!*found) {
        return ERR(OK);
    }
    json_write_open(out, '[');
    if (slice_is_empty(key)) {
        location_write_item(out, sample.value, sample.timestamp_ms, sample.created_ms);
    } else {
        put_point(out, key, &sample);
    }
    json_write_close(out, ']');
    return ERR(OK);
}

/* ---- the latest action ---- */

static bool put_action(void *arg, const struct document *document)
{
    struct buf *out = arg;
    struct slice shown;
    struct slice context;
    document_split(RESOURCE_ACTION, document->text, &shown, &context);
    buf_put(out, shown);
    json_write_close(out, '}');
    return false;
}

bool view_action_target(enum resource_kind kind, enum filter_field *field)
{
    switch (kind) {
    case RESOURCE_THNG:
        *field = FILTER_THNG;
        return true;
    case RESOURCE_PRODUCT:
        *field = FILTER_PRODUCT;
        return true;
    case RESOURCE_COLLECTION:
        *field = FILTER_COLLECTION;
        return true;
    default:
        return false;
    }
}

bool view_actions_of(const struct view *view, const struct topic *topic,
                     struct view_actions *actions)
{
    uint32_t count = 0;
    enum filter_field field;
    *actions =
        (struct view_actions){.target = id_slice(&topic->resource), .type = topic_name(topic)};
    if (view_action_target(topic_family_row(topic->family)->resource, &field)) {
        actions->conditions[count++] =
            (struct filter_condition){.field = field, .values = &actions->target, .value_count = 1};
    }
    if (topic_family_row(topic->family)->name_kind == TOPIC_NAME_ACTION_TYPE) {
        actions->conditions[count++] = (struct filter_condition){
            .field = FILTER_TYPE, .values = &actions->type, .value_count = 1};
    }
    actions->query = (struct documents_query){
        .account = view->actor->account,
        .kind = RESOURCE_ACTION,
        .limit = 1,
        .conditions = actions->conditions,
        .condition_count = count,
    };
    return view_narrow(view, &actions->query, &actions->reach);
}

static struct err state_of_actions(const struct view *view, const struct topic *topic,
                                   struct buf *out, bool *found)
{
    struct view_actions actions;
    size_t before = buf_bytes(out);
    if (!view_actions_of(view, topic, &actions)) {
        return ERR(OK);
    }
    TRY(documents_list(view->reader->documents, &actions.query, put_action, out));
    *found = buf_bytes(out) > before;
    return ERR(OK);
}

/* ---- any topic ---- */

static struct err state_now(const struct view *view, const struct topic *topic, struct buf *out,
                            bool *found)
{
    enum resource_kind kind = topic_family_row(topic->family)->resource;
    struct document document;
    struct view bare = *view;
    if (kind == 0) {
        TRY(view_check_project(view));
    } else {
        TRY(view_find(view, kind, &topic->resource, &document));
    }
    switch (topic->family) {
    case TOPIC_THNG:
    case TOPIC_COLLECTION:
        *found = true;
        bare.flags |= VIEW_BARE;
        return view_write_found(&bare, &document, out);
    case TOPIC_THNG_PROPERTIES:
    case TOPIC_PRODUCT_PROPERTIES:
        return view_properties(view, &topic->resource, out, found);
    case TOPIC_THNG_PROPERTY:
    case TOPIC_PRODUCT_PROPERTY:
        return state_of_one(view, topic, topic_name(topic), out, found);
    case TOPIC_THNG_LOCATION:
        return state_of_one(view, topic, PROPERTY_KEY_LOCATION, out, found);
    default:
        /* Action types, members, tasks: streams of events have no state. */
        return topic_is_of_actions(topic->family) ? state_of_actions(view, topic, out, found)
                                                  : ERR(OK);
    }
}

struct err view_state(const struct view *view, const struct topic *topic, struct buf *out,
                      bool *found)
{
    struct view judged = *view;
    judged.subject = perm_subject_of_topic(topic->family, topic_name(topic));
    judged.operation = perm_subscribe_operation(topic->family);
    *found = false;
    TRY(documents_reader_begin(view->reader->documents));
    struct err err = state_now(&judged, topic, out, found);
    documents_reader_end(view->reader->documents);
    return !err_is_set(err) && out->failed ? ERR(NO_MEMORY) : err;
}
