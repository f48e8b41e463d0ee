/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in a collection: thngs and child collections put in, taken out, all taken out.
 *
 * Only the documents know the members, so each change waits until a reader has read what it needs
 * from documents that show all earlier changes (member_changes.h). Changes of one collection come
 * one after the other, in the queue of its head; what else can change meanwhile is looked at when
 * the load is here, and the reader is asked again if it matters:
 *
 *      a member is deleted      it leaves its collections: an event, so member_changes knows
 *      who is put in is deleted its head is in memory, or has been forgotten since the read
 *      a cycle is closed        by an event that puts a collection into another */
#include "engine/apply.h"

#include "base/assert.h"
#include "store/documents.h"

/* One more than an event lists: so it is seen whether that is all. */
#define LISTED_MAX (MEMBERS_PER_EVENT_MAX + 1)

/* ---- events ---- */

static void note(struct engine *engine, const struct id *id, uint64_t event)
{
    uint64_t mark = engine->port->documents_mark(engine->port->owner);
    member_changes_note(&engine->member_changes, id, event, mark);
}

/* What was known of the collections that it is in is known no longer. */
static void note_member(struct engine *engine, const struct id *id)
{
    struct head *head = heads_find(&engine->heads, id);
    if (head != NULL) {
        head->may_be_member = true;
        head_forget_collections(&engine->heads, head);
    }
}

uint64_t write_members(struct engine *engine, const struct members_event *of)
{
    ASSERT(of->count <= MEMBERS_PER_EVENT_MAX);
    uint64_t event =
        group_write_members(engine_group(engine), of->account, of->change, of->flags,
                            &of->collection, of->scopes, of->member_kind, of->ids, of->count);
    engine_wrote(engine, event);
    note(engine, &of->collection, event);
    for (uint32_t i = 0; i < of->count; i++) {
        note(engine, &of->ids[i], event);
        note_member(engine, &of->ids[i]);
    }
    if (of->member_kind == RESOURCE_COLLECTION) {
        engine->member_changes.nested = event;
    }
    return event;
}

/* The same, as many events as it takes; returns the first. */
static uint64_t write_many(struct engine *engine, struct members_event of)
{
    uint64_t first = engine->last_sequence + 1;
    uint32_t left = of.count;
    while (left > 0) {
        of.count = left < MEMBERS_PER_EVENT_MAX ? left : MEMBERS_PER_EVENT_MAX;
        write_members(engine, &of);
        of.ids += of.count;
        left -= of.count;
    }
    return first;
}

/* Writes that the collection is emptied of <listed>, the first LISTED_MAX of its members, and of
 * all others, who are listed by and by. Returns the event, 0 when there are none. */
static uint64_t write_emptied(struct engine *engine, const struct head *collection,
                              enum resource_kind member_kind, struct slice listed)
{
    uint32_t count = (uint32_t)(listed.bytes / sizeof(struct id));
    if (count == 0) {
        return 0;
    }
    const struct members_event of = {
        .account = collection->account,
        .change = MEMBERS_CLEARED,
        .flags = MEMBERS_ALL,
        .collection = collection->id,
        .scopes = head_scopes(collection),
        .member_kind = member_kind,
        .ids = (const struct id *)(const void *)listed.at, /* ids are bytes alone */
        .count = count < MEMBERS_PER_EVENT_MAX ? count : MEMBERS_PER_EVENT_MAX,
    };
    uint64_t event = write_members(engine, &of);
    if (count > MEMBERS_PER_EVENT_MAX) {
        engine->member_changes.emptied = event;
        chore_add_notices(engine, of.account, &of.collection, member_kind);
    }
    return event;
}

/* ---- what is read ---- */

/* Up to which event the documents must have come before the members are read. */
static uint64_t reads_after(struct engine *engine, const struct head *head,
                            const struct command *command)
{
    const struct member_changes *changes = &engine->member_changes;
    uint64_t after = member_changes_last(changes, &head->id);
    if (command->as.members.change != MEMBERS_ADDED) {
        return after;
    }
    if (command->as.members.member_kind == RESOURCE_COLLECTION) {
        after = max_u64(after, changes->nested);
    }
    /* What has been made a moment ago can be put in at once. */
    for (uint32_t i = 0; i < command->as.members.count; i++) {
        const struct head *member = heads_find(&engine->heads, &command->as.members.ids[i]);
        after = member != NULL ? max_u64(after, member->changed) : after;
    }
    return max_u64(after, engine_forgotten(engine));
}

