/* SPDX-License-Identifier: Apache-2.0
 *
 * config_keys.c - the table of configuration keys. Add a row here and a field in config.h; reading,
 * checking, `thrumd --help config`, docs/reference/configuration.md and thrumd.conf follow (make
 * docs writes the last two). */
#include "server/config_keys.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define AT(member) offsetof(struct config, member)

static const char *const tls_choices[] = {"off", "on", "auto", NULL};
static const char *const client_certificates_choices[] = {"off", "optional", "required", NULL};
static const char *const tls_minimum_choices[] = {"1.2", "1.3", NULL};
static const char *const subscription_choices[] = {"report", "silent", NULL};
static const char *const publish_choices[] = {"close", "ack", NULL};
static const char *const role_change_choices[] = {"reconnect", "at_once", NULL};
/* In the order of enum log_level and enum log_format. */
static const char *const level_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"auto", "pretty", "logfmt", "json", NULL};

const struct config_section config_sections[] = {
    {"server", "The process as a whole."},
    {"listener.mqtt",
     "Plain port, by custom for MQTT. Every listener recognises its protocols by the "
     "first bytes, so by default each serves all of them."},
    {"listener.mqtts", "TLS port, by custom for MQTT."},
    {"listener.http", "Plain port, by custom for HTTP and WebSocket."},
    {"listener.https", "TLS port, by custom for HTTP and WebSocket."},
    {"tls",
     "The certificates that all listeners show. Files that change are loaded without a restart: "
     "new connections see the new certificate, open ones go on. When one of them cannot be used, "
     "all stays as it is, and the log says why."},
    {"limits",
     "What one client may ask for. Beyond a limit the answer is the one that the protocol "
     "has for it; see docs/reference/limits.md."},
    {"auth", "Keys, roles and passwords."},
    {"http", "Behaviour of HTTP and WebSocket."},
    {"mqtt", "Behaviour of MQTT, also inside WebSocket."},
    {"session", "Subscribers that are slow, and what is kept of MQTT clients that connect with "
                "\"clean session "
                "0\"."},
    {"engine", "Sizes of the path every update takes."},
    {"journal", "How long delivered updates stay readable for sessions that were away."},
    {"store", "The data folder."},
    {"readers", "The threads that answer queries and feed sessions that are behind."},
    {"log", "What is written to standard error."},
};
const size_t config_section_count = ARRAY_LEN(config_sections);

/* Laid out by hand: one key, one paragraph. */
/* clang-format off */
#define LISTENER(i, listener, default_addresses, default_port, default_tls)                        \
    {listener, "enabled", CONFIG_TYPE_BOOL, AT(listeners[i].enabled), "on", 0, 0, NULL,            \
     "Whether the port is opened."},                                                               \
    {listener, "address", CONFIG_TYPE_ADDRESSES, AT(listeners[i].addresses), default_addresses,    \
     0, 0, NULL,                                                                                   \
     "The numeric addresses to listen on; * is every address of the machine, IPv4 and IPv6."},     \
    {listener, "port", CONFIG_TYPE_COUNT, AT(listeners[i].port), default_port, 0, 65535, NULL,     \
     "The port. With 0 the kernel chooses one, which is printed at the start."},                   \
    {listener, "proxy_protocol", CONFIG_TYPE_BOOL, AT(listeners[i].proxy_protocol), "off", 0, 0,   \
     NULL,                                                                                         \
     "on: every connection comes through a proxy, which begins it with a PROXY header of version " \
     "1 or 2, in front of TLS. The client's address in it counts for limits and logs. Connections "\
     "without one are closed, and so are those of anybody who is not in proxy_from."},             \
    {listener, "proxy_from", CONFIG_TYPE_NETWORKS, AT(listeners[i].proxy_from),                    \
     "127.0.0.0/8, ::1", 0, 0, NULL,                                                               \
     "The proxies. Whoever connects from here can claim to be any address: name the proxies and "  \
     "nobody else."},                                                                              \
    {listener, "tls", CONFIG_TYPE_CHOICE, AT(listeners[i].tls), default_tls, 0, 0, tls_choices,    \
     "off: plain only. on: TLS only; plain bytes are closed unanswered, so that no key travels "   \
     "in clear text by mistake. auto: the first byte tells."},                                     \
    {listener, "protocols", CONFIG_TYPE_PROTOCOLS, AT(listeners[i].protocols), "all", 0, 0, NULL,  \
     "What the port serves."},                                                                     \
    {listener, "client_certificates", CONFIG_TYPE_CHOICE, AT(listeners[i].client_certificates),    \
     "off", 0, 0, client_certificates_choices,                                                     \
     "off: clients are not asked for a certificate. optional: they are asked, and one that is not "\
     "valid ends the handshake. required: so does none. Every handshake is a full one then. A "    \
     "certificate opens the port and gives no rights: the API key is needed as ever."},            \
    {listener, "client_ca", CONFIG_TYPE_PATH, AT(listeners[i].client_ca), "", 0, 0, NULL,          \
     "The file with the certificates (PEM) of those who may issue certificates of clients."},      \
    {listener, "client_crl", CONFIG_TYPE_PATH, AT(listeners[i].client_crl), "", 0, 0, NULL,        \
     "The file with the lists (PEM) of revoked certificates, one list of each issuer. A list past "\
     "its date lets nobody in."}

