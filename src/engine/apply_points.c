/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples: new ones, and the deletion of old ones. */
#include "engine/apply.h"

#include "base/assert.h"
#include "model/location.h"

uint32_t engine_property_number(struct engine *engine, struct head *head, struct slice key,
                                bool *is_new)
{
    struct head_property *property = head_property_find(head, key, engine->heads.seed);
    *is_new = property == NULL;
    if (property != NULL) {
        return property->number;
    }
    uint32_t number = engine->last_property + 1;
    if (err_is_set(head_property_add(head, key, number, engine->heads.seed))) {
        return 0;
    }
    engine->last_property = number;
    return number;
}

/* ---- locations by place ---- */

enum head_found engine_place_location(struct engine *engine, struct command *command,
                                      const struct id *place, struct slice members,
                                      struct slice *value)
{
    struct head *head;
    bool is_by_place = !location_text_has_coordinates(members);
    bool wants_gist = is_by_place && engine_wants_gist(engine, place);
    enum head_found found =
        engine_find(engine, command, RESOURCE_PLACE, place, NULL, wants_gist, &head);
    if (found != HEAD_SEEN) {
        return found;
    }
    struct buf *out = &engine->scratch_value;
    size_t start = buf_bytes(out);
    struct err err = is_by_place ? head_learn_gist(head) : ERR(OK);
    if (is_by_place && head->gist != NULL) {
        buf_put(out, head_gist(head));
        buf_put_byte(out, ',');
    }
    buf_put(out, members);
    if (out->failed || err_is_set(err)) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return HEAD_LATER;
    }
    *value = slice_from(buf_data(out), start);
    return HEAD_SEEN;
}

static bool names_place(const struct command_point *points, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (id_is_set(&points[i].place)) {
            return true;
        }
    }
    return false;
}

/* False: the command waits until some of the places have been loaded. */
static bool load_places(struct engine *engine, struct command *command,
                        const struct command_point *points, uint32_t count)
{
    struct ahead ahead = {0};
    for (uint32_t i = 0; i < count && count > 1; i++) {
        if (id_is_set(&points[i].place) &&
            !engine_load_ahead(engine, &points[i].place, true, &ahead)) {
            break;
        }
    }
    return !engine_wait_ahead(engine, command, &ahead);
}

/* Now that the values stay where they are: they lie one behind the other. */
static void point_at_values(const struct engine *engine, struct command_point *points,
                            uint32_t count)
{
    struct slice values = buf_data(&engine->scratch_value);
    for (uint32_t i = 0; i < count; i++) {
        if (id_is_set(&points[i].place)) {
            points[i].value.at = values.at;
            values = slice_from(values, points[i].value.bytes);
        }
    }
}

enum head_found engine_place_points(struct engine *engine, struct command *command,
                                    const struct command_point **points, uint32_t count)
{
    if (!names_place(*points, count)) {
        return HEAD_SEEN;
    }
    if (!load_places(engine, command, *points, count)) {
        return HEAD_LATER;
    }
    struct buf *copy = &engine->scratch_points;
    buf_reset(copy);
    buf_reset(&engine->scratch_value);
    for (uint32_t i = 0; i < count; i++) {
        struct command_point point = (*points)[i];
        enum head_found found = HEAD_SEEN;
        if (id_is_set(&point.place)) {
            found = engine_place_location(engine, command, &point.place, point.value, &point.value);
        }
        if (found != HEAD_SEEN) {
            return found;
        }
        buf_put_bytes(copy, &point, sizeof(point));
    }
    if (copy->failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return HEAD_LATER;
    }
    point_at_values(engine, (struct command_point *)copy->at, count);
    *points = (const struct command_point *)copy->at;
    return HEAD_SEEN;
}

/* ---- new samples ---- */

