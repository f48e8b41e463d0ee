/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/id.h"

/* ---------------------------------------------------------------- members without braces */

static bool is_space(uint8_t byte)
{
    return byte <= ' ';
}

/* The JSON <text> without the white space between its tokens: answers are compact, whatever a
 * document came as. */
static void put_compact(struct buf *out, struct slice text)
{
    size_t first = 0; /* of the run that has not been put yet */
    bool is_in_string = false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (is_in_string && byte == '\\') {
            i++;
        } else if (byte == '"') {
            is_in_string = !is_in_string;
        } else if (!is_in_string && is_space(byte)) {
            buf_put_bytes(out, text.at + first, i - first);
            first = i + 1;
        }
    }
    buf_put_bytes(out, text.at + first, text.bytes - first);
}

void document_put_pair(struct buf *out, struct slice name, struct slice value)
{
    buf_put_byte(out, '"');
    buf_put(out, name);
    BUF_PUT_LITERAL(out, "\":");
    put_compact(out, value);
}

void document_put_member(struct buf *members, struct slice name, struct slice value)
{
    if (buf_bytes(members) > 0) {
        buf_put_byte(members, ',');
    }
    document_put_pair(members, name, value);
}

struct json_each document_members_each(struct slice members)
{
    return (struct json_each){.at = members.at,
                              .end = members.bytes ? members.at + members.bytes : members.at};
}

/* They were written by document_put_member: nothing stands behind the last one. */
bool document_members_next(struct json_each *each, struct json_member *member)
{
    return each->at < each->end && json_object_next(each, member);
}

/* The value of a member; empty when there is none. */
static struct slice members_find(struct slice members, struct slice name)
{
    struct json_each each = document_members_each(members);
    struct json_member member;
    while (document_members_next(&each, &member)) {
        if (slice_equal(member.name, name)) {
            return member.value.text;
        }
    }
    return (struct slice){0};
}

/* ---------------------------------------------------------------- writing */

static bool is_null(struct slice value)
{
    return value.at[0] == 'n';
}

void document_create(struct buf *out, const struct id *id, int64_t now_ms, struct slice members)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(id));
    json_write_member_int(out, SLICE("createdAt"), now_ms);
    json_write_member_int(out, SLICE("updatedAt"), now_ms);
    struct json_each each = document_members_each(members);
    struct json_member member;
    while (document_members_next(&each, &member)) {
        if (!is_null(member.value.text)) {
            json_write_member_json(out, member.name, member.value.text);
        }
    }
    json_write_close(out, '}');
}

static struct json_value as_object(struct slice document)
{
    ASSERT(document.bytes >= 2 && document.at[0] == '{');
    return json_object_of(document);
}

/* The name of the kind's hidden member; empty when it has none, as the names that nobody sees. */
static struct slice hidden_name(enum resource_kind kind)
{
    const char *name = kind == RESOURCE_NAME ? NULL : document_kind(kind)->hidden;
    return name ? slice_of_text(name) : (struct slice){0};
}

/* Writes the members of <patch> that <old> does not have; of these only the hidden one, or only the
 * others. */
static void put_new(struct buf *out, struct json_value old, struct slice patch, struct slice hidden,
                    bool wants_hidden)
{
    struct json_each each = document_members_each(patch);
    struct json_member member;
    while (document_members_next(&each, &member)) {
        bool is_new = json_member(old, member.name).type == JSON_NONE;
        bool is_hidden = slice_equal(member.name, hidden);
        if (is_new && is_hidden == wants_hidden && !is_null(member.value.text)) {
            json_write_member_json(out, member.name, member.value.text);
        }
    }
}

void document_merge(struct buf *out, enum resource_kind kind, struct slice document,
                    struct slice patch, int64_t now_ms)
{
    const struct json_value old = as_object(document);
    const struct slice hidden = hidden_name(kind);
    bool has_hidden = false;
    json_write_open(out, '{');
    struct json_each each = json_each(old);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (now_ms != 0 && slice_equal(member.name, SLICE("updatedAt"))) {
            json_write_member_int(out, member.name, now_ms);
            continue;
        }
        if (slice_equal(member.name, hidden)) {
            has_hidden = true; /* and is the last */
            put_new(out, old, patch, hidden, false);
        }
        struct slice value = members_find(patch, member.name);
        if (slice_is_empty(value)) {
            value = member.value.text;
        }
        if (!is_null(value)) {
            json_write_member_json(out, member.name, value);
        }
    }
    if (!has_hidden) {
        put_new(out, old, patch, hidden, false);
        put_new(out, old, patch, hidden, true);
    }
    json_write_close(out, '}');
}

/* ---------------------------------------------------------------- looking into documents */

void document_split(enum resource_kind kind, struct slice document, struct slice *shown,
                    struct slice *hidden)
{
    const struct json_value whole = as_object(document);
    const struct slice name = hidden_name(kind);
    *shown = slice_first(document, document.bytes - 1);
    *hidden = (struct slice){0};
    if (slice_is_empty(name)) {
        return;
    }
    struct json_each each = json_each(whole);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (slice_equal(member.name, name)) {
            /* Before the name stand its quote and, because the id is first, a comma. */
            const uint8_t *comma = member.name.at - 2;
            ASSERT(comma > document.at && *comma == ',');
            *shown = slice_of(document.at, (size_t)(comma - document.at));
            *hidden = member.value.text;
        }
    }
}

struct slice document_text(struct slice document, struct slice name)
{
    struct json_value value = json_member(as_object(document), name);
    return value.type == JSON_STRING ? json_string_raw(value) : (struct slice){0};
}

bool document_id(struct slice document, struct slice name, struct id *id)
{
    return id_parse(document_text(document, name), id);
}
