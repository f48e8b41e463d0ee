/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS against OpenSSL's own client, in a thread of its own, which verifies the certificate and the
 * name of the host. */
#include "net/tls.h"

#include "tls_fixture.h"

#include "server/pki.h"

#include <signal.h>

/* ---- what all tests stand on ---- */

static struct tls_tickets *tickets;
static struct tls_context *contexts[2];
static char folder[64];
static struct pki_state pki;
static struct tls_options options; /* without certificates */

static void make_certificate(const char *host, int64_t after_ms)
{
    struct buf problem = {0};
    struct pki_options wanted = {
        .folder = folder, .host_name = host, .now_ms = clock_wall_ms() + after_ms};
    struct err err = pki_renew_if_due(&wanted, &pki, &problem);
    buf_deinit(&problem);
    assert_false(err_is_set(err));
}

static struct slice read_text(const char *file, char *room, size_t bytes)
{
    FILE *in = fopen(file, "r");
    size_t got = in ? fread(room, 1, bytes, in) : 0;
    if (in != NULL) {
        fclose(in);
    }
    return slice_of(room, got);
}

static struct err add_files(struct tls_certificates *certificates, const char *chain,
                            const char *key, struct buf *problem)
{
    static char chain_text[8192];
    static char key_text[8192];
    const struct tls_pem pem = {
        .chain_file = chain,
        .key_file = key,
        .chain = read_text(chain, chain_text, sizeof(chain_text)),
        .key = read_text(key, key_text, sizeof(key_text)),
    };
    return tls_certificates_add(certificates, &pem, problem);
}

/* A context as <wanted> says, with the certificate that there is now. */
static struct tls_context *new_context(struct tls_options wanted)
{
    struct buf problem = {0};
    struct tls_context *context;
    wanted.certificates = tls_certificates_new();
    assert_false(
        err_is_set(add_files(wanted.certificates, pki.chain_file, pki.key_file, &problem)));
    assert_false(err_is_set(tls_context_new(&wanted, &context, &problem)));
    assert_int_equal(buf_bytes(&problem), 0);
    tls_certificates_unref(wanted.certificates); /* the context has its own reference */
    return context;
}

static int open_all(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/thrum-tls-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_certificate("broker.example", 0);
    trusted_ca_file = pki.ca_file;
    tickets = tls_tickets_new();
    assert_non_null(tickets);
    options = (struct tls_options){.tickets = tickets};
    for (int i = 0; i < 2; i++) {
        contexts[i] = new_context(options);
    }
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL); /* as loop_run does it */
    return harness_loop_open(&loop);
}

static int close_all(void **state)
{
    (void)state;
    loop_deinit(&loop);
    tls_context_free(contexts[0]);
    tls_context_free(contexts[1]);
    tls_tickets_free(tickets);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* ---- bytes one by one ---- */

/* Between a client that drips and the server: bytes go one at a time, a packet each. */
struct pump {
    int from;
    int to;
};

static void *run_pump(void *arg)
{
    struct pump pump = *(struct pump *)arg;
    free(arg);
    char byte;
    while (recv(pump.from, &byte, 1, 0) == 1 && send(pump.to, &byte, 1, MSG_NOSIGNAL) == 1) {
    }
    shutdown(pump.to, SHUT_WR);
    return NULL;
}

static pthread_t start_pump(int from, int to)
{
    struct pump *pump = malloc(sizeof(*pump));
    *pump = (struct pump){from, to};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_pump, pump), 0);
    return thread;
}

/* ---- tests ---- */

static void test_versions_and_host_names(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int version;
        bool works;
    } rows[] = {
        {"localhost", TLS1_3_VERSION, true},
        {"localhost", TLS1_2_VERSION, true},
        {"broker.example", 0, true},
        {"127.0.0.1", 0, true},
        {"broker", 0, true},
        {"::1", 0, true},
        {"other.example", 0, false},
        {"203.0.113.7", 0, false},
        {"localhost", TLS1_1_VERSION, false},
        {"localhost", TLS1_VERSION, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client client = {.version = rows[i].version};
        client.host = rows[i].host;
        client = echo(client, contexts[0]);
        assert_int_equal(client.has_echo, rows[i].works);
        if (rows[i].works) {
            assert_int_equal(client.verify_result, X509_V_OK);
            assert_int_equal(client.version_spoken,
                             rows[i].version ? rows[i].version : TLS1_3_VERSION);
        }
        SSL_SESSION_free(client.session);
    }
}

