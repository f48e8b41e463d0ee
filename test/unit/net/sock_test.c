/* SPDX-License-Identifier: Apache-2.0
 *
 * A sock over real TCP, plain: readiness, the first byte, back pressure, and the ways to end. What
 * concerns TLS is in tls_test.c. */
#include "net/sock.h"

#include "net/tls.h"
#include "net_harness.h"

#include <limits.h>
#include <netinet/tcp.h>

static struct loop loop;

static int open_loop(void **state)
{
    (void)state;
    return harness_loop_open(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    loop_deinit(&loop);
    return 0;
}

static size_t read_until_end(int fd, struct buf *all)
{
    char room[65536];
    ssize_t got;
    while ((got = recv(fd, room, sizeof(room), 0)) > 0) {
        buf_put_bytes(all, room, (size_t)got);
    }
    return buf_bytes(all);
}

static void test_echo_many_times(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.echoes = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    char text[16];
    for (int i = 0; i < 500; i++) {
        /* Each round depends on the edge after a short read. */
        int bytes = snprintf(text, sizeof(text), "ping %d", i);
        write_blocking(client, text, (size_t)bytes);
        TURN_UNTIL(&loop, recv(client, text, sizeof(text), MSG_DONTWAIT | MSG_PEEK) == bytes);
        char back[16];
        assert_int_equal(recv(client, back, sizeof(back), 0), bytes);
        assert_memory_equal(back, text, (size_t)bytes);
    }
    assert_int_equal(end.sock.received_bytes, end.sock.sent_bytes);
    assert_false(sock_is_tls(&end.sock));
    assert_true(slice_is_empty(sock_alpn(&end.sock)));
    end_finish(&end, &loop);
    assert_int_equal(recv(client, text, 1, 0), 0);
    assert_false(err_is_set(sock_failure(&end.sock)));
    close(client);
}

static void test_data_and_end_in_one(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    write_blocking(client, "last words", 10);
    close(client);
    struct end end = {.closes_on_end = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(end_has(&end, "last words"));
    assert_true(end.has_ended);
    assert_false(end.has_failed);
    end_finish(&end, &loop);
}

/* A listener's tls setting and the first byte; <context> is not used by plain connections. */
static struct end first_bytes(enum sock_tls tls, const char *bytes, size_t count)
{
    int client;
    int server;
    tcp_pair(&client, &server);
    struct tls_context *never_used = (struct tls_context *)&loop;
    struct end end = {0};
    end_open(&end, &loop, server, tls, tls == SOCK_TLS_OFF ? NULL : never_used);
    loop_turn(&loop, 0);
    assert_int_equal(end.readable_count, 0);
    write_blocking(client, bytes, count);
    TURN_UNTIL(&loop, end.readable_count > 0 || end.closed_count > 0);
    if (end.closed_count > 0) {
        /* Closed unanswered. */
        char byte;
        assert_true(recv(client, &byte, 1, 0) <= 0);
    }
    end.readable_count = sock_is_closed(&end.sock) ? 0 : end.readable_count;
    sock_close(&end.sock);
    TURN_UNTIL(&loop, end.closed_count > 0);
    close(client);
    return end;
}

static void test_first_byte(void **state)
{
    (void)state;
    struct end end = first_bytes(SOCK_TLS_OFF, "\x10\x0c", 2);
    assert_true(end_has(&end, "\x10\x0c"));
    buf_deinit(&end.in);
    end = first_bytes(SOCK_TLS_OFF, "\x16\x03", 2);
    assert_true(end_has(&end, "\x16\x03"));
    buf_deinit(&end.in);
    end = first_bytes(SOCK_TLS_AUTO, "GET /", 5);
    assert_true(end_has(&end, "GET /"));
    buf_deinit(&end.in);
    end = first_bytes(SOCK_TLS_ON, "GET /", 5);
    assert_int_equal(end.readable_count, 0);
    assert_int_equal(buf_bytes(&end.in), 0);
    assert_int_equal(sock_failure(&end.sock).code, ERR_TLS_FAILED);
}

static void test_peer_leaves_before_the_first_byte(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {0};
    end_open(&end, &loop, server, SOCK_TLS_AUTO, (struct tls_context *)&loop);
    close(client);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_int_equal(end.readable_count, 0);
    assert_int_equal(sock_failure(&end.sock).code, ERR_PEER_CLOSED);
    end_finish(&end, &loop);
}

/* A front that wants to speak first is told when it may. */
static void test_write_before_open_waits(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.is_paused = true};
    end_open(&end, &loop, server, SOCK_TLS_AUTO, (struct tls_context *)&loop);
    BUF_PUT_LITERAL(&end.out, "hello");
    assert_false(end_flush(&end));
    loop_turn(&loop, 0);
    assert_int_equal(end.writable_count, 0);
    write_blocking(client, "x", 1);
    TURN_UNTIL(&loop, end.writable_count == 1);
    char back[8];
    assert_int_equal(recv(client, back, sizeof(back), 0), 5);
    end_finish(&end, &loop);
    close(client);
}

#define FLOOD_BYTES (16u << 20)

static void test_peer_that_does_not_read(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {0};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    put_pattern(&end.out, FLOOD_BYTES);
    struct buf expected = {0};
    put_pattern(&expected, FLOOD_BYTES);
    assert_false(end_flush(&end));
    for (int i = 0; i < 20; i++) {
        loop_turn(&loop, 1);
    }
    int writes = end.writable_count;
    assert_true(buf_bytes(&end.out) > 0);
    loop_turn(&loop, 50);
    assert_int_equal(end.writable_count, writes); /* waits, does not try again and again */

    struct buf all = {0};
    char room[65536];
    while (buf_bytes(&all) < FLOOD_BYTES) {
        ssize_t got = recv(client, room, sizeof(room), MSG_DONTWAIT);
        if (got > 0) {
            buf_put_bytes(&all, room, (size_t)got);
        } else {
            loop_turn(&loop, 10);
        }
    }
    assert_true(end.writable_count > writes);
    assert_true(slice_equal(buf_data(&all), buf_data(&expected)));
    assert_int_equal(end.sock.sent_bytes, FLOOD_BYTES);
    buf_deinit(&all);
    buf_deinit(&expected);
    end_finish(&end, &loop);
    close(client);
}

static void test_back_pressure(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.is_paused = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    write_blocking(client, "abc", 3);
    TURN_UNTIL(&loop, end.readable_count > 0);
    int calls = end.readable_count;
    for (int i = 0; i < 5; i++) {
        loop_turn(&loop, 2);
    }
    assert_int_equal(end.readable_count, calls);
    assert_int_equal(buf_bytes(&end.in), 0);
    end.is_paused = false;
    sock_read_later(&end.sock);
    loop_turn(&loop, -1);
    assert_true(end_has(&end, "abc"));
    /* With nothing to read it costs no turn. */
    calls = end.readable_count;
    sock_read_later(&end.sock);
    loop_turn(&loop, 5);
    assert_int_equal(end.readable_count, calls);
    end_finish(&end, &loop);
    close(client);
}

static void test_one_byte_a_turn(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.read_max = 1, .read_room = 1};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    write_blocking(client, "0123456789", 10);
    TURN_UNTIL(&loop, buf_bytes(&end.in) > 0);
    size_t before = buf_bytes(&end.in);
    for (size_t i = before; i < 10; i++) {
        loop_turn(&loop, -1); /* would hang if the rest were forgotten */
        assert_int_equal(buf_bytes(&end.in), i + 1);
    }
    assert_true(end_has(&end, "0123456789"));
    end_finish(&end, &loop);
    close(client);
}

