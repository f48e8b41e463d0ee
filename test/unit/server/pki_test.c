/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates thrumd makes for itself: what they say, when they are issued anew, and what an
 * operator has put there is left alone. TLS with them is tested in net/tls_test.c. */
#include "server/pki.h"

#include "base/clock.h"
#include "server/pki_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

static char parent[64];
static char folder[80];
static struct pki_state state;
static struct buf problem;

static int open_folder(void **unused)
{
    (void)unused;
    snprintf(parent, sizeof(parent), "/tmp/thrum-pki-XXXXXX");
    if (mkdtemp(parent) == NULL) {
        return -1;
    }
    snprintf(folder, sizeof(folder), "%s/tls", parent);
    return 0;
}

static int remove_folder(void **unused)
{
    (void)unused;
    buf_deinit(&problem);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", parent);
    return system(command);
}

static struct err renew(const char *host, int64_t after_ms)
{
    buf_reset(&problem);
    struct pki_options options = {
        .folder = folder, .host_name = host, .now_ms = clock_wall_ms() + after_ms};
    return pki_renew_if_due(&options, &state, &problem);
}

static void renew_well(const char *host, int64_t after_ms)
{
    struct err err = renew(host, after_ms);
    assert_int_equal(err.code, ERR_OK);
    assert_int_equal(buf_bytes(&problem), 0);
}

/* The certificate number <index> of a file. */
static X509 *certificate_of(const char *file, int index)
{
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    X509 *certificate = NULL;
    for (int i = 0; i <= index; i++) {
        X509_free(certificate);
        certificate = PEM_read_X509(in, NULL, NULL, NULL);
    }
    fclose(in);
    ERR_clear_error();
    return certificate;
}

static int mode_of(const char *file)
{
    struct stat stat_;
    assert_int_equal(stat(file, &stat_), 0);
    return stat_.st_mode & 0777;
}

static bool has_extension(X509 *certificate, int id, bool is_critical)
{
    int index = X509_get_ext_by_NID(certificate, id, -1);
    return index >= 0 &&
           X509_EXTENSION_get_critical(X509_get_ext(certificate, index)) == is_critical;
}

static int days_of(X509 *certificate)
{
    int days = 0;
    int seconds = 0;
    ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(certificate),
                   X509_get0_notAfter(certificate));
    return days;
}

/* What a client does: the chain up to ca.pem, the purpose, the host. */
static bool verifies(const char *host, const char *address)
{
    X509 *leaf = certificate_of(state.chain_file, 0);
    X509_STORE *store = X509_STORE_new();
    assert_int_equal(X509_STORE_load_file(store, state.ca_file), 1);
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_CTX_init(check, store, leaf, NULL), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(check);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    if (host != NULL) {
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(param, address);
    }
    bool verified = X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    X509_free(leaf);
    ERR_clear_error();
    return verified;
}

static void test_first_start(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    assert_true(state.made_ca);
    assert_true(state.issued);
    assert_string_equal(state.reason, "missing");
    assert_false(state.is_foreign);
    char ca_key[PKI_PATH_BYTES];
    snprintf(ca_key, sizeof(ca_key), "%s/ca.key", folder);
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(ca_key), 0600);
    assert_int_equal(mode_of(state.key_file), 0600);
    assert_int_equal(mode_of(state.ca_file), 0644);
    assert_int_equal(mode_of(state.chain_file), 0644);
    char command[128];
    snprintf(command, sizeof(command), "test $(ls -A %s | wc -l) = 4", folder); /* no *.new */
    assert_int_equal(system(command), 0);
}

static void test_authority(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    X509 *ca = certificate_of(state.ca_file, 0);
    assert_int_equal(X509_get_version(ca), X509_VERSION_3);
    assert_true(has_extension(ca, NID_basic_constraints, true));
    assert_true(has_extension(ca, NID_key_usage, true));
    assert_true(has_extension(ca, NID_subject_key_identifier, false));
    assert_true(has_extension(ca, NID_authority_key_identifier, false));
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(days_of(ca), PKI_CA_DAYS);
    assert_int_equal(X509_verify(ca, X509_get0_pubkey(ca)), 1);
    char group[32];
    assert_int_equal(EVP_PKEY_get_group_name(X509_get0_pubkey(ca), group, sizeof(group), NULL), 1);
    assert_string_equal(group, "prime256v1");
    X509_free(ca);
}

