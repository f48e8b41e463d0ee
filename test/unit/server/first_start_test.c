/* SPDX-License-Identifier: Apache-2.0
 *
 * first_start_test.c - the text of a start: what it tells, what it keeps to itself, and that its
 * lines are sound shell. That they work against a running thrumd is for the scenarios. */
#include "server/first_start.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "k3yk3yk3y"

static const struct first_start_endpoint endpoints[] = {
    {CONFIG_LISTENER_MQTT, "127.0.0.1", 1883, CONFIG_TLS_OFF, CONFIG_PROTOCOL_ALL, false},
    {CONFIG_LISTENER_MQTTS, "127.0.0.1", 8883, CONFIG_TLS_ON, CONFIG_PROTOCOL_ALL, false},
    {CONFIG_LISTENER_MQTTS, "::1", 8883, CONFIG_TLS_ON, CONFIG_PROTOCOL_ALL, false},
    {CONFIG_LISTENER_HTTP, "127.0.0.1", 8080, CONFIG_TLS_OFF,
     CONFIG_PROTOCOL_HTTP | CONFIG_PROTOCOL_WEBSOCKET, false},
    {CONFIG_LISTENER_HTTPS, "127.0.0.1", 8443, CONFIG_TLS_ON,
     CONFIG_PROTOCOL_HTTP | CONFIG_PROTOCOL_WEBSOCKET, false},
};

static struct first_start first(void)
{
    return (struct first_start){
        .version = "1.2.3",
        .data = "thrum-data",
        .ca_file = "thrum-data/tls/ca.pem",
        .operator_key = KEY,
        .program = "build/thrumd",
        .endpoints = endpoints,
        .endpoint_count = ARRAY_LEN(endpoints),
    };
}

/* The text; lives until the next call. */
static const char *print(const struct first_start *start)
{
    static char text[16384];
    struct buf out = {.bytes_max = sizeof(text) - 1};
    first_start_print(&out, start);
    assert_false(out.failed);
    struct slice bytes = buf_data(&out);
    memcpy(text, bytes.at, bytes.bytes);
    text[bytes.bytes] = '\0';
    buf_deinit(&out);
    return text;
}

/* The line of <text> that begins with <start>; lives until the next call. */
static const char *line_of(const char *text, const char *start)
{
    static char line[4096];
    size_t bytes = strlen(start);
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, start, bytes) == 0) {
            snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
            return line;
        }
    }
    fail_msg("no line begins with \"%s\" in:\n%s", start, text);
    return NULL;
}

#define HAS(text, part) assert_non_null(strstr((text), (part)))
#define HAS_NOT(text, part) assert_null(strstr((text), (part)))

/* True when sh would run <text>: it is parsed, not run. */
static bool is_sound_shell(const char *text)
{
    char path[] = "/tmp/thrum-lines-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    char command[128];
    snprintf(command, sizeof(command), "sh -n %s 2>/dev/null", path);
    int status = system(command);
    unlink(path);
    return status == 0;
}

static void first_start_tells_all(void **state)
{
    (void)state;
    struct first_start start = first();
    const char *text = print(&start);
    HAS(text, "thrum 1.2.3 is up.\n");
    HAS(text, "  mqtt          127.0.0.1:1883                plain\n");
    HAS(text, "  mqtts         127.0.0.1:8883, [::1]:8883    TLS\n");
    HAS(text, "  operator key  " KEY "\n");
    HAS(text, "thrum-data/tls/ca.pem\n");
    HAS_NOT(text, "\033");
    assert_string_equal(line_of(text, "KEY="), "KEY=$(cat thrum-data/operator.key)");
    HAS(line_of(text, "THNG="), "curl -s \"http://127.0.0.1:8080/thngs\"");
    HAS(line_of(text, "mosquitto_sub"), "-h 127.0.0.1 -p 8883 --cafile thrum-data/tls/ca.pem ");
    HAS(line_of(text, "mosquitto_pub"), "-h 127.0.0.1 -p 1883 -u authorization");
    HAS(line_of(text, "curl -sN"), "http://127.0.0.1:8080/thngs/$THNG/properties/temperature?");
    HAS(line_of(text, "curl -s \""), "/thngs/$THNG/properties/temperature\"");
    assert_string_equal(line_of(text, "build/thrum "), "build/thrum demo --data thrum-data");
    const char *lines = strstr(text, "\n# ");
    assert_true(is_sound_shell(lines));
    assert_false(is_sound_shell("echo $(")); /* the judge can say no */
}

static void later_starts_keep_the_secret(void **state)
{
    (void)state;
    struct first_start start = first();
    start.operator_key = NULL;
    const char *text = print(&start);
    HAS(text, "127.0.0.1:1883");
    HAS(text, "thrum-data/operator.key");
    HAS_NOT(text, KEY);
    HAS_NOT(text, "curl");
    HAS_NOT(text, "shown this once");
}

static void colour_is_asked_for(void **state)
{
    (void)state;
    struct first_start start = first();
    start.has_colour = true;
    const char *text = print(&start);
    HAS(text, "\033[1m");
    /* What is to be pasted has no colours in it. */
    HAS_NOT(line_of(text, "KEY="), "\033");
    HAS_NOT(line_of(text, "mosquitto_sub"), "\033");

    int fd = open("/dev/null", 0);
    assert_false(first_start_wants_colour(fd));
    close(fd);
}

