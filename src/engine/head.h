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
 * The queue also keeps commands on one target in order. A command may need other heads than its
 * target's (a product that it names); while it waits for one of those it holds its target: later
 * commands on that target wait in the target's queue, until the holder has been answered. A head
 * that is only named, not the target, is never waited for because it is held, so no two commands
 * can wait for each other. Actions on nothing in particular have no target: there a head is held
 * that stands for their client, and for no resource.
 *
 *      queue of A:  [ update B, naming A ]          A is being loaded
 *      queue of B:  [ points of B ] [ delete B ]    B is held by the update
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

struct head_properties {
    uint32_t count;
    uint32_t room;
    struct head_property at[];
};

/* An application has two, others one or none. */
#define HEAD_KEYS_MAX 2

struct head_key {
    enum key_kind kind;
    uint8_t hash[KEY_HASH_BYTES];
};

struct head_text {
    size_t bytes;
    uint8_t at[];
};

/* The collections that a resource is in. */
struct head_collections {
    uint64_t read; /* the documents showed all events up to this one */
    uint32_t count;
    struct id at[];
};

struct head_document {
    struct link link; /* in heads.documents */
    struct head *head;
    struct head_collections *collections; /* NULL: not known */
    size_t bytes;
    uint8_t text[];
};

/* There are millions of heads: what a property update reads comes first, within a cache line, and
 * what few heads have is made when they get it. */
struct head {
    struct link clock; /* in heads.clock */
    struct id id;
    uint32_t account;
    uint8_t state;          /* enum head_state */
    uint8_t kind;           /* enum resource_kind */
    bool referenced : 1;    /* looked at since the eviction's hand came by */
    bool is_ready : 1;      /* in heads.ready_first.. */
    bool knows_gist : 1;    /* of a thng or a place: <gist> is that of its document */
    bool may_be_member : 1; /* of a collection; else it is in none */
    uint8_t key_count;
    uint64_t changed; /* the last event that changed what the documents show of it */
    struct head_properties *properties; /* those alive; the location under its empty key */

    const struct command *held_by; /* its target is this head, and it waits in another's queue */
    struct command *last_waiting;  /* of those who wait for either, in a ring: next is the first */
    struct head_text *scopes;      /* always, in a head that is present; NULL: none */
    const struct head_load *loading; /* what is under way for it; not looked into. NULL: nothing */
    struct head *next_ready;
    struct head_document *document; /* NULL: not kept */
    struct head_key *keys;          /* at most one of each kind */
    /* What commands on others ask of it: the id of a thng's product, an application's project, a
     * task's batch, a user's application, of a name who has it; the coordinates of a place, as
     * location_put_place writes them. NULL: none. It is kept when the document is not, so that a
     * command can name any number of them. */
    struct head_text *gist;
};

/* Who is a member of what is kept in the documents alone. Commands that change it wait until they
 * are read, for the state after the last such change to the collection; results live while the
 * command that asked is applied again. */
struct member_load {
    const struct command *asker; /* NULL: nothing of the kind is wanted. Not looked into */
    struct actor actor;          /* only what it sees counts. The engine sets it */
    /* Of the load's resource, a collection: the states of these (of a COMMAND_MEMBERS), */
    enum resource_kind kind;
    const struct id *ids; /* the engine has the load keep a copy: the command may go before it */
    uint32_t id_count;
    struct buf ids_copy;
    struct buf states; /* enum member_state, one byte each */
    bool makes_cycle;  /* one of <ids>, collections, is the collection itself or above it */
    /* or, without <ids>, its first members of that kind, at most <listed_max>; */
    uint32_t listed_max;
    bool wants_gone;     /* of those that a MEMBERS_ALL has taken out, too (documents_members) */
    struct buf listed;   /* struct id each */
    bool wants_children; /* and beside thngs its first child collections, as many; */
    struct buf children; /* struct id each */
    /* and always the collections that the resource is in, at most COLLECTIONS_SHOWN_MAX. */
    struct buf collections;       /* struct id each, */
    struct buf collection_scopes; /* and their scopes, each behind its length as a varint */
};

/* What a command can ask about more documents than its target's, instead of about members. The
 * asker is said in the load's <members>, and the answer lives as long as theirs. */
enum head_question {
    QUESTION_NONE,
    QUESTION_ROLE_IS_USED,        /* is the load's resource, a role, that of a user? */
    QUESTION_OTHER_ADMINISTRATOR, /* has the account one that is not the load's resource? */
};

/* What a reader is asked for and answers. It lies in a command batch of its own, whose one command
 * (COMMAND_LOADED) brings it back through the command ring. */
struct head_load {
    struct command_batch *batch;
    struct id id;
    uint64_t after;     /* read only when the documents show this event */
    bool want_document; /* the text too */
    bool is_ahead;      /* nobody waits for it yet */
    enum head_question question;
    struct member_load members;
    /* the answer: */
    struct err err; /* ERR_OK, also when there is no such resource; else reading failed */
    uint64_t read;  /* the documents showed all events up to this one */
    bool found;
    bool may_be_member; /* of a collection: it was one once */
    enum resource_kind kind;
    uint32_t account;
    struct id parent; /* what the head's gist becomes, where that does not come from a document */
    uint8_t key_count;
    struct head_key keys[HEAD_KEYS_MAX];
    struct buf document;
    struct buf scopes;
    struct buf properties; /* each: number (u32 big-endian), varint key bytes, key */
    bool is_so;            /* what <question> asks */
};

