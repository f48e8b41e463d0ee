/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_query.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "codec/uri.h"
#include "model/property.h"

#include <math.h>

bool rest_query_find(struct slice query, struct slice name, struct slice *value)
{
    struct uri_parameter parameter;
    bool is_found = false;
    while (uri_query_next(&query, &parameter)) {
        if (slice_equal(parameter.name, name)) {
            *value = parameter.value;
            is_found = true;
        }
    }
    return is_found;
}

bool rest_query_is_true(struct slice query, struct slice name)
{
    struct slice value;
    return rest_query_find(query, name, &value) && slice_equal(value, SLICE("true"));
}

/* ---- numbers ---- */

/* Digits only, up to <max>. */
static bool read_number(struct slice text, int64_t max, int64_t *number)
{
    uint64_t read;
    bool is_number = slice_read_decimal(text, (uint64_t)max, &read);
    *number = is_number ? (int64_t)read : 0;
    return is_number;
}

struct err rest_query_time(struct slice query, struct slice name, bool *found, int64_t *time_ms)
{
    struct slice value;
    *found = rest_query_find(query, name, &value);
    if (*found && !read_number(value, TIMESTAMP_MS_MAX, time_ms)) {
        return ERR(QUERY_INVALID);
    }
    return ERR(OK);
}

struct err rest_query_id(struct slice query, struct slice name, bool *found, struct id *id)
{
    struct slice value;
    *found = rest_query_find(query, name, &value) && !slice_is_empty(value);
    return !*found || id_parse(value, id) ? ERR(OK) : ERR(NOT_FOUND);
}

/* A number as JSON has it; *found tells whether the parameter is there. */
static struct err read_decimal(struct slice query, struct slice name, bool *found, double *number)
{
    struct slice text;
    struct json_value value;
    *found = rest_query_find(query, name, &text);
    if (!*found) {
        return ERR(OK);
    }
    bool is_number =
        !err_is_set(json_scan(text, JSON_DEPTH_MAX, &value)) && json_double(value, number);
    return is_number ? ERR(OK) : ERR(QUERY_INVALID);
}

static struct err read_per_page(struct slice query, uint32_t *per_page)
{
    struct slice value;
    int64_t number = REST_PER_PAGE_DEFAULT;
    if (rest_query_find(query, SLICE("perPage"), &value) &&
        (!read_number(value, REST_PER_PAGE_MAX, &number) || number == 0)) {
        return ERR(QUERY_INVALID);
    }
    *per_page = (uint32_t)number;
    return ERR(OK);
}

static struct err read_order(struct slice query, bool *ascending)
{
    struct slice value;
    *ascending = false;
    if (!rest_query_find(query, SLICE("sortOrder"), &value)) {
        return ERR(OK);
    }
    *ascending = slice_equal(value, SLICE("ASCENDING"));
    return *ascending || slice_equal(value, SLICE("DESCENDING")) ? ERR(OK) : ERR(QUERY_INVALID);
}

/* ---- page tokens ---- */

void rest_list_token(struct buf *out, const struct rest_list *list, int64_t created_ms,
                     double distance_km, const struct id *id)
{
    if (list->has_near) {
        json_write_double(out, distance_km); /* reads back as the same number */
        buf_put_byte(out, '_');
    } else {
        buf_put_decimal(out, created_ms);
        buf_put_byte(out, '.');
    }
    buf_put(out, id_slice(id));
}

void rest_list_leading_token(struct buf *out, uint32_t done)
{
    buf_put_decimal(out, done);
    buf_put_byte(out, '.');
}

void rest_history_token(struct buf *out, const struct sample *sample)
{
    buf_put_decimal(out, sample->timestamp_ms);
    buf_put_byte(out, '.');
    buf_put_decimal(out, sample->ordinal);
}

/* Number and rest of a token; *found tells whether there is one. */
static struct err read_token(struct slice query, bool *found, int64_t *time_ms, struct slice *rest)
{
    struct slice token;
    *found = rest_query_find(query, SLICE("nextPageToken"), &token);
    if (!*found) {
        return ERR(OK);
    }
    size_t dot = slice_find(token, '.');
    if (dot == token.bytes || !read_number(slice_first(token, dot), TIMESTAMP_MS_MAX, time_ms)) {
        return ERR(QUERY_INVALID);
    }
    *rest = slice_from(token, dot + 1);
    return ERR(OK);
}

/* ---- filters ----
 *
 *      filter     = condition *( "&" condition )
 *      condition  = field ( "=" / "<" / ">" ) value *( "," value )
 *
 * split as it stands, a backslash taking the meaning from the character behind it; then each field
 * and value is percent-decoded once more (an SDK encodes them twice) and its backslashes go. */

