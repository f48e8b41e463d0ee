/* SPDX-License-Identifier: Apache-2.0
 *
 * The keyring's file, hashes that stay, and seals that tell every change. */
#include "store/keyring.h"

#include "store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The file: a line of 15 bytes, then twice 64 digits and a line's end. */
#define MAGIC_BYTES 15
#define FILE_BYTES (MAGIC_BYTES + 2 * 65)
#define PATH_ROOM (FIXTURE_FOLDER_BYTES + 16)

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    char path[PATH_ROOM];
    struct keyring *keyring;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    fixture_make_folder(world->folder);
    snprintf(world->path, sizeof(world->path), "%s/secret", world->folder);
    struct err err = keyring_open(world->path, &world->keyring);
    assert_int_equal(err.code, ERR_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    keyring_close(world->keyring);
    fixture_remove_folder(world->folder);
    free(world);
    return 0;
}

static void read_file(const char *path, char text[FILE_BYTES + 1])
{
    int fd = open(path, O_RDONLY);
    assert_true(fd != -1);
    assert_int_equal(read(fd, text, FILE_BYTES + 1), FILE_BYTES);
    close(fd);
}

static void write_file(const char *path, const char *text, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, bytes), bytes);
    close(fd);
}

/* ---- the file ---- */

static void test_file_is_for_its_owner(void **state)
{
    const struct world *world = *state;
    struct stat status;
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, FILE_BYTES);
    char text[FILE_BYTES + 1];
    read_file(world->path, text);
    assert_memory_equal(text, "thrum-secret-1\n", MAGIC_BYTES);
    /* Two secrets, not one twice. */
    assert_memory_not_equal(text + MAGIC_BYTES, text + MAGIC_BYTES + 65, 64);
}

static void test_opened_again_it_is_the_same(void **state)
{
    struct world *world = *state;
    uint8_t before[KEY_HASH_BYTES];
    uint8_t after[KEY_HASH_BYTES];
    struct buf sealed = {0};
    struct buf key = {0};
    keyring_hash(world->keyring, SLICE("a key"), before);
    keyring_seal(world->keyring, SLICE("a key"), &sealed);
    keyring_close(world->keyring);
    world->keyring = NULL;
    assert_int_equal(keyring_open(world->path, &world->keyring).code, ERR_OK);
    keyring_hash(world->keyring, SLICE("a key"), after);
    assert_memory_equal(before, after, KEY_HASH_BYTES);
    assert_int_equal(keyring_unseal(world->keyring, buf_data(&sealed), &key).code, ERR_OK);
    assert_true(slice_equal(buf_data(&key), SLICE("a key")));
    buf_deinit(&sealed);
    buf_deinit(&key);
}

static void test_two_rings_have_nothing_in_common(void **state)
{
    struct world *world = *state;
    char path[PATH_ROOM];
    snprintf(path, sizeof(path), "%s/other", world->folder);
    struct keyring *other;
    assert_int_equal(keyring_open(path, &other).code, ERR_OK);
    uint8_t hashes[2][KEY_HASH_BYTES];
    keyring_hash(world->keyring, SLICE("a key"), hashes[0]);
    keyring_hash(other, SLICE("a key"), hashes[1]);
    assert_memory_not_equal(hashes[0], hashes[1], KEY_HASH_BYTES);
    struct buf sealed = {0};
    struct buf key = {0};
    keyring_seal(world->keyring, SLICE("a key"), &sealed);
    assert_int_equal(keyring_unseal(other, buf_data(&sealed), &key).code, ERR_CORRUPT);
    assert_int_equal(buf_bytes(&key), 0);
    buf_deinit(&sealed);
    buf_deinit(&key);
    keyring_close(other);
}

static void refuses(const char *path, const char *text, size_t bytes)
{
    struct keyring *opened = NULL;
    write_file(path, text, bytes);
    assert_int_equal(keyring_open(path, &opened).code, ERR_CONFIG);
    assert_null(opened);
}

