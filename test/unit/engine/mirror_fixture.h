/* SPDX-License-Identifier: Apache-2.0
 *
 * mirror_fixture.h - the engine with documents that follow it: what the real ones keep of resources
 * and members, in plain arrays, as far behind as the test says. Readers answer from it. A crash
 * loses all but the committed groups. */
#ifndef THRUM_TEST_UNIT_ENGINE_MIRROR_FIXTURE_H
#define THRUM_TEST_UNIT_ENGINE_MIRROR_FIXTURE_H

#include "engine_fixture.h"

#include "codec/json.h"
#include "model/document.h"
#include "model/perm.h"
#include "store/documents.h"

#define PROJECT_ALL UINT64_MAX
#define RUN_STEPS_MAX 10000

struct mirror_row {
    struct id id;
    bool exists;
    enum resource_kind kind;
    uint32_t account;
    struct id parent;
    struct buf text;
    struct buf scopes;
    uint64_t cleared_thngs;
    uint64_t cleared_collections;
};

struct mirror_member {
    struct id resource;
    struct id collection;
    enum resource_kind kind;
    uint64_t sequence; /* 0: no row any more */
};

struct mirror {
    struct world world; /* must be the first: it is the port's owner */
    struct buf journal; /* committed groups: bytes (u64), group */
    uint64_t last_sequence;
    int64_t last_time_ms;
    uint64_t shown; /* what readers see, and the documents' mark */
    bool is_held;   /* the documents stay where they are until somebody waits for more */
    size_t heads_max;
    struct mirror_row *rows;
    size_t row_count;
    struct mirror_member *members;
    size_t member_count;
};

/* ---- the documents ---- */

static inline struct mirror_row *mirror_row(struct mirror *mirror, const struct id *id)
{
    for (size_t i = 0; i < mirror->row_count; i++) {
        if (id_equal(&mirror->rows[i].id, id)) {
            return &mirror->rows[i];
        }
    }
    return NULL;
}

/* The row of a resource that is there; NULL. */
static inline struct mirror_row *mirror_find(struct mirror *mirror, const struct id *id)
{
    struct mirror_row *row = mirror_row(mirror, id);
    return row != NULL && row->exists ? row : NULL;
}

static inline void mirror_document(struct mirror *mirror, const struct event *event)
{
    struct mirror_row *row = mirror_row(mirror, event->resource);
    if (row == NULL) {
        mirror->rows = realloc(mirror->rows, (mirror->row_count + 1) * sizeof(*row));
        row = &mirror->rows[mirror->row_count++];
        *row = (struct mirror_row){.id = *event->resource};
    }
    assert_true(row->exists == (event->operation != OPERATION_CREATED));
    row->exists = event->operation != OPERATION_DELETED;
    row->kind = event->kind;
    row->account = event->account;
    buf_reset(&row->text);
    buf_reset(&row->scopes);
    buf_put(&row->text, event->text);
    buf_put(&row->scopes, event->scopes);
    if (row->exists && event->kind == RESOURCE_TASK) {
        (void)document_id(event->text, SLICE("batch"), &row->parent);
    }
    for (size_t i = 0; i < mirror->member_count && !row->exists; i++) {
        if (id_equal(&mirror->members[i].resource, &row->id)) {
            mirror->members[i].sequence = 0;
        }
    }
}

static inline struct mirror_member *mirror_member(struct mirror *mirror, const struct id *resource,
                                                  const struct id *collection)
{
    for (size_t i = 0; i < mirror->member_count; i++) {
        struct mirror_member *member = &mirror->members[i];
        if (id_equal(&member->resource, resource) && id_equal(&member->collection, collection)) {
            return member;
        }
    }
    return NULL;
}

static inline uint64_t mirror_cleared(struct mirror *mirror, const struct mirror_member *member)
{
    const struct mirror_row *row = mirror_find(mirror, &member->collection);
    if (row == NULL) {
        return UINT64_MAX;
    }
    return member->kind == RESOURCE_THNG ? row->cleared_thngs : row->cleared_collections;
}

static inline bool mirror_is_alive(struct mirror *mirror, const struct mirror_member *member)
{
    return member->sequence > mirror_cleared(mirror, member);
}

static inline bool mirror_has_member(struct mirror *mirror, const struct id *collection,
                                     const struct id *resource)
{
    const struct mirror_member *member = mirror_member(mirror, resource, collection);
    return member != NULL && member->sequence > 0 && mirror_is_alive(mirror, member);
}

