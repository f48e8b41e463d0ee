/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_inside.h - what the files of publish.h share:
 *
 *      publish.c           may the key? which family?
 *      publish_points.c    properties, locations
 *      publish_actions.c   actions
 *      publish_members.c   ids of thngs
 *      publish_document.c  documents (publish_document.h) */
#ifndef THRUM_FRONT_PUBLISH_INSIDE_H
#define THRUM_FRONT_PUBLISH_INSIDE_H

#include "codec/json.h"
#include "front/publish.h"

/* Each PUBLISH_SENT or PUBLISH_NO_ROOM: what is wrong with the payload is the command's refusal. */
enum publish_sent publish_points(struct conn *conn, const struct publish *publish);
enum publish_sent publish_actions(struct conn *conn, const struct publish *publish);

/* The payload as JSON; ERR_BODY_MISSING, or what json_scan says. */
MUST_USE struct err publish_scan(const struct front *front, struct slice payload,
                                 struct json_value *body);

/* A batch with room for a command and <bytes> of payload; NULL: no room. */
struct command_batch *publish_batch(struct front *front, bool is_last_words, size_t bytes);

/* The command of a publish. */
struct command *publish_command(struct conn *conn, const struct publish *publish,
                                struct command_batch *batch, enum command_kind kind,
                                struct err refusal);

/* Bytes that were read where a client sent them, and their copy in a batch. */
struct publish_move {
    struct slice from;
    struct slice to;
};

/* Makes the copies; the batch's room was asked for. */
void publish_copy(struct command_batch *batch, struct publish_move *moves, size_t count);

/* The slice as part of the copy of what it was part of. */
struct slice publish_moved(struct slice s, const struct publish_move *moves, size_t count);

#endif
