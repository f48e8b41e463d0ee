/* SPDX-License-Identifier: Apache-2.0
 *
 * config_test.c - the configuration: defaults, each source, their order, and each kind of fault. */
#include "server/config.h"

#include "server/config_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What one test hands to config_load and what came of it. */
struct trial {
    char path[64]; /* of the file written by trial_file; empty: none */
    const char *environment[16];
    const char *settings[16];
    size_t setting_count;
    struct config config;
    struct buf errors;
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct trial));
    return *state == NULL;
}

static int teardown(void **state)
{
    struct trial *trial = *state;
    if (trial->path[0] != '\0') {
        unlink(trial->path);
    }
    buf_deinit(&trial->errors);
    free(trial);
    return 0;
}

static void trial_file(struct trial *trial, const char *text)
{
    snprintf(trial->path, sizeof(trial->path), "/tmp/thrum-config-XXXXXX");
    int fd = mkstemp(trial->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static struct err trial_load(struct trial *trial)
{
    struct config_sources sources = {
        .data = "/nonexistent/thrum",
        .file = trial->path[0] != '\0' ? trial->path : NULL,
        .environment = trial->environment,
        .settings = trial->settings,
        .setting_count = trial->setting_count,
    };
    buf_reset(&trial->errors);
    struct err err = config_load(&trial->config, &sources, &trial->errors);
    buf_put_byte(&trial->errors, '\0');
    return err;
}

static struct err trial_set(struct trial *trial, const char *setting)
{
    trial->settings[0] = setting;
    trial->setting_count = 1;
    return trial_load(trial);
}

static const char *errors_of(const struct trial *trial)
{
    return (const char *)buf_data(&trial->errors).at;
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

#define ASSERT_GOOD(err) assert_int_equal((err).code, ERR_OK)
#define ASSERT_BAD(err) assert_int_equal((err).code, ERR_CONFIG)

/* Fails with the text of the errors, which tells more than "NULL". */
static void assert_told(const struct trial *trial, const char *part)
{
    if (strstr(errors_of(trial), part) == NULL) {
        fail_msg("expected \"%s\" in:\n%s", part, errors_of(trial));
    }
}

/* ------------------------------------------------------------------ the table */

static void table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        char why[CONFIG_DESCRIBE_BYTES];
        struct config config;
        ASSERT_GOOD(config_value_read(&config, key, slice_of_text(key->value), why));
        assert_int_equal(key->help[strlen(key->help) - 1], '.');
        assert_true((key->type == CONFIG_TYPE_CHOICE) == (key->choices != NULL));
        bool found = false;
        for (size_t s = 0; s < config_section_count; s++) {
            found |= strcmp(config_sections[s].name, key->section) == 0;
        }
        assert_true(found);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(config_keys[j].offset, key->offset);
            assert_true(strcmp(config_keys[j].section, key->section) != 0 ||
                        strcmp(config_keys[j].name, key->name) != 0);
        }
    }
}

