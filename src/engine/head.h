/* SPDX-License-Identifier: Apache-2.0
 *
 * head.h - what the engine knows of a resource: enough to decide, in memory.
 *
 * The table holds a head for each resource that commands have named lately. A head that is missing
 * is loaded by a reader; meanwhile the commands that need it wait in its queue, in order. A head
 * that has changes which the documents do not show yet is never let go, so what a reader loads can
 * be trusted: either nothing has changed since, or the head is still here and the load is ignored.
 *
 *              find, missing             loaded
 *      (none) ---------------> LOADING ----------> PRESENT or ABSENT --evict--> (none)
 *                                                      |     ^
 *                                               delete +-----+ create
 *
 * Owned by the engine's thread. */
#ifndef THRUM_ENGINE_HEAD_H
#define THRUM_ENGINE_HEAD_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "engine/command.h"

enum head_state { HEAD_LOADING, HEAD_PRESENT, HEAD_ABSENT };

struct head_property {
    uint32_t hash; /* of the key: most comparisons end here */
    uint32_t number;
    uint8_t *key; /* owned */
    uint32_t key_bytes;
};

struct head {
    struct link clock; /* in heads.clock */
    struct id id;
    enum head_state state;
    enum resource_kind kind;
    uint32_t account;
    bool referenced; /* looked at since the eviction's hand came by */
    bool has_document;
    bool has_key;
    uint8_t key_hash[KEY_HASH_BYTES]; /* of its device key, when has_key */
    uint64_t changed; /* the last event that changed what the documents show of it */
    uint32_t property_count;
    uint32_t property_room;
    struct head_property *properties; /* those alive; the location under its empty key */
    struct buf document;              /* when has_document */
    struct buf scopes;                /* when has_document */
    const struct head_load *loading;  /* what it waits for; not looked into */
    struct command *waiting;          /* commands that need what is being loaded, in order */
    struct command **waiting_last;
};

/* What a reader is asked for and answers. It lies in a command batch of its own, whose one command
 * (COMMAND_LOADED) brings it back through the command ring. */
struct head_load {
    struct command_batch *batch;
    struct id id;
    uint64_t after;     /* read only when the documents show this event */
    bool want_document; /* the text and scopes too */
    /* the answer: */
    struct err err; /* ERR_OK, also when there is no such resource; else reading failed */
    bool found;
    enum resource_kind kind;
    uint32_t account;
    bool has_key;
    uint8_t key_hash[KEY_HASH_BYTES];
    struct buf document;
    struct buf scopes;
    struct buf properties; /* each: number (u32 big-endian), varint key bytes, key */
};

/* Documents are kept with heads that were lately created or updated, up to this sum; beyond it they
 * are loaded anew for each update. */
#define HEADS_DOCUMENT_BYTES_MAX ((size_t)64 << 20)

struct heads {
    struct map map;
    uint64_t seed;
    size_t count_max;
    size_t document_bytes;
    struct link clock; /* all heads, in the order in which the eviction comes by */
};

void heads_init(struct heads *heads, uint64_t seed, size_t count_max);
/* Frees all heads. None may have commands waiting. */
void heads_deinit(struct heads *heads);

/* The head of <id>, or NULL. */
struct head *heads_find(struct heads *heads, const struct id *id);

/* Adds an empty head in state HEAD_LOADING; lets go of an old one when the table is full and one
 * may go (its changes lie at or before <documents_mark>). NULL without memory. */
struct head *heads_add(struct heads *heads, const struct id *id, uint64_t documents_mark);

/* Forgets the head and frees it; nothing may wait for it. */
void heads_remove(struct heads *heads, struct head *head);

/* Fills a loading head from what a reader found. ERR_NO_MEMORY. */
MUST_USE struct err head_fill(struct heads *heads, struct head *head, const struct head_load *load);

/* Keeps copies of document and scopes with the head. ERR_NO_MEMORY leaves the head without. */
MUST_USE struct err head_keep_document(struct heads *heads, struct head *head,
                                       struct slice document, struct slice scopes);
void head_drop_document(struct heads *heads, struct head *head);

/* Lets the document go when the heads keep more than HEADS_DOCUMENT_BYTES_MAX of them. */
void head_trim_document(struct heads *heads, struct head *head);

/* Puts a command at the end of those that wait. */
void head_wait(struct head *head, struct command *command);

/* The property with that key, or NULL. <seed> is the table's. */
struct head_property *head_property_find(const struct head *head, struct slice key, uint64_t seed);

/* Adds a property, whose key must be new. ERR_NO_MEMORY. */
MUST_USE struct err head_property_add(struct head *head, struct slice key, uint32_t number,
                                      uint64_t seed);
void head_property_remove(struct head *head, struct head_property *property);

/* A load request for <id>; NULL without memory. head_load_deinit frees what it gathered, the batch
 * goes with its command. */
struct head_load *head_load_new(const struct id *id);
void head_load_deinit(struct head_load *load);

/* On a reader thread: fills the load from the documents, which show load->after. (head_load.c) */
struct documents_reader;
void head_load_read(struct head_load *load, struct documents_reader *documents);

#endif