struct condition_text {
    struct slice field;
    uint8_t sign;       /* 0: none */
    struct slice value; /* not decoded; commas may separate alternatives */
};

/* The index of the first byte of <stops> that no backslash stands before. */
static size_t find_unescaped(struct slice text, struct slice stops)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] == '\\') {
            i++;
        } else if (slice_find(stops, text.at[i]) < stops.bytes) {
            return i;
        }
    }
    return text.bytes;
}

static struct slice take_up_to(struct slice *rest, struct slice stops)
{
    size_t end = find_unescaped(*rest, stops);
    struct slice taken = slice_first(*rest, end);
    *rest = slice_from(*rest, end + (end < rest->bytes));
    return taken;
}

/* The next condition; false at the end. */
static bool next_condition(struct slice *rest, struct condition_text *condition)
{
    if (slice_is_empty(*rest)) {
        return false;
    }
    struct slice text = take_up_to(rest, SLICE("&"));
    size_t end = find_unescaped(text, SLICE("=<>"));
    condition->field = slice_first(text, end);
    condition->sign = end < text.bytes ? text.at[end] : 0;
    condition->value = slice_from(text, end + (end < text.bytes));
    return true;
}

/* Decodes the escapes of <text>, in place; a per cent that begins none stands for itself. */
static struct slice decode_escapes(struct slice text, uint8_t *to)
{
    size_t bytes = 0;
    while (!slice_is_empty(text)) {
        struct slice one = slice_first(text, text.at[0] == '%' ? min_size(text.bytes, 3) : 1);
        struct slice decoded;
        if (!uri_decode(one, to + bytes, one.bytes, &decoded)) {
            one = decoded = slice_first(text, 1);
        }
        to[bytes++] = decoded.at[0];
        text = slice_from(text, one.bytes);
    }
    return slice_of(to, bytes);
}

/* Decodes a field or value in place. */
static struct err decode_piece(struct slice raw, struct slice *piece)
{
    uint8_t *to = (uint8_t *)(uintptr_t)raw.at; /* the list's own text */
    struct slice text = decode_escapes(raw, to);
    size_t bytes = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (byte == '\\' && i + 1 < text.bytes) {
            byte = text.at[++i];
        } else if (slice_find(SLICE("!~|()"), byte) < 5) {
            return ERR(QUERY_INVALID); /* reserved; what they would mean nobody says */
        }
        to[bytes++] = byte;
    }
    *piece = slice_of(to, bytes);
    return utf8_is_valid(*piece) ? ERR(OK) : ERR(QUERY_INVALID);
}

/* The decoded text of `filter` behind what is in <text>; empty when there is none. */
static struct err read_filter(struct slice query, uint8_t *to, struct slice *filter)
{
    struct slice value;
    *filter = (struct slice){0};
    if (!rest_query_find(query, SLICE("filter"), &value)) {
        return ERR(OK);
    }
    struct slice decoded;
    if (!uri_decode(value, to, value.bytes, &decoded)) {
        return ERR(QUERY_INVALID);
    }
    if (decoded.bytes > 0) {
        memmove(to, decoded.at, decoded.bytes);
    }
    *filter = slice_of(to, decoded.bytes);
    return ERR(OK);
}

/* ---- lists ---- */

#define OF(kind) (1u << RESOURCE_##kind)
#define WITH_IDENTIFIERS                                                                          \
    (OF(THNG) | OF(PRODUCT) | OF(COLLECTION) | OF(PLACE) | OF(PROJECT) | OF(BATCH) | OF(ACTION) | \
     OF(ACCESS_POLICY) | OF(ACCESS_TOKEN) | OF(OPERATOR))

