/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in which collection: random changes beside a table of bits; and the work that is found
 * again after a start. */
#include "base/rand.h"
#include "unit/store/documents_fixture.h"

#define THNG_COUNT 40
#define COLLECTION_COUNT 8
#define NODE_COUNT (THNG_COUNT + COLLECTION_COUNT) /* whatever can be a member */
#define THNG_ID(i) id_of(100 + (i))
#define COLLECTION_ID(i) id_of(200 + (i))
#define NODE_ID(i) ((i) < THNG_COUNT ? THNG_ID(i) : COLLECTION_ID((i)-THNG_COUNT))
#define PROJECT id_of(9)
#define OTHER_PROJECT id_of(8)

/* What the table knows. <joined> is the event that put it in; 0: it is no member. */
struct groups {
    struct bench bench;
    struct rand rand;
    bool exists[NODE_COUNT];
    bool is_visible[NODE_COUNT]; /* in the project */
    uint64_t joined[NODE_COUNT][COLLECTION_COUNT];
    bool is_left[NODE_COUNT][COLLECTION_COUNT]; /* taken out, and no event has listed it */
};

static unsigned below(struct groups *groups, unsigned bound)
{
    return (unsigned)rand_below(&groups->rand, bound);
}

static enum resource_kind kind_of(unsigned node)
{
    return node < THNG_COUNT ? RESOURCE_THNG : RESOURCE_COLLECTION;
}

/* ---- changes, to the documents and to the table ---- */

static void write_node(struct groups *groups, unsigned node, enum event_operation operation)
{
    struct id id = NODE_ID(node);
    struct id project = PROJECT;
    struct id other = OTHER_PROJECT;
    char scopes[96];
    if (groups->is_visible[node] && node % 2) {
        snprintf(scopes, sizeof(scopes), "{\"users\":[],\"projects\":[\"all\"]}");
    } else {
        snprintf(scopes, sizeof(scopes), "{\"users\":[],\"projects\":[\"%.24s\"]}",
                 groups->is_visible[node] ? project.text : other.text);
    }
    bool is_there = operation != OPERATION_DELETED;
    group_write_document(&groups->bench.group, ACCOUNT, operation, kind_of(node), &id,
                         is_there ? SLICE("{\"createdAt\":5}") : (struct slice){0},
                         is_there ? slice_of_text(scopes) : (struct slice){0});
}

static uint64_t write_change(struct groups *groups, enum member_change change, uint8_t flags,
                             unsigned collection, const unsigned *nodes, uint32_t count)
{
    struct id id = COLLECTION_ID(collection);
    struct id ids[NODE_COUNT];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = NODE_ID(nodes[i]);
    }
    return group_write_members(&groups->bench.group, ACCOUNT, change, flags, &id, (struct slice){0},
                               kind_of(nodes[0]), ids, count);
}

static void add_one(struct groups *groups, unsigned node, unsigned collection)
{
    if (groups->exists[node] && groups->exists[THNG_COUNT + collection] &&
        groups->joined[node][collection] == 0) {
        groups->joined[node][collection] =
            write_change(groups, MEMBERS_ADDED, 0, collection, &node, 1);
        groups->is_left[node][collection] = false;
    }
}

static void remove_one(struct groups *groups, unsigned node, unsigned collection)
{
    if (groups->joined[node][collection] != 0) {
        write_change(groups, MEMBERS_REMOVED, 0, collection, &node, 1);
        groups->joined[node][collection] = 0;
    }
}

/* Empties a collection of one kind; the event lists one of its members. */
static void clear(struct groups *groups, unsigned collection, enum resource_kind kind)
{
    unsigned listed[1];
    uint32_t count = 0;
    for (unsigned node = 0; node < NODE_COUNT; node++) {
        if (kind_of(node) == kind && groups->joined[node][collection] != 0) {
            groups->joined[node][collection] = 0;
            groups->is_left[node][collection] = count >= ARRAY_LEN(listed);
            if (count < ARRAY_LEN(listed)) {
                listed[count++] = node;
            }
        }
    }
    if (count > 0) {
        write_change(groups, MEMBERS_CLEARED, MEMBERS_ALL, collection, listed, count);
    }
}

