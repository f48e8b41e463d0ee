/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in which collection, and work to be carried on after a start.
 *
 * Emptying a collection is one event, which raises its row's cleared_thngs or cleared_collections:
 * members that came before it are none any more, though their rows are still there until events
 * have listed them. So a row of `member` counts when its sequence is above its collection's, and
 * when there is such a collection. */
#include "store/sqlite_reader.h"

#include "base/assert.h"

/* Up to which event the collection has been emptied of that kind; all of them when it is gone. */
static struct err read_cleared(struct documents_reader *reader, const struct id *collection,
                               enum resource_kind kind, int64_t *cleared)
{
    struct db_call call = reader_call(reader, READ_CLEARED);
    db_put_id(&call, collection);
    db_put_number(&call, kind);
    struct err err = db_run_number(&call, cleared);
    if (err.code == ERR_NOT_FOUND) {
        *cleared = INT64_MAX;
        return ERR(OK);
    }
    return err;
}

/* ---- of a member ---- */

/* The next row's id; false at the end. */
static struct err next_id(struct db_call *call, struct id *id, bool *has_row)
{
    TRY(db_step(call, has_row));
    if (*has_row && !db_id(call, 0, id)) {
        db_end(call);
        return ERR(CORRUPT);
    }
    return ERR(OK);
}

/* Steps through rows of ids, keeps the first <max>, counts all, and ends the call. */
static struct err take_ids(struct db_call *call, struct id *ids, uint32_t max, uint32_t *count)
{
    *count = 0;
    for (;;) {
        struct id id;
        bool has_row;
        TRY(next_id(call, &id, &has_row));
        if (!has_row) {
            break;
        }
        if (*count < max) {
            ids[*count] = id;
        }
        ++*count;
    }
    db_end(call);
    return ERR(OK);
}

struct err documents_collections_of(struct documents_reader *reader, const struct id *id,
                                    struct id *collections, uint32_t max, uint32_t *count)
{
    struct db_call call = reader_call(reader, READ_COLLECTIONS_OF);
    db_put_id(&call, id);
    return reader_failed(reader, take_ids(&call, collections, max, count));
}

/* ---- of a collection ---- */

/* What all of the ids are asked about. */
struct member_question {
    uint32_t account;
    const struct id *project;
    const struct id *collection;
    enum resource_kind kind;
    int64_t cleared;
};

static struct err read_state(struct documents_reader *reader,
                             const struct member_question *question, const struct id *id,
                             enum member_state *state)
{
    struct db_call call = reader_call(reader, READ_MEMBER_STATE);
    db_put_id(&call, id);
    db_put_number(&call, question->account);
    db_put_number(&call, question->kind);
    db_put_id(&call, question->collection);
    db_put_number(&call, question->cleared);
    if (question->project != NULL) {
        db_put_id(&call, question->project);
    } else {
        db_put_null(&call);
    }
    int64_t is_in;
    struct err err = db_run_number(&call, &is_in);
    if (err.code == ERR_NOT_FOUND) {
        *state = MEMBER_UNKNOWN;
        return ERR(OK);
    }
    TRY(err);
    *state = is_in ? MEMBER_IN : MEMBER_OUT;
    return ERR(OK);
}

static struct err read_states(struct documents_reader *reader, struct member_question *question,
                              const struct id *ids, uint32_t count, enum member_state *states)
{
    TRY(read_cleared(reader, question->collection, question->kind, &question->cleared));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_state(reader, question, &ids[i], &states[i]));
    }
    return ERR(OK);
}

struct err documents_member_states(struct documents_reader *reader, uint32_t account,
                                   const struct id *project, const struct id *collection,
                                   enum resource_kind kind, const struct id *ids, uint32_t count,
                                   enum member_state *states)
{
    struct member_question question = {
        .account = account, .project = project, .collection = collection, .kind = kind};
    bool is_own;
    TRY(reader_moment_begin(reader, &is_own));
    struct err err = reader_failed(reader, read_states(reader, &question, ids, count, states));
    reader_moment_end(reader, is_own);
    return err;
}

