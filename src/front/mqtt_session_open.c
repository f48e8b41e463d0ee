/* SPDX-License-Identifier: Apache-2.0
 *
 * What outlives a connection, when a client comes: with "clean session 0" the subscriptions, the
 * place in the journal and the messages in flight [MQTT-3.1.2-4]; with a will, the will.
 *
 *      claim granted
 *          |  a reader fetches what is kept under the name
 *          v
 *      nothing there, or not wanted --> cleared ----------------------------+
 *      a session: flights, place; its subscriptions are asked for anew      |
 *          |                                                                v
 *          '----------------------------------------> head and will written; CONNACK */
#include "front/mqtt_conn.h"

#include "base/assert.h"
#include "base/log.h"

#include <stdlib.h>

/* What is kept is asked for again after so long when the readers have too much to do. */
#define OPEN_AGAIN_MS 100

/* ---- what is there ---- */

/* All entries of a session, read by a reader; one behind the other: part (1), number (4), bytes of
 * the value (4), value. */
struct mqtt_record {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    struct err err;
    struct session_name name;
    struct buf entries;
    uint8_t client_id[];
};

static void record_free(struct mqtt_record *record)
{
    buf_deinit(&record->entries);
    free(record);
}

static bool keep_entry(void *arg, const struct session_entry *entry)
{
    struct mqtt_record *record = arg;
    buf_put_byte(&record->entries, (uint8_t)entry->part);
    buf_put_u32be(&record->entries, entry->number);
    buf_put_u32be(&record->entries, (uint32_t)entry->value.bytes);
    buf_put(&record->entries, entry->value);
    return !record->entries.failed;
}

static bool next_entry(struct cursor *entries, struct session_entry *entry)
{
    uint8_t part;
    uint32_t bytes;
    if (!cursor_read_u8(entries, &part)) {
        return false;
    }
    bool is_read = cursor_read_u32be(entries, &entry->number) &&
                   cursor_read_u32be(entries, &bytes) &&
                   cursor_read_bytes(entries, bytes, &entry->value);
    ASSERT(is_read);
    entry->part = (enum session_part)part;
    return true;
}

static void record_run(struct reader *reader, struct reader_job *job)
{
    struct mqtt_record *record = CONTAINER_OF(job, struct mqtt_record, job);
    record->err = sessions_read(store_sessions(reader->store), &record->name, keep_entry, record);
    if (record->entries.failed) {
        record->err = ERR(NO_MEMORY);
    }
    loop_post(record->front->loop, &record->message);
}

static void take_record(struct mqtt_conn *mqtt, const struct mqtt_record *record);

static void record_arrived(struct loop *loop, struct loop_message *message)
{
    struct mqtt_record *record = CONTAINER_OF(message, struct mqtt_record, message);
    struct conn *conn = conn_find(loop->owner, record->slot, record->generation);
    if (conn != NULL && !conn_is_closing(conn)) {
        struct mqtt_conn *mqtt = CONTAINER_OF(conn->session, struct mqtt_conn, session);
        take_record(mqtt, record);
    }
    record_free(record);
}

static void open_due(struct wheel_timer *timer)
{
    struct mqtt_conn *mqtt = CONTAINER_OF(timer, struct mqtt_conn, keeping.timer);
    if (!conn_is_closing(mqtt->conn)) {
        mqtt_session_open(mqtt);
    }
}

void mqtt_session_open(struct mqtt_conn *mqtt)
{
    struct conn *conn = mqtt->conn;
    struct slice client_id = buf_data(&mqtt->client_id);
    struct mqtt_record *record = calloc(1, sizeof(*record) + client_id.bytes);
    if (record == NULL) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "memory");
        return;
    }
    record->job.run = record_run;
    record->message.run = record_arrived;
    record->front = conn->front;
    record->slot = conn->slot;
    record->generation = conn->generation;
    record->name = mqtt_session_name(mqtt);
    memcpy(record->client_id, client_id.at, client_id.bytes);
    record->name.client_id = slice_of(record->client_id, client_id.bytes);
    if (!readers_submit(conn->front->shared->readers, &record->job)) {
        /* Many come at once, behind a restart: each has its turn. */
        record_free(record);
        mqtt->keeping.timer.fire = open_due;
        loop_arm(conn->front->loop, &mqtt->keeping.timer, OPEN_AGAIN_MS);
    }
}

