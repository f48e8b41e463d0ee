/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_identify.h"

#include "base/assert.h"

/* Key and value have at most so much together. */
#define IDENTIFIER_BYTES_MIN 3
#define IDENTIFIER_BYTES_MAX 128

/* Resources with an identifier that are looked at to find the one that a key sees. */
#define IDENTIFIED_MAX 64

struct identify {
    struct rest_read read;
    enum resource_kind kind;
    size_t text_bytes;
    uint8_t text[IDENTIFIER_BYTES_MAX];
};

static bool is_identifier_byte(uint8_t byte)
{
    uint8_t lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
           byte == '_' || byte == ':' || byte == '-';
}

/* The key may have colons, the value not. */
static bool split(struct slice text, struct slice *key, struct slice *value)
{
    size_t colon = 0;
    if (text.bytes < IDENTIFIER_BYTES_MIN || text.bytes > IDENTIFIER_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (!is_identifier_byte(text.at[i])) {
            return false;
        }
        colon = text.at[i] == ':' ? i : colon;
    }
    *key = slice_first(text, colon);
    *value = slice_from(text, colon + (colon > 0));
    return key->bytes > 0 && value->bytes > 0;
}

bool rest_is_identifier(struct slice text)
{
    struct slice key;
    struct slice value;
    return split(text, &key, &value);
}

/* Of those with the identifier, the one that is seen: it may be one that cannot be done to what was
 * asked for. */
static struct err find_among(const struct view *view, enum resource_kind kind, const struct id *ids,
                             uint32_t count, struct id *found)
{
    uint32_t seen = 0;
    struct err judged = ERR(NOT_FOUND);
    for (uint32_t i = 0; i < count; i++) {
        struct document document;
        struct err err = view_find(view, kind, &ids[i], &document);
        if (!err_is_set(err) || err_equal(err, ERR(DENIED))) {
            *found = ids[i];
            judged = err;
            seen++;
        } else if (!err_equal(err, ERR(NOT_FOUND))) {
            return err;
        }
    }
    return seen <= 1 ? judged : ERR(AMBIGUOUS);
}

static struct err identify_run(struct reader *reader, struct rest_read *read)
{
    struct identify *identify = (struct identify *)(void *)read; /* it begins with the read */
    const struct view view = rest_read_view(reader, read);
    struct slice key;
    struct slice value;
    bool is_one = split(slice_of(identify->text, identify->text_bytes), &key, &value);
    ASSERT(is_one);
    struct id ids[IDENTIFIED_MAX];
    uint32_t count;
    TRY(documents_by_identifier(reader->documents, read->actor.account, identify->kind, key, value,
                                ids, IDENTIFIED_MAX, &count));
    return find_among(&view, identify->kind, ids, count, &read->resource);
}

enum rest_step rest_identify(struct http_request *request, enum resource_kind kind,
                             struct slice text,
                             void (*arrived)(struct http_request *request, struct rest_read *read))
{
    struct identify *identify = rest_read_new(request, sizeof(*identify), identify_run);
    if (identify == NULL) {
        return REST_TAKEN;
    }
    ASSERT(text.bytes <= sizeof(identify->text));
    memcpy(identify->text, text.at, text.bytes);
    identify->text_bytes = text.bytes;
    identify->kind = kind;
    identify->read.arrived = arrived;
    if (kind != request->route->kind) {
        identify->read.operation = 0; /* it is only referred to */
    }
    return rest_read_ahead(request, &identify->read);
}
