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

struct head;

enum command_kind {
    COMMAND_POINTS,       /* new samples of properties, or of the location */
    COMMAND_CUT,          /* delete samples of one property, of all, or of the location */
    COMMAND_CREATE,       /* create a resource, perhaps with first values, perhaps with keys */
    COMMAND_UPDATE,       /* merge a patch into a resource's document */
    COMMAND_DELETE,       /* delete a resource, with all that hangs on it */
    COMMAND_KEY_CREATE,   /* a key for a resource that has none of that kind, or a new one */
    COMMAND_KEY_DELETE,   /* the key of that kind */
    COMMAND_ACTIONS,      /* record actions, all or none */
    COMMAND_MEMBERS,      /* put resources into a collection, take them out, empty it */
    COMMAND_COMMISSION,   /* commission or decommission a thng */
    COMMAND_MESSAGE,      /* publish to a plain topic */
    COMMAND_CHORE,        /* the engine's own: a slice of a chore (engine/chore.h) */
    COMMAND_SUBSCRIBE,    /* may the actor subscribe, and from which sequence number on */
    COMMAND_SESSION_OPEN, /* claim a client id; ends another session that has it */
    COMMAND_SESSION_CLOSED,
    COMMAND_SESSION_WRITE,  /* nothing but its session_writes */
    COMMAND_SESSION_EXPIRE, /* the same, unless somebody has the client id */
    COMMAND_LOADED,         /* from a reader: a head that was asked for (engine/head.h) */
    COMMAND_ACCOUNT,        /* a new account, its first operator, the operator's key, a policy */
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
    struct id place;     /* that a location names: it must exist, and when the value has no
                            coordinates the engine puts the place's before it. Else not set */
};

/* A key that is issued. It never comes here itself, only its hash and its sealed form. */
struct command_key {
    enum key_kind kind;
    uint8_t hash[KEY_HASH_BYTES];
    struct slice sealed;
};

/* One action of a COMMAND_ACTIONS, all slices in the batch. */
struct command_action {
    struct slice type;
    struct slice members;
    int64_t timestamp_ms; /* or TIMESTAMP_NONE */
    struct id thng;       /* not set: none */
    struct id product;
    struct id collection;
    struct slice location; /* members as location.h writes them; empty: none */
    struct id place;       /* that <location> names, as for points; not set: none */
    struct slice location_source;
};

struct command {
    struct command *next; /* in its batch, then in the queue of those who wait for a head */
    struct command_batch *batch;
    enum command_kind kind;
    uint16_t loop;
    bool wants_answer; /* false for the last words of a connection that is gone */
    bool wants_event;  /* the answer is composed from the command's event */
    uint8_t qos; /* it was published with; 1 for all but MQTT's QoS 0, and 2 on plain topics */
    struct answer_token token;
    struct actor actor;
    /* Written of its session (store/sessions.h) when it is accepted, in one with its events. */
    struct slice session_writes;
    bool begins_session;    /* with them a session begins to be kept, */
    bool ends_session;      /* or is taken away: engine_port.sessions_gone */
    bool writes_if_refused; /* also when it is refused */
    struct link writing;    /* the engine's: with session_writes, while it waits for a head */
    struct err refusal;     /* what is wrong with the request, told only when the rights allow it */
    enum resource_kind target_kind; /* what it must be; of COMMAND_CREATE, what is made; 0: none */
    struct id target;  /* the resource; of COMMAND_ACTIONS the root; of COMMAND_CREATE none (the
                          engine sets it where a name makes the id) */
    struct id project; /* ?project=: the target must be visible in it, what is new is put into it */
    bool is_for_all_users; /* ?userScope=all: what a user makes is shown to all users */
    /* What it must be permitted, where that does not follow from kind and target_kind: validating
     * a user, logging it in, a role's permissions. PERM_ALL is not one: 0 means that it follows. */
    uint8_t subject;   /* enum perm_subject */
    uint8_t operation; /* enum perm_operation, or 0 */
    struct head *held; /* the engine's: its target, while it waits for something else (head.h) */
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
            struct slice members; /* the checked document's members, as document.h writes them */
            struct slice scopes;  /* JSON object or empty */
            struct slice name;    /* decoded; of kinds whose names are unique, else empty */
            struct id parent;     /* the application's project, the task's batch, the user's
                                     application; else not set */
            const struct document_reference *references;
            uint32_t reference_count;
            const struct command_point *points; /* first values; not announced */
            uint32_t point_count;
            const struct command_key *keys; /* issued with it */
            uint32_t key_count;
        } create;
        struct {
            struct slice patch;  /* members with their new values; null takes a member away */
            struct slice scopes; /* JSON object; empty: as they are */
            struct id parent;    /* an application must lie in that project, a user in that
                                    application; not set: any */
            const struct command_key *key; /* issued when the resource has none of that kind; NULL:
                                              none */
            const struct document_reference *references;
            uint32_t reference_count;
        } update;
        struct {
            /* As for update; of an action, the id_of_name of the type that it must be of. */
            struct id parent;
        } remove;
        struct {
            const struct command_action *at;
            uint32_t count;
            struct slice context; /* JSON object; empty: none */
        } actions;
        struct {
            enum member_change change;      /* MEMBERS_CLEARED empties */
            enum resource_kind member_kind; /* RESOURCE_THNG or RESOURCE_COLLECTION */
            const struct id *ids;
            uint32_t count;
        } members;
        struct {
            bool is_decommission;
            struct command_action action; /* product: the one that the thng gets */
            struct slice occurred_at;     /* as sent, ISO 8601, without quotes */
            struct slice context;
        } commission;
        struct {
            struct command_key key; /* KEY_DELETE: its kind alone */
            bool replaces;          /* one that is there ends; else that is ERR_CONFLICT */
            struct id parent;       /* as for update */
        } key;                      /* KEY_CREATE, KEY_DELETE */
        struct {
            enum topic_family family;
            struct slice name; /* the topic's: key, type, or task */
            /* A filter with wildcards: the families of which it selects topics, a bit each; then
             * neither family nor name. The target is the one resource they are of, if it says one.
             */
            uint32_t families;
            bool is_plain; /* of plain topics, perhaps beside the families */
            bool replays;  /* the answer is to tell answer.boundary_ms */
        } subscribe;
        struct {
            struct slice topic;
            struct slice payload;
            bool retain;
        } message;
        struct {
            struct slice client_id;
        } session; /* SESSION_OPEN, SESSION_CLOSED, SESSION_EXPIRE */
        struct {
            struct chore *chore; /* which outlives the command */
        } chore;
        struct {
            struct head_load *load;
        } loaded;
        struct {
            struct slice account_members;
            struct slice operator_members;
            uint8_t key_hash[KEY_HASH_BYTES];
            struct slice key_sealed;
        } account;
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
    uint64_t after; /* the answer stands behind this event: events up to it come first */
    uint64_t event; /* the command's own (first) event; 0: none */
    /* COMMAND_SUBSCRIBE that replays: the events up to <after> have this time or an earlier one,
     * all that follow have a later one. So samples say by their createdAt on which side they are.
     */
    int64_t boundary_ms;
    struct id created; /* COMMAND_CREATE; of COMMAND_ACTIONS and COMMAND_COMMISSION the first
                          action; of a refusal the target, if there is one */
};

#endif