static void other_ports_and_folders(void **state)
{
    (void)state;
    static const struct first_start_endpoint other[] = {
        {CONFIG_LISTENER_MQTT, "::", 18830, CONFIG_TLS_AUTO, CONFIG_PROTOCOL_MQTT, false},
        {CONFIG_LISTENER_HTTP, "0.0.0.0", 18080, CONFIG_TLS_OFF, CONFIG_PROTOCOL_HTTP, false},
    };
    struct first_start start = first();
    start.endpoints = other;
    start.endpoint_count = ARRAY_LEN(other);
    start.data = "/srv/it's here";
    start.ca_file = "/srv/it's here/tls/ca.pem";
    start.program = "thrumd";
    const char *text = print(&start);
    HAS(text, "  mqtt          [::]:18830                    TLS or plain\n");
    assert_string_equal(line_of(text, "KEY="), "KEY=$(cat '/srv/it'\\''s here/operator.key')");
    HAS(line_of(text, "THNG="), "http://127.0.0.1:18080/thngs");
    HAS(line_of(text, "mosquitto_sub"),
        "-h ::1 -p 18830 --cafile '/srv/it'\\''s here/tls/ca.pem' -u");
    HAS(line_of(text, "mosquitto_pub"), "-h ::1 -p 18830 -u");
    HAS_NOT(text, "Upgrade"); /* nobody serves WebSocket */
    assert_string_equal(line_of(text, "thrum demo"),
                        "thrum demo --data '/srv/it'\\''s here' --port 18080 --mqtt-port 18830");
    assert_true(is_sound_shell(strstr(text, "\n# ")));
}

static void tls_only(void **state)
{
    (void)state;
    static const struct first_start_endpoint other[] = {
        {CONFIG_LISTENER_HTTPS, "127.0.0.1", 8443, CONFIG_TLS_ON, CONFIG_PROTOCOL_ALL, false},
    };
    struct first_start start = first();
    start.endpoints = other;
    start.endpoint_count = 1;
    const char *text = print(&start);
    HAS(line_of(text, "THNG="),
        "curl -s --cacert thrum-data/tls/ca.pem \"https://127.0.0.1:8443/thngs\"");
    HAS(line_of(text, "curl -sN"), "--cacert thrum-data/tls/ca.pem \"https://127.0.0.1:8443/");
    HAS(line_of(text, "mosquitto_pub"), "-p 8443 --cafile");
    HAS_NOT(text, "thrum demo"); /* it speaks plain only */

    /* With a certificate of a public authority clients need no file. */
    start.ca_file = NULL;
    text = print(&start);
    HAS(line_of(text, "THNG=$("), "curl -s \"https://127.0.0.1:8443/thngs\"");
    HAS(line_of(text, "mosquitto_pub"), "-p 8443 --tls-use-os-certs -u");
    HAS_NOT(text, "ca.pem");
    HAS_NOT(text, "  CA ");
}

static void without_mqtt_or_http(void **state)
{
    (void)state;
    struct first_start_endpoint only = endpoints[3];
    struct first_start start = first();
    start.endpoints = &only;
    start.endpoint_count = 1;
    const char *text = print(&start);
    HAS_NOT(text, "mosquitto");
    HAS(line_of(text, "curl -s -X PUT"), "-d '[{\"value\":37.2}]'");

    only = endpoints[0];
    only.protocols = CONFIG_PROTOCOL_MQTT;
    text = print(&start);
    HAS(text, KEY);
    HAS_NOT(text, "curl");
}

static void behind_a_proxy(void **state)
{
    (void)state;
    struct first_start_endpoint some[] = {endpoints[0], endpoints[3], endpoints[4]};
    struct first_start start = first();
    start.endpoints = some;
    start.endpoint_count = ARRAY_LEN(some);
    some[1].is_behind_proxy = true;
    const char *text = print(&start);
    HAS(line_of(text, "  http "), "plain, behind a proxy");
    HAS_NOT(line_of(text, "  https "), "proxy");
    HAS(line_of(text, "THNG="), "\"http://127.0.0.1:1883/thngs\"");
    HAS_NOT(line_of(text, "curl -sN"), ":8080");
    some[2].is_behind_proxy = some[0].is_behind_proxy = true;
    text = print(&start);
    HAS(text, KEY);
    HAS_NOT(text, "curl");
}

/* Frames as they come over a WebSocket: short, longer than 125 bytes, and one whose length is '['.
 */
static void web_socket_line_prints_payloads(void **state)
{
    (void)state;
    struct first_start start = first();
    const char *perl = strstr(line_of(print(&start), "curl -sN"), "| perl");
    assert_non_null(perl);
    char command[1024];
    snprintf(
        command, sizeof(command),
        "printf '\\201\\016[{\"value\":37}]\\201\\176\\000\\200[{\"key\":\"a\"}]\\201[[{\"b\":1}]'"
        " %.*s",
        (int)(strlen(perl) - strlen(" &")), perl);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char output[256] = "";
    size_t bytes = fread(output, 1, sizeof(output) - 1, pipe);
    output[bytes] = '\0';
    assert_int_equal(pclose(pipe), 0);
    assert_string_equal(output, "websocket  [{\"value\":37}]\n"
                                "websocket  [{\"key\":\"a\"}]\n"
                                "websocket  [{\"b\":1}]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_start_tells_all),
        cmocka_unit_test(later_starts_keep_the_secret),
        cmocka_unit_test(colour_is_asked_for),
        cmocka_unit_test(other_ports_and_folders),
        cmocka_unit_test(tls_only),
        cmocka_unit_test(without_mqtt_or_http),
        cmocka_unit_test(behind_a_proxy),
        cmocka_unit_test(web_socket_line_prints_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
