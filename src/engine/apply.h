/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.h - the engine's inside, shared by the files that apply commands, one file a family:
 *
 *      find.c             the heads that commands need: found, loaded, waited for
 *      scopes.c           in which projects something is
 *      apply_points.c     samples: new ones, deleted ones; locations by place
 *      names.c            names that are unique and may change
 *      roles.c            who has which role, and what follows from it
 *      apply_resource.c   documents: what creating, updating and deleting share
 *      apply_account.c    accounts: a new one with its first operator
 *      apply_create.c     documents: create
 *      apply_update.c     documents: update
 *      apply_delete.c     documents: delete, with all that hangs on them
 *      apply_key.c        keys
 *      apply_action.c     actions; commissioning
 *      apply_members.c    who is in a collection
 *      apply_session.c    client ids
 *      apply_subscribe.c  subscriptions
 *      boundary.c         when those that replay are answered
 *      chore.c            work in slices: tasks that make thngs, notices of what was emptied
 *
 * Each apply_ function either writes its events and answers, or refuses, or has the command wait
 * for a head. After it has answered, the command's memory may be gone. */
#ifndef THRUM_ENGINE_APPLY_H
#define THRUM_ENGINE_APPLY_H

#include "engine/boundary.h"
#include "engine/chore.h"
#include "engine/engine.h"
#include "engine/head.h"
#include "engine/member_changes.h"
#include "model/document.h"
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
    struct link writing; /* struct command.writing: those that wait, and write of their session */
    struct command *closing; /* SESSION_CLOSED that wait for those */
    struct group_writer writer;
    bool group_is_open;
    bool is_read_only;
    uint8_t qos;            /* of the command being applied */
    uint64_t last_sequence; /* of the last event written, committed or not */
    uint64_t committed_sequence;
    int64_t last_time_ms;      /* of the last group begun, */
    int64_t committed_time_ms; /* and of the last that was committed */
    int64_t least_time_ms;     /* that the next group may have */
    struct boundary boundary;
    uint32_t last_property;
    uint32_t last_account;
    struct due_answer *due;
    size_t due_count;
    size_t due_room;
    struct buf scratch;         /* a document on its way into an event */
    struct buf scratch_entries; /* points or cuts on their way into an event */
    struct buf scratch_scopes;
    struct buf scratch_members;     /* of a document that is being composed */
    struct buf scratch_points;      /* points whose places have been looked up */
    struct buf scratch_value;       /* a location on its way into a point or an action */
    struct buf session_writes;      /* that go with the next commit; with them */
    uint64_t sessions_begun;        /* so many sessions begin to be kept, */
    uint64_t sessions_ended;        /* and so many are taken away */
    const struct head_load *loaded; /* while those who waited for it are applied */
    uint32_t loads_ahead;           /* under way */
    struct chores chores;
    struct member_changes member_changes;
    uint64_t last_action;     /* the event of the last action: they have no heads that would say */
    struct id last_action_id; /* the last one given out */
    uint64_t last_operator;   /* of the last change of an operator of any account */
};

/* Applies the command, for the first time or anew. */
void engine_apply(struct engine *engine, struct command *command);

/* A reader has loaded what was asked for: those who waited for it are applied anew. */
void apply_loaded(struct engine *engine, struct command *command);

/* Applies those who waited for heads that are held no longer, and trims documents. After each
 * command. */
void engine_settle(struct engine *engine);

/* The command is done with: what it held is free again, its batch goes with its last command. */
void engine_release(struct engine *engine, struct command *command);

/* True when the command's target is an action type that always exists. */
bool command_is_on_built_in(const struct command *command);

/* What documents of that kind are judged by, where the command does not say it: made, or one of
 * them changed or deleted by that actor. */
enum perm_subject document_creation_subject(enum resource_kind kind);
enum perm_subject document_subject(enum resource_kind kind, const struct actor *actor);

/* True when the scopes of such a document are what the body says, false when they follow from what
 * it is. <members> are looked at for the type of a role. */
bool document_takes_scopes(enum resource_kind kind, struct slice members);