static struct err put_point(struct engine *engine, struct head *head,
                            const struct command_point *from, int64_t now_ms)
{
    bool is_new;
    uint32_t number = engine_property_number(engine, head, from->key, &is_new);
    if (number == 0) {
        return ERR(NO_MEMORY);
    }
    if (is_new && head_property_count(head) > engine->options.properties_per_resource_max) {
        return ERR(PROPERTIES_TOO_MANY);
    }
    struct point point = {
        .flags = (uint8_t)((from->client_stamped ? POINT_CLIENT_STAMPED : 0) |
                           (is_new ? POINT_NEW_PROPERTY : 0)),
        .property = number,
        .key = from->key,
        .timestamp_ms = from->client_stamped ? from->timestamp_ms : now_ms,
        .value = from->value,
    };
    buf_put_bytes(&engine->scratch_entries, &point, sizeof(point));
    return engine->scratch_entries.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* Takes back the numbers given out since <last_property>: no event will tell of them. */
static void forget_numbers_since(struct engine *engine, struct head *head, uint32_t last_property)
{
    for (uint32_t i = head_property_count(head); i-- > 0;) {
        if (head->properties->at[i].number > last_property) {
            head_property_remove(head, &head->properties->at[i]);
        }
    }
    engine->last_property = last_property;
}

struct err write_points(struct engine *engine, struct head *head,
                        const struct command_point *points, uint32_t count, uint8_t flags,
                        uint64_t *event)
{
    struct group_writer *writer = engine_group(engine);
    uint32_t last_property = engine->last_property;
    buf_reset(&engine->scratch_entries);
    for (uint32_t i = 0; i < count; i++) {
        struct err err = put_point(engine, head, &points[i], writer->time_ms);
        if (err_is_set(err)) {
            forget_numbers_since(engine, head, last_property);
            return err;
        }
    }
    const struct point *entries = (const struct point *)engine->scratch_entries.at;
    *event = group_write_points(writer, head->account, head->kind, &head->id, head_scopes(head),
                                flags, entries, count);
    engine_wrote(engine, *event);
    if (engine->last_property > last_property) {
        head->changed = *event;
    }
    return ERR(OK);
}

static enum perm_subject subject_of(const struct command *command, bool location)
{
    if (location) {
        return PERM_LOCATION;
    }
    return command->target_kind == RESOURCE_PRODUCT ? PERM_PRODUCT_PROPERTIES : PERM_PROPERTIES;
}

void apply_points(struct engine *engine, struct command *command)
{
    enum perm_subject subject = subject_of(command, command->as.points.location);
    struct head *head = engine_permitted_head(engine, command, subject, PERM_UPDATE, false);
    if (head == NULL) {
        return;
    }
    const struct command_point *points = command->as.points.at;
    uint32_t count = command->as.points.count;
    enum head_found found = engine_place_points(engine, command, &points, count);
    if (found == HEAD_LATER) {
        return;
    }
    uint64_t event = 0;
    struct err err = found == HEAD_SEEN ? ERR(OK) : ERR(REFERENCE_UNKNOWN);
    if (!err_is_set(err) && count > 0) {
        err = write_points(engine, head, points, count, 0, &event);
    }
    engine_answer(engine, command, err, event);
}

/* ---- cuts ---- */

static void put_cut(struct engine *engine, const struct command *command,
                    const struct head_property *property)
{
    bool everything = command->as.cut.everything;
    /* The location is always there to be written to again: its number is retired like any other,
     * the next entry gets a new one. */
    struct cut cut = {
        .flags = everything ? CUT_RETIRE : 0,
        .property = property->number,
        .key = slice_of(property->key, property->key_bytes),
        .from_ms = everything ? 0 : command->as.cut.from_ms,
        .to_ms = everything ? INT64_MAX : command->as.cut.to_ms,
    };
    buf_put_bytes(&engine->scratch_entries, &cut, sizeof(cut));
}

static bool is_selected(const struct command *command, const struct head_property *property)
{
    bool is_location = property->key_bytes == 0;
    if (command->as.cut.location || is_location) {
        return command->as.cut.location && is_location;
    }
    return command->as.cut.all ||
           slice_equal(slice_of(property->key, property->key_bytes), command->as.cut.key);
}

/* Writes the cuts gathered in scratch_entries; 0 when there are none. */
static uint64_t write_cuts(struct engine *engine, struct head *head)
{
    uint32_t count = (uint32_t)(buf_bytes(&engine->scratch_entries) / sizeof(struct cut));
    if (count == 0) {
        return 0;
    }
    const struct cut *cuts = (const struct cut *)engine->scratch_entries.at;
    uint64_t event =
        group_write_cuts(engine_group(engine), head->account, head->kind, &head->id, cuts, count);
    engine_wrote(engine, event);
    for (uint32_t i = 0; i < count; i++) {
        if (cuts[i].flags & CUT_RETIRE) {
            struct slice key = cuts[i].key;
            struct head_property *property = head_property_find(head, key, engine->heads.seed);
            ASSERT(property != NULL);
            head_property_remove(head, property);
            head->changed = event;
        }
    }
    return event;
}

void apply_cut(struct engine *engine, struct command *command)
{
    enum perm_subject subject = subject_of(command, command->as.cut.location);
    struct head *head = engine_permitted_head(engine, command, subject, PERM_DELETE, false);
    if (head == NULL) {
        return;
    }
    buf_reset(&engine->scratch_entries);
    for (uint32_t i = 0; i < head_property_count(head); i++) {
        if (is_selected(command, &head->properties->at[i])) {
            put_cut(engine, command, &head->properties->at[i]);
        }
    }
    if (engine->scratch_entries.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    engine_answer(engine, command, ERR(OK), write_cuts(engine, head));
}

void write_all_cut(struct engine *engine, struct head *head)
{
    const struct command whole = {.as.cut = {.all = true, .everything = true}};
    buf_reset(&engine->scratch_entries);
    for (uint32_t i = 0; i < head_property_count(head); i++) {
        put_cut(engine, &whole, &head->properties->at[i]);
    }
    write_cuts(engine, head);
}
