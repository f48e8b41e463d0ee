/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: statements found again by their text, bound, and stepped through. */
#include "store/sqlite_list.h"

#include "base/assert.h"
#include "base/hash.h"

/* ---- statements ---- */

/* The place of the statement with that text, or the one that has not been used for longest. */
static struct list_statement *find_place(struct documents_reader *reader, uint64_t text_hash,
                                         struct slice text)
{
    struct list_statement *oldest = &reader->lists[0];
    for (size_t i = 0; i < READER_LISTS_MAX; i++) {
        struct list_statement *list = &reader->lists[i];
        if (list->statement != NULL && list->text_hash == text_hash &&
            slice_equal(slice_of_text(sqlite3_sql(list->statement)), text)) {
            return list;
        }
        if (list->used < oldest->used) {
            oldest = list;
        }
    }
    db_finalize(&oldest->statement, 1);
    oldest->text_hash = text_hash;
    return oldest;
}

static struct err find_statement(struct documents_reader *reader, sqlite3_stmt **statement)
{
    struct slice text = buf_data(&reader->list.text);
    text.bytes--; /* the NUL */
    struct list_statement *list = find_place(reader, hash_bytes(0, text), text);
    list->used = ++reader->use_count;
    if (list->statement == NULL) {
        const char *texts[] = {(const char *)text.at};
        TRY(db_prepare(reader->db, texts, 1, &list->statement));
    }
    *statement = list->statement;
    return ERR(OK);
}

static void bind(struct db_call *call, const struct list_parameter *parameter)
{
    switch (parameter->type) {
    case LIST_NUMBER:
        db_put_number(call, parameter->number);
        return;
    case LIST_REAL:
        db_put_real(call, parameter->real);
        return;
    case LIST_TEXT:
        db_put_text(call, parameter->text);
        return;
    }
}

/* ---- starting ---- */

/* Are there so few rows that are seen, that they had better drive? */
static struct err is_small(struct documents_reader *reader, const struct list_plan *plan,
                           bool *small)
{
    const struct documents_query *query = plan->query;
    int64_t left = LIST_SIGHT_SMALL;
    for (uint32_t arm = 0; left > 0 && arm < list_viewer_count(plan); arm++) {
        const struct list_viewer viewer = list_viewer(plan, arm);
        struct db_call call = reader_call(reader, READ_SCOPE_SIZE);
        db_put_number(&call, query->account);
        db_put_number(&call, query->kind);
        db_put_text(&call, slice_of_text(viewer.mark));
        db_put_text(&call, viewer.text);
        db_put_number(&call, left);
        int64_t size;
        TRY(db_run_number(&call, &size));
        left -= size;
    }
    *small = left > 0;
    return ERR(OK);
}

/* Plans, writes and binds. */
static struct err start(struct documents_reader *reader, const struct documents_query *query,
                        bool is_count, struct db_call *call)
{
    struct list *list = &reader->list;
    struct list_plan plan;
    TRY(list_plan(query, is_count, &plan));
    if (list_plan_can_narrow(&plan)) {
        bool small;
        TRY(is_small(reader, &plan, &small));
        if (small) {
            list_plan_narrow(&plan);
        }
    }
    TRY(list_write(list, &plan));
    sqlite3_stmt *statement;
    TRY(find_statement(reader, &statement));
    *call = db_call(statement);
    /* Counting may have no use for the last ones. */
    uint32_t count = (uint32_t)sqlite3_bind_parameter_count(statement);
    ASSERT(is_count ? count <= list->parameter_count : count == list->parameter_count);
    for (uint32_t i = 0; i < count; i++) {
        bind(call, &list->parameters[i]);
    }
    return ERR(OK);
}

/* ---- stepping through ---- */

/* Which rows of a list are its caller's to pass over, and which its last. */
struct turn {
    bool is_merged;
    uint32_t skip;
    uint32_t left;
    struct id last;
};

/* True when the row is to be visited. What is in several arms comes several times in a row. */
static bool takes(struct turn *turn, const struct document *document)
{
    if (!turn->is_merged) {
        return true;
    }
    if (id_equal(&turn->last, &document->id)) {
        return false;
    }
    turn->last = document->id;
    if (turn->skip > 0) {
        turn->skip--;
        return false;
    }
    turn->left--;
    return true;
}

static struct err step_through(struct db_call *call, struct turn turn, document_visit_fn visit,
                               void *arg)
{
    while (turn.left > 0) {
        bool has_row;
        TRY(db_step(call, &has_row));
        if (!has_row) {
            break;
        }
        struct document document;
        struct err err = reader_document(call, &document);
        if (err_is_set(err)) {
            db_end(call);
            return err;
        }
        if (takes(&turn, &document) && !visit(arg, &document)) {
            break;
        }
    }
    db_end(call);
    return ERR(OK);
}

struct err documents_list(struct documents_reader *reader, const struct documents_query *query,
                          document_visit_fn visit, void *arg)
{
    struct db_call call;
    struct err err = start(reader, query, false, &call);
    if (!err_is_set(err)) {
        const struct turn turn = {
            .is_merged = reader->list.is_merged, .skip = query->skip, .left = query->limit};
        err = step_through(&call, turn, visit, arg);
    }
    return reader_failed(reader, err);
}

struct err documents_count(struct documents_reader *reader, const struct documents_query *query,
                           uint64_t *count)
{
    struct db_call call;
    int64_t number;
    struct err err = start(reader, query, true, &call);
    if (!err_is_set(err)) {
        err = db_run_number(&call, &number);
    }
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    *count = (uint64_t)number;
    return ERR(OK);
}
