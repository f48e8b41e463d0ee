/* SPDX-License-Identifier: Apache-2.0
 *
 * demo.c - `thrum demo`: this machine as a thng, so that the first thing seen is real and live.
 *
 * It finds the thng of this machine over REST, by its name, or makes it; then it publishes the
 * figures once a second over MQTT, with QoS 1. When the broker goes away it comes back, a little
 * later each time. Ctrl-C ends it. */
#include "cli/command.h"

#include "base/assert.h"
#include "base/clock.h"
#include "cli/figures.h"
#include "cli/publisher.h"
#include "cli/rest.h"
#include "codec/json.h"
#include "codec/json_write.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define DEMO_PERIOD_MS 1000
#define DEMO_WAIT_MS_MIN 500
#define DEMO_WAIT_MS_MAX 8000

/* Pages of a hundred thngs that are searched for the one of this machine: it is among the newest.
 */
#define DEMO_PAGE_COUNT_MAX 10

#define DEMO_NAME_BYTES 128
#define DEMO_ID_BYTES 32

/* Room for a path in the line that is printed. */
#define DEMO_KEY_LINE_BYTES 4200

struct demo {
    const struct command_options *options;
    char key[COMMAND_KEY_BYTES_MAX + 1];
    char name[DEMO_NAME_BYTES]; /* of the thng */
    char thng[DEMO_ID_BYTES];   /* its id */
    int stop_fd;                /* readable once somebody wants this to end */
    bool is_terminal;
    uint64_t published_count;
};

static struct rest_call call_of(const struct demo *demo, const char *method, struct slice target)
{
    return (struct rest_call){
        .place = {.host = demo->options->host, .port = (int)demo->options->port},
        .stop_fd = demo->stop_fd,
        .method = method,
        .target = target,
        .key = slice_of_text(demo->key),
    };
}

/* ------------------------------------------------------------------ the thng */

/* Keeps the id of <thng>, which a path can hold as it is. */
static bool keep_id(struct demo *demo, struct json_value thng)
{
    struct json_value id = json_member(thng, SLICE("id"));
    if (id.type != JSON_STRING) {
        return false;
    }
    struct slice raw = json_string_raw(id);
    if (raw.bytes == 0 || raw.bytes >= sizeof(demo->thng) || json_raw_has_escapes(raw)) {
        return false;
    }
    memcpy(demo->thng, raw.at, raw.bytes);
    demo->thng[raw.bytes] = '\0';
    return true;
}

static bool is_refusal(const struct rest_answer *answer)
{
    if (answer->status < 300) {
        return false;
    }
    struct slice text = rest_error_text(answer);
    command_complain("the server answers %d: %.*s", answer->status, SLICE_ARGS(text));
    return true;
}

/* Looks for the thng on one page. NOT_FOUND when it is not there. */
static struct err search_page(struct demo *demo, const struct rest_answer *answer)
{
    struct json_value root;
    TRY(json_scan(answer->body, JSON_DEPTH_MAX, &root));
    if (root.type != JSON_ARRAY) {
        return ERR(SHAPE_INVALID);
    }
    struct json_each each = json_each(root);
    struct json_value thng;
    while (json_array_next(&each, &thng)) {
        struct json_value name = json_member(thng, SLICE("name"));
        if (name.type == JSON_STRING && json_string_equals(name, slice_of_text(demo->name)) &&
            keep_id(demo, thng)) {
            return ERR(OK);
        }
    }
    return ERR(NOT_FOUND);
}

static struct err find_thng(struct demo *demo, struct rest_answer *answer, struct buf *target)
{
    BUF_PUT_LITERAL(target, "/thngs?perPage=100");
    for (unsigned page = 0; page < DEMO_PAGE_COUNT_MAX; page++) {
        struct rest_call call = call_of(demo, "GET", buf_data(target));
        TRY(rest_make_call(&call, answer));
        if (is_refusal(answer)) {
            return ERR(DENIED);
        }
        struct err err = search_page(demo, answer);
        if (!err_equal(err, ERR(NOT_FOUND)) || !rest_next_page(answer, target)) {
            return err;
        }
    }
    return ERR(NOT_FOUND);
}