static void test_shutdown_then_read_on(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.closes_on_end = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    BUF_PUT_LITERAL(&end.out, "answer");
    assert_true(end_flush(&end));
    sock_shutdown(&end.sock);
    sock_shutdown(&end.sock);
    struct buf all = {0};
    assert_int_equal(read_until_end(client, &all), 6);
    buf_deinit(&all);
    write_blocking(client, "more", 4);
    TURN_UNTIL(&loop, end_has(&end, "more"));
    size_t taken;
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    assert_int_equal(sock_write(&end.sock, &part, 1, &taken), SOCK_FAILED);
    assert_int_equal(end.closed_count, 0);
    close(client);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(end.has_ended);
    end_finish(&end, &loop);
}

static void test_reset(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.is_paused = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    loop_turn(&loop, 0);
    assert_false(sock_is_broken(&end.sock));
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(client);
    /* Told also while it does not read. */
    TURN_UNTIL(&loop, sock_is_broken(&end.sock) && end.readable_count > 0);
    end.is_paused = false;
    sock_read_later(&end.sock);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(end.has_failed);
    assert_int_equal(sock_failure(&end.sock).code, ERR_PEER_CLOSED);
    end_finish(&end, &loop);
}

static void test_write_to_a_peer_that_left(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.is_paused = true};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    close(client);
    /* The first write provokes the reset, a later one meets it; no SIGPIPE. */
    while (!end.has_failed) {
        BUF_PUT_LITERAL(&end.out, "x");
        (void)end_flush(&end);
        loop_turn(&loop, 1);
    }
    assert_int_equal(sock_failure(&end.sock).code, ERR_PEER_CLOSED);
    end_finish(&end, &loop);
}

