/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run.h"

#include "base/assert.h"
#include "base/hash.h"

#define SCALE_MAX 12
/* Numbers stay below it, so that the difference of two never overflows. */
#define NUMBER_END ((int64_t)1000000000000000000)
#define DIGITS_MAX 18
#define CHECKSUM_BYTES 4

enum {
    CONTROL_SAME_DISTANCE = 1 << 0,
    CONTROL_SAME_LAG = 1 << 1,
    CONTROL_CLIENT_STAMPED = 1 << 2,
    CONTROL_TEXT_SHIFT = 3,
    CONTROL_STEP_SHIFT = 5,
};

enum text_kind { TEXT_SAME, TEXT_SHORTEST, TEXT_FIXED, TEXT_VERBATIM };

/* Steps -3 .. 3 are written as 1 .. 7. */
#define STEP_MAX 3
#define STEP_ZERO 4

static const int64_t POWER_OF_TEN[SCALE_MAX + 1] = {
    1,        10,        100,        1000,        10000,        100000,        1000000,
    10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
};

/* ---- decimals ---- */

/* The value of a text is number / 10^scale; the text has exactly <scale> decimals. */
struct decimal {
    int64_t number;
    uint8_t scale;
    bool is_shortest; /* the last decimal is not 0 */
};

/* Reads <text>; false when it is no decimal that formatting would give back byte for byte. */
static bool decimal_parse(struct slice text, struct decimal *decimal)
{
    size_t i = 0;
    bool is_negative = text.bytes > 0 && text.at[0] == '-';
    i += is_negative;
    size_t point = text.bytes;
    size_t digits = 0;
    int64_t number = 0;
    size_t first = i;
    for (; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (byte == '.' && point == text.bytes && digits > 0) {
            point = i;
            continue;
        }
        if (byte < '0' || byte > '9' || ++digits > DIGITS_MAX) {
            return false;
        }
        number = number * 10 + (byte - '0');
    }
    size_t whole = point - first;
    size_t scale = point == text.bytes ? 0 : text.bytes - point - 1;
    if (whole == 0 || (whole > 1 && text.at[first] == '0') || scale > SCALE_MAX ||
        (point != text.bytes && scale == 0) || (is_negative && number == 0)) {
        return false;
    }
    *decimal = (struct decimal){
        .number = is_negative ? -number : number,
        .scale = (uint8_t)scale,
        .is_shortest = scale == 0 || text.at[text.bytes - 1] != '0',
    };
    return true;
}

/* Writes <number> with <decimals> digits behind the point; returns the bytes. */
static size_t decimal_format(char *at, int64_t number, unsigned decimals)
{
    char reversed[RUN_NUMBER_BYTES_MAX];
    size_t bytes = 0;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    for (unsigned i = 0; left > 0 || i <= decimals; i++) {
        if (i == decimals && decimals > 0) {
            reversed[bytes++] = '.';
        }
        reversed[bytes++] = (char)('0' + left % 10);
        left /= 10;
    }
    if (number < 0) {
        reversed[bytes++] = '-';
    }
    for (size_t i = 0; i < bytes; i++) {
        at[i] = reversed[bytes - 1 - i];
    }
    return bytes;
}

/* As decimal_format, with as few decimals as keep the value. */
static size_t decimal_format_shortest(char *at, int64_t number, unsigned scale)
{
    while (scale > 0 && number % 10 == 0) {
        number /= 10;
        scale--;
    }
    return decimal_format(at, number, scale);
}

/* ---- writing ---- */

/* The smallest scale that suits 15 of 16 decimals. */
static uint8_t choose_scale(const struct run_sample *samples, uint32_t count)
{
    uint32_t with_scale[SCALE_MAX + 1] = {0};
    uint32_t decimals = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct decimal decimal;
        if (decimal_parse(samples[i].value, &decimal)) {
            with_scale[decimal.scale]++;
            decimals++;
        }
    }
    uint8_t scale = 0;
    uint32_t suited = with_scale[0];
    while (suited < decimals - decimals / 16) {
        suited += with_scale[++scale];
    }
    return scale;
}

/* How <value> is written in a run of that scale; sets *number for the two kinds that have one. */
static enum text_kind choose_text(struct slice value, uint8_t scale, int64_t *number)
{
    struct decimal decimal;
    if (!decimal_parse(value, &decimal) || decimal.scale > scale ||
        (!decimal.is_shortest && decimal.scale < scale)) {
        return TEXT_VERBATIM;
    }
    int64_t rescaled;
    if (__builtin_mul_overflow(decimal.number, POWER_OF_TEN[scale - decimal.scale], &rescaled) ||
        rescaled >= NUMBER_END || rescaled <= -NUMBER_END) {
        return TEXT_VERBATIM;
    }
    *number = rescaled;
    return decimal.is_shortest ? TEXT_SHORTEST : TEXT_FIXED;
}

struct writer {
    int64_t timestamp_ms;
    int64_t distance_ms;
    int64_t lag_ms;
    int64_t number;
    struct slice value;
    uint8_t scale;
    bool has_value;
};

