/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks: thngs made from a template, some of them a slice (contract: REST 10).
 *
 *      PENDING --first slice--> EXECUTING --last slice--> EXECUTED, EXECUTED_WITH_FAILURES, FAILED
 *
 * A slice is one group: its thngs, the task's document with the progress they make, the batch's
 * with their number. Where a task goes on is read from its document: as many values as are made or
 * have failed lie behind it. A slice waits until the documents show the one before, so a task never
 * runs further ahead of them than that, and the heads of its thngs can be let go. */
#include "engine/apply.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "engine/chore_template.h"
#include "model/document.h"

/* Kept of what went wrong with single values. */
#define TASK_LOGS_MAX 100
/* A longer value is left out of its log entry. */
#define TASK_LOG_VALUE_BYTES_MAX 1024

/* One slice at work. */
struct work {
    struct engine *engine;
    const struct chore *chore;
    struct head *task;
    struct head *batch;        /* NULL: it has gone */
    struct buf document;       /* the task's, of before; the template lies in it */
    struct buf batch_document; /* empty: it has gone */
    struct json_value input;   /* inputParameters */
    struct chore_template template;
    struct err failure; /* why nothing can be made at all */
    const char *refusal;
    struct slice scopes; /* of the thngs */
    const struct command_point *points;
    uint32_t point_count;
    bool has_product;
    struct slice key;        /* of the identifiers that are listed; raw. Empty: none are */
    struct json_each values; /* stands behind those of former slices */
    int64_t total;
    int64_t made; /* of the task, with this slice */
    int64_t failed;
    int64_t made_now;   /* of this slice */
    struct buf members; /* of one thng */
    struct buf patch;
    struct buf logs; /* entries, with commas between them */
    uint32_t log_count;
};

static void work_deinit(struct work *work)
{
    chore_template_deinit(&work->template);
    buf_deinit(&work->document);
    buf_deinit(&work->batch_document);
    buf_deinit(&work->members);
    buf_deinit(&work->patch);
    buf_deinit(&work->logs);
}

static int64_t number_of(struct json_value object, struct slice name)
{
    int64_t number = 0;
    (void)json_int64(json_member(object, name), &number);
    return number;
}

/* ---- what the task is to do, and how far it is ---- */

static const char *refusal_of(struct json_value task, struct json_value input)
{
    if (!json_string_equals(json_member(task, SLICE("type")), SLICE("POPULATING"))) {
        return "Short ids are not made by this server.";
    }
    struct json_value type = json_member(input, SLICE("type"));
    if (!json_string_equals(type, SLICE("FIXED_AMOUNT")) &&
        !json_string_equals(type, SLICE("IDENTIFIERS_LIST_BASED"))) {
        return "Input parameters of this type are not supported by this server.";
    }
    return json_is_true(json_member(input, SLICE("generateThngs")))
               ? NULL
               : "Nothing but thngs can be made, and generateThngs is false.";
}

/* Stands behind the values of former slices. */
static void read_values(struct work *work)
{
    struct json_value identifier = json_member(work->input, SLICE("customIdentifier"));
    struct json_value values = json_member(identifier, SLICE("values"));
    struct json_value passed;
    work->key = json_string_raw(json_member(identifier, SLICE("key")));
    work->total = (int64_t)json_count(values);
    work->values = json_each(values);
    for (int64_t i = work->made + work->failed; i > 0; i--) {
        bool has_next = json_array_next(&work->values, &passed);
        ASSERT(has_next);
    }
}

static void read_task(struct work *work)
{
    struct json_value task = json_object_of(buf_data(&work->document));
    struct json_value progress = json_member(task, SLICE("progress"));
    struct json_value made =
        json_member(json_member(progress, SLICE("contributions")), SLICE("default"));
    work->input = json_member(task, SLICE("inputParameters"));
    work->made = number_of(made, SLICE("thngs"));
    work->failed = number_of(made, SLICE("failedThngs"));
    work->total = number_of(progress, SLICE("totalAmount"));
    work->refusal = refusal_of(task, work->input);
    if (work->refusal != NULL) {
        return;
    }
    work->failure =
        chore_template_read(&work->template, json_member(work->input, SLICE("thngTemplate")));
    struct json_value type = json_member(work->input, SLICE("type"));
    if (json_string_equals(type, SLICE("IDENTIFIERS_LIST_BASED"))) {
        read_values(work);
    }
}