static void test_many_parts(void **state)
{
    (void)state;
    enum { PARTS = 3 * IOV_MAX + 7 };
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {0};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    static struct iovec parts[PARTS];
    struct buf expected = {0};
    put_pattern(&expected, PARTS);
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = (struct iovec){.iov_base = expected.at + i, .iov_len = i % 5 == 0 ? 0 : 1};
    }
    struct buf all = {0};
    size_t done = 0;
    while (done < PARTS) {
        size_t taken;
        int before = end.writable_count;
        enum sock_answer answer = sock_write(&end.sock, parts + done, PARTS - done, &taken);
        for (; done < PARTS && (parts[done].iov_len == 0 || taken > 0); done++) {
            if (parts[done].iov_len > 0) {
                buf_put_byte(&all, expected.at[done]);
                taken--;
            }
        }
        assert_true((answer == SOCK_DONE) == (done == PARTS));
        if (answer == SOCK_WAIT) {
            TURN_UNTIL(&loop, end.writable_count > before);
        }
    }
    sock_shutdown(&end.sock);
    struct buf got = {0};
    read_until_end(client, &got);
    assert_true(slice_equal(buf_data(&got), buf_data(&all)));
    buf_deinit(&got);
    buf_deinit(&all);
    buf_deinit(&expected);
    end_finish(&end, &loop);
    close(client);
}

static struct end *rival[2];

static void close_rival(struct end *end)
{
    sock_close(&rival[end == rival[0]]->sock);
    sock_close(&rival[end == rival[0]]->sock);
}

/* Both are ready in one turn; each would close the other. */
static void test_closing_another_in_the_same_turn(void **state)
{
    (void)state;
    int clients[2];
    struct end *ends[2];
    for (int i = 0; i < 2; i++) {
        int server;
        tcp_pair(&clients[i], &server);
        rival[i] = ends[i] = calloc(1, sizeof(struct end));
        ends[i]->after_read = close_rival;
        end_open(ends[i], &loop, server, SOCK_TLS_OFF, NULL);
    }
    write_blocking(clients[0], "x", 1);
    write_blocking(clients[1], "x", 1);
    TURN_UNTIL(&loop, ends[0]->closed_count + ends[1]->closed_count > 0);
    assert_int_equal(ends[0]->closed_count + ends[1]->closed_count, 1);
    assert_int_equal(ends[0]->readable_count + ends[1]->readable_count, 1);
    for (int i = 0; i < 2; i++) {
        end_finish(ends[i], &loop);
        free(ends[i]);
        close(clients[i]);
    }
}

/* Closed with a read deferred: no callback but on_closed comes. */
static void test_close_cancels_what_was_deferred(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {.read_max = 1, .read_room = 1};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    write_blocking(client, "abc", 3);
    TURN_UNTIL(&loop, buf_bytes(&end.in) == 1);
    int calls = end.readable_count;
    sock_close(&end.sock);
    loop_turn(&loop, 0);
    loop_turn(&loop, 0);
    assert_int_equal(end.readable_count, calls);
    assert_int_equal(end.closed_count, 1);
    size_t got;
    char byte;
    assert_int_equal(sock_read(&end.sock, &byte, 1, &got), SOCK_FAILED);
    end_finish(&end, &loop);
    close(client);
}

static void test_open_fails_cleanly(void **state)
{
    (void)state;
    char path[] = "/tmp/thrum-sock-XXXXXX";
    int fd = mkstemp(path); /* epoll refuses plain files */
    unlink(path);
    struct sock sock;
    struct sock_options options = {.fd = fd, .events = &end_events};
    assert_int_equal(sock_open(&sock, &loop, &options).code, ERR_IO);
    assert_true(sock_is_closed(&sock));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    sock_close(&sock);
}

static void test_describe(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {0};
    end_open(&end, &loop, server, SOCK_TLS_OFF, NULL);
    struct buf out = {0};
    sock_describe(&end.sock, &out);
    assert_true(
        slice_equal(buf_data(&out), SLICE("peer=- state=open received=0 sent=0 transport=plain")));
    buf_deinit(&out);
    end_finish(&end, &loop);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_many_times),
        cmocka_unit_test(test_data_and_end_in_one),
        cmocka_unit_test(test_first_byte),
        cmocka_unit_test(test_peer_leaves_before_the_first_byte),
        cmocka_unit_test(test_write_before_open_waits),
        cmocka_unit_test(test_peer_that_does_not_read),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_one_byte_a_turn),
        cmocka_unit_test(test_shutdown_then_read_on),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_write_to_a_peer_that_left),
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_closing_another_in_the_same_turn),
        cmocka_unit_test(test_close_cancels_what_was_deferred),
        cmocka_unit_test(test_open_fails_cleanly),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