static struct err make_thng(struct demo *demo, struct rest_answer *answer, struct buf *body)
{
    buf_reset(body);
    json_write_open(body, '{');
    json_write_member_string(body, SLICE("name"), slice_of_text(demo->name));
    json_write_member_string(body, SLICE("description"),
                             SLICE("The figures of a machine, published by thrum demo."));
    json_write_member_json(body, SLICE("tags"), SLICE("[\"demo\"]"));
    json_write_close(body, '}');
    struct rest_call call = call_of(demo, "POST", SLICE("/thngs"));
    call.body = buf_data(body);
    TRY(rest_make_call(&call, answer));
    if (is_refusal(answer)) {
        return ERR(DENIED);
    }
    struct json_value thng;
    TRY(json_scan(answer->body, JSON_DEPTH_MAX, &thng));
    return keep_id(demo, thng) ? ERR(OK) : ERR(SHAPE_INVALID);
}

static struct err find_or_make_thng(struct demo *demo)
{
    struct rest_answer answer = {0};
    struct buf text = {0};
    const char *how = "found";
    struct err err = find_thng(demo, &answer, &text);
    if (err_equal(err, ERR(NOT_FOUND))) {
        how = "created";
        err = make_thng(demo, &answer, &text);
    }
    rest_answer_deinit(&answer);
    buf_deinit(&text);
    if (!err_is_set(err)) {
        printf("%s thng %s \"%s\"\n", how, demo->thng, demo->name);
    }
    return err;
}

/* ------------------------------------------------------------------ what is shown */

/* Tells how to see the figures elsewhere: lines to paste. */
static void print_ways(const struct demo *demo)
{
    const struct command_options *o = demo->options;
    char key[DEMO_KEY_LINE_BYTES];
    if (o->key_file == NULL) {
        snprintf(key, sizeof(key), "$(cat '%s/operator.key')", o->data);
    } else {
        snprintf(key, sizeof(key), "$(cat '%s')", o->key_file);
    }
    printf("\nwatch it from another shell:\n"
           "  mosquitto_sub -h %s -p %" PRId64 " -u authorization -P \"%s\" "
           "-t /thngs/%s/properties/load\n"
           "its history:\n"
           "  curl -s -H \"Authorization: %s\" 'http://%s:%" PRId64
           "/thngs/%s/properties/load'\n\n",
           o->host, o->mqtt_port, key, demo->thng, key, o->host, o->port, demo->thng);
}

/* One line, drawn over itself on a terminal. */
static void print_figures(const struct demo *demo, const struct figures_rates *rates)
{
    char clock[16] = "";
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) != NULL) {
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    }
    printf("%s%s  load %.2f  cpu %3.0f %%  memory %3.0f %%  disk %3.0f %%  "
           "net %.0f in, %.0f out KiB/s  published %" PRIu64 "%s",
           demo->is_terminal ? "\r\033[K" : "", clock, rates->load, rates->processor_percent,
           rates->memory_percent, rates->disk_percent, rates->network_received_kib_s,
           rates->network_sent_kib_s, demo->published_count, demo->is_terminal ? "" : "\n");
    fflush(stdout);
}

static void print_line(const struct demo *demo, const char *text)
{
    printf("%s%s\n", demo->is_terminal ? "\r\033[K" : "", text);
    fflush(stdout);
}

/* ------------------------------------------------------------------ publishing */

static struct err publish_rates(struct demo *demo, struct publisher *publisher,
                                const struct figures_rates *rates, struct buf *payload)
{
    char topic[64];
    snprintf(topic, sizeof(topic), "/thngs/%s/properties", demo->thng);
    buf_reset(payload);
    figures_put_json(payload, rates);
    if (payload->failed) {
        return ERR(NO_MEMORY);
    }
    TRY(publisher_publish(publisher, slice_of_text(topic), buf_data(payload)));
    demo->published_count++;
    print_figures(demo, rates);
    return ERR(OK);
}

/* Publishes once a second until <until_ms> (monotonic), or for ever when that is 0. Returns what
 * ended it: OK for the time, STOPPING, or what broke the connection. */
