/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - from an API key to the actor it stands for.
 *
 * Each loop keeps the keys that were used on it lately, by their hash, and which connections act
 * with them. Events on the ring keep it true: a revoked key is forgotten, and its connections end,
 * as soon as the loop has come to the event; when what a key may has changed (its role, say), the
 * next request looks it up anew. What is not kept is looked up by a reader (actor_read.h). */
#ifndef THRUM_FRONT_AUTH_H
#define THRUM_FRONT_AUTH_H

#include "front/conn.h"

struct auth;

struct auth *auth_new(struct front *front); /* NULL without memory */
void auth_free(struct auth *auth);

enum auth_answer {
    AUTH_KNOWN,   /* *actor is filled */
    AUTH_REFUSED, /* no such key */
    AUTH_LATER,   /* proto->on_actor will be called with <request>, unless the conn closes before */
    AUTH_BUSY,    /* cannot be looked up now */
};

/* Looks up <key>, any bytes. Never logs it. */
enum auth_answer auth_resolve(struct front *front, struct conn *conn, struct slice key,
                              uint64_t request, struct actor *actor);

/* From now on the connection acts with this key, which must have been resolved just before: it ends
 * when the key is revoked. False when the key has been revoked in the meantime. */
bool auth_attach(struct front *front, struct conn *conn, struct slice key);
void auth_detach(struct conn *conn);

/* Counts the connection, which acts with a key now, among those of the key until auth_detach; false
 * when that has as many as it may (limits.connections_per_key). */
MUST_USE bool auth_count(struct conn *conn);

/* Does <actor>, which that key has been resolved to, still stand for it? Not when the key has been
 * revoked; nor, where that counts at once, when what it may has changed. */
bool auth_holds(struct front *front, struct slice key, const struct actor *actor);

/* What marks subscriptions made with <key> as a token on their topic (subs.h): they end when it is
 * revoked. Never 0. */
uint64_t auth_token_hash(struct front *front, struct slice key);

/* The same of the key that the connection acts with; 0: none. */
uint64_t auth_key_hash(const struct conn *conn);

/* Is the event one that ends keys, makes new ones, or changes what one may? Those of keys; of
 * users, operators and access tokens, of roles, policies and shares; and the deletion of a project
 * or an application, with which keys end. */
bool auth_is_concerned(const struct event *event);

/* On each loop, such an event. */
void auth_take_event(struct front *front, const struct event *event);

/* Once a turn: has the keys looked up again that open connections act with, when what they may has
 * changed and that is to count at once (limits.role_changes_at_once). */
void auth_refresh(struct front *front);

/* For proto->on_rights: the connection's subscriptions have the rights of <actor> from now on, and
 * those that it may not have end. False: it reaches other resources than before; the connection is
 * to end, so that its client subscribes anew. */
MUST_USE bool auth_take_rights(struct conn *conn, const struct actor *actor);

#endif
