/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is cleaned and copied by the thread that logs it; laying it out, which costs more, is done
 * by the writer. */
#include "base/log.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The pause between two tries when the output is non-blocking and takes nothing. The writer may
 * wait: what is bounded is the queue. */
#define LOG_RETRY_NS 1000000

struct log_entry {
    int64_t time_ms;
    enum log_level level;
    const char *scope; /* a literal */
    size_t bytes;
    char text[LOG_LINE_BYTES_MAX];
};

/* The one mutable state of the process: see the header. */
static struct {
    pthread_mutex_t mutex; /* guards all but the two atomics */
    pthread_cond_t has_lines;
    pthread_t writer;
    bool is_running;
    bool is_stopping;
    int fd;
    enum log_format format;
    bool has_colour;
    struct log_entry *queue; /* LOG_QUEUE_COUNT_MAX places */
    size_t first;
    size_t count;
    uint64_t dropped_told;
    _Atomic uint64_t dropped;
    _Atomic int level;
} log_state = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .has_lines = PTHREAD_COND_INITIALIZER,
    .level = LOG_INFO,
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

static const char *const level_colours[] = {[LOG_ERROR] = "\x1b[31m",
                                            [LOG_WARN] = "\x1b[33m",
                                            [LOG_INFO] = "\x1b[32m",
                                            [LOG_DEBUG] = "\x1b[2m"};

/* ---- laying out ---- */

/* Reads one key=value at the start of <text>. False when there is none. <value> is as it stands,
 * with its quotes. */
static bool read_pair(struct slice text, struct slice *key, struct slice *value, size_t *used)
{
    size_t at = 0;
    while (at < text.bytes && text.at[at] != ' ' && text.at[at] != '=' && text.at[at] != '"') {
        at++;
    }
    if (at == 0 || at == text.bytes || text.at[at] != '=') {
        return false;
    }
    *key = slice_first(text, at);
    size_t start = ++at;
    if (at < text.bytes && text.at[at] == '"') {
        for (at++; at < text.bytes && text.at[at] != '"'; at++) {
            at += text.at[at] == '\\';
        }
        at = min_size(at + 1, text.bytes);
    } else {
        at += slice_find(slice_from(text, at), ' ');
    }
    *value = slice_of(text.at + start, at - start);
    *used = at;
    return true;
}

/* Splits a line into its event and the pairs behind it. */
static void split(struct slice line, struct slice *event, struct slice *pairs)
{
    struct slice key;
    struct slice value;
    size_t used;
    size_t at = 0;
    while (at < line.bytes && !read_pair(slice_from(line, at), &key, &value, &used)) {
        at += slice_find(slice_from(line, at), ' ');
        at += at < line.bytes;
    }
    *pairs = slice_from(line, at);
    while (at > 0 && line.at[at - 1] == ' ') {
        at--;
    }
    *event = slice_first(line, at);
}

static void put_time(struct buf *out, int64_t time_ms, bool whole)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    char text[32];
    if (whole) {
        gmtime_r(&seconds, &parts);
    } else {
        localtime_r(&seconds, &parts);
    }
    strftime(text, sizeof(text), whole ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &parts);
    buf_put_format(out, "%s.%03d%s", text, (int)(time_ms % 1000), whole ? "Z" : "");
}

/* <text> inside double quotes. All control bytes are \xNN by now, with their backslash. */
static void put_quoted(struct buf *out, struct slice text)
{
    buf_put_byte(out, '"');
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') {
            buf_put_byte(out, '\\');
        }
        buf_put_byte(out, text.at[i]);
    }
    buf_put_byte(out, '"');
}

static void put_pretty(struct buf *out, const struct log_entry *entry, bool has_colour)
{
    put_time(out, entry->time_ms, false);
    buf_put_format(out, " %s%-5s%s %-8s ", has_colour ? level_colours[entry->level] : "",
                   level_names[entry->level], has_colour ? "\x1b[0m" : "", entry->scope);
    buf_put_bytes(out, entry->text, entry->bytes);
}