static struct err publish_while_connected(struct demo *demo, struct publisher *publisher,
                                          struct buf *payload, int64_t until_ms)
{
    struct figures before;
    figures_take(&before);
    int64_t next_ms = before.at_ms;
    while (until_ms == 0 || next_ms < until_ms) {
        next_ms += DEMO_PERIOD_MS;
        int64_t left_ms = max_i64(next_ms - clock_monotonic_ms(), 0);
        TRY(wire_sleep(demo->stop_fd, (int)left_ms));
        struct figures now;
        figures_take(&now);
        struct figures_rates rates = figures_compare(&before, &now);
        before = now;
        TRY(publish_rates(demo, publisher, &rates, payload));
    }
    return ERR(OK);
}

/* Connects, publishes, and after a break waits and connects again. */
static struct err publish_for_long(struct demo *demo, struct publisher *publisher)
{
    struct buf payload = {0};
    int64_t seconds = demo->options->seconds;
    int64_t until_ms = seconds == 0 ? 0 : clock_monotonic_ms() + seconds * 1000;
    int wait_ms = DEMO_WAIT_MS_MIN;
    struct err err;
    for (;;) {
        uint64_t before = demo->published_count;
        err = publisher_connect(publisher);
        if (!err_is_set(err)) {
            err = publish_while_connected(demo, publisher, &payload, until_ms);
        }
        if (!err_is_set(err) || err_equal(err, ERR(STOPPING)) ||
            err_equal(err, ERR(CREDENTIAL_UNKNOWN)) ||
            (until_ms != 0 && clock_monotonic_ms() >= until_ms)) {
            break;
        }
        wait_ms = demo->published_count > before ? DEMO_WAIT_MS_MIN : wait_ms;
        char text[160];
        snprintf(text, sizeof(text), "%s; trying again in %.1f s", wire_problem(err),
                 wait_ms / 1000.0);
        print_line(demo, text);
        err = wire_sleep(demo->stop_fd, wait_ms);
        if (err_is_set(err)) {
            break;
        }
        wait_ms = wait_ms * 2 > DEMO_WAIT_MS_MAX ? DEMO_WAIT_MS_MAX : wait_ms * 2;
    }
    buf_deinit(&payload);
    return err;
}

static struct err run(struct demo *demo)
{
    TRY(find_or_make_thng(demo));
    print_ways(demo);
    char client_id[64];
    snprintf(client_id, sizeof(client_id), "thrum-demo-%ld", (long)getpid());
    struct publisher publisher = {
        .place = {.host = demo->options->host, .port = (int)demo->options->mqtt_port},
        .client_id = slice_of_text(client_id),
        .key = slice_of_text(demo->key),
        .wire = {.fd = -1, .stop_fd = demo->stop_fd},
    };
    struct err err = publish_for_long(demo, &publisher);
    publisher_close(&publisher);
    return err;
}

/* SIGINT and SIGTERM no longer interrupt anything: they make the descriptor readable. */
static int open_stop_fd(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum command_exit demo_run(const struct command_options *options)
{
    struct demo demo = {.options = options, .is_terminal = isatty(STDOUT_FILENO)};
    if (!command_read_key(options, demo.key)) {
        return COMMAND_FAILED;
    }
    char host[65] = "";
    if (gethostname(host, sizeof(host) - 1) == -1 || host[0] == '\0') {
        snprintf(host, sizeof(host), "unnamed");
    }
    snprintf(demo.name, sizeof(demo.name), "This machine (%s)", host);
    demo.stop_fd = open_stop_fd();
    struct err err = run(&demo);
    if (demo.stop_fd != -1) {
        close(demo.stop_fd);
    }
    if (err_is_set(err) && !err_equal(err, ERR(STOPPING))) {
        /* What a server refused has been said already. */
        if (!err_equal(err, ERR(DENIED))) {
            command_complain("%s (http %s:%" PRId64 ", mqtt %s:%" PRId64 ")", wire_problem(err),
                             options->host, options->port, options->host, options->mqtt_port);
        }
        return COMMAND_FAILED;
    }
    char text[64];
    snprintf(text, sizeof(text), "published %" PRIu64 " times", demo.published_count);
    printf("\n");
    print_line(&demo, text);
    return COMMAND_DONE;
}