/* Lists one more of those that were taken out. */
static void list_left(struct groups *groups, unsigned node, unsigned collection)
{
    if (groups->is_left[node][collection]) {
        write_change(groups, MEMBERS_CLEARED, 0, collection, &node, 1);
        groups->is_left[node][collection] = false;
    }
}

/* A collection goes as the engine has it go: emptied, and out of those that it is in. */
static void delete_node(struct groups *groups, unsigned node)
{
    if (kind_of(node) == RESOURCE_COLLECTION) {
        clear(groups, node - THNG_COUNT, RESOURCE_THNG);
        clear(groups, node - THNG_COUNT, RESOURCE_COLLECTION);
    }
    for (unsigned collection = 0; collection < COLLECTION_COUNT; collection++) {
        remove_one(groups, node, collection);
        groups->is_left[node][collection] = false; /* its rows go with it */
    }
    write_node(groups, node, OPERATION_DELETED);
    groups->exists[node] = false;
}

static void change(struct groups *groups)
{
    unsigned node = below(groups, NODE_COUNT);
    unsigned collection = below(groups, COLLECTION_COUNT);
    switch (below(groups, 24)) {
    case 0:
        clear(groups, collection, RESOURCE_THNG);
        return;
    case 1:
        clear(groups, collection, RESOURCE_COLLECTION);
        return;
    case 2:
        if (groups->exists[node]) {
            delete_node(groups, node);
        } else {
            /* A deleted collection whose members are not all listed keeps its id for itself. */
            bool is_free = true;
            for (unsigned i = 0; kind_of(node) == RESOURCE_COLLECTION && i < NODE_COUNT; i++) {
                is_free &= !groups->is_left[i][node - THNG_COUNT];
            }
            groups->exists[node] = is_free;
            write_node(groups, node, is_free ? OPERATION_CREATED : OPERATION_DELETED);
        }
        return;
    case 3:
    case 4:
    case 5:
    case 6:
        remove_one(groups, node, collection);
        return;
    case 7:
    case 8:
        list_left(groups, node, collection);
        return;
    default:
        add_one(groups, node, collection);
        return;
    }
}

/* ---- questions ---- */

static void check_collections_of(struct groups *groups, unsigned node)
{
    struct id id = NODE_ID(node);
    struct id found[3];
    uint32_t count;
    assert_ok(documents_collections_of(groups->bench.reader, &id, found, 3, &count));
    uint64_t before = 0;
    uint32_t wanted = 0;
    for (;; wanted++) { /* in the order of joining */
        unsigned next = COLLECTION_COUNT;
        for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
            uint64_t joined = groups->joined[node][i];
            if (joined > before &&
                (next == COLLECTION_COUNT || joined < groups->joined[node][next])) {
                next = i;
            }
        }
        if (next == COLLECTION_COUNT) {
            break;
        }
        struct id collection = COLLECTION_ID(next);
        assert_true(wanted >= 3 || id_equal(&found[wanted], &collection));
        before = groups->joined[node][next];
    }
    assert_int_equal(count, wanted);
}

