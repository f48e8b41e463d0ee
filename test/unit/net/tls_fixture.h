/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_fixture.h - a client of OpenSSL's in a thread of its own, and a connection between it and a
 * sock. */
#ifndef THRUM_TEST_TLS_FIXTURE_H
#define THRUM_TEST_TLS_FIXTURE_H

#include "net_harness.h"

#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>

static struct loop loop;
static const char *trusted_ca_file; /* whom clients trust; NULL: anybody */

struct client {
    /* what to do */
    const char *host;  /* the name it expects; NULL: "localhost" */
    X509 *certificate; /* that it shows, with its key; NULL: none */
    EVP_PKEY *key;
    int version;      /* the only one it speaks; 0: any */
    const char *alpn; /* in wire form; NULL: none */
    struct slice sends;
    size_t expects_bytes; /* reads so many, or to the end */
    bool ends;            /* close_notify after sending; otherwise after reading */
    bool drops;           /* no close_notify at all */
    bool updates_key;     /* before sending */
    SSL_SESSION *session; /* to take up; replaced by the last ticket */
    _Atomic bool may_read;
    /* what came of it */
    int fd;
    pthread_t thread;
    _Atomic bool is_done;
    bool is_connected; /* with TLS 1.3 the server may still refuse */
    bool has_echo;
    const char *refusal; /* what the server says of it; NULL: nothing */
    bool is_resumed;
    bool has_close_notify;
    long verify_result;
    int version_spoken;
    char alpn_selected[16];
    struct buf got;
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *client = SSL_get_app_data(ssl);
    SSL_SESSION_free(client->session);
    client->session = session;
    return 1;
}

static SSL_CTX *client_context(const struct client *client)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (trusted_ca_file != NULL) {
        assert_int_equal(SSL_CTX_load_verify_file(ssl, trusted_ca_file), 1);
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    }
    if (client->certificate != NULL) {
        SSL_CTX_use_certificate(ssl, client->certificate);
        assert_int_equal(SSL_CTX_use_PrivateKey(ssl, client->key), 1);
    }
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, keep_session);
    if (client->version != 0) {
        SSL_CTX_set_security_level(ssl, 0);
        SSL_CTX_set_min_proto_version(ssl, client->version);
        SSL_CTX_set_max_proto_version(ssl, client->version);
    }
    if (client->alpn != NULL) {
        SSL_CTX_set_alpn_protos(ssl, (const unsigned char *)client->alpn,
                                (unsigned)strlen(client->alpn));
    }
    return ssl;
}

static void client_note(struct client *client, SSL *ssl)
{
    client->is_resumed = SSL_session_reused(ssl);
    client->version_spoken = SSL_version(ssl);
    const unsigned char *at;
    unsigned bytes;
    SSL_get0_alpn_selected(ssl, &at, &bytes);
    memcpy(client->alpn_selected, at ? (const char *)at : "", min_size(bytes, 15));
}

static void client_talk(struct client *client, SSL *ssl)
{
    if (client->updates_key) {
        SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    }
    for (size_t done = 0; done < client->sends.bytes;) {
        size_t written;
        if (SSL_write_ex(ssl, client->sends.at + done, client->sends.bytes - done, &written) != 1) {
            break;
        }
        done += written;
    }
    if (client->ends) {
        SSL_shutdown(ssl);
    }
    while (!atomic_load(&client->may_read)) {
        usleep(1000);
    }
    char room[8192];
    size_t got;
    while (buf_bytes(&client->got) < client->expects_bytes &&
           SSL_read_ex(ssl, room, sizeof(room), &got) == 1) {
        buf_put_bytes(&client->got, room, got);
    }
    client->has_close_notify = SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN;
    if (!client->drops) {
        SSL_shutdown(ssl); /* without it, OpenSSL does not take the session up again */
    }
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    SSL_CTX *context = client_context(client);
    SSL *ssl = SSL_new(context);
    SSL_set_app_data(ssl, client);
    SSL_set_fd(ssl, client->fd);
    const char *host = client->host ? client->host : "localhost";
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1) {
        SSL_set1_host(ssl, host); /* not an address */
    }
    if (client->session != NULL) {
        SSL_set_session(ssl, client->session);
    }
    client->is_connected = SSL_connect(ssl) == 1;
    client->verify_result = SSL_get_verify_result(ssl);
    if (client->is_connected) {
        client_note(client, ssl);
        client_talk(client, ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    shutdown(client->fd, SHUT_WR);
    ERR_clear_error();
    atomic_store(&client->is_done, true);
    return NULL;
}

/* Connects <client> with <end> and starts it. */
static void begin(struct client *client, struct end *end, struct tls_context *context)
{
    int server;
    tcp_pair(&client->fd, &server);
    end_open(end, &loop, server, SOCK_TLS_ON, context);
    assert_int_equal(pthread_create(&client->thread, NULL, run_client, client), 0);
}

static void finish(struct client *client, struct end *end)
{
    TURN_UNTIL(&loop, atomic_load(&client->is_done));
    pthread_join(client->thread, NULL);
    end_finish(end, &loop);
    close(client->fd);
    buf_deinit(&client->got);
}

/* An echo, from the first to the last byte. Returns the client as it ended. */
static struct client echo(struct client client, struct tls_context *context)
{
    struct end end = {.echoes = true, .closes_on_end = true};
    client.sends = SLICE("hello");
    client.expects_bytes = 5;
    client.may_read = true;
    begin(&client, &end, context);
    TURN_UNTIL(&loop, atomic_load(&client.is_done));
    client.has_echo = slice_equal(buf_data(&client.got), SLICE("hello"));
    finish(&client, &end);
    client.refusal = sock_tls_reason(&end.sock);
    return client;
}

#endif
