/* SPDX-License-Identifier: Apache-2.0
 *
 * first_start.c - the text of a start. One line of shell is one line of text, however long: so it
 * can be taken with a triple click, and a whole block can be pasted at once (headings are
 * comments). */
#include "server/first_start.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROPERTY "temperature"

/* The colours of the text; all empty when there is to be none. */
struct palette {
    const char *strong;
    const char *faint;
    const char *good;
    const char *end;
};

static const struct palette colours = {"\033[1m", "\033[2m", "\033[32m", "\033[0m"};
static const struct palette no_colours = {"", "", "", ""};

bool first_start_wants_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fd) && (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, slice_of_text(text));
}

/* ------------------------------------------------------------------ shell words and addresses */

/* <text> as one word of a shell. */
static void put_word(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        put_text(out, text);
        return;
    }
    buf_put_byte(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            BUF_PUT_LITERAL(out, "'\\''");
        } else {
            buf_put_byte(out, (uint8_t)*text);
        }
    }
    buf_put_byte(out, '\'');
}

/* The file of the operator key as one word. */
static void put_key_file(struct buf *out, const struct first_start *start)
{
    char path[CONFIG_PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/operator.key", start->data);
    put_word(out, path);
}

/* The option that names the authority; <otherwise> when clients know it already. */
static void put_ca(struct buf *out, const struct first_start *start, const char *option,
                   const char *otherwise)
{
    if (start->ca_file == NULL) {
        put_text(out, otherwise);
        return;
    }
    put_text(out, option);
    put_word(out, start->ca_file);
    buf_put_byte(out, ' ');
}

/* The address a client on this machine uses: a listener on every address is reached on loopback. */
static const char *local_address(const struct first_start_endpoint *endpoint)
{
    if (strcmp(endpoint->address, "0.0.0.0") == 0) {
        return "127.0.0.1";
    }
    return strcmp(endpoint->address, "::") == 0 ? "::1" : endpoint->address;
}

static void put_host_port(struct buf *out, const char *address, uint16_t port)
{
    bool is_v6 = strchr(address, ':') != NULL;
    buf_put_format(out, is_v6 ? "[%s]:%u" : "%s:%u", address, port);
}

/* How well <endpoint> suits a client of <protocol>, 0 for not at all: with TLS as it wants counts
 * most, then that it is the listener where people look for that protocol. */
static int suitability(const struct first_start_endpoint *endpoint, enum config_protocol protocol,
                       bool wants_tls)
{
    if ((endpoint->protocols & protocol) == 0 || endpoint->is_behind_proxy) {
        return 0;
    }
    bool is_for_mqtt =
        endpoint->listener == CONFIG_LISTENER_MQTT || endpoint->listener == CONFIG_LISTENER_MQTTS;
    bool has_tls_as_wanted =
        endpoint->tls == CONFIG_TLS_AUTO || (endpoint->tls == CONFIG_TLS_ON) == wants_tls;
    bool is_customary = is_for_mqtt == (protocol == CONFIG_PROTOCOL_MQTT);
    return 1 + 2 * has_tls_as_wanted + is_customary;
}

/* The endpoint that suits best; NULL when none speaks the protocol. */
static const struct first_start_endpoint *
find_endpoint(const struct first_start *start, enum config_protocol protocol, bool wants_tls)
{
    const struct first_start_endpoint *best = NULL;
    int most = 0;
    for (size_t i = 0; i < start->endpoint_count; i++) {
        int suits = suitability(&start->endpoints[i], protocol, wants_tls);
        if (suits > most) {
            most = suits;
            best = &start->endpoints[i];
        }
    }
    return best;
}

/* Whether a client that would rather (not) use TLS does so on <endpoint>. */
static bool uses_tls(const struct first_start_endpoint *endpoint, bool wants_tls)
{
    return endpoint->tls == CONFIG_TLS_AUTO ? wants_tls : endpoint->tls == CONFIG_TLS_ON;
}

/* ------------------------------------------------------------------ where it listens */

static const char *tls_text(enum config_tls tls)
{
    return tls == CONFIG_TLS_ON ? "TLS" : tls == CONFIG_TLS_AUTO ? "TLS or plain" : "plain";
}

static void put_endpoints(struct buf *out, const struct first_start *start, const struct palette *p)
{
    for (size_t i = 0; i < start->endpoint_count;) {
        const struct first_start_endpoint *first = &start->endpoints[i];
        /* "listener.mqtt": what is behind the dot. */
        const char *name = strchr(config_listener_name(first->listener), '.') + 1;
        buf_put_format(out, "  %s%-14s%s", p->strong, name, p->end);
        size_t column = buf_bytes(out);
        for (size_t j = i;
             i < start->endpoint_count && start->endpoints[i].listener == first->listener; i++) {
            put_text(out, i == j ? "" : ", ");
            put_host_port(out, start->endpoints[i].address, start->endpoints[i].port);
        }
        size_t width = buf_bytes(out) - column;
        buf_put_format(out, "%*s%s%s%s%s\n", width < 30 ? (int)(30 - width) : 2, "", p->faint,
                       tls_text(first->tls), first->is_behind_proxy ? ", behind a proxy" : "",
                       p->end);
    }
}

/* ------------------------------------------------------------------ lines to paste */

static void put_heading(struct buf *out, const struct palette *p, const char *text)
{
    buf_put_format(out, "\n%s# %s%s\n", p->faint, text, p->end);
}

/* curl up to and with the URL; the path is that of the thng's property when <is_property>. */
static void put_curl(struct buf *out, const struct first_start *start,
                     const struct first_start_endpoint *endpoint, const char *options,
                     const char *path)
{
    bool tls = uses_tls(endpoint, false);
    buf_put_format(out, "curl -s%s ", options);
    if (tls) {
        put_ca(out, start, "--cacert ", "");
    }
    put_text(out, tls ? "\"https://" : "\"http://");
    put_host_port(out, local_address(endpoint), endpoint->port);
    buf_put_format(out, "%s\" -H \"Authorization: $KEY\"", path);
}

static void put_mosquitto(struct buf *out, const struct first_start *start, const char *client,
                          bool wants_tls)
{
    const struct first_start_endpoint *endpoint =
        find_endpoint(start, CONFIG_PROTOCOL_MQTT, wants_tls);
    buf_put_format(out, "%s -h %s -p %u ", client, local_address(endpoint), endpoint->port);
    if (uses_tls(endpoint, wants_tls)) {
        put_ca(out, start, "--cafile ", "--tls-use-os-certs ");
    }
    BUF_PUT_LITERAL(out, "-u authorization -P \"$KEY\" -q 1 ");
}

static void put_thng(struct buf *out, const struct first_start *start, const struct palette *p,
                     const struct first_start_endpoint *http)
{
    put_heading(out, p, "the key, and a thng");
    BUF_PUT_LITERAL(out, "KEY=$(cat ");
    put_key_file(out, start);
    BUF_PUT_LITERAL(out, ")\nTHNG=$(");
    put_curl(out, start, http, "", "/thngs");
    BUF_PUT_LITERAL(out, " -H 'Content-Type: application/json' -d '{\"name\":\"My first thng\"}'"
                         " | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/'); echo \"$THNG\"\n");
}

/* The WebSocket is opened by curl; perl takes the frames apart, of which each ends with the
 * payload's closing bracket, and prints a payload a line. */
static void put_watchers(struct buf *out, const struct first_start *start, const struct palette *p,
                         const struct first_start_endpoint *mqtt)
{
    const struct first_start_endpoint *ws = find_endpoint(start, CONFIG_PROTOCOL_WEBSOCKET, false);
    put_heading(out, p, "watch its " PROPERTY ": over MQTT with TLS, and over a WebSocket");
    if (mqtt != NULL) {
        put_mosquitto(out, start, "mosquitto_sub", true);
        BUF_PUT_LITERAL(out, "-t \"/thngs/$THNG/properties/" PROPERTY "?pubStates=1\" "
                             "-F 'mqtt       %p' &\n");
    }
    if (ws != NULL) {
        put_curl(out, start, ws, "N --http1.1 -o -",
                 "/thngs/$THNG/properties/" PROPERTY "?pubStates=1");
        BUF_PUT_LITERAL(out, " -H 'Connection: Upgrade' -H 'Upgrade: websocket' "
                             "-H 'Sec-WebSocket-Version: 13' "
                             "-H 'Sec-WebSocket-Key: dGhydW0gZmlyc3QgbGluZQ==' | "
                             "perl -pe 'BEGIN { $/ = \"]\"; $| = 1 } s/^.*?\\[\\{/websocket  [{/s; "
                             "$_ .= \"\\n\"' &\n");
    }
}

static void put_lines(struct buf *out, const struct first_start *start, const struct palette *p)
{
    const struct first_start_endpoint *http = find_endpoint(start, CONFIG_PROTOCOL_HTTP, false);
    const struct first_start_endpoint *mqtt = find_endpoint(start, CONFIG_PROTOCOL_MQTT, false);
    if (http == NULL) {
        return; /* without REST there is no thng to show */
    }
    buf_put_format(out, "\n%sTry it: paste this into another shell, here in this folder.%s\n",
                   p->strong, p->end);
    put_thng(out, start, p, http);
    put_watchers(out, start, p, mqtt);
    /* Pasted all at once, the watchers need a moment to connect. */
    BUF_PUT_LITERAL(out, "sleep 1\n");
    put_heading(out, p, "publish a value; both watchers print it");
    if (mqtt != NULL) {
        put_mosquitto(out, start, "mosquitto_pub", false);
        BUF_PUT_LITERAL(out, "-t \"/thngs/$THNG/properties/" PROPERTY "\" "
                             "-m '[{\"value\":37.2}]'\n");
    } else {
        put_curl(out, start, http, " -X PUT", "/thngs/$THNG/properties/" PROPERTY);
        BUF_PUT_LITERAL(out,
                        " -H 'Content-Type: application/json' -d '[{\"value\":37.2}]'; echo\n");
    }
    put_heading(out, p, "read its history");
    put_curl(out, start, http, "", "/thngs/$THNG/properties/" PROPERTY);
    BUF_PUT_LITERAL(out, "; echo\n");
    put_heading(out, p, "stop the watchers");
    BUF_PUT_LITERAL(out, "sleep 1; kill $(jobs -p)\n");
}

/* The tool beside the daemon: build/thrumd, build/thrum demo. */
static void put_demo(struct buf *out, const struct first_start *start, const struct palette *p)
{
    const struct first_start_endpoint *http = find_endpoint(start, CONFIG_PROTOCOL_HTTP, false);
    const struct first_start_endpoint *mqtt = find_endpoint(start, CONFIG_PROTOCOL_MQTT, false);
    if (http == NULL || mqtt == NULL || uses_tls(http, false) || uses_tls(mqtt, false)) {
        return; /* the demo speaks plain HTTP and MQTT */
    }
    const char *slash = strrchr(start->program, '/');
    int folder = slash == NULL ? 0 : (int)(slash - start->program) + 1;
    char tool[CONFIG_PATH_BYTES];
    snprintf(tool, sizeof(tool), "%.*sthrum", folder, start->program);
    put_heading(out, p, "this machine's own load, memory, disk and network, live");
    put_word(out, tool);
    BUF_PUT_LITERAL(out, " demo --data ");
    put_word(out, start->data);
    if (strcmp(local_address(http), "127.0.0.1") != 0) {
        buf_put_format(out, " --host %s", local_address(http));
    }
    if (http->port != 8080) {
        buf_put_format(out, " --port %u", http->port);
    }
    if (mqtt->port != 1883) {
        buf_put_format(out, " --mqtt-port %u", mqtt->port);
    }
    buf_put_byte(out, '\n');
}

void first_start_print(struct buf *out, const struct first_start *start)
{
    const struct palette *p = start->has_colour ? &colours : &no_colours;
    buf_put_format(out, "\n%sthrum %s is up.%s\n\n", p->strong, start->version, p->end);
    put_endpoints(out, start, p);
    buf_put_format(out, "\n  %-14s%s\n", "data", start->data);
    if (start->ca_file != NULL) {
        buf_put_format(out, "  %-14s%s\n", "CA", start->ca_file);
    }
    if (start->operator_key == NULL) {
        buf_put_format(out, "  %-14s%s/operator.key\n\n", "operator key", start->data);
        return;
    }
    buf_put_format(out, "  %-14s%s%s%s\n", "operator key", p->good, start->operator_key, p->end);
    buf_put_format(out, "  %-14s%sshown this once; kept in %s/operator.key%s\n", "", p->faint,
                   start->data, p->end);
    put_lines(out, start, p);
    put_demo(out, start, p);
    buf_put_byte(out, '\n');
}