/* What can be compared, and of which kinds (contract: REST 1.7). */
static const struct {
    struct slice name;
    enum filter_field field;
    unsigned kinds;
} filter_fields[] = {
    {SLICE_INIT("name"), FILTER_NAME,
     OF(THNG) | OF(PRODUCT) | OF(COLLECTION) | OF(PLACE) | OF(PROJECT) | OF(APPLICATION) |
         OF(BATCH) | OF(FILE) | OF(ACTION_TYPE) | OF(ROLE) | OF(ACCESS_POLICY) | OF(ACCESS_TOKEN)},
    {SLICE_INIT("email"), FILTER_NAME, OF(USER)},
    {SLICE_INIT("tags"), FILTER_TAGS, WITH_IDENTIFIERS | OF(FILE) | OF(USER) | OF(ROLE)},
    {SLICE_INIT("product"), FILTER_PRODUCT, OF(THNG) | OF(ACTION)},
    {SLICE_INIT("collections"), FILTER_COLLECTIONS, OF(THNG) | OF(COLLECTION)},
    {SLICE_INIT("createdAt"), FILTER_CREATED_AT, OF(THNG) | OF(BATCH)},
    {SLICE_INIT("project"), FILTER_PARENT, OF(APPLICATION)},
    {SLICE_INIT("batch"), FILTER_PARENT, OF(TASK)},
    {SLICE_INIT("app"), FILTER_PARENT, OF(USER)},
    {SLICE_INIT("status"), FILTER_STATUS, OF(TASK)},
    {SLICE_INIT("type"), FILTER_TYPE, OF(TASK) | OF(ACTION) | OF(ROLE)},
    {SLICE_INIT("thng"), FILTER_THNG, OF(ACTION)},
    {SLICE_INIT("collection"), FILTER_COLLECTION, OF(ACTION)},
    {SLICE_INIT("user"), FILTER_USER, OF(ACTION)},
    {SLICE_INIT("context.city"), FILTER_CITY, OF(ACTION)},
    {SLICE_INIT("context.countryCode"), FILTER_COUNTRY_CODE, OF(ACTION)},
    {SLICE_INIT("timestamp"), FILTER_CREATED_AT, OF(ACTION)},
};

static struct err find_field(enum resource_kind kind, struct slice name,
                             struct filter_condition *condition)
{
    struct slice prefix = SLICE("identifiers.");
    for (size_t i = 0; i < ARRAY_LEN(filter_fields); i++) {
        if ((filter_fields[i].kinds & 1u << kind) && slice_equal(name, filter_fields[i].name)) {
            condition->field = filter_fields[i].field;
            return ERR(OK);
        }
    }
    bool is_identifier = (WITH_IDENTIFIERS & 1u << kind) && name.bytes > prefix.bytes &&
                         slice_starts_with(name, prefix);
    if (!is_identifier) {
        return ERR(QUERY_INVALID);
    }
    condition->field = FILTER_IDENTIFIER;
    condition->key = slice_from(name, prefix.bytes);
    return ERR(OK);
}

static struct err add_value(struct rest_list *list, struct slice raw)
{
    if (list->value_count == DOCUMENTS_VALUES_MAX) {
        return ERR(QUERY_INVALID);
    }
    return decode_piece(raw, &list->values[list->value_count++]);
}

/* Of tags any may be there; for other fields a comma is a character like any other. */
static struct err read_values(struct rest_list *list, struct slice raw,
                              struct filter_condition *condition)
{
    uint32_t first = list->value_count;
    if (condition->field != FILTER_TAGS) {
        TRY(add_value(list, raw));
    } else {
        do {
            TRY(add_value(list, take_up_to(&raw, SLICE(","))));
        } while (!slice_is_empty(raw));
    }
    condition->values = &list->values[first];
    condition->value_count = list->value_count - first;
    return ERR(OK);
}

static struct err new_condition(struct rest_list *list, struct filter_condition **condition)
{
    if (list->condition_count == DOCUMENTS_CONDITIONS_MAX) {
        return ERR(QUERY_INVALID);
    }
    *condition = &list->conditions[list->condition_count++];
    **condition = (struct filter_condition){.compare = FILTER_EQUAL};
    return ERR(OK);
}

struct err rest_list_add(struct rest_list *list, enum filter_field field, struct slice value)
{
    struct filter_condition *condition;
    if (list->value_count == DOCUMENTS_VALUES_MAX) {
        return ERR(QUERY_INVALID);
    }
    TRY(new_condition(list, &condition));
    condition->field = field;
    condition->values = &list->values[list->value_count];
    condition->value_count = 1;
    list->values[list->value_count++] = value;
    return ERR(OK);
}

static struct err read_condition(struct rest_list *list, const struct condition_text *text)
{
    struct slice name;
    struct filter_condition *condition;
    TRY(new_condition(list, &condition));
    TRY(decode_piece(text->field, &name));
    TRY(find_field(list->kind, name, condition));
    if (condition->field != FILTER_CREATED_AT) {
        return text->sign == '=' ? read_values(list, text->value, condition) : ERR(QUERY_INVALID);
    }
    struct slice value;
    TRY(decode_piece(text->value, &value));
    condition->compare = text->sign == '<' ? FILTER_LESS : FILTER_GREATER;
    bool is_ordered = text->sign == '<' || text->sign == '>';
    bool is_valid = is_ordered && read_number(value, TIMESTAMP_MS_MAX, &condition->number);
    return is_valid ? ERR(OK) : ERR(QUERY_INVALID);
}