/* ---- finding what it refers to ---- */

static enum head_found find_batch(struct work *work, struct command *command)
{
    enum head_found found = engine_find(work->engine, command, RESOURCE_BATCH, &work->chore->batch,
                                        NULL, true, &work->batch);
    if (found == HEAD_SEEN) {
        buf_put(&work->batch_document, head_document(work->batch));
    }
    return found;
}

/* A product that has gone since is left out. */
static enum head_found find_product(struct work *work, struct command *command)
{
    struct head *head;
    if (!id_is_set(&work->template.product)) {
        return HEAD_UNSEEN;
    }
    enum head_found found = engine_find(work->engine, command, RESOURCE_PRODUCT,
                                        &work->template.product, NULL, false, &head);
    work->has_product = found == HEAD_SEEN;
    return found;
}

/* First values; without the location, which is the last, when its place has gone. */
static enum head_found find_points(struct work *work, struct command *command)
{
    work->points = chore_template_points(&work->template);
    work->point_count = chore_template_point_count(&work->template);
    enum head_found found =
        engine_place_points(work->engine, command, &work->points, work->point_count);
    if (found == HEAD_UNSEEN) {
        ASSERT(work->template.has_location);
        work->point_count--;
    }
    if (work->point_count > work->engine->options.properties_per_resource_max) {
        work->failure = ERR(PROPERTIES_TOO_MANY);
    }
    return found;
}

/* Without projects that have gone since. */
static enum head_found find_scopes(struct work *work, struct command *command)
{
    struct slice stored = work->template.scopes;
    if (slice_is_empty(stored) && work->batch != NULL) {
        stored = head_scopes(work->batch);
    }
    return engine_check_scopes(work->engine, command, stored, (struct slice){0}, &work->scopes);
}

/* False: the command waits for one of them, or has been refused. */
static bool find_all(struct work *work, struct command *command)
{
    return find_batch(work, command) != HEAD_LATER &&
           (work->refusal != NULL || err_is_set(work->failure) ||
            (find_product(work, command) != HEAD_LATER &&
             find_points(work, command) != HEAD_LATER && find_scopes(work, command) != HEAD_LATER));
}

/* ---- what goes wrong with single values ---- */

static void read_logs(struct work *work)
{
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_TASK, buf_data(&work->document), &shown, &hidden);
    if (slice_is_empty(hidden)) {
        return;
    }
    const struct json_value logs = {.type = JSON_ARRAY, .text = hidden};
    work->log_count = (uint32_t)json_count(logs);
    buf_put(&work->logs, slice_from(slice_first(hidden, hidden.bytes - 1), 1));
}

static void log_failure(struct work *work, struct slice value, struct err err)
{
    struct buf *logs = &work->logs;
    work->failed++;
    if (work->log_count == TASK_LOGS_MAX) {
        return;
    }
    if (work->log_count++ > 0) {
        buf_put_byte(logs, ',');
    }
    json_write_open(logs, '{');
    json_write_member_string(logs, SLICE("jobId"), id_slice(&work->chore->id));
    json_write_member_string(logs, SLICE("type"), SLICE("ERROR"));
    json_write_member_string(logs, SLICE("message"), slice_of_text(err_text(err)));
    json_write_name(logs, SLICE("payload"));
    json_write_open(logs, '{');
    if (value.bytes <= TASK_LOG_VALUE_BYTES_MAX && work->key.bytes <= TASK_LOG_VALUE_BYTES_MAX) {
        json_write_name(logs, SLICE("thngIdentifier"));
        BUF_PUT_LITERAL(logs, "{\"key\":\"");
        buf_put(logs, work->key);
        BUF_PUT_LITERAL(logs, "\",\"value\":");
        buf_put(logs, value);
        json_write_close(logs, '}');
    }
    json_write_close(logs, '}');
    json_write_close(logs, '}');
}

/* ---- making thngs ---- */

static void put_common(struct work *work)
{
    struct buf *members = &work->members;
    buf_reset(members);
    buf_put(members, buf_data(&work->template.members));
    if (work->has_product) {
        json_write_member_string(members, SLICE("product"), id_slice(&work->template.product));
    }
    if (work->batch != NULL) {
        json_write_member_string(members, SLICE("batch"), id_slice(&work->chore->batch));
    }
    json_write_member_string(members, SLICE("createdByTask"), id_slice(&work->chore->id));
    if (slice_is_empty(work->key) && !slice_is_empty(work->template.identifiers)) {
        json_write_member_json(members, SLICE("identifiers"), work->template.identifiers);
    }
}

