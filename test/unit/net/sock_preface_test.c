/* SPDX-License-Identifier: Apache-2.0
 *
 * The preface of a connection: bytes in front of all others, read by the front before anything else
 * is looked at. Here it is a byte that says how long it is in all, and text; '!' is an error. */
#include "net/sock.h"

#include "net_harness.h"

static struct loop loop;
static int asked_count;
static struct sock *to_close; /* in on_preface */

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

static struct err read_preface(struct sock *sock, struct slice seen, size_t *used)
{
    asked_count++;
    assert_ptr_equal(sock->on_preface, read_preface);
    assert_int_equal(*used, 0);
    assert_in_range(seen.bytes, 1, SOCK_PREFACE_BYTES_MAX);
    if (to_close != NULL) {
        sock_close(to_close);
        return ERR(OK);
    }
    if (seen.at[0] == '!') {
        return ERR(PROXY_HEADER);
    }
    *used = seen.bytes >= seen.at[0] ? seen.at[0] : 0;
    return ERR(OK);
}

static void open_end(struct end *end, enum sock_tls tls, int *client)
{
    int server;
    tcp_pair(client, &server);
    /* The context is not used by plain connections. */
    struct sock_options options = {.fd = server,
                                   .tls = tls,
                                   .tls_context = (struct tls_context *)&loop,
                                   .events = &end_events,
                                   .on_preface = read_preface};
    asked_count = 0;
    assert_false(err_is_set(sock_open(&end->sock, &loop, &options)));
}

static void test_bytes_behind_it_are_the_fronts(void **state)
{
    (void)state;
    static const enum sock_tls modes[] = {SOCK_TLS_OFF, SOCK_TLS_AUTO};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        int client;
        struct end end = {.closes_on_end = true};
        open_end(&end, modes[i], &client);
        write_blocking(client, "\5selfGET /", 10);
        close(client);
        TURN_UNTIL(&loop, end.closed_count > 0);
        assert_true(end_has(&end, "GET /"));
        assert_int_equal(end.sock.received_bytes, 5);
        assert_int_equal(asked_count, 1);
        end_finish(&end, &loop);
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    open_end(&end, SOCK_TLS_AUTO, &client);
    const char *text = "\5selfGET /";
    for (int i = 0; i < 10; i++) {
        write_blocking(client, text + i, 1);
        if (i < 5) {
            TURN_UNTIL(&loop, asked_count == i + 1);
            assert_int_equal(end.readable_count, i < 4 ? 0 : end.readable_count);
        } else {
            TURN_UNTIL(&loop, buf_bytes(&end.in) == (size_t)i - 4);
        }
    }
    assert_true(end_has(&end, "GET /"));
    assert_int_equal(asked_count, 5);
    end_finish(&end, &loop);
    close(client);
}

static void test_a_long_one_is_left_on_the_stream_until_it_is_whole(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    uint8_t text[255] = {[0] = 255};
    open_end(&end, SOCK_TLS_OFF, &client);
    write_blocking(client, text, 200);
    TURN_UNTIL(&loop, asked_count == 1);
    uint8_t seen[255];
    assert_int_equal(recv(end.sock.fd, seen, sizeof(seen), MSG_PEEK), 200);
    write_blocking(client, text + 200, 55);
    write_blocking(client, "x", 1);
    TURN_UNTIL(&loop, end_has(&end, "x"));
    end_finish(&end, &loop);
    close(client);
}

/* With tls = on also the first byte behind it must be that of TLS. */
static void test_plain_bytes_behind_it(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    open_end(&end, SOCK_TLS_ON, &client);
    write_blocking(client, "\5selfGET /", 10);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_int_equal(end.readable_count, 0);
    assert_int_equal(sock_failure(&end.sock).code, ERR_TLS_FAILED);
    end_finish(&end, &loop);
    close(client);
}

static void test_a_bad_one_closes(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    open_end(&end, SOCK_TLS_OFF, &client);
    write_blocking(client, "!GET /", 6);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_int_equal(end.readable_count, 0);
    assert_int_equal(sock_failure(&end.sock).code, ERR_PROXY_HEADER);
    end_finish(&end, &loop);
    char byte;
    assert_true(recv(client, &byte, 1, 0) <= 0);
    close(client);
}

static void test_a_peer_that_leaves(void **state)
{
    (void)state;
    static const size_t sent[] = {0, 3};
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        for (int has_been_seen = 0; has_been_seen < 2; has_been_seen++) {
            int client;
            struct end end = {0};
            open_end(&end, SOCK_TLS_AUTO, &client);
            write_blocking(client, "\5se", sent[i]);
            if (has_been_seen && sent[i] > 0) {
                TURN_UNTIL(&loop, asked_count == 1);
            }
            shutdown(client, SHUT_WR);
            TURN_UNTIL(&loop, end.closed_count > 0);
            assert_int_equal(end.readable_count, 0);
            assert_int_equal(sock_failure(&end.sock).code, ERR_PEER_CLOSED);
            end_finish(&end, &loop);
            close(client);
        }
    }
}

static void test_close_while_it_is_read(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    open_end(&end, SOCK_TLS_OFF, &client);
    to_close = &end.sock;
    write_blocking(client, "\5selfGET /", 10);
    TURN_UNTIL(&loop, end.closed_count > 0);
    to_close = NULL;
    assert_int_equal(end.readable_count, 0);
    assert_false(err_is_set(sock_failure(&end.sock)));
    end_finish(&end, &loop);
    close(client);
}

static void test_described_while_it_is_awaited(void **state)
{
    (void)state;
    int client;
    struct end end = {0};
    struct buf text = {0};
    open_end(&end, SOCK_TLS_OFF, &client);
    sock_describe(&end.sock, &text);
    assert_true(slice_equal(buf_data(&text),
                            SLICE("peer=- state=preface received=0 sent=0 transport=plain")));
    buf_deinit(&text);
    end_finish(&end, &loop);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_behind_it_are_the_fronts),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_a_long_one_is_left_on_the_stream_until_it_is_whole),
        cmocka_unit_test(test_plain_bytes_behind_it),
        cmocka_unit_test(test_a_bad_one_closes),
        cmocka_unit_test(test_a_peer_that_leaves),
        cmocka_unit_test(test_close_while_it_is_read),
        cmocka_unit_test(test_described_while_it_is_awaited),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
