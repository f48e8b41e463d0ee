/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - the configuration of thrumd: one plain struct, filled from one table of keys.
 *
 * A key is a row (section, name, type, default, bounds, help); reading, checking, the printed
 * reference and the example file all come from the rows. Later sources win:
 *
 *      default  <  file (inih)  <  environment (THRUM_SECTION_KEY)  <  --set section.key=value
 *
 * All faults of all sources are reported together, one line each, with file and line or the name of
 * the variable. The struct owns all it holds by value: copy it freely, there is nothing to release.
 * Filled once at start-up by the main thread; read-only and shared by all threads afterwards.
 *
 *      struct config config;
 *      struct buf errors = {0};
 *      if (err_is_set(config_load(&config, &sources, &errors))) { print errors, exit 1 } */
#ifndef THRUM_SERVER_CONFIG_H
#define THRUM_SERVER_CONFIG_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/log.h"
#include "front/origins.h"
#include "net/network.h"

/* As long as PATH_MAX allows on Linux, with the NUL. */
#define CONFIG_PATH_BYTES 4096

/* Text form of an IPv6 address with the NUL: INET6_ADDRSTRLEN. */
#define CONFIG_ADDRESS_BYTES 46
#define CONFIG_ADDRESS_COUNT_MAX 8

/* What a listener does with the first byte of a connection. */
enum config_tls {
    CONFIG_TLS_OFF,  /* plain; a TLS handshake is closed */
    CONFIG_TLS_ON,   /* TLS; plain bytes are closed unanswered */
    CONFIG_TLS_AUTO, /* the first byte tells */
};

/* What a listener does about certificates of clients. */
enum config_client_certificates {
    CONFIG_CLIENT_CERTIFICATES_OFF,
    CONFIG_CLIENT_CERTIFICATES_OPTIONAL,
    CONFIG_CLIENT_CERTIFICATES_REQUIRED,
};

enum config_tls_minimum { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };

/* Bits of struct config_listener.protocols. */
enum config_protocol {
    CONFIG_PROTOCOL_MQTT = 1 << 0,
    CONFIG_PROTOCOL_HTTP = 1 << 1,
    CONFIG_PROTOCOL_WEBSOCKET = 1 << 2,      /* native: a socket is a topic */
    CONFIG_PROTOCOL_MQTT_WEBSOCKET = 1 << 3, /* MQTT in WebSocket frames, on /mqtt */
    CONFIG_PROTOCOL_ALL = (1 << 4) - 1,
};

enum config_refused_subscriptions { CONFIG_SUBSCRIPTIONS_REPORT, CONFIG_SUBSCRIPTIONS_SILENT };
enum config_refused_publishes { CONFIG_PUBLISHES_CLOSE, CONFIG_PUBLISHES_ACK };
enum config_role_changes { CONFIG_ROLES_AT_RECONNECT, CONFIG_ROLES_AT_ONCE };

/* Numeric addresses, checked. "*" in a source has become "0.0.0.0" and "::". */
struct config_addresses {
    size_t count;
    char at[CONFIG_ADDRESS_COUNT_MAX][CONFIG_ADDRESS_BYTES];
};

enum config_listener_index {
    CONFIG_LISTENER_MQTT,
    CONFIG_LISTENER_MQTTS,
    CONFIG_LISTENER_HTTP,
    CONFIG_LISTENER_HTTPS,
    CONFIG_LISTENER_COUNT,
};

struct config_listener {
    bool enabled;
    struct config_addresses addresses;
    int64_t port; /* 0: the kernel chooses one */
    bool proxy_protocol;
    struct network_list proxy_from; /* who may say who the client is */
    enum config_tls tls;
    unsigned protocols; /* enum config_protocol, or-ed */
    enum config_client_certificates client_certificates;
    char client_ca[CONFIG_PATH_BYTES];
    char client_crl[CONFIG_PATH_BYTES]; /* empty: revocations are not looked at */
};

/* Numbers are int64_t throughout: counts as they are, sizes in bytes, durations in milliseconds. */
struct config {
    char data[CONFIG_PATH_BYTES]; /* the data folder; never empty */
    char file[CONFIG_PATH_BYTES]; /* the file that was read; empty when there was none */

    struct {
        int64_t threads;                     /* loops; 0: one per core */
        char secret_file[CONFIG_PATH_BYTES]; /* empty: DATA/secret */
    } server;

