/* SPDX-License-Identifier: Apache-2.0
 *
 * Order of writing: the key first, then the certificate. A crash between the two leaves a
 * certificate whose key does not fit, which the next call sees and mends. */
#include "server/pki.h"

#include "base/assert.h"
#include "base/slice.h"
#include "server/pki_names.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S (24 * 3600)

/* Clocks of devices are slow now and then: what is made now must be valid for them, too. */
#define BACKDATE_S 3600

/* The organisation in the names of our own authorities: by it we know what we may replace. */
#define ORGANISATION "thrum"

struct pki {
    struct pki_state *state;
    struct buf *problem;
    time_t now_s;
    const char *folder;
    char host[PKI_HOST_BYTES];
    char ca_key_file[PKI_PATH_BYTES];
};

/* An authority, or a server: what belongs together. Members may be NULL. */
struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static void identity_deinit(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    *identity = (struct identity){0};
}

static struct err crypto_failed(struct pki *pki, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    buf_put_format(pki->problem, "%s: %s", what, reason != NULL ? reason : "failed");
    ERR_clear_error();
    return ERR(INTERNAL);
}

static struct err file_failed(struct pki *pki, const char *file)
{
    buf_put_format(pki->problem, "%s: %s", file, strerrordesc_np(errno));
    return ERR(IO);
}

/* ---- files ---- */

static struct err write_all(int fd, struct slice bytes)
{
    while (bytes.bytes > 0) {
        ssize_t done = write(fd, bytes.at, bytes.bytes);
        if (done == -1 && errno != EINTR) {
            return ERR(IO);
        }
        bytes = slice_from(bytes, done > 0 ? (size_t)done : 0);
    }
    return ERR(OK);
}

static struct err sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return ERR(IO);
    }
    int result = fsync(fd);
    (void)close(fd);
    return result == 0 ? ERR(OK) : ERR(IO);
}

static struct err replace_file(struct pki *pki, const char *file, mode_t mode, struct slice bytes)
{
    char temporary[PKI_PATH_BYTES + 8];
    snprintf(temporary, sizeof(temporary), "%s.new", file);
    (void)unlink(temporary); /* of a crash; it may have other rights */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd == -1) {
        return file_failed(pki, temporary);
    }
    struct err err = write_all(fd, bytes);
    if (!err_is_set(err) && fsync(fd) == -1) {
        err = ERR(IO);
    }
    int error_number = errno;
    if (close(fd) == -1 && !err_is_set(err)) {
        error_number = errno;
        err = ERR(IO);
    }
    if (!err_is_set(err) && rename(temporary, file) == -1) {
        error_number = errno;
        err = ERR(IO);
    }
    if (!err_is_set(err)) {
        err = sync_folder(pki->folder);
        error_number = errno;
    }
    if (err_is_set(err)) {
        (void)unlink(temporary);
        errno = error_number;
        return file_failed(pki, file);
    }
    return err;
}

static struct slice memory_of(BIO *bio)
{
    char *at;
    long bytes = BIO_get_mem_data(bio, &at);
    return slice_of(at, (size_t)bytes);
}

/* Writes certificates, the leaf first. The second one may be NULL. */
static struct err write_certificates(struct pki *pki, const char *file, X509 *first, X509 *second)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct err err;
    if (bio == NULL || PEM_write_bio_X509(bio, first) != 1 ||
        (second != NULL && PEM_write_bio_X509(bio, second) != 1)) {
        err = crypto_failed(pki, file);
    } else {
        err = replace_file(pki, file, 0644, memory_of(bio));
    }
    BIO_free(bio);
    return err;
}

static struct err write_key(struct pki *pki, const char *file, EVP_PKEY *key)
{
    /* Memory that is wiped when it is freed. */
    BIO *bio = BIO_new(BIO_s_secmem());
    struct err err;
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        err = crypto_failed(pki, file);
    } else {
        err = replace_file(pki, file, 0600, memory_of(bio));
    }
    BIO_free(bio);
    return err;
}

