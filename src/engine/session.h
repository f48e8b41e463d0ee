/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - a subscriber: its subscriptions, and how far it has come in the journal.
 *
 * A session owns a cursor, not a queue. While it takes what comes it is LIVE: the loop hands it
 * each event as it walks the ring. When it cannot take a message (its window or its output is full)
 * it falls BEHIND: it remembers the event, its subscriptions remember whether they have had it, and
 * it costs nothing from then on. When it can take more, the loop walks on from the cursor, from the
 * ring or from the journal, with the same matching, until the cursor meets the loop's position.
 *
 *      LIVE --deliver says no--> BEHIND --caught up with the loop--> LIVE
 *
 * Owned by one loop. */
#ifndef THRUM_ENGINE_SESSION_H
#define THRUM_ENGINE_SESSION_H

#include "engine/subs.h"

/* One message for one subscription. Slices live during the call. */
struct delivery {
    const struct subscription *subscription;
    struct slice topic; /* in its canonical spelling, when the filter has wildcards, or it is a
                           plain topic; else empty */
    struct slice payload;
    uint8_t qos;       /* the lower of granted and published */
    bool is_plain;     /* of a plain topic, told as it is */
    bool is_retained;  /* as it was published before the subscription */
    bool is_again;     /* retained, told once more to who has come back: */
    bool is_had;       /* for those who were sent it before, and have not acknowledged it */
    bool is_last;      /* the resource is gone: no message will follow */
    uint64_t share;    /* of a shared subscription: front/share.h knows it by this; else 0 */
    uint64_t sequence; /* of its event; of what is none, of the one behind which it was read */
    uint32_t firing;   /* which of the topics that the event fired on (front/fire.h); 0: it is no
                          event, but a present state, or history */
};

struct session_ops {
    /* Takes the message, or answers false: then it has taken nothing, and the session is BEHIND
     * until its owner calls catch-up. Must not close or free the session. Mandatory. */
    bool (*deliver)(struct session *session, const struct delivery *delivery);

    /* The journal no longer has what the session has not had: it goes on behind a gap, unless it is
     * ended here. Optional. */
    void (*lost)(struct session *session);

    /* The journal cannot be read now: the session goes on when its owner calls catch-up, or is
     * ended. Without this its connection is closed. */
    void (*failed)(struct session *session);
};

struct session {
    const struct session_ops *ops;
    struct link subscriptions; /* struct subscription.in_session */
    uint32_t subscription_count;
    bool hears_sys; /* has subscribed to figures of the broker (front/sys.h) */
    bool is_behind;
    uint64_t cursor;  /* BEHIND: the next event to deliver, or to finish */
    const void *walk; /* BEHIND: the walk over the past that it goes along with, with others */
};

void session_init(struct session *session, const struct session_ops *ops);

/* The session goes on behind event <after>, when it is caught up; who is BEHIND already stays where
 * it is. */
void session_fall_behind(struct session *session, uint64_t after);

/* Ends all subscriptions. */
void session_deinit(struct session *session, struct subs *subs);

#endif