static void defaults_are_those_of_the_contract(void **state)
{
    struct trial *trial = *state;
    ASSERT_GOOD(trial_load(trial));
    const struct config *config = &trial->config;
    assert_string_equal(config->data, "/nonexistent/thrum");
    assert_string_equal(config->file, "");
    assert_int_equal(config->limits.packet_bytes, 1048576);
    assert_int_equal(config->limits.connect_bytes, 4096);
    assert_int_equal(config->limits.handshake_ms, 10000);
    assert_int_equal(config->limits.target_bytes, 8192);
    assert_int_equal(config->limits.header_bytes, 16384);
    assert_int_equal(config->limits.header_fields, 100);
    assert_int_equal(config->limits.json_depth, 64);
    assert_int_equal(config->limits.connections_per_address, 0);
    assert_int_equal(config->limits.connections_per_key, 0);
    assert_int_equal(config->limits.points, 1000);
    assert_int_equal(config->limits.actions, 1000);
    assert_int_equal(config->limits.members, 10000);
    assert_int_equal(config->limits.task_quantity, 100000);
    assert_int_equal(config->limits.name, 256);
    assert_int_equal(config->limits.description, 4096);
    assert_int_equal(config->limits.type, 256);
    assert_int_equal(config->limits.tags, 60);
    assert_int_equal(config->limits.tag, 256);
    assert_int_equal(config->limits.custom_fields_bytes, 65536);
    assert_int_equal(config->mqtt.keepalive_max_ms, 120000);
    assert_int_equal(config->mqtt.refused_subscriptions, CONFIG_SUBSCRIPTIONS_REPORT);
    assert_int_equal(config->mqtt.refused_publishes, CONFIG_PUBLISHES_CLOSE);
    assert_true(config->mqtt.allow_topic_token);
    assert_int_equal(config->journal.keep_ms, 86400000);
    assert_int_equal(config->journal.keep_bytes, INT64_C(17179869184));
    static const struct {
        int64_t port;
        enum config_tls tls;
        size_t addresses;
    } expected[CONFIG_LISTENER_COUNT] = {
        [CONFIG_LISTENER_MQTT] = {1883, CONFIG_TLS_OFF, 1},
        [CONFIG_LISTENER_MQTTS] = {8883, CONFIG_TLS_ON, 2},
        [CONFIG_LISTENER_HTTP] = {8080, CONFIG_TLS_OFF, 1},
        [CONFIG_LISTENER_HTTPS] = {8443, CONFIG_TLS_ON, 2},
    };
    for (size_t i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        const struct config_listener *listener = &config->listeners[i];
        assert_true(listener->enabled);
        assert_int_equal(listener->port, expected[i].port);
        assert_int_equal(listener->tls, expected[i].tls);
        assert_int_equal(listener->protocols, CONFIG_PROTOCOL_ALL);
        assert_int_equal(listener->addresses.count, expected[i].addresses);
        assert_string_equal(listener->addresses.at[0], "127.0.0.1");
        assert_false(listener->proxy_protocol);
        assert_int_equal(listener->proxy_from.count, 2);
    }
    assert_string_equal(config->listeners[CONFIG_LISTENER_MQTTS].addresses.at[1], "::1");
}

/* ------------------------------------------------------------------ values */