/* ---- what becomes of it ---- */

void mqtt_session_drop(struct mqtt_conn *mqtt, uint32_t number)
{
    mqtt_session_delete(mqtt, &mqtt->keeping.dropped, SESSION_SUBSCRIPTION, number);
}

/* True when one more session may be kept: it counts from now on. */
static bool count_new(struct front_shared *shared)
{
    if (atomic_fetch_add(&shared->sessions_kept, 1) < shared->limits.sessions_max) {
        return true;
    }
    atomic_fetch_sub(&shared->sessions_kept, 1);
    return false;
}

static void write_open(struct mqtt_conn *mqtt, struct slice writes, bool ends_session)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    struct front_shared *shared = mqtt->conn->front->shared;
    bool begins_session = keeping->is_kept && !keeping->is_present;
    if (begins_session && !count_new(shared)) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "sessions");
        return;
    }
    struct command *command =
        mqtt_session_write(mqtt, writes, MQTT_REQUEST(MQTT_REQUEST_KEPT_OPEN, 0));
    if (command != NULL) {
        keeping->is_stored = keeping->is_kept || mqtt->will.is_set;
        command->begins_session = begins_session;
        command->ends_session = ends_session;
    } else if (begins_session) {
        atomic_fetch_sub(&shared->sessions_kept, 1);
    }
}

/* All that is decided goes to the disk; CONNACK waits for it. <ends_session>: one that was kept is
 * not wanted any more. */
static void keep_open(struct mqtt_conn *mqtt, bool ends_session)
{
    struct buf *writes = &mqtt->keeping.dropped;
    if (mqtt->keeping.is_kept || mqtt->will.is_set) {
        mqtt_session_put_head(mqtt, writes, true);
    }
    if (mqtt->will.is_set) {
        mqtt_session_put_will(mqtt, writes);
    }
    if (writes->failed) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "memory");
    } else if (buf_bytes(writes) == 0) {
        mqtt_accept_connect(mqtt);
    } else {
        write_open(mqtt, buf_data(writes), ends_session);
    }
    buf_deinit(writes);
}

static void clear(struct mqtt_conn *mqtt, const struct mqtt_record *record)
{
    struct cursor entries = cursor_over(buf_data(&record->entries));
    struct session_entry entry;
    while (next_entry(&entries, &entry)) {
        mqtt_session_delete(mqtt, &mqtt->keeping.dropped, entry.part, entry.number);
    }
}

static bool take_head(struct mqtt_conn *mqtt, struct mqtt_head *head)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    keeping->is_present = true;
    keeping->is_resuming = true;
    keeping->next_subscription = head->next_subscription;
    keeping->position = head->position;
    keeping->dup_until = head->dup_until;
    keeping->heard_count = head->heard_count;
    keeping->heard = head->heard;
    head->heard = NULL;
    keeping->waiting = head->waiting;
    head->waiting = (struct buf){0};
    if (!mqtt_window_restore(&mqtt->window, head->first_id, head->flights, head->flight_count)) {
        return false;
    }
    /* From the oldest message that is owed, or the next one. Nothing is for it before the CONNACK:
     * it is BEHIND until then. */
    session_fall_behind(&mqtt->session, mqtt_window_first_owed(&mqtt->window, head->position) - 1);
    return true;
}

/* The filter as it came; one with a token is sealed. */
static struct err unseal(struct mqtt_conn *mqtt, struct mqtt_kept_subscription *kept,
                         struct buf *texts)
{
    if (!kept->is_sealed) {
        return ERR(OK);
    }
    size_t before = buf_bytes(texts);
    TRY(keyring_unseal(mqtt->conn->front->shared->keyring, kept->filter, texts));
    kept->filter = slice_from(buf_data(texts), before);
    return ERR(OK);
}