static void test_alpn(void **state)
{
    (void)state;
    static const struct {
        const char *offers;
        const char *selected;
    } rows[] = {
        {"\x04mqtt", "mqtt"}, {"\x08http/1.1", "http/1.1"}, {"\x02h2\x08http/1.1", "http/1.1"},
        {"\x02h2", ""}, /* no failure */
        {NULL, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client client = {
            .alpn = rows[i].offers, .sends = SLICE("x"), .expects_bytes = 1, .may_read = true};
        struct end end = {.echoes = true};
        begin(&client, &end, contexts[0]);
        TURN_UNTIL(&loop, end_has(&end, "x"));
        assert_true(sock_is_tls(&end.sock));
        assert_true(slice_equal(sock_alpn(&end.sock), slice_of_text(rows[i].selected)));
        struct buf text = {0};
        sock_describe(&end.sock, &text);
        buf_put_byte(&text, 0);
        assert_non_null(strstr((char *)text.at, "transport=tls version=TLSv1.3 cipher=TLS_"));
        buf_deinit(&text);
        finish(&client, &end);
        assert_true(client.is_connected);
        assert_string_equal(client.alpn_selected, rows[i].selected);
        SSL_SESSION_free(client.session);
    }
}

/* More than the kernel buffers on the way. */
#define LONG_BYTES (16u << 20)

/* Megabytes in, through small reads that leave bytes inside TLS; and out, to a peer that does not
 * read. */
static void test_long_echo(void **state)
{
    (void)state;
    struct buf pattern = {0};
    put_pattern(&pattern, LONG_BYTES);
    struct client client = {
        .sends = buf_data(&pattern), .expects_bytes = LONG_BYTES, .may_read = false};
    struct end end = {.read_max = 50000, .read_room = 7777};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, buf_bytes(&end.in) == LONG_BYTES);
    assert_true(slice_equal(buf_data(&end.in), buf_data(&pattern)));

    /* The client does not read yet: writing comes to a stop, and goes on later. */
    put_pattern(&end.out, LONG_BYTES);
    for (int i = 0; i < 20 && buf_bytes(&end.out) > 0; i++) {
        (void)end_flush(&end);
        loop_turn(&loop, 2);
    }
    assert_true(buf_bytes(&end.out) > 0);
    int writes = end.writable_count;
    loop_turn(&loop, 50);
    assert_int_equal(end.writable_count, writes);
    atomic_store(&client.may_read, true);
    TURN_UNTIL(&loop, buf_bytes(&end.out) == 0 && atomic_load(&client.is_done));
    assert_true(end.writable_count > writes);
    assert_true(slice_equal(buf_data(&client.got), buf_data(&pattern)));
    finish(&client, &end);
    buf_deinit(&pattern);
    SSL_SESSION_free(client.session);
}

/* Every byte of the handshake and of the records in a packet of its own, in both directions. */
static void test_one_byte_at_a_time(void **state)
{
    (void)state;
    int pump_client;
    int pump_server;
    int server;
    int middle[2];
    struct client client = {.sends = SLICE("drop by drop"), .expects_bytes = 12, .may_read = true};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, middle), 0);
    client.fd = middle[0];
    pump_client = middle[1];
    tcp_pair(&pump_server, &server);
    pthread_t there = start_pump(pump_client, pump_server);
    pthread_t back = start_pump(pump_server, pump_client);
    struct end end = {.echoes = true, .read_room = 1, .closes_on_end = true};
    end_open(&end, &loop, server, SOCK_TLS_AUTO, contexts[0]);
    assert_int_equal(pthread_create(&client.thread, NULL, run_client, &client), 0);
    TURN_UNTIL(&loop, atomic_load(&client.is_done));
    assert_true(client.is_connected);
    assert_true(slice_equal(buf_data(&client.got), SLICE("drop by drop")));
    finish(&client, &end);
    pthread_join(there, NULL);
    pthread_join(back, NULL);
    close(pump_client);
    close(pump_server);
    SSL_SESSION_free(client.session);
}

