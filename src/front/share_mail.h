/* SPDX-License-Identifier: Apache-2.0
 *
 * share_mail.h - letters between loops, of shared subscriptions (share.h).
 *
 * A loop writes letters to others, and to itself, in the course of a turn; at its end they go out,
 * in one message for each loop that is written to. While that one is on its way the next letters
 * gather. From one loop to another letters come in the order in which they were written.
 *
 *      writing -> filling --end of the turn--> sent --read--> filling ...
 *
 * Nothing bounds how much is on its way but who writes: a group gives its members only so many
 * messages at a time. */
#ifndef THRUM_FRONT_SHARE_MAIL_H
#define THRUM_FRONT_SHARE_MAIL_H

#include "base/buf.h"
#include "net/loop.h"

enum share_letter_kind {
    SHARE_JOIN,    /* to the group's loop */
    SHARE_LEAVE,   /* the same */
    SHARE_MESSAGE, /* to the member's loop */
    SHARE_TAKEN,   /* to the group's loop: the message has been acknowledged */
};

struct share_letter {
    uint8_t kind;         /* enum share_letter_kind */
    uint8_t qos;          /* MESSAGE */
    bool is_kept;         /* JOIN: of a session that outlives its connection, */
    bool is_back;         /* and that was a member before */
    bool is_over;         /* LEAVE: it does not come back */
    uint32_t ticket;      /* MESSAGE, TAKEN: which message */
    uint32_t member;      /* its number on its loop */
    uint32_t account;     /* JOIN */
    uint64_t first;       /* JOIN: a group that is new begins with that event */
    struct slice text;    /* JOIN: the filter, as it came; MESSAGE: the topic */
    struct slice payload; /* MESSAGE */
};

struct share_mail;

/* NULL without memory. */
struct share_mail *share_mail_new(uint32_t loops);
/* No loop runs any more. NULL is fine. */
void share_mail_free(struct share_mail *mail);
uint32_t share_mail_loops(const struct share_mail *mail);

/* Once for each loop, before they run: <read> is called on it with each letter, whose slices live
 * during the call, and with the number of the loop that wrote it. */
void share_mail_attach(struct share_mail *mail, uint32_t index, struct loop *loop,
                       void (*read)(struct loop *loop, uint32_t from,
                                    const struct share_letter *letter));

/* The loop that is attached under that number. */
struct loop *share_mail_loop(const struct share_mail *mail, uint32_t index);

/* On the thread of loop <from>. False without memory: nothing is written. */
bool share_mail_write(struct share_mail *mail, uint32_t from, uint32_t to,
                      const struct share_letter *letter);

/* On the thread of loop <from>, at the end of its turn. */
void share_mail_send(struct share_mail *mail, uint32_t from);

#endif
