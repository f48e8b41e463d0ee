/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of shared subscriptions, on the loop of their connection. */
#include "front/share.h"

#include "base/assert.h"
#include "base/hash.h"
#include "front/share_mail.h"

#include <stdlib.h>

struct share_member {
    struct link in_leaving;
    uint32_t number;
    uint32_t owner; /* the group's loop */
    struct conn *conn;
    struct subscription *subscription;
    bool is_over; /* leaving: it does not come back */
};

/* A message that the session could not take yet. */
struct waiting {
    struct link link; /* in conn.shared_waiting */
    struct share_member *member;
    uint32_t ticket;
    uint8_t qos;
    size_t topic_bytes;
    size_t payload_bytes;
    uint8_t text[];
};

static uint64_t hash_member(uint32_t number)
{
    return hash_bytes(0, slice_of(&number, sizeof(number)));
}

static bool has_number(const void *entry, const void *key)
{
    return ((const struct share_member *)entry)->number == *(const uint32_t *)key;
}

static struct share_member *member_find(const struct shares *shares, uint32_t number)
{
    return map_find(&shares->members, hash_member(number), has_number, &number);
}

static struct share_mail *mail_of(const struct shares *shares)
{
    return shares->front->shared->share_mail;
}

/* ---- joining ---- */

static bool write_join(const struct shares *shares, const struct share_member *member,
                       const struct share_joining *joining)
{
    const struct share_letter letter = {
        .kind = SHARE_JOIN,
        .is_kept = joining->is_kept,
        .is_back = joining->is_back,
        .member = member->number,
        .account = member->subscription->actor.account,
        .first = joining->first,
        .text = subscription_filter(member->subscription),
    };
    return share_mail_write(mail_of(shares), shares->front->index, member->owner, &letter);
}

static uint32_t next_number(struct shares *shares)
{
    do {
        shares->last_member++;
    } while (shares->last_member == 0 || member_find(shares, shares->last_member) != NULL);
    return shares->last_member;
}

struct err share_join(struct conn *conn, struct subscription *subscription,
                      const struct share_joining *joining)
{
    struct shares *shares = conn->front->shares;
    if (subscription->share != NULL) {
        return ERR(OK);
    }
    struct share_member *member = calloc(1, sizeof(*member));
    if (member == NULL) {
        return ERR(NO_MEMORY);
    }
    const struct session_name name = {.account = subscription->actor.account,
                                      .client_id = share_name(subscription_filter(subscription))};
    *member = (struct share_member){
        .number = next_number(shares),
        .owner = shares_loop_of(conn->front, &name),
        .conn = conn,
        .subscription = subscription,
    };
    list_init(&member->in_leaving);
    struct err err = map_insert(&shares->members, hash_member(member->number), member);
    if (!err_is_set(err) && !write_join(shares, member, joining)) {
        map_remove(&shares->members, hash_member(member->number), member);
        err = ERR(NO_MEMORY);
    }
    if (err_is_set(err)) {
        free(member);
        return err;
    }
    subscription->share = member;
    return ERR(OK);
}

/* ---- leaving ---- */

static void forget_waiting(struct share_member *member)
{
    LIST_EACH (&member->conn->shared_waiting, link, after) {
        struct waiting *waiting = LIST_ENTRY(link, struct waiting, link);
        if (waiting->member == member) {
            list_remove(link);
            free(waiting);
        }
    }
}

void share_on_removed(struct subs *subs, struct subscription *subscription)
{
    struct shares *shares = CONTAINER_OF(subs, struct front, subs)->shares;
    struct share_member *member = subscription->share;
    member->is_over = !conn_is_closing(member->conn);
    forget_waiting(member);
    map_remove(&shares->members, hash_member(member->number), member);
    list_push(&shares->leaving, &member->in_leaving);
    loop_defer(shares->front->loop, &shares->front->again); /* this turn's end may have been */
}

