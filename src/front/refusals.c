/* SPDX-License-Identifier: Apache-2.0 */
#include "front/refusals.h"

#include "codec/json_write.h"
#include "codec/uri.h"

#include <pthread.h>
#include <stdlib.h>

/* One that is kept: what it points to is copied. */
struct kept {
    int64_t time_ms;
    enum actor_kind kind;
    uint32_t account;
    struct id actor;
    struct slice protocol;
    struct slice operation;
    struct err err;
    enum perm_verdict verdict;
    size_t target_bytes;
    uint8_t target[REFUSAL_TARGET_BYTES];
};

struct refusals {
    pthread_mutex_t lock;
    uint64_t count; /* ever noted; the newest is at (count - 1) modulo REFUSALS_KEPT */
    struct kept kept[REFUSALS_KEPT];
};

struct refusals *refusals_new(void)
{
    struct refusals *refusals = calloc(1, sizeof(*refusals));
    if (refusals != NULL) {
        pthread_mutex_init(&refusals->lock, NULL);
    }
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    if (refusals != NULL) {
        pthread_mutex_destroy(&refusals->lock);
        free(refusals);
    }
}

/* Keeps what there is room for, without half a character at its end. */
static void put_target(struct kept *kept, struct slice text)
{
    size_t room = REFUSAL_TARGET_BYTES - kept->target_bytes;
    size_t bytes = min_size(text.bytes, room);
    while (bytes < text.bytes && bytes > 0 && (text.at[bytes] & 0xc0) == 0x80) {
        bytes--;
    }
    if (bytes > 0) {
        memcpy(kept->target + kept->target_bytes, text.at, bytes);
        kept->target_bytes += bytes;
    }
}

/* A key that somebody has put where an id belongs is not kept. */
static void keep_path(struct kept *kept, struct slice path)
{
    struct slice rest = uri_path_begin(path);
    struct slice segment;
    while (uri_path_next(&rest, &segment)) {
        put_target(kept, SLICE("/"));
        put_target(kept, key_is_wellformed(segment) ? SLICE("(key)") : segment);
    }
}

void refusals_note(struct refusals *refusals, const struct refusal *refusal)
{
    enum err_class class = err_class(refusal->err);
    bool is_noted = class == ERR_CLASS_UNAUTHENTICATED || class == ERR_CLASS_DENIED ||
                    class == ERR_CLASS_ABSENT;
    if (refusals == NULL || !is_noted) {
        return;
    }
    pthread_mutex_lock(&refusals->lock);
    struct kept *kept = &refusals->kept[refusals->count++ % REFUSALS_KEPT];
    *kept = (struct kept){
        .time_ms = refusal->time_ms,
        .kind = refusal->actor->kind,
        .account = refusal->actor->account,
        .actor = refusal->actor->id,
        .protocol = refusal->protocol,
        .operation = refusal->operation,
        .err = refusal->err,
        .verdict = refusal->verdict,
    };
    keep_path(kept, uri_split(refusal->target).path);
    pthread_mutex_unlock(&refusals->lock);
}

static void write_one(struct buf *out, const struct kept *kept)
{
    const char *reason = kept->verdict != PERM_ALLOWED && kept->verdict != PERM_NO_ACTOR
                             ? perm_verdict_text(kept->verdict)
                             : err_text(kept->err);
    json_write_comma(out);
    json_write_open(out, '{');
    json_write_member_int(out, SLICE("timestamp"), kept->time_ms);
    json_write_member_string(out, SLICE("protocol"), kept->protocol);
    json_write_member_string(out, SLICE("operation"), kept->operation);
    json_write_member_string(out, SLICE("target"), slice_of(kept->target, kept->target_bytes));
    json_write_member_int(out, SLICE("status"), err_http_status(kept->err));
    json_write_member_string(out, SLICE("reason"), slice_of_text(reason));
    if (kept->kind != ACTOR_NONE) {
        json_write_name(out, SLICE("actor"));
        json_write_open(out, '{');
        json_write_member_string(out, SLICE("type"), actor_type_name(kept->kind));
        json_write_member_string(out, SLICE("id"), id_slice(&kept->actor));
        json_write_close(out, '}');
    }
    json_write_close(out, '}');
}

void refusals_write(struct refusals *refusals, uint32_t account, bool wants_unknown,
                    struct buf *out)
{
    json_write_open(out, '[');
    pthread_mutex_lock(&refusals->lock);
    for (uint64_t i = 0; i < REFUSALS_KEPT && i < refusals->count; i++) {
        const struct kept *kept = &refusals->kept[(refusals->count - 1 - i) % REFUSALS_KEPT];
        bool is_shown = kept->kind == ACTOR_NONE ? wants_unknown : kept->account == account;
        if (is_shown) {
            write_one(out, kept);
        }
    }
    pthread_mutex_unlock(&refusals->lock);
    json_write_close(out, ']');
}