    struct config_listener listeners[CONFIG_LISTENER_COUNT];

    struct {
        char certificate[CONFIG_PATH_BYTES]; /* empty, with key: those in the data folder */
        char key[CONFIG_PATH_BYTES];
        char ca[CONFIG_PATH_BYTES];
        char certificates_folder[CONFIG_PATH_BYTES]; /* empty: none */
        enum config_tls_minimum minimum;
        int64_t reload_check_ms; /* 0: only on SIGHUP */
    } tls;

    struct {
        int64_t packet_bytes; /* MQTT packet, WebSocket message, HTTP body */
        int64_t connect_bytes;
        int64_t handshake_ms;
        int64_t target_bytes;
        int64_t header_bytes;
        int64_t header_fields;
        int64_t json_depth;
        int64_t points; /* of one request, as actions and members */
        int64_t actions;
        int64_t members;
        int64_t task_quantity; /* thngs that one task makes */
        int64_t properties_per_resource;
        int64_t name; /* characters, as description, type and tag */
        int64_t description;
        int64_t type;
        int64_t tags;
        int64_t tag;
        int64_t custom_fields_bytes;
        int64_t wait_ms;                 /* of a long poll */
        int64_t connections_per_address; /* 0: no limit */
        int64_t connections_per_key;     /* the same */
        int64_t subscriptions_per_session;
        int64_t commands_per_connection;
        int64_t requests_per_key; /* a second; 0: no limit */
        int64_t requests_burst;
    } limits;

    struct {
        enum config_role_changes role_changes;
        int64_t password_memory_bytes;
        int64_t password_passes;
        int64_t password_threads;
        int64_t password_queue;
        int64_t failed_logins; /* of one address that are not slowed */
        int64_t login_delay_max_ms;
    } auth;

    struct {
        struct origin_list allowed_origins;
        int64_t heartbeat_ms;
    } http;

    struct {
        int64_t keepalive_max_ms;
        enum config_refused_subscriptions refused_subscriptions;
        enum config_refused_publishes refused_publishes;
        bool allow_topic_token;
        bool plain_topics;
        int64_t sys_interval_ms;
        int64_t inflight_max;
        int64_t outbox_bytes; /* buffered for a connection before it counts as behind */
    } mqtt;

    struct {
        int64_t expiry_ms;
        int64_t count_max;
        int64_t qos0_lag; /* updates */
        int64_t lag_max;  /* updates; 0: none */
    } session;

    struct {
        int64_t group_bytes;
        int64_t commands; /* places in the command ring */
        int64_t heads;    /* resource heads kept in memory */
        int64_t ring_bytes;
        int64_t ring_groups;
    } engine;

    struct {
        int64_t keep_ms;
        int64_t keep_bytes;
    } journal;

    struct {
        int64_t block_cache_bytes;
        int64_t roll_bytes;
        int64_t roll_interval_ms;
        int64_t tail_bytes_max;
    } store;

    struct {
        int64_t threads;
        int64_t queue;
    } readers;

    struct {
        enum log_level level;
        enum log_format format;
    } log;
};

/* Where the values come from. All pointers are borrowed for the call; NULL means "not given". */
struct config_sources {
    const char *data; /* --data; else THRUM_DATA, else "thrum-data" */
    const char *file; /* --config; else THRUM_CONFIG, else DATA/thrumd.conf if there */
    const char *const *environment; /* as environ: "NAME=value", ended by NULL */
    const char *const *settings;    /* of --set: "section.key=value" */
    size_t setting_count;
};

/* Fills <config> from all sources. ERR_CONFIG when anything was wrong: then <errors> has one line
 * for each fault and <config> must not be used. */
MUST_USE struct err config_load(struct config *config, const struct config_sources *sources,
                                struct buf *errors);

/* Fills <config> with the defaults alone; the data folder is "thrum-data". */
void config_set_defaults(struct config *config);

/* The section name of a listener: "listener.mqtt". Static. */
const char *config_listener_name(enum config_listener_index index);

/* The reference as text for a terminal (thrumd --help config), as Markdown (docs/reference), and as
 * the annotated example file (thrumd.conf), in which every key stands commented out. */
void config_print_help(struct buf *out);
void config_print_markdown(struct buf *out);
void config_print_example(struct buf *out);

#endif
