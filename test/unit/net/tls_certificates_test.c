/* SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate is shown: two ends of OpenSSL shake hands through memory, and the client says
 * what it saw. */
#include "net/tls_certificates.h"

#include "certificate_fixture.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define ECDSA "ECDSA+SHA256"
#define RSA_PSS "RSA-PSS+SHA256"

static struct err add(struct tls_certificates *certificates, const struct made *made,
                      struct buf *problem)
{
    const struct tls_pem pem = {
        .chain_file = "x.pem",
        .key_file = "x.key",
        .chain = buf_data(&made->pem),
        .key = buf_data(&made->key_pem),
    };
    return tls_certificates_add(certificates, &pem, problem);
}

static void add_wanted(struct tls_certificates *certificates, const struct wanted *wanted)
{
    struct buf problem = {0};
    struct made made = make_certificate_of(wanted);
    assert_false(err_is_set(add(certificates, &made, &problem)));
    assert_int_equal(buf_bytes(&problem), 0);
    made_free(&made);
}

/* ---- a handshake ---- */

static int on_certificate(SSL *ssl, void *certificates)
{
    return tls_certificates_choose(certificates, ssl);
}

static SSL_CTX *server_context(const struct tls_certificates *certificates)
{
    struct buf problem = {0};
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_false(err_is_set(tls_certificates_apply(certificates, context, &problem)));
    SSL_CTX_set_cert_cb(context, on_certificate, (void *)(uintptr_t)certificates);
    return context;
}

static SSL *new_client(SSL_CTX *context, const char *name, const char *algorithms)
{
    SSL *client = SSL_new(context);
    SSL_set_connect_state(client);
    if (name != NULL) {
        SSL_set_tlsext_host_name(client, name);
    }
    if (algorithms != NULL) {
        assert_int_equal(SSL_set1_sigalgs_list(client, algorithms), 1);
    }
    return client;
}

static void join(SSL *client, SSL *server)
{
    BIO *here;
    BIO *there;
    assert_int_equal(BIO_new_bio_pair(&here, 65536, &there, 65536), 1);
    SSL_set_bio(client, here, here);
    SSL_set_bio(server, there, there);
    for (int i = 0; i < 10; i++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
        ERR_clear_error();
    }
}

/* Writes the common name of the certificate that a client sees who asks for <name> (NULL: none);
 * nothing when they cannot agree. */
static void see(const struct tls_certificates *certificates, const char *name,
                const char *algorithms, char common[64])
{
    SSL_CTX *server_side = server_context(certificates);
    SSL_CTX *client_side = SSL_CTX_new(TLS_client_method());
    SSL *server = SSL_new(server_side);
    SSL_set_accept_state(server);
    SSL *client = new_client(client_side, name, algorithms);
    join(client, server);
    common[0] = '\0';
    if (SSL_is_init_finished(client)) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client)),
                                  NID_commonName, common, 64);
    }
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_side);
    SSL_CTX_free(server_side);
}

static void check_sees(const struct tls_certificates *certificates, const char *name,
                       const char *algorithms, const char *wanted)
{
    char common[64];
    see(certificates, name, algorithms, common);
    if (strcmp(common, wanted) != 0) {
        fail_msg("%s sees \"%s\", not \"%s\"", name ? name : "nobody", common, wanted);
    }
}

/* ---- tests ---- */

