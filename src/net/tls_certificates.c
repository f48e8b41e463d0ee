/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_certificates.c - names are kept in one array, sorted, in lower case, wildcards as they are
 * written ("*.example.org"). A look-up is two searches: for the name, and for the name with a star
 * in place of its first label. */
#include "net/tls_certificates.h"

#include "base/assert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RFC 1035 2.3.4: 255 bytes on the wire, which are 253 as text. */
#define NAME_BYTES_MAX 253

struct certificate {
    char *file;
    char *subject;
    int64_t not_after_ms;
    X509 *leaf;
    STACK_OF(X509) * chain; /* the CAs between */
    EVP_PKEY *key;
};

struct served_name {
    char *text;
    uint32_t certificate; /* index; those of one name are in their order */
};

struct tls_certificates {
    _Atomic uint32_t references;
    struct certificate *certificates;
    size_t certificate_count;
    struct served_name *names;
    size_t name_count;
};

/* ---- life ---- */

static void certificate_deinit(struct certificate *certificate)
{
    free(certificate->file);
    OPENSSL_free(certificate->subject);
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
}

struct tls_certificates *tls_certificates_new(void)
{
    struct tls_certificates *certificates = calloc(1, sizeof(*certificates));
    if (certificates != NULL) {
        atomic_store(&certificates->references, 1);
    }
    return certificates;
}

struct tls_certificates *tls_certificates_ref(struct tls_certificates *certificates)
{
    atomic_fetch_add(&certificates->references, 1);
    return certificates;
}

void tls_certificates_unref(struct tls_certificates *certificates)
{
    if (certificates == NULL || atomic_fetch_sub(&certificates->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < certificates->certificate_count; i++) {
        certificate_deinit(&certificates->certificates[i]);
    }
    for (size_t i = 0; i < certificates->name_count; i++) {
        free(certificates->names[i].text);
    }
    free(certificates->certificates);
    free(certificates->names);
    free(certificates);
}

size_t tls_certificates_count(const struct tls_certificates *certificates)
{
    return certificates->certificate_count;
}

struct tls_certificate_facts tls_certificates_at(const struct tls_certificates *certificates,
                                                 size_t index)
{
    ASSERT(index < certificates->certificate_count);
    const struct certificate *at = &certificates->certificates[index];
    return (struct tls_certificate_facts){
        .file = at->file, .subject = at->subject, .not_after_ms = at->not_after_ms};
}

/* ---- problems ---- */

struct err tls_give_problem(struct buf *problem, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    buf_put_format(problem, "%s: %s", what, reason != NULL ? reason : "not usable");
    ERR_clear_error();
    return ERR(CONFIG);
}

int tls_no_pass_phrase(char *at, int bytes, int is_writing, void *unused)
{
    (void)at;
    (void)bytes;
    (void)is_writing;
    (void)unused;
    return -1;
}

/* ---- reading PEM ---- */

static BIO *bio_of(struct slice bytes)
{
    return bytes.bytes <= INT_MAX ? BIO_new_mem_buf(bytes.at, (int)bytes.bytes) : NULL;
}

/* Reads certificates up to the end of the text. False when one of them is damaged. */
static bool read_chain(BIO *bio, STACK_OF(X509) * chain)
{
    for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, tls_no_pass_phrase, NULL)) != NULL;) {
        if (sk_X509_push(chain, next) <= 0) {
            X509_free(next);
            return false;
        }
    }
    bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return is_end;
}

static struct err read_certificates(const struct tls_pem *pem, struct certificate *certificate,
                                    struct buf *problem)
{
    BIO *bio = bio_of(pem->chain);
    certificate->chain = sk_X509_new_null();
    bool is_read = bio != NULL && certificate->chain != NULL;
    if (is_read) {
        certificate->leaf = PEM_read_bio_X509(bio, NULL, tls_no_pass_phrase, NULL);
        is_read = certificate->leaf != NULL && read_chain(bio, certificate->chain);
    }
    BIO_free(bio);
    return is_read ? ERR(OK) : tls_give_problem(problem, pem->chain_file);
}

