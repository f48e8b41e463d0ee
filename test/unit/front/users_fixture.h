/* SPDX-License-Identifier: Apache-2.0
 *
 * users_fixture.h - handlers of users without a connection and without an engine: with a store that
 * the test fills, real readers, a real loop, and real workers that hash with little memory. What a
 * handler answers, and the command that it sends, are left here. Linked in place of the files that
 * speak HTTP. */
#ifndef THRUM_TEST_UNIT_USERS_FIXTURE_H
#define THRUM_TEST_UNIT_USERS_FIXTURE_H

#include "base/workers.h"
#include "deliver_fixture.h"
#include "engine/names.h"
#include "front/login_limit.h"
#include "front/rest.h"
#include "store/keyring.h"

#include <sodium.h>

#define FREE_FAILURES 2
#define MEMORY_BYTES 8192
#define PASSES 1

static const struct id PROJECT = {.text = "UqBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id APPLICATION = {.text = "UcBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id OTHER_APPLICATION = {.text = "UcBcDeFgHkMnPqRsTwXyAaBc"};
static const struct id USER = {.text = "UdBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id ROLE = {.text = "UeBcDeFgHkMnPqRsTwXyAaBb"};

struct users {
    struct world *world;
    struct http_request request;
    struct rest_route route;
    bool is_waiting;
    bool is_answered;
    struct err refused; /* with, when it has been */
    int status;
    struct buf body;
    char location[128];
};

/* The stand-ins have no argument of ours. */
static struct users users_now;

/* ---- the stand-ins ---- */

const struct proto http_proto;

bool http_conn_start(struct conn *conn)
{
    (void)conn;
    return false;
}

struct http_request *http_request_find(struct conn *conn, uint64_t number)
{
    bool is_it = conn != NULL && number == users_now.request.number;
    return is_it ? &users_now.request : NULL;
}

void http_wait(struct http_request *request)
{
    (void)request;
    assert_false(users_now.is_waiting);
    users_now.is_waiting = true;
}

void http_go_on(struct http_request *request, struct err err)
{
    assert_true(users_now.is_waiting);
    users_now.is_waiting = false;
    if (err_is_set(err)) {
        http_refuse(request, err);
    }
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    (void)request;
    assert_false(users_now.is_answered);
    assert_true(answer->location.bytes < sizeof(users_now.location));
    users_now.is_answered = true;
    users_now.status = answer->status;
    buf_put(&users_now.body, answer->body);
    if (answer->location.bytes > 0) {
        memcpy(users_now.location, answer->location.at, answer->location.bytes);
    }
}

void http_answer_body(struct http_request *request, struct slice body)
{
    http_answer(request, &(struct http_answer){.status = 200, .body = body});
}

void http_refuse(struct http_request *request, struct err err)
{
    (void)request;
    assert_false(users_now.is_answered);
    users_now.is_answered = true;
    users_now.status = err_http_status(err);
    users_now.refused = err;
}

void http_refuse_later(struct http_request *request, struct err err, int64_t after_ms)
{
    request->retry_after_ms = after_ms;
    http_refuse(request, err);
}

void http_refuse_and_close(struct http_request *request, struct err err, int status)
{
    (void)status;
    http_refuse(request, err);
}

/* None of these requests follows a topic. */
void http_stream_start(struct http_request *request, struct slice content_type)
{
    (void)request;
    (void)content_type;
    fail();
}

void http_stream_write(struct http_request *request, struct buf *piece)
{
    (void)request;
    (void)piece;
    fail();
}

void http_stream_end(struct http_request *request)
{
    (void)request;
    fail();
}

void http_answer_preflight(struct http_request *request)
{
    (void)request;
}

void http_request_done(struct http_request *request)
{
    (void)request;
}

struct slice http_scheme(const struct http_request *request)
{
    (void)request;
    return SLICE("http://");
}

/* ---- what there is ---- */

static inline struct slice hash_password(const char *password, char hash[crypto_pwhash_STRBYTES])
{
    int failed = crypto_pwhash_str(hash, password, strlen(password), PASSES, MEMORY_BYTES);
    assert_int_equal(failed, 0);
    return slice_of_text(hash);
}

#define IN_PROJECT(users) "{\"users\":[\"" users "\"],\"projects\":[\"UqBcDeFgHkMnPqRsTwXyAaBb\"]}"

/* Writes a user of APPLICATION, with its name; <members> without a comma in front. */
static inline void put_user(struct world *world, enum event_operation operation,
                            const char *members)
{
    struct buf text = {0};
    struct id name;
    buf_put_format(&text,
                   "{\"id\":\"%.*s\",\"createdAt\":1000,\"updatedAt\":1000,\"app\":\"%.*s\","
                   "\"project\":\"%.*s\",\"role\":\"base_app_user\",\"email\":\"Ann@x.org\",%s}",
                   ID_BYTES, USER.text, ID_BYTES, APPLICATION.text, ID_BYTES, PROJECT.text,
                   members);
    struct group_writer *writer = begin(world);
    group_write_document(writer, ACCOUNT, operation, RESOURCE_USER, &USER, buf_data(&text),
                         SLICE(IN_PROJECT("UdBcDeFgHkMnPqRsTwXyAaBb")));
    if (operation == OPERATION_CREATED) {
        MUST(name_id(ACCOUNT, RESOURCE_USER, &APPLICATION, SLICE("ann@x.org"), &name));
        buf_reset(&text);
        buf_put_format(&text,
                       "{\"id\":\"%.*s\",\"createdAt\":1,\"updatedAt\":1,\"owner\":\"%.*s\","
                       "\"app\":\"%.*s\"}",
                       ID_BYTES, name.text, ID_BYTES, USER.text, ID_BYTES, APPLICATION.text);
        group_write_document(writer, ACCOUNT, operation, RESOURCE_NAME, &name, buf_data(&text),
                             (struct slice){0});
    }
    buf_deinit(&text);
    publish(world);
}

/* A user whose password is "right", and whose other credentials are these. */
static inline void put_user_with(struct world *world, enum event_operation operation,
                                 const char *credentials)
{
    char hash[crypto_pwhash_STRBYTES];
    char members[512];
    int bytes = snprintf(members, sizeof(members), "\"credentials\":{%s,\"password\":\"%.*s\"}",
                         credentials, SLICE_ARGS(hash_password("right", hash)));
    assert_in_range(bytes, 1, sizeof(members) - 1);
    put_user(world, operation, members);
}

#define ACTIVE "\"status\":\"active\",\"activatedAt\":2000"
#define INACTIVE "\"status\":\"inactive\",\"activationCode\":\"Abcdef12\""

static inline void put_key(struct world *world, const char *api_key)
{
    struct buf sealed = {0};
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(world->shared.keyring, slice_of_text(api_key), hash);
    keyring_seal(world->shared.keyring, slice_of_text(api_key), &sealed);
    group_write_key(begin(world), ACCOUNT, OPERATION_CREATED, KEY_USER, &USER, hash,
                    buf_data(&sealed));
    buf_deinit(&sealed);
    publish(world);
}

/* The user's key needs its application and its project. */
static inline void put_parents(struct world *world)
{
    struct group_writer *writer = begin(world);
    group_write_document(
        writer, ACCOUNT, OPERATION_CREATED, RESOURCE_PROJECT, &PROJECT,
        SLICE("{\"id\":\"UqBcDeFgHkMnPqRsTwXyAaBb\",\"createdAt\":1,\"updatedAt\":1,"
              "\"name\":\"p\"}"),
        (struct slice){0});
    group_write_document(
        writer, ACCOUNT, OPERATION_CREATED, RESOURCE_APPLICATION, &APPLICATION,
        SLICE("{\"id\":\"UcBcDeFgHkMnPqRsTwXyAaBb\",\"createdAt\":1,\"updatedAt\":1,"
              "\"project\":\"UqBcDeFgHkMnPqRsTwXyAaBb\",\"name\":\"a\"}"),
        (struct slice){0});
    publish(world);
}

/* ---- who asks ---- */

static inline struct actor application(void)
{
    return (struct actor){
        .kind = ACTOR_APPLICATION, .account = ACCOUNT, .id = APPLICATION, .project = PROJECT};
}

static inline struct actor other_application(void)
{
    struct actor actor = application();
    actor.id = OTHER_APPLICATION;
    return actor;
}

/* With all that users may: a grant is needed only where it is looked into. */
static inline struct actor user(void)
{
    return (struct actor){.kind = ACTOR_USER,
                          .account = ACCOUNT,
                          .id = USER,
                          .project = PROJECT,
                          .application = APPLICATION};
}

/* ---- asking ---- */

/* A new request. <body> lives until the next one. */
static inline struct http_request *ask(struct world *world, struct actor actor,
                                       const struct rest_route *route, const char *body)
{
    uint64_t number = users_now.request.number + 1;
    buf_deinit(&users_now.body);
    buf_wipe(&users_now.request.gathered);
    buf_deinit(&users_now.request.gathered);
    users_now = (struct users){.world = world, .route = *route};
    users_now.request = (struct http_request){
        .conn = &world->clients[0].conn,
        .number = number,
        .method = route->method,
        .route = &users_now.route,
        .actor = actor,
        .body = slice_of_text(body),
    };
    return &users_now.request;
}

static inline void turn_until(struct world *world, const bool *flag, bool wanted)
{
    for (unsigned i = 0; *flag != wanted && i < TURNS_MAX; i++) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_int_equal(*flag, wanted);
}

/* The number of commands that have been sent so far. */
static inline unsigned command_count(const struct world *world)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < world->front.batch_count; i++) {
        const struct command *command = world->front.batches[i]->first;
        for (; command != NULL; command = command->next) {
            count++;
        }
    }
    return count;
}

