/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening and accepting on loopback: ports, families, bounds, and running out of files. */
#include "net/listener.h"

#include "net_harness.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#define LOOP_COUNT 3
#define ACCEPT_COUNT_MAX 256

/* A loop with its listener, and what it accepted. */
struct host {
    struct loop loop;
    struct listener listener;
    int fds[ACCEPT_COUNT_MAX];
    struct address peers[ACCEPT_COUNT_MAX];
    size_t count;
    int paused_error;
    int paused_count;
    bool stops_on_accept;
};

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    struct host *host = listener->owner;
    assert_true(host->count < ACCEPT_COUNT_MAX);
    host->peers[host->count] = *peer;
    host->fds[host->count++] = fd;
    if (host->stops_on_accept) {
        listener_stop(listener);
    }
}

static void on_paused(struct listener *listener, int error_number)
{
    struct host *host = listener->owner;
    host->paused_error = error_number;
    host->paused_count++;
}

static const struct listener_events events = {.on_accept = on_accept, .on_paused = on_paused};

static struct host *host_new(struct listener_sockets *sockets, size_t index)
{
    struct host *host = NULL;
    assert_int_equal(posix_memalign((void **)&host, CACHE_LINE_BYTES, sizeof(*host)), 0);
    memset(host, 0, sizeof(*host));
    assert_int_equal(harness_loop_open(&host->loop), 0);
    assert_false(
        err_is_set(listener_start(&host->listener, &host->loop, sockets, index, &events, host)));
    return host;
}

static void host_free(struct host *host)
{
    listener_stop(&host->listener);
    loop_turn(&host->loop, 0);
    for (size_t i = 0; i < host->count; i++) {
        close(host->fds[i]);
    }
    loop_deinit(&host->loop);
    free(host);
}

static struct err open_sockets(struct listener_sockets *sockets, const char *addresses,
                               uint16_t port, size_t loops, bool may_skip, struct buf *problem)
{
    static struct address list[LISTENER_ADDRESS_COUNT_MAX];
    struct listener_bind bind = {
        .addresses = list, .loop_count = loops, .port = port, .may_skip = may_skip};
    assert_false(err_is_set(address_parse_list(slice_of_text(addresses), 0, list,
                                               LISTENER_ADDRESS_COUNT_MAX, &bind.address_count)));
    return listener_sockets_open(sockets, &bind, problem);
}

/* Opens what must succeed. */
static struct listener_sockets opened(const char *addresses, size_t loops)
{
    struct listener_sockets sockets;
    struct buf problem = {0};
    assert_false(err_is_set(open_sockets(&sockets, addresses, 0, loops, false, &problem)));
    assert_int_equal(buf_bytes(&problem), 0);
    assert_int_not_equal(sockets.port, 0);
    return sockets;
}

/* A connected socket; -1 when refused. */
static int dial(const char *host, uint16_t port)
{
    struct address address;
    assert_false(err_is_set(address_parse(slice_of_text(host), port, &address)));
    int fd = socket(address.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, &address.at.any, address.bytes) == -1) {
        close(fd);
        return -1;
    }
    return fd;
}

static void test_port_is_the_same_everywhere(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("127.0.0.1, ::1", LOOP_COUNT);
    assert_int_equal(sockets.address_count, 2);
    char text[ADDRESS_TEXT_BYTES];
    char expected[ADDRESS_TEXT_BYTES];
    snprintf(expected, sizeof(expected), "[::1]:%u", (unsigned)sockets.port);
    assert_string_equal(address_describe(&sockets.addresses[1], text), expected);
    for (size_t loop = 0; loop < LOOP_COUNT; loop++) {
        for (size_t i = 0; i < 2; i++) {
            struct address at = {.bytes = sizeof(at.at)};
            int fd = sockets.fds[loop * LISTENER_ADDRESS_COUNT_MAX + i];
            assert_int_equal(getsockname(fd, &at.at.any, &at.bytes), 0);
            assert_int_equal(address_port(&at), sockets.port);
            assert_int_equal(address_is_v6(&at), i == 1);
        }
    }
    listener_sockets_close(&sockets);
}