static void check_states(struct groups *groups, unsigned collection, enum resource_kind kind,
                         bool in_project)
{
    struct id ids[NODE_COUNT];
    enum member_state states[NODE_COUNT];
    for (unsigned node = 0; node < NODE_COUNT; node++) {
        ids[node] = NODE_ID(node);
    }
    struct id id = COLLECTION_ID(collection);
    struct id project = PROJECT;
    assert_ok(documents_member_states(groups->bench.reader, ACCOUNT, in_project ? &project : NULL,
                                      &id, kind, ids, NODE_COUNT, states));
    for (unsigned node = 0; node < NODE_COUNT; node++) {
        bool is_known = groups->exists[node] && kind_of(node) == kind &&
                        (!in_project || groups->is_visible[node]);
        bool is_in = groups->joined[node][collection] != 0;
        assert_int_equal(states[node], !is_known ? MEMBER_UNKNOWN : is_in ? MEMBER_IN : MEMBER_OUT);
    }
    assert_ok(documents_member_states(groups->bench.reader, ACCOUNT + 1, NULL, &id, kind, ids, 1,
                                      states));
    assert_int_equal(states[0], MEMBER_UNKNOWN);
}

static void check_members(struct groups *groups, unsigned collection, enum resource_kind kind,
                          bool wants_gone)
{
    struct id id = COLLECTION_ID(collection);
    struct id found[NODE_COUNT];
    uint32_t count;
    assert_ok(
        documents_members(groups->bench.reader, &id, kind, wants_gone, found, NODE_COUNT, &count));
    uint32_t wanted = 0;
    for (unsigned node = 0; node < NODE_COUNT; node++) { /* all of one time: by id */
        bool is_wanted =
            wants_gone ? groups->is_left[node][collection] : groups->joined[node][collection] != 0;
        if (is_wanted && kind_of(node) == kind) {
            struct id member = NODE_ID(node);
            assert_true(wanted < count && id_equal(&found[wanted], &member));
            wanted++;
        }
    }
    assert_int_equal(count, wanted);
    assert_ok(documents_members(groups->bench.reader, &id, kind, wants_gone, found, 2, &count));
    assert_int_equal(count, wanted < 2 ? wanted : 2);
}

/* Is <to> at or below <from>? By all ways down, so cycles end by their length. */
static bool is_below(const struct groups *groups, unsigned from, unsigned to, unsigned steps)
{
    if (from == to) {
        return true;
    }
    for (unsigned child = 0; steps > 0 && child < COLLECTION_COUNT; child++) {
        if (groups->joined[THNG_COUNT + child][from] != 0 &&
            is_below(groups, child, to, steps - 1)) {
            return true;
        }
    }
    return false;
}

static void check_reaches(struct groups *groups)
{
    unsigned from = below(groups, COLLECTION_COUNT);
    unsigned to = below(groups, COLLECTION_COUNT);
    struct id from_id = COLLECTION_ID(from);
    struct id to_id = COLLECTION_ID(to);
    bool reaches;
    assert_ok(documents_reaches(groups->bench.reader, &from_id, &to_id, &reaches));
    assert_int_equal(reaches, is_below(groups, from, to, COLLECTION_COUNT));
}

struct pending {
    bool seen[COLLECTION_COUNT];
    uint32_t count;
    uint32_t max;
};

static bool see_pending(void *arg, uint32_t account, const struct id *id)
{
    struct pending *pending = arg;
    assert_int_equal(account, ACCOUNT);
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
        struct id collection = COLLECTION_ID(i);
        pending->seen[i] |= id_equal(id, &collection);
    }
    return ++pending->count != pending->max;
}

static void check_pending(struct groups *groups)
{
    struct pending pending = {0};
    assert_ok(documents_pending_members(groups->bench.reader, see_pending, &pending));
    for (unsigned collection = 0; collection < COLLECTION_COUNT; collection++) {
        bool has_left = false;
        for (unsigned node = 0; node < NODE_COUNT; node++) {
            has_left |= groups->is_left[node][collection];
        }
        assert_int_equal(pending.seen[collection], has_left);
    }
    if (pending.count > 1) {
        pending = (struct pending){.max = 1};
        assert_ok(documents_pending_members(groups->bench.reader, see_pending, &pending));
        assert_int_equal(pending.count, 1);
    }
}

