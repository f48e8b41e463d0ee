/* SPDX-License-Identifier: Apache-2.0
 *
 * sessions.h - what is kept of sessions that outlive their connection [MQTT-3.1.2-4].
 *
 * A session is known by account, actor and client id. Its state is several small entries, so that
 * moving its cursor does not write its subscriptions anew:
 *
 *      head            0          where it stands, what is in flight
 *      received        packet id  a publish with QoS 2 that has been applied, and not released
 *      subscription    number     a filter, and since when
 *      will            0          what is to be published when the client is gone without a word
 *
 * What an entry says is the business of who writes it. Entries are written with a group, or by
 * themselves, in the journal's one write (journal_append): a publish and the packet id that keeps
 * it from being applied again are on disk together or not at all. */
#ifndef THRUM_STORE_SESSIONS_H
#define THRUM_STORE_SESSIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "model/actor.h"

struct sessions;

#define SESSION_CLIENT_ID_BYTES_MAX 1024

struct session_name {
    uint32_t account;
    enum actor_kind kind; /* of the actor, whose id this is: */
    struct id actor;
    struct slice client_id; /* 1 to SESSION_CLIENT_ID_BYTES_MAX */
};

/* Stored as letters on disk, in this order. */
enum session_part {
    SESSION_HEAD = 'h',
    SESSION_RECEIVED = 'r',
    SESSION_SUBSCRIPTION = 's',
    SESSION_WILL = 'w',
};

struct session_entry {
    enum session_part part;
    uint32_t number;
    struct slice value;
};

/* ---- writing: one behind the other into <writes>, for journal_append ---- */

void session_put(struct buf *writes, const struct session_name *name,
                 const struct session_entry *entry);
void session_delete(struct buf *writes, const struct session_name *name, enum session_part part,
                    uint32_t number);

/* ---- reading; any thread ---- */

/* What is done with an entry; its value lives during the call. False stops. */
typedef bool (*session_visit_fn)(void *arg, const struct session_entry *entry);

/* All of a session, by part and number. It has a head, or nothing: who deletes the head deletes the
 * rest in the same write. ERR_CORRUPT is logged; ERR_IO also while the store could not be opened
 * again. */
MUST_USE struct err sessions_read(struct sessions *sessions, const struct session_name *name,
                                  session_visit_fn visit, void *arg);

/* Has it a head? */
MUST_USE struct err sessions_has(struct sessions *sessions, const struct session_name *name,
                                 bool *found);

/* What is done with the head of a session; <name> and <head> live during the call. False stops. */
typedef bool (*sessions_visit_fn)(void *arg, const struct session_name *name, struct slice head);

/* The heads of all sessions, from behind <after> on (NULL: from the first), in their order on disk:
 * by account, actor and client id. */
MUST_USE struct err sessions_each(struct sessions *sessions, const struct session_name *after,
                                  sessions_visit_fn visit, void *arg);

#endif
