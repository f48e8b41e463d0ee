/* SPDX-License-Identifier: Apache-2.0 */
#include "front/mqtt_recover.h"

#include "base/log.h"
#include "front/actor_read.h"
#include "front/conn.h"
#include "front/mqtt_kept.h"
#include "front/publish.h"
#include "front/share.h"
#include "store/sessions.h"

#include <pthread.h>
#include <stdlib.h>

/* The documents come to the present within this time, or it is given up. */
#define RECOVER_WAIT_MS 60000
/* So much is read of sessions at a time. */
#define PAGE_BYTES ((size_t)1 << 20)

/* A session that was connected. */
struct recovered {
    struct session_name name;
    uint8_t *client_id; /* owned */
    struct mqtt_head head;
    struct buf will; /* as it was kept; empty: none */
    struct actor actor;
    bool may_publish; /* the will's key still stands for somebody */
};

/* A page of them, which a reader fetches. */
struct page {
    struct reader_job job;
    struct front *front;
    const struct session_name *after; /* NULL: the first page */
    struct err err;
    struct buf found; /* struct recovered */
    size_t bytes;
    struct session_name last;
    uint8_t last_client_id[SESSION_CLIENT_ID_BYTES_MAX];
    bool is_last_page;
    uint64_t count;
    pthread_mutex_t lock;
    pthread_cond_t is_done_cond;
    bool is_done;
};

/* ---- on a reader ---- */

static bool keep_will(void *arg, const struct session_entry *entry)
{
    struct recovered *recovered = arg;
    if (entry->part == SESSION_WILL) {
        buf_put(&recovered->will, entry->value);
    }
    return true;
}

static bool visit_head(void *arg, const struct session_name *name, struct slice bytes)
{
    struct page *page = arg;
    struct recovered found = {.name = *name};
    if (shares_is_name(name)) {
        return true;
    }
    memcpy(page->last_client_id, name->client_id.at, name->client_id.bytes);
    page->last = *name;
    page->last.client_id = slice_of(page->last_client_id, name->client_id.bytes);
    struct err err = mqtt_kept_read_head(bytes, &found.head);
    if (err_is_set(err)) {
        log_line(LOG_ERROR, "mqtt", "a kept session cannot be read error=%s", err_name(err));
        return true; /* its client is told, when it comes back */
    }
    page->count += !found.head.is_clean;
    if (!found.head.is_connected) {
        mqtt_head_deinit(&found.head);
        return true;
    }
    found.client_id = malloc(name->client_id.bytes);
    if (found.client_id == NULL) {
        mqtt_head_deinit(&found.head);
        page->err = ERR(NO_MEMORY);
        return false;
    }
    memcpy(found.client_id, name->client_id.at, name->client_id.bytes);
    found.name.client_id = slice_of(found.client_id, name->client_id.bytes);
    buf_put_bytes(&page->found, &found, sizeof(found));
    page->bytes += sizeof(found) + found.head.flight_count * sizeof(struct mqtt_flight);
    page->is_last_page = page->bytes < PAGE_BYTES;
    return page->is_last_page;
}

static struct recovered *recovered_of(const struct page *page, size_t *count)
{
    *count = buf_bytes(&page->found) / sizeof(struct recovered);
    return (struct recovered *)(void *)page->found.at;
}

/* Its will, and whose rights it is published with: those of now. */
static struct err read_will(struct reader *reader, struct grants *grants,
                            struct recovered *recovered)
{
    struct sessions *sessions = store_sessions(reader->store);
    TRY(sessions_read(sessions, &recovered->name, keep_will, recovered));
    if (recovered->will.failed) {
        return ERR(NO_MEMORY);
    }
    struct mqtt_kept_will will;
    if (buf_bytes(&recovered->will) == 0 ||
        err_is_set(mqtt_kept_read_will(buf_data(&recovered->will), &will))) {
        return ERR(OK);
    }
    struct err err = actor_read(reader, grants, will.key_hash, &recovered->actor);
    recovered->may_publish = !err_is_set(err);
    if (err_is_set(err)) {
        log_line(LOG_WARN, "mqtt", "a will is not published reason=%s", err_name(err));
    }
    return ERR(OK);
}

static struct err read_page(struct reader *reader, struct page *page)
{
    struct front *front = page->front;
    page->is_last_page = true;
    TRY(store_wait(reader->store, front->sequence, RECOVER_WAIT_MS));
    TRY(sessions_each(store_sessions(reader->store), page->after, visit_head, page));
    TRY(page->found.failed ? ERR(NO_MEMORY) : page->err);
    size_t count;
    struct recovered *recovered = recovered_of(page, &count);
    for (size_t i = 0; i < count; i++) {
        TRY(read_will(reader, front->shared->grants, &recovered[i]));
    }
    return ERR(OK);
}

