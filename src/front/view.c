/* SPDX-License-Identifier: Apache-2.0 */
#include "front/view.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/location.h"
#include "model/perm.h"
#include "model/property.h"

static struct err find_thng(struct reader *reader, const struct actor *actor, const struct id *id,
                            struct document *document)
{
    TRY(documents_get(reader->documents, id, document));
    if (document->kind != RESOURCE_THNG) {
        return ERR(NOT_FOUND);
    }
    return perm_sees(actor, document->account, document->kind, &document->id);
}

/* A walk over the properties of a thng with the latest sample of each. */
struct walk {
    struct reader *reader;
    struct buf *out;
    uint32_t count; /* properties written */
    struct err err;
    void (*write)(struct walk *walk, struct slice key, const struct sample *sample);
};

static bool visit_property(void *arg, struct slice key, uint32_t property)
{
    struct walk *walk = arg;
    struct sample sample;
    bool found;
    struct history *history = store_history(walk->reader->store);
    walk->err = history_latest(history, property, &sample, &walk->reader->value, &found);
    if (!err_is_set(walk->err) && found) {
        walk->write(walk, key, &sample);
    }
    return !err_is_set(walk->err) && !walk->out->failed;
}

static struct err walk_properties(struct walk *walk, const struct id *id)
{
    TRY(documents_properties(walk->reader->documents, id, visit_property, walk));
    return walk->err;
}

/* ---- the whole thng ---- */

/* The location comes first: its key is empty, and keys come in order. */
static void write_in_thng(struct walk *walk, struct slice key, const struct sample *sample)
{
    if (slice_is_empty(key)) {
        ASSERT(walk->count == 0);
        json_write_name(walk->out, SLICE("location"));
        json_write_open(walk->out, '{');
        buf_put(walk->out, sample->value);
        json_write_close(walk->out, '}');
        return;
    }
    if (walk->count++ == 0) {
        json_write_name(walk->out, SLICE("properties"));
        json_write_open(walk->out, '{');
    }
    json_write_member_json(walk->out, key, sample->value);
}

static void write_scopes(struct buf *out, struct slice scopes)
{
    json_write_member_json(out, SLICE("scopes"),
                           slice_is_empty(scopes) ? SLICE("{\"users\":[],\"projects\":[]}")
                                                  : scopes);
}

struct err view_write_thng(struct reader *reader, const struct document *document, unsigned flags,
                           struct buf *out)
{
    const struct id id = document->id;
    ASSERT(document->text.bytes > 2);
    /* Without its closing brace: what is derived follows. */
    buf_put(out, slice_first(document->text, document->text.bytes - 1));
    if (flags & VIEW_SCOPES) {
        write_scopes(out, document->scopes);
    }
    struct walk walk = {.reader = reader, .out = out, .write = write_in_thng};
    TRY(walk_properties(&walk, &id));
    if (walk.count > 0) {
        json_write_close(out, '}');
    } else if (!(flags & VIEW_CREATED)) {
        json_write_member_json(out, SLICE("properties"), SLICE("{}"));
    }
    json_write_close(out, '}');
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct err view_thng_now(struct reader *reader, const struct actor *actor,
                                const struct id *id, unsigned flags, struct buf *out)
{
    struct document document;
    TRY(find_thng(reader, actor, id, &document));
    return view_write_thng(reader, &document, flags, out);
}

static struct err view_in_one_moment(struct reader *reader, const struct actor *actor,
                                     const struct id *id, unsigned flags, struct buf *out)
{
    TRY(documents_reader_begin(reader->documents));
    struct err err = view_thng_now(reader, actor, id, flags, out);
    documents_reader_end(reader->documents);
    return err;
}

struct err view_thng(struct reader *reader, const struct actor *actor, const struct id *id,
                     bool with_scopes, struct buf *out)
{
    return view_in_one_moment(reader, actor, id, with_scopes ? VIEW_SCOPES : 0, out);
}

struct err view_thng_created(struct reader *reader, const struct actor *actor, const struct id *id,
                             bool with_scopes, struct buf *out)
{
    unsigned flags = VIEW_CREATED | (with_scopes ? VIEW_SCOPES : 0);
    return view_in_one_moment(reader, actor, id, flags, out);
}

/* ---- present states ---- */

static void write_point(struct walk *walk, struct slice key, const struct sample *sample)
{
    if (slice_is_empty(key)) {
        return;
    }
    walk->count++;
    json_write_comma(walk->out);
    property_write_sample(walk->out, &(struct property_sample){
                                         .key = key,
                                         .value = sample->value,
                                         .timestamp_ms = sample->timestamp_ms,
                                         .created_ms = sample->created_ms,
                                     });
}

static struct err state_of_all(struct reader *reader, const struct topic *topic, struct buf *out,
                               bool *found)
{
    struct walk walk = {.reader = reader, .out = out, .write = write_point};
    json_write_open(out, '[');
    TRY(walk_properties(&walk, &topic->resource));
    json_write_close(out, ']');
    *found = walk.count > 0;
    return ERR(OK);
}

/* One property, or the location. */
static struct err state_of_one(struct reader *reader, const struct topic *topic, struct slice key,
                               struct buf *out, bool *found)
{
    uint32_t property;
    struct sample sample;
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
        struct walk walk = {.reader = reader, .out = out};
        write_point(&walk, key, &sample);
    }
    json_write_close(out, ']');
    return ERR(OK);
}

static struct err view_state_now(struct reader *reader, const struct actor *actor,
                                 const struct topic *topic, struct buf *out, bool *found)
{
    struct document document;
    TRY(find_thng(reader, actor, &topic->resource, &document));
    switch (topic->family) {
    case TOPIC_THNG:
        buf_put(out, document.text);
        *found = true;
        return ERR(OK);
    case TOPIC_THNG_PROPERTIES:
        return state_of_all(reader, topic, out, found);
    case TOPIC_THNG_PROPERTY:
        return state_of_one(reader, topic, topic_name(topic), out, found);
    case TOPIC_THNG_LOCATION:
        return state_of_one(reader, topic, PROPERTY_KEY_LOCATION, out, found);
    default:
        return ERR(OK); /* streams of events have no state */
    }
}

struct err view_state(struct reader *reader, const struct actor *actor, const struct topic *topic,
                      struct buf *out, bool *found)
{
    *found = false;
    if (topic_family_row(topic->family)->resource != TOPIC_RESOURCE_THNG) {
        return ERR(NOT_FOUND);
    }
    TRY(documents_reader_begin(reader->documents));
    struct err err = view_state_now(reader, actor, topic, out, found);
    documents_reader_end(reader->documents);
    return !err_is_set(err) && out->failed ? ERR(NO_MEMORY) : err;
}
