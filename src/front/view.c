/* SPDX-License-Identifier: Apache-2.0 */
#include "front/view.h"

#include "codec/json_write.h"
#include "model/location.h"
#include "model/perm.h"
#include "model/property.h"

/* A resource's document copied to <out>, if the actor sees it. */
static struct err put_document(struct reader *reader, const struct actor *actor,
                               const struct id *id, struct buf *out, struct buf *scopes)
{
    struct document document;
    TRY(documents_get(reader->documents, id, &document));
    if (document.kind != RESOURCE_THNG) {
        return ERR(NOT_FOUND);
    }
    TRY(perm_sees(actor, document.account, document.kind, &document.id));
    buf_put(out, document.text);
    if (scopes != NULL) {
        buf_put(scopes, document.scopes);
    }
    return ERR(OK);
}

/* ---- properties ---- */

/* How a walk over a resource's properties writes each of them. */
struct property_walk {
    struct reader *reader;
    struct buf *out;
    struct err err;
    uint32_t count;    /* those that have a value */
    uint32_t location; /* the location's number, when it has one */
    bool as_members;   /* "key":value; else as points */
};

static void put_property(struct property_walk *walk, struct slice key, const struct sample *sample)
{
    struct slice value = buf_data(&walk->reader->value);
    if (walk->as_members) {
        json_write_member_json(walk->out, key, value);
        return;
    }
    json_write_comma(walk->out);
    property_write_sample(walk->out, &(struct property_sample){.key = key,
                                                               .value = value,
                                                               .timestamp_ms = sample->timestamp_ms,
                                                               .created_ms = sample->created_ms});
}

static bool visit_property(void *arg, struct slice key, uint32_t property)
{
    struct property_walk *walk = arg;
    if (slice_is_empty(key)) {
        walk->location = property;
        return true;
    }
    struct sample sample;
    bool found;
    struct history *history = store_history(walk->reader->store);
    walk->err = history_latest(history, property, &sample, &walk->reader->value, &found);
    if (!err_is_set(walk->err) && found) {
        put_property(walk, key, &sample);
        walk->count++;
    }
    return !err_is_set(walk->err);
}

static struct err walk_properties(struct property_walk *walk, const struct id *id)
{
    TRY(documents_properties(walk->reader->documents, id, visit_property, walk));
    return walk->err;
}

/* ---- the thng ---- */

/* The newest entry of the location without its times: the embedded form. */
static struct err put_embedded_location(struct reader *reader, uint32_t property, struct buf *out)
{
    struct sample sample;
    bool found;
    TRY(history_latest(store_history(reader->store), property, &sample, &reader->value, &found));
    if (found) {
        json_write_name(out, SLICE("location"));
        buf_put_byte(out, '{');
        buf_put(out, buf_data(&reader->value));
        buf_put_byte(out, '}');
    }
    return ERR(OK);
}

struct err view_thng(struct reader *reader, const struct actor *actor, const struct id *id,
                     bool with_scopes, struct buf *out)
{
    buf_reset(&reader->scratch);
    TRY(put_document(reader, actor, id, out, &reader->scratch));
    if (out->failed) {
        return ERR(NO_MEMORY);
    }
    out->tail--; /* the document's closing brace: members follow */
    json_write_name(out, SLICE("properties"));
    json_write_open(out, '{');
    struct property_walk walk = {.reader = reader, .out = out, .as_members = true};
    TRY(walk_properties(&walk, id));
    json_write_close(out, '}');
    if (walk.location != 0) {
        TRY(put_embedded_location(reader, walk.location, out));
    }
    if (with_scopes) {
        struct slice scopes = buf_data(&reader->scratch);
        bool has_none = slice_is_empty(scopes);
        json_write_member_json(out, SLICE("scopes"),
                               has_none ? SLICE("{\"users\":[],\"projects\":[]}") : scopes);
    }
    json_write_close(out, '}');
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- the present state of a topic ---- */

/* The newest sample of one property as an array of one; nothing when there is none. */
static struct err put_latest(struct reader *reader, const struct topic *topic, struct buf *out,
                             bool *found)
{
    uint32_t property;
    struct slice key = topic_name(topic);
    struct err err =
        documents_property(reader->documents, &topic->resource, key, &property);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    struct sample sample;
    TRY(history_latest(store_history(reader->store), property, &sample, &reader->value, found));
    if (!*found) {
        return ERR(OK);
    }
    struct slice value = buf_data(&reader->value);
    buf_put_byte(out, '[');
    if (slice_is_empty(key)) {
        json_write_comma(out);
        location_write_item(out, value, sample.timestamp_ms, sample.created_ms);
    } else {
        json_write_comma(out);
        property_write_sample(out, &(struct property_sample){.key = key,
                                                             .value = value,
                                                             .timestamp_ms = sample.timestamp_ms,
                                                             .created_ms = sample.created_ms});
    }
    buf_put_byte(out, ']');
    return ERR(OK);
}

static struct err put_all_latest(struct reader *reader, const struct topic *topic, struct buf *out,
                                 bool *found)
{
    struct property_walk walk = {.reader = reader, .out = out};
    buf_put_byte(out, '[');
    TRY(walk_properties(&walk, &topic->resource));
    buf_put_byte(out, ']');
    *found = walk.count > 0;
    return ERR(OK);
}

struct err view_state(struct reader *reader, const struct actor *actor, const struct topic *topic,
                      struct buf *out, bool *found)
{
    *found = false;
    buf_reset(&reader->scratch);
    TRY(put_document(reader, actor, &topic->resource, &reader->scratch, NULL));
    switch (topic->family) {
    case TOPIC_THNG:
        buf_put(out, buf_data(&reader->scratch));
        *found = true;
        break;
    case TOPIC_THNG_PROPERTIES:
        TRY(put_all_latest(reader, topic, out, found));
        break;
    case TOPIC_THNG_PROPERTY:
    case TOPIC_THNG_LOCATION:
        TRY(put_latest(reader, topic, out, found));
        break;
    default:
        break; /* the other families have no present state in this version */
    }
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}
