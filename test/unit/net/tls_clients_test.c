/* SPDX-License-Identifier: Apache-2.0
 *
 * What contexts ask of clients: the oldest version, and certificates. */
#include "net/tls.h"

#include "certificate_fixture.h"
#include "tls_fixture.h"

#include <signal.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct tls_tickets *tickets;
static struct tls_certificates *certificates;
static struct made ca;      /* whom the server trusts */
static struct made foreign; /* another one */

static int open_all(void **state)
{
    (void)state;
    struct buf problem = {0};
    ca = make_certificate_of(&(struct wanted){.common = "ca", .is_ca = true});
    foreign = make_certificate_of(&(struct wanted){.common = "foreign", .is_ca = true});
    struct made server = make_certificate_of(&(struct wanted){.common = "server"});
    certificates = tls_certificates_new();
    const struct tls_pem pem = {.chain_file = "server.pem",
                                .key_file = "server.key",
                                .chain = buf_data(&server.pem),
                                .key = buf_data(&server.key_pem)};
    assert_false(err_is_set(tls_certificates_add(certificates, &pem, &problem)));
    made_free(&server);
    tickets = tls_tickets_new();
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    return harness_loop_open(&loop);
}

static int close_all(void **state)
{
    (void)state;
    loop_deinit(&loop);
    tls_certificates_unref(certificates);
    tls_tickets_free(tickets);
    made_free(&foreign);
    made_free(&ca);
    return 0;
}

static struct tls_options options_for(enum tls_client_certificates asked)
{
    return (struct tls_options){
        .certificates = certificates,
        .tickets = tickets,
        .client_certificates = asked,
        .client_ca = buf_data(&ca.pem),
        .client_ca_file = "ca.pem",
    };
}

static struct tls_context *new_context(const struct tls_options *options)
{
    struct tls_context *context;
    struct buf problem = {0};
    assert_false(err_is_set(tls_context_new(options, &context, &problem)));
    assert_int_equal(buf_bytes(&problem), 0);
    return context;
}

/* A client of <version> that shows <made> (NULL: nothing) tries. NULL when it gets through, else
 * what the server says of it. */
static const char *refusal_of(struct tls_context *context, int version, const struct made *made)
{
    struct client client = {.version = version};
    if (made != NULL) {
        client.certificate = made->certificate;
        client.key = made->key;
    }
    client = echo(client, context);
    SSL_SESSION_free(client.session);
    assert_int_equal(client.has_echo, client.refusal == NULL);
    return client.refusal;
}

/* <wanted> is the refusal; NULL: none. */
static void check(const struct tls_options *options, const struct made *made, const char *wanted)
{
    struct tls_context *context = new_context(options);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        const char *refusal = refusal_of(context, versions[i], made);
        assert_string_equal(refusal ? refusal : "none", wanted ? wanted : "none");
    }
    tls_context_free(context);
}

/* ---- tests ---- */

static void test_minimum(void **unused)
{
    (void)unused;
    struct tls_options options = options_for(TLS_CLIENT_CERTIFICATES_OFF);
    check(&options, NULL, NULL);
    options.minimum = TLS_MINIMUM_1_3;
    struct tls_context *context = new_context(&options);
    assert_string_equal(refusal_of(context, TLS1_2_VERSION, NULL), "unsupported protocol");
    assert_null(refusal_of(context, TLS1_3_VERSION, NULL));
    tls_context_free(context);
}

static void test_certificates(void **unused)
{
    (void)unused;
    const struct {
        const char *what;
        struct wanted wanted;
        const char *refusal;
    } rows[] = {
        {"of the CA", {.common = "x", .issuer = &ca}, NULL},
        {"for clients", {.common = "x", .issuer = &ca, .usage = "clientAuth"}, NULL},
        {"for servers",
         {.common = "x", .issuer = &ca, .usage = "serverAuth"},
         "unsuitable certificate purpose"},
        {"of another CA",
         {.common = "x", .issuer = &foreign},
         "unable to get local issuer certificate"},
        {"of itself", {.common = "x"}, "self-signed certificate"},
        {"past",
         {.common = "x", .issuer = &ca, .from_days = -3, .until_days = -1},
         "certificate has expired"},
        {"to come",
         {.common = "x", .issuer = &ca, .from_days = 1, .until_days = 3},
         "certificate is not yet valid"},
    };
    const struct tls_options off = options_for(TLS_CLIENT_CERTIFICATES_OFF);
    const struct tls_options optional = options_for(TLS_CLIENT_CERTIFICATES_OPTIONAL);
    const struct tls_options required = options_for(TLS_CLIENT_CERTIFICATES_REQUIRED);
    check(&off, NULL, NULL);
    check(&optional, NULL, NULL);
    check(&required, NULL, "peer did not return a certificate");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("a certificate %s\n", rows[i].what);
        struct made made = make_certificate_of(&rows[i].wanted);
        check(&off, &made, NULL); /* it is not asked for, so it is not sent */
        check(&optional, &made, rows[i].refusal);
        check(&required, &made, rows[i].refusal);
        made_free(&made);
    }
}

