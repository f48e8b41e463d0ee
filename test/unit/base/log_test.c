/* SPDX-License-Identifier: Apache-2.0
 *
 * What the log writes, read back through a pipe; what it does when nobody reads. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static char seen[1 << 20];

/* Starts the log on a pipe; its end for reading is <from>. */
static void start(enum log_format format, int *from, int *to)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    *from = fds[0];
    *to = fds[1];
    struct log_options options = {.fd = fds[1], .level = LOG_INFO, .format = format};
    struct err err = log_start(&options);
    assert_false(err_is_set(err));
}

/* Ends the log and reads all it wrote. */
static char *finish(int from, int to)
{
    log_stop();
    close(to);
    size_t length = 0;
    ssize_t got;
    while ((got = read(from, seen + length, sizeof(seen) - 1 - length)) > 0) {
        length += (size_t)got;
    }
    seen[length] = '\0';
    close(from);
    return seen;
}

static void test_logfmt(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_LOGFMT, &from, &to);
    log_line(LOG_WARN, "net", "accepting paused listener=%s reason=\"too many\"", "mqtt");
    log_line(LOG_INFO, "net", "no pairs here");
    const char *text = finish(from, to);
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    assert_int_equal(text[5 + 23], 'Z');
    assert_non_null(strstr(text, " level=warn scope=net event=\"accepting paused\" listener=mqtt "
                                 "reason=\"too many\"\n"));
    assert_non_null(strstr(text, " level=info scope=net event=\"no pairs here\"\n"));
}

static void test_pretty(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_PRETTY, &from, &to);
    log_line(LOG_ERROR, "store", "commit failed tries=3");
    const char *text = finish(from, to);
    assert_string_equal(text + 12, " error store    commit failed tries=3\n");
    assert_null(strchr(text, '\x1b')); /* a pipe has no colours */
}

static void test_json(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_JSON, &from, &to);
    char value[LOG_VALUE_BYTES];
    log_line(LOG_WARN, "mqtt", "client \"x\" left client=%s n=3 broken=\"a\\q\" end",
             log_quote(SLICE("a \"b\" \\ \x01\n\xff=\xc3\xa9"), value, sizeof(value)));
    const char *text = finish(from, to);
    json_error_t error;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(line, "scope")), "mqtt");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "client \"x\" left");
    assert_string_equal(json_string_value(json_object_get(line, "client")),
                        "a \"b\" \\ \x01\n\xc3\xbf=\xc3\xa9");
    assert_string_equal(json_string_value(json_object_get(line, "n")), "3");
    assert_string_equal(json_string_value(json_object_get(line, "broken")), "a\\q");
    assert_string_equal(json_string_value(json_object_get(line, "text")), "end");
    json_decref(line);
}

static void test_nobody_forges_a_line(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_LOGFMT, &from, &to);
    log_line(LOG_INFO, "net", "hello name=%s", "x\nlevel=error \x1b[31m \xff");
    const char *text = finish(from, to);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_non_null(strstr(text, "name=x\\x0alevel=error \\x1b[31m \\xff\n"));
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_PRETTY, &from, &to);
    static char word[3 * LOG_LINE_BYTES_MAX];
    memset(word, 'a', sizeof(word) - 1);
    log_line(LOG_INFO, "net", "long word=%s", word);
    const char *text = finish(from, to);
    size_t length = strlen(text);
    assert_true(length > LOG_LINE_BYTES_MAX - 10 && length < LOG_LINE_BYTES_MAX + 64);
    assert_string_equal(text + length - 4, "...\n");
}

static void test_levels(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_LOGFMT, &from, &to);
    assert_false(log_is_on(LOG_DEBUG));
    log_line(LOG_DEBUG, "net", "hidden");
    log_set_level(LOG_DEBUG);
    assert_true(log_is_on(LOG_DEBUG));
    log_line(LOG_DEBUG, "net", "shown");
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "net", "hidden");
    const char *text = finish(from, to);
    log_set_level(LOG_INFO);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "level=debug scope=net event=\"shown\""));
}

static void test_quote(void **state)
{
    (void)state;
    char at[16];
    assert_string_equal(log_quote(SLICE("plain"), at, sizeof(at)), "plain");
    assert_string_equal(log_quote(SLICE(""), at, sizeof(at)), "\"\"");
    assert_string_equal(log_quote(SLICE("two words"), at, sizeof(at)), "\"two wor...\"");
    assert_string_equal(log_quote(SLICE("a=b"), at, sizeof(at)), "\"a=b\"");
    assert_string_equal(log_quote(SLICE("\"\\"), at, sizeof(at)), "\"\\\"\\\\\"");
    assert_string_equal(log_quote(SLICE("\n"), at, sizeof(at)), "\"\\x0a\"");
    char room[64];
    for (size_t bytes = 16; bytes < sizeof(room); bytes++) {
        memset(room, 'z', sizeof(room));
        log_quote(
            SLICE("\x01 \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\x01\x02\x03\x04\x05\\\\\\\\"),
            room, bytes);
        assert_true(strlen(room) < bytes);
        assert_int_equal(room[bytes], 'z');
        assert_int_equal(room[strlen(room) - 1], '"');
    }
}

