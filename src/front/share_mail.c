/* SPDX-License-Identifier: Apache-2.0 */
#include "front/share_mail.h"

#include "base/assert.h"

#include <stdlib.h>

/* From one loop to another. */
struct lane {
    struct loop_message message;
    struct share_mail *mail;
    uint32_t from;
    uint32_t to;
    struct buf filling; /* the writer's */
    struct buf sent;    /* the reader's while is_out, else the writer's */
    _Atomic bool is_out;
};

struct share_mail {
    uint32_t count;
    struct loop **loops;
    void (*read)(struct loop *loop, uint32_t from, const struct share_letter *letter);
    struct lane lanes[]; /* count times count, by writer */
};

static struct lane *lane_of(struct share_mail *mail, uint32_t from, uint32_t to)
{
    return &mail->lanes[from * mail->count + to];
}

/* ---- reading ---- */

/* The next letter; false at the end. */
static bool next_letter(struct slice *rest, struct share_letter *letter)
{
    if (rest->bytes == 0) {
        return false;
    }
    memcpy(letter, rest->at, sizeof(*letter));
    *rest = slice_from(*rest, sizeof(*letter));
    letter->text = slice_first(*rest, letter->text.bytes);
    *rest = slice_from(*rest, letter->text.bytes);
    letter->payload = slice_first(*rest, letter->payload.bytes);
    *rest = slice_from(*rest, letter->payload.bytes);
    return true;
}

static void arrived(struct loop *loop, struct loop_message *message)
{
    struct lane *lane = CONTAINER_OF(message, struct lane, message);
    struct share_mail *mail = lane->mail;
    struct slice rest = buf_data(&lane->sent);
    struct share_letter letter;
    while (next_letter(&rest, &letter)) {
        mail->read(loop, lane->from, &letter);
    }
    buf_reset(&lane->sent);
    atomic_store_explicit(&lane->is_out, false, memory_order_release);
    /* What has gathered meanwhile goes out at the end of a turn. */
    loop_wake(mail->loops[lane->from]);
}

/* ---- writing ---- */

bool share_mail_write(struct share_mail *mail, uint32_t from, uint32_t to,
                      const struct share_letter *letter)
{
    struct buf *filling = &lane_of(mail, from, to)->filling;
    if (err_is_set(
            buf_reserve(filling, sizeof(*letter) + letter->text.bytes + letter->payload.bytes))) {
        filling->failed = false; /* what is in it is whole */
        return false;
    }
    buf_put_bytes(filling, letter, sizeof(*letter));
    buf_put(filling, letter->text);
    buf_put(filling, letter->payload);
    return true;
}

void share_mail_send(struct share_mail *mail, uint32_t from)
{
    for (uint32_t to = 0; to < mail->count; to++) {
        struct lane *lane = lane_of(mail, from, to);
        if (buf_bytes(&lane->filling) == 0 ||
            atomic_load_explicit(&lane->is_out, memory_order_acquire)) {
            continue;
        }
        struct buf empty = lane->sent;
        lane->sent = lane->filling;
        lane->filling = empty;
        atomic_store_explicit(&lane->is_out, true, memory_order_relaxed);
        loop_post(mail->loops[to], &lane->message);
    }
}

/* ---- all of it ---- */

struct share_mail *share_mail_new(uint32_t loops)
{
    size_t lanes = (size_t)loops * loops;
    struct share_mail *mail = calloc(1, sizeof(*mail) + lanes * sizeof(mail->lanes[0]));
    if (mail == NULL) {
        return NULL;
    }
    mail->count = loops;
    mail->loops = calloc(loops, sizeof(mail->loops[0]));
    if (mail->loops == NULL) {
        free(mail);
        return NULL;
    }
    for (uint32_t i = 0; i < lanes; i++) {
        mail->lanes[i].message.run = arrived;
        mail->lanes[i].mail = mail;
        mail->lanes[i].from = i / loops;
        mail->lanes[i].to = i % loops;
    }
    return mail;
}

void share_mail_free(struct share_mail *mail)
{
    if (mail == NULL) {
        return;
    }
    for (uint32_t i = 0; i < mail->count * mail->count; i++) {
        buf_deinit(&mail->lanes[i].filling);
        buf_deinit(&mail->lanes[i].sent);
    }
    free(mail->loops);
    free(mail);
}

uint32_t share_mail_loops(const struct share_mail *mail)
{
    return mail->count;
}

void share_mail_attach(struct share_mail *mail, uint32_t index, struct loop *loop,
                       void (*read)(struct loop *loop, uint32_t from,
                                    const struct share_letter *letter))
{
    ASSERT(index < mail->count);
    mail->loops[index] = loop;
    mail->read = read;
}

struct loop *share_mail_loop(const struct share_mail *mail, uint32_t index)
{
    return mail->loops[index];
}