/* Within a moment of the caller's, or each read by itself. */
static void check(struct groups *groups, bool in_moment)
{
    if (in_moment) {
        assert_ok(documents_reader_begin(groups->bench.reader));
    }
    check_collections_of(groups, below(groups, NODE_COUNT));
    check_states(groups, below(groups, COLLECTION_COUNT), kind_of(below(groups, NODE_COUNT)),
                 below(groups, 2));
    check_members(groups, below(groups, COLLECTION_COUNT), RESOURCE_THNG, below(groups, 2));
    check_members(groups, below(groups, COLLECTION_COUNT), RESOURCE_COLLECTION, below(groups, 2));
    for (unsigned i = 0; i < 8; i++) {
        check_reaches(groups);
    }
    check_pending(groups);
    if (in_moment) {
        documents_reader_end(groups->bench.reader);
    }
}

static void test_random_changes(void **state)
{
    (void)state;
    struct groups *groups = calloc(1, sizeof(*groups));
    assert_non_null(groups);
    rand_seed(&groups->rand, 3);
    open_bench(&groups->bench);
    for (unsigned node = 0; node < NODE_COUNT; node++) {
        groups->exists[node] = true;
        groups->is_visible[node] = below(groups, 2);
        write_node(groups, node, OPERATION_CREATED);
    }
    for (unsigned round = 0; round < 600; round++) {
        for (unsigned i = below(groups, 8) + 1; i > 0; i--) {
            change(groups);
        }
        write_node(groups, 0, groups->exists[0] ? OPERATION_UPDATED : OPERATION_DELETED);
        assert_ok(apply(&groups->bench));
        check(groups, false);
        check(groups, true);
    }
    close_bench(&groups->bench);
    free(groups);
}

/* ---- tasks ---- */

struct tasks_seen {
    char text[64];
    uint32_t stop_at;
};

static bool see_task(void *arg, uint32_t account, const struct id *id)
{
    struct tasks_seen *seen = arg;
    size_t bytes = strlen(seen->text);
    snprintf(seen->text + bytes, sizeof(seen->text) - bytes, "%u:%c ", account,
             id->text[ID_BYTES - 1]);
    return seen->stop_at == 0 || id->text[ID_BYTES - 1] != (char)('0' + seen->stop_at);
}

static void put_task(struct bench *bench, uint32_t account, uint32_t number, const char *text)
{
    struct id id = id_of(number);
    group_write_document(&bench->group, account, OPERATION_CREATED, RESOURCE_TASK, &id,
                         slice_of_text(text), (struct slice){0});
}

static void test_pending_tasks(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    for (uint32_t account = 1; account <= 2; account++) {
        struct id id = id_of(50 + account);
        group_write_document(&bench.group, account, OPERATION_CREATED, RESOURCE_ACCOUNT, &id,
                             SLICE("{\"createdAt\":1}"), (struct slice){0});
    }
    put_task(&bench, 2, 1, "{\"createdAt\":7,\"status\":\"PENDING\"}");
    put_task(&bench, 1, 2, "{\"createdAt\":6,\"status\":\"EXECUTED\"}");
    put_task(&bench, 1, 3, "{\"createdAt\":8,\"status\":\"PENDING\",\"logs\":[{\"a\":1}]}");
    put_task(&bench, 1, 4, "{\"createdAt\":5,\"status\":\"EXECUTING\"}");
    put_task(&bench, 1, 5, "{\"createdAt\":4,\"status\":\"EXECUTED_WITH_FAILURES\"}");
    put_task(&bench, 2, 6, "{\"createdAt\":3,\"status\":\"FAILED\"}");
    assert_ok(apply(&bench));
    struct tasks_seen seen = {0};
    assert_ok(documents_pending_tasks(bench.reader, see_task, &seen));
    assert_string_equal(seen.text, "1:4 2:1 1:3 ");
    seen = (struct tasks_seen){.stop_at = 1};
    assert_ok(documents_pending_tasks(bench.reader, see_task, &seen));
    assert_string_equal(seen.text, "1:4 2:1 ");
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_pending_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