/* Puts the members of the thng with that identifier. */
static struct err put_members(struct work *work, struct slice value)
{
    put_common(work);
    if (slice_is_empty(work->key)) {
        return ERR(OK);
    }
    struct buf *members = &work->members;
    json_write_name(members, SLICE("identifiers"));
    size_t start = buf_bytes(members);
    chore_template_put_identifiers(&work->template, work->key, value, members);
    if (members->failed) {
        return ERR(OK); /* seen by who makes the thng */
    }
    bool is_empty = value.bytes == sizeof("\"\"") - 1;
    const struct json_value identifiers = {.type = JSON_OBJECT,
                                           .text = slice_from(buf_data(members), start)};
    return is_empty ? ERR(FIELD_INVALID) : document_check_identifiers(identifiers);
}

/* Writes one thng. NO_MEMORY: nothing is written. */
static struct err write_thng(struct work *work)
{
    struct engine *engine = work->engine;
    int64_t now_ms = engine_group(engine)->time_ms;
    struct id id = id_generate(engine->port->rand, now_ms);
    buf_reset(&engine->scratch);
    document_create(&engine->scratch, &id, now_ms, buf_data(&work->members));
    if (work->members.failed || engine->scratch.failed) {
        return ERR(NO_MEMORY);
    }
    struct head *head = engine_add_head(engine, work->chore->account, RESOURCE_THNG, &id);
    if (head == NULL) {
        return ERR(NO_MEMORY);
    }
    write_document(engine, head, OPERATION_CREATED, work->scopes);
    if (work->point_count > 0) {
        uint64_t event;
        struct err err =
            write_points(engine, head, work->points, work->point_count, POINTS_SILENT, &event);
        /* As for other creations: the thng stands in the group already. */
        ASSERT(!err_is_set(err));
    }
    return ERR(OK);
}

/* How many values a slice works off. Each slice writes the task's document anew: one that lists
 * many values is written less often. */
static int64_t slice_values(const struct work *work)
{
    int64_t wanted = (int64_t)(buf_bytes(&work->document) / CHORE_DOCUMENT_BYTES_PER_THNG);
    if (wanted > CHORE_THNGS_PER_SLICE_MAX) {
        wanted = CHORE_THNGS_PER_SLICE_MAX;
    }
    return max_i64(wanted, CHORE_THNGS_PER_SLICE_MIN);
}

/* Ends early when a group is full, or without memory: the next slice goes on from there. */
static void make_thngs(struct work *work)
{
    struct json_value value = {0};
    int64_t left = work->total - work->made - work->failed;
    for (int64_t i = slice_values(work); i > 0 && left > 0; i--, left--) {
        if (!slice_is_empty(work->key)) {
            bool has_next = json_array_next(&work->values, &value);
            ASSERT(has_next);
        }
        struct err err = put_members(work, value.text);
        if (err_is_set(err)) {
            log_failure(work, value.text, err);
            continue;
        }
        if (err_is_set(write_thng(work))) {
            return;
        }
        work->made++;
        work->made_now++;
        if (engine_is_full(work->engine)) {
            return;
        }
    }
}

/* ---- the task's document ---- */

static void put_progress(struct work *work)
{
    struct buf *patch = &work->patch;
    json_write_name(patch, SLICE("progress"));
    json_write_open(patch, '{');
    json_write_member_int(patch, SLICE("totalAmount"), work->total);
    BUF_PUT_LITERAL(patch, ",\"contributions\":{\"default\":{");
    json_write_member_int(patch, SLICE("thngs"), work->made);
    json_write_member_int(patch, SLICE("urlBindings"), 0);
    json_write_member_int(patch, SLICE("failedThngs"), work->failed);
    json_write_member_int(patch, SLICE("failedUrlBindings"), 0);
    BUF_PUT_LITERAL(patch, "}}}");
}

