/* SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include "wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_TIMEOUT_S 10

/* CONNACK is 4 bytes long, SUBACK of one filter 5. */
#define CONNACK_BYTES 4
#define SUBACK_BYTES 5

static int connect_tcp(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int failed = getaddrinfo(options->host, options->port, &hints, &found);
    if (failed != 0) {
        die("%s:%s: %s", options->host, options->port, gai_strerror(failed));
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || connect(fd, found->ai_addr, found->ai_addrlen) == -1) {
        die("%s:%s: %s", options->host, options->port, strerror(errno));
    }
    freeaddrinfo(found);
    const int on = 1;
    const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1) {
        die("setsockopt: %s", strerror(errno));
    }
    return fd;
}

/* Sends <request>, empties it, and returns the code of the answer of this type and length. */
static uint8_t ask(int fd, struct buf *request, enum wire_type type, size_t answer_bytes)
{
    struct slice bytes = buf_data(request);
    if (request->failed || send(fd, bytes.at, bytes.bytes, MSG_NOSIGNAL) != (ssize_t)bytes.bytes) {
        die("cannot send packet type %d: %s", type - 1, strerror(errno));
    }
    buf_deinit(request);
    uint8_t answer[SUBACK_BYTES];
    ssize_t got = recv(fd, answer, answer_bytes, MSG_WAITALL);
    if (got != (ssize_t)answer_bytes) {
        die("no answer to packet type %d: %s", type - 1, got < 0 ? strerror(errno) : "closed");
    }
    struct cursor cursor = cursor_over(slice_of(answer, answer_bytes));
    struct wire_packet packet;
    if (wire_read(&cursor, &packet) != WIRE_DONE || packet.type != type) {
        die("unexpected answer to packet type %d", type - 1);
    }
    return packet.code;
}

int dial_open(const struct options *options, struct slice client_id)
{
    struct buf request = {0};
    int fd = connect_tcp(options);
    wire_put_connect(&request, &(struct wire_connect){.client_id = client_id,
                                                      .user = options->user,
                                                      .password = options->password,
                                                      .keepalive_s = DIAL_KEEPALIVE_S});
    uint8_t code = ask(fd, &request, WIRE_CONNACK, CONNACK_BYTES);
    if (code != 0) {
        die("%.*s: refused with CONNACK code %u", SLICE_ARGS(client_id), code);
    }
    return fd;
}

void dial_subscribe(int fd, struct slice topic, uint8_t qos)
{
    struct buf request = {0};
    wire_put_subscribe(&request, 1, topic, qos);
    if (ask(fd, &request, WIRE_SUBACK, SUBACK_BYTES) == 0x80) {
        die("subscription to %.*s refused", SLICE_ARGS(topic));
    }
}