static void test_names(void **unused)
{
    (void)unused;
    struct tls_certificates *certificates = tls_certificates_new();
    static const struct wanted wanted[] = {
        {.common = "default", .names = "DNS:own.wild.example"},
        {.common = "one", .names = "DNS:one.example,DNS:Uno.Example,DNS:one.example.,IP:192.0.2.1"},
        {.common = "wild", .names = "DNS:*.wild.example"},
        {.common = "exact", .names = "DNS:exact.wild.example"},
        {.common = "late", .names = "DNS:one.example,DNS:late.example"},
        {.common = "label", .names = "DNS:label,DNS:*.a.b.example,DNS:f*o.part.example"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        add_wanted(certificates, &wanted[i]);
    }
    static const struct {
        const char *name;
        const char *sees;
    } rows[] = {
        {NULL, "default"},
        {"nobody.example", "default"},
        {"one.example", "one"},
        {"ONE.example", "one"},
        {"one.example.", "one"},
        {"uno.example", "one"},
        {"one.example.org", "default"},
        {"one.exampl", "default"},
        {"late.example", "late"},
        {"a.wild.example", "wild"},
        {"A.WILD.example", "wild"},
        {"own.wild.example", "wild"}, /* the default's own names are no claim */
        {"exact.wild.example", "exact"},
        {"wild.example", "default"},
        {"a.b.wild.example", "default"},
        {".wild.example", "default"},
        {"label", "label"},
        {"x.a.b.example", "label"},
        {"foo.part.example", "default"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_sees(certificates, rows[i].name, NULL, rows[i].sees);
    }
    tls_certificates_unref(certificates);
}

/* Keys of two kinds for one name: what the client can check is shown. The default, which has a key
 * of a kind the client knows, is not shown for another's name. */
static void test_kinds_of_keys(void **unused)
{
    (void)unused;
    struct tls_certificates *certificates = tls_certificates_new();
    static const struct wanted wanted[] = {
        {.common = "default", .rsa_bits = 2048},
        {.common = "ec", .names = "DNS:both.example,DNS:ec.example"},
        {.common = "rsa", .names = "DNS:both.example", .rsa_bits = 2048},
        {.common = "second ec", .names = "DNS:both.example"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        add_wanted(certificates, &wanted[i]);
    }
    check_sees(certificates, "both.example", ECDSA, "ec");
    check_sees(certificates, "both.example", RSA_PSS, "rsa");
    check_sees(certificates, "ec.example", ECDSA, "ec");
    check_sees(certificates, "ec.example", RSA_PSS, "");
    check_sees(certificates, NULL, RSA_PSS, "default");
    check_sees(certificates, NULL, ECDSA, "");
    tls_certificates_unref(certificates);
}

static void test_chain(void **unused)
{
    (void)unused;
    struct buf problem = {0};
    struct tls_certificates *certificates = tls_certificates_new();
    struct made root = make_certificate_of(&(struct wanted){.common = "root", .is_ca = true});
    struct made middle =
        make_certificate_of(&(struct wanted){.common = "middle", .is_ca = true, .issuer = &root});
    struct made leaf = make_certificate_of(
        &(struct wanted){.common = "leaf", .names = "DNS:leaf.example", .issuer = &middle});
    add_wanted(certificates, &(struct wanted){.common = "default"});
    buf_put(&leaf.pem, buf_data(&middle.pem));
    assert_false(err_is_set(add(certificates, &leaf, &problem)));

    SSL_CTX *server_side = server_context(certificates);
    SSL_CTX *client_side = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(client_side, SSL_VERIFY_PEER, NULL);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_side), root.certificate), 1);
    SSL *server = SSL_new(server_side);
    SSL_set_accept_state(server);
    SSL *client = new_client(client_side, "leaf.example", NULL);
    join(client, server);
    assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
    assert_true(SSL_is_init_finished(client));

    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_side);
    SSL_CTX_free(server_side);
    made_free(&leaf);
    made_free(&middle);
    made_free(&root);
    tls_certificates_unref(certificates);
}

static void test_facts(void **unused)
{
    (void)unused;
    struct tls_certificates *certificates = tls_certificates_new();
    time_t before = time(NULL);
    add_wanted(certificates, &(struct wanted){.common = "first"});
    add_wanted(certificates, &(struct wanted){.common = "se,cond", .names = "DNS:second.example"});
    assert_int_equal(tls_certificates_count(certificates), 2);
    struct tls_certificate_facts facts = tls_certificates_at(certificates, 0);
    assert_string_equal(facts.subject, "CN=first");
    assert_string_equal(facts.file, "x.pem");
    int64_t day_ms = CERTIFICATE_DAY_S * INT64_C(1000);
    assert_in_range(facts.not_after_ms, (int64_t)before * 1000 + day_ms,
                    ((int64_t)time(NULL) + 1) * 1000 + day_ms);
    assert_string_equal(tls_certificates_at(certificates, 1).subject, "CN=se\\,cond");
    tls_certificates_unref(tls_certificates_ref(certificates));
    assert_int_equal(tls_certificates_count(certificates), 2); /* one reference is left */
    tls_certificates_unref(certificates);
}