static void page_run(struct reader *reader, struct reader_job *job)
{
    struct page *page = CONTAINER_OF(job, struct page, job);
    page->err = read_page(reader, page);
    pthread_mutex_lock(&page->lock);
    page->is_done = true;
    pthread_cond_signal(&page->is_done_cond);
    pthread_mutex_unlock(&page->lock);
}

static struct err fetch(struct page *page)
{
    page->job.run = page_run;
    if (!readers_submit(page->front->shared->readers, &page->job)) {
        return ERR(BUSY);
    }
    pthread_mutex_lock(&page->lock);
    while (!page->is_done) {
        pthread_cond_wait(&page->is_done_cond, &page->lock);
    }
    page->is_done = false;
    pthread_mutex_unlock(&page->lock);
    return page->err;
}

/* ---- what becomes of them ---- */

/* The head of a session that is not connected any more; a clean one ends. */
static void put_end(const struct front *front, struct recovered *recovered, struct buf *writes)
{
    const struct session_name *name = &recovered->name;
    if (buf_bytes(&recovered->will) > 0) {
        session_delete(writes, name, SESSION_WILL, 0);
    }
    if (recovered->head.is_clean) {
        session_delete(writes, name, SESSION_HEAD, 0);
        return;
    }
    struct buf value = {0};
    recovered->head.is_connected = false;
    recovered->head.dup_until = front->sequence;
    mqtt_kept_put_head(&value, &recovered->head);
    const struct session_entry entry = {.part = SESSION_HEAD, .value = buf_data(&value)};
    session_put(writes, name, &entry);
    writes->failed |= value.failed;
    buf_deinit(&value);
}

/* True when the will is on its way as the last word of a connection that is gone, and with it what
 * the front is to write of the session. */
static bool send_will(struct front *front, const struct recovered *recovered)
{
    struct mqtt_kept_will will;
    struct topic topic;
    struct err err = mqtt_kept_read_will(buf_data(&recovered->will), &will);
    if (!err_is_set(err)) {
        err = publish_read_topic(front, will.topic, &topic);
    }
    struct conn gone = {.front = front};
    const struct publish publish = {
        .topic = &topic,
        .payload = will.payload,
        .actor = &recovered->actor,
        .qos = will.qos,
        .retain = will.retain,
        .is_last_words = true,
    };
    if (!err_is_set(err) && publish_send(&gone, &publish, &err) == PUBLISH_SENT) {
        return true;
    }
    log_line(LOG_WARN, "mqtt", "will refused reason=%s", err_name(err));
    return false;
}

static struct err end_session(struct front *front, struct recovered *recovered)
{
    struct buf writes = {0};
    put_end(front, recovered, &writes);
    bool is_sent = false;
    struct err err = writes.failed ? ERR(NO_MEMORY) : ERR(OK);
    front->session_writes = buf_data(&writes);
    front->writes_if_refused = true;
    if (!err_is_set(err) && recovered->may_publish) {
        is_sent = send_will(front, recovered);
    }
    if (!err_is_set(err) && !is_sent) {
        struct conn gone = {.front = front};
        struct command_batch *batch = front_batch_last_words(front, FRONT_COMMAND_BYTES);
        err = batch == NULL ? ERR(NO_MEMORY) : ERR(OK);
        if (batch != NULL) {
            front_command_unanswered(front, batch, COMMAND_SESSION_WRITE, &gone, &recovered->actor);
        }
    }
    front->session_writes = (struct slice){0};
    front->writes_if_refused = false;
    buf_deinit(&writes);
    return err;
}

static void page_reset(struct page *page)
{
    size_t count;
    struct recovered *recovered = recovered_of(page, &count);
    for (size_t i = 0; i < count; i++) {
        mqtt_head_deinit(&recovered[i].head);
        buf_deinit(&recovered[i].will);
        free(recovered[i].client_id);
    }
    buf_reset(&page->found);
    page->bytes = 0;
}

static struct err recover_page(struct page *page, uint64_t *recovered_count)
{
    struct err err = fetch(page);
    size_t count;
    struct recovered *recovered = recovered_of(page, &count);
    for (size_t i = 0; i < count && !err_is_set(err); i++) {
        err = end_session(page->front, &recovered[i]);
    }
    *recovered_count += count;
    page_reset(page);
    front_submit_all(page->front);
    page->after = &page->last;
    return err;
}

struct err mqtt_recover(struct front *front, uint64_t *count)
{
    struct page page = {
        .front = front,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .is_done_cond = PTHREAD_COND_INITIALIZER,
    };
    uint64_t recovered = 0;
    struct err err;
    do {
        err = recover_page(&page, &recovered);
    } while (!err_is_set(err) && !page.is_last_page);
    buf_deinit(&page.found);
    *count = page.count;
    if (recovered > 0) {
        log_line(LOG_WARN, "mqtt", "clients were connected when the daemon ended sessions=%llu",
                 (unsigned long long)recovered);
    }
    return err;
}