/* Calls the handler until it wants nothing more. Returns the command that it sent; NULL: it has
 * answered, or it is still to. */
static inline const struct command *begin_request(struct world *world)
{
    struct http_request *request = &users_now.request;
    unsigned before = command_count(world);
    while (request->route->begin(request) == REST_AGAIN) {
        turn_until(world, &users_now.is_waiting, false);
        if (users_now.is_answered) {
            return NULL;
        }
    }
    if (command_count(world) == before) {
        return NULL;
    }
    const struct command_batch *batch = world->front.batches[world->front.batch_count - 1];
    const struct command *last = batch->first;
    while (last->next != NULL) {
        last = last->next;
    }
    assert_int_equal(last->token.request, request->number);
    return last;
}

/* Hands the engine's answer in, and waits for what is answered then. */
static inline void finish_request(struct world *world, struct err err, const struct id *created)
{
    struct answer answer = {.err = err, .after = world->last};
    if (created != NULL) {
        answer.created = *created;
    }
    users_now.route.on_answer(&users_now.request, &answer, NULL);
    turn_until(world, &users_now.is_answered, true);
}

/* What the handler refuses, without a command. */
static inline struct err refusal_of(struct world *world)
{
    assert_null(begin_request(world));
    turn_until(world, &users_now.is_answered, true);
    return users_now.refused;
}