static void test_server_certificate(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    X509 *leaf = certificate_of(state.chain_file, 0);
    X509 *second = certificate_of(state.chain_file, 1);
    X509 *ca = certificate_of(state.ca_file, 0);
    assert_int_equal(X509_cmp(second, ca), 0);
    assert_null(certificate_of(state.chain_file, 2));
    assert_int_equal(X509_check_ca(leaf), 0);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_true(has_extension(leaf, NID_key_usage, true));
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    assert_int_equal(days_of(leaf), PKI_SERVER_DAYS);
    int64_t left = state.not_after_ms - clock_wall_ms();
    assert_true(left > (PKI_SERVER_DAYS - 1) * DAY_MS && left <= PKI_SERVER_DAYS * DAY_MS);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    assert_int_equal(serial->length, 16);
    assert_int_not_equal(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(ca)), 0);
    assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not negative */
    X509_free(leaf);
    X509_free(second);
    X509_free(ca);
}

static void test_clients_verify(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    assert_true(verifies("localhost", NULL));
    assert_true(verifies("broker.example", NULL));
    assert_true(verifies("broker", NULL));
    assert_true(verifies(NULL, "127.0.0.1"));
    assert_true(verifies(NULL, "::1"));
    assert_false(verifies("example", NULL));
    assert_false(verifies("other.example", NULL));
    assert_false(verifies(NULL, "203.0.113.7"));
}

static void test_the_machine_is_asked(void **unused)
{
    (void)unused;
    char host[PKI_HOST_BYTES];
    pki_names_host(NULL, host);
    renew_well(NULL, 0);
    assert_true(verifies(host, NULL));
    assert_true(verifies("localhost", NULL));
}