static void put_logfmt(struct buf *out, const struct log_entry *entry)
{
    struct slice event;
    struct slice pairs;
    split(slice_of(entry->text, entry->bytes), &event, &pairs);
    BUF_PUT_LITERAL(out, "time=");
    put_time(out, entry->time_ms, true);
    buf_put_format(out, " level=%s scope=%s event=", level_names[entry->level], entry->scope);
    put_quoted(out, event);
    if (pairs.bytes > 0) {
        buf_put_byte(out, ' ');
        buf_put(out, pairs);
    }
}

/* A value as a JSON string. Quoted ones know only the escapes \" and \\ and \xNN, of which JSON
 * lacks the last. */
static void put_json_value(struct buf *out, struct slice value)
{
    bool quoted = value.bytes >= 2 && value.at[0] == '"' && value.at[value.bytes - 1] == '"';
    if (!quoted) {
        put_quoted(out, value);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t i = 1; i + 1 < value.bytes; i++) {
        struct slice rest = slice_of(value.at + i, value.bytes - 1 - i);
        if (rest.at[0] == '\\' && rest.bytes >= 4 && rest.at[1] == 'x' && isxdigit(rest.at[2]) &&
            isxdigit(rest.at[3])) {
            buf_put_format(out, "\\u00%c%c", rest.at[2], rest.at[3]);
            i += 3;
        } else if (rest.at[0] == '\\' && rest.bytes >= 2 &&
                   (rest.at[1] == '"' || rest.at[1] == '\\')) {
            buf_put_bytes(out, rest.at, 2);
            i++;
        } else {
            if (rest.at[0] == '"' || rest.at[0] == '\\') {
                buf_put_byte(out, '\\');
            }
            buf_put_byte(out, rest.at[0]);
        }
    }
    buf_put_byte(out, '"');
}

static void put_json(struct buf *out, const struct log_entry *entry)
{
    struct slice event;
    struct slice pairs;
    split(slice_of(entry->text, entry->bytes), &event, &pairs);
    BUF_PUT_LITERAL(out, "{\"time\":\"");
    put_time(out, entry->time_ms, true);
    buf_put_format(out,
                   "\",\"level\":\"%s\",\"scope\":\"%s\",\"event\":", level_names[entry->level],
                   entry->scope);
    put_quoted(out, event);
    struct slice key;
    struct slice value;
    size_t used;
    while (pairs.bytes > 0) {
        if (read_pair(pairs, &key, &value, &used)) {
            buf_put_byte(out, ',');
            put_quoted(out, key);
            buf_put_byte(out, ':');
            put_json_value(out, value);
        } else {
            /* A loose word behind a pair: nothing is lost, its name is what we can say of it. */
            used = slice_find(pairs, ' ');
            if (used > 0) {
                BUF_PUT_LITERAL(out, ",\"text\":");
                put_quoted(out, slice_first(pairs, used));
            }
        }
        pairs = slice_from(pairs, min_size(used + 1, pairs.bytes));
    }
    buf_put_byte(out, '}');
}

/* ---- writing ---- */

static void write_all(int fd, struct slice bytes)
{
    while (bytes.bytes > 0) {
        ssize_t done = write(fd, bytes.at, bytes.bytes);
        if (done == -1 && errno == EAGAIN) {
            nanosleep(&(struct timespec){.tv_nsec = LOG_RETRY_NS}, NULL);
        } else if (done == -1 && errno != EINTR) {
            return; /* there is nowhere left to complain to */
        }
        bytes = slice_from(bytes, done > 0 ? (size_t)done : 0);
    }
}

static void write_entry(int fd, enum log_format format, bool has_colour,
                        const struct log_entry *entry)
{
    struct buf line = {0};
    switch (format) {
    case LOG_FORMAT_LOGFMT:
        put_logfmt(&line, entry);
        break;
    case LOG_FORMAT_JSON:
        put_json(&line, entry);
        break;
    case LOG_FORMAT_AUTO:
    case LOG_FORMAT_PRETTY:
        put_pretty(&line, entry, has_colour);
        break;
    }
    buf_put_byte(&line, '\n');
    write_all(fd, buf_data(&line));
    buf_deinit(&line);
}

static enum log_format format_for(int fd, enum log_format format)
{
    if (format != LOG_FORMAT_AUTO) {
        return format;
    }
    return isatty(fd) ? LOG_FORMAT_PRETTY : LOG_FORMAT_LOGFMT;
}