static void test_accepts_v4_and_v6(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("*", 1);
    struct host *host = host_new(&sockets, 0);
    int clients[] = {dial("127.0.0.1", sockets.port), dial("::1", sockets.port)};
    TURN_UNTIL(&host->loop, host->count == 2);
    char text[ADDRESS_TEXT_BYTES];
    bool has_v6 = address_is_v6(&host->peers[0]);
    assert_string_equal(address_describe_host(&host->peers[has_v6], text), "127.0.0.1");
    assert_string_equal(address_describe_host(&host->peers[!has_v6], text), "::1");
    for (size_t i = 0; i < 2; i++) {
        struct address here = {.bytes = sizeof(here.at)};
        assert_int_equal(getsockname(clients[i], &here.at.any, &here.bytes), 0);
        assert_int_equal(address_port(&host->peers[i == 0 ? has_v6 : !has_v6]),
                         address_port(&here));
        int on = 0;
        socklen_t bytes = sizeof(on);
        assert_int_equal(getsockopt(host->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, &bytes), 0);
        assert_int_equal(on, 1);
        assert_true(fcntl(host->fds[i], F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(host->fds[i], F_GETFD) & FD_CLOEXEC);
        close(clients[i]);
    }
    assert_int_equal(host->listener.accepted_count, 2);
    host_free(host);
    listener_sockets_close(&sockets);
}

/* Each loop gets its share, each connection comes to one loop. */
static void test_loops_share(void **state)
{
    (void)state;
    enum { CLIENTS = 200 };
    struct listener_sockets sockets = opened("127.0.0.1", LOOP_COUNT);
    struct host *hosts[LOOP_COUNT];
    for (size_t i = 0; i < LOOP_COUNT; i++) {
        hosts[i] = host_new(&sockets, i);
    }
    int clients[CLIENTS];
    size_t sum = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = dial("127.0.0.1", sockets.port);
        assert_true(clients[i] >= 0);
    }
    TURN_UNTIL(&hosts[0]->loop,
               (loop_turn(&hosts[1]->loop, 0), loop_turn(&hosts[2]->loop, 0),
                sum = hosts[0]->count + hosts[1]->count + hosts[2]->count, sum >= CLIENTS));
    assert_int_equal(sum, CLIENTS);
    for (size_t i = 0; i < LOOP_COUNT; i++) {
        assert_true(hosts[i]->count > CLIENTS / LOOP_COUNT / 4);
        host_free(hosts[i]);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    listener_sockets_close(&sockets);
}

static void test_port_in_use(void **state)
{
    (void)state;
    struct listener_sockets first = opened("127.0.0.1", 2);
    struct listener_sockets second;
    struct buf problem = {0};
    char expected[128];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u: Address already in use",
             (unsigned)first.port);
    /* Also a second server of our own kind is turned away. */
    assert_int_equal(open_sockets(&second, "127.0.0.1", first.port, 2, true, &problem).code,
                     ERR_CONFIG);
    assert_true(slice_equal(buf_data(&problem), slice_of_text(expected)));
    assert_null(second.fds);
    buf_deinit(&problem);
    uint16_t port = first.port;
    listener_sockets_close(&first);
    assert_false(err_is_set(open_sockets(&second, "127.0.0.1", port, 2, false, &problem)));
    assert_int_equal(second.port, port);
    listener_sockets_close(&second);
}

/* 203.0.113.1 is for documentation: no machine has it. */
static void test_missing_addresses(void **state)
{
    (void)state;
    struct listener_sockets sockets;
    struct buf problem = {0};
    assert_false(
        err_is_set(open_sockets(&sockets, "203.0.113.1, 127.0.0.1", 0, 2, true, &problem)));
    assert_int_equal(sockets.address_count, 1);
    assert_int_equal(sockets.skipped_count, 1);
    buf_put_byte(&problem, 0);
    assert_non_null(strstr((char *)problem.at, "203.0.113.1:0: "));
    int client = dial("127.0.0.1", sockets.port);
    assert_true(client >= 0);
    close(client);
    listener_sockets_close(&sockets);
    buf_reset(&problem);
    assert_int_equal(open_sockets(&sockets, "203.0.113.1, 127.0.0.1", 0, 2, false, &problem).code,
                     ERR_CONFIG);
    buf_reset(&problem);
    assert_int_equal(open_sockets(&sockets, "203.0.113.1", 0, 2, true, &problem).code, ERR_CONFIG);
    assert_true(buf_bytes(&problem) > 0);
    buf_deinit(&problem);
}

static void test_a_storm_is_taken_in_batches(void **state)
{
    (void)state;
    enum { CLIENTS = LISTENER_ACCEPT_COUNT_MAX + 10 };
    struct listener_sockets sockets = opened("127.0.0.1", 1);
    struct host *host = host_new(&sockets, 0);
    int clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = dial("127.0.0.1", sockets.port);
    }
    loop_turn(&host->loop, -1);
    assert_int_equal(host->count, LISTENER_ACCEPT_COUNT_MAX);
    loop_turn(&host->loop, -1);
    assert_int_equal(host->count, CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    host_free(host);
    listener_sockets_close(&sockets);
}

