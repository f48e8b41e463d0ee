/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents that are topics: thngs and collections (updated, deleted), action types (created,
 * deleted), tasks (done); and who has come into a collection or left it. */
#include "front/fire.h"

#include "codec/json_write.h"
#include "model/document.h"

/* ---- payloads ---- */

static void put_ids(struct buf *out, const struct id *ids, uint32_t count)
{
    json_write_open(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        json_write_comma(out);
        json_write_string(out, id_slice(&ids[i]));
    }
    json_write_close(out, ']');
}

void fire_encode_document(struct buf *out, const struct firing *firing)
{
    const struct event *event = firing->event;
    struct slice shown;
    struct slice hidden;
    document_split(event->kind, event->text, &shown, &hidden);
    buf_put(out, shown);
    if (event->count > 0) {
        json_write_name(out, SLICE("collections"));
        put_ids(out, event->collections, event->count);
    }
    json_write_close(out, '}');
}

static void write_notice(struct buf *out, struct slice operation, int64_t time_ms)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("operation"), operation);
    json_write_member_int(out, SLICE("timestamp"), time_ms);
    json_write_name(out, SLICE("resources"));
}

/* {"operation":"deleted","timestamp":..,"resources":["<id, or name of an action type>"]} */
static void encode_deleted(struct buf *out, const struct firing *firing)
{
    bool has_name = firing->ref.family == TOPIC_ACTIONS;
    write_notice(out, SLICE("deleted"), firing->event->time_ms);
    json_write_open(out, '[');
    json_write_string(out, has_name ? firing->ref.name : id_slice(firing->event->resource));
    json_write_close(out, ']');
    json_write_close(out, '}');
}

static void encode_members(struct buf *out, const struct firing *firing)
{
    static const struct slice operations[] = {
        [MEMBERS_ADDED] = SLICE_INIT("thngsAdded"),
        [MEMBERS_REMOVED] = SLICE_INIT("thngsRemoved"),
        [MEMBERS_CLEARED] = SLICE_INIT("thngsCleared"),
    };
    const struct event *event = firing->event;
    write_notice(out, operations[event->change], event->time_ms);
    put_ids(out, event->members, event->count);
    json_write_close(out, '}');
}

/* ---- what fires ---- */

/* A thng or a collection on its own topic. */
static void fire_own_topic(struct audience *audience, const struct event *event,
                           enum topic_family family)
{
    bool is_deleted = event->operation == OPERATION_DELETED;
    if (event->operation == OPERATION_CREATED) {
        return; /* nobody can know its id */
    }
    struct firing firing = {
        .event = event,
        .seen_kind = event->kind,
        .seen = event->resource,
        .has_scopes = true,
        .is_last = is_deleted,
        .encode = is_deleted ? encode_deleted : fire_encode_document,
    };
    fire_aim(audience, &firing, family, event->resource, (struct slice){0});
    fire(audience, &firing);
}

static void fire_type_created(struct audience *audience, const struct event *event)
{
    struct firing firing = {
        .event = event,
        .seen_kind = event->kind,
        .seen = event->resource,
        .has_scopes = true,
        .encode = fire_encode_document,
    };
    fire_aim(audience, &firing, TOPIC_ACTION_TYPES, NULL, (struct slice){0});
    fire(audience, &firing);
}

static void fire_type_deleted(struct audience *audience, const struct event *event)
{
    struct firing firing = {
        .event = event,
        .seen_kind = event->kind,
        .seen = event->resource,
        .has_scopes = true,
        .is_last = true,
        .encode = encode_deleted,
    };
    if (!slice_is_empty(event->text)) { /* it is in groups of older versions */
        struct slice name = document_text(event->text, SLICE("name"));
        fire_aim(audience, &firing, TOPIC_ACTIONS, NULL, name);
        fire(audience, &firing);
    }
}

/* Fires once, when the task has come to its end. */
static void fire_task(struct audience *audience, const struct event *event)
{
    static const struct slice final[] = {
        SLICE_INIT("EXECUTED"),
        SLICE_INIT("EXECUTED_WITH_FAILURES"),
        SLICE_INIT("FAILED"),
    };
    struct slice status = document_text(event->text, SLICE("status"));
    bool is_final = false;
    for (size_t i = 0; i < ARRAY_LEN(final); i++) {
        is_final |= slice_equal(status, final[i]);
    }
    struct id batch;
    if (!is_final || !document_id(event->text, SLICE("batch"), &batch)) {
        return;
    }
    /* Whoever sees the batch sees its tasks. */
    struct firing firing = {
        .event = event,
        .seen_kind = RESOURCE_BATCH,
        .seen = &batch,
        .is_judged = true,
        .encode = fire_encode_document,
    };
    fire_aim(audience, &firing, TOPIC_BATCH_TASKS, &batch, (struct slice){0});
    fire(audience, &firing);
    fire_aim(audience, &firing, TOPIC_BATCH_TASK, &batch, id_slice(event->resource));
    fire(audience, &firing);
}

static void encode_nothing(struct buf *out, const struct firing *firing)
{
    (void)out;
    (void)firing;
}

/* For all who were let in: they are told nothing but that there is no more to come. */
static void fire_end(struct audience *audience, const struct event *event)
{
    const struct topic end = fire_end_of(event->resource);
    struct firing firing = {
        .event = event,
        .seen_kind = event->kind,
        .seen = event->resource,
        .is_judged = true,
        .is_last = true,
        .encode = encode_nothing,
    };
    fire_aim(audience, &firing, end.family, &end.resource, topic_name(&end));
    fire(audience, &firing);
}

void fire_document(struct audience *audience, const struct event *event)
{
    switch (event->kind) {
    case RESOURCE_THNG:
        fire_own_topic(audience, event, TOPIC_THNG);
        break;
    case RESOURCE_COLLECTION:
        fire_own_topic(audience, event, TOPIC_COLLECTION);
        break;
    case RESOURCE_ACTION_TYPE:
        if (event->operation == OPERATION_CREATED) {
            fire_type_created(audience, event);
        } else if (event->operation == OPERATION_DELETED) {
            fire_type_deleted(audience, event);
        }
        break;
    case RESOURCE_TASK:
        if (event->operation == OPERATION_UPDATED) {
            fire_task(audience, event);
        }
        break;
    default:
        break;
    }
    if (event->operation == OPERATION_DELETED) {
        fire_end(audience, event);
    }
}

void fire_members(struct audience *audience, const struct event *event)
{
    if (event->member_kind != RESOURCE_THNG || event->count == 0) {
        return;
    }
    struct firing firing = {
        .event = event,
        .seen_kind = RESOURCE_COLLECTION,
        .seen = event->resource,
        .has_scopes = true,
        .is_judged = true,
        .encode = encode_members,
    };
    fire_aim(audience, &firing, TOPIC_COLLECTION_THNGS, event->resource, (struct slice){0});
    fire(audience, &firing);
}
