/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what the operator reads: one event a line, then what belongs to it as key=value.
 *
 *      log_line(LOG_WARN, "net", "accepting paused listener=%s reason=%s", name, reason);
 *
 *      pretty   15:46:32.123 warn  net      accepting paused listener=mqtt reason=EMFILE
 *      logfmt   time=2026-11-22T15:46:32.123Z level=warn scope=net event="accepting paused" ...
 *      json     {"time":"...","level":"warn","scope":"net","event":"accepting paused",...}
 *
 * The words before the first key=value are the event. A value that may hold spaces, quotes or bytes
 * of a stranger goes through log_quote. Whatever control bytes and bytes that are no UTF-8 remain
 * are written as \xNN, so that nobody forges a line.
 *
 * Between log_start and log_stop a line goes into a bounded queue and one writer thread writes it:
 * a caller copies a line under a short lock and never waits for the disk or the terminal. When the
 * queue is full, the line is dropped, and the number of dropped lines is reported when there is
 * room again. Before log_start and after log_stop the caller writes it itself.
 *
 * The logger is process-wide, as standard error is: the one state of the program that is not handed
 * down. Any thread may log. */
#ifndef THRUM_BASE_LOG_H
#define THRUM_BASE_LOG_H

#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdatomic.h>

/* Longer lines are cut, and end in "...". */
#define LOG_LINE_BYTES_MAX 1024

/* Lines waiting for the writer: about half a MiB. */
#define LOG_QUEUE_COUNT_MAX 512

enum log_level {
    LOG_ERROR, /* something does not work, and somebody should look */
    LOG_WARN,  /* it works, but not as it should */
    LOG_INFO,  /* the life of the server: a handful of lines a day */
    LOG_DEBUG, /* everything a developer may want */
};

enum log_format {
    LOG_FORMAT_AUTO, /* pretty on a terminal, logfmt elsewhere */
    LOG_FORMAT_PRETTY,
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
};

struct log_options {
    int fd; /* where lines go, borrowed until log_stop; 0 means standard error */
    enum log_level level;
    enum log_format format;
};

/* Starts the writer thread. ERR_NO_MEMORY, ERR_INTERNAL (no thread): the log then goes on writing
 * directly. Must not be called twice without log_stop. */
MUST_USE struct err log_start(const struct log_options *options);

/* Writes what is queued, and ends the writer. Nothing happens when it is not running. Lines that
 * other threads log from now on are written directly, to standard error. */
void log_stop(void);

/* Lines above this level are not written. LOG_INFO before log_start. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/* Logs one line. <scope> is a literal: the part of the server that speaks ("net", "store"). */
void log_line(enum log_level level, const char *scope, const char *format, ...) PRINTF_LIKE(3, 4);

/* Lines dropped since the start of the process. */
uint64_t log_dropped_count(void);

/* Writes <text> as a value into <at>, which has <room> bytes: as it is when it is a plain word,
 * else in double quotes, with escapes; cut, with "..." at its end, when it does not fit. Ends with
 * a NUL. Returns <at>, for use as an argument of log_line. <room> is at least 16. */
const char *log_quote(struct slice text, char *at, size_t room);

/* A room for log_quote that suits most values. */
#define LOG_VALUE_BYTES 128

/* What a peer can trigger is limited at each place that logs it: LOG_LIMIT_COUNT lines in
 * LOG_LIMIT_MS, then silence for the rest of that time. How many were held back is said in a line
 * of its own before the next one that passes. */
#define LOG_LIMIT_COUNT 10
#define LOG_LIMIT_MS 10000

struct log_limit {
    _Atomic int64_t since_ms; /* when the current stretch began */
    _Atomic uint32_t count;   /* lines asked for in it */
};

/* True when one more line may be written at <now_ms> (monotonic). *held_back says how many lines of
 * the stretch before were not; 0 for all but the first line of a stretch. Any thread. */
bool log_limit_pass(struct log_limit *limit, int64_t now_ms, uint32_t *held_back);

/* Logs "lines held back" when that is not 0. Not called directly. */
void log_held_back(enum log_level level, const char *scope, uint32_t held_back);

/* log_line for what peers trigger. */
#define LOG_LIMITED(level, scope, ...)                                               \
    do {                                                                             \
        static struct log_limit log_limit_here_;                                     \
        uint32_t log_held_back_ = 0;                                                 \
        if (log_is_on(level) &&                                                      \
            log_limit_pass(&log_limit_here_, log_limit_now_ms(), &log_held_back_)) { \
            log_held_back((level), (scope), log_held_back_);                         \
            log_line((level), (scope), __VA_ARGS__);                                 \
        }                                                                            \
    } while (0)

/* The clock of LOG_LIMITED. */
int64_t log_limit_now_ms(void);

#endif