static void test_damaged_file(void **state)
{
    const struct world *world = *state;
    char good[FILE_BYTES + 2];
    char bad[FILE_BYTES + 2];
    read_file(world->path, good);
    good[FILE_BYTES] = '\n';
    for (size_t bytes = 0; bytes < FILE_BYTES; bytes++) {
        refuses(world->path, good, bytes);
    }
    refuses(world->path, good, FILE_BYTES + 1);
    /* Each byte once; 'x' is no digit, stands nowhere in the file and ends no line. */
    for (size_t i = 0; i < FILE_BYTES; i++) {
        memcpy(bad, good, FILE_BYTES);
        bad[i] = 'x';
        refuses(world->path, bad, FILE_BYTES);
    }
    /* The good one again: it was not the path. */
    struct keyring *opened;
    write_file(world->path, good, FILE_BYTES);
    assert_int_equal(keyring_open(world->path, &opened).code, ERR_OK);
    keyring_close(opened);
}

static void test_file_that_cannot_be(void **state)
{
    const struct world *world = *state;
    char path[PATH_ROOM + 16];
    struct keyring *opened = NULL;
    snprintf(path, sizeof(path), "%s/missing/secret", world->folder);
    assert_int_equal(keyring_open(path, &opened).code, ERR_IO);
    assert_null(opened);
}

/* A store whose secrets are lost gets no others, which would make all its keys unknown. */
static void test_a_lost_file_is_not_made_anew(void **state)
{
    struct world *world = *state;
    struct keyring *opened = NULL;
    assert_int_equal(keyring_open_existing(world->path, &opened).code, ERR_OK);
    keyring_close(opened);
    opened = NULL;
    assert_int_equal(unlink(world->path), 0);
    assert_int_equal(keyring_open_existing(world->path, &opened).code, ERR_CONFIG);
    assert_null(opened);
    assert_int_equal(access(world->path, F_OK), -1);
    assert_int_equal(keyring_open(world->path, &opened).code, ERR_OK);
    keyring_close(opened);
    assert_int_equal(keyring_open_existing(world->path, &opened).code, ERR_OK);
    keyring_close(opened);
}

static void test_file_that_others_may_read(void **state)
{
    struct world *world = *state;
    static const mode_t bad[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666, 0777};
    static const mode_t good[] = {0400, 0600, 0700};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct keyring *opened = NULL;
        assert_int_equal(chmod(world->path, bad[i]), 0);
        assert_int_equal(keyring_open(world->path, &opened).code, ERR_CONFIG);
        assert_int_equal(keyring_open_existing(world->path, &opened).code, ERR_CONFIG);
        assert_null(opened);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct keyring *opened;
        assert_int_equal(chmod(world->path, good[i]), 0);
        assert_int_equal(keyring_open(world->path, &opened).code, ERR_OK);
        keyring_close(opened);
    }
}

/* A folder; a pipe that nobody writes to; a link to a file, which is as good as that. */
static void test_what_is_no_file(void **state)
{
    struct world *world = *state;
    char path[PATH_ROOM];
    struct keyring *opened = NULL;
    assert_int_equal(keyring_open(world->folder, &opened).code, ERR_CONFIG);
    snprintf(path, sizeof(path), "%s/pipe", world->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keyring_open(path, &opened).code, ERR_CONFIG);
    assert_null(opened);
    snprintf(path, sizeof(path), "%s/link", world->folder);
    assert_int_equal(symlink(world->path, path), 0);
    assert_int_equal(keyring_open_existing(path, &opened).code, ERR_OK);
    keyring_close(opened);
}

/* A path without a folder is one of the folder that we are in. */
static void test_a_plain_name(void **state)
{
    struct world *world = *state;
    struct keyring *opened;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(world->folder), 0);
    assert_int_equal(keyring_open("plain", &opened).code, ERR_OK);
    keyring_close(opened);
    assert_int_equal(access("plain", F_OK), 0);
    assert_int_equal(chdir(before), 0);
}