static void write_sample(struct buf *out, struct writer *before, const struct run_sample *sample)
{
    int64_t distance_ms = sample->timestamp_ms - before->timestamp_ms;
    int64_t lag_ms = sample->created_ms - sample->timestamp_ms;
    int64_t number = before->number;
    ASSERT(distance_ms >= 0 && sample->timestamp_ms <= RUN_TIMESTAMP_MAX);
    ASSERT(sample->created_ms >= 0 && sample->created_ms <= RUN_TIMESTAMP_MAX);
    enum text_kind text = before->has_value && slice_equal(before->value, sample->value)
                              ? TEXT_SAME
                              : choose_text(sample->value, before->scale, &number);
    int64_t step = number - before->number;
    bool has_number = text == TEXT_SHORTEST || text == TEXT_FIXED;
    bool is_small = has_number && step >= -STEP_MAX && step <= STEP_MAX;
    unsigned control = (unsigned)text << CONTROL_TEXT_SHIFT |
                       (is_small ? (unsigned)(step + STEP_ZERO) << CONTROL_STEP_SHIFT : 0) |
                       (distance_ms == before->distance_ms ? CONTROL_SAME_DISTANCE : 0) |
                       (lag_ms == before->lag_ms ? CONTROL_SAME_LAG : 0) |
                       (sample->client_stamped ? CONTROL_CLIENT_STAMPED : 0);
    buf_put_byte(out, (uint8_t)control);
    if (distance_ms != before->distance_ms) {
        buf_put_zigzag(out, distance_ms - before->distance_ms);
    }
    if (lag_ms != before->lag_ms) {
        buf_put_zigzag(out, lag_ms - before->lag_ms);
    }
    if (has_number && !is_small) {
        buf_put_zigzag(out, step);
    }
    if (text == TEXT_VERBATIM) {
        buf_put_varint(out, sample->value.bytes);
        buf_put(out, sample->value);
    }
    *before = (struct writer){
        .timestamp_ms = sample->timestamp_ms,
        .distance_ms = distance_ms,
        .lag_ms = lag_ms,
        .number = number,
        .value = sample->value,
        .scale = before->scale,
        .has_value = true,
    };
}

static size_t varint_bytes(uint64_t value)
{
    size_t bytes = 1;
    while (value >= 0x80) {
        value >>= 7;
        bytes++;
    }
    return bytes;
}

/* Puts the head before the body, which begins at <start>, and the checksum behind it. */
static void close_operation(struct buf *out, size_t start, enum run_operation_kind kind)
{
    size_t body_bytes = buf_bytes(out) - start;
    size_t head_bytes = 1 + varint_bytes(body_bytes);
    if (out->failed || err_is_set(buf_reserve(out, head_bytes + CHECKSUM_BYTES))) {
        return;
    }
    uint8_t *at = out->at + out->head + start;
    memmove(at + head_bytes, at, body_bytes);
    out->tail -= body_bytes;
    buf_put_byte(out, (uint8_t)kind);
    buf_put_varint(out, body_bytes);
    out->tail += body_bytes;
    struct slice operation = slice_from(buf_data(out), start);
    buf_put_u32be(out, (uint32_t)hash_bytes(0, operation));
}

void run_write(struct buf *out, int64_t base_ms, const struct run_sample *samples, uint32_t count)
{
    ASSERT(count > 0 && base_ms >= 0 && base_ms <= samples[0].timestamp_ms);
    size_t start = buf_bytes(out);
    struct writer before = {.timestamp_ms = base_ms, .scale = choose_scale(samples, count)};
    buf_put_varint(out, count);
    buf_put_byte(out, before.scale);
    for (uint32_t i = 0; i < count; i++) {
        write_sample(out, &before, &samples[i]);
    }
    close_operation(out, start, RUN_OPERATION_RUN);
}

void run_write_cut(struct buf *out, int64_t from_ms, int64_t to_ms)
{
    ASSERT(from_ms >= 0 && from_ms < to_ms);
    size_t start = buf_bytes(out);
    buf_put_varint(out, (uint64_t)from_ms);
    buf_put_varint(out, (uint64_t)to_ms);
    close_operation(out, start, RUN_OPERATION_CUT);
}

/* ---- reading ---- */

static struct err read_cut(struct slice body, struct run_operation *operation)
{
    struct cursor c = cursor_over(body);
    uint64_t from;
    uint64_t to;
    if (!cursor_read_varint(&c, &from) || !cursor_read_varint(&c, &to) || !cursor_at_end(&c) ||
        to > INT64_MAX || from >= to) {
        return ERR(CORRUPT);
    }
    operation->from_ms = (int64_t)from;
    operation->to_ms = (int64_t)to;
    return ERR(OK);
}

