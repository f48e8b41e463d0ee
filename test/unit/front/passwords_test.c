/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: what can be one, and what becomes of them on a worker. */
#include "front/passwords.h"

#include "base/clock.h"
#include "users_fixture.h"

#include <pthread.h>

/* ---- what can be one ---- */

static struct err checked(const char *json)
{
    struct json_value value;
    MUST(json_scan(slice_of_text(json), JSON_DEPTH_MAX, &value));
    return password_check(value);
}

static struct err checked_long(const char *character, size_t count)
{
    struct buf json = {0};
    BUF_PUT_LITERAL(&json, "\"");
    for (size_t i = 0; i < count; i++) {
        buf_put(&json, slice_of_text(character));
    }
    BUF_PUT_LITERAL(&json, "\"");
    struct json_value value;
    MUST(json_scan(buf_data(&json), JSON_DEPTH_MAX, &value));
    struct err err = password_check(value);
    buf_deinit(&json);
    return err;
}

static void test_any_text_is_a_password(void **state)
{
    (void)state;
    assert_int_equal(checked("\"x\"").code, ERR_OK);
    assert_int_equal(checked("\"p\\u00e4ss \\\"w\\\" \xc3\xa9\"").code, ERR_OK);
    assert_int_equal(checked("\"\"").code, ERR_FIELD_INVALID);
    assert_int_equal(checked("null").code, ERR_FIELD_INVALID);
    assert_int_equal(checked("12345678").code, ERR_FIELD_INVALID);
    assert_int_equal(checked("[\"x\"]").code, ERR_FIELD_INVALID);
    assert_int_equal(password_check((struct json_value){0}).code, ERR_FIELD_MISSING);
}

/* Bytes count, decoded. */
static void test_length_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(checked_long("a", PASSWORD_BYTES_MAX).code, ERR_OK);
    assert_int_equal(checked_long("a", PASSWORD_BYTES_MAX + 1).code, ERR_FIELD_TOO_LONG);
    assert_int_equal(checked_long("\\u0061", PASSWORD_BYTES_MAX).code, ERR_OK);
    assert_int_equal(checked_long("\\u0061", PASSWORD_BYTES_MAX + 1).code, ERR_FIELD_TOO_LONG);
    assert_int_equal(checked_long("\xc3\xa9", PASSWORD_BYTES_MAX / 2).code, ERR_OK);
    assert_int_equal(checked_long("\xc3\xa9", PASSWORD_BYTES_MAX / 2 + 1).code, ERR_FIELD_TOO_LONG);
}

/* ---- on a worker ---- */

struct done {
    unsigned count;
    struct err err;
    char hash[PASSWORD_HASH_BYTES];
};

static struct done done;

static void is_done(struct http_request *request, struct err err, struct slice hash)
{
    assert_ptr_equal(request, &users_now.request);
    assert_true(hash.bytes < sizeof(done.hash));
    done.count++;
    done.err = err;
    memset(done.hash, 0, sizeof(done.hash));
    memcpy(done.hash, hash.at, hash.bytes);
    http_go_on(request, ERR(OK));
}

static const struct rest_route no_route;

static struct json_value text(const char *json)
{
    return (struct json_value){.type = JSON_STRING, .text = slice_of_text(json)};
}

static void start(struct world *world, struct password_ask wanted)
{
    struct http_request *request = ask(world, application(), &no_route, "");
    assert_int_equal(passwords_ask(request, &wanted, is_done), REST_AGAIN);
}

static struct err asked(struct world *world, struct password_ask wanted)
{
    unsigned before = done.count;
    start(world, wanted);
    turn_until(world, &users_now.is_waiting, false);
    assert_int_equal(done.count, before + 1);
    return done.err;
}

static void test_a_hash_is_that_of_the_password(void **state)
{
    assert_int_equal(asked(*state, (struct password_ask){.fresh = text("\"p\\u00e4ss\"")}).code,
                     ERR_OK);
    assert_true(slice_starts_with(slice_of_text(done.hash), SLICE("$argon2id$v=19$m=8,t=1,p=1$")));
    assert_true(is_hash_of(slice_of_text(done.hash), "p\xc3\xa4ss"));
    assert_false(is_hash_of(slice_of_text(done.hash), "pass"));
    char former[PASSWORD_HASH_BYTES];
    memcpy(former, done.hash, sizeof(former));
    MUST(asked(*state, (struct password_ask){.fresh = text("\"p\\u00e4ss\"")}));
    assert_string_not_equal(done.hash, former); /* each has a salt of its own */
}

static void test_the_right_one_is_told_from_wrong_ones(void **state)
{
    char hash[PASSWORD_HASH_BYTES];
    struct password_ask wanted = {
        .given = text("\"right\""),
        .hash = hash_password("right", hash),
        .fresh = text("\"new\""),
    };
    assert_int_equal(asked(*state, wanted).code, ERR_OK);
    assert_true(is_hash_of(slice_of_text(done.hash), "new"));
    wanted.given = text("\"right \"");
    assert_int_equal(asked(*state, wanted).code, ERR_CREDENTIAL_WRONG);
    assert_string_equal(done.hash, hash); /* nothing has been hashed */
    wanted.given = text("\"Right\"");
    wanted.fresh = (struct json_value){0};
    assert_int_equal(asked(*state, wanted).code, ERR_CREDENTIAL_WRONG);
}