/* The members of a stored document, without its braces. */
static inline struct slice document_members(struct slice document)
{
    return slice_of(document.at + 1, document.bytes - 2);
}

/* The value of a member of a checked body (document.h); of type JSON_NONE when there is none. */
struct json_value body_find(struct slice members, struct slice name);

/* Appends the members of a checked body without those of these names. */
void body_put_without(struct buf *out, struct slice members, const struct slice *names,
                      size_t count);

/* An access policy that each account has (contract: auth.md 2.5). */
bool document_is_managed(const struct head *head);

/* The group's writer, with a group begun; engine->writer.time_ms is the time of its events. */
struct group_writer *engine_group(struct engine *engine);

/* The sequence number of the event just written is <sequence>: the engine takes note. */
void engine_wrote(struct engine *engine, uint64_t sequence);

/* Notes the command's answer and lets go of the command. <event> is 0 for none. */
void engine_answer(struct engine *engine, struct command *command, struct err err, uint64_t event);
void engine_answer_created(struct engine *engine, struct command *command, uint64_t event,
                           const struct id *created);

/* To a COMMAND_SUBSCRIBE that replays: the history up to there, and the events from here on. */
void engine_answer_boundary(struct engine *engine, struct command *command, int64_t boundary_ms);

/* Lets go of a command that waits, unanswered: the engine ends. */
void command_forget(struct command *command);

/* Notes an answer to something that is not a command of now. */
void engine_answer_to(struct engine *engine, uint16_t loop, const struct answer *answer);

enum head_found {
    HEAD_SEEN,   /* *head is there, in memory, and visible to the actor */
    HEAD_UNSEEN, /* no such resource of that kind, or not visible */
    HEAD_LATER,  /* it is being loaded and the command waits, or has been refused: return. A command
                    that waited is applied anew, from its beginning */
};

/* The head of <id>, a <kind> (with its document, if <want_document>), judged by perm_sees for the
 * command's actor; and, when <project> is set (or not NULL), it must be visible in that project
 * too. A command may look for any number of heads before it writes its first event; pointers stay
 * good until the command writes a resource that is new.
 *
 * Commands with the same target are applied in the order in which they came, if each looks for its
 * target before it looks for anything else (head.h). Nothing is promised of other heads that it
 * looks for: they are taken as they are at the moment. */
enum head_found engine_find(struct engine *engine, struct command *command, enum resource_kind kind,
                            const struct id *id, const struct id *project, bool want_document,
                            struct head **head);

/* The same without judging: whosever it is, of any kind, present or absent. NULL: HEAD_LATER. */
struct head *engine_await(struct engine *engine, struct command *command, const struct id *id,
                          bool want_document);

/* May the command, which has no target, be applied before others of its client? False: it waits. Of
 * actions on nothing in particular those of one client keep their order. */
bool engine_is_its_turn(struct engine *engine, struct command *command);

/* Must <want_document> be set for head_learn_gist to be good with that head when it is found? */
bool engine_wants_gist(struct engine *engine, const struct id *id);

/* For a command that looks for many heads: before it looks for the first, it says which they are.
 * So readers load all that are missing side by side, and the command is not applied anew for each
 * of them. Starts as all zero. */
struct ahead {
    uint32_t count;    /* loads that were started */
    struct head *last; /* the last head that is being loaded; NULL: none is */
};

/* The command will look for that head, perhaps for its gist. False: say no more now. */
bool engine_load_ahead(struct engine *engine, const struct id *id, bool wants_gist,
                       struct ahead *ahead);

/* Has the command wait for the last of them, and answers true: return. False: all are here, or can
 * be loaded by engine_find alone. */
bool engine_wait_ahead(struct engine *engine, struct command *command, const struct ahead *ahead);

/* Is the head, which is in memory, one of a <kind> that the actor sees? */
bool engine_sees(const struct actor *actor, enum resource_kind kind, const struct head *head);

/* True when it was found. When not, and it is not for later, the command is refused with <err>. */
bool engine_has_found(struct engine *engine, struct command *command, enum head_found found,
                      struct err err);

