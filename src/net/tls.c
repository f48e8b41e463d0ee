/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include "base/assert.h"
#include "base/clock.h"
#include "net/sock.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A full record; and what a record carries in the beginning, so that the first bytes of an answer
 * can be used before 16 KB have arrived: three packets. */
#define RECORD_BYTES_MAX 16384
#define RECORD_BYTES_FIRST 4096
#define RECORD_FIRST_UNTIL 65536

/* SSL_CTX_set_security_level(3): 112 bits, that is RSA keys of 2048 bits and no SHA-1. */
#define SECURITY_LEVEL 2

/* ---- session tickets ---- */

struct ticket_key {
    uint8_t name[16];
    uint8_t cipher_key[32]; /* AES-256-CBC */
    uint8_t mac_key[32];    /* HMAC-SHA-256 */
};

struct tls_tickets {
    pthread_mutex_t mutex; /* guards what follows, up to the cipher */
    struct ticket_key now;
    struct ticket_key before;
    bool has_before;
    int64_t rotated_ms; /* monotonic */
    EVP_CIPHER *cipher; /* fetched once: each use by name would take a lock and a search */
};

static bool ticket_key_fill(struct ticket_key *key)
{
    return RAND_bytes(key->name, sizeof(key->name)) == 1 &&
           RAND_priv_bytes(key->cipher_key, sizeof(key->cipher_key)) == 1 &&
           RAND_priv_bytes(key->mac_key, sizeof(key->mac_key)) == 1;
}

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *tickets = calloc(1, sizeof(*tickets));
    if (tickets == NULL) {
        return NULL;
    }
    pthread_mutex_init(&tickets->mutex, NULL);
    tickets->rotated_ms = clock_monotonic_ms();
    tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (tickets->cipher == NULL || !ticket_key_fill(&tickets->now)) {
        tls_tickets_free(tickets);
        return NULL;
    }
    return tickets;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (tickets == NULL) {
        return;
    }
    EVP_CIPHER_free(tickets->cipher);
    pthread_mutex_destroy(&tickets->mutex);
    OPENSSL_cleanse(tickets, sizeof(*tickets));
    free(tickets);
}

/* Under the mutex. Without random numbers the old key stays in use: a handshake that fails would be
 * worse. */
static void rotate(struct tls_tickets *tickets, int64_t now_ms)
{
    struct ticket_key fresh;
    if (ticket_key_fill(&fresh)) {
        tickets->before = tickets->now;
        tickets->has_before = now_ms - tickets->rotated_ms < 2 * TLS_TICKET_KEY_MS;
        tickets->now = fresh;
        tickets->rotated_ms = now_ms;
    }
    OPENSSL_cleanse(&fresh, sizeof(fresh));
}

void tls_tickets_rotate(struct tls_tickets *tickets)
{
    pthread_mutex_lock(&tickets->mutex);
    rotate(tickets, clock_monotonic_ms());
    pthread_mutex_unlock(&tickets->mutex);
}

/* The key that seals tickets now. */
static void ticket_key_now(struct tls_tickets *tickets, struct ticket_key *key)
{
    pthread_mutex_lock(&tickets->mutex);
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - tickets->rotated_ms >= TLS_TICKET_KEY_MS) {
        rotate(tickets, now_ms);
    }
    *key = tickets->now;
    pthread_mutex_unlock(&tickets->mutex);
}

enum ticket_found { TICKET_KEY_NONE, TICKET_KEY_NOW, TICKET_KEY_BEFORE };

static enum ticket_found ticket_key_find(struct tls_tickets *tickets, const uint8_t name[16],
                                         struct ticket_key *key)
{
    enum ticket_found found = TICKET_KEY_NONE;
    pthread_mutex_lock(&tickets->mutex);
    int64_t age_ms = clock_monotonic_ms() - tickets->rotated_ms;
    if (memcmp(name, tickets->now.name, sizeof(tickets->now.name)) == 0 &&
        age_ms < 2 * TLS_TICKET_KEY_MS) {
        *key = tickets->now;
        /* On its way out when nobody has sealed anything for long. */
        found = age_ms < TLS_TICKET_KEY_MS ? TICKET_KEY_NOW : TICKET_KEY_BEFORE;
    } else if (tickets->has_before && age_ms < TLS_TICKET_KEY_MS &&
               memcmp(name, tickets->before.name, sizeof(tickets->before.name)) == 0) {
        *key = tickets->before;
        found = TICKET_KEY_BEFORE;
    }
    pthread_mutex_unlock(&tickets->mutex);
    return found;
}