struct err run_next_operation(struct cursor *stored, struct run_operation *operation, bool *found)
{
    *found = false;
    if (cursor_at_end(stored)) {
        return ERR(OK);
    }
    struct cursor c = *stored;
    uint8_t kind;
    uint64_t body_bytes;
    struct slice body;
    uint32_t checksum;
    if (!cursor_read_u8(&c, &kind) || !cursor_read_varint(&c, &body_bytes) ||
        !cursor_read_bytes(&c, body_bytes, &body)) {
        return ERR(CORRUPT);
    }
    struct slice checked = slice_of(stored->at, (size_t)(c.at - stored->at));
    if (!cursor_read_u32be(&c, &checksum) || checksum != (uint32_t)hash_bytes(0, checked)) {
        return ERR(CORRUPT);
    }
    *operation = (struct run_operation){.kind = kind, .body = body};
    if (kind == RUN_OPERATION_CUT) {
        TRY(read_cut(body, operation));
    } else if (kind != RUN_OPERATION_RUN) {
        return ERR(CORRUPT);
    }
    *stored = c;
    *found = true;
    return ERR(OK);
}

struct err run_reader_start(struct run_reader *reader, const struct run_operation *operation,
                            int64_t base_ms)
{
    ASSERT(operation->kind == RUN_OPERATION_RUN && base_ms >= 0);
    memset(reader, 0, sizeof(*reader));
    reader->body = cursor_over(operation->body);
    reader->timestamp_ms = base_ms;
    if (!cursor_read_varint(&reader->body, &reader->left) ||
        !cursor_read_u8(&reader->body, &reader->scale) || reader->scale > SCALE_MAX ||
        reader->left == 0 || reader->left > cursor_left(&reader->body)) {
        return ERR(CORRUPT);
    }
    return ERR(OK);
}

/* Adds what the next zigzag says to *sum; false when there is none, or it overflows. */
static bool read_step(struct cursor *c, int64_t *sum)
{
    int64_t step;
    return cursor_read_zigzag(c, &step) && !__builtin_add_overflow(*sum, step, sum);
}

static bool read_number(struct run_reader *reader, unsigned control)
{
    unsigned step = control >> CONTROL_STEP_SHIFT;
    if (step != 0) {
        reader->number += (int64_t)step - STEP_ZERO;
    } else if (!read_step(&reader->body, &reader->number)) {
        return false;
    }
    return reader->number < NUMBER_END && reader->number > -NUMBER_END;
}

static bool read_verbatim(struct run_reader *reader)
{
    uint64_t bytes;
    return cursor_read_varint(&reader->body, &bytes) &&
           cursor_read_bytes(&reader->body, bytes, &reader->value);
}

static bool read_text(struct run_reader *reader, unsigned control)
{
    enum text_kind text = control >> CONTROL_TEXT_SHIFT & 3;
    bool has_step = control >> CONTROL_STEP_SHIFT != 0;
    size_t bytes;
    switch (text) {
    case TEXT_SAME:
        return reader->has_value && !has_step;
    case TEXT_VERBATIM:
        return !has_step && read_verbatim(reader);
    case TEXT_SHORTEST:
        if (!read_number(reader, control)) {
            return false;
        }
        bytes = decimal_format_shortest(reader->text, reader->number, reader->scale);
        break;
    default:
        /* Only a decimal that ends in 0 is written like this: one text, one form. */
        if (!read_number(reader, control) || reader->scale == 0 || reader->number % 10 != 0) {
            return false;
        }
        bytes = decimal_format(reader->text, reader->number, reader->scale);
        break;
    }
    reader->value = slice_of(reader->text, bytes);
    return true;
}

static bool read_times(struct run_reader *reader, unsigned control, int64_t *created_ms)
{
    if ((control & CONTROL_SAME_DISTANCE) == 0 && !read_step(&reader->body, &reader->distance_ms)) {
        return false;
    }
    if ((control & CONTROL_SAME_LAG) == 0 && !read_step(&reader->body, &reader->lag_ms)) {
        return false;
    }
    return reader->distance_ms >= 0 &&
           !__builtin_add_overflow(reader->timestamp_ms, reader->distance_ms,
                                   &reader->timestamp_ms) &&
           reader->timestamp_ms <= RUN_TIMESTAMP_MAX &&
           !__builtin_add_overflow(reader->timestamp_ms, reader->lag_ms, created_ms) &&
           *created_ms >= 0 && *created_ms <= RUN_TIMESTAMP_MAX;
}

struct err run_reader_next(struct run_reader *reader, struct run_sample *sample, bool *found)
{
    *found = reader->left > 0;
    if (!*found) {
        return cursor_at_end(&reader->body) ? ERR(OK) : ERR(CORRUPT);
    }
    uint8_t control;
    int64_t created_ms;
    if (!cursor_read_u8(&reader->body, &control) || !read_times(reader, control, &created_ms) ||
        !read_text(reader, control)) {
        return ERR(CORRUPT);
    }
    reader->left--;
    reader->has_value = true;
    *sample = (struct run_sample){
        .timestamp_ms = reader->timestamp_ms,
        .created_ms = created_ms,
        .value = reader->value,
        .client_stamped = (control & CONTROL_CLIENT_STAMPED) != 0,
    };
    return ERR(OK);
}