static void write_dropped(uint64_t dropped)
{
    struct log_entry entry = {.time_ms = clock_wall_ms(), .level = LOG_WARN, .scope = "log"};
    int bytes = snprintf(entry.text, sizeof(entry.text), "lines dropped count=%" PRIu64, dropped);
    ASSERT(bytes > 0);
    entry.bytes = (size_t)bytes;
    write_entry(log_state.fd, log_state.format, log_state.has_colour, &entry);
}

static void *run_writer(void *unused)
{
    (void)unused;
    struct log_entry entry;
    pthread_mutex_lock(&log_state.mutex);
    for (;;) {
        while (log_state.count == 0 && !log_state.is_stopping) {
            pthread_cond_wait(&log_state.has_lines, &log_state.mutex);
        }
        uint64_t dropped = atomic_load(&log_state.dropped);
        uint64_t untold = dropped - log_state.dropped_told;
        log_state.dropped_told = dropped;
        bool has_line = log_state.count > 0;
        if (has_line) {
            const struct log_entry *oldest = &log_state.queue[log_state.first];
            memcpy(&entry, oldest, offsetof(struct log_entry, text) + oldest->bytes);
            log_state.first = (log_state.first + 1) % LOG_QUEUE_COUNT_MAX;
            log_state.count--;
        }
        pthread_mutex_unlock(&log_state.mutex);
        if (has_line) {
            write_entry(log_state.fd, log_state.format, log_state.has_colour, &entry);
        }
        if (untold > 0) {
            write_dropped(untold);
        }
        pthread_mutex_lock(&log_state.mutex);
        if (!has_line && log_state.count == 0 && log_state.is_stopping) {
            break;
        }
    }
    pthread_mutex_unlock(&log_state.mutex);
    return NULL;
}

struct err log_start(const struct log_options *options)
{
    struct log_entry *queue = malloc(LOG_QUEUE_COUNT_MAX * sizeof(*queue));
    if (queue == NULL) {
        return ERR(NO_MEMORY);
    }
    log_set_level(options->level);
    pthread_mutex_lock(&log_state.mutex);
    ASSERT(!log_state.is_running);
    log_state.fd = options->fd == 0 ? STDERR_FILENO : options->fd;
    log_state.format = format_for(log_state.fd, options->format);
    log_state.has_colour = isatty(log_state.fd) && getenv("NO_COLOR") == NULL;
    log_state.queue = queue;
    log_state.first = log_state.count = 0;
    log_state.is_stopping = false;
    log_state.is_running = pthread_create(&log_state.writer, NULL, run_writer, NULL) == 0;
    bool is_running = log_state.is_running;
    if (!is_running) {
        log_state.queue = NULL;
    }
    pthread_mutex_unlock(&log_state.mutex);
    if (!is_running) {
        free(queue);
        return ERR(INTERNAL);
    }
    return ERR(OK);
}