static struct err read_members(struct documents_reader *reader, const struct id *collection,
                               enum resource_kind kind, bool wants_gone, struct id *ids,
                               uint32_t max, uint32_t *count)
{
    int64_t cleared;
    TRY(read_cleared(reader, collection, kind, &cleared));
    if (wants_gone && cleared == 0) { /* never emptied: none of its members need be looked at */
        *count = 0;
        return ERR(OK);
    }
    struct db_call call = reader_call(reader, wants_gone ? READ_MEMBERS_GONE : READ_MEMBERS);
    db_put_id(&call, collection);
    db_put_number(&call, kind);
    db_put_number(&call, cleared);
    db_put_number(&call, max);
    return take_ids(&call, ids, max, count);
}

struct err documents_members(struct documents_reader *reader, const struct id *collection,
                             enum resource_kind kind, bool wants_gone, struct id *ids, uint32_t max,
                             uint32_t *count)
{
    bool is_own;
    TRY(reader_moment_begin(reader, &is_own));
    struct err err =
        reader_failed(reader, read_members(reader, collection, kind, wants_gone, ids, max, count));
    reader_moment_end(reader, is_own);
    return err;
}

/* Upwards, because a collection is in few others, while there may be thousands in it. */
static struct err find_above(struct db_call *call, const struct id *from, bool *reaches)
{
    *reaches = false;
    for (uint32_t i = 0; !*reaches; i++) {
        struct id id;
        bool has_row;
        TRY(next_id(call, &id, &has_row));
        if (!has_row) {
            break;
        }
        *reaches = id_equal(&id, from) || i == DOCUMENTS_ABOVE_MAX;
    }
    db_end(call);
    return ERR(OK);
}

struct err documents_reaches(struct documents_reader *reader, const struct id *from,
                             const struct id *to, bool *reaches)
{
    struct db_call call = reader_call(reader, READ_ABOVE);
    db_put_id(&call, to);
    return reader_failed(reader, find_above(&call, from, reaches));
}

/* ---- work to be carried on ---- */

struct err documents_pending_tasks(struct documents_reader *reader, pending_visit_fn visit,
                                   void *arg)
{
    struct db_call call = reader_call(reader, READ_PENDING_TASKS);
    for (;;) {
        bool has_row;
        struct err err = db_step(&call, &has_row);
        if (err_is_set(err)) {
            return reader_failed(reader, err);
        }
        if (!has_row) {
            break;
        }
        struct id id;
        if (!db_id(&call, 1, &id)) {
            db_end(&call);
            return ERR(CORRUPT);
        }
        if (!visit(arg, (uint32_t)db_number(&call, 0), &id)) {
            break;
        }
    }
    db_end(&call);
    return ERR(OK);
}

/* A kind of member of a collection. */
struct membership {
    struct id collection;
    enum resource_kind kind;
    uint32_t account;
};

/* The membership behind that one in the index; all zero comes before the first. */
static struct err next_membership(struct documents_reader *reader, struct membership *membership,
                                  bool *has_next)
{
    struct db_call call = reader_call(reader, READ_MEMBERS_NEXT);
    db_put_id(&call, &membership->collection);
    db_put_number(&call, membership->kind);
    TRY(next_id(&call, &membership->collection, has_next));
    if (*has_next) {
        membership->kind = (enum resource_kind)db_number(&call, 1);
        membership->account = (uint32_t)db_number(&call, 2);
    }
    db_end(&call);
    return ERR(OK);
}

static struct err visit_pending(struct documents_reader *reader, pending_visit_fn visit, void *arg)
{
    struct membership membership = {0};
    for (;;) {
        bool has_next;
        TRY(next_membership(reader, &membership, &has_next));
        if (!has_next) {
            return ERR(OK);
        }
        struct id gone;
        uint32_t count;
        TRY(read_members(reader, &membership.collection, membership.kind, true, &gone, 1, &count));
        if (count > 0 && !visit(arg, membership.account, &membership.collection)) {
            return ERR(OK);
        }
    }
}

struct err documents_pending_members(struct documents_reader *reader, pending_visit_fn visit,
                                     void *arg)
{
    bool is_own;
    TRY(reader_moment_begin(reader, &is_own));
    struct err err = reader_failed(reader, visit_pending(reader, visit, arg));
    reader_moment_end(reader, is_own);
    return err;
}
