/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - what comes in: decoded requests, in batches; and what goes back: answers.
 *
 * A loop collects the commands of one turn in a batch, one piece of memory, and hands it to the
 * engine through the command ring. Slices in a command lie in its batch. The engine frees a batch
 * when all its commands are answered. Each command gets exactly one answer, on the loop it names,
 * after the group of its events is on disk.
 *
 *      batch  [ command | payload | command | payload | ...            room ]
 */
#ifndef THRUM_ENGINE_COMMAND_H
#define THRUM_ENGINE_COMMAND_H

#include "base/err.h"
#include "base/list.h"
#include "base/slice.h"
#include "model/actor.h"
#include "model/event.h"
#include "model/topic.h"

enum command_kind {
    COMMAND_POINTS,       /* new samples of properties, or of the location */
    COMMAND_CUT,          /* delete samples of one property, of all, or of the location */
    COMMAND_CREATE,       /* create a resource, perhaps with first values */
    COMMAND_UPDATE,       /* merge a patch into a resource's document */
    COMMAND_DELETE,       /* delete a resource, with all that hangs on it */
    COMMAND_KEY_CREATE,   /* a device key for a thng */
    COMMAND_KEY_DELETE,   /* the device key of a thng */
    COMMAND_SUBSCRIBE,    /* may the actor subscribe, and from which sequence number on */
    COMMAND_SESSION_OPEN, /* claim a client id; ends another session that has it */
    COMMAND_SESSION_CLOSED,
    COMMAND_LOADED,    /* from a reader: a head that was asked for (engine/head.h) */
    COMMAND_BOOTSTRAP, /* first start: an account, its operator, the operator's key */
};

/* Whom an answer is for. The engine does not look into the rest. */
struct answer_token {
    uint32_t slot;
    uint32_t generation;
    uint64_t request;
};

/* One point of a COMMAND_POINTS or of the first values of a COMMAND_CREATE. */
struct command_point {
    struct slice key;   /* normalised; empty for the location */
    struct slice value; /* JSON text, or a location's members */
    int64_t timestamp_ms;
    bool client_stamped; /* false: timestamp_ms is the group's time */
};

struct command {
    struct command *next; /* in its batch, then in the queue of those who wait for a head */
    struct command_batch *batch;
    enum command_kind kind;
    uint16_t loop;
    bool wants_answer; /* false for the last words of a connection that is gone */
    bool wants_event;  /* the answer is composed from the command's event */
    uint8_t qos;       /* it was published with; 1 for all but MQTT's QoS 0 */
    struct answer_token token;
    struct actor actor;
    struct err refusal; /* what is wrong with the request, told only when the rights allow it */
    struct id target;   /* the resource; of COMMAND_CREATE none */
    union {
        struct {
            const struct command_point *at;
            uint32_t count;
            bool location;
        } points; /* POINTS */
        struct {
            struct slice key; /* one property, when not all and not the location */
            bool all;
            bool location;
            bool everything; /* no `to`: the history and the property itself */
            int64_t from_ms;
            int64_t to_ms; /* samples before it */
        } cut;
        struct {
            enum resource_kind kind;
            struct slice members; /* the checked document's members, as document.h writes them */
            struct slice scopes;  /* JSON object or empty */
            const struct command_point *points; /* first values; not announced */
            uint32_t point_count;
        } create;
        struct {
            enum resource_kind kind;
            struct slice patch;  /* members with their new values; null takes a member away */
            struct slice scopes; /* JSON object; empty: as they are */
        } update;
        struct {
            enum resource_kind kind;
        } remove;
        struct {
            uint8_t hash[KEY_HASH_BYTES];
            struct slice sealed;
        } key; /* KEY_CREATE */
        struct {
            enum topic_family family;
            struct slice name;
        } subscribe;
        struct {
            struct slice client_id;
        } session; /* SESSION_OPEN, SESSION_CLOSED */
        struct {
            struct head_load *load;
        } loaded;
        struct {
            struct slice account_members;
            struct slice operator_members;
            uint8_t key_hash[KEY_HASH_BYTES];
            struct slice key_sealed;
        } bootstrap;
    } as;
};

struct command_batch {
    struct command *first;
    struct command **last_next;
    uint32_t unanswered; /* the engine's count */
    uint32_t count;
    size_t bytes;
    size_t room;
    _Alignas(16) uint8_t memory[];
};

/* A batch with <room> bytes for commands and payload; NULL without memory. free() it when it is not
 * handed on. */
struct command_batch *command_batch_new(size_t room);

/* Memory of the batch, aligned for any type; NULL when the batch has no room left. */
void *command_batch_take(struct command_batch *batch, size_t bytes);

/* A zeroed command at the batch's end; NULL when there is no room. It belongs to the batch at once:
 * take all payload before, so that a batch without room is noticed first. */
struct command *command_batch_add(struct command_batch *batch, enum command_kind kind);

/* Copies bytes into the batch. True on success. */
MUST_USE bool command_batch_copy(struct command_batch *batch, struct slice bytes,
                                 struct slice *copy);

enum answer_kind {
    ANSWER_COMMAND,    /* the answer to a command */
    ANSWER_TAKEN_OVER, /* the session of this token must end: another has its client id */
};

struct answer {
    enum answer_kind kind;
    struct err err;
    bool wants_event;
    struct answer_token token;
    uint64_t after;    /* the answer stands behind this event: events up to it come first */
    uint64_t event;    /* the command's own (first) event; 0: none */
    struct id created; /* COMMAND_CREATE */
};

#endif
