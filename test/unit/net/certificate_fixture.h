/* SPDX-License-Identifier: Apache-2.0
 *
 * certificate_fixture.h - certificates made for a test, as PEM text: authorities, servers, clients.
 *
 *      struct made ca = make_certificate_of(&(struct wanted){.common = "ca", .is_ca = true});
 *      struct made leaf = make_certificate_of(&(struct wanted){.common = "x", .issuer = &ca});
 *      made_free(&leaf); made_free(&ca); */
#ifndef THRUM_TEST_CERTIFICATE_FIXTURE_H
#define THRUM_TEST_CERTIFICATE_FIXTURE_H

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <time.h>

#define CERTIFICATE_DAY_S (24 * 3600)

struct made {
    X509 *certificate;
    EVP_PKEY *key;
    struct buf pem; /* of the certificate */
    struct buf key_pem;
};

/* All-zero but for the name: a P-256 key, signed by itself, valid from yesterday until tomorrow. */
struct wanted {
    const char *common;
    const char *names; /* in the syntax of subjectAltName: "DNS:a.example,DNS:b.example" */
    const char *usage; /* extendedKeyUsage: "serverAuth" */
    const struct made *issuer;
    unsigned rsa_bits; /* 0: not RSA */
    bool is_ca;
    int from_days; /* from when and until when, from today; both 0: as above */
    int until_days;
};

static inline void put_bio(struct buf *out, BIO *bio)
{
    char *at;
    long bytes = BIO_get_mem_data(bio, &at);
    buf_put_bytes(out, at, (size_t)bytes);
    BIO_free(bio);
}

static inline void extend(X509 *certificate, X509 *issuer, int id, const char *value)
{
    X509V3_CTX names;
    X509V3_set_ctx(&names, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, id, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void fill_certificate(X509 *made, const struct wanted *wanted, EVP_PKEY *key)
{
    static long serial;
    bool has_days = wanted->from_days != 0 || wanted->until_days != 0;
    X509 *issuer = wanted->issuer ? wanted->issuer->certificate : made;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made),
                    (long)(has_days ? wanted->from_days : -1) * CERTIFICATE_DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made),
                    (long)(has_days ? wanted->until_days : 1) * CERTIFICATE_DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               (const unsigned char *)wanted->common, -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    X509_set_pubkey(made, key);
    extend(made, issuer, NID_basic_constraints,
           wanted->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wanted->names != NULL) {
        extend(made, issuer, NID_subject_alt_name, wanted->names);
    }
    if (wanted->usage != NULL) {
        extend(made, issuer, NID_ext_key_usage, wanted->usage);
    }
}

static inline struct made make_certificate_of(const struct wanted *wanted)
{
    struct made made = {.certificate = X509_new()};
    made.key = wanted->rsa_bits > 0 ? EVP_RSA_gen(wanted->rsa_bits) : EVP_EC_gen("P-256");
    assert_non_null(made.key);
    fill_certificate(made.certificate, wanted, made.key);
    EVP_PKEY *signer = wanted->issuer ? wanted->issuer->key : made.key;
    assert_true(X509_sign(made.certificate, signer, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, made.certificate), 1);
    put_bio(&made.pem, bio);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, made.key, NULL, NULL, 0, NULL, NULL), 1);
    put_bio(&made.key_pem, bio);
    return made;
}

static inline void made_free(struct made *made)
{
    X509_free(made->certificate);
    EVP_PKEY_free(made->key);
    buf_deinit(&made->pem);
    buf_deinit(&made->key_pem);
}

/* Appends the list of <revoked> (NULL: nobody) by <issuer>, good until <until_days> from today. */
static inline void put_revocations(struct buf *out, const struct made *issuer,
                                   const struct made *revoked, int until_days)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *at = X509_gmtime_adj(NULL, -2L * CERTIFICATE_DAY_S);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(list, at);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
        X509_REVOKED_set_revocationDate(entry, at);
        assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
    }
    X509_gmtime_adj(at, (long)until_days * CERTIFICATE_DAY_S);
    X509_CRL_set1_nextUpdate(list, at);
    assert_true(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509_CRL(bio, list), 1);
    put_bio(out, bio);
    ASN1_TIME_free(at);
    X509_CRL_free(list);
}

#endif