/* ---- what is refused ---- */

static void check_refused(struct slice chain, struct slice key, bool is_default, const char *why)
{
    struct tls_certificates *certificates = tls_certificates_new();
    struct buf problem = {0};
    if (!is_default) {
        add_wanted(certificates, &(struct wanted){.common = "default"});
    }
    const struct tls_pem pem = {
        .chain_file = "c.pem", .key_file = "k.key", .chain = chain, .key = key};
    assert_int_equal(tls_certificates_add(certificates, &pem, &problem).code, ERR_CONFIG);
    buf_put_byte(&problem, '\0');
    if (strncmp((const char *)problem.at, why, strlen(why)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", (const char *)problem.at, why);
    }
    assert_int_equal(ERR_peek_error(), 0);
    buf_deinit(&problem);
    tls_certificates_unref(certificates);
}

static void put_locked_key(struct buf *out, const struct made *made)
{
    char phrase[] = "secret";
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, made->key, EVP_aes_128_cbc(), phrase, 6, NULL, NULL), 1);
    put_bio(out, bio);
}

static void test_refused(void **unused)
{
    (void)unused;
    struct made good =
        make_certificate_of(&(struct wanted){.common = "good", .names = "DNS:good.example"});
    struct made other = make_certificate_of(&(struct wanted){.common = "other"});
    struct made by_address =
        make_certificate_of(&(struct wanted){.common = "address", .names = "IP:192.0.2.1"});
    struct buf locked = {0};
    put_locked_key(&locked, &good);
    struct buf damaged = {0}; /* the second one of the chain */
    buf_put(&damaged, buf_data(&good.pem));
    BUF_PUT_LITERAL(&damaged, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    struct slice pem = buf_data(&good.pem);
    struct slice key = buf_data(&good.key_pem);

    check_refused(SLICE(""), key, true, "c.pem: ");
    check_refused(SLICE("nonsense"), key, true, "c.pem: ");
    check_refused(slice_first(pem, pem.bytes / 2), key, true, "c.pem: ");
    check_refused(buf_data(&damaged), key, true, "c.pem: ");
    check_refused(key, key, true, "c.pem: ");
    check_refused(pem, SLICE(""), true, "k.key: ");
    check_refused(pem, pem, true, "k.key: ");
    check_refused(pem, slice_first(key, key.bytes / 2), true, "k.key: ");
    check_refused(pem, buf_data(&locked), true, "k.key: ");
    check_refused(pem, buf_data(&other.key_pem), true, "k.key: not the key of c.pem");
    check_refused(buf_data(&other.pem), buf_data(&other.key_pem), false,
                  "c.pem: names no host in subjectAltName");
    check_refused(buf_data(&by_address.pem), buf_data(&by_address.key_pem), false,
                  "c.pem: names no host in subjectAltName");

    buf_deinit(&damaged);
    buf_deinit(&locked);
    made_free(&by_address);
    made_free(&other);
    made_free(&good);
}

/* OpenSSL would refuse it in the handshake: it has to be known before. */
static void test_weak_key(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct tls_certificates *certificates = tls_certificates_new();
        struct buf problem = {0};
        add_wanted(certificates, &(struct wanted){.common = "a", .rsa_bits = i == 0 ? 1024 : 0});
        add_wanted(certificates, &(struct wanted){.common = "b",
                                                  .names = "DNS:b.example",
                                                  .rsa_bits = i == 1 ? 1024 : 0});
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_security_level(context, 2);
        assert_int_equal(tls_certificates_apply(certificates, context, &problem).code, ERR_CONFIG);
        buf_put_byte(&problem, '\0');
        assert_string_equal((const char *)problem.at, "x.pem: ee key too small");
        buf_deinit(&problem);
        SSL_CTX_free(context);
        tls_certificates_unref(certificates);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_chain),   cmocka_unit_test(test_facts),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_weak_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