static bool ticket_mac_init(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1 error; 0 no such key, shake hands in full; 1 fine;
 * 2 fine, and give the client a new ticket. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing)
{
    struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    int result = 1;
    bool is_ready;
    if (is_sealing) {
        ticket_key_now(tickets, &key);
        memcpy(name, key.name, sizeof(key.name));
        is_ready = RAND_bytes(iv, EVP_CIPHER_get_iv_length(tickets->cipher)) == 1 &&
                   EVP_EncryptInit_ex2(cipher, tickets->cipher, key.cipher_key, iv, NULL) == 1;
    } else {
        enum ticket_found found = ticket_key_find(tickets, name, &key);
        if (found == TICKET_KEY_NONE) {
            return 0;
        }
        result = found == TICKET_KEY_BEFORE ? 2 : 1;
        is_ready = EVP_DecryptInit_ex2(cipher, tickets->cipher, key.cipher_key, iv, NULL) == 1;
    }
    is_ready = is_ready && ticket_mac_init(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return is_ready ? result : -1;
}

/* ---- contexts ---- */

struct tls_context {
    SSL_CTX *ssl;
};

/* ALPN is a hint: what we do not know is ignored, and the first byte decides (RFC 7301 3.2 would
 * let us refuse). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                   const unsigned char *in, unsigned in_bytes, void *unused)
{
    (void)ssl;
    (void)unused;
    static const unsigned char ours[] = "\x04mqtt\x08http/1.1";
    unsigned char *selected;
    if (SSL_select_next_proto(&selected, out_bytes, ours, sizeof(ours) - 1, in, in_bytes) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* What is made with the certificates of <context> outlives it: they go with the last session. */
static int certificates_index;
static pthread_once_t certificates_once = PTHREAD_ONCE_INIT;

static void on_context_freed(void *parent, void *certificates, CRYPTO_EX_DATA *all, int index,
                             long unused, void *unused_too)
{
    (void)parent;
    (void)all;
    (void)index;
    (void)unused;
    (void)unused_too;
    tls_certificates_unref(certificates);
}

static void make_certificates_index(void)
{
    certificates_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
}

static bool keep_certificates(SSL_CTX *ssl, struct tls_certificates *certificates)
{
    pthread_once(&certificates_once, make_certificates_index);
    return certificates_index >= 0 && SSL_CTX_set_ex_data(ssl, certificates_index, certificates) &&
           tls_certificates_ref(certificates) != NULL;
}

/* In each full handshake, when the client has said which host it wants (SNI). */
static int on_certificate(SSL *ssl, void *certificates)
{
    return tls_certificates_choose(certificates, ssl) ? 1 : 0;
}

static bool apply_settings(SSL_CTX *ssl, const struct tls_options *options)
{
    static const unsigned char session_id[] = "thrum";
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_ENABLE_KTLS | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    /* One read for the head and the body of a record, and for the records behind it. */
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    SSL_CTX_set_cert_cb(ssl, on_certificate, options->certificates);
    SSL_CTX_set_app_data(ssl, options->tickets);
    if (SSL_CTX_get_security_level(ssl) < SECURITY_LEVEL) { /* the system may ask for more */
        SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    }
    int minimum = options->minimum == TLS_MINIMUM_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    return SSL_CTX_set_min_proto_version(ssl, minimum) == 1 &&
           SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_session_id_context(ssl, session_id, sizeof(session_id) - 1) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1 &&
           keep_certificates(ssl, options->certificates);
}

/* ---- certificates of clients ---- */

/* Takes what PEM <bytes> have, certificates or lists of revoked ones: so many, or 0 when one of
 * them is damaged or cannot be used. */
static size_t fill_store(SSL_CTX *ssl, X509_STORE *store, struct slice bytes, bool is_ca)
{
    size_t count = 0;
    bool is_sound = true;
    BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.bytes);
    STACK_OF(X509_INFO) *all =
        bio ? PEM_X509_INFO_read_bio(bio, NULL, tls_no_pass_phrase, NULL) : NULL;
    for (int i = 0; i < sk_X509_INFO_num(all) && is_sound; i++) {
        const X509_INFO *at = sk_X509_INFO_value(all, i);
        if (is_ca && at->x509 != NULL) {
            is_sound = X509_STORE_add_cert(store, at->x509) == 1 &&
                       SSL_CTX_add_client_CA(ssl, at->x509) == 1;
            count++;
        } else if (!is_ca && at->crl != NULL) {
            is_sound = X509_STORE_add_crl(store, at->crl) == 1;
            count++;
        }
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    BIO_free(bio);
    return is_sound ? count : 0;
}

static struct err fill_store_from(SSL_CTX *ssl, X509_STORE *store,
                                  const struct tls_options *options, struct buf *problem)
{
    /* Whoever the operator names is trusted, also when it is not the root. */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if (fill_store(ssl, store, options->client_ca, true) == 0) {
        return tls_give_problem(problem, options->client_ca_file);
    }
    if (options->client_crl_file != NULL) {
        if (fill_store(ssl, store, options->client_crl, false) == 0) {
            return tls_give_problem(problem, options->client_crl_file);
        }
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    }
    return ERR(OK);
}

static struct err ask_clients(SSL_CTX *ssl, const struct tls_options *options, struct buf *problem)
{
    if (options->client_certificates == TLS_CLIENT_CERTIFICATES_OFF) {
        return ERR(OK);
    }
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = fill_store_from(ssl, store, options, problem);
    if (!err_is_set(err) && SSL_CTX_set1_verify_cert_store(ssl, store) != 1) {
        err = ERR(NO_MEMORY);
    }
    X509_STORE_free(store); /* the context has its own reference */
    bool is_required = options->client_certificates == TLS_CLIENT_CERTIFICATES_REQUIRED;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    /* A session taken up again would show nothing: neither of TLS 1.2 nor 1.3, nor one that another
     * listener has begun. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
    return err;
}

/* ---- their life ---- */

static struct err fill_context(SSL_CTX *ssl, const struct tls_options *options, struct buf *problem)
{
    if (!apply_settings(ssl, options)) {
        return tls_give_problem(problem, "TLS settings");
    }
    TRY(tls_certificates_apply(options->certificates, ssl, problem));
    return ask_clients(ssl, options, problem);
}

struct err tls_context_new(const struct tls_options *options, struct tls_context **context,
                           struct buf *problem)
{
    ASSERT(options->tickets != NULL && options->certificates != NULL);
    ERR_clear_error();
    struct tls_context *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->ssl = SSL_CTX_new(TLS_server_method());
    struct err err = made->ssl == NULL ? ERR(NO_MEMORY) : fill_context(made->ssl, options, problem);
    if (err_is_set(err)) {
        tls_context_free(made);
        return err;
    }
    *context = made;
    return ERR(OK);
}

void tls_context_replace(struct tls_context *context, struct tls_context *fresh)
{
    SSL_CTX_free(context->ssl); /* each session holds a reference of its own */
    context->ssl = fresh->ssl;
    free(fresh);
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        free(context);
    }
}

/* ---- the transport ---- */

/* What OpenSSL's answer <result> means for the sock. OpenSSL keeps its errors in a queue of the
 * thread, which must have been empty before the call. */
static enum sock_answer answer_of(struct sock *sock, int result)
{
    switch (SSL_get_error(sock->tls, result)) {
    case SSL_ERROR_WANT_READ:
        sock->can_read = false;
        return SOCK_WAIT;
    case SSL_ERROR_WANT_WRITE:
        sock->can_write = false;
        return SOCK_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return SOCK_ENDED;
    case SSL_ERROR_SYSCALL:
        sock->failure = ERR(PEER_CLOSED);
        break;
    default:
        sock->failure = ERR(TLS_FAILED);
        break;
    }
    /* SSL_get_error(3): after these two nothing more may be asked of the session. */
    sock->tls_is_dead = true;
    ERR_clear_error();
    return SOCK_FAILED;
}

/* OpenSSL's reason for the failure that its queue tells of. That a certificate is not valid is
 * told more exactly elsewhere. */
static const char *failure_reason(const SSL *ssl)
{
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
        ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        return X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    }
    return ERR_reason_error_string(code);
}