static void load_members(struct engine *engine, struct head *head, struct command *command)
{
    struct head_load *load = head_load_new(&head->id);
    if (load == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    load->after = reads_after(engine, head, command);
    load->members.asker = command;
    load->members.kind = command->as.members.member_kind;
    if (command->as.members.change == MEMBERS_CLEARED) {
        load->members.listed_max = LISTED_MAX;
    } else {
        load->members.ids = command->as.members.ids;
        load->members.id_count = command->as.members.count;
    }
    engine_load_members(engine, head, command, load);
}

/* Is what was read how it is now, but for what heads in memory say of those who are put in? */
static bool is_current(struct engine *engine, const struct head *head,
                       const struct command *command, const struct head_load *load)
{
    const struct member_changes *changes = &engine->member_changes;
    uint64_t needed = member_changes_last(changes, &head->id);
    if (command->as.members.change == MEMBERS_ADDED) {
        needed = max_u64(needed, engine_forgotten(engine));
        if (command->as.members.member_kind == RESOURCE_COLLECTION) {
            needed = max_u64(needed, changes->nested);
        }
    }
    return load->read >= needed;
}

/* ---- putting in, taking out ---- */

/* The state of one who is to be put in or taken out: by the documents; but who is seen no longer,
 * or is there no longer, is known by its head. */
static enum member_state judge(struct engine *engine, const struct command *command,
                               const struct head_load *load, uint32_t index)
{
    const struct head *head = heads_find(&engine->heads, &command->as.members.ids[index]);
    bool is_known = head != NULL && head->state != HEAD_LOADING;
    return is_known && !engine_sees(&command->actor, command->as.members.member_kind, head)
               ? MEMBER_UNKNOWN
               : (enum member_state)buf_data(&load->members.states).at[index];
}

static bool is_same_id(const void *entry, const void *key)
{
    return id_equal(entry, key);
}

/* What comes of gathering, in engine->scratch_entries, those in a wanted state, each once. */
struct gathering {
    enum member_state wanted;
    uint32_t unknown; /* how many do not exist, or are not seen */
    uint32_t others;  /* how many are not in the wanted state */
};

static struct err gather_one(struct engine *engine, const struct command *command,
                             const struct head_load *load, uint32_t index, struct map *seen,
                             struct gathering *gathering)
{
    struct id *id = (struct id *)(uintptr_t)&command->as.members.ids[index]; /* only read */
    enum member_state state = judge(engine, command, load, index);
    gathering->unknown += state == MEMBER_UNKNOWN;
    gathering->others += state != gathering->wanted;
    uint64_t hash = id_hash(engine->heads.seed, id);
    if (state != gathering->wanted || map_find(seen, hash, is_same_id, id) != NULL) {
        return ERR(OK);
    }
    buf_put_bytes(&engine->scratch_entries, id, sizeof(*id));
    return map_insert(seen, hash, id);
}

static struct err gather(struct engine *engine, const struct command *command,
                         const struct head_load *load, struct gathering *gathering)
{
    struct err err = ERR(OK);
    struct map seen = {0};
    buf_reset(&engine->scratch_entries);
    for (uint32_t i = 0; i < command->as.members.count && !err_is_set(err); i++) {
        err = gather_one(engine, command, load, i, &seen, gathering);
    }
    map_deinit(&seen);
    return engine->scratch_entries.failed ? ERR(NO_MEMORY) : err;
}

/* What stands against it (contract: REST 6.2). */
static struct err check(const struct command *command, const struct head_load *load,
                        const struct gathering *gathering)
{
    if (command->as.members.change == MEMBERS_REMOVED) {
        return gathering->others > 0 ? ERR(NOT_FOUND) : ERR(OK);
    }
    if (gathering->unknown > 0) {
        return ERR(REFERENCE_UNKNOWN);
    }
    return load->members.makes_cycle ? ERR(MEMBERS_CYCLE) : ERR(OK);
}

static void change_members(struct engine *engine, struct head *head, struct command *command,
                           const struct head_load *load)
{
    enum member_change change = command->as.members.change;
    struct gathering gathering = {.wanted = change == MEMBERS_ADDED ? MEMBER_OUT : MEMBER_IN};
    struct err err = gather(engine, command, load, &gathering);
    if (!err_is_set(err)) {
        err = check(command, load, &gathering);
    }
    struct slice ids = buf_data(&engine->scratch_entries);
    uint64_t event = 0;
    if (!err_is_set(err) && ids.bytes > 0) {
        event = write_many(engine, (struct members_event){
                                       .account = head->account,
                                       .change = change,
                                       .collection = head->id,
                                       .scopes = head_scopes(head),
                                       .member_kind = command->as.members.member_kind,
                                       .ids = (const struct id *)(const void *)ids.at,
                                       .count = (uint32_t)(ids.bytes / sizeof(struct id)),
                                   });
    }
    engine_answer(engine, command, err, event);
}

/* ---- the command ---- */

static void rights_of(const struct command *command, enum perm_subject *subject,
                      enum perm_operation *operation)
{
    enum member_change change = command->as.members.change;
    if (command->as.members.member_kind == RESOURCE_COLLECTION) {
        *subject = PERM_CHILDREN;
        *operation = change == MEMBERS_ADDED ? PERM_CREATE : PERM_DELETE;
    } else {
        *subject = change == MEMBERS_CLEARED ? PERM_MEMBERS_ALL : PERM_MEMBERS;
        *operation = change == MEMBERS_ADDED ? PERM_UPDATE : PERM_DELETE;
    }
}

void apply_members(struct engine *engine, struct command *command)
{
    enum perm_subject subject;
    enum perm_operation operation;
    rights_of(command, &subject, &operation);
    struct head *head = engine_permitted_head(engine, command, subject, operation, false);
    if (head == NULL) {
        return;
    }
    enum member_change change = command->as.members.change;
    const struct head_load *load = engine_loaded(engine, command);
    if (change != MEMBERS_CLEARED && command->as.members.count == 0) {
        engine_answer(engine, command, ERR(OK), 0);
    } else if (load == NULL || !is_current(engine, head, command, load)) {
        load_members(engine, head, command);
    } else if (change == MEMBERS_CLEARED) {
        uint64_t event = write_emptied(engine, head, command->as.members.member_kind,
                                       buf_data(&load->members.listed));
        engine_answer(engine, command, ERR(OK), event);
    } else {
        change_members(engine, head, command, load);
    }
}

/* ---- when a thng or a collection goes ---- */

struct head_load *members_gone_load(struct engine *engine, struct head *head,
                                    const struct command *command)
{
    struct head_load *load = memberships_load(engine, head, command);
    if (load != NULL && head->kind == RESOURCE_COLLECTION) {
        load->members.kind = RESOURCE_THNG;
        load->members.listed_max = LISTED_MAX;
        load->members.wants_children = true;
    }
    return load;
}

/* The next of the scopes that were read, unless the head in memory knows better: one that has
 * changed since is not let go. */
static struct slice scopes_now(struct engine *engine, const struct id *collection,
                               struct cursor *scopes)
{
    uint64_t bytes;
    struct slice read;
    bool is_read = cursor_read_varint(scopes, &bytes) && cursor_read_bytes(scopes, bytes, &read);
    ASSERT(is_read);
    const struct head *head = heads_find(&engine->heads, collection);
    return head != NULL && head->state == HEAD_PRESENT ? head_scopes(head) : read;
}

void write_members_gone(struct engine *engine, struct head *head, const struct head_load *load)
{
    if (head->kind == RESOURCE_COLLECTION) {
        write_emptied(engine, head, RESOURCE_THNG, buf_data(&load->members.listed));
        write_emptied(engine, head, RESOURCE_COLLECTION, buf_data(&load->members.children));
    }
    struct slice collections = buf_data(&load->members.collections);
    struct cursor scopes = cursor_over(buf_data(&load->members.collection_scopes));
    const struct id *at = (const struct id *)(const void *)collections.at;
    for (size_t i = 0; i < collections.bytes / sizeof(*at); i++) {
        write_members(engine, &(struct members_event){
                                  .account = head->account,
                                  .change = MEMBERS_REMOVED,
                                  .collection = at[i],
                                  .scopes = scopes_now(engine, &at[i], &scopes),
                                  .member_kind = head->kind,
                                  .ids = &head->id,
                                  .count = 1,
                              });
    }
}