static void numbers(void **state)
{
    static const struct {
        const char *setting;
        int64_t expected; /* -1: refused */
    } rows[] = {
        {"limits.packet=1048576", 1048576},
        {"limits.packet=2MiB", 2097152},
        {"limits.packet= 64 KiB ", 65536},
        {"limits.packet=1KiB", 1024},
        {"limits.packet=1023", -1},
        {"limits.packet=32MiB", 33554432},
        {"limits.packet=33554433", -1},
        {"limits.packet=1MB", -1},
        {"limits.packet=1mib", -1},
        {"limits.packet=1.5MiB", -1},
        {"limits.packet=-1", -1},
        {"limits.packet=", -1},
        {"limits.packet=MiB", -1},
        {"limits.packet=0x1000", -1},
        {"limits.packet=9223372036854775807", -1},
        {"limits.packet=9223372036854775808", -1},
        {"limits.packet=9007199254740992GiB", -1},
        {"limits.packet=2MiBx", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        /* A big group leaves the packet alone to be judged. */
        struct trial *trial = *state;
        trial->settings[1] = "engine.group_bytes=64MiB";
        trial->settings[2] = "engine.ring=1GiB";
        trial->settings[0] = rows[i].setting;
        trial->setting_count = 3;
        struct err err = trial_load(trial);
        if (rows[i].expected < 0) {
            ASSERT_BAD(err);
            assert_told(trial, "limits.packet takes 1KiB to 32MiB (bytes, KiB, MiB or GiB), not");
        } else {
            ASSERT_GOOD(err);
            assert_int_equal(trial->config.limits.packet_bytes, rows[i].expected);
        }
    }
}

static void durations(void **state)
{
    struct trial *trial = *state;
    static const struct {
        const char *setting;
        int64_t expected;
    } rows[] = {
        {"journal.keep=60000ms", 60000}, {"journal.keep=60s", 60000},
        {"journal.keep=5m", 300000},     {"journal.keep=1h", 3600000},
        {"journal.keep=7d", 604800000},  {"journal.keep=60000", -1},
        {"journal.keep=7 weeks", -1},    {"journal.keep=59s", -1},
        {"journal.keep=3651d", -1},      {"journal.keep=0", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = trial_set(trial, rows[i].setting);
        if (rows[i].expected < 0) {
            ASSERT_BAD(err);
            assert_told(trial, "journal.keep takes 1m to 3650d");
        } else {
            ASSERT_GOOD(err);
            assert_int_equal(trial->config.journal.keep_ms, rows[i].expected);
        }
    }
}

static void words(void **state)
{
    struct trial *trial = *state;
    ASSERT_GOOD(trial_set(trial, "mqtt.allow_topic_token=off"));
    assert_false(trial->config.mqtt.allow_topic_token);
    ASSERT_BAD(trial_set(trial, "mqtt.allow_topic_token=no"));
    assert_told(trial, "mqtt.allow_topic_token takes on or off, not \"no\"");

    ASSERT_GOOD(trial_set(trial, "log.level=debug"));
    assert_int_equal(trial->config.log.level, LOG_DEBUG);
    ASSERT_BAD(trial_set(trial, "log.level=Debug"));
    assert_told(trial, "log.level takes error, warn, info or debug, not \"Debug\"");

    ASSERT_GOOD(trial_set(trial, "mqtt.refused_publishes=ack"));
    assert_int_equal(trial->config.mqtt.refused_publishes, CONFIG_PUBLISHES_ACK);
    ASSERT_GOOD(trial_set(trial, "mqtt.refused_subscriptions=silent"));
    assert_int_equal(trial->config.mqtt.refused_subscriptions, CONFIG_SUBSCRIPTIONS_SILENT);
    ASSERT_GOOD(trial_set(trial, "listener.http.tls=auto"));
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_HTTP].tls, CONFIG_TLS_AUTO);
}

static void protocols(void **state)
{
    struct trial *trial = *state;
    const struct config_listener *mqtt = &trial->config.listeners[CONFIG_LISTENER_MQTT];
    ASSERT_GOOD(trial_set(trial, "listener.mqtt.protocols=mqtt , mqtt-websocket"));
    assert_int_equal(mqtt->protocols, CONFIG_PROTOCOL_MQTT | CONFIG_PROTOCOL_MQTT_WEBSOCKET);
    ASSERT_GOOD(trial_set(trial, "listener.mqtt.protocols=http,websocket"));
    assert_int_equal(mqtt->protocols, CONFIG_PROTOCOL_HTTP | CONFIG_PROTOCOL_WEBSOCKET);
    ASSERT_BAD(trial_set(trial, "listener.mqtt.protocols="));
    ASSERT_BAD(trial_set(trial, "listener.mqtt.protocols=mqtt,,http"));
    ASSERT_BAD(trial_set(trial, "listener.mqtt.protocols=coap"));
}

static void addresses(void **state)
{
    struct trial *trial = *state;
    const struct config_addresses *found = &trial->config.listeners[CONFIG_LISTENER_HTTP].addresses;
    ASSERT_GOOD(trial_set(trial, "listener.http.address=192.0.2.1, 2001:db8::7"));
    assert_int_equal(found->count, 2);
    assert_string_equal(found->at[0], "192.0.2.1");
    assert_string_equal(found->at[1], "2001:db8::7");
    ASSERT_GOOD(trial_set(trial, "listener.http.address=*"));
    assert_int_equal(found->count, 2);
    assert_string_equal(found->at[0], "0.0.0.0");
    assert_string_equal(found->at[1], "::");
    ASSERT_BAD(trial_set(trial, "listener.http.address="));
    ASSERT_BAD(trial_set(trial, "listener.http.address=localhost"));
    ASSERT_BAD(trial_set(trial, "listener.http.address=256.0.0.1"));
    ASSERT_BAD(trial_set(trial, "listener.http.address=127.0.0.1,127.0.0.1"));
    ASSERT_BAD(trial_set(trial, "listener.http.address=*,0.0.0.0"));
    ASSERT_GOOD(trial_set(trial, "listener.http.address=::1,::2,::3,::4,::5,::6,::7,::8"));
    ASSERT_BAD(trial_set(trial, "listener.http.address=::1,::2,::3,::4,::5,::6,::7,::8,::9"));
    ASSERT_BAD(trial_set(trial, "listener.http.address="
                                "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"));
}