static enum sock_answer tls_handshake(struct sock *sock)
{
    ERR_clear_error();
    if (sock->tls == NULL) {
        SSL *ssl = SSL_new(sock->tls_context->ssl);
        if (ssl == NULL || SSL_set_fd(ssl, sock->fd) != 1) {
            SSL_free(ssl);
            ERR_clear_error();
            return SOCK_FAILED;
        }
        SSL_set_accept_state(ssl);
        sock->tls = ssl;
    }
    int result = SSL_do_handshake(sock->tls);
    if (result != 1 && SSL_get_error(sock->tls, result) == SSL_ERROR_SSL) {
        sock->tls_reason = failure_reason(sock->tls);
    }
    return result == 1 ? SOCK_DONE : answer_of(sock, result);
}

static enum sock_answer tls_read(struct sock *sock, void *at, size_t room, size_t *got)
{
    ERR_clear_error();
    int result = SSL_read_ex(sock->tls, at, room, got);
    if (result == 1) {
        return SOCK_DONE;
    }
    enum sock_answer answer = answer_of(sock, result);
    /* A key update asks for an answer (RFC 8446 4.6.3) that found no room. */
    sock->read_wants_write = answer == SOCK_WAIT && sock->can_read;
    return answer;
}

/* Where in the parts the next record begins. */
struct gather {
    const struct iovec *parts;
    size_t count;
    size_t index;
    size_t offset;
};