/* Documents are kept with heads that were lately created, updated or loaded, up to this sum; beyond
 * it the oldest go, and are loaded anew when they are needed. */
#define HEADS_DOCUMENT_BYTES_MAX ((size_t)64 << 20)

struct heads {
    struct map map;
    uint64_t seed;
    size_t count_max;
    size_t document_bytes;
    uint64_t forgotten;       /* the highest `changed` of heads that were let go */
    uint64_t waits;           /* how often a command has begun to wait */
    struct link clock;        /* all heads, in the order in which the eviction comes by */
    struct link documents;    /* struct head_document, in the order in which heads got them */
    struct head *ready_first; /* heads that are held no longer: who waits for them can go on */
    struct head *ready_last;
};

void heads_init(struct heads *heads, uint64_t seed, size_t count_max);
/* Frees all heads. None may have commands waiting. */
void heads_deinit(struct heads *heads);

/* The head of <id>, or NULL. */
struct head *heads_find(struct heads *heads, const struct id *id);

/* Adds an empty head in state HEAD_LOADING; lets go of an old one when the table is full and one
 * may go (its changes lie at or before <documents_mark>). NULL without memory. */
struct head *heads_add(struct heads *heads, const struct id *id, uint64_t documents_mark);

/* True when nobody waits for the head, and nothing is under way for it. */
bool head_is_idle(const struct head *head);

/* Forgets the head and frees it; it is idle. */
void heads_remove(struct heads *heads, struct head *head);

/* Fills a loading head from what a reader found. ERR_NO_MEMORY. */
MUST_USE struct err head_fill(struct heads *heads, struct head *head, const struct head_load *load);

/* Keeps a copy of the document with the head. ERR_NO_MEMORY leaves the head without. */
MUST_USE struct err head_keep_document(struct heads *heads, struct head *head,
                                       struct slice document);
void head_drop_document(struct heads *heads, struct head *head);

/* Keeps with the document, which must be kept, which collections the head is in, as was read from
 * documents that showed all events up to <read>. ERR_NO_MEMORY. */
MUST_USE struct err head_keep_collections(struct heads *heads, struct head *head, uint64_t read,
                                          struct slice ids);
/* The head is in others now; nothing when they are not kept. */
void head_forget_collections(struct heads *heads, struct head *head);

/* The document, which must be kept. */
static inline struct slice head_document(const struct head *head)
{
    return slice_of(head->document->text, head->document->bytes);
}

/* Lets go of the oldest documents while the heads keep more than HEADS_DOCUMENT_BYTES_MAX of them.
 * Between commands only: they work with the documents that they have found. */
void heads_trim_documents(struct heads *heads);

/* Keeps a copy of the scopes with the head. ERR_NO_MEMORY leaves it as it was. */
MUST_USE struct err head_keep_scopes(struct head *head, struct slice scopes);

static inline struct slice head_scopes(const struct head *head)
{
    return head->scopes == NULL ? (struct slice){0}
                                : slice_of(head->scopes->at, head->scopes->bytes);
}

/* False when the gist is known, or comes from no document. */
bool head_wants_gist(const struct head *head);
/* Takes the gist from the document, if it is wanted; the document must then be kept. ERR_NO_MEMORY.
 */
MUST_USE struct err head_learn_gist(struct head *head);
/* The resource lies in that one (not set: in none). ERR_NO_MEMORY. */
MUST_USE struct err head_keep_parent(struct head *head, const struct id *parent);
/* The document has changed: the gist is not that of it any more. Nothing for other kinds than thngs
 * and places. */
void head_forget_gist(struct head *head);

static inline struct slice head_gist(const struct head *head)
{
    return head->gist == NULL ? (struct slice){0} : slice_of(head->gist->at, head->gist->bytes);
}

/* The gist of what is no place: an id, or one that is not set. */
struct id head_gist_id(const struct head *head);

/* Puts a command at the end of those that wait. */
void head_wait(struct heads *heads, struct head *head, struct command *command);
/* Takes all who wait out of the queue: the first, whose next is the second. NULL: nobody waits. */
struct command *head_take_waiting(struct head *head);

/* The head is held no longer: puts it at the end of those that are ready, once. */
void heads_push_ready(struct heads *heads, struct head *head);
/* Takes the first of them; NULL: there is none. */
struct head *heads_pop_ready(struct heads *heads);

/* Adds a key, of a kind that the head has none of. ERR_NO_MEMORY. */
MUST_USE struct err head_key_add(struct head *head, const struct head_key *key);
/* Its key of that kind, or NULL; until keys are added or removed. */
const struct head_key *head_key_find(const struct head *head, enum key_kind kind);
/* Nothing when there is none of that kind. */
void head_key_remove(struct head *head, enum key_kind kind);
void head_keys_remove(struct head *head);

static inline uint32_t head_property_count(const struct head *head)
{
    return head->properties == NULL ? 0 : head->properties->count;
}

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
