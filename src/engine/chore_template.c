/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chore_template.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/document.h"
#include "model/location.h"
#include "model/property.h"

/* Room for the names in the text of a location; its numbers are written twice. */
#define LOCATION_TEXT_EXTRA 256

void chore_template_deinit(struct chore_template *template)
{
    buf_deinit(&template->members);
    buf_deinit(&template->texts);
    buf_deinit(&template->points);
}

/* ---- first values ---- */

static void put_point(struct chore_template *template, const struct command_point *point)
{
    buf_put_bytes(&template->points, point, sizeof(*point));
}

/* Keys are brought into normal form in template->texts, which has room for all. */
static struct err read_properties(struct chore_template *template, struct json_value properties)
{
    struct json_each each = json_each(properties);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        uint8_t *to = template->texts.at + template->texts.tail;
        struct slice key = slice_of(to, json_raw_decode(member.name, to));
        TRY(property_key_normalise(key, to, &key));
        template->texts.tail += key.bytes;
        if (member.value.type == JSON_NULL) {
            return ERR(PROPERTY_VALUE_MISSING);
        }
        put_point(template, &(struct command_point){
                                .key = key,
                                .value = member.value.text,
                                .timestamp_ms = TIMESTAMP_NONE,
                            });
    }
    return ERR(OK);
}

static struct err read_location(struct chore_template *template, struct json_value value)
{
    struct location location;
    TRY(location_read(value, &location));
    struct buf text = {0};
    location_write_text(&text, &location);
    struct command_point point = {.timestamp_ms = TIMESTAMP_NONE};
    if (!location_has_coordinates(&location)) {
        point.place = location.place;
    }
    point.value = slice_of(template->texts.at + template->texts.tail, buf_bytes(&text));
    bool has_room = template->texts.room - template->texts.tail >= buf_bytes(&text);
    if (!text.failed && has_room) {
        buf_put(&template->texts, buf_data(&text));
        put_point(template, &point);
        template->has_location = true;
    }
    buf_deinit(&text);
    return template->has_location ? ERR(OK) : ERR(NO_MEMORY);
}

/* ---- documents ---- */

static struct err read_members(struct chore_template *template, struct json_value object)
{
    struct json_each each = json_each(object);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        struct json_value value = member.value;
        if (slice_equal(member.name, SLICE("scopes"))) {
            template->scopes = value.text;
        } else if (slice_equal(member.name, SLICE("identifiers"))) {
            template->identifiers = value.text;
        } else if (slice_equal(member.name, SLICE("product"))) {
            bool is_id = id_parse(json_string_raw(value), &template->product);
            ASSERT(is_id); /* it was checked with the task */
        } else if (slice_equal(member.name, SLICE("properties"))) {
            TRY(read_properties(template, value));
        } else if (!slice_equal(member.name, SLICE("location"))) {
            document_put_member(&template->members, member.name, value.text);
        }
    }
    return ERR(OK);
}

struct err chore_template_read(struct chore_template *template, struct json_value object)
{
    struct json_value location = json_member(object, SLICE("location"));
    *template = (struct chore_template){0};
    /* Slices of the texts are kept: they must not move. */
    TRY(buf_reserve(&template->texts,
                    object.text.bytes + 2 * location.text.bytes + LOCATION_TEXT_EXTRA));
    TRY(read_members(template, object));
    if (location.type != JSON_NONE) {
        TRY(read_location(template, location));
    }
    bool has_failed = template->members.failed || template->points.failed;
    return has_failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* <name> is as between the quotes. */
static void put_raw(struct buf *out, struct slice name, struct slice value)
{
    json_write_comma(out);
    buf_put_byte(out, '"');
    buf_put(out, name);
    BUF_PUT_LITERAL(out, "\":");
    buf_put(out, value);
}

void chore_template_put_identifiers(const struct chore_template *template, struct slice key,
                                    struct slice value, struct buf *out)
{
    json_write_open(out, '{');
    if (!slice_is_empty(template->identifiers)) {
        const struct json_value object = json_object_of(template->identifiers);
        struct json_each each = json_each(object);
        struct json_member member;
        while (json_object_next(&each, &member)) {
            if (json_raw_compare(member.name, key) != 0) {
                put_raw(out, member.name, member.value.text);
            }
        }
    }
    put_raw(out, key, value);
    json_write_close(out, '}');
}