static void gather_skip(struct gather *gather, size_t bytes)
{
    while (gather->index < gather->count) {
        size_t left = gather->parts[gather->index].iov_len - gather->offset;
        if (bytes < left) {
            gather->offset += bytes;
            return;
        }
        bytes -= left;
        gather->index++;
        gather->offset = 0;
    }
    ASSERT(bytes == 0);
}

/* The next bytes, at most <room>: in their place when one part has enough or is the last, else
 * copied to <scratch>. */
static struct slice gather_next(const struct gather *gather, uint8_t *scratch, size_t room)
{
    if (gather->index == gather->count) {
        return (struct slice){0};
    }
    const struct iovec *part = &gather->parts[gather->index];
    size_t first = part->iov_len - gather->offset;
    if (first >= room || gather->index + 1 == gather->count) {
        return slice_of((const uint8_t *)part->iov_base + gather->offset, min_size(first, room));
    }
    size_t filled = 0;
    size_t offset = gather->offset;
    for (size_t i = gather->index; i < gather->count && filled < room; i++) {
        size_t step = min_size(gather->parts[i].iov_len - offset, room - filled);
        if (step > 0) {
            memcpy(scratch + filled, (const uint8_t *)gather->parts[i].iov_base + offset, step);
        }
        filled += step;
        offset = 0;
    }
    return slice_of(scratch, filled);
}

static enum sock_answer tls_writev(struct sock *sock, const struct iovec *parts, size_t count,
                                   size_t *taken)
{
    uint8_t scratch[RECORD_BYTES_MAX];
    struct gather gather = {.parts = parts, .count = count};
    gather_skip(&gather, 0); /* over empty parts */
    for (;;) {
        /* When a record waits for room, the same answer follows from the same count of bytes sent:
         * so it is offered again with no fewer bytes, as OpenSSL wants it. */
        size_t room =
            sock->sent_bytes + *taken < RECORD_FIRST_UNTIL ? RECORD_BYTES_FIRST : RECORD_BYTES_MAX;
        struct slice next = gather_next(&gather, scratch, room);
        if (next.bytes == 0) {
            return SOCK_DONE;
        }
        size_t written = 0;
        ERR_clear_error();
        int result = SSL_write_ex(sock->tls, next.at, next.bytes, &written);
        if (result != 1) {
            enum sock_answer answer = answer_of(sock, result);
            if (answer == SOCK_WAIT) {
                sock->can_write = false; /* whatever it waits for, news of it carry POLL_WRITE */
            }
            return answer == SOCK_ENDED ? SOCK_FAILED : answer;
        }
        *taken += written;
        gather_skip(&gather, written);
    }
}

static void tls_shutdown(struct sock *sock)
{
    if (!sock->tls_is_dead) {
        ERR_clear_error();
        (void)SSL_shutdown(sock->tls); /* sends close_notify, if there is room */
        ERR_clear_error();
    }
    (void)shutdown(sock->fd, SHUT_WR);
}

static void tls_close(struct sock *sock)
{
    if (sock->tls != NULL && !sock->tls_is_dead && SSL_is_init_finished(sock->tls) &&
        !(SSL_get_shutdown(sock->tls) & SSL_SENT_SHUTDOWN)) {
        ERR_clear_error();
        (void)SSL_shutdown(sock->tls);
        ERR_clear_error();
    }
    SSL_free(sock->tls);
    sock->tls = NULL;
}

static void tls_describe(const struct sock *sock, struct buf *out)
{
    BUF_PUT_LITERAL(out, "transport=tls");
    if (sock->tls != NULL && SSL_is_init_finished(sock->tls)) {
        buf_put_format(out, " version=%s cipher=%s resumed=%s", SSL_get_version(sock->tls),
                       SSL_get_cipher_name(sock->tls),
                       SSL_session_reused(sock->tls) ? "yes" : "no");
    }
}

struct slice tls_alpn(const struct sock *sock)
{
    const unsigned char *at;
    unsigned bytes;
    SSL_get0_alpn_selected(sock->tls, &at, &bytes);
    return slice_of(at, bytes);
}

const struct transport transport_tls = {
    .name = "tls",
    .handshake = tls_handshake,
    .read = tls_read,
    .writev = tls_writev,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .describe = tls_describe,
};