static struct err read_key(const struct tls_pem *pem, struct certificate *certificate,
                           struct buf *problem)
{
    BIO *bio = bio_of(pem->key);
    if (bio != NULL) {
        certificate->key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_pass_phrase, NULL);
        BIO_free(bio);
    }
    if (certificate->key == NULL) {
        return tls_give_problem(problem, pem->key_file);
    }
    if (X509_check_private_key(certificate->leaf, certificate->key) != 1) {
        ERR_clear_error();
        buf_put_format(problem, "%s: not the key of %s", pem->key_file, pem->chain_file);
        return ERR(CONFIG);
    }
    return ERR(OK);
}

static int64_t milliseconds_of(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) * 1000 : 0;
}

/* The subject as one line of ASCII. */
static char *subject_of(X509 *certificate)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL &&
        X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        char *at;
        long bytes = BIO_get_mem_data(bio, &at);
        text = OPENSSL_strndup(at, bytes > 0 ? (size_t)bytes : 0);
    }
    BIO_free(bio);
    return text;
}

static struct err read_pem(const struct tls_pem *pem, struct certificate *certificate,
                           struct buf *problem)
{
    ERR_clear_error();
    TRY(read_certificates(pem, certificate, problem));
    TRY(read_key(pem, certificate, problem));
    certificate->file = strdup(pem->chain_file);
    certificate->subject = subject_of(certificate->leaf);
    certificate->not_after_ms = milliseconds_of(X509_get0_notAfter(certificate->leaf));
    bool has_all = certificate->file != NULL && certificate->subject != NULL;
    return has_all ? ERR(OK) : ERR(NO_MEMORY);
}

/* ---- names ---- */

/* Writes <name> as the names are kept. False when it cannot be one: then it serves nobody. */
static bool write_name(struct slice name, char out[NAME_BYTES_MAX + 1])
{
    if (name.bytes > 0 && name.at[name.bytes - 1] == '.') {
        name.bytes--;
    }
    if (name.bytes == 0 || name.bytes > NAME_BYTES_MAX || memchr(name.at, 0, name.bytes) != NULL) {
        return false;
    }
    for (size_t i = 0; i < name.bytes; i++) {
        out[i] = (char)ascii_lower(name.at[i]);
    }
    out[name.bytes] = '\0';
    return true;
}