/* At most 100; what can be no id selects nothing and is passed over. */
static struct err read_ids(struct slice query, uint8_t *to, struct rest_list *list)
{
    struct slice value;
    if (!rest_query_find(query, SLICE("ids"), &value)) {
        return ERR(OK);
    }
    struct slice rest;
    list->has_ids = true;
    if (!uri_decode(value, to, value.bytes, &rest)) {
        return ERR(QUERY_INVALID);
    }
    uint32_t count = 0;
    while (!slice_is_empty(rest)) {
        struct slice text = take_up_to(&rest, SLICE(","));
        if (++count > DOCUMENTS_IDS_MAX) {
            return ERR(QUERY_INVALID);
        }
        if (id_parse(text, &list->ids[list->id_count])) {
            list->id_count++;
        }
    }
    return ERR(OK);
}

/* Where the page begins, in a list by creation: <time>.<id>; or <count>. among what leads. */
static struct err read_token_of_list(struct slice query, struct rest_list *list)
{
    struct slice rest;
    int64_t number;
    TRY(read_token(query, &list->has_after, &number, &rest));
    if (!list->has_after) {
        return ERR(OK);
    }
    bool may_lead = list->kind == RESOURCE_ACTION_TYPE || list->kind == RESOURCE_ROLE;
    if (slice_is_empty(rest) && may_lead && number <= UINT16_MAX) {
        list->leading_done = (uint32_t)number;
        list->has_after = false;
        return ERR(OK);
    }
    list->after_created_ms = number;
    return id_parse(rest, &list->after_id) ? ERR(OK) : ERR(QUERY_INVALID);
}

/* The same in a list by distance: <distance>_<id>. */
static struct err read_token_of_near(struct slice query, struct rest_list *list)
{
    struct slice token;
    struct json_value value;
    struct documents_near *near = &list->near;
    if (!rest_query_find(query, SLICE("nextPageToken"), &token)) {
        return ERR(OK);
    }
    size_t end = slice_find(token, '_');
    near->has_after = end < token.bytes &&
                      !err_is_set(json_scan(slice_first(token, end), JSON_DEPTH_MAX, &value)) &&
                      json_double(value, &near->after_distance_km) &&
                      id_parse(slice_from(token, end + 1), &list->after_id);
    return near->has_after ? ERR(OK) : ERR(QUERY_INVALID);
}

/* Places by their distance (contract: REST 8). */
static struct err read_near(struct slice query, struct rest_list *list)
{
    struct documents_near *near = &list->near;
    bool has_latitude;
    bool has_longitude;
    bool has_distance;
    if (list->kind != RESOURCE_PLACE) {
        return ERR(OK);
    }
    near->distance_km_max = INFINITY;
    TRY(read_decimal(query, SLICE("lat"), &has_latitude, &near->latitude));
    TRY(read_decimal(query, SLICE("lon"), &has_longitude, &near->longitude));
    TRY(read_decimal(query, SLICE("maxDist"), &has_distance, &near->distance_km_max));
    list->has_near = has_latitude && has_longitude;
    bool is_whole = has_latitude == has_longitude && (list->has_near || !has_distance);
    bool is_on_earth = fabs(near->latitude) <= 90 && fabs(near->longitude) <= 180;
    return is_whole && is_on_earth && near->distance_km_max >= 0 ? ERR(OK) : ERR(QUERY_INVALID);
}

static struct err read_place(struct slice query, struct rest_list *list)
{
    struct slice value;
    int64_t page = 1;
    TRY(read_near(query, list));
    TRY(list->has_near ? read_token_of_near(query, list) : read_token_of_list(query, list));
    if (rest_query_find(query, SLICE("page"), &value) &&
        (!read_number(value, REST_PAGE_MAX, &page) || page == 0)) {
        return ERR(QUERY_INVALID);
    }
    /* A token is the better place. */
    bool has_token = list->has_after || list->near.has_after || list->leading_done > 0;
    list->skip = has_token ? 0 : (uint32_t)(page - 1) * list->per_page;
    return ERR(OK);
}

/* The span of a list of actions; both ends belong to it (contract: REST 3.2). */
static struct err read_bounds(struct slice query, struct rest_list *list)
{
    struct slice value;
    struct filter_condition *condition;
    bool found = false;
    int64_t time_ms;
    list->is_latest =
        rest_query_find(query, SLICE("from"), &value) && slice_equal(value, SLICE("latest"));
    if (!list->is_latest) {
        TRY(rest_query_time(query, SLICE("from"), &found, &time_ms));
    }
    if (found) {
        TRY(new_condition(list, &condition));
        condition->field = FILTER_CREATED_AT;
        condition->compare = FILTER_GREATER;
        condition->number = time_ms - 1;
    }
    TRY(rest_query_time(query, SLICE("to"), &found, &time_ms));
    if (found) {
        TRY(new_condition(list, &condition));
        condition->field = FILTER_CREATED_AT;
        condition->compare = FILTER_LESS;
        condition->number = time_ms + 1;
    }
    return ERR(OK);
}