/* What joins was out, what leaves was in: who is told only of changes depends on it. */
static inline void mirror_member_event(struct mirror *mirror, const struct event *event,
                                       const struct id *resource)
{
    struct mirror_member *member = mirror_member(mirror, resource, event->resource);
    bool is_in = mirror_has_member(mirror, event->resource, resource);
    if (event->change == MEMBERS_ADDED) {
        assert_false(is_in);
        assert_non_null(mirror_find(mirror, event->resource));
        assert_non_null(mirror_find(mirror, resource));
        if (member == NULL) {
            mirror->members =
                realloc(mirror->members, (mirror->member_count + 1) * sizeof(*member));
            member = &mirror->members[mirror->member_count++];
        }
        *member = (struct mirror_member){.resource = *resource,
                                         .collection = *event->resource,
                                         .kind = event->member_kind,
                                         .sequence = event->sequence};
        return;
    }
    bool is_notice = event->change == MEMBERS_CLEARED && event->flags == 0;
    assert_non_null(member);
    assert_true(is_in == !is_notice);
    assert_true(is_notice || member->sequence > 0);
    member->sequence = 0;
}

static inline void mirror_members_event(struct mirror *mirror, const struct event *event)
{
    assert_true(event->count > 0 && event->count <= MEMBERS_PER_EVENT_MAX);
    for (uint32_t i = 0; i < event->count; i++) {
        mirror_member_event(mirror, event, &event->members[i]);
    }
    if (event->flags & MEMBERS_ALL) {
        struct mirror_row *row = mirror_find(mirror, event->resource);
        assert_non_null(row);
        *(event->member_kind == RESOURCE_THNG ? &row->cleared_thngs : &row->cleared_collections) =
            event->sequence;
    }
}

/* Visits the committed events in order. */
typedef void (*mirror_visit_fn)(struct mirror *mirror, const struct event *event);

static inline void mirror_each(struct mirror *mirror, mirror_visit_fn visit)
{
    struct slice left = buf_data(&mirror->journal);
    while (left.bytes > 0) {
        uint64_t bytes;
        struct group group;
        struct event event;
        memcpy(&bytes, left.at, sizeof(bytes));
        assert_int_equal(group_open(slice_of(left.at + sizeof(bytes), (size_t)bytes), &group).code,
                         ERR_OK);
        struct event_walk walk = event_walk_start(&group);
        while (event_walk_next(&walk, &event)) {
            visit(mirror, &event);
        }
        left = slice_from(left, sizeof(bytes) + (size_t)bytes);
    }
}

/* An update tells which collections it is in, all of them and no others. */
static inline void mirror_check_collections(struct mirror *mirror, const struct event *event)
{
    uint32_t count = 0;
    for (size_t i = 0; i < mirror->member_count; i++) {
        const struct mirror_member *member = &mirror->members[i];
        count += id_equal(&member->resource, event->resource) && member->sequence > 0 &&
                 mirror_is_alive(mirror, member);
    }
    assert_int_equal(event->count, count);
    for (uint32_t i = 0; i < event->count; i++) {
        assert_true(mirror_has_member(mirror, &event->collections[i], event->resource));
    }
}

static inline void mirror_show_event(struct mirror *mirror, const struct event *event)
{
    if (event->sequence <= mirror->shown) {
        return;
    }
    if (event->type == EVENT_DOCUMENT) {
        mirror_document(mirror, event);
        if (event->operation == OPERATION_UPDATED) {
            mirror_check_collections(mirror, event);
        }
    } else if (event->type == EVENT_MEMBERS) {
        mirror_members_event(mirror, event);
    }
}

/* The documents come to show all that is committed. */
static inline void mirror_show(struct mirror *mirror)
{
    if (mirror->shown < mirror->last_sequence) {
        mirror_each(mirror, mirror_show_event);
        mirror->shown = mirror->last_sequence;
        mirror->world.documents_mark = mirror->shown;
    }
}

/* ---- the port ---- */

static inline struct err mirror_commit(void *owner, const struct group *group,
                                       struct slice session_writes)
{
    struct mirror *mirror = owner;
    TRY(commit(&mirror->world, group, session_writes));
    uint64_t bytes = group->bytes.bytes;
    buf_put_bytes(&mirror->journal, &bytes, sizeof(bytes));
    buf_put(&mirror->journal, group->bytes);
    assert_int_equal(group->first_sequence, mirror->last_sequence + 1);
    mirror->last_sequence = group->last_sequence;
    mirror->last_time_ms = group->time_ms;
    if (!mirror->is_held) {
        mirror_show(mirror);
    }
    return ERR(OK);
}