/* The first place whose name is not less than <text>. */
static size_t find_place(const struct tls_certificates *certificates, const char *text)
{
    size_t low = 0;
    size_t high = certificates->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(certificates->names[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Adds a name of the certificate that is about to be added, behind those of the same text. */
static struct err add_name(struct tls_certificates *certificates, struct slice name)
{
    char text[NAME_BYTES_MAX + 1];
    if (!write_name(name, text)) {
        return ERR(OK);
    }
    size_t count = certificates->name_count;
    struct served_name *names = realloc(certificates->names, (count + 1) * sizeof(*names));
    if (names == NULL) {
        return ERR(NO_MEMORY);
    }
    certificates->names = names;
    char *copy = strdup(text);
    if (copy == NULL) {
        return ERR(NO_MEMORY);
    }
    size_t place = find_place(certificates, text);
    while (place < count && strcmp(names[place].text, text) == 0) {
        place++;
    }
    memmove(&names[place + 1], &names[place], (count - place) * sizeof(*names));
    names[place] = (struct served_name){.text = copy,
                                        .certificate = (uint32_t)certificates->certificate_count};
    certificates->name_count++;
    return ERR(OK);
}

/* Adds the DNS names of the certificate that is about to be added. */
static struct err add_names(struct tls_certificates *certificates,
                            const struct certificate *certificate, struct buf *problem)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
    size_t before = certificates->name_count;
    struct err err = ERR(OK);
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && !err_is_set(err); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
        if (type == GEN_DNS) {
            err = add_name(certificates, slice_of(ASN1_STRING_get0_data(value),
                                                  (size_t)ASN1_STRING_length(value)));
        }
    }
    GENERAL_NAMES_free(all);
    ERR_clear_error();
    if (!err_is_set(err) && certificates->name_count == before) {
        buf_put_format(problem, "%s: names no host in subjectAltName", certificate->file);
        err = ERR(CONFIG);
    }
    return err;
}

struct err tls_certificates_add(struct tls_certificates *certificates, const struct tls_pem *pem,
                                struct buf *problem)
{
    size_t count = certificates->certificate_count;
    struct certificate *grown = realloc(certificates->certificates, (count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return ERR(NO_MEMORY);
    }
    certificates->certificates = grown;
    struct certificate *added = &grown[count];
    *added = (struct certificate){0};
    struct err err = read_pem(pem, added, problem);
    if (!err_is_set(err) && count > 0) { /* the default is for all names that nobody serves */
        err = add_names(certificates, added, problem);
    }
    if (err_is_set(err)) {
        certificate_deinit(added);
        return err;
    }
    certificates->certificate_count++;
    return ERR(OK);
}

/* ---- use ---- */

struct err tls_certificates_apply(const struct tls_certificates *certificates, SSL_CTX *context,
                                  struct buf *problem)
{
    ASSERT(certificates->certificate_count > 0);
    ERR_clear_error();
    const struct certificate *first = &certificates->certificates[0];
    if (SSL_CTX_use_cert_and_key(context, first->leaf, first->key, first->chain, 1) != 1) {
        return tls_give_problem(problem, first->file);
    }
    SSL *trial = SSL_new(context);
    if (trial == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = ERR(OK);
    for (size_t i = 1; i < certificates->certificate_count && !err_is_set(err); i++) {
        const struct certificate *at = &certificates->certificates[i];
        if (SSL_use_cert_and_key(trial, at->leaf, at->key, at->chain, 1) != 1) {
            err = tls_give_problem(problem, at->file);
        }
    }
    SSL_free(trial);
    return err;
}

static bool is_named(const struct tls_certificates *certificates, size_t place, const char *name)
{
    return place < certificates->name_count && strcmp(certificates->names[place].text, name) == 0;
}

/* Where the certificates for <name> begin among the names; their count when there is none. <name>
 * becomes the one that was found. */
static size_t find_server(const struct tls_certificates *certificates, char *name)
{
    size_t place = find_place(certificates, name);
    char *dot = strchr(name, '.');
    if (is_named(certificates, place, name) || dot == NULL || dot == name) {
        return is_named(certificates, place, name) ? place : certificates->name_count;
    }
    /* RFC 6125 6.4.3: the star stands for the whole first label, and for no other. */
    dot[-1] = '*';
    memmove(name, dot - 1, strlen(dot - 1) + 1);
    place = find_place(certificates, name);
    return is_named(certificates, place, name) ? place : certificates->name_count;
}

bool tls_certificates_choose(const struct tls_certificates *certificates, SSL *session)
{
    const char *asked = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    char name[NAME_BYTES_MAX + 1];
    if (asked == NULL || !write_name(slice_of_text(asked), name)) {
        return true;
    }
    size_t place = find_server(certificates, name);
    if (place == certificates->name_count) {
        return true;
    }
    SSL_certs_clear(session); /* the default may have a key of another kind */
    bool has_any = false;
    for (; is_named(certificates, place, name); place++) {
        const struct certificate *at =
            &certificates->certificates[certificates->names[place].certificate];
        /* Fails for the second one with keys of one kind: the first is shown. */
        if (SSL_use_cert_and_key(session, at->leaf, at->key, at->chain, 0) == 1) {
            has_any = true;
        }
    }
    ERR_clear_error();
    return has_any;
}