#define assert_refused(world, name) assert_int_equal(refusal_of(world).code, ERR_##name)

static inline void assert_text(struct slice found, const char *wanted)
{
    if (!slice_equal(found, slice_of_text(wanted))) {
        fail_msg("'%.*s' instead of '%s'", SLICE_ARGS(found), wanted);
    }
}

static inline struct slice detail(void)
{
    return slice_of(users_now.request.detail, users_now.request.detail_bytes);
}

/* The member of a JSON object without braces, or with. */
static inline struct json_value member_of(struct slice members, const char *name)
{
    struct json_each each = {.at = members.at, .end = members.at + members.bytes};
    struct json_member member;
    while (each.at < each.end && json_object_next(&each, &member)) {
        if (slice_equal(member.name, slice_of_text(name))) {
            return member.value;
        }
    }
    return (struct json_value){0};
}

static inline struct slice text_of(struct json_value object, const char *name)
{
    struct json_value value = json_member(object, slice_of_text(name));
    assert_int_equal(value.type, JSON_STRING);
    return json_string_raw(value);
}

static inline bool is_hash_of(struct slice hash, const char *password)
{
    char text[crypto_pwhash_STRBYTES] = "";
    assert_true(hash.bytes < sizeof(text));
    memcpy(text, hash.at, hash.bytes);
    return crypto_pwhash_str_verify(text, password, strlen(password)) == 0;
}

/* ---- the world ---- */

static inline int setup_users(void **state)
{
    char path[FIXTURE_FOLDER_BYTES + sizeof("/secret")];
    setup_store(state);
    struct world *world = *state;
    snprintf(path, sizeof(path), "%s/secret", world->folder);
    MUST(keyring_open(path, &world->shared.keyring));
    MUST(workers_start(1, 8, NULL, &world->shared.workers));
    world->shared.login_limit = login_limit_new(FREE_FAILURES, 3600000, 7);
    assert_non_null(world->shared.login_limit);
    world->shared.limits.password_memory = MEMORY_BYTES;
    world->shared.limits.password_passes = PASSES;
    MUST(address_parse(SLICE("192.0.2.1"), 1, &world->clients[0].conn.peer));
    put_parents(world);
    return 0;
}

static inline int teardown_users(void **state)
{
    struct world *world = *state;
    workers_stop(world->shared.workers);
    login_limit_free(world->shared.login_limit);
    keyring_close(world->shared.keyring);
    buf_deinit(&users_now.body);
    buf_deinit(&users_now.request.gathered);
    users_now = (struct users){0};
    return teardown(state);
}

#endif
