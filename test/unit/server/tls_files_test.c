/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>

static char folder[64];
static char chain[128];
static char key[128];
static struct config config;

/* ---- files ---- */

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *out = fopen(path_of(name), "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path_of(name), 0600), 0);
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(path_of(name), 0700), 0);
}

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/thrum-files-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(chain, sizeof(chain), "%s/server.pem", folder);
    snprintf(key, sizeof(key), "%s/server.key", folder);
    config_set_defaults(&config);
    write_file("server.pem", "chain");
    write_file("server.key", "key");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void use_certificates_folder(void)
{
    make_folder("more");
    snprintf(config.tls.certificates_folder, sizeof(config.tls.certificates_folder), "%s/more",
             folder);
}

static struct tls_files read_now(void)
{
    struct tls_files files;
    tls_files_read(&files, &config, chain, key);
    return files;
}

/* The mark; there must be no problem. */
static uint64_t mark_now(void)
{
    struct tls_files files = read_now();
    assert_int_equal(buf_bytes(&files.problem), 0);
    uint64_t mark = files.mark;
    tls_files_deinit(&files);
    return mark;
}

/* The problem begins with the path of <name> and then says <what>. Returns the mark. */
static uint64_t check_problem(const char *name, const char *what)
{
    struct tls_files files = read_now();
    char wanted[512];
    snprintf(wanted, sizeof(wanted), "%s: %s", path_of(name), what);
    buf_put_byte(&files.problem, '\0');
    assert_string_equal((const char *)buf_data(&files.problem).at, wanted);
    uint64_t mark = files.mark;
    tls_files_deinit(&files);
    return mark;
}

/* ---- tests ---- */

static void test_default_only(void **unused)
{
    (void)unused;
    struct tls_files files = read_now();
    assert_int_equal(files.pair_count, 1);
    assert_true(slice_equal(buf_data(&files.pairs[0].chain.bytes), SLICE("chain")));
    assert_true(slice_equal(buf_data(&files.pairs[0].key.bytes), SLICE("key")));
    assert_string_equal(files.pairs[0].key.path, key);
    for (size_t i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        assert_null(files.client_ca[i].path);
        assert_null(files.client_crl[i].path);
    }
    tls_files_deinit(&files);
}

static void test_mark_follows_what_is_in_the_files(void **unused)
{
    (void)unused;
    uint64_t first = mark_now();
    assert_int_equal(mark_now(), first);
    write_file("server.pem", "chain");
    assert_int_equal(mark_now(), first); /* written again, and the same */
    write_file("server.pem", "chaiN");
    uint64_t second = mark_now();
    assert_int_not_equal(second, first);
    write_file("server.key", "kez");
    assert_int_not_equal(mark_now(), second);
    write_file("server.pem", "chain");
    write_file("server.key", "key");
    assert_int_equal(mark_now(), first);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_not_equal(mark_now(), first);
}

/* A problem that stays is one problem: it has one mark. */
static void test_problems(void **unused)
{
    (void)unused;
    assert_int_equal(unlink(key), 0);
    uint64_t missing = check_problem("server.key", "No such file or directory");
    assert_int_equal(check_problem("server.key", "No such file or directory"), missing);
    make_folder("server.key");
    assert_int_not_equal(check_problem("server.key", "not a regular file"), missing);
    assert_int_equal(rmdir(key), 0);
    assert_int_equal(mkfifo(key, 0600), 0);
    check_problem("server.key", "not a regular file");
    assert_int_equal(unlink(key), 0);

    write_file("server.key", "");
    assert_int_equal(truncate(key, TLS_FILE_BYTES_MAX), 0);
    mark_now();
    assert_int_equal(truncate(key, TLS_FILE_BYTES_MAX + 1), 0);
    check_problem("server.key", "larger than 1 MiB");
}