/* HEAD_SEEN when command->project is not set, or exists and is the actor's to name. */
enum head_found engine_find_project(struct engine *engine, struct command *command);

/* HEAD_SEEN when that project exists in the actor's account, whoever may name it. */
enum head_found engine_find_any_project(struct engine *engine, struct command *command,
                                        const struct id *project);

/* HEAD_SEEN when actions of that type can be recorded: it is built in, or there, and seen. */
enum head_found engine_find_action_type(struct engine *engine, struct command *command,
                                        struct slice type);

/* May the actor do that to what has this head, which is in memory? (perm_judge) */
MUST_USE struct err engine_judge(const struct actor *actor, enum perm_subject subject,
                                 enum perm_operation operation, const struct head *head);

/* The head of the command's target with all that must be judged before the body is: right, that the
 * target is a command->target_kind, is seen (in command->project, if set) and lies where the path
 * says, that the right reaches it, then the command's own refusal. What the command itself says of
 * subject and operation comes before the arguments. NULL: it waits or has been refused; return. */
struct head *engine_permitted_head(struct engine *engine, struct command *command,
                                   enum perm_subject subject, enum perm_operation operation,
                                   bool want_document);

/* The same for what has no target but the account: right, project, refusal. False: return. */
bool engine_is_permitted(struct engine *engine, struct command *command, enum perm_subject subject,
                         enum perm_operation operation);

/* Has a reader load what <load> asks for (load->members.asker is the command) and the command wait
 * for it in the head's queue. Read is what the documents show of load->after, and of the head's own
 * last change. When the command is applied again, engine_loaded gives that load (or NULL, when
 * something else came in between: ask again). Refuses the command when that cannot be had. Takes
 * the load. */
void engine_load_members(struct engine *engine, struct head *head, struct command *command,
                         struct head_load *load);

/* The load that the command asked for, when it is being applied again because of it; else NULL. */
const struct head_load *engine_loaded(const struct engine *engine, const struct command *command);

/* The highest event among the last changes of heads that were let go: what a reader read up to an
 * earlier event may not know of them. */
uint64_t engine_forgotten(const struct engine *engine);

/* HEAD_SEEN when the project that what the command makes is put into (the one that it names, else
 * the actor's own) exists and is the actor's to name, or when there is none. */
enum head_found engine_find_own_project(struct engine *engine, struct command *command);

/* The scopes of what the command makes: <wanted>, with that project put into them; in *scopes,
 * which may lie in engine->scratch_scopes. ERR_NO_MEMORY. */
MUST_USE struct err engine_compose_scopes(struct engine *engine, const struct command *command,
                                          struct slice wanted, struct slice *scopes);

/* For a COMMAND_CREATE: both, and whether the actor may make its document with these scopes, and in
 * its parent, which has been found. HEAD_UNSEEN: no such project. */
enum head_found engine_new_scopes(struct engine *engine, struct command *command,
                                  struct slice wanted, struct slice *scopes);

/* What writing a document makes of its scopes: <wanted>, or <stored> when that is empty, without
 * projects that no longer exist; in *scopes, which may lie in engine->scratch_scopes. HEAD_UNSEEN:
 * <wanted> names a project that does not exist (or is not the actor's to name), and that was not in
 * <stored>. */
enum head_found engine_check_scopes(struct engine *engine, struct command *command,
                                    struct slice stored, struct slice wanted, struct slice *scopes);

/* HEAD_UNSEEN when one of the references does not exist or is not seen. */
enum head_found engine_find_references(struct engine *engine, struct command *command,
                                       const struct document_reference *references, uint32_t count);

/* Has readers load all that the references name, side by side, when they are many. False: the
 * command waits for them. */
bool engine_load_references(struct engine *engine, struct command *command,
                            const struct document_reference *references, uint32_t count);

/* Puts the place's coordinates before <members> (location.h), if these have none of their own, in
 * engine->scratch_value behind what is there; *value is what came of it, valid until that buffer
 * grows. */
