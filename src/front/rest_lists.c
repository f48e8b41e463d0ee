/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_lists.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_query.h"
#include "front/rest_read.h"

/* A usual page has no more bytes. */
#define PAGE_BYTES_FIRST ((size_t)8 << 10)

struct list_job {
    struct rest_read read;
    struct rest_list list;
    enum resource_kind root_kind;
    bool selects_no_row;
    const struct rest_list_leading *leading;
    struct buf base_values; /* what the base's conditions compare with */
    bool is_head;
    uint32_t leading_count; /* items that lead and are selected, */
    uint32_t leading_from;  /* of those, the first on this page */
    uint32_t leading_shown; /* and how many are on it */
    struct buf *rows;       /* the reader's: struct document, text, scopes; and so on */
    uint32_t row_count;
    bool has_more; /* rows behind these, for the next page */
};

/* It begins with the read. */
static struct list_job *list_of(struct rest_read *read)
{
    return (struct list_job *)(void *)read;
}

static void list_release(struct rest_read *read)
{
    struct list_job *job = list_of(read);
    rest_list_deinit(&job->list);
    buf_deinit(&job->base_values);
}

/* ---- items that lead ---- */

static bool is_selected(const struct list_job *job, struct slice name)
{
    const struct rest_list *list = &job->list;
    for (uint32_t i = 0; i < list->condition_count; i++) {
        const struct filter_condition *condition = &list->conditions[i];
        struct slice member = job->leading->member(name, condition->field);
        if (slice_is_empty(member) || !slice_equal(condition->values[0], member)) {
            return false;
        }
    }
    return !list->has_ids;
}

/* Writes those that have a place on this page, and says in the list's place which rows follow. */
static void write_leading(struct list_job *job)
{
    struct rest_list *list = &job->list;
    struct slice name;
    if (job->leading == NULL) {
        return;
    }
    job->leading_from = list->has_after ? UINT32_MAX : list->leading_done + list->skip;
    for (size_t i = 0; job->leading->name(i, &name); i++) {
        if (!is_selected(job, name)) {
            continue;
        }
        bool is_here =
            job->leading_count++ >= job->leading_from && job->leading_shown < list->per_page;
        if (is_here) {
            json_write_comma(&job->read.body);
            job->leading->write(&job->read.body, name);
            job->leading_shown++;
        }
    }
    list->skip -= list->skip < job->leading_count ? list->skip : job->leading_count;
}

/* True when some of them are left for the next page. */
static bool has_more_leading(const struct list_job *job)
{
    return job->leading != NULL && !job->list.has_after &&
           job->leading_from + job->leading_shown < job->leading_count;
}

/* ---- rows ---- */

/* Keeps the row: what is derived is read when the statement is done. Stops at a row that has no
 * place on the page. */
static bool keep_row(void *arg, const struct document *document)
{
    struct list_job *job = arg;
    if (job->leading_shown + job->row_count == job->list.per_page ||
        buf_bytes(job->rows) > REST_PAGE_BYTES) {
        job->has_more = true;
        return false;
    }
    buf_put_bytes(job->rows, document, sizeof(*document));
    buf_put(job->rows, document->text);
    buf_put(job->rows, document->scopes);
    job->row_count++;
    return !job->rows->failed;
}

static void take_row(struct cursor *rows, struct document *document)
{
    struct slice bytes;
    bool is_whole = cursor_read_bytes(rows, sizeof(*document), &bytes);
    ASSERT(is_whole);
    memcpy(document, bytes.at, sizeof(*document));
    is_whole = cursor_read_bytes(rows, document->text.bytes, &document->text) &&
               cursor_read_bytes(rows, document->scopes.bytes, &document->scopes);
    ASSERT(is_whole);
}

static struct err write_rows(struct view *view, struct list_job *job)
{
    struct buf *out = &job->read.body;
    struct cursor rows = cursor_over(buf_data(job->rows));
    TRY(view_settle(view));
    for (uint32_t left = job->row_count; left > 0; left--) {
        struct document document;
        take_row(&rows, &document);
        json_write_comma(out);
        TRY(view_write(view, &document, out));
        bool has_next = (left > 1 || job->has_more) && !job->list.is_latest;
        bool is_last = left == 1 || buf_bytes(out) > REST_PAGE_BYTES;
        if (is_last && has_next) {
            rest_list_token(&job->read.next_token, &job->list, document.created_ms,
                            document.distance_km, &document.id);
        }
        if (is_last) {
            break;
        }
    }
    return ERR(OK);
}

/* ---- the page ---- */

/* To the query no ids at all would mean any id. */
static bool names_no_row(const struct rest_list *list)
{
    return list->has_ids && list->id_count == 0;
}

