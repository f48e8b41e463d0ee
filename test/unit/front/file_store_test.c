/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploaded bytes: what is written is read again, what is in use stays, what no document names
 * goes. */
#include "front/file_store.h"

#include "unit/store/store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct file_store *store;
    struct rand rand;
    struct id file;
    struct id current; /* what the document names */
    struct id appears; /* written and settled while the document is looked at; not set: nothing */
};

#define ASSERT_ERR(expression, name) assert_string_equal(err_name(expression), #name)

static void open_store(struct world *world)
{
    ASSERT_ERR(file_store_open(world->folder, &world->store), OK);
}

static struct id new_id(struct world *world)
{
    return id_generate(&world->rand, 1700000000000);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    fixture_make_folder(world->folder);
    open_store(world);
    world->file = new_id(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    file_store_close(world->store);
    fixture_remove_folder(world->folder);
    free(world);
    return 0;
}

static struct id write_content(struct world *world, const char *text)
{
    struct id content = new_id(world);
    ASSERT_ERR(file_store_write(world->store, &world->file, &content, slice_of_text(text)), OK);
    return content;
}

static bool is_there(struct world *world, const struct id *content)
{
    struct buf out = {0};
    struct err err = file_store_read(world->store, &world->file, content, &out);
    buf_deinit(&out);
    if (err_is_set(err)) {
        ASSERT_ERR(err, NOT_FOUND);
    }
    return !err_is_set(err);
}

static struct err find_current(void *arg, const struct id *file, struct id *current)
{
    struct world *world = arg;
    assert_true(id_equal(file, &world->file));
    *current = world->current;
    if (id_is_set(&world->appears)) {
        ASSERT_ERR(file_store_write(world->store, file, &world->appears, SLICE("new")), OK);
        file_store_settle(world->store, &world->appears);
    }
    return ERR(OK);
}

static void tidy(struct world *world)
{
    ASSERT_ERR(file_store_tidy(world->store, &world->file, find_current, world), OK);
}

static bool has_folder(const struct world *world)
{
    char path[FIXTURE_FOLDER_BYTES + 64];
    struct stat status;
    snprintf(path, sizeof(path), "%s/files/%.*s", world->folder, ID_BYTES, world->file.text);
    return stat(path, &status) == 0;
}

static void bytes_come_back(void **state)
{
    struct world *world = *state;
    size_t bytes = (size_t)3 * 1024 * 1024 + 7;
    uint8_t *at = malloc(bytes);
    assert_non_null(at);
    rand_bytes(&world->rand, at, bytes);
    struct id content = new_id(world);
    ASSERT_ERR(file_store_write(world->store, &world->file, &content, slice_of(at, bytes)), OK);
    struct buf out = {0};
    ASSERT_ERR(file_store_read(world->store, &world->file, &content, &out), OK);
    assert_true(slice_equal(buf_data(&out), slice_of(at, bytes)));
    buf_deinit(&out);
    free(at);
}

static void no_bytes_are_content_too(void **state)
{
    struct world *world = *state;
    struct id content = write_content(world, "");
    assert_true(is_there(world, &content));
}

static void what_was_never_written_is_not_found(void **state)
{
    struct world *world = *state;
    struct id other = new_id(world);
    assert_false(is_there(world, &other));
    write_content(world, "a");
    assert_false(is_there(world, &other));
}

static void a_content_is_written_once(void **state)
{
    struct world *world = *state;
    struct id content = write_content(world, "first");
    struct err err = file_store_write(world->store, &world->file, &content, SLICE("second"));
    assert_true(err_is_set(err));
    struct buf out = {0};
    ASSERT_ERR(file_store_read(world->store, &world->file, &content, &out), OK);
    assert_true(slice_equal(buf_data(&out), SLICE("first")));
    buf_deinit(&out);
}

static void what_is_in_use_stays(void **state)
{
    struct world *world = *state;
    struct id content = write_content(world, "a");
    tidy(world);
    assert_true(is_there(world, &content));
    file_store_settle(world->store, &content);
    tidy(world);
    assert_false(is_there(world, &content));
    assert_false(has_folder(world));
}

static void the_current_content_stays_and_others_go(void **state)
{
    struct world *world = *state;
    struct id old = write_content(world, "old");
    struct id now = write_content(world, "now");
    struct id coming = write_content(world, "coming");
    file_store_settle(world->store, &old);
    file_store_settle(world->store, &now);
    world->current = now;
    tidy(world);
    assert_false(is_there(world, &old));
    assert_true(is_there(world, &now));
    assert_true(is_there(world, &coming));
    assert_true(has_folder(world));
}

/* The document that was looked at may be older than what has been committed meanwhile. */
static void what_comes_while_the_document_is_looked_at_stays(void **state)
{
    struct world *world = *state;
    struct id old = write_content(world, "old");
    file_store_settle(world->store, &old);
    world->current = old;
    world->appears = new_id(world);
    tidy(world);
    assert_true(is_there(world, &old));
    assert_true(is_there(world, &world->appears));
}

static void after_a_start_nothing_is_in_use(void **state)
{
    struct world *world = *state;
    struct id left = write_content(world, "left by a crash");
    struct id now = write_content(world, "now");
    world->current = now;
    file_store_close(world->store);
    open_store(world);
    ASSERT_ERR(file_store_tidy_all(world->store, find_current, world), OK);
    assert_false(is_there(world, &left));
    assert_true(is_there(world, &now));
}

static void names_that_are_none_of_ours_are_left_alone(void **state)
{
    struct world *world = *state;
    char path[FIXTURE_FOLDER_BYTES + 32];
    struct stat status;
    snprintf(path, sizeof(path), "%s/files/README", world->folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd != -1);
    close(fd);
    ASSERT_ERR(file_store_tidy_all(world->store, find_current, world), OK);
    assert_int_equal(stat(path, &status), 0);
}

static void many_leftovers_go_in_several_rounds(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < FILE_STORE_TIDY_MAX + 10; i++) {
        struct id content = write_content(world, "x");
        file_store_settle(world->store, &content);
    }
    tidy(world);
    assert_true(has_folder(world));
    tidy(world);
    assert_false(has_folder(world));
}

static void a_full_disk_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct rlimit before;
    static uint8_t bytes[256 * 1024];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct id content = new_id(world);
    struct err err =
        file_store_write(world->store, &world->file, &content, slice_of(bytes, sizeof(bytes)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_ERR(err, READ_ONLY);
    assert_false(is_there(world, &content));
    tidy(world);
    assert_false(has_folder(world));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_come_back),
        TEST(no_bytes_are_content_too),
        TEST(what_was_never_written_is_not_found),
        TEST(a_content_is_written_once),
        TEST(what_is_in_use_stays),
        TEST(the_current_content_stays_and_others_go),
        TEST(what_comes_while_the_document_is_looked_at_stays),
        TEST(after_a_start_nothing_is_in_use),
        TEST(names_that_are_none_of_ours_are_left_alone),
        TEST(many_leftovers_go_in_several_rounds),
        TEST(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
