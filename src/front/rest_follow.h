/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_follow.h - following a topic over HTTP: GET of its path, as a stream of server-sent events
 * (Accept: text/event-stream), or as a long poll (?wait=SECONDS) that is answered with the next
 * message.
 *
 *      begin --asks the engine--> answered --> stream: head, message, message, ... end
 *                                         \--> poll:   waits --message or time--> answer
 *
 * Both can go on behind a message that a client has had, by its number in the journal
 * (Last-Event-ID): then nothing in between is missed, as long as the journal is kept. */
#ifndef THRUM_FRONT_REST_FOLLOW_H
#define THRUM_FRONT_REST_FOLLOW_H

#include "front/rest.h"

/* Does the request ask for a stream or a poll? */
bool rest_follow_is_wanted(const struct http_request *request);

/* The handler of such a request. */
enum rest_step rest_follow_begin(struct http_request *request);

/* For the connection; each for a request whose <follow> is set. */
void rest_follow_answered(struct http_request *request, const struct answer *answer);
void rest_follow_drained(struct http_request *request);
void rest_follow_timer(struct http_request *request);
/* The rights of its key are others now. */
void rest_follow_rights(struct http_request *request, const struct actor *actor);
/* Its key was revoked, or the server stops: it is answered, or its stream ends. */
void rest_follow_end(struct http_request *request, struct err err);
/* True while a topic is followed. The connection is read then, so that it is seen when the client
 * goes; who ends its side has gone. */
bool rest_follow_is_open(const struct http_request *request);
/* What the client sends behind such a request; returns how much of it is used. */
size_t rest_follow_take_input(struct http_request *request, struct slice input);
/* The request is over, or its connection. */
void rest_follow_free(struct http_request *request);

#endif