static inline bool mirror_reaches(struct mirror *mirror, const struct id *from, const struct id *to)
{
    if (id_equal(from, to)) {
        return true;
    }
    for (size_t i = 0; i < mirror->member_count; i++) {
        struct mirror_member *member = &mirror->members[i];
        if (member->kind == RESOURCE_COLLECTION && id_equal(&member->collection, from) &&
            mirror_has_member(mirror, from, &member->resource) &&
            mirror_reaches(mirror, &member->resource, to)) {
            return true;
        }
    }
    return false;
}

static inline void mirror_states(struct mirror *mirror, struct head_load *load)
{
    struct member_load *members = &load->members;
    for (uint32_t i = 0; i < members->id_count; i++) {
        const struct mirror_row *row = mirror_find(mirror, &members->ids[i]);
        bool is_seen = row != NULL && row->kind == members->kind;
        if (is_seen) {
            const struct perm_resource resource = {
                .account = row->account,
                .kind = row->kind,
                .id = &row->id,
                .scopes = buf_data(&row->scopes),
            };
            is_seen = !err_is_set(perm_sees(&members->actor, &resource));
        }
        bool is_in = mirror_has_member(mirror, &load->id, &members->ids[i]);
        buf_put_byte(&members->states,
                     !is_seen ? MEMBER_UNKNOWN : (is_in ? MEMBER_IN : MEMBER_OUT));
        members->makes_cycle =
            members->makes_cycle || (members->kind == RESOURCE_COLLECTION &&
                                     mirror_reaches(mirror, &members->ids[i], &load->id));
    }
}

static inline void mirror_list(struct mirror *mirror, struct head_load *load,
                               enum resource_kind kind, struct buf *listed)
{
    for (size_t i = 0; i < mirror->member_count; i++) {
        const struct mirror_member *member = &mirror->members[i];
        if (member->sequence > 0 && member->kind == kind &&
            id_equal(&member->collection, &load->id) &&
            mirror_is_alive(mirror, member) == !load->members.wants_gone &&
            buf_bytes(listed) < load->members.listed_max * sizeof(struct id)) {
            buf_put_bytes(listed, &member->resource, sizeof(member->resource));
        }
    }
}

/* What a reader would find now. */
static inline void mirror_read(struct mirror *mirror, struct head_load *load)
{
    const struct mirror_row *row = mirror_find(mirror, &load->id);
    load->read = mirror->shown;
    assert_true(load->read >= load->after);
    if (row != NULL) {
        load->found = true;
        load->kind = row->kind;
        load->account = row->account;
        load->parent = row->parent;
        for (size_t i = 0; i < mirror->member_count; i++) {
            load->may_be_member |= id_equal(&mirror->members[i].resource, &load->id);
        }
        buf_put(&load->scopes, buf_data(&row->scopes));
        if (load->want_document) {
            buf_put(&load->document, buf_data(&row->text));
        }
    }
    if (load->members.asker == NULL) {
        return;
    }
    mirror_states(mirror, load);
    mirror_list(mirror, load, load->members.kind, &load->members.listed);
    if (load->members.wants_children) {
        mirror_list(mirror, load, RESOURCE_COLLECTION, &load->members.children);
    }
    for (size_t i = 0; i < mirror->member_count; i++) {
        const struct mirror_member *member = &mirror->members[i];
        if (id_equal(&member->resource, &load->id) && member->sequence > 0 &&
            mirror_is_alive(mirror, member)) {
            buf_put_bytes(&load->members.collections, &member->collection, ID_BYTES);
            const struct mirror_row *around = mirror_find(mirror, &member->collection);
            struct slice scopes = around != NULL ? buf_data(&around->scopes) : (struct slice){0};
            buf_put_varint(&load->members.collection_scopes, scopes.bytes);
            buf_put(&load->members.collection_scopes, scopes);
        }
    }
}

/* Has a reader read for the load number <index>, and not bring it yet. */
static inline void mirror_read_load(struct mirror *mirror, size_t index)
{
    struct head_load *load = mirror->world.loads[index];
    if (load->after > mirror->shown) {
        mirror_show(mirror);
    }
    mirror_read(mirror, load);
}

/* Brings what was read for the oldest load. */
static inline void mirror_bring(struct mirror *mirror)
{
    struct head_load *load = take_load(&mirror->world);
    engine_accept(mirror->world.engine, load->batch);
    engine_turn(mirror->world.engine);
}

static inline void mirror_answer_load(struct mirror *mirror)
{
    mirror_read_load(mirror, 0);
    mirror_bring(mirror);
}

