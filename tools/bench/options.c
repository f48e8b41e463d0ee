/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "load MODE [OPTION...]    an MQTT 3.1.1 load generator; one line of results on stdout\n"
    "\n"
    "  ingest   publishers only; the rate is what the broker acknowledged (QoS 0: what it read\n"
    "           before it answered a PINGREQ)\n"
    "  pairs    each publisher has a subscriber on its own topic; a message leaves the window\n"
    "           when it is delivered and, with QoS 1, acknowledged\n"
    "  fanout   one publisher, many subscribers on its topic\n"
    "  paced    pairs at a fixed total rate; latencies are what counts\n"
    "\n"
    "  --host ADDRESS      127.0.0.1\n"
    "  --port PORT         1883\n"
    "  --user NAME         with --password TEXT, or --password-file FILE (its first line)\n"
    "  --publishers N      100 for ingest, 50 for pairs and paced\n"
    "  --subscribers N     100, fanout; paced: as many as publishers\n"
    "  --deaf N            0: besides those, subscribers that never read\n"
    "  --qos 0|1           1\n"
    "  --window N          20; paced: 4096\n"
    "  --seconds S         10, measured after --warmup S (1)\n"
    "  --count N           send N messages and stop, without a warm-up\n"
    "  --rate N            10000 messages a second, paced only; --tick-us N (250)\n"
    "  --pause-us N        0; a rest between two looks at the sockets, not for paced: the broker\n"
    "           gets the processor, and the generator takes the answers in fewer, larger reads\n"
    "  --topic TEMPLATE    load/%d; %d is the number of the publisher\n"
    "  --topics FILE       one topic a line, taken in turn\n"
    "  --payload TEMPLATE  [{\"value\":%d}]; %d counts the publisher's messages, %t is ms of time\n"
    "  --marker TEXT       \"value\": stands before the counter in what is delivered\n"
    "  --threads N         1\n"
    "  --json              results as one JSON object\n";

enum option_key {
    KEY_HOST = 256,
    KEY_PORT,
    KEY_USER,
    KEY_PASSWORD,
    KEY_PASSWORD_FILE,
    KEY_PUBLISHERS,
    KEY_SUBSCRIBERS,
    KEY_QOS,
    KEY_WINDOW,
    KEY_SECONDS,
    KEY_WARMUP,
    KEY_COUNT,
    KEY_RATE,
    KEY_TICK,
    KEY_PAUSE,
    KEY_TOPIC,
    KEY_TOPICS,
    KEY_PAYLOAD,
    KEY_MARKER,
    KEY_DEAF,
    KEY_THREADS,
    KEY_JSON,
    KEY_HELP,
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, KEY_HOST},
    {"port", required_argument, NULL, KEY_PORT},
    {"user", required_argument, NULL, KEY_USER},
    {"password", required_argument, NULL, KEY_PASSWORD},
    {"password-file", required_argument, NULL, KEY_PASSWORD_FILE},
    {"publishers", required_argument, NULL, KEY_PUBLISHERS},
    {"subscribers", required_argument, NULL, KEY_SUBSCRIBERS},
    {"deaf", required_argument, NULL, KEY_DEAF},
    {"qos", required_argument, NULL, KEY_QOS},
    {"window", required_argument, NULL, KEY_WINDOW},
    {"seconds", required_argument, NULL, KEY_SECONDS},
    {"warmup", required_argument, NULL, KEY_WARMUP},
    {"count", required_argument, NULL, KEY_COUNT},
    {"rate", required_argument, NULL, KEY_RATE},
    {"tick-us", required_argument, NULL, KEY_TICK},
    {"pause-us", required_argument, NULL, KEY_PAUSE},
    {"topic", required_argument, NULL, KEY_TOPIC},
    {"topics", required_argument, NULL, KEY_TOPICS},
    {"payload", required_argument, NULL, KEY_PAYLOAD},
    {"marker", required_argument, NULL, KEY_MARKER},
    {"threads", required_argument, NULL, KEY_THREADS},
    {"json", no_argument, NULL, KEY_JSON},
    {"help", no_argument, NULL, KEY_HELP},
    {NULL, 0, NULL, 0},
};

_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static double read_number(const char *text, double min, double max)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(value >= min && value <= max)) {
        die("'%s' is not a number from %.0f to %.0f", text, min, max);
    }
    return value;
}

static unsigned read_count(const char *text, double min, double max)
{
    double value = read_number(text, min, max);
    if (value != floor(value)) {
        die("'%s' is not a whole number", text);
    }
    return (unsigned)value;
}

/* All lines of a file; they live until the process ends. */
static struct slice *read_lines(const char *path, size_t *count)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        die("cannot read %s: %s", path, strerror(errno));
    }
    struct slice *lines = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t bytes;
    *count = 0;
    while ((bytes = getline(&line, &room, file)) > 0) {
        size_t length = strcspn(line, "\r\n");
        if (length == 0) {
            continue;
        }
        lines = realloc(lines, (*count + 1) * sizeof(lines[0]));
        char *text = strndup(line, length);
        if (lines == NULL || text == NULL) {
            die("out of memory");
        }
        lines[(*count)++] = slice_of(text, length);
    }
    free(line);
    fclose(file);
    if (*count == 0) {
        die("%s has no lines", path);
    }
    return lines;
}

