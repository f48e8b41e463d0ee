/* SPDX-License-Identifier: Apache-2.0
 *
 * http1_read.c - request heads.
 *
 * Two passes. The scan looks for line feeds only (memchr), remembers how far it came, and finds the
 * end of the head or a limit that trips first; it is the only part that runs again when more bytes
 * come. The parse then reads the whole head once. The request line is judged early, so that a wrong
 * version or a binary protocol is answered before its sender has gone silent; and it is judged
 * before anything behind it, so that the answer does not depend on how the bytes were cut. */
#include "codec/http1.h"

#include "base/assert.h"

#define VERSION_BYTES 8 /* "HTTP/1.1" */

/* Field values, eight bytes at a time. The arithmetic finds every byte below 0x20 and every 0x7f;
 * it may see one too many behind a true one, and then, as for a tab, the table decides. */
static bool http1_value_is_valid(struct slice value)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t tops = 0x8080808080808080u;
    while (value.bytes >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, value.at, sizeof(word));
        uint64_t deletes = word ^ (ones * 0x7f);
        uint64_t below = (word - ones * 0x20) & ~word;
        if ((((deletes - ones) & ~deletes) | below) & tops &&
            !http1_is_all(slice_first(value, sizeof(word)), HTTP1_IS_VALUE)) {
            return false;
        }
        value = slice_from(value, sizeof(word));
    }
    return http1_is_all(value, HTTP1_IS_VALUE);
}

/* ---- the request line ---- */

static enum http1_method http1_method_of(struct slice name)
{
    for (enum http1_method method = HTTP1_GET; method <= HTTP1_PATCH; method++) {
        if (slice_equal(name, http1_method_name(method))) {
            return method;
        }
    }
    return HTTP1_UNKNOWN;
}

static bool http1_is_digits(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return true;
}

/* uri-host [ ":" port ] (RFC 9110 4.2, RFC 3986 3.2.2). Empty is valid: a client whose URI has no
 * authority sends an empty Host (RFC 9110 7.2). No user information. */
static bool http1_host_is_valid(struct slice host, bool needs_port)
{
    size_t name_bytes = slice_find(host, ':');
    if (host.bytes > 0 && host.at[0] == '[') {
        /* An address in brackets: hex digits, colons, a dotted tail. */
        name_bytes = slice_find(host, ']');
        if (name_bytes < 3 || name_bytes == host.bytes) {
            return false;
        }
        for (size_t i = 1; i < name_bytes; i++) {
            uint8_t byte = ascii_lower(host.at[i]);
            bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            if (!is_hex && byte != ':' && byte != '.') {
                return false;
            }
        }
        name_bytes++;
    } else if (!http1_is_all(slice_first(host, name_bytes), HTTP1_IS_HOST)) {
        return false;
    }
    if (name_bytes == host.bytes) {
        return !needs_port;
    }
    struct slice port = slice_from(host, name_bytes + 1);
    bool has_name = name_bytes > 0;
    return has_name && host.at[name_bytes] == ':' && port.bytes <= 5 && http1_is_digits(port) &&
           (!needs_port || port.bytes > 0);
}

/* "http://host/path?query" (RFC 9112 3.2.2): splits off scheme and host. */
static bool http1_read_absolute(struct http1_head *head)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (head->target.bytes <= schemes[i].bytes ||
            !slice_equal_nocase(slice_first(head->target, schemes[i].bytes), schemes[i])) {
            continue;
        }
        struct slice rest = slice_from(head->target, schemes[i].bytes);
        size_t host_bytes = min_size(slice_find(rest, '/'), slice_find(rest, '?'));
        head->host = slice_first(rest, host_bytes);
        head->resource = host_bytes < rest.bytes ? slice_from(rest, host_bytes) : SLICE("/");
        return host_bytes > 0 && http1_host_is_valid(head->host, false);
    }
    return false;
}

/* The four forms of a target, RFC 9112 3.2. */
static bool http1_read_target(struct http1_head *head)
{
    head->host = (struct slice){0};
    head->resource = head->target;
    if (!http1_is_all(head->target, HTTP1_IS_TARGET)) {
        return false;
    }
    if (slice_equal(head->method_name, SLICE("CONNECT"))) {
        head->resource = (struct slice){0};
        return http1_host_is_valid(head->target, true);
    }
    if (head->target.at[0] == '/') {
        return true;
    }
    if (slice_equal(head->target, SLICE("*"))) {
        return head->method == HTTP1_OPTIONS;
    }
    return http1_read_absolute(head);
}