/* A key with a pass phrase cannot be used: the default would ask on the terminal. */
static int no_pass_phrase(char *at, int bytes, int is_writing, void *unused)
{
    (void)at;
    (void)bytes;
    (void)is_writing;
    (void)unused;
    return -1;
}

/* Reads the first certificate of <file>. A file that is missing is no error: NULL. */
static struct err read_certificate(struct pki *pki, const char *file, X509 **certificate)
{
    *certificate = NULL;
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        return errno == ENOENT ? ERR(OK) : file_failed(pki, file);
    }
    *certificate = PEM_read_X509(in, NULL, no_pass_phrase, NULL);
    (void)fclose(in);
    return *certificate != NULL ? ERR(OK) : crypto_failed(pki, file);
}

static struct err read_key(struct pki *pki, const char *file, EVP_PKEY **key)
{
    *key = NULL;
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        return errno == ENOENT ? ERR(OK) : file_failed(pki, file);
    }
    *key = PEM_read_PrivateKey(in, NULL, no_pass_phrase, NULL);
    (void)fclose(in);
    return *key != NULL ? ERR(OK) : crypto_failed(pki, file);
}

/* ---- making certificates ---- */

static bool add_extension(X509 *certificate, X509 *issuer, int id, const char *value)
{
    X509V3_CTX names;
    X509V3_set_ctx(&names, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, id, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

/* 127 random bits, positive: RFC 5280 4.1.2.2 wants no more than 20 bytes. */
static bool set_random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool is_set = number != NULL &&
                  BN_priv_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                      -1, 0) == 1;
}

static bool set_times(X509 *certificate, time_t from_s, time_t until_s)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), from_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), until_s) != NULL;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return 0;
    }
    return (int64_t)timegm(&parts);
}

/* Two authorities of one host have different names, so that a client that trusts both is not
 * misled: a few digits of the key tell them apart. */