static void test_names(void **unused)
{
    (void)unused;
    char host[PKI_HOST_BYTES];
    static const char *const bad[] = {"", "two words", "a,DNS:b", "-x", ".x", "x\ny"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        pki_names_host(bad[i], host);
        assert_string_equal(host, "localhost");
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    pki_names_host(longest, host);
    assert_string_equal(host, "localhost");
    pki_names_host("broker-1.Example", host);
    assert_string_equal(host, "broker-1.Example");

    struct buf out = {0};
    assert_false(err_is_set(pki_names_put("localhost", &out)));
    assert_int_equal(strncmp((char *)out.at, "DNS:localhost,IP:127.0.0.1,IP:::1", 33), 0);
    assert_null(strstr((char *)out.at + 5, "DNS:")); /* once */
    buf_reset(&out);
    assert_false(err_is_set(pki_names_put("a.b.example", &out)));
    assert_non_null(strstr((char *)out.at, ",DNS:a.b.example,DNS:a"));
    buf_deinit(&out);
}

/* A label of 63 characters, several of them: longer than a common name may be. */
static void test_long_host_name(void **unused)
{
    (void)unused;
    char host[PKI_HOST_BYTES];
    memset(host, 'h', sizeof(host));
    host[63] = host[127] = '.';
    host[180] = '\0';
    renew_well(host, 0);
    assert_true(state.issued);
    assert_true(verifies(host, NULL));
}

static void test_nothing_to_do(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    X509 *before = certificate_of(state.chain_file, 0);
    renew_well("broker.example", (PKI_SERVER_DAYS - PKI_RENEW_DAYS - 1) * DAY_MS);
    assert_false(state.made_ca);
    assert_false(state.issued);
    assert_null(state.reason);
    X509 *after = certificate_of(state.chain_file, 0);
    assert_int_equal(X509_cmp(before, after), 0);
    X509_free(before);
    X509_free(after);
}

static void test_renewed_before_it_expires(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    X509 *ca = certificate_of(state.ca_file, 0);
    int64_t first = state.not_after_ms;
    int64_t later = (PKI_SERVER_DAYS - PKI_RENEW_DAYS + 1) * DAY_MS;
    renew_well("broker.example", later);
    assert_true(state.issued);
    assert_false(state.made_ca);
    assert_string_equal(state.reason, "expires");
    assert_true(state.not_after_ms > first);
    X509 *same = certificate_of(state.ca_file, 0);
    assert_int_equal(X509_cmp(ca, same), 0);
    X509_free(ca);
    X509_free(same);
}

static void test_host_renamed(void **unused)
{
    (void)unused;
    renew_well("old.example", 0);
    renew_well("new.example", 0);
    assert_true(state.issued);
    assert_string_equal(state.reason, "host renamed");
    assert_true(verifies("new.example", NULL));
    assert_false(verifies("old.example", NULL));
    renew_well("NEW", 0); /* names have no case; the short one is named, too */
    assert_false(state.issued);
}

static void remove_file(const char *name)
{
    char path[PKI_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static void test_authority_replaced(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    remove_file("ca.pem");
    remove_file("ca.key");
    renew_well("broker.example", 0);
    assert_true(state.made_ca);
    assert_true(state.issued);
    assert_string_equal(state.reason, "authority changed");
    assert_true(verifies("broker.example", NULL));
}

static void test_lost_pieces(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    remove_file("server.key");
    renew_well("broker.example", 0);
    assert_string_equal(state.reason, "key does not fit");
    remove_file("server.pem");
    renew_well("broker.example", 0);
    assert_string_equal(state.reason, "missing");
    /* The certificate of the authority is made again for its key: what it signed stays good. */
    remove_file("ca.pem");
    renew_well("broker.example", 0);
    assert_true(state.made_ca);
    assert_false(state.issued);
    assert_true(verifies("broker.example", NULL));
}

/* An operator who has taken the authority's key away. */
static void test_without_the_key_of_the_authority(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    remove_file("ca.key");
    renew_well("broker.example", 0);
    assert_false(state.issued);
    int64_t not_after_ms = state.not_after_ms;
    struct err err = renew("broker.example", (PKI_SERVER_DAYS - 10) * DAY_MS);
    assert_int_equal(err.code, ERR_CONFIG);
    buf_put_byte(&problem, 0);
    assert_non_null(strstr((char *)problem.at, "/ca.key: missing"));
    assert_int_equal(state.not_after_ms, not_after_ms); /* still usable */
    assert_true(verifies("broker.example", NULL));
}

/* At the end of the ten years. */
static void test_authority_at_its_end(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    renew_well("broker.example", (PKI_CA_DAYS - 100) * DAY_MS);
    assert_false(state.made_ca);
    assert_true(state.issued);
    X509 *leaf = certificate_of(state.chain_file, 0);
    X509 *ca = certificate_of(state.ca_file, 0);
    assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(leaf), X509_get0_notAfter(ca)), 0);
    X509_free(leaf);
    renew_well("broker.example", (PKI_CA_DAYS - 10) * DAY_MS);
    assert_true(state.made_ca);
    assert_true(state.issued);
    X509 *fresh = certificate_of(state.ca_file, 0);
    assert_int_not_equal(X509_NAME_cmp(X509_get_subject_name(ca), X509_get_subject_name(fresh)), 0);
    X509_free(ca);
    X509_free(fresh);
}

/* server.pem of another authority. */
static void test_operators_own_certificate(void **unused)
{
    (void)unused;
    renew_well("broker.example", 0);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *own = X509_new();
    X509_NAME_add_entry_by_txt(X509_get_subject_name(own), "O", MBSTRING_UTF8,
                               (const unsigned char *)"thrums and sons", -1, -1, 0);
    X509_set_issuer_name(own, X509_get_subject_name(own));
    X509_gmtime_adj(X509_getm_notBefore(own), 0);
    X509_gmtime_adj(X509_getm_notAfter(own), 3600);
    X509_set_pubkey(own, key);
    X509_sign(own, key, EVP_sha256());
    FILE *out = fopen(state.chain_file, "w");
    PEM_write_X509(out, own);
    fclose(out);
    renew_well("other.example", 0);
    assert_true(state.is_foreign);
    assert_false(state.issued);
    X509 *same = certificate_of(state.chain_file, 0);
    assert_int_equal(X509_cmp(own, same), 0);
    X509_free(own);
    X509_free(same);
    EVP_PKEY_free(key);
}

static void overwrite(const char *name, const char *text)
{
    char path[PKI_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* What cannot be read is not replaced: it may be an operator's. The message names the file. */
static void test_damaged_files(void **unused)
{
    (void)unused;
    static const char *const names[] = {"ca.pem", "ca.key", "server.pem", "server.key"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        renew_well("broker.example", 0);
        overwrite(names[i], "-----BEGIN nothing-----\n");
        struct err err = renew("broker.example", 0);
        assert_true(err_is_set(err));
        buf_put_byte(&problem, 0);
        assert_non_null(strstr((char *)problem.at, names[i]));
        char command[128];
        snprintf(command, sizeof(command), "rm -r %s", folder);
        assert_int_equal(system(command), 0);
    }
}

static void test_folder_that_cannot_be_made(void **unused)
{
    (void)unused;
    struct pki_options options = {.folder = "/nowhere/at/all", .host_name = "x", .now_ms = 1};
    buf_reset(&problem);
    assert_int_equal(pki_renew_if_due(&options, &state, &problem).code, ERR_IO);
    buf_put_byte(&problem, 0);
    assert_string_equal((char *)problem.at, "/nowhere/at/all: No such file or directory");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_first_start),
        IN_FOLDER(test_authority),
        IN_FOLDER(test_server_certificate),
        IN_FOLDER(test_clients_verify),
        IN_FOLDER(test_the_machine_is_asked),
        IN_FOLDER(test_names),
        IN_FOLDER(test_long_host_name),
        IN_FOLDER(test_nothing_to_do),
        IN_FOLDER(test_renewed_before_it_expires),
        IN_FOLDER(test_host_renamed),
        IN_FOLDER(test_authority_replaced),
        IN_FOLDER(test_lost_pieces),
        IN_FOLDER(test_without_the_key_of_the_authority),
        IN_FOLDER(test_authority_at_its_end),
        IN_FOLDER(test_operators_own_certificate),
        IN_FOLDER(test_damaged_files),
        IN_FOLDER(test_folder_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