/* ---- hashes ---- */

static void test_hash_tells_keys_apart(void **state)
{
    const struct world *world = *state;
    static const struct slice keys[] = {
        SLICE_INIT(""), SLICE_INIT("a"), SLICE_INIT("b"), SLICE_INIT("ab"), SLICE_INIT("a\0"),
    };
    uint8_t hashes[ARRAY_LEN(keys)][KEY_HASH_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        uint8_t again[KEY_HASH_BYTES];
        keyring_hash(world->keyring, keys[i], hashes[i]);
        keyring_hash(world->keyring, keys[i], again);
        assert_memory_equal(hashes[i], again, KEY_HASH_BYTES);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(hashes[i], hashes[j], KEY_HASH_BYTES);
        }
    }
}

/* ---- seals ---- */

static void test_seal_and_unseal(void **state)
{
    const struct world *world = *state;
    static const struct slice keys[] = {
        SLICE_INIT(""),
        SLICE_INIT("k"),
        SLICE_INIT("a\0longer key"),
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct buf sealed = {0};
        struct buf again = {0};
        struct buf key = {0};
        BUF_PUT_LITERAL(&sealed, "before");
        BUF_PUT_LITERAL(&key, "kept");
        keyring_seal(world->keyring, keys[i], &sealed);
        keyring_seal(world->keyring, keys[i], &again);
        struct slice seal = slice_from(buf_data(&sealed), 6);
        assert_false(slice_equal(seal, buf_data(&again))); /* a nonce of its own each time */
        assert_int_equal(keyring_unseal(world->keyring, seal, &key).code, ERR_OK);
        assert_true(slice_starts_with(buf_data(&key), SLICE("kept")));
        assert_true(slice_equal(slice_from(buf_data(&key), 4), keys[i]));
        buf_deinit(&sealed);
        buf_deinit(&again);
        buf_deinit(&key);
    }
}

static void test_seal_that_was_changed(void **state)
{
    const struct world *world = *state;
    struct buf sealed = {0};
    struct buf key = {0};
    keyring_seal(world->keyring, SLICE("a key"), &sealed);
    for (size_t bytes = 0; bytes < buf_bytes(&sealed); bytes++) {
        struct slice cut = slice_first(buf_data(&sealed), bytes);
        assert_int_equal(keyring_unseal(world->keyring, cut, &key).code, ERR_CORRUPT);
    }
    for (size_t i = 0; i < buf_bytes(&sealed); i++) {
        sealed.at[i] ^= 1;
        assert_int_equal(keyring_unseal(world->keyring, buf_data(&sealed), &key).code, ERR_CORRUPT);
        sealed.at[i] ^= 1;
    }
    assert_int_equal(buf_bytes(&key), 0);
    assert_int_equal(keyring_unseal(world->keyring, buf_data(&sealed), &key).code, ERR_OK);
    buf_deinit(&sealed);
    buf_deinit(&key);
}

/* A buffer that is full takes no half of a seal. */
static void test_seal_without_room(void **state)
{
    const struct world *world = *state;
    struct buf sealed = {.bytes_max = 20};
    keyring_seal(world->keyring, SLICE("a key"), &sealed);
    assert_true(sealed.failed);
    assert_int_equal(buf_bytes(&sealed), 0);
    buf_deinit(&sealed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_file_is_for_its_owner),
        TEST(test_opened_again_it_is_the_same),
        TEST(test_two_rings_have_nothing_in_common),
        TEST(test_damaged_file),
        TEST(test_file_that_cannot_be),
        TEST(test_a_lost_file_is_not_made_anew),
        TEST(test_file_that_others_may_read),
        TEST(test_what_is_no_file),
        TEST(test_a_plain_name),
        TEST(test_hash_tells_keys_apart),
        TEST(test_seal_and_unseal),
        TEST(test_seal_that_was_changed),
        TEST(test_seal_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
