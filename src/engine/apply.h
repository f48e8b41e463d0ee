/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.h - the engine's inside, shared by the files that apply commands, one file a family:
 *
 *      apply_points.c    samples: new ones, deleted ones
 *      apply_resource.c  documents: create, update, delete; the first start
 *      apply_key.c       device keys
 *      apply_session.c   client ids and subscriptions
 *
 * Each apply_ function either writes its events and answers, or refuses, or has the command wait
 * for a head. After it has answered, the command's memory may be gone. */
#ifndef THRUM_ENGINE_APPLY_H
#define THRUM_ENGINE_APPLY_H

#include "engine/engine.h"
#include "engine/head.h"
#include "model/perm.h"

/* An answer that waits for its group. */
struct due_answer {
    uint16_t loop;
    struct answer answer;
};

struct engine {
    const struct engine_port *port;
    struct engine_options options;
    struct heads heads;
    struct map sessions; /* struct session_claim, by account, actor and client id */
    struct group_writer writer;
    bool group_is_open;
    bool is_read_only;
    uint8_t qos;            /* of the command being applied */
    uint64_t last_sequence; /* of the last event written, committed or not */
    uint64_t committed_sequence;
    int64_t last_time_ms;
    uint32_t last_property;
    uint32_t last_account;
    struct due_answer *due;
    size_t due_count;
    size_t due_room;
    struct buf scratch;         /* a document on its way into an event */
    struct buf scratch_entries; /* points or cuts on their way into an event */
};

/* The group's writer, with a group begun; engine->writer.time_ms is the time of its events. */
struct group_writer *engine_group(struct engine *engine);

/* The sequence number of the event just written is <sequence>: the engine takes note. */
void engine_wrote(struct engine *engine, uint64_t sequence);

/* Notes the command's answer and lets go of the command. <event> is 0 for none. */
void engine_answer(struct engine *engine, struct command *command, struct err err, uint64_t event);
void engine_answer_created(struct engine *engine, struct command *command, uint64_t event,
                           const struct id *created);

/* Notes an answer to something that is not a command of now. */
void engine_answer_to(struct engine *engine, uint16_t loop, const struct answer *answer);

/* The head of the command's target, when it is in memory (with its document, if <want_document>).
 * NULL: it is being loaded and the command waits, or has been refused; the caller returns. */
struct head *engine_head(struct engine *engine, struct command *command, bool want_document);

/* Head and rights in one: refuses the command with what perm.h says, then with its own refusal.
 * NULL as for engine_head. */
struct head *engine_permitted_head(struct engine *engine, struct command *command,
                                   enum perm_subject subject, enum perm_operation operation,
                                   bool want_document);

/* The number of that property of the head, given out now if it is new (*is_new). 0: no memory. */
uint32_t engine_property_number(struct engine *engine, struct head *head, struct slice key,
                                bool *is_new);

void apply_points(struct engine *engine, struct command *command);
void apply_cut(struct engine *engine, struct command *command);

/* Writes the points as the next event; for apply_points and for the first values of a resource. */
struct err write_points(struct engine *engine, struct head *head,
                        const struct command_point *points, uint32_t count, uint8_t flags,
                        uint64_t *event);

/* Writes the end of all of the head's samples and properties. Nothing is written if it has none. */
void write_all_cut(struct engine *engine, struct head *head);

void apply_create(struct engine *engine, struct command *command);
void apply_update(struct engine *engine, struct command *command);
void apply_delete(struct engine *engine, struct command *command);
void apply_bootstrap(struct engine *engine, struct command *command);

void apply_key_create(struct engine *engine, struct command *command);
void apply_key_delete(struct engine *engine, struct command *command);

/* Writes the end of the head's device key, which it has. */
uint64_t write_key_deleted(struct engine *engine, struct head *head);

void apply_subscribe(struct engine *engine, struct command *command);
void apply_session_open(struct engine *engine, struct command *command);
void apply_session_closed(struct engine *engine, struct command *command);

/* Frees the claims on client ids; for engine_free. */
void sessions_deinit(struct engine *engine);

#endif