static bool is_proxy(const struct config_listener *listener, const char *text)
{
    struct address address;
    assert_false(err_is_set(address_parse(slice_of_text(text), 1, &address)));
    return network_list_has(&listener->proxy_from, &address);
}

static void networks(void **state)
{
    struct trial *trial = *state;
    const struct config_listener *listener = &trial->config.listeners[CONFIG_LISTENER_HTTPS];
    ASSERT_GOOD(trial_set(trial, "listener.https.proxy_protocol=on"));
    assert_true(listener->proxy_protocol);
    assert_true(is_proxy(listener, "127.1.2.3") && is_proxy(listener, "::1"));
    assert_false(is_proxy(listener, "10.0.0.1"));
    ASSERT_GOOD(trial_set(trial, "listener.https.proxy_from=10.0.0.0/8, 2001:db8::7"));
    assert_true(is_proxy(listener, "10.0.0.1") && is_proxy(listener, "2001:db8::7"));
    assert_false(is_proxy(listener, "127.0.0.1"));
    ASSERT_BAD(trial_set(trial, "listener.https.proxy_from="));
    ASSERT_BAD(trial_set(trial, "listener.https.proxy_from=*"));
    ASSERT_BAD(trial_set(trial, "listener.https.proxy_from=10.0.0.1/8"));
    ASSERT_BAD(trial_set(trial, "listener.https.proxy_from=proxy.example"));
}

/* ------------------------------------------------------------------ sources */

static void later_sources_win(void **state)
{
    struct trial *trial = *state;
    trial_file(trial, "[listener.http]\nport = 1001\n[listener.https]\nport = 1002\n"
                      "[listener.mqtt]\nport = 1003\n");
    trial->environment[0] = "THRUM_LISTENER_HTTPS_PORT=2002";
    trial->environment[1] = "THRUM_LISTENER_MQTT_PORT=2003";
    trial->settings[0] = "listener.mqtt.port=3003";
    trial->setting_count = 1;
    ASSERT_GOOD(trial_load(trial));
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_HTTP].port, 1001);
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_HTTPS].port, 2002);
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_MQTT].port, 3003);
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_MQTTS].port, 8883);
    assert_string_equal(trial->config.file, trial->path);
}

static void file_syntax_is_forgiving_about_layout(void **state)
{
    struct trial *trial = *state;
    trial_file(trial, "\xef\xbb\xbf; a remark\r\n# another\r\n\r\n  [limits]\r\n"
                      "\tpacket = 2MiB ; the rest is a remark\r\n    tags=5\r\n\r\n"
                      "[log]\nlevel: warn");
    ASSERT_GOOD(trial_load(trial));
    assert_int_equal(trial->config.limits.packet_bytes, 2097152);
    assert_int_equal(trial->config.limits.tags, 5);
    assert_int_equal(trial->config.log.level, LOG_WARN);
}