static void test_keys_open_to_others(void **unused)
{
    (void)unused;
    static const struct {
        mode_t mode;
        bool is_open;
    } rows[] = {{0600, false}, {0400, false}, {0640, true}, {0604, true}, {0620, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(chmod(key, rows[i].mode), 0);
        struct tls_files files = read_now();
        assert_int_equal(files.pairs[0].key.is_open_to_others, rows[i].is_open);
        tls_files_deinit(&files);
    }
}

static void test_pairs_of_the_folder(void **unused)
{
    (void)unused;
    use_certificates_folder();
    uint64_t without = mark_now();
    write_file("more/b.example.pem", "b chain");
    write_file("more/b.example.key", "b key");
    write_file("more/a.crt", "a chain");
    write_file("more/a.key", "a key");
    make_folder("more/c");
    write_file("more/c/fullchain.pem", "c chain");
    write_file("more/c/privkey.pem", "c key");
    write_file("more/README", "not looked at");
    write_file("more/.hidden.pem", "not looked at");
    make_folder("more/empty");
    struct tls_files files = read_now();
    assert_int_equal(buf_bytes(&files.problem), 0);
    assert_int_not_equal(files.mark, without);
    assert_int_equal(files.pair_count, 4);
    static const char *const chains[] = {"chain", "a chain", "b chain", "c chain"};
    static const char *const keys[] = {"key", "a key", "b key", "c key"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(slice_equal(buf_data(&files.pairs[i].chain.bytes), slice_of_text(chains[i])));
        assert_true(slice_equal(buf_data(&files.pairs[i].key.bytes), slice_of_text(keys[i])));
    }
    tls_files_deinit(&files);
}

static void test_half_pairs(void **unused)
{
    (void)unused;
    use_certificates_folder();
    write_file("more/x.pem", "chain");
    check_problem("more/x.key", "No such file or directory");
    assert_int_equal(unlink(path_of("more/x.pem")), 0);
    write_file("more/x.key", "key");
    check_problem("more/x.key", "there is no certificate beside it");
    write_file("more/x.crt", "chain");
    mark_now();
    write_file("more/x.pem", "chain");
    check_problem("more/x.crt", "there is a .pem of that name, too");
    assert_int_equal(unlink(path_of("more/x.crt")), 0);
    mark_now();

    make_folder("more/y");
    write_file("more/y/privkey.pem", "key");
    check_problem("more/y/fullchain.pem", "No such file or directory");
    write_file("more/y/fullchain.pem", "chain");
    assert_int_equal(unlink(path_of("more/y/privkey.pem")), 0);
    check_problem("more/y/privkey.pem", "No such file or directory");
}

static void test_folder_problems(void **unused)
{
    (void)unused;
    use_certificates_folder();
    assert_int_equal(rmdir(path_of("more")), 0);
    check_problem("more", "No such file or directory");
    write_file("more", "a file");
    check_problem("more", "Not a directory");
}

static void test_too_many_pairs(void **unused)
{
    (void)unused;
    use_certificates_folder();
    char name[64];
    for (int i = 0; i < TLS_FILES_PAIRS_MAX; i++) {
        snprintf(name, sizeof(name), "more/%04d.crt", i);
        write_file(name, "chain");
        snprintf(name, sizeof(name), "more/%04d.key", i);
        write_file(name, "key");
    }
    mark_now();
    write_file("more/one-more.crt", "chain");
    write_file("more/one-more.key", "key");
    check_problem("more/one-more.crt", "the folder has more than 1000 certificates");
}

static void test_files_for_clients(void **unused)
{
    (void)unused;
    struct config_listener *listener = &config.listeners[CONFIG_LISTENER_MQTTS];
    uint64_t without = mark_now();
    snprintf(listener->client_ca, sizeof(listener->client_ca), "%s/ca.pem", folder);
    assert_int_equal(mark_now(), without); /* nobody asks for certificates */
    listener->client_certificates = CONFIG_CLIENT_CERTIFICATES_OPTIONAL;
    check_problem("ca.pem", "No such file or directory");
    write_file("ca.pem", "ca");
    uint64_t with = mark_now();
    snprintf(listener->client_crl, sizeof(listener->client_crl), "%s/crl.pem", folder);
    check_problem("crl.pem", "No such file or directory");
    write_file("crl.pem", "crl");
    assert_int_not_equal(mark_now(), with);
    struct tls_files files = read_now();
    assert_true(slice_equal(buf_data(&files.client_ca[CONFIG_LISTENER_MQTTS].bytes), SLICE("ca")));
    assert_true(
        slice_equal(buf_data(&files.client_crl[CONFIG_LISTENER_MQTTS].bytes), SLICE("crl")));
    assert_null(files.client_ca[CONFIG_LISTENER_HTTPS].path);
    tls_files_deinit(&files);
    listener->enabled = false;
    assert_int_equal(mark_now(), without);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_default_only),
        IN_FOLDER(test_mark_follows_what_is_in_the_files),
        IN_FOLDER(test_problems),
        IN_FOLDER(test_keys_open_to_others),
        IN_FOLDER(test_pairs_of_the_folder),
        IN_FOLDER(test_half_pairs),
        IN_FOLDER(test_folder_problems),
        IN_FOLDER(test_too_many_pairs),
        IN_FOLDER(test_files_for_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
