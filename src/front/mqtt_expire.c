/* SPDX-License-Identifier: Apache-2.0 */
#include "front/mqtt_expire.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/conn.h"
#include "front/mqtt_kept.h"
#include "front/share.h"
#include "store/sessions.h"

#include <stdlib.h>

/* So many sessions, or so many bytes of what takes them away, in one go: others want their turn. */
#define PAGE_SESSIONS 256
#define PAGE_BYTES ((size_t)1 << 20)

struct ended {
    struct session_name name; /* its client id lies in <client_ids> */
    size_t client_id_at;
    size_t writes_at;
    size_t writes_bytes;
};

struct mqtt_expire {
    struct front *front;
    struct reader_job job;
    struct loop_message message;
    _Atomic bool is_looking;
    /* the page: the reader's, then the loop's */
    struct err err;
    bool has_last; /* go on behind this one */
    struct session_name last;
    uint8_t last_client_id[SESSION_CLIENT_ID_BYTES_MAX];
    uint32_t visited;
    uint64_t ended_count; /* since the first page */
    struct buf ended;     /* struct ended */
    struct buf client_ids;
    struct buf writes;
    const struct session_name *reading; /* while its entries are gathered */
};

/* ---- on a reader ---- */

static bool drop_entry(void *arg, const struct session_entry *entry)
{
    struct mqtt_expire *expire = arg;
    session_delete(&expire->writes, expire->reading, entry->part, entry->number);
    return !expire->writes.failed;
}

static bool is_due(const struct mqtt_expire *expire, struct slice bytes)
{
    struct mqtt_head head;
    if (err_is_set(mqtt_kept_read_head(bytes, &head))) {
        return false; /* its client is told, when it comes back */
    }
    int64_t expiry_ms = expire->front->shared->limits.session_expiry_ms;
    bool is_due = !head.is_connected && clock_wall_ms() - head.seen_ms > expiry_ms;
    mqtt_head_deinit(&head);
    return is_due;
}

static void take_away(struct mqtt_expire *expire, const struct session_name *name)
{
    struct ended ended = {
        .name = *name,
        .client_id_at = buf_bytes(&expire->client_ids),
        .writes_at = buf_bytes(&expire->writes),
    };
    expire->reading = name;
    expire->err =
        sessions_read(store_sessions(expire->front->shared->store), name, drop_entry, expire);
    ended.writes_bytes = buf_bytes(&expire->writes) - ended.writes_at;
    buf_put(&expire->client_ids, name->client_id);
    buf_put_bytes(&expire->ended, &ended, sizeof(ended));
}

static bool visit_head(void *arg, const struct session_name *name, struct slice head)
{
    struct mqtt_expire *expire = arg;
    if (!shares_is_name(name) && is_due(expire, head)) {
        take_away(expire, name);
    }
    memcpy(expire->last_client_id, name->client_id.at, name->client_id.bytes);
    expire->last = *name;
    expire->last.client_id = slice_of(expire->last_client_id, name->client_id.bytes);
    expire->has_last = true;
    expire->visited++;
    return !err_is_set(expire->err) && expire->visited < PAGE_SESSIONS &&
           buf_bytes(&expire->writes) < PAGE_BYTES;
}

static void page_run(struct reader *reader, struct reader_job *job)
{
    struct mqtt_expire *expire = CONTAINER_OF(job, struct mqtt_expire, job);
    const struct session_name after = expire->last;
    expire->err = ERR(OK);
    expire->visited = 0;
    struct err err = sessions_each(store_sessions(reader->store), expire->has_last ? &after : NULL,
                                   visit_head, expire);
    expire->err = err_is_set(err) ? err : expire->err;
    if (expire->ended.failed || expire->client_ids.failed || expire->writes.failed) {
        expire->err = ERR(NO_MEMORY);
    }
    loop_post(expire->front->loop, &expire->message);
}

/* ---- on the loop ---- */

static void send_end(struct mqtt_expire *expire, const struct ended *ended)
{
    struct front *front = expire->front;
    struct slice client_id =
        slice_of(expire->client_ids.at + ended->client_id_at, ended->name.client_id.bytes);
    struct slice writes = slice_of(expire->writes.at + ended->writes_at, ended->writes_bytes);
    struct conn nobody = {.front = front};
    const struct actor actor = {
        .kind = ended->name.kind, .account = ended->name.account, .id = ended->name.actor};
    front->session_writes = writes;
    struct command_batch *batch =
        front_batch_last_words(front, FRONT_COMMAND_BYTES + client_id.bytes);
    struct slice copy;
    if (batch != NULL && command_batch_copy(batch, client_id, &copy)) {
        struct command *command =
            front_command_unanswered(front, batch, COMMAND_SESSION_EXPIRE, &nobody, &actor);
        command->as.session.client_id = copy;
        command->ends_session = true;
        expire->ended_count++;
    }
    front->session_writes = (struct slice){0};
}

static void look_at_page(struct mqtt_expire *expire)
{
    buf_reset(&expire->ended);
    buf_reset(&expire->client_ids);
    buf_reset(&expire->writes);
    if (!readers_submit(expire->front->shared->readers, &expire->job)) {
        atomic_store(&expire->is_looking, false); /* the next time */
    }
}

static void page_arrived(struct loop *loop, struct loop_message *message)
{
    struct mqtt_expire *expire = CONTAINER_OF(message, struct mqtt_expire, message);
    (void)loop;
    const struct ended *ended = (const struct ended *)(const void *)expire->ended.at;
    size_t count = buf_bytes(&expire->ended) / sizeof(*ended);
    for (size_t i = 0; i < count && !err_is_set(expire->err); i++) {
        send_end(expire, &ended[i]);
    }
    bool has_more = expire->visited == PAGE_SESSIONS || buf_bytes(&expire->writes) >= PAGE_BYTES;
    if (!err_is_set(expire->err) && has_more) {
        look_at_page(expire);
        return;
    }
    if (err_is_set(expire->err)) {
        log_line(LOG_ERROR, "mqtt", "sessions cannot be looked through error=%s",
                 err_name(expire->err));
    }
    if (expire->ended_count > 0) {
        log_line(LOG_INFO, "mqtt", "sessions have expired count=%llu",
                 (unsigned long long)expire->ended_count);
    }
    atomic_store(&expire->is_looking, false);
}

struct mqtt_expire *mqtt_expire_new(struct front *front)
{
    struct mqtt_expire *expire = calloc(1, sizeof(*expire));
    if (expire != NULL) {
        expire->front = front;
        expire->job.run = page_run;
        expire->message.run = page_arrived;
    }
    return expire;
}

void mqtt_expire_look(struct mqtt_expire *expire)
{
    if (!atomic_exchange(&expire->is_looking, true)) {
        expire->has_last = false;
        expire->ended_count = 0;
        look_at_page(expire);
    }
}

void mqtt_expire_free(struct mqtt_expire *expire)
{
    if (expire != NULL) {
        buf_deinit(&expire->ended);
        buf_deinit(&expire->client_ids);
        buf_deinit(&expire->writes);
        free(expire);
    }
}