static void all_faults_are_told_at_once(void **state)
{
    struct trial *trial = *state;
    trial_file(trial, "[limits]\n"
                      "packet = 5TiB\n"
                      "tags = 60\n"
                      "packt = 1MiB\n"
                      "what is this\n"
                      "tags = 61\n"
                      "[lmits\n"
                      "[listener.smtp]\n"
                      "port = 25\n");
    trial->environment[0] = "THRUM_LIMITS_PAKET=1MiB";
    trial->environment[1] = "THRUM_MQTT_ALLOW_TOPIC_TOKEN=maybe";
    trial->environment[2] = "HOME=/root";
    trial->settings[0] = "log.level";
    trial->settings[1] = "log.leve=info";
    trial->settings[2] = "=1";
    trial->setting_count = 3;
    ASSERT_BAD(trial_load(trial));
    char expected[256];
    static const char *const in_file[] = {
        ":2: limits.packet takes 1KiB to 32MiB (bytes, KiB, MiB or GiB), not \"5TiB\"",
        ":4: there is no key limits.packt; did you mean limits.packet?",
        ":5: expected [section] or key = value",
        ":6: limits.tags is set twice, first in line 3",
        ":7: expected [section] or key = value",
        ":9: there is no key listener.smtp.port; did you mean listener.http.port?",
    };
    for (size_t i = 0; i < ARRAY_LEN(in_file); i++) {
        snprintf(expected, sizeof(expected), "%s%s\n", trial->path, in_file[i]);
        assert_told(trial, expected);
    }
    assert_told(trial, "environment: there is no key THRUM_LIMITS_PAKET; did you mean "
                       "THRUM_LIMITS_PACKET?\n");
    assert_told(
        trial,
        "THRUM_MQTT_ALLOW_TOPIC_TOKEN: mqtt.allow_topic_token takes on or off, not \"maybe\"\n");
    assert_told(trial, "--set log.level: expected section.key=value\n");
    assert_told(trial, "--set log.leve=info: there is no key log.leve; did you mean log.level?\n");
    assert_told(trial, "--set =1: expected section.key=value\n");
    assert_int_equal(line_count(errors_of(trial)), 11);
}

static void odd_lines_are_told_and_skipped(void **state)
{
    struct trial *trial = *state;
    char text[1200] = "[log]\nlevel = ";
    size_t at = strlen(text);
    memset(text + at, 'x', 1000);
    snprintf(text + at + 1000, sizeof(text) - at - 1000, "\nformat = json\n");
    trial_file(trial, text);
    ASSERT_BAD(trial_load(trial));
    assert_told(trial, ":2: the line is too long\n");
    assert_int_equal(line_count(errors_of(trial)), 1);
    assert_int_equal(trial->config.log.format, LOG_FORMAT_JSON);
}

static void variables_of_others_are_left_alone(void **state)
{
    struct trial *trial = *state;
    trial->environment[0] = "THRUM_TEST_SEED=7";
    trial->environment[1] = "THRUM_SERVICE_HOST=10.0.0.1";
    trial->environment[2] = "THRUM_PORT=tcp://10.0.0.1:1883";
    trial->environment[3] = "THRUM_PORT_1883_TCP=tcp://10.0.0.1:1883";
    trial->environment[4] = "THRUMX=1";
    trial->environment[5] = "thrum_log_level=quiet";
    trial->environment[6] = "THRUM_DATA=/elsewhere";
    ASSERT_GOOD(trial_load(trial));
    assert_string_equal(trial->config.data, "/nonexistent/thrum"); /* --data wins */
    trial->environment[0] = "THRUM_TEST=7";
    ASSERT_BAD(trial_load(trial));
    trial->environment[0] = "THRUM_LISTENER_HTTP.PORT=7";
    ASSERT_BAD(trial_load(trial));
}

static void places_come_from_the_environment(void **state)
{
    struct trial *trial = *state;
    trial_file(trial, "[log]\nlevel = error\n");
    char file[96];
    snprintf(file, sizeof(file), "THRUM_CONFIG=%s", trial->path);
    const char *environment[] = {"THRUM_DATA=/nonexistent/a", file, NULL};
    struct config_sources sources = {.environment = environment};
    ASSERT_GOOD(config_load(&trial->config, &sources, &trial->errors));
    assert_string_equal(trial->config.data, "/nonexistent/a");
    assert_int_equal(trial->config.log.level, LOG_ERROR);
}