/* What nobody has is worked on with the parameters of the day, as if somebody had it. */
static void test_nobodys_hash_is_a_hash(void **state)
{
    assert_int_equal(asked(*state, (struct password_ask){.given = text("\"right\"")}).code,
                     ERR_CREDENTIAL_WRONG);
    assert_int_equal(crypto_pwhash_str_needs_rehash(done.hash, PASSES, MEMORY_BYTES), 0);
}

/* So many failures of the peer more. */
static void fail_times(struct world *world, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        login_limit_failed(world->shared.login_limit, &world->clients[0].conn.peer, 0,
                           clock_monotonic_ms());
    }
}

/* Each failure doubles the wait: with ten more it is far longer than any test takes. */
#define MORE_FAILURES 10
#define MORE_WAIT_MS (INT64_C(1000) << MORE_FAILURES)

static void test_failures_are_slowed(void **state)
{
    struct world *world = *state;
    char hash[PASSWORD_HASH_BYTES];
    struct password_ask wrong = {.given = text("\"x\""), .hash = hash_password("right", hash)};
    struct password_ask right = {.given = text("\"right\""), .hash = slice_of_text(hash)};
    fail_times(world, FREE_FAILURES - 1);
    assert_int_equal(asked(world, wrong).code, ERR_CREDENTIAL_WRONG);
    fail_times(world, MORE_FAILURES);
    unsigned before = done.count;
    struct http_request *request = ask(world, application(), &no_route, "");
    assert_int_equal(passwords_ask(request, &right, is_done), REST_TAKEN);
    assert_int_equal(users_now.refused.code, ERR_TOO_MANY_REQUESTS);
    assert_in_range(users_now.request.retry_after_ms, MORE_WAIT_MS / 2 + 1, MORE_WAIT_MS);
    assert_int_equal(done.count, before);
    /* Who only sets one is not asked for a former one. */
    assert_int_equal(asked(world, (struct password_ask){.fresh = text("\"new\"")}).code, ERR_OK);
    /* Others are not slowed. */
    MUST(address_parse(SLICE("192.0.2.2"), 1, &world->clients[0].conn.peer));
    assert_int_equal(asked(world, right).code, ERR_OK);
}

/* The right password ends the count. */
static void test_success_is_told_to_the_limit(void **state)
{
    char hash[PASSWORD_HASH_BYTES];
    struct password_ask wrong = {.given = text("\"x\""), .hash = hash_password("right", hash)};
    struct password_ask right = {.given = text("\"right\""), .hash = slice_of_text(hash)};
    for (unsigned i = 0; i < 3 * FREE_FAILURES; i++) {
        assert_int_equal(asked(*state, wrong).code, ERR_CREDENTIAL_WRONG);
        assert_int_equal(asked(*state, right).code, ERR_OK);
    }
}

/* Keeps the worker busy until the test is done with what it does meanwhile. */
struct hold {
    struct worker_job job;
    pthread_mutex_t lock;
};

static void hold(void *context, struct worker_job *job)
{
    struct hold *held = CONTAINER_OF(job, struct hold, job);
    (void)context;
    pthread_mutex_lock(&held->lock);
    pthread_mutex_unlock(&held->lock);
}

/* Others have failed while the job waited. */
static void test_the_limit_is_looked_at_again(void **state)
{
    struct world *world = *state;
    char hash[PASSWORD_HASH_BYTES];
    struct hold held = {.job.run = hold, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&held.lock);
    assert_true(workers_submit(world->shared.workers, &held.job));
    start(world, (struct password_ask){
                     .given = text("\"right\""),
                     .hash = hash_password("right", hash),
                 });
    fail_times(world, FREE_FAILURES + MORE_FAILURES);
    pthread_mutex_unlock(&held.lock);
    turn_until(world, &users_now.is_waiting, false);
    assert_int_equal(done.err.code, ERR_TOO_MANY_REQUESTS);
    assert_in_range(users_now.request.retry_after_ms, 1, MORE_WAIT_MS);
}

static void test_busy_workers_refuse(void **state)
{
    struct world *world = *state;
    workers_stop(world->shared.workers);
    world->shared.workers = NULL;
    struct http_request *request = ask(world, application(), &no_route, "");
    const struct password_ask wanted = {.fresh = text("\"new\"")};
    assert_int_equal(passwords_ask(request, &wanted, is_done), REST_TAKEN);
    assert_int_equal(users_now.refused.code, ERR_BUSY);
    assert_false(users_now.is_waiting);
}

/* The connection speaks of something else by then. */
static void test_request_may_be_gone(void **state)
{
    struct world *world = *state;
    unsigned before = done.count;
    start(world, (struct password_ask){.fresh = text("\"new\"")});
    users_now.request.number++;
    workers_stop(world->shared.workers);
    world->shared.workers = NULL;
    loop_turn(&world->loop, TURN_MS);
    assert_int_equal(done.count, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown_users)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_text_is_a_password),
        cmocka_unit_test(test_length_is_bounded),
        TEST(test_a_hash_is_that_of_the_password),
        TEST(test_the_right_one_is_told_from_wrong_ones),
        TEST(test_nobodys_hash_is_a_hash),
        TEST(test_failures_are_slowed),
        TEST(test_success_is_told_to_the_limit),
        TEST(test_the_limit_is_looked_at_again),
        TEST(test_busy_workers_refuse),
        TEST(test_request_may_be_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