static struct err read_of_actions(struct slice query, struct rest_list *list)
{
    if (list->kind != RESOURCE_ACTION) {
        return ERR(OK);
    }
    TRY(read_bounds(query, list));
    if (list->is_latest) {
        list->per_page = 1;
        list->ascending = false;
    }
    return ERR(OK);
}

struct err rest_list_read(struct slice query, enum resource_kind kind, struct rest_list *list)
{
    struct slice filter;
    struct condition_text condition;
    list->kind = kind;
    TRY(read_per_page(query, &list->per_page));
    TRY(read_order(query, &list->ascending));
    TRY(read_place(query, list));
    TRY(read_of_actions(query, list));
    list->with_count = rest_query_is_true(query, SLICE("withTotalCount"));
    TRY(buf_reserve(&list->text, 2 * query.bytes + 1));
    TRY(read_ids(query, list->text.at, list));
    TRY(read_filter(query, list->text.at + query.bytes, &filter));
    while (next_condition(&filter, &condition)) {
        TRY(read_condition(list, &condition));
    }
    return ERR(OK);
}

void rest_list_deinit(struct rest_list *list)
{
    buf_deinit(&list->text);
}

struct documents_query rest_list_query(const struct rest_list *list, uint32_t account)
{
    return (struct documents_query){
        .account = account,
        .kind = list->kind,
        .near = list->has_near ? &list->near : NULL,
        .ascending = list->ascending,
        .has_after = list->has_after,
        .after_created_ms = list->after_created_ms,
        .after_id = list->after_id,
        .skip = list->skip,
        .limit = list->per_page,
        .ids = list->ids,
        .id_count = list->id_count,
        .conditions = list->conditions,
        .condition_count = list->condition_count,
    };
}

/* ---- histories ---- */

/* Only the timestamp can be compared; each condition narrows the span. */
static struct err narrow(struct slice filter, struct history_query *history)
{
    struct condition_text condition;
    while (next_condition(&filter, &condition)) {
        struct slice name;
        struct slice value;
        int64_t number;
        TRY(decode_piece(condition.field, &name));
        TRY(decode_piece(condition.value, &value));
        if (!slice_equal(name, SLICE("timestamp")) ||
            !read_number(value, TIMESTAMP_MS_MAX, &number)) {
            return ERR(QUERY_INVALID);
        }
        if (condition.sign == '>') {
            history->from_ms = max_i64(history->from_ms, number + 1);
        } else if (condition.sign == '<') {
            history->to_ms = number - 1 < history->to_ms ? number - 1 : history->to_ms;
        } else {
            return ERR(QUERY_INVALID);
        }
    }
    return ERR(OK);
}

static struct err read_filter_of_history(struct slice query, struct history_query *history)
{
    struct buf text = {0};
    struct slice filter;
    TRY(buf_reserve(&text, query.bytes + 1));
    struct err err = read_filter(query, text.at, &filter);
    if (!err_is_set(err)) {
        err = narrow(filter, history);
    }
    buf_deinit(&text);
    return err;
}

static struct err read_span(struct slice query, struct history_query *history, bool *is_latest)
{
    struct slice value;
    bool found;
    history->from_ms = 0;
    history->to_ms = INT64_MAX;
    *is_latest =
        rest_query_find(query, SLICE("from"), &value) && slice_equal(value, SLICE("latest"));
    if (!*is_latest) {
        TRY(rest_query_time(query, SLICE("from"), &found, &history->from_ms));
    }
    return rest_query_time(query, SLICE("to"), &found, &history->to_ms);
}

struct err rest_history_read_query(struct slice query, struct history_query *history,
                                   bool *is_latest)
{
    struct slice rest;
    int64_t ordinal;
    *history = (struct history_query){0};
    TRY(read_per_page(query, &history->limit));
    TRY(read_order(query, &history->ascending));
    TRY(read_span(query, history, is_latest));
    TRY(read_token(query, &history->has_after, &history->after.timestamp_ms, &rest));
    if (history->has_after) {
        if (!read_number(rest, UINT32_MAX, &ordinal)) {
            return ERR(QUERY_INVALID);
        }
        history->after.ordinal = (uint32_t)ordinal;
    }
    return read_filter_of_history(query, history);
}