static void named_file_must_exist(void **state)
{
    struct trial *trial = *state;
    struct config_sources sources = {.data = "/nonexistent", .file = "/nonexistent/thrumd.conf"};
    ASSERT_BAD(config_load(&trial->config, &sources, &trial->errors));
    buf_put_byte(&trial->errors, '\0');
    assert_told(trial, "/nonexistent/thrumd.conf: No such file or directory\n");

    buf_reset(&trial->errors);
    sources.file = "/";
    ASSERT_BAD(config_load(&trial->config, &sources, &trial->errors));
}

static void file_in_the_data_folder_is_found(void **state)
{
    struct trial *trial = *state;
    char folder[] = "/tmp/thrum-data-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(trial->path, sizeof(trial->path), "%s/thrumd.conf", folder);
    FILE *file = fopen(trial->path, "w");
    assert_non_null(file);
    fputs("[log]\nlevel = debug\n", file);
    fclose(file);
    struct config_sources sources = {.data = folder};
    struct err err = config_load(&trial->config, &sources, &trial->errors);
    unlink(trial->path);
    rmdir(folder);
    ASSERT_GOOD(err);
    assert_string_equal(trial->config.file, trial->path);
    assert_int_equal(trial->config.log.level, LOG_DEBUG);
}

static void keys_must_agree(void **state)
{
    struct trial *trial = *state;
    ASSERT_BAD(trial_set(trial, "listener.http.port=1883"));
    assert_told(trial, "listener.mqtt and listener.http have the same address and port\n");
    ASSERT_GOOD(trial_set(trial, "listener.http.port=0"));
    ASSERT_BAD(trial_set(trial, "limits.packet=4MiB"));
    assert_told(trial, "engine.group_bytes must be twice limits.packet or more\n");
    ASSERT_BAD(trial_set(trial, "engine.ring=7MiB"));
    ASSERT_GOOD(trial_set(trial, "engine.ring=8MiB"));
    ASSERT_BAD(trial_set(trial, "store.tail_bytes_max=127MiB"));
    ASSERT_BAD(trial_set(trial, "limits.target=17KiB"));

    trial->settings[0] = "listener.mqtt.enabled=off";
    trial->settings[1] = "listener.mqtts.enabled=off";
    trial->settings[2] = "listener.http.enabled=off";
    trial->setting_count = 3;
    ASSERT_GOOD(trial_load(trial));
    trial->settings[3] = "listener.https.enabled=off";
    trial->setting_count = 4;
    ASSERT_BAD(trial_load(trial));
    assert_told(trial, "all listeners are off");
}

/* Loads <first>, <second> and <third> (NULL: none). */
static struct err trial_three(struct trial *trial, const char *first, const char *second,
                              const char *third)
{
    const char *const settings[] = {first, second, third};
    trial->setting_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(settings) && settings[i] != NULL; i++) {
        trial->settings[trial->setting_count++] = settings[i];
    }
    return trial_load(trial);
}