static bool set_ca_name(const struct pki *pki, X509 *certificate, EVP_PKEY *key)
{
    unsigned char *encoded = NULL;
    int bytes = i2d_PUBKEY(key, &encoded);
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool is_hashed =
        bytes > 0 && EVP_Digest(encoded, (size_t)bytes, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(encoded);
    if (!is_hashed) {
        return false;
    }
    /* A common name has at most 64 characters (RFC 5280, ub-common-name). */
    char common[65];
    snprintf(common, sizeof(common), "thrum CA %.40s %02x%02x%02x%02x", pki->host, digest[0],
             digest[1], digest[2], digest[3]);
    X509_NAME *name = X509_get_subject_name(certificate);
    return add_name(name, "O", ORGANISATION) && add_name(name, "CN", common) &&
           X509_set_issuer_name(certificate, name) == 1;
}

/* Makes ca->certificate for ca->key. */
static bool make_ca_certificate(const struct pki *pki, struct identity *ca)
{
    X509 *made = X509_new();
    ca->certificate = made;
    return made != NULL && X509_set_version(made, X509_VERSION_3) == 1 && set_random_serial(made) &&
           set_ca_name(pki, made, ca->key) &&
           set_times(made, pki->now_s - BACKDATE_S, pki->now_s + (time_t)PKI_CA_DAYS * DAY_S) &&
           X509_set_pubkey(made, ca->key) == 1 &&
           add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(made, made, NID_subject_key_identifier, "hash") &&
           add_extension(made, made, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(made, ca->key, EVP_sha256()) > 0;
}

/* ---- the authority ---- */

static struct err make_ca(struct pki *pki, struct identity *ca)
{
    if (ca->key == NULL) {
        ca->key = EVP_EC_gen("P-256");
    }
    X509_free(ca->certificate);
    ca->certificate = NULL;
    if (ca->key == NULL || !make_ca_certificate(pki, ca)) {
        return crypto_failed(pki, pki->state->ca_file);
    }
    TRY(write_key(pki, pki->ca_key_file, ca->key));
    TRY(write_certificates(pki, pki->state->ca_file, ca->certificate, NULL));
    pki->state->made_ca = true;
    return ERR(OK);
}

static bool is_issued_by_us(const X509 *certificate)
{
    char organisation[sizeof(ORGANISATION) + 1];
    int bytes = X509_NAME_get_text_by_NID(X509_get_issuer_name(certificate), NID_organizationName,
                                          organisation, sizeof(organisation));
    return bytes > 0 && strcmp(organisation, ORGANISATION) == 0;
}

static bool is_due(const struct pki *pki, X509 *certificate)
{
    return seconds_of(X509_get0_notAfter(certificate)) - (int64_t)pki->now_s <
           (int64_t)PKI_RENEW_DAYS * DAY_S;
}

/* Reads the authority, or makes one: when there is none, or when our own is at its end, which is
 * not before ten years have passed. */
static struct err get_ca(struct pki *pki, struct identity *ca)
{
    TRY(read_certificate(pki, pki->state->ca_file, &ca->certificate));
    TRY(read_key(pki, pki->ca_key_file, &ca->key));
    if (ca->certificate == NULL) {
        return make_ca(pki, ca);
    }
    if (is_due(pki, ca->certificate) && is_issued_by_us(ca->certificate) && ca->key != NULL) {
        EVP_PKEY_free(ca->key);
        ca->key = NULL;
        return make_ca(pki, ca);
    }
    if (ca->key != NULL && X509_check_private_key(ca->certificate, ca->key) != 1) {
        ERR_clear_error();
        if (is_issued_by_us(ca->certificate)) {
            return make_ca(pki, ca); /* a crash came between the two files */
        }
        buf_put_format(pki->problem, "%s: not the key of %s", pki->ca_key_file,
                       pki->state->ca_file);
        return ERR(CONFIG);
    }
    return ERR(OK);
}

/* ---- the server ---- */

static bool is_issued_by(X509 *certificate, X509 *ca)
{
    EVP_PKEY *key = X509_get0_pubkey(ca);
    bool is_child = X509_check_issued(ca, certificate) == X509_V_OK && key != NULL &&
                    X509_verify(certificate, key) == 1;
    ERR_clear_error();
    return is_child;
}

/* Why the server's certificate must be issued, or NULL. */
static const char *reason_to_issue(struct pki *pki, const struct identity *server, X509 *ca)
{
    if (server->certificate == NULL) {
        return "missing";
    }
    if (!is_issued_by(server->certificate, ca)) {
        pki->state->is_foreign = !is_issued_by_us(server->certificate);
        return pki->state->is_foreign ? NULL : "authority changed";
    }
    if (server->key == NULL || X509_check_private_key(server->certificate, server->key) != 1) {
        ERR_clear_error();
        return "key does not fit";
    }
    if (is_due(pki, server->certificate)) {
        return "expires";
    }
    if (X509_check_host(server->certificate, pki->host, 0, 0, NULL) != 1) {
        return "host renamed";
    }
    return NULL;
}

static bool make_server_certificate(const struct pki *pki, const struct identity *ca,
                                    struct identity *server, const char *names)
{
    int64_t ca_until_s = seconds_of(X509_get0_notAfter(ca->certificate));
    int64_t until_s = (int64_t)pki->now_s + (int64_t)PKI_SERVER_DAYS * DAY_S;
    X509 *made = X509_new();
    server->certificate = made;
    char common[65];
    snprintf(common, sizeof(common), "%.64s", pki->host);
    return made != NULL && X509_set_version(made, X509_VERSION_3) == 1 && set_random_serial(made) &&
           add_name(X509_get_subject_name(made), "CN", common) &&
           X509_set_issuer_name(made, X509_get_subject_name(ca->certificate)) == 1 &&
           set_times(made, pki->now_s - BACKDATE_S,
                     (time_t)(until_s < ca_until_s ? until_s : ca_until_s)) &&
           X509_set_pubkey(made, server->key) == 1 &&
           add_extension(made, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(made, ca->certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(made, ca->certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(made, ca->certificate, NID_subject_alt_name, names) &&
           add_extension(made, ca->certificate, NID_subject_key_identifier, "hash") &&
           add_extension(made, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(made, ca->key, EVP_sha256()) > 0;
}

static struct err issue(struct pki *pki, const struct identity *ca, struct identity *server)
{
    if (ca->key == NULL) {
        buf_put_format(pki->problem, "%s: missing, and the server's certificate must be issued",
                       pki->ca_key_file);
        return ERR(CONFIG);
    }
    struct identity fresh = {.key = EVP_EC_gen("P-256")};
    struct buf names = {0};
    struct err err = pki_names_put(pki->host, &names);
    if (!err_is_set(err) &&
        (fresh.key == NULL ||
         !make_server_certificate(pki, ca, &fresh, (const char *)buf_data(&names).at))) {
        err = crypto_failed(pki, pki->state->chain_file);
    }
    buf_deinit(&names);
    if (!err_is_set(err)) {
        err = write_key(pki, pki->state->key_file, fresh.key);
    }
    if (!err_is_set(err)) {
        err = write_certificates(pki, pki->state->chain_file, fresh.certificate, ca->certificate);
    }
    if (err_is_set(err)) {
        identity_deinit(&fresh);
        return err;
    }
    identity_deinit(server);
    *server = fresh;
    pki->state->issued = true;
    return ERR(OK);
}

static struct err get_server(struct pki *pki, const struct identity *ca, struct identity *server)
{
    TRY(read_certificate(pki, pki->state->chain_file, &server->certificate));
    TRY(read_key(pki, pki->state->key_file, &server->key));
    const char *reason = reason_to_issue(pki, server, ca->certificate);
    struct err err = ERR(OK);
    if (reason != NULL) {
        pki->state->reason = reason;
        err = issue(pki, ca, server);
    }
    if (server->certificate != NULL) {
        pki->state->not_after_ms = seconds_of(X509_get0_notAfter(server->certificate)) * 1000;
    }
    return err;
}

/* ---- the whole ---- */

static struct err set_paths(struct pki *pki)
{
    const struct {
        char *path;
        const char *name;
    } rows[] = {
        {pki->state->ca_file, "ca.pem"},
        {pki->ca_key_file, "ca.key"},
        {pki->state->chain_file, "server.pem"},
        {pki->state->key_file, "server.key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int bytes = snprintf(rows[i].path, PKI_PATH_BYTES, "%s/%s", pki->folder, rows[i].name);
        if (bytes < 0 || bytes >= PKI_PATH_BYTES) {
            buf_put_format(pki->problem, "%s: the path is too long", pki->folder);
            return ERR(CONFIG);
        }
    }
    return ERR(OK);
}

struct err pki_renew_if_due(const struct pki_options *options, struct pki_state *state,
                            struct buf *problem)
{
    *state = (struct pki_state){0};
    struct pki pki = {.state = state,
                      .problem = problem,
                      .now_s = (time_t)(options->now_ms / 1000),
                      .folder = options->folder};
    ERR_clear_error();
    TRY(set_paths(&pki));
    pki_names_host(options->host_name, pki.host);
    if (mkdir(options->folder, 0700) == -1 && errno != EEXIST) {
        return file_failed(&pki, options->folder);
    }
    struct identity ca = {0};
    struct identity server = {0};
    struct err err = get_ca(&pki, &ca);
    if (!err_is_set(err)) {
        err = get_server(&pki, &ca, &server);
    }
    identity_deinit(&server);
    identity_deinit(&ca);
    return err;
}
