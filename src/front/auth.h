/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - from an API key to the actor it stands for.
 *
 * Each loop keeps the keys that were used on it lately, by their hash, and which connections act
 * with them. Key events on the ring keep it true: a revoked key is forgotten, and its connections
 * end, as soon as the loop has come to the event. What is not kept is looked up by a reader. */
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

/* What marks subscriptions made with <key> as a token on their topic (subs.h): they end when it is
 * revoked. Never 0. */
uint64_t auth_token_hash(struct front *front, struct slice key);

/* On each loop, the events of a group that end keys or make new ones: those of keys, and the
 * deletion of a project or an application, with which their keys end. */
void auth_take_event(struct front *front, const struct event *event);

#endif