/* "HTTP/1.1": the name has a case (RFC 9112 2.3). */
static struct err http1_read_version(struct slice text, uint8_t *minor)
{
    if (text.bytes != VERSION_BYTES || !slice_starts_with(text, SLICE("HTTP/")) ||
        text.at[6] != '.' || !http1_is_digits(slice_of(text.at + 5, 1)) ||
        !http1_is_digits(slice_of(text.at + 7, 1))) {
        return ERR(HTTP_MALFORMED);
    }
    if (text.at[5] != '1' || text.at[7] > '1') {
        return ERR(HTTP_VERSION);
    }
    *minor = (uint8_t)(text.at[7] - '0');
    return ERR(OK);
}

/* Reads a <line> without its CRLF: method SP target SP version. Exactly one space each. */
static struct err http1_read_request_line(struct slice line, const struct http1_limits *limits,
                                          struct http1_head *head)
{
    size_t method_bytes = slice_find(line, ' ');
    head->method_name = slice_first(line, method_bytes);
    if (method_bytes == 0 || method_bytes > HTTP1_METHOD_BYTES_MAX || method_bytes == line.bytes ||
        !http1_is_all(head->method_name, HTTP1_IS_TOKEN)) {
        return ERR(HTTP_MALFORMED);
    }
    head->method = http1_method_of(head->method_name);

    struct slice rest = slice_from(line, method_bytes + 1);
    size_t target_bytes = slice_find(rest, ' ');
    head->target = slice_first(rest, target_bytes);
    if (target_bytes > limits->target_bytes_max) {
        return ERR(TARGET_TOO_LONG);
    }
    if (target_bytes == 0 || target_bytes == rest.bytes) {
        return ERR(HTTP_MALFORMED);
    }
    /* The version goes first: an HTTP/2 preface is "PRI * HTTP/2.0", whose target has no sense
     * here. */
    TRY(http1_read_version(slice_from(rest, target_bytes + 1), &head->version_minor));
    return http1_read_target(head) ? ERR(OK) : ERR(HTTP_MALFORMED);
}

/* Judges a request line that has not ended yet by what no continuation can mend. */
static struct err http1_judge_partial_line(struct slice line, const struct http1_limits *limits)
{
    /* A CR that is the last byte so far may be the line's end. */
    if (line.bytes > 0 && line.at[line.bytes - 1] == '\r') {
        line.bytes--;
    }
    struct slice start = slice_first(line, min_size(line.bytes, HTTP1_METHOD_BYTES_MAX + 1));
    size_t method_bytes = slice_find(start, ' ');
    if (!http1_is_all(slice_first(start, method_bytes), HTTP1_IS_TOKEN) ||
        method_bytes > HTTP1_METHOD_BYTES_MAX || (line.bytes > 0 && method_bytes == 0)) {
        return ERR(HTTP_MALFORMED);
    }
    if (line.bytes <= method_bytes + 1 + limits->target_bytes_max) {
        return ERR(OK);
    }
    size_t target_bytes = slice_find(slice_from(line, method_bytes + 1), ' ');
    if (target_bytes > limits->target_bytes_max) {
        return ERR(TARGET_TOO_LONG);
    }
    size_t version_bytes = line.bytes - min_size(line.bytes, method_bytes + target_bytes + 2);
    return version_bytes > VERSION_BYTES + 1 ? ERR(HTTP_MALFORMED) : ERR(OK);
}

/* ---- the fields ---- */

/* What is gathered from the fields while they are read, and judged when all are there. */
struct http1_facts {
    unsigned host_count;
    unsigned length_count;
    unsigned coding_count;
    bool coding_is_chunked;
    bool says_close;
    bool says_upgrade;
    bool offers_websocket;
    bool expects_continue;
    struct slice host;
    struct slice length;
};

/* A list has <wanted> among its elements, whose case does not count. */
static bool http1_list_has(struct slice list, struct slice wanted)
{
    struct slice element;
    while (http1_list_next(&list, &element)) {
        if (slice_equal_nocase(element, wanted)) {
            return true;
        }
    }
    return false;
}

/* Takes note of a field that says how the message is framed or routed. Told apart by length first:
 * most fields are none of these. */
static void http1_note_field(const struct http1_field *field, struct http1_facts *facts)
{
    struct slice name = field->name;
    struct slice value = field->value;
    switch (name.bytes) {
    case 4:
        if (slice_equal_nocase(name, SLICE("host"))) {
            facts->host_count++;
            facts->host = value;
        }
        break;
    case 6:
        if (slice_equal_nocase(name, SLICE("expect"))) {
            facts->expects_continue |= http1_list_has(value, SLICE("100-continue"));
        }
        break;
    case 7:
        if (slice_equal_nocase(name, SLICE("upgrade"))) {
            facts->offers_websocket |= http1_list_has(value, SLICE("websocket"));
        }
        break;
    case 10:
        if (slice_equal_nocase(name, SLICE("connection"))) {
            facts->says_close |= http1_list_has(value, SLICE("close"));
            facts->says_upgrade |= http1_list_has(value, SLICE("upgrade"));
        }
        break;
    case 14:
        if (slice_equal_nocase(name, SLICE("content-length"))) {
            facts->length_count++;
            facts->length = value;
        }
        break;
    case 17:
        if (slice_equal_nocase(name, SLICE("transfer-encoding"))) {
            facts->coding_count++;
            facts->coding_is_chunked = slice_equal_nocase(value, SLICE("chunked"));
        }
        break;
    default:
        break;
    }
}

