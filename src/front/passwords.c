/* SPDX-License-Identifier: Apache-2.0 */
#include "front/passwords.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/workers.h"
#include "front/login_limit.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(PASSWORD_HASH_BYTES == crypto_pwhash_STRBYTES, "a hash with its NUL fits");

/* The most that escapes make of a byte: \u0061. */
#define ESCAPED_BYTES 6

struct password {
    size_t bytes;
    char text[PASSWORD_BYTES_MAX];
};

struct password_job {
    struct worker_job job;
    struct loop_message message;
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint64_t number;
    struct address peer;
    password_done_fn done;
    bool compares;
    bool hashes;
    struct password given;
    struct password fresh;
    char hash[PASSWORD_HASH_BYTES]; /* to compare with; then that of <fresh> */
    struct err err;
    int64_t retry_after_ms;
};

/* ---- reading ---- */

static struct err password_read(struct json_value value, struct password *password)
{
    uint8_t decoded[PASSWORD_BYTES_MAX * ESCAPED_BYTES];
    if (value.type != JSON_STRING) {
        return value.type == JSON_NONE ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    struct slice raw = json_string_raw(value);
    if (raw.bytes > sizeof(decoded)) {
        return ERR(FIELD_TOO_LONG);
    }
    size_t bytes = json_raw_decode(raw, decoded);
    struct err err = bytes > PASSWORD_BYTES_MAX ? ERR(FIELD_TOO_LONG)
                     : bytes == 0               ? ERR(FIELD_INVALID)
                                                : ERR(OK);
    if (!err_is_set(err)) {
        memcpy(password->text, decoded, bytes);
        password->bytes = bytes;
    }
    explicit_bzero(decoded, sizeof(decoded));
    return err;
}

struct err password_check(struct json_value value)
{
    struct password password;
    struct err err = password_read(value, &password);
    explicit_bzero(&password, sizeof(password));
    return err;
}

/* ---- the work ---- */

/* A hash that nobody has, to be compared with when there is none. */
static void nobodys_hash(const struct front_limits *limits, char hash[PASSWORD_HASH_BYTES])
{
    int bytes = snprintf(hash, PASSWORD_HASH_BYTES,
                         "$argon2id$v=19$m=%zu,t=%u,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                         limits->password_memory / 1024, limits->password_passes);
    ASSERT(bytes > 0 && bytes < PASSWORD_HASH_BYTES);
}

static struct err compare(const char hash[PASSWORD_HASH_BYTES], const struct password *password)
{
    errno = 0;
    if (crypto_pwhash_str_verify(hash, password->text, password->bytes) == 0) {
        return ERR(OK);
    }
    return errno == ENOMEM ? ERR(NO_MEMORY) : ERR(CREDENTIAL_WRONG);
}

/* Has the peer to wait after failures? */
static struct err check_limit(struct password_job *job)
{
    struct login_limit *limit = job->front->shared->login_limit;
    job->retry_after_ms = login_limit_wait_ms(limit, &job->peer, clock_monotonic_ms());
    return job->retry_after_ms > 0 ? ERR(TOO_MANY_REQUESTS) : ERR(OK);
}

/* The limit is looked at once more: many guesses of one address may have been handed in at once,
 * and what became of the first ones is known only now. */
static struct err compare_slowly(struct password_job *job)
{
    const struct front_shared *shared = job->front->shared;
    struct login_limit *limit = shared->login_limit;
    TRY(check_limit(job));
    if (job->hash[0] == 0) {
        nobodys_hash(&shared->limits, job->hash);
    }
    /* Each user's hash is its own. */
    uint64_t user = hash_bytes(shared->hash_seed, slice_of_text(job->hash));
    struct err err = compare(job->hash, &job->given);
    if (err_equal(err, ERR(CREDENTIAL_WRONG))) {
        login_limit_failed(limit, &job->peer, user, clock_monotonic_ms());
    } else if (!err_is_set(err)) {
        login_limit_succeeded(limit, &job->peer, user);
    }
    return err;
}

static struct err hash_fresh(struct password_job *job)
{
    const struct front_limits *limits = &job->front->shared->limits;
    int failed = crypto_pwhash_str(job->hash, job->fresh.text, job->fresh.bytes,
                                   limits->password_passes, limits->password_memory);
    return failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct err work(struct password_job *job)
{
    if (job->compares) {
        TRY(compare_slowly(job));
    }
    return job->hashes ? hash_fresh(job) : ERR(OK);
}

static void job_run(void *context, struct worker_job *worker_job)
{
    struct password_job *job = CONTAINER_OF(worker_job, struct password_job, job);
    (void)context;
    job->err = work(job);
    explicit_bzero(&job->given, sizeof(job->given));
    explicit_bzero(&job->fresh, sizeof(job->fresh));
    loop_post(job->front->loop, &job->message);
}

/* ---- there and back ---- */

static void job_free(struct password_job *job)
{
    explicit_bzero(job, sizeof(*job));
    free(job);
}

static void job_arrived(struct loop *loop, struct loop_message *message)
{
    struct password_job *job = CONTAINER_OF(message, struct password_job, message);
    struct front *front = loop->owner;
    struct http_request *request =
        http_request_find(conn_find(front, job->slot, job->generation), job->number);
    if (request != NULL) {
        request->retry_after_ms = job->retry_after_ms;
        job->done(request, job->err, slice_of_text(job->hash));
    }
    job_free(job);
}

static struct password_job *job_new(const struct http_request *request,
                                    const struct password_ask *ask)
{
    struct password_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }
    job->job.run = job_run;
    job->message.run = job_arrived;
    job->front = request->conn->front;
    job->slot = request->conn->slot;
    job->generation = request->conn->generation;
    job->number = request->number;
    job->peer = request->conn->peer;
    job->compares = ask->given.type != JSON_NONE;
    job->hashes = ask->fresh.type != JSON_NONE;
    ASSERT(ask->hash.bytes < sizeof(job->hash));
    memcpy(job->hash, ask->hash.bytes > 0 ? (const char *)ask->hash.at : "", ask->hash.bytes);
    struct err given = job->compares ? password_read(ask->given, &job->given) : ERR(OK);
    struct err fresh = job->hashes ? password_read(ask->fresh, &job->fresh) : ERR(OK);
    ASSERT(!err_is_set(given) && !err_is_set(fresh));
    return job;
}

enum rest_step passwords_ask(struct http_request *request, const struct password_ask *ask,
                             password_done_fn done)
{
    struct password_job *job = job_new(request, ask);
    if (job == NULL) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    job->done = done;
    struct err err = job->compares ? check_limit(job) : ERR(OK);
    if (!err_is_set(err)) {
        bool is_taken = workers_submit(request->conn->front->shared->workers, &job->job);
        err = is_taken ? ERR(OK) : ERR(BUSY);
    }
    if (err_is_set(err)) {
        http_refuse_later(request, err, job->retry_after_ms);
        job_free(job);
        return REST_TAKEN;
    }
    http_wait(request);
    return REST_AGAIN;
}