static void put_result(struct work *work)
{
    struct buf *patch = &work->patch;
    json_write_name(patch, SLICE("result"));
    json_write_open(patch, '{');
    json_write_member_string(patch, SLICE("type"), SLICE("POPULATING"));
    json_write_member_int(patch, SLICE("totalCount"), work->total);
    json_write_member_int(patch, SLICE("totalThngsCreated"), work->made);
    json_write_member_int(patch, SLICE("totalUrlBindingsCreated"), 0);
    json_write_member_int(patch, SLICE("failedOperationsAmount"), work->failed);
    json_write_close(patch, '}');
}

static void put_error(struct work *work, const char *text)
{
    struct buf *patch = &work->patch;
    json_write_name(patch, SLICE("result"));
    json_write_open(patch, '{');
    json_write_member_string(patch, SLICE("type"), SLICE("ERROR"));
    json_write_member_string(patch, SLICE("error"), slice_of_text(text));
    json_write_close(patch, '}');
}

static struct slice status_of(const struct work *work)
{
    if (work->refusal != NULL) {
        return SLICE("FAILED");
    }
    if (work->made + work->failed < work->total) {
        return SLICE("EXECUTING");
    }
    if (work->failed == 0) {
        return SLICE("EXECUTED");
    }
    return work->made > 0 ? SLICE("EXECUTED_WITH_FAILURES") : SLICE("FAILED");
}

static bool is_finished(const struct work *work)
{
    return work->refusal != NULL || work->made + work->failed >= work->total;
}

static void put_task_patch(struct work *work)
{
    struct buf *patch = &work->patch;
    buf_reset(patch);
    BUF_PUT_LITERAL(patch, "\"status\":");
    json_write_string(patch, status_of(work));
    if (work->refusal == NULL) {
        put_progress(work);
    }
    if (is_finished(work)) {
        json_write_member_int(patch, SLICE("completedAt"), engine_group(work->engine)->time_ms);
        if (work->refusal != NULL) {
            put_error(work, work->refusal);
        } else {
            put_result(work);
        }
    }
    if (work->log_count > 0) {
        json_write_name(patch, SLICE("logs"));
        json_write_open(patch, '[');
        buf_put(patch, buf_data(&work->logs));
        json_write_close(patch, ']');
    }
}

/* ---- the batch's document ---- */

static void put_count(struct buf *patch, struct slice product, int64_t thngs, int64_t bindings)
{
    json_write_name(patch, product);
    json_write_open(patch, '{');
    json_write_member_int(patch, SLICE("thngs"), thngs);
    json_write_member_int(patch, SLICE("urlBindings"), bindings);
    json_write_close(patch, '}');
}

/* The counts that were there, and what this slice adds to that of its product. */
static void put_counts(struct work *work)
{
    struct buf *patch = &work->patch;
    struct slice product =
        work->has_product ? id_slice(&work->template.product) : SLICE("NO_PRODUCT");
    struct json_value counts = json_member(json_object_of(buf_data(&work->batch_document)),
                                           SLICE("resourceCountsByProduct"));
    int64_t added = work->made_now;
    json_write_name(patch, SLICE("resourceCountsByProduct"));
    json_write_open(patch, '{');
    if (counts.type == JSON_OBJECT) {
        struct json_each each = json_each(counts);
        struct json_member member;
        while (json_object_next(&each, &member)) {
            int64_t thngs = number_of(member.value, SLICE("thngs"));
            if (slice_equal(member.name, product)) {
                thngs += added;
                added = 0;
            }
            put_count(patch, member.name, thngs, number_of(member.value, SLICE("urlBindings")));
        }
    }
    if (added > 0) {
        put_count(patch, product, added, 0);
    }
    json_write_close(patch, '}');
}

static void put_batch_patch(struct work *work)
{
    bool is_complete =
        is_finished(work) && !chores_have_batch(work->engine, work->chore, &work->chore->batch);
    struct buf *patch = &work->patch;
    buf_reset(patch);
    BUF_PUT_LITERAL(patch, "\"status\":");
    json_write_string(patch, is_complete ? SLICE("COMPLETE") : SLICE("IN_PROGRESS"));
    put_counts(work);
}

/* ---- the slice ---- */