static struct options options_default(const char *mode)
{
    static const char *const names[] = {"ingest", "pairs", "fanout", "paced"};
    struct options options = {
        .host = "127.0.0.1",
        .port = "1883",
        .threads = 1,
        .qos = 1,
        .rate = 10000,
        .tick_ns = 250 * 1000,
        .seconds_ns = (int64_t)10e9,
        .warmup_ns = (int64_t)1e9,
        .topic = "load/%d",
        .payload = "[{\"value\":%d}]",
        .marker = SLICE("\"value\":"),
    };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(mode, names[i]) == 0) {
            options.mode = (enum mode)i;
            options.mode_name = names[i];
            options.publishers = i == MODE_INGEST ? 100 : i == MODE_FANOUT ? 1 : 50;
            options.subscribers = i == MODE_FANOUT ? 100 : 0;
            options.window = i == MODE_PACED ? 4096 : 20;
            return options;
        }
    }
    fputs(usage_text, stderr);
    die("unknown mode '%s'", mode);
}

static void apply(struct options *options, int key, const char *value)
{
    size_t lines_count;
    switch (key) {
    case KEY_HOST:
        options->host = value;
        break;
    case KEY_PORT:
        options->port = value;
        break;
    case KEY_USER:
        options->user = slice_of_text(value);
        break;
    case KEY_PASSWORD:
        options->password = slice_of_text(value);
        break;
    case KEY_PASSWORD_FILE:
        options->password = read_lines(value, &lines_count)[0];
        break;
    case KEY_PUBLISHERS:
        options->publishers = read_count(value, 1, CONNECTIONS_MAX);
        break;
    case KEY_SUBSCRIBERS:
        options->subscribers = read_count(value, 1, CONNECTIONS_MAX);
        break;
    case KEY_DEAF:
        options->deaf = read_count(value, 0, CONNECTIONS_MAX);
        break;
    case KEY_QOS:
        options->qos = (uint8_t)read_count(value, 0, 1);
        break;
    case KEY_WINDOW:
        options->window = read_count(value, 1, WINDOW_MAX);
        break;
    case KEY_SECONDS:
        options->seconds_ns = (int64_t)(read_number(value, 0.1, 86400) * 1e9);
        break;
    case KEY_WARMUP:
        options->warmup_ns = (int64_t)(read_number(value, 0, 3600) * 1e9);
        break;
    case KEY_COUNT:
        options->count = (uint64_t)read_number(value, 1, 1e15);
        break;
    case KEY_RATE:
        options->rate = read_number(value, 1, 1e8);
        break;
    case KEY_TICK:
        options->tick_ns = (int64_t)(read_number(value, 1, 1e6) * 1e3);
        break;
    case KEY_PAUSE:
        options->pause_ns = (int64_t)(read_number(value, 0, 1e6) * 1e3);
        break;
    case KEY_TOPIC:
        options->topic = value;
        break;
    case KEY_TOPICS:
        options->topics = read_lines(value, &options->topics_count);
        break;
    case KEY_PAYLOAD:
        options->payload = value;
        break;
    case KEY_MARKER:
        options->marker = slice_of_text(value);
        break;
    case KEY_THREADS:
        options->threads = read_count(value, 1, THREADS_MAX);
        break;
    case KEY_JSON:
        options->json = true;
        break;
    case KEY_HELP:
        fputs(usage_text, stdout);
        exit(0);
    default:
        exit(2); /* getopt has said what it did not like */
    }
}

struct options options_parse(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
        fputs(usage_text, asked ? stdout : stderr);
        exit(asked ? 0 : 2);
    }
    struct options options = options_default(argv[1]);
    int key;
    while ((key = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1) {
        apply(&options, key, optarg);
    }
    if (optind != argc - 1) {
        die("unexpected argument '%s'", argv[optind + 1]);
    }
    if (options.mode == MODE_FANOUT) {
        options.publishers = options.threads = 1;
    }
    options.threads = options.threads < options.publishers ? options.threads : options.publishers;
    options.is_counted = strstr(options.payload, "%d") != NULL;
    if (strlen(options.payload) > PAYLOAD_BYTES_MAX / 2) {
        die("the payload is longer than %d bytes", PAYLOAD_BYTES_MAX / 2);
    }
    if (options.mode == MODE_PACED && options.count != 0) {
        die("paced runs for --seconds, not for a --count");
    }
    return options;
}

/* Appends <template> with %d and %t replaced; any other % stands for itself. */
static void put_template(struct buf *out, const char *template, uint64_t number, int64_t wall_ms)
{
    const char *percent;
    while ((percent = strchr(template, '%')) != NULL) {
        buf_put_bytes(out, template, (size_t)(percent - template));
        if (percent[1] == 'd') {
            buf_put_decimal_unsigned(out, number);
        } else if (percent[1] == 't') {
            buf_put_decimal(out, wall_ms);
        } else {
            buf_put_byte(out, '%');
        }
        template = percent + (percent[1] == 'd' || percent[1] == 't' ? 2 : 1);
    }
    buf_put_bytes(out, template, strlen(template));
}

void options_put_topic(const struct options *options, struct buf *out, unsigned index)
{
    if (options->topics != NULL) {
        buf_put(out, options->topics[index % options->topics_count]);
    } else {
        put_template(out, options->topic, index, 0);
    }
}

void options_put_payload(const struct options *options, struct buf *out, uint64_t counter,
                         int64_t wall_ms)
{
    put_template(out, options->payload, counter, wall_ms);
}

bool options_read_counter(const struct options *options, struct slice payload, uint64_t *counter)
{
    const uint8_t *end = payload.at + payload.bytes;
    const uint8_t *at =
        memmem(payload.at, payload.bytes, options->marker.at, options->marker.bytes);
    if (at == NULL) {
        return false;
    }
    at += options->marker.bytes;
    uint64_t value = 0;
    const uint8_t *start = at;
    while (at < end && *at >= '0' && *at <= '9') {
        value = value * 10 + (uint64_t)(*at++ - '0');
    }
    *counter = value;
    return at != start;
}