void log_stop(void)
{
    pthread_mutex_lock(&log_state.mutex);
    bool was_running = log_state.is_running;
    log_state.is_running = false;
    log_state.is_stopping = true;
    pthread_cond_signal(&log_state.has_lines);
    pthread_mutex_unlock(&log_state.mutex);
    if (was_running) {
        pthread_join(log_state.writer, NULL);
        free(log_state.queue);
        log_state.queue = NULL;
    }
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

uint64_t log_dropped_count(void)
{
    return atomic_load(&log_state.dropped);
}

/* ---- logging ---- */

static bool is_control(uint8_t byte)
{
    return byte < 0x20 || byte == 0x7f;
}

#define SAFE_BYTES_MAX 4

/* Writes the first character of <text> to <at>: as it is, or as \xNN when it is a control byte or
 * no UTF-8. Returns the bytes written; *used is the bytes read. */
static size_t put_safe(struct slice text, char at[SAFE_BYTES_MAX], size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    size_t bytes = utf8_sequence(text);
    if (bytes > 0 && !is_control(text.at[0])) {
        memcpy(at, text.at, bytes);
        *used = bytes;
        return bytes;
    }
    *used = 1;
    memcpy(at, "\\x", 2);
    at[2] = hex[text.at[0] >> 4];
    at[3] = hex[text.at[0] & 15];
    return 4;
}

/* Copies <text> to <at>, made safe, cut with "..." when it is too long. Returns the length. */
static size_t clean(struct slice text, char *at, size_t room)
{
    size_t length = 0;
    while (text.bytes > 0) {
        if (room - length < SAFE_BYTES_MAX + 3) {
            memcpy(at + length, "...", 3);
            return length + 3;
        }
        size_t used;
        length += put_safe(text, at + length, &used);
        text = slice_from(text, used);
    }
    return length;
}

/* Queues the entry; false when there is no writer. */
static bool queue_entry(const struct log_entry *entry)
{
    pthread_mutex_lock(&log_state.mutex);
    bool is_running = log_state.is_running;
    if (is_running && log_state.count == LOG_QUEUE_COUNT_MAX) {
        atomic_fetch_add(&log_state.dropped, 1);
    } else if (is_running) {
        size_t last = (log_state.first + log_state.count) % LOG_QUEUE_COUNT_MAX;
        memcpy(&log_state.queue[last], entry, offsetof(struct log_entry, text) + entry->bytes);
        if (log_state.count++ == 0) {
            pthread_cond_signal(&log_state.has_lines);
        }
    }
    pthread_mutex_unlock(&log_state.mutex);
    return is_running;
}

void log_line(enum log_level level, const char *scope, const char *format, ...)
{
    if (!log_is_on(level)) {
        return;
    }
    char raw[LOG_LINE_BYTES_MAX + 1];
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (bytes < 0) {
        return;
    }
    struct log_entry entry = {.time_ms = clock_wall_ms(), .level = level, .scope = scope};
    size_t raw_bytes = min_size((size_t)bytes, sizeof(raw) - 1);
    entry.bytes = clean(slice_of(raw, raw_bytes), entry.text, sizeof(entry.text));
    if (!queue_entry(&entry)) {
        write_entry(STDERR_FILENO, format_for(STDERR_FILENO, LOG_FORMAT_AUTO), false, &entry);
    }
}

static bool is_plain_word(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (is_control(byte) || byte == ' ' || byte == '"' || byte == '\\' || byte == '=') {
            return false;
        }
    }
    return text.bytes > 0 && utf8_is_valid(text);
}

const char *log_quote(struct slice text, char *at, size_t room)
{
    ASSERT(room >= 16);
    if (text.bytes < room && is_plain_word(text)) {
        memcpy(at, text.at, text.bytes);
        at[text.bytes] = '\0';
        return at;
    }
    size_t length = 0;
    at[length++] = '"';
    while (text.bytes > 0) {
        /* Behind the character there must be place for the dots, the quote and the NUL. */
        if (room - length < SAFE_BYTES_MAX + 5) {
            memcpy(at + length, "...", 3);
            length += 3;
            break;
        }
        size_t used;
        if (text.at[0] == '"' || text.at[0] == '\\') {
            at[length++] = '\\';
        }
        length += put_safe(text, at + length, &used);
        text = slice_from(text, used);
    }
    at[length++] = '"';
    at[length] = '\0';
    return at;
}

/* ---- limiting ---- */

int64_t log_limit_now_ms(void)
{
    return clock_monotonic_ms();
}

bool log_limit_pass(struct log_limit *limit, int64_t now_ms, uint32_t *held_back)
{
    *held_back = 0;
    int64_t since_ms = atomic_load(&limit->since_ms);
    bool is_over = since_ms == 0 || now_ms - since_ms >= LOG_LIMIT_MS;
    if (is_over &&
        atomic_compare_exchange_strong(&limit->since_ms, &since_ms, max_i64(now_ms, 1))) {
        uint32_t asked = atomic_exchange(&limit->count, 1);
        *held_back = asked > LOG_LIMIT_COUNT ? asked - LOG_LIMIT_COUNT : 0;
        return true;
    }
    uint32_t before = atomic_load(&limit->count);
    /* It stops counting before it could wrap around. */
    return before < UINT32_MAX / 2 && atomic_fetch_add(&limit->count, 1) < LOG_LIMIT_COUNT;
}

void log_held_back(enum log_level level, const char *scope, uint32_t held_back)
{
    if (held_back > 0) {
        log_line(level, scope, "similar lines held back count=%" PRIu32, held_back);
    }
}