/* Many small parts are put into few records; the bytes are what counts. */
static void test_parts(void **state)
{
    (void)state;
    enum { PARTS = 2000, EACH = 50 };
    struct buf pattern = {0};
    put_pattern(&pattern, PARTS * EACH);
    struct client client = {.sends = SLICE("go"), .expects_bytes = PARTS * EACH, .may_read = true};
    struct end end = {0};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, end_has(&end, "go"));
    static struct iovec parts[PARTS + 2];
    parts[0] = parts[PARTS + 1] = (struct iovec){.iov_base = NULL, .iov_len = 0};
    for (size_t i = 0; i < PARTS; i++) {
        parts[i + 1] = (struct iovec){.iov_base = pattern.at + i * EACH, .iov_len = EACH};
    }
    size_t taken;
    assert_int_equal(sock_write(&end.sock, parts, PARTS + 2, &taken), SOCK_DONE);
    assert_int_equal(taken, PARTS * EACH);
    assert_int_equal(sock_write(&end.sock, parts, 1, &taken), SOCK_DONE); /* nothing at all */
    TURN_UNTIL(&loop, atomic_load(&client.is_done));
    assert_true(slice_equal(buf_data(&client.got), buf_data(&pattern)));
    finish(&client, &end);
    buf_deinit(&pattern);
    SSL_SESSION_free(client.session);
}

static void test_key_update(void **state)
{
    (void)state;
    struct client client = {.version = TLS1_3_VERSION, .updates_key = true};
    client = echo(client, contexts[0]);
    assert_true(client.has_echo);
    SSL_SESSION_free(client.session);
}

/* True when the server takes up <session>. OpenSSL does not use one twice: so a copy goes. */
static bool takes_up(SSL_SESSION *session, int version, struct tls_context *context)
{
    struct client client = {.version = version, .session = SSL_SESSION_dup(session)};
    client = echo(client, context);
    assert_true(client.has_echo);
    SSL_SESSION_free(client.session);
    return client.is_resumed;
}

/* A ticket of one loop is good on another one, until two newer keys have come. */
static void test_resumption(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct client client = {.version = versions[i]};
        client = echo(client, contexts[0]);
        assert_false(client.is_resumed);
        assert_non_null(client.session);
        SSL_SESSION *first = client.session;

        assert_true(takes_up(first, versions[i], contexts[1]));
        tls_tickets_rotate(tickets);
        assert_true(takes_up(first, versions[i], contexts[1]));
        tls_tickets_rotate(tickets);
        assert_false(takes_up(first, versions[i], contexts[0]));
        SSL_SESSION_free(first);
    }
}

/* The end of each side, told to the other. */
static void test_shutdown(void **state)
{
    (void)state;
    struct client client = {.sends = SLICE("question"), .expects_bytes = 100, .ends = true};
    struct end end = {0};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, end.has_ended);
    assert_true(end_has(&end, "question"));
    BUF_PUT_LITERAL(&end.out, "answer"); /* half closed: we may go on */
    assert_true(end_flush(&end));
    sock_shutdown(&end.sock);
    atomic_store(&client.may_read, true);
    TURN_UNTIL(&loop, atomic_load(&client.is_done));
    assert_true(slice_equal(buf_data(&client.got), SLICE("answer")));
    assert_true(client.has_close_notify);
    finish(&client, &end);
    SSL_SESSION_free(client.session);
}

static void test_close_sends_close_notify(void **state)
{
    (void)state;
    struct client client = {.sends = SLICE("x"), .expects_bytes = 100, .may_read = true};
    struct end end = {0};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, end_has(&end, "x"));
    sock_close(&end.sock);
    finish(&client, &end);
    assert_true(client.has_close_notify);
    SSL_SESSION_free(client.session);
}