static void tell_leaving(struct shares *shares)
{
    LIST_EACH (&shares->leaving, link, after) {
        struct share_member *member = LIST_ENTRY(link, struct share_member, in_leaving);
        const struct share_letter letter = {
            .kind = SHARE_LEAVE, .member = member->number, .is_over = member->is_over};
        if (!share_mail_write(mail_of(shares), shares->front->index, member->owner, &letter)) {
            loop_defer(shares->front->loop, &shares->front->again);
            return; /* no memory now */
        }
        list_remove(link);
        free(member);
    }
}

void shares_turn_end(struct shares *shares)
{
    if (mail_of(shares) != NULL) {
        tell_leaving(shares);
        share_mail_send(mail_of(shares), shares->front->index);
    }
}

/* ---- messages ---- */

static void tell_taken(struct shares *shares, const struct share_member *member, uint32_t ticket)
{
    const struct share_letter letter = {
        .kind = SHARE_TAKEN, .member = member->number, .ticket = ticket};
    if (!share_mail_write(mail_of(shares), shares->front->index, member->owner, &letter)) {
        conn_close(member->conn); /* others get what it has not acknowledged */
    }
}

static bool hand(struct share_member *member, const struct share_letter *letter)
{
    struct subscription *subscription = member->subscription;
    const struct delivery delivery = {
        .subscription = subscription,
        .topic = letter->text,
        .payload = letter->payload,
        .qos = subscription->qos < letter->qos ? subscription->qos : letter->qos,
        .is_plain = true,
        .share = (uint64_t)member->number << 32 | letter->ticket,
    };
    struct session *session = subscription->session;
    if (!session->ops->deliver(session, &delivery)) {
        return false;
    }
    if (delivery.qos == 0) {
        tell_taken(member->conn->front->shares, member, letter->ticket);
    }
    return true;
}

static bool hold_back(struct share_member *member, const struct share_letter *letter)
{
    struct waiting *waiting = malloc(sizeof(*waiting) + letter->text.bytes + letter->payload.bytes);
    if (waiting == NULL) {
        return false;
    }
    *waiting = (struct waiting){
        .member = member,
        .ticket = letter->ticket,
        .qos = letter->qos,
        .topic_bytes = letter->text.bytes,
        .payload_bytes = letter->payload.bytes,
    };
    memcpy(waiting->text, letter->text.at, letter->text.bytes);
    if (letter->payload.bytes > 0) {
        memcpy(waiting->text + letter->text.bytes, letter->payload.at, letter->payload.bytes);
    }
    list_push(&member->conn->shared_waiting, &waiting->link);
    return true;
}

void share_member_read(struct shares *shares, const struct share_letter *letter)
{
    struct share_member *member = member_find(shares, letter->member);
    if (member == NULL) {
        return; /* it has left, and the group will hear of it */
    }
    bool is_first = list_is_empty(&member->conn->shared_waiting);
    if (!(is_first && hand(member, letter)) && !hold_back(member, letter)) {
        conn_close(member->conn);
    }
}

void share_retry(struct conn *conn)
{
    LIST_EACH (&conn->shared_waiting, link, after) {
        struct waiting *waiting = LIST_ENTRY(link, struct waiting, link);
        const struct share_letter letter = {
            .qos = waiting->qos,
            .ticket = waiting->ticket,
            .text = slice_of(waiting->text, waiting->topic_bytes),
            .payload = slice_of(waiting->text + waiting->topic_bytes, waiting->payload_bytes),
        };
        if (!hand(waiting->member, &letter)) {
            return;
        }
        list_remove(link);
        free(waiting);
    }
}

void share_taken(struct front *front, uint64_t share)
{
    const struct share_member *member = member_find(front->shares, (uint32_t)(share >> 32));
    if (member != NULL) { /* else it has unsubscribed: others have got the message */
        tell_taken(front->shares, member, (uint32_t)share);
    }
}

void share_members_free(struct shares *shares)
{
    ASSERT(map_count(&shares->members) == 0);
    LIST_EACH (&shares->leaving, link, after) {
        free(LIST_ENTRY(link, struct share_member, in_leaving));
    }
    map_deinit(&shares->members);
}