enum head_found engine_place_location(struct engine *engine, struct command *command,
                                      const struct id *place, struct slice members,
                                      struct slice *value);

/* A head for a resource that is new: <id> is an id_generate that nobody has, or an id_of_name whose
 * head is absent. NULL without memory. */
struct head *engine_add_head(struct engine *engine, uint32_t account, enum resource_kind kind,
                             const struct id *id);

/* Writes the document in engine->scratch as the head's next state, with those scopes, and keeps it
 * in the head. A thng's or a collection's update tells which collections it is in: call
 * memberships_find before. Returns the event. */
uint64_t write_document(struct engine *engine, struct head *head, enum event_operation operation,
                        struct slice scopes);

/* Writes that the head's document is gone, and nothing of what hangs on it. Returns the event. */
uint64_t write_document_deleted(struct engine *engine, struct head *head);

/* The number of that property of the head, given out now if it is new (*is_new). 0: no memory. */
uint32_t engine_property_number(struct engine *engine, struct head *head, struct slice key,
                                bool *is_new);

/* The points with the coordinates of the places that some of them name: <points> itself when none
 * does, else a copy that lives until the next call. HEAD_UNSEEN: an unknown place. */
enum head_found engine_place_points(struct engine *engine, struct command *command,
                                    const struct command_point **points, uint32_t count);

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
void apply_account(struct engine *engine, struct command *command);

void apply_actions(struct engine *engine, struct command *command);
void apply_commission(struct engine *engine, struct command *command);

void apply_members(struct engine *engine, struct command *command);
void apply_message(struct engine *engine, struct command *command);

/* One EVENT_MEMBERS. */
struct members_event {
    uint32_t account;
    enum member_change change;
    uint8_t flags; /* MEMBERS_ALL */
    struct id collection;
    struct slice scopes; /* the collection's */
    enum resource_kind member_kind;
    const struct id *ids;
    uint32_t count; /* MEMBERS_PER_EVENT_MAX at most */
};

/* Writes the event, which the next load of members waits for (member_changes.h). Returns it. */
uint64_t write_members(struct engine *engine, const struct members_event *of);

/* The last event after which the head may be in other collections than before. */
uint64_t memberships_last(const struct engine *engine, const struct head *head);
/* Thngs and collections can be in collections, others cannot. */
bool memberships_concern(const struct head *head);
/* A load of the collections that the head is in, for engine_load_members; NULL without memory. */
struct head_load *memberships_load(struct engine *engine, const struct head *head,
                                   const struct command *command);
/* Is what was loaded still so? False: load again. */
bool memberships_is_current(const struct engine *engine, const struct head *head,
                            const struct head_load *load);
/* Finds out which collections the head is in, whose document is kept, and keeps that with the
 * document. False: later, or refused. */
bool memberships_find(struct engine *engine, struct command *command, struct head *head);

/* For apply_delete, of a thng or a collection: a load with its member_load filled in, for
 * engine_load_members; NULL without memory. */
struct head_load *members_gone_load(struct engine *engine, struct head *head,
                                    const struct command *command);
/* Writes that the resource leaves the collections it is in and, of a collection, that it is
 * emptied. */
void write_members_gone(struct engine *engine, struct head *head, const struct head_load *load);

void apply_key_create(struct engine *engine, struct command *command);
void apply_key_delete(struct engine *engine, struct command *command);

/* Writes a new key of the head; and the end of all that it has. Return the last event. */
uint64_t write_key_created(struct engine *engine, struct head *head, const struct command_key *key);
uint64_t write_keys_deleted(struct engine *engine, struct head *head);

void apply_subscribe(struct engine *engine, struct command *command);
void apply_session_open(struct engine *engine, struct command *command);
void apply_session_closed(struct engine *engine, struct command *command);
void apply_session_write(struct engine *engine, struct command *command);
void apply_session_expire(struct engine *engine, struct command *command);

/* A command that writes of its session, and has waited, is done with. */
void sessions_go_on(struct engine *engine);

/* Frees the claims on client ids; for engine_free. */
void sessions_deinit(struct engine *engine);

#endif