/* Entry by entry; subscriptions go to <restored>. An entry that cannot be read is dropped. */
static void take_entry(struct mqtt_conn *mqtt, const struct session_entry *entry, struct buf *texts,
                       struct buf *restored)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    struct mqtt_restored found = {.number = entry->number};
    if (entry->part == SESSION_RECEIVED) {
        restored->failed |= !mqtt_received_set(mqtt, (uint16_t)entry->number, true);
    } else if (entry->part == SESSION_SUBSCRIPTION) {
        /* The head may be older than the subscription. */
        keeping->next_subscription = max_u32(keeping->next_subscription, entry->number);
        struct err err = mqtt_kept_read_subscription(entry->value, &found.kept);
        if (!err_is_set(err)) {
            err = unseal(mqtt, &found.kept, texts);
        }
        if (err_is_set(err)) {
            log_line(LOG_ERROR, "mqtt", "a kept subscription is lost error=%s", err_name(err));
            mqtt_session_drop(mqtt, entry->number);
        } else {
            buf_put_bytes(restored, &found, sizeof(found));
        }
    } else if (entry->part == SESSION_WILL) {
        mqtt_session_delete(mqtt, &keeping->dropped, SESSION_WILL, 0);
    }
}

static void take_entries(struct mqtt_conn *mqtt, const struct mqtt_record *record)
{
    struct buf restored = {0};
    struct buf texts = {0};
    struct cursor entries = cursor_over(buf_data(&record->entries));
    struct session_entry entry;
    /* So that slices of what is unsealed stay where they are. */
    struct err err = buf_reserve(&texts, buf_bytes(&record->entries) + 1);
    while (!err_is_set(err) && next_entry(&entries, &entry)) {
        take_entry(mqtt, &entry, &texts, &restored);
    }
    if (err_is_set(err) || restored.failed) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "memory");
    } else {
        uint32_t count = (uint32_t)(buf_bytes(&restored) / sizeof(struct mqtt_restored));
        mqtt_subscribes_restore(mqtt, (const struct mqtt_restored *)(void *)restored.at, count);
    }
    buf_deinit(&restored);
    buf_deinit(&texts);
}

/* The head is the first entry. False when there is none, or none that can be used. */
static struct err find_head(const struct mqtt_record *record, struct mqtt_head *head, bool *found)
{
    struct cursor entries = cursor_over(buf_data(&record->entries));
    struct session_entry entry;
    *found = false;
    if (!next_entry(&entries, &entry) || entry.part != SESSION_HEAD) {
        return ERR(OK);
    }
    struct err err = mqtt_kept_read_head(entry.value, head);
    if (err_equal(err, ERR(CORRUPT))) {
        log_line(LOG_ERROR, "mqtt", "a kept session is lost error=%s", err_name(err));
        return ERR(OK);
    }
    *found = !err_is_set(err);
    return err;
}

static void take_record(struct mqtt_conn *mqtt, const struct mqtt_record *record)
{
    struct mqtt_head head = {0};
    bool found = false;
    struct err err = record->err;
    if (!err_is_set(err)) {
        err = find_head(record, &head, &found);
    }
    if (err_is_set(err)) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, err_name(err));
        return;
    }
    if (!found || head.is_clean || !mqtt->keeping.is_kept) {
        clear(mqtt, record);
        keep_open(mqtt, found && !head.is_clean);
    } else if (!take_head(mqtt, &head)) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "memory");
    } else {
        take_entries(mqtt, record);
    }
    mqtt_head_deinit(&head);
}

void mqtt_session_restored(struct mqtt_conn *mqtt, struct err err)
{
    if (err_is_set(err)) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, err_name(err));
    } else {
        keep_open(mqtt, false);
    }
}

void mqtt_session_kept(struct mqtt_conn *mqtt, const struct answer *answer)
{
    if (err_is_set(answer->err)) {
        mqtt->keeping.is_stored = false; /* what the store has is as it was */
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, err_name(answer->err));
    } else {
        mqtt_accept_connect(mqtt);
    }
}