/* Counting all costs a walk over them, but when one page holds all it is known. */
static struct err count_rows(struct reader *reader, struct list_job *job,
                             const struct documents_query *query)
{
    bool is_first = !job->list.has_after && !job->list.near.has_after && job->list.skip == 0 &&
                    job->leading_from == 0;
    bool is_all = job->selects_no_row || (is_first && !job->has_more);
    job->read.has_count = is_all || job->is_head || job->list.with_count;
    job->read.count = job->row_count;
    if (job->read.has_count && !is_all) {
        TRY(documents_count(reader->documents, query, &job->read.count));
    }
    job->read.count += job->leading_count;
    return ERR(OK);
}

/* The next page of a list whose items that lead fill this one. */
static void put_leading_token(struct list_job *job)
{
    bool is_full = job->leading_shown > 0 && job->row_count == 0;
    if (has_more_leading(job) || (is_full && job->has_more)) {
        rest_list_leading_token(&job->read.next_token, job->leading_from + job->leading_shown);
    }
}

static struct err write_page(struct view *view, struct list_job *job)
{
    struct reader *reader = view->reader;
    struct documents_query query = rest_list_query(&job->list, job->read.actor.account);
    struct perm_reach reach;
    job->rows = &reader->scratch;
    buf_reset(job->rows);
    write_leading(job);
    query.skip = job->list.skip;
    query.limit = job->list.per_page + 1; /* one more tells that there is another page */
    job->selects_no_row = !view_narrow(view, &query, &reach) || names_no_row(&job->list);
    if (!job->selects_no_row) {
        TRY(documents_list(reader->documents, &query, keep_row, job));
    }
    if (job->rows->failed) {
        return ERR(NO_MEMORY);
    }
    TRY(count_rows(reader, job, &query));
    TRY(write_rows(view, job));
    put_leading_token(job);
    return ERR(OK);
}

static struct err list_run(struct reader *reader, struct rest_read *read)
{
    struct list_job *job = list_of(read);
    struct view view = rest_read_view(reader, read);
    struct view whole = view;
    struct document root;
    TRY(view_check_project(&view));
    if (job->root_kind != 0) {
        whole.project = NULL; /* it is the rows that the parameter narrows */
        TRY(view_find(&whole, job->root_kind, &read->resource, &root));
    }
    TRY(buf_reserve(&read->body, PAGE_BYTES_FIRST));
    json_write_open(&read->body, '[');
    TRY(write_page(&view, job));
    json_write_close(&read->body, ']');
    return ERR(OK);
}

/* ---- beginning ---- */

/* Their values are the caller's: copied to where they stay. */
static struct err add_base(struct list_job *job, const struct rest_list_base *base)
{
    struct buf *values = &job->base_values;
    size_t bytes = 1;
    for (uint32_t i = 0; i < base->condition_count; i++) {
        bytes += base->conditions[i].values[0].bytes;
    }
    TRY(buf_reserve(values, bytes)); /* once: what is added must not move */
    for (uint32_t i = 0; i < base->condition_count; i++) {
        struct slice value = base->conditions[i].values[0];
        ASSERT(base->conditions[i].value_count == 1);
        buf_put(values, value);
        TRY(rest_list_add(&job->list, base->conditions[i].field,
                          slice_of(values->at + values->tail - value.bytes, value.bytes)));
    }
    return ERR(OK);
}

enum rest_step rest_list_start(struct http_request *request, const struct rest_list_base *base)
{
    struct list_job *job = rest_read_new(request, sizeof(*job), list_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->read.release = list_release;
    job->read.is_of_one_moment = true;
    job->root_kind = base->root_kind;
    job->leading = base->leading;
    job->is_head = request->is_head;
    struct err err = rest_list_read(request->query, base->kind, &job->list);
    if (!err_is_set(err)) {
        err = add_base(job, base);
    }
    if (err_is_set(err)) {
        rest_read_free(&job->read);
        http_refuse(request, err);
        return REST_TAKEN;
    }
    rest_read_start(request, &job->read);
    return REST_TAKEN;
}

/* Of a nested route the documents that lie in the path's resource; operators lie in their account,
 * which is the path's (rest_begin). */
enum rest_step rest_document_list(struct http_request *request)
{
    enum resource_kind kind = request->route->kind;
    const struct slice parent = id_slice(&request->resource);
    const struct filter_condition in_parent = {
        .field = FILTER_PARENT,
        .values = &parent,
        .value_count = 1,
    };
    struct rest_list_base base = {.kind = kind};
    if (kind == RESOURCE_APPLICATION || kind == RESOURCE_TASK) {
        base.root_kind = kind == RESOURCE_APPLICATION ? RESOURCE_PROJECT : RESOURCE_BATCH;
        base.conditions = &in_parent;
        base.condition_count = 1;
    }
    return rest_list_start(request, &base);
}