/* Writes the next state of a document of which <work->patch> is what changes. */
static void write_patched(struct work *work, struct head *head, const struct buf *document)
{
    struct engine *engine = work->engine;
    buf_reset(&engine->scratch);
    document_merge(&engine->scratch, head->kind, buf_data(document), buf_data(&work->patch),
                   engine_group(engine)->time_ms);
    /* The memory was seen to before the first thng was written. */
    ASSERT(!work->patch.failed && !engine->scratch.failed);
    write_document(engine, head, OPERATION_UPDATED, head_scopes(head));
}

/* Room for the patches and the documents that they make, so that once the thngs are written their
 * progress can be written, too. */
static struct err reserve(struct work *work)
{
    const size_t entry_bytes = 2 * TASK_LOG_VALUE_BYTES_MAX + 512;
    size_t counts = buf_bytes(&work->batch_document);
    size_t logs = buf_bytes(&work->logs) + TASK_LOGS_MAX * entry_bytes;
    size_t patch = counts + logs + 4096;
    if (work->document.failed || work->batch_document.failed) {
        return ERR(NO_MEMORY);
    }
    TRY(buf_reserve(&work->logs, logs));
    TRY(buf_reserve(&work->patch, patch));
    buf_reset(&work->engine->scratch);
    return buf_reserve(&work->engine->scratch,
                       buf_bytes(&work->document) + buf_bytes(&work->batch_document) + patch);
}

/* Writes all events of the slice. The heads of task and batch are not to be let go while those of
 * the thngs are added: they have changed, as will be seen. NO_MEMORY: nothing could be done. */
static struct err write_slice(struct work *work)
{
    int64_t done = work->made + work->failed;
    uint64_t first = work->engine->last_sequence + 1;
    work->task->changed = first;
    if (work->batch != NULL) {
        work->batch->changed = first;
    }
    if (work->refusal == NULL) {
        make_thngs(work);
    }
    if (!is_finished(work) && work->made + work->failed == done) {
        return ERR(NO_MEMORY);
    }
    put_task_patch(work);
    write_patched(work, work->task, &work->document);
    if (work->batch != NULL) {
        put_batch_patch(work);
        write_patched(work, work->batch, &work->batch_document);
    }
    return ERR(OK);
}

static void apply_slice(struct work *work, struct command *command, struct chore *chore)
{
    struct engine *engine = work->engine;
    buf_put(&work->document, head_document(work->task));
    if (!work->document.failed) {
        read_task(work);
        read_logs(work);
        if (!find_all(work, command)) {
            return;
        }
    }
    bool is_without_memory = work->failure.code == ERR_NO_MEMORY;
    if (err_is_set(work->failure) && work->refusal == NULL) {
        work->refusal = err_text(work->failure);
    }
    struct err err = is_without_memory ? work->failure : reserve(work);
    if (!err_is_set(err)) {
        err = write_slice(work);
    }
    if (!err_is_set(err)) {
        chore->written = engine->last_sequence;
        chore->is_done = is_finished(work);
    }
    engine_answer(engine, command, err, 0);
}

/* Has the slice wait for the one before. */
static void wait_for_documents(struct engine *engine, struct command *command, struct head *task,
                               const struct chore *chore)
{
    struct head_load *load = head_load_new(&task->id);
    if (load == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    load->after = chore->written;
    load->members.asker = command;
    engine_load_members(engine, task, command, load);
}

static bool is_final(struct slice document)
{
    struct slice status = document_text(document, SLICE("status"));
    return !slice_equal(status, SLICE("PENDING")) && !slice_equal(status, SLICE("EXECUTING"));
}

void chore_task_slice(struct engine *engine, struct command *command, struct chore *chore)
{
    struct head *task;
    enum head_found found =
        engine_find(engine, command, RESOURCE_TASK, &chore->id, NULL, true, &task);
    if (found == HEAD_LATER) {
        return;
    }
    if (found == HEAD_UNSEEN || is_final(head_document(task))) {
        chore->is_done = true;
        engine_answer(engine, command, ERR(OK), 0);
        return;
    }
    if (!chore->is_known) {
        chore->batch = head_gist_id(task);
        engine_answer(engine, command, ERR(OK), 0);
        return;
    }
    uint64_t mark = engine->port->documents_mark(engine->port->owner);
    if (chore->written > mark && engine_loaded(engine, command) == NULL) {
        wait_for_documents(engine, command, task, chore);
        return;
    }
    struct work work = {.engine = engine, .chore = chore, .task = task};
    apply_slice(&work, command, chore);
    work_deinit(&work);
}