static void limit_files(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* No files left: accepting pauses, who is connected does not notice, and the waiting client is
 * taken as soon as a file is free. */
static void test_out_of_files(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("127.0.0.1", 1);
    struct host *host = host_new(&sockets, 0);
    int early_client;
    int server;
    tcp_pair(&early_client, &server);
    struct end end = {.echoes = true};
    end_open(&end, &host->loop, server, SOCK_TLS_OFF, NULL);
    int late_client = dial("127.0.0.1", sockets.port);
    rlim_t before = (rlim_t)listener_raise_file_limit();
    int highest = dup(0); /* the lowest free number: all below are in use */
    close(highest);
    limit_files((rlim_t)highest);

    TURN_UNTIL(&host->loop, host->paused_count > 0);
    assert_int_equal(host->paused_error, EMFILE);
    assert_int_equal(host->count, 0);
    uint64_t turns = host->loop.turn_count;
    write_blocking(early_client, "ping", 4);
    TURN_UNTIL(&host->loop, buf_bytes(&end.in) == 4);
    char back[8];
    assert_int_equal(recv(early_client, back, sizeof(back), 0), 4);
    int64_t until = clock_monotonic_ms() + 2 * LISTENER_PAUSE_MS;
    while (clock_monotonic_ms() < until) {
        loop_turn(&host->loop, -1); /* sleeps until it tries again */
    }
    assert_true(host->paused_count >= 2);
    assert_true(host->loop.turn_count - turns < 40);
    assert_int_equal(host->count, 0);

    limit_files(before);
    TURN_UNTIL(&host->loop, host->count == 1);
    assert_false(host->listener.is_paused);
    assert_int_equal(host->listener.paused_count, host->paused_count);
    end_finish(&end, &host->loop);
    close(early_client);
    close(late_client);
    host_free(host);
    listener_sockets_close(&sockets);
}

static void test_stop(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("127.0.0.1, ::1", 1);
    struct host *host = host_new(&sockets, 0);
    host->stops_on_accept = true;
    int clients[] = {dial("127.0.0.1", sockets.port), dial("127.0.0.1", sockets.port),
                     dial("::1", sockets.port)};
    TURN_UNTIL(&host->loop, host->count > 0);
    loop_turn(&host->loop, 0);
    loop_turn(&host->loop, 0);
    assert_int_equal(host->count, 1); /* not one more, not even of those that were waiting */
    assert_int_equal(dial("127.0.0.1", sockets.port), -1);
    assert_int_equal(dial("::1", sockets.port), -1);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        close(clients[i]);
    }
    host_free(host);
    listener_sockets_close(&sockets);
}

static void test_stop_while_paused(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("127.0.0.1", 1);
    struct host *host = host_new(&sockets, 0);
    int client = dial("127.0.0.1", sockets.port);
    rlim_t before = (rlim_t)listener_raise_file_limit();
    int highest = dup(0);
    close(highest);
    limit_files((rlim_t)highest);
    TURN_UNTIL(&host->loop, host->paused_count > 0);
    limit_files(before);
    listener_stop(&host->listener);
    assert_int_equal(host->loop.wheel.count, 0); /* nothing will touch the listener again */
    int64_t until = clock_monotonic_ms() + 2 * LISTENER_PAUSE_MS;
    while (clock_monotonic_ms() < until) {
        loop_turn(&host->loop, 20);
    }
    assert_int_equal(host->count, 0);
    assert_int_equal(host->paused_count, 1);
    close(client);
    host_free(host);
    listener_sockets_close(&sockets);
}

static void test_raise_file_limit(void **state)
{
    (void)state;
    struct rlimit limit;
    limit_files(100);
    uint64_t raised = listener_raise_file_limit();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
    assert_int_equal(raised, limit.rlim_max);
}

/* What no loop has taken is closed with the sockets. */
static void test_sockets_close(void **state)
{
    (void)state;
    struct listener_sockets sockets = opened("127.0.0.1", 2);
    uint16_t port = sockets.port;
    struct host *host = host_new(&sockets, 1);
    assert_int_equal(sockets.fds[LISTENER_ADDRESS_COUNT_MAX], -1);
    host_free(host);
    int client = dial("127.0.0.1", port);
    assert_true(client >= 0);
    close(client);
    listener_sockets_close(&sockets);
    assert_int_equal(dial("127.0.0.1", port), -1);
    listener_sockets_close(&sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_is_the_same_everywhere),
        cmocka_unit_test(test_accepts_v4_and_v6),
        cmocka_unit_test(test_loops_share),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_missing_addresses),
        cmocka_unit_test(test_a_storm_is_taken_in_batches),
        cmocka_unit_test(test_out_of_files),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_while_paused),
        cmocka_unit_test(test_raise_file_limit),
        cmocka_unit_test(test_sockets_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