/* Goes on until nobody waits and there is nothing left to do. */
static inline void mirror_settle(struct mirror *mirror)
{
    unsigned steps = 0;
    while (mirror->world.load_count > 0 || engine_has_work(mirror->world.engine)) {
        assert_true(++steps < RUN_STEPS_MAX);
        if (mirror->world.load_count > 0) {
            mirror_answer_load(mirror);
        } else {
            engine_turn(mirror->world.engine);
        }
    }
}

static inline enum err_code mirror_outcome(struct mirror *mirror, struct command_batch *batch)
{
    run(&mirror->world, batch);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, 1);
    return mirror->world.answers[0].err.code;
}

/* ---- life ---- */

static inline void mirror_start(struct mirror *mirror)
{
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = mirror->heads_max,
        .properties_per_resource_max = 4,
        .task_quantity_max = 1000,
        .hash_seed = 99,
        .last_sequence = mirror->last_sequence,
        .last_time_ms = mirror->last_time_ms,
        .last_property = 1000000, /* above any that was given out */
    };
    mirror->world.engine = engine_new(&options, &mirror->world.port);
    assert_non_null(mirror->world.engine);
}

static inline int mirror_setup(void **state)
{
    struct mirror *mirror = calloc(1, sizeof(*mirror));
    struct world *world = &mirror->world;
    world->now_ms = 1700000000000;
    rand_seed(&world->rand, 7);
    world->port = (struct engine_port){
        .owner = mirror,
        .commit = mirror_commit,
        .sessions_gone = sessions_gone,
        .answer = answer,
        .publish = publish,
        .flush = flush,
        .load = load,
        .now_ms = now_ms,
        .documents_mark = documents_mark,
        .rand = &world->rand,
    };
    mirror->heads_max = 100000;
    mirror_start(mirror);
    *state = mirror;
    return 0;
}

static inline void mirror_drop_loads(struct mirror *mirror)
{
    while (mirror->world.load_count > 0) {
        struct head_load *lost = take_load(&mirror->world);
        head_load_deinit(lost);
        free(lost->batch);
    }
}

/* The process dies: what is not committed is lost. Another starts when the documents have caught
 * up; it knows nothing but the journal and the documents. */
static inline void mirror_crash(struct mirror *mirror)
{
    mirror_drop_loads(mirror);
    engine_free(mirror->world.engine);
    mirror->world.answer_count = 0;
    mirror_show(mirror);
    mirror_start(mirror);
}

static inline bool mirror_task_is_pending(const struct mirror_row *row)
{
    struct slice status = document_text(buf_data(&row->text), SLICE("status"));
    return slice_equal(status, SLICE("PENDING")) || slice_equal(status, SLICE("EXECUTING"));
}

/* What the server does after each start. */
static inline void mirror_resume(struct mirror *mirror)
{
    struct engine *engine = mirror->world.engine;
    for (size_t i = 0; i < mirror->row_count; i++) {
        const struct mirror_row *row = &mirror->rows[i];
        if (row->exists && row->kind == RESOURCE_TASK && mirror_task_is_pending(row)) {
            engine_resume_task(engine, row->account, &row->id);
        }
    }
    for (size_t i = 0; i < mirror->member_count; i++) {
        const struct mirror_member *member = &mirror->members[i];
        if (member->sequence > 0 && !mirror_is_alive(mirror, member)) {
            engine_resume_notices(engine, OPERATOR_ACCOUNT, &member->collection);
        }
    }
}

static inline int mirror_teardown(void **state)
{
    struct mirror *mirror = *state;
    mirror_drop_loads(mirror);
    engine_free(mirror->world.engine);
    for (size_t i = 0; i < mirror->row_count; i++) {
        buf_deinit(&mirror->rows[i].text);
        buf_deinit(&mirror->rows[i].scopes);
    }
    free(mirror->rows);
    free(mirror->members);
    buf_deinit(&mirror->journal);
    buf_deinit(&mirror->world.groups);
    free_grants(&mirror->world);
    free(mirror);
    return 0;
}

/* ---- what is asked of documents ---- */

static inline struct json_value mirror_json(struct mirror *mirror, const struct id *id)
{
    mirror_show(mirror);
    const struct mirror_row *row = mirror_find(mirror, id);
    assert_non_null(row);
    struct json_value root;
    assert_int_equal(json_scan(buf_data(&row->text), JSON_DEPTH_MAX, &root).code, ERR_OK);
    return root;
}

static inline void assert_json(struct json_value value, const char *text)
{
    if (!slice_equal(value.text, slice_of_text(text))) {
        fail_msg("%.*s is not %s", SLICE_ARGS(value.text), text);
    }
}

#endif