const struct config_key config_keys[] = {
    {"server", "threads", CONFIG_TYPE_COUNT, AT(server.threads), "0", 0, 256, NULL,
     "Event loops. 0 is one for each core. A connection lives on one loop."},
    {"server", "secret_file", CONFIG_TYPE_PATH, AT(server.secret_file), "", 0, 0, NULL,
     "The file with the secrets that API keys are kept with, made at the first start with mode "
     "0600; empty is the file secret in the data folder. Elsewhere, a copy of the data folder "
     "gives no keys away. Without it no key works: back it up."},

    LISTENER(CONFIG_LISTENER_MQTT, "listener.mqtt", "127.0.0.1", "1883", "off"),
    LISTENER(CONFIG_LISTENER_MQTTS, "listener.mqtts", "127.0.0.1, ::1", "8883", "on"),
    LISTENER(CONFIG_LISTENER_HTTP, "listener.http", "127.0.0.1", "8080", "off"),
    LISTENER(CONFIG_LISTENER_HTTPS, "listener.https", "127.0.0.1, ::1", "8443", "on"),

    {"tls", "certificate", CONFIG_TYPE_PATH, AT(tls.certificate), "", 0, 0, NULL,
     "The file with the certificate (PEM), and behind it those of the authorities between it and "
     "the root. Empty: thrumd makes one for itself, in the folder tls of the data folder, and "
     "renews it."},
    {"tls", "key", CONFIG_TYPE_PATH, AT(tls.key), "", 0, 0, NULL,
     "The file with the private key of that certificate (PEM, without a pass phrase)."},
    {"tls", "ca", CONFIG_TYPE_PATH, AT(tls.ca), "", 0, 0, NULL,
     "The file with the authority's certificate that GET /ca.pem gives to clients. Empty: the one "
     "thrumd has made, or none beside a certificate of your own."},
    {"tls", "certificates_folder", CONFIG_TYPE_PATH, AT(tls.certificates_folder), "", 0, 0, NULL,
     "A folder with further certificates, each for the host names in its subjectAltName: pairs "
     "NAME.pem (or NAME.crt) and NAME.key, or folders NAME with fullchain.pem and privkey.pem, at "
     "most 1000. Of several for one host the first NAME with a key of the kind that the client "
     "knows is shown. Clients that name another host, or none, see the certificate above."},
    {"tls", "minimum", CONFIG_TYPE_CHOICE, AT(tls.minimum), "1.2", 0, 0, tls_minimum_choices,
     "The oldest version of TLS that is spoken."},
    {"tls", "reload_check", CONFIG_TYPE_DURATION, AT(tls.reload_check_ms), "10s", 0, DAY, NULL,
     "How often the files are looked at for changes. 0 is only on SIGHUP, which works with every "
     "value."},

    {"limits", "packet", CONFIG_TYPE_BYTES, AT(limits.packet_bytes), "1MiB", KIB, 32 * MIB, NULL,
     "The longest MQTT packet, WebSocket message and HTTP body, alike, because what one protocol "
     "takes all deliver."},
    {"limits", "connect_bytes", CONFIG_TYPE_BYTES, AT(limits.connect_bytes), "4KiB", 256, MIB, NULL,
     "The longest MQTT CONNECT. One that announces a will may be as long as a packet."},
    {"limits", "handshake", CONFIG_TYPE_DURATION, AT(limits.handshake_ms), "10s", SECOND / 10,
     10 * MINUTE, NULL, "The time for a TLS handshake, a CONNECT, the header of a request."},
    {"limits", "target", CONFIG_TYPE_BYTES, AT(limits.target_bytes), "8KiB", 256, MIB, NULL,
     "The longest request target (path and query) of HTTP."},
    {"limits", "header", CONFIG_TYPE_BYTES, AT(limits.header_bytes), "16KiB", KIB, MIB, NULL,
     "The longest header block of an HTTP request, its first line included."},
    {"limits", "header_fields", CONFIG_TYPE_COUNT, AT(limits.header_fields), "100", 8, 100, NULL,
     "Fields in the header of an HTTP request."},
    {"limits", "json_depth", CONFIG_TYPE_COUNT, AT(limits.json_depth), "64", 4, 64, NULL,
     "How deeply arrays and objects may nest."},
    {"limits", "points", CONFIG_TYPE_COUNT, AT(limits.points), "1000", 1, 10000, NULL,
     "Property values in one update."},
    {"limits", "actions", CONFIG_TYPE_COUNT, AT(limits.actions), "1000", 1, 10000, NULL,
     "Actions in one request. They are recorded together, all or none."},
    {"limits", "members", CONFIG_TYPE_COUNT, AT(limits.members), "10000", 1, 10000, NULL,
     "Ids in one request that puts thngs or collections into a collection."},
    {"limits", "task_quantity", CONFIG_TYPE_COUNT, AT(limits.task_quantity), "100000", 1, 1000000,
     NULL, "Thngs that one task of a batch may make."},
    {"limits", "properties_per_resource", CONFIG_TYPE_COUNT, AT(limits.properties_per_resource),
     "1000", 1, 1000000, NULL, "Properties of one resource."},
    {"limits", "name", CONFIG_TYPE_COUNT, AT(limits.name), "256", 1, 65536, NULL,
     "Characters in the name of a resource."},
    {"limits", "description", CONFIG_TYPE_COUNT, AT(limits.description), "4096", 1, 65536, NULL,
     "Characters in the description of a resource."},
    {"limits", "type", CONFIG_TYPE_COUNT, AT(limits.type), "256", 1, 65536, NULL,
     "Characters in the type that clients give a resource."},
    {"limits", "tags", CONFIG_TYPE_COUNT, AT(limits.tags), "60", 1, 10000, NULL,
     "Tags of one resource."},
    {"limits", "tag", CONFIG_TYPE_COUNT, AT(limits.tag), "256", 1, 65536, NULL,
     "Characters in one tag."},
    {"limits", "custom_fields", CONFIG_TYPE_BYTES, AT(limits.custom_fields_bytes), "64KiB", KIB,
     16 * MIB, NULL, "The custom fields of one resource, as JSON."},
    {"limits", "wait", CONFIG_TYPE_DURATION, AT(limits.wait_ms), "300s", SECOND, DAY, NULL,
     "The longest that a request with ?wait= may wait for the next event."},
    {"limits", "connections_per_address", CONFIG_TYPE_COUNT, AT(limits.connections_per_address),
     "0", 0, 1000000, NULL, "Open connections from one address. 0 is no limit."},
    {"limits", "connections_per_key", CONFIG_TYPE_COUNT, AT(limits.connections_per_key), "0", 0,
     100000000, NULL,
     "Open connections with one API key: MQTT, WebSocket, streams of events and polls. A fleet may "
     "share a key, so 0, which is no limit, is the default."},
    {"limits", "subscriptions_per_session", CONFIG_TYPE_COUNT, AT(limits.subscriptions_per_session),
     "10000", 1, 1000000, NULL, "Subscriptions of one MQTT session. Further ones are refused."},
    {"limits", "commands_per_connection", CONFIG_TYPE_COUNT, AT(limits.commands_per_connection),
     "1024", 1, 65536, NULL,
     "Publishes of one connection that wait for the disk; beyond it the connection is not read."},
    {"limits", "requests_per_key", CONFIG_TYPE_COUNT, AT(limits.requests_per_key), "0", 0, 1000000,
     NULL,
     "Requests, publishes and subscriptions of one API key in a second, on average. Beyond it REST "
     "answers 429, and MQTT and WebSocket connections are read more slowly. 0 is no limit."},
    {"limits", "requests_burst", CONFIG_TYPE_COUNT, AT(limits.requests_burst), "100", 1, 1000000,
     NULL, "Requests that one API key may make at once when it has been quiet."},

    {"auth", "role_changes", CONFIG_TYPE_CHOICE, AT(auth.role_changes), "reconnect", 0, 0,
     role_change_choices,
     "When a changed role counts for open MQTT and WebSocket connections. reconnect: with the next "
     "connection. at_once: within moments, subscriptions that are no longer permitted end. REST "
     "heeds it with the next request in either case."},
    {"auth", "password_memory", CONFIG_TYPE_BYTES, AT(auth.password_memory_bytes), "64MiB",
     8 * MIB, GIB, NULL,
     "Memory that hashing one password takes (Argon2id). Passwords set before a change keep what "
     "they were hashed with."},
    {"auth", "password_passes", CONFIG_TYPE_COUNT, AT(auth.password_passes), "2", 1, 16, NULL,
     "Passes over that memory."},
    {"auth", "password_threads", CONFIG_TYPE_COUNT, AT(auth.password_threads), "1", 1, 64, NULL,
     "Passwords hashed side by side, each with that memory."},
    {"auth", "password_queue", CONFIG_TYPE_COUNT, AT(auth.password_queue), "64", 1, 65536, NULL,
     "Passwords that may wait to be hashed. With more, logins are answered 503."},
    {"auth", "failed_logins", CONFIG_TYPE_COUNT, AT(auth.failed_logins), "5", 1, 1000000, NULL,
     "Failed logins from one address before the next ones have to wait (429), 1 second, then 2, "
     "then 4 and so on. A right password of the same user ends that, or an hour of quiet."},
    {"auth", "login_delay_max", CONFIG_TYPE_DURATION, AT(auth.login_delay_max_ms), "60s", SECOND,
     HOUR, NULL, "The longest that a login has to wait after failed ones."},

    {"http", "allowed_origins", CONFIG_TYPE_ORIGINS, AT(http.allowed_origins), "*", 0, 0, NULL,
     "The web pages that may use the server from a browser, by their origins: scheme, host and "
     "port. WebSockets that others open are refused with 403, and their scripts may not read "
     "answers. * is every page; the key is the credential in any case. Clients that are no "
     "browsers name no origin, and are not asked for one."},
    {"http", "heartbeat", CONFIG_TYPE_DURATION, AT(http.heartbeat_ms), "15s", SECOND / 10,
     HOUR, NULL,
     "A stream of server-sent events that is silent for so long is sent a comment, which keeps it "
     "open through proxies and shows whether somebody listens."},

    {"mqtt", "keepalive_max", CONFIG_TYPE_DURATION, AT(mqtt.keepalive_max_ms), "120s", SECOND,
     18 * HOUR, NULL,
     "The longest keep-alive. A client that asks for more, or for none, gets this one; it is "
     "dropped after one and a half times as much silence."},
    {"mqtt", "refused_subscriptions", CONFIG_TYPE_CHOICE, AT(mqtt.refused_subscriptions), "report",
     0, 0, subscription_choices,
     "report: a refused filter is answered with 0x80. silent: it is granted, and nothing comes."},
    {"mqtt", "refused_publishes", CONFIG_TYPE_CHOICE, AT(mqtt.refused_publishes), "close", 0, 0,
     publish_choices,
     "What follows a QoS 1 publish that is refused for good. close: the connection ends without "
     "PUBACK; a re-send is acknowledged and dropped. ack: it is acknowledged and dropped at once."},
    {"mqtt", "allow_topic_token", CONFIG_TYPE_BOOL, AT(mqtt.allow_topic_token), "on", 0, 0, NULL,
     "Whether ?access_token= in a topic is taken as the key of that operation."},
    {"mqtt", "plain_topics", CONFIG_TYPE_BOOL, AT(mqtt.plain_topics), "off", 0, 0, NULL,
     "on: a topic whose first level is not one of the resources' is an ordinary MQTT topic inside "
     "the account: any payload, retained messages, QoS 0 to 2, shared subscriptions, for operators "
     "and trusted applications."},
    {"mqtt", "sys_interval", CONFIG_TYPE_DURATION, AT(mqtt.sys_interval_ms), "10s", 0, DAY, NULL,
     "With plain topics: how often the broker's figures are sent to who has subscribed to $SYS. 0: "
     "only when it does."},
    {"mqtt", "inflight_max", CONFIG_TYPE_COUNT, AT(mqtt.inflight_max), "100", 1, 65535, NULL,
     "Messages sent to one client and not yet acknowledged by it."},
    {"mqtt", "outbox", CONFIG_TYPE_BYTES, AT(mqtt.outbox_bytes), "1MiB", 16 * KIB, GIB, NULL,
     "Bytes buffered for one connection. With more it counts as behind, and is fed from the "
     "journal when it reads again."},

    {"session", "expiry", CONFIG_TYPE_DURATION, AT(session.expiry_ms), "7d", SECOND, 3650 * DAY,
     NULL,
     "A session whose client has not been connected for so long is taken away. What it has missed "
     "stays readable for journal.keep."},
    {"session", "count_max", CONFIG_TYPE_COUNT, AT(session.count_max), "1000000", 0, 1000000000,
     NULL,
     "Sessions that are kept at most. With more, a CONNECT with \"clean session 0\" that would "
     "make a new one is answered 3, unavailable."},

    {"session", "qos0_lag", CONFIG_TYPE_COUNT, AT(session.qos0_lag), "100000", 0, 1000000000000,
     NULL,
     "An MQTT client that is behind by more updates is not sent those with QoS 0 any more: they "
     "are dropped, and counted, until it is nearer. With QoS 1 and 2 nothing is dropped."},
    {"session", "lag_max", CONFIG_TYPE_COUNT, AT(session.lag_max), "0", 0, 1000000000000, NULL,
     "A connected client that is behind by more updates, and does not catch up, is disconnected; a "
     "session that is kept goes on when it comes back. 0: none is, it may be as far behind as the "
     "journal is kept."},

    {"engine", "group_bytes", CONFIG_TYPE_BYTES, AT(engine.group_bytes), "4MiB", 64 * KIB, 64 * MIB,
     NULL, "The most that one commit takes."},
    {"engine", "commands", CONFIG_TYPE_COUNT, AT(engine.commands), "65536", 256, 16777216, NULL,
     "Places in the ring of commands, rounded up to a power of two. When all are taken, loops stop "
     "reading."},
    {"engine", "heads", CONFIG_TYPE_COUNT, AT(engine.heads), "4000000", 1000, 1000000000, NULL,
     "Resources whose head (rights, identity, property numbers) is kept in memory."},
    {"engine", "ring", CONFIG_TYPE_BYTES, AT(engine.ring_bytes), "64MiB", MIB, 16 * GIB, NULL,
     "Committed events kept in memory. A loop or session further behind reads the journal."},
    {"engine", "ring_groups", CONFIG_TYPE_COUNT, AT(engine.ring_groups), "4096", 64, 1048576, NULL,
     "Commit groups kept in memory, rounded up to a power of two."},

    {"journal", "keep", CONFIG_TYPE_DURATION, AT(journal.keep_ms), "24h", MINUTE, 3650 * DAY, NULL,
     "How long the journal is kept for sessions that are away. One that comes later resumes at the "
     "oldest update kept; that is counted and logged."},
    {"journal", "keep_bytes", CONFIG_TYPE_BYTES, AT(journal.keep_bytes), "16GiB", 64 * MIB,
     1048576 * GIB, NULL, "How much journal is kept for sessions that are away."},

    {"store", "block_cache", CONFIG_TYPE_BYTES, AT(store.block_cache_bytes), "256MiB", 8 * MIB,
     1024 * GIB, NULL, "Memory for blocks of the history that were read."},
    {"store", "roll_bytes", CONFIG_TYPE_BYTES, AT(store.roll_bytes), "64MiB", MIB, 4 * GIB, NULL,
     "After so much journal it is rolled up into the history."},
    {"store", "roll_interval", CONFIG_TYPE_DURATION, AT(store.roll_interval_ms), "60s", SECOND / 10,
     DAY, NULL, "After so much time the journal is rolled up into the history."},
    {"store", "tail_bytes_max", CONFIG_TYPE_BYTES, AT(store.tail_bytes_max), "512MiB", 8 * MIB,
     64 * GIB, NULL,
     "The most journal that may wait to be rolled up. With more, updates wait for the roller."},

    {"readers", "threads", CONFIG_TYPE_COUNT, AT(readers.threads), "2", 1, 256, NULL,
     "Threads that read histories, lists and the journal."},
    {"readers", "queue", CONFIG_TYPE_COUNT, AT(readers.queue), "4096", 16, 1048576, NULL,
     "Reads that may wait. With more, requests are answered 503."},

    {"log", "level", CONFIG_TYPE_CHOICE, AT(log.level), "info", 0, 0, level_choices,
     "The least important lines written."},
    {"log", "format", CONFIG_TYPE_CHOICE, AT(log.format), "auto", 0, 0, format_choices,
     "auto: pretty on a terminal, logfmt elsewhere."},
};
/* clang-format on */
const size_t config_key_count = ARRAY_LEN(config_keys);