#define FLOOD_COUNT 4000

static void *stop_log(void *unused)
{
    log_stop();
    return unused;
}

static void test_a_full_queue_drops_and_tells(void **state)
{
    (void)state;
    uint64_t before = log_dropped_count();
    int from;
    int to;
    start(LOG_FORMAT_PRETTY, &from, &to);
    char word[500];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    /* The pipe takes 64 KiB, the queue LOG_QUEUE_COUNT_MAX lines; nobody reads. That this loop ends
     * shows that logging does not wait. */
    for (int i = 0; i < FLOOD_COUNT; i++) {
        log_line(LOG_INFO, "net", "flood word=%s", word);
    }
    uint64_t dropped = log_dropped_count() - before;
    assert_true(dropped > 0);
    assert_true(dropped <= FLOOD_COUNT - LOG_QUEUE_COUNT_MAX);
    /* Now somebody reads, while log_stop empties the queue. */
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_log, NULL), 0);
    size_t lines = 0;
    uint64_t told = 0;
    FILE *in = fdopen(from, "r");
    static char line[2048];
    while (lines < FLOOD_COUNT - dropped || told < dropped) {
        assert_non_null(fgets(line, sizeof(line), in));
        const char *count = strstr(line, "lines dropped count=");
        told += count != NULL ? strtoull(strchr(count, '=') + 1, NULL, 10) : 0;
        lines += strstr(line, "flood") != NULL;
    }
    pthread_join(stopper, NULL);
    assert_int_equal(told, dropped);
    assert_int_equal(lines, FLOOD_COUNT - dropped);
    fclose(in);
    close(to);
}

/* Directly to standard error before the start and after the stop. */
static void test_without_a_writer(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int kept = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    log_line(LOG_WARN, "server", "early n=1");
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(fds[1]);
    ssize_t got = read(fds[0], seen, sizeof(seen) - 1);
    assert_true(got > 0);
    seen[got] = '\0';
    assert_non_null(strstr(seen, "level=warn scope=server event=\"early\" n=1\n"));
    close(fds[0]);
    log_stop(); /* not running: nothing happens */
}

static void test_limit(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint32_t held_back;
    for (int i = 0; i < LOG_LIMIT_COUNT; i++) {
        assert_true(log_limit_pass(&limit, 5000 + i, &held_back));
        assert_int_equal(held_back, 0);
    }
    for (int i = 0; i < 7; i++) {
        assert_false(log_limit_pass(&limit, 6000, &held_back));
    }
    assert_false(log_limit_pass(&limit, 5000 + LOG_LIMIT_MS - 1, &held_back));
    assert_true(log_limit_pass(&limit, 5000 + LOG_LIMIT_MS, &held_back));
    assert_int_equal(held_back, 8);
    assert_true(log_limit_pass(&limit, 5001 + LOG_LIMIT_MS, &held_back));
    assert_int_equal(held_back, 0);
}

static void log_often(void)
{
    LOG_LIMITED(LOG_INFO, "net", "peer did it n=%d", 1);
}

static void test_limited_call_site(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_LOGFMT, &from, &to);
    for (int i = 0; i < 100; i++) {
        log_often();
    }
    const char *text = finish(from, to);
    int lines = 0;
    for (const char *at = text; (at = strstr(at, "peer did it")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, LOG_LIMIT_COUNT);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 100; i++) {
        log_line(LOG_INFO, "net", "many thread=%d n=%d", *(const int *)arg, i);
    }
    return NULL;
}

/* Four threads at once: each line whole, each thread's lines in order. */
static void test_threads(void **state)
{
    (void)state;
    int from;
    int to;
    start(LOG_FORMAT_PRETTY, &from, &to);
    pthread_t threads[4];
    int numbers[4];
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    char *text = finish(from, to);
    int next[4] = {0};
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int thread;
        int n;
        assert_int_equal(sscanf(line + 12, " info net many thread=%d n=%d", &thread, &n), 2);
        assert_int_equal(n, next[thread]++);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(next[i], 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logfmt),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_nobody_forges_a_line),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_a_full_queue_drops_and_tells),
        cmocka_unit_test(test_without_a_writer),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limited_call_site),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