/* A device that just drops the connection has ended it. */
static void test_end_without_close_notify(void **state)
{
    (void)state;
    struct client client = {.sends = SLICE("x"), .may_read = true, .drops = true};
    struct end end = {.closes_on_end = true};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(end.has_ended);
    assert_false(end.has_failed);
    finish(&client, &end);
    SSL_SESSION_free(client.session);
}

static void test_garbage(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\x16\x03\x01\x00\x05zzzzz",                  /* a handshake that is none */
        "\x16\xff\xff\xff\xffzzzzzzzzzzzzzzzzzzzzzz", /* a record that is none */
        "\x16GET / HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int client;
        int server;
        tcp_pair(&client, &server);
        struct end end = {0};
        end_open(&end, &loop, server, SOCK_TLS_AUTO, contexts[0]);
        size_t bytes = i == 0 ? 10 : strlen(rows[i]);
        write_blocking(client, rows[i], bytes);
        TURN_UNTIL(&loop, end.closed_count > 0);
        assert_int_equal(sock_failure(&end.sock).code, ERR_TLS_FAILED);
        assert_int_equal(end.readable_count, 0);
        end_finish(&end, &loop);
        close(client);
    }
}

static void test_peer_leaves_in_the_handshake(void **state)
{
    (void)state;
    int client;
    int server;
    tcp_pair(&client, &server);
    struct end end = {0};
    end_open(&end, &loop, server, SOCK_TLS_ON, contexts[0]);
    write_blocking(client, "\x16\x03\x01\x02\x00", 5);
    loop_turn(&loop, 10);
    loop_turn(&loop, 10);
    assert_int_equal(end.closed_count, 0);
    close(client);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(err_is_set(sock_failure(&end.sock)));
    end_finish(&end, &loop);
}

/* A damaged record in the middle of a session. */
static void test_damaged_record(void **state)
{
    (void)state;
    struct client client = {.sends = SLICE("fine"), .expects_bytes = 100};
    struct end end = {0};
    begin(&client, &end, contexts[0]);
    TURN_UNTIL(&loop, end_has(&end, "fine"));
    write_blocking(client.fd,
                   "\x17\x03\x03\x00\x20"
                   "0123456789abcdef0123456789abcdef",
                   37);
    TURN_UNTIL(&loop, end.closed_count > 0);
    assert_true(end.has_failed);
    assert_int_equal(sock_failure(&end.sock).code, ERR_TLS_FAILED);
    assert_true(end_has(&end, "fine"));
    atomic_store(&client.may_read, true);
    finish(&client, &end);
    SSL_SESSION_free(client.session);
}

/* A new certificate for new connections; the old connection goes on with what it has. */
static void test_replace(void **state)
{
    (void)state;
    struct tls_context *context = new_context(options);
    struct client old = {.sends = SLICE("old"), .expects_bytes = 5};
    struct end end = {0};
    begin(&old, &end, context);
    TURN_UNTIL(&loop, end_has(&end, "old"));

    make_certificate("renamed.example", 0);
    assert_true(pki.issued);
    tls_context_replace(context, new_context(options));
    struct client fresh = echo((struct client){.host = "renamed.example"}, context);
    assert_true(fresh.has_echo);
    SSL_SESSION_free(fresh.session);
    fresh = echo((struct client){.host = "broker.example"}, context);
    assert_false(fresh.has_echo);
    SSL_SESSION_free(fresh.session);

    tls_context_free(context); /* the session outlives it */
    BUF_PUT_LITERAL(&end.out, "still");
    assert_true(end_flush(&end));
    atomic_store(&old.may_read, true);
    TURN_UNTIL(&loop, atomic_load(&old.is_done));
    assert_true(slice_equal(buf_data(&old.got), SLICE("still")));
    finish(&old, &end);
    SSL_SESSION_free(old.session);
    make_certificate("broker.example", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_and_host_names),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_long_echo),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_key_update),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_close_sends_close_notify),
        cmocka_unit_test(test_end_without_close_notify),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_peer_leaves_in_the_handshake),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_replace),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