/* An authority below the root is enough, when it is the one that the operator names. */
static void test_authority_in_between(void **unused)
{
    (void)unused;
    struct made middle =
        make_certificate_of(&(struct wanted){.common = "middle", .is_ca = true, .issuer = &ca});
    struct made below = make_certificate_of(&(struct wanted){.common = "x", .issuer = &middle});
    struct made beside = make_certificate_of(&(struct wanted){.common = "x", .issuer = &ca});
    struct tls_options options = options_for(TLS_CLIENT_CERTIFICATES_REQUIRED);
    options.client_ca = buf_data(&middle.pem);
    check(&options, &below, NULL);
    check(&options, &beside, "unable to get local issuer certificate");

    struct buf both = {0};
    buf_put(&both, buf_data(&foreign.pem));
    buf_put(&both, buf_data(&ca.pem));
    options.client_ca = buf_data(&both);
    check(&options, &beside, NULL);
    buf_deinit(&both);
    made_free(&beside);
    made_free(&below);
    made_free(&middle);
}

static void test_revocation(void **unused)
{
    (void)unused;
    struct made good = make_certificate_of(&(struct wanted){.common = "good", .issuer = &ca});
    struct made bad = make_certificate_of(&(struct wanted){.common = "bad", .issuer = &ca});
    struct tls_options options = options_for(TLS_CLIENT_CERTIFICATES_OPTIONAL);
    struct buf list = {0};
    check(&options, &bad, NULL);
    put_revocations(&list, &ca, &bad, 1);
    options.client_crl_file = "crl.pem";
    options.client_crl = buf_data(&list);
    check(&options, &bad, "certificate revoked");
    check(&options, &good, NULL);
    check(&options, NULL, NULL);

    /* A list past its date proves nothing. */
    buf_reset(&list);
    put_revocations(&list, &ca, &bad, -1);
    options.client_crl = buf_data(&list);
    check(&options, &good, "CRL has expired");
    buf_deinit(&list);
    made_free(&bad);
    made_free(&good);
}

/* A session begun where nobody asked, or shown once: nothing is taken up again where certificates
 * are asked for. */
static void test_no_way_around(void **unused)
{
    (void)unused;
    const struct tls_options off = options_for(TLS_CLIENT_CERTIFICATES_OFF);
    const struct tls_options required = options_for(TLS_CLIENT_CERTIFICATES_REQUIRED);
    struct tls_context *open = new_context(&off);
    struct tls_context *closed = new_context(&required);
    struct made good = make_certificate_of(&(struct wanted){.common = "good", .issuer = &ca});
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct client first = echo((struct client){.version = versions[i]}, open);
        assert_true(first.has_echo);
        assert_non_null(first.session);
        assert_true(SSL_SESSION_is_resumable(first.session));
        struct client second =
            echo((struct client){.version = versions[i], .session = SSL_SESSION_dup(first.session)},
                 open);
        assert_true(second.is_resumed); /* so it is a good one */
        SSL_SESSION_free(second.session);
        second = echo((struct client){.version = versions[i], .session = first.session}, closed);
        assert_false(second.has_echo);
        SSL_SESSION_free(second.session);

        struct client shown = {
            .version = versions[i], .certificate = good.certificate, .key = good.key};
        shown = echo(shown, closed);
        assert_true(shown.has_echo);
        assert_true(shown.session == NULL || !SSL_SESSION_is_resumable(shown.session));
        SSL_SESSION_free(shown.session);
    }
    made_free(&good);
    tls_context_free(open);
    tls_context_free(closed);
}

static void check_refused(struct tls_options options, const char *why)
{
    struct tls_context *context;
    struct buf problem = {0};
    assert_int_equal(tls_context_new(&options, &context, &problem).code, ERR_CONFIG);
    buf_put_byte(&problem, '\0');
    if (strncmp((const char *)problem.at, why, strlen(why)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", (const char *)problem.at, why);
    }
    buf_deinit(&problem);
}

static void test_problems(void **unused)
{
    (void)unused;
    struct tls_options options = options_for(TLS_CLIENT_CERTIFICATES_OPTIONAL);
    options.client_crl_file = "crl.pem";
    check_refused(options, "crl.pem: "); /* an empty file is not "nobody is revoked" */
    options.client_crl = SLICE("nonsense");
    check_refused(options, "crl.pem: ");
    options.client_crl = buf_data(&ca.pem); /* a certificate is no list */
    check_refused(options, "crl.pem: ");
    options.client_ca = SLICE("");
    check_refused(options, "ca.pem: ");
    options.client_ca = slice_first(buf_data(&ca.pem), buf_bytes(&ca.pem) / 2);
    check_refused(options, "ca.pem: ");
    options.client_ca = buf_data(&ca.key_pem);
    check_refused(options, "ca.pem: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_authority_in_between),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_no_way_around),
        cmocka_unit_test(test_problems),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