/* Reads a <line> without its CRLF: name ":" OWS value OWS (RFC 9112 5). The name must touch the
 * colon, and a line that starts with white space would be a folded one (5.2): both end here, since
 * white space is no token. */
static bool http1_read_field(struct slice line, struct http1_field *field)
{
    size_t name_bytes = 0;
    while (name_bytes < line.bytes && http1_classes[line.at[name_bytes]] & HTTP1_IS_TOKEN) {
        name_bytes++;
    }
    if (name_bytes == 0 || name_bytes == line.bytes || line.at[name_bytes] != ':') {
        return false;
    }
    field->name = slice_first(line, name_bytes);
    field->value = http1_trim(slice_from(line, name_bytes + 1));
    return http1_value_is_valid(field->value);
}

/* Content-Length: digits only, no sign, no list. Beyond 18 digits it is beyond any limit. */
static struct err http1_read_length(struct slice text, uint64_t *length)
{
    if (text.bytes == 0 || !http1_is_digits(text)) {
        return ERR(HTTP_MALFORMED);
    }
    while (text.bytes > 1 && text.at[0] == '0') {
        text = slice_from(text, 1);
    }
    *length = 0;
    if (text.bytes > 18) {
        *length = UINT64_MAX;
        return ERR(OK);
    }
    for (size_t i = 0; i < text.bytes; i++) {
        *length = *length * 10 + (uint64_t)(text.at[i] - '0');
    }
    return ERR(OK);
}

static struct err http1_apply_facts(const struct http1_facts *facts,
                                    const struct http1_limits *limits, struct http1_head *head)
{
    bool is_11 = head->version_minor == 1;
    /* RFC 9112 3.2: one Host in every 1.1 request, and never two. */
    if (facts->host_count > 1 || (is_11 && facts->host_count == 0) ||
        !http1_host_is_valid(facts->host, false)) {
        return ERR(HTTP_MALFORMED);
    }
    /* RFC 9112 6.1, 6.3: chunked is the only coding, in 1.1 only, and excludes a length. A length
     * given twice is refused even when both are equal. */
    if (facts->length_count > 1 || facts->coding_count > 1 ||
        (facts->coding_count == 1 &&
         (facts->length_count == 1 || !facts->coding_is_chunked || !is_11))) {
        return ERR(HTTP_MALFORMED);
    }
    head->has_content_length = facts->length_count == 1;
    head->is_chunked = facts->coding_count == 1;
    head->content_length = 0;
    if (head->has_content_length) {
        TRY(http1_read_length(facts->length, &head->content_length));
    }
    /* An absolute target's host wins over the field (RFC 9112 3.2.2). */
    if (slice_is_empty(head->host)) {
        head->host = facts->host;
    }
    head->keep_alive = is_11 && !facts->says_close;
    /* RFC 9110 7.8 and 10.1.1: Upgrade and Expect of a 1.0 client are ignored. */
    head->upgrades_websocket = is_11 && facts->says_upgrade && facts->offers_websocket;
    head->expects_continue = is_11 && facts->expects_continue && http1_has_body(head);
    return head->content_length > limits->body_bytes_max ? ERR(BODY_TOO_LARGE) : ERR(OK);
}

/* Reads the field lines of a complete head: each ends in CRLF (the scan saw it), the last one is
 * empty. */
static struct err http1_read_fields(struct slice header, const struct http1_limits *limits,
                                    struct http1_head *head)
{
    struct http1_facts facts = {0};
    head->field_count = 0;
    for (;;) {
        size_t line_bytes = slice_find(header, '\n') - 1;
        if (line_bytes == 0) {
            return http1_apply_facts(&facts, limits, head);
        }
        struct http1_field *field = &head->fields[head->field_count];
        if (!http1_read_field(slice_first(header, line_bytes), field)) {
            return ERR(HTTP_MALFORMED);
        }
        head->field_count++;
        http1_note_field(field, &facts);
        header = slice_from(header, line_bytes + 2);
    }
}

/* ---- the scan ---- */

/* Takes note of a line that ends with the '\n' at scan->scanned. DECODE_DONE when it is the empty
 * line that ends the head; <*err> counts with DECODE_BAD only. */