static void tls_keys_must_agree(void **state)
{
    struct trial *trial = *state;
    ASSERT_BAD(trial_three(trial, "tls.certificate=a.pem", NULL, NULL));
    assert_told(trial, "tls.certificate and tls.key go together: set both\n");
    ASSERT_BAD(trial_three(trial, "tls.key=a.key", NULL, NULL));
    ASSERT_GOOD(trial_three(trial, "tls.certificate=a.pem", "tls.key=a.key", "tls.minimum=1.3"));
    assert_string_equal(trial->config.tls.key, "a.key");
    assert_int_equal(trial->config.tls.minimum, CONFIG_TLS_1_3);
    ASSERT_BAD(trial_three(trial, "tls.minimum=1.1", NULL, NULL));
    ASSERT_GOOD(trial_three(trial, "tls.reload_check=0", NULL, NULL));

    ASSERT_BAD(trial_three(trial, "listener.mqtts.client_certificates=optional", NULL, NULL));
    assert_told(trial, "listener.mqtts.client_certificates needs client_ca\n");
    ASSERT_BAD(trial_three(trial, "listener.mqtt.client_certificates=required",
                           "listener.mqtt.client_ca=ca.pem", NULL));
    assert_told(trial, "listener.mqtt.client_certificates needs TLS\n");
    ASSERT_BAD(trial_three(trial, "listener.https.client_certificates=required",
                           "listener.https.client_ca=ca.pem", "listener.https.tls=auto"));
    assert_told(trial, "listener.https.client_certificates = required needs tls = on");
    ASSERT_GOOD(trial_three(trial, "listener.https.client_certificates=optional",
                            "listener.https.client_ca=ca.pem", "listener.https.tls=auto"));
    ASSERT_GOOD(trial_three(trial, "listener.https.client_certificates=required",
                            "listener.https.client_ca=ca.pem", NULL));
    assert_int_equal(trial->config.listeners[CONFIG_LISTENER_HTTPS].client_certificates,
                     CONFIG_CLIENT_CERTIFICATES_REQUIRED);
}

/* ------------------------------------------------------------------ reading matter */

/* Takes the # away in front of every key of the example: what is then read are the defaults. */
static void example_file_is_the_defaults(void **state)
{
    struct trial *trial = *state;
    struct buf example = {0};
    config_print_example(&example);
    buf_put_byte(&example, '\0');
    char *text = (char *)example.at;
    size_t keys = 0;
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
            line[0] = ' ';
            keys++;
        }
        assert_true(strcspn(line, "\n") <= 100);
    }
    assert_int_equal(keys, config_key_count);
    trial_file(trial, text);
    buf_deinit(&example);
    ASSERT_GOOD(trial_load(trial));
    struct config defaults;
    config_set_defaults(&defaults);
    assert_memory_equal(&trial->config.server, &defaults.server,
                        sizeof(defaults) - offsetof(struct config, server));
}

static void references_name_every_key(void **state)
{
    (void)state;
    struct buf help = {0};
    struct buf markdown = {0};
    config_print_help(&help);
    config_print_markdown(&markdown);
    buf_put_byte(&help, '\0');
    buf_put_byte(&markdown, '\0');
    for (size_t i = 0; i < config_key_count; i++) {
        char part[128];
        const char *value = config_keys[i].value;
        bool has_value = value[0] != '\0';
        snprintf(part, sizeof(part), "\n  %s =%s%s\n", config_keys[i].name, has_value ? " " : "",
                 value);
        assert_non_null(strstr((const char *)help.at, part));
        snprintf(part, sizeof(part), has_value ? "\n| `%s` | `%s` |" : "\n| `%s` | %s |",
                 config_keys[i].name, value);
        assert_non_null(strstr((const char *)markdown.at, part));
    }
    buf_deinit(&help);
    buf_deinit(&markdown);
}

static void listener_names(void **state)
{
    (void)state;
    assert_string_equal(config_listener_name(CONFIG_LISTENER_MQTT), "listener.mqtt");
    assert_string_equal(config_listener_name(CONFIG_LISTENER_HTTPS), "listener.https");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_is_sound),
        TEST(defaults_are_those_of_the_contract),
        TEST(numbers),
        TEST(durations),
        TEST(words),
        TEST(protocols),
        TEST(addresses),
        TEST(networks),
        TEST(later_sources_win),
        TEST(file_syntax_is_forgiving_about_layout),
        TEST(all_faults_are_told_at_once),
        TEST(odd_lines_are_told_and_skipped),
        TEST(variables_of_others_are_left_alone),
        TEST(places_come_from_the_environment),
        TEST(named_file_must_exist),
        TEST(file_in_the_data_folder_is_found),
        TEST(keys_must_agree),
        TEST(tls_keys_must_agree),
        TEST(example_file_is_the_defaults),
        TEST(references_name_every_key),
        TEST(listener_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