static enum decode http1_scan_line(struct slice input, const struct http1_limits *limits,
                                   struct http1_scan *scan, struct err *err)
{
    size_t start = scan->line_start;
    size_t end = scan->scanned;
    scan->scanned = scan->line_start = end + 1;
    bool is_in_header = scan->header_start != 0;
    if (is_in_header && end + 1 - scan->header_start > limits->header_bytes_max) {
        *err = ERR(HEADER_TOO_LARGE);
        return DECODE_BAD;
    }
    *err = ERR(HTTP_MALFORMED);
    if (end == start || input.at[end - 1] != '\r') {
        return DECODE_BAD;
    }
    bool is_empty = end - start == 1;
    if (is_empty && !is_in_header) {
        bool is_first = !scan->empty_skipped;
        scan->empty_skipped = true;
        return is_first ? DECODE_MORE : DECODE_BAD;
    }
    if (is_empty) {
        return DECODE_DONE;
    }
    if (!is_in_header) {
        scan->header_start = end + 1;
        return DECODE_MORE;
    }
    scan->line_count++;
    *err = ERR(HEADER_TOO_LARGE);
    return scan->line_count > limits->field_count_max ? DECODE_BAD : DECODE_MORE;
}

static enum decode http1_scan_head(struct slice input, const struct http1_limits *limits,
                                   struct http1_scan *scan, struct err *err)
{
    while (scan->scanned < input.bytes) {
        scan->scanned += slice_find(slice_from(input, scan->scanned), '\n');
        if (scan->scanned == input.bytes) {
            break;
        }
        size_t line_start = scan->line_start;
        enum decode verdict = http1_scan_line(input, limits, scan, err);
        if (verdict == DECODE_BAD) {
            scan->line_start = line_start;
        }
        if (verdict != DECODE_MORE) {
            return verdict;
        }
    }
    if (scan->header_start != 0 && input.bytes - scan->header_start > limits->header_bytes_max) {
        *err = ERR(HEADER_TOO_LARGE);
        return DECODE_BAD;
    }
    return DECODE_MORE;
}

/* The request line of <input>, whose end the scan has seen, without its CRLF. */
static struct slice http1_request_line(struct slice input, const struct http1_scan *scan)
{
    size_t start = scan->empty_skipped ? 2 : 0;
    return slice_of(input.at + start, scan->header_start - 2 - start);
}

/* Judges a head that is not complete, or broke a limit: the request line, then each field line that
 * has ended. <before> is the scan of the last call; what it had seen is judged already. */
static struct err http1_judge_partial_head(struct slice input, const struct http1_limits *limits,
                                           const struct http1_scan *before,
                                           const struct http1_scan *scan, struct http1_head *head)
{
    if (scan->header_start == 0) {
        /* Up to the line feed that the scan refused, else to the end. */
        size_t start = scan->empty_skipped ? 2 : 0;
        struct slice line = slice_of(input.at + start, scan->scanned - start);
        return http1_judge_partial_line(line, limits);
    }
    if (before->header_start == 0) {
        TRY(http1_read_request_line(http1_request_line(input, scan), limits, head));
    }
    size_t judged = max_size(before->line_start, scan->header_start);
    struct slice lines = slice_of(input.at + judged, scan->line_start - judged);
    while (!slice_is_empty(lines)) {
        struct http1_field field;
        size_t line_bytes = slice_find(lines, '\n') - 1;
        if (!http1_read_field(slice_first(lines, line_bytes), &field)) {
            return ERR(HTTP_MALFORMED);
        }
        lines = slice_from(lines, line_bytes + 2);
    }
    return ERR(OK);
}

static struct err http1_read_whole_head(struct slice input, const struct http1_limits *limits,
                                        const struct http1_scan *scan, struct http1_head *head)
{
    head->bytes = scan->scanned;
    TRY(http1_read_request_line(http1_request_line(input, scan), limits, head));
    return http1_read_fields(
        slice_of(input.at + scan->header_start, scan->scanned - scan->header_start), limits, head);
}

enum decode http1_read_head(struct slice input, const struct http1_limits *limits,
                            struct http1_scan *scan, struct http1_head *head, struct err *err)
{
    ASSERT(limits->field_count_max <= HTTP1_FIELD_COUNT_MAX);
    ASSERT(scan->scanned <= input.bytes);
    if (slice_is_empty(input)) {
        return DECODE_MORE;
    }
    struct http1_scan before = *scan;
    enum decode verdict = http1_scan_head(input, limits, scan, err);
    /* What stands before the place where the scan stopped is judged first, so that the answer is
     * the same however the bytes were cut. */
    struct err found = verdict == DECODE_DONE
                           ? http1_read_whole_head(input, limits, scan, head)
                           : http1_judge_partial_head(input, limits, &before, scan, head);
    if (err_is_set(found)) {
        *err = found;
        verdict = DECODE_BAD;
    }
    if (verdict != DECODE_MORE) {
        *scan = (struct http1_scan){0};
    }
    return verdict;
}
