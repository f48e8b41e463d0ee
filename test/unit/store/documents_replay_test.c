/* SPDX-License-Identifier: Apache-2.0
 *
 * A random program of events of all kinds, such as an engine writes, comes to the same tables
 * however it is cut into transactions, rolled back, begun again after a restart, and cleaned. */
#include "unit/store/writer_fixture.h"

#include "base/rand.h"

#define GROUPS 160
#define EVENTS_PER_GROUP 12
#define RESOURCES_MAX (GROUPS * EVENTS_PER_GROUP)
#define PROPERTY_NONE 0

/* A resource that was made; its number is its index + 1. */
struct resource {
    enum resource_kind kind;
    bool is_alive;
    uint32_t parent;   /* an application's project, an action's type, a user's application, that
                          of a taken name or 0, the user whom a share is for */
    uint32_t sharer;   /* the user whose share it is */
    uint32_t property; /* alive, of a thng */
};

struct program {
    struct rand rand;
    struct group_writer writer;
    struct resource resources[RESOURCES_MAX];
    uint32_t count;
    uint32_t properties;
    uint64_t next;               /* sequence */
    struct slice groups[GROUPS]; /* owned */
};

static bool chance(struct program *program, uint32_t of)
{
    return rand_below(&program->rand, of) == 0;
}

/* One of that kind that is alive; 0 when a few tries find none. */
static uint32_t pick(struct program *program, enum resource_kind kind)
{
    for (uint32_t i = 0; i < 30 && program->count > 0; i++) {
        uint32_t number = (uint32_t)rand_below(&program->rand, program->count) + 1;
        const struct resource *resource = &program->resources[number - 1];
        if (resource->is_alive && resource->kind == kind) {
            return number;
        }
    }
    return 0;
}

static void put_reference(struct program *program, struct buf *text, const char *name,
                          enum resource_kind kind)
{
    uint32_t number = pick(program, kind);
    if (number != 0 && chance(program, 2)) {
        struct id id = id_of(number);
        buf_put_format(text, ",\"%s\":\"%.24s\"", name, id.text);
    }
}

static void put_scope(struct buf *scopes, uint32_t number)
{
    struct id id = id_of(number);
    if (number != 0) {
        buf_put_format(scopes, "%s\"%.24s\"", scopes->at[scopes->tail - 1] == '[' ? "" : ",",
                       id.text);
    }
}

/* Scopes of projects and users that exist; empty for none. */
static void put_scopes(struct program *program, struct buf *scopes)
{
    if (chance(program, 2)) {
        return;
    }
    uint32_t first = pick(program, RESOURCE_PROJECT);
    uint32_t second = pick(program, RESOURCE_PROJECT);
    buf_put_format(scopes, "{\"users\":[%s", chance(program, 2) ? "\"all\"" : "");
    put_scope(scopes, chance(program, 2) ? pick(program, RESOURCE_USER) : 0);
    buf_put_format(scopes, "],\"projects\":[%s", chance(program, 4) ? "\"all\"" : "");
    put_scope(scopes, first);
    put_scope(scopes, second != first ? second : 0);
    buf_put_format(scopes, "]}");
}

/* Of a user itself, of a share the user whose it is. */
static void put_scopes_of(struct program *program, uint32_t number, struct buf *scopes)
{
    const struct resource *resource = &program->resources[number - 1];
    if (resource->kind != RESOURCE_USER && resource->kind != RESOURCE_SHARE) {
        put_scopes(program, scopes);
        return;
    }
    buf_put_format(scopes, "{\"users\":[");
    put_scope(scopes, resource->kind == RESOURCE_USER ? number : resource->sharer);
    buf_put_format(scopes, "],\"projects\":[");
    put_scope(scopes, pick(program, RESOURCE_PROJECT));
    buf_put_format(scopes, "]}");
}

/* The name of an action type: few, so that deleted ones are made again. */
static uint32_t type_name(uint32_t number)
{
    return number % 3;
}

static void put_members_of(struct program *program, uint32_t number, struct buf *text)
{
    const struct resource *resource = &program->resources[number - 1];
    struct id parent = id_of(resource->parent);
    switch (resource->kind) {
    case RESOURCE_THNG:
        put_reference(program, text, "product", RESOURCE_PRODUCT);
        put_reference(program, text, "batch", RESOURCE_BATCH);
        break;
    case RESOURCE_PLACE:
        if (!chance(program, 3)) {
            buf_put_format(text, ",\"latitude\":%d,\"longitude\":%d.5",
                           (int)rand_below(&program->rand, 180) - 90,
                           (int)rand_below(&program->rand, 360) - 180);
        }
        break;
    case RESOURCE_APPLICATION:
        buf_put_format(text, ",\"project\":\"%.24s\",\"defaultRole\":\"base_app_user\"",
                       parent.text);
        break;
    case RESOURCE_USER:
        buf_put_format(text, ",\"app\":\"%.24s\",\"role\":\"r%u\",\"email\":\"%u@x\"", parent.text,
                       number % 3, number);
        break;
    case RESOURCE_SHARE:
        buf_put_format(text, ",\"user\":\"%.24s\"", parent.text);
        break;
    case RESOURCE_NAME:
        if (resource->parent != 0) {
            buf_put_format(text, ",\"app\":\"%.24s\"", parent.text);
        }
        break;
    case RESOURCE_TASK:
        buf_put_format(text, ",\"batch\":\"%.24s\"", parent.text);
        break;
    case RESOURCE_ACTION_TYPE:
        buf_put_format(text, ",\"name\":\"_t%u\"", type_name(number));
        break;
    case RESOURCE_ACTION:
        if (resource->parent != 0) {
            buf_put_format(text, ",\"type\":\"_t%u\"", type_name(resource->parent));
        } else {
            buf_put_format(text, ",\"type\":\"scans\"");
        }
        buf_put_format(text, ",\"timestamp\":%u", (unsigned)rand_below(&program->rand, 50));
        put_reference(program, text, "thng", RESOURCE_THNG);
        put_reference(program, text, "product", RESOURCE_PRODUCT);
        put_reference(program, text, "collection", RESOURCE_COLLECTION);
        break;
    default:
        break;
    }
}

static void write_text(struct program *program, enum event_operation operation, uint32_t number)
{
    const struct resource *resource = &program->resources[number - 1];
    struct buf text = {0};
    struct buf scopes = {0};
    struct id id = id_of(number);
    if (operation != OPERATION_DELETED) {
        buf_put_format(&text, "{\"id\":\"%.24s\",\"createdAt\":%u,\"updatedAt\":%u", id.text,
                       number / 3, (unsigned)rand_below(&program->rand, 1000));
        if (chance(program, 2)) {
            buf_put_format(&text, ",\"tags\":[\"t%u\",\"\\u0061\"]", number % 5);
        }
        if (chance(program, 2)) {
            buf_put_format(&text, ",\"identifiers\":{\"sn\":\"%u\",\"n\":%u}", number, number % 5);
        }
        put_members_of(program, number, &text);
        buf_put_byte(&text, '}');
        put_scopes_of(program, number, &scopes);
    }
    group_write_document(&program->writer, ACCOUNT, operation, resource->kind, &id, buf_data(&text),
                         buf_data(&scopes));
    buf_deinit(&text);
    buf_deinit(&scopes);
}

/* ---- events ---- */

static void write_app_keys(struct program *program, enum event_operation operation, uint32_t number)
{
    uint8_t hash[KEY_HASH_BYTES] = {0};
    struct id id = id_of(number);
    memcpy(hash, &number, sizeof(number));
    group_write_key(&program->writer, ACCOUNT, operation, KEY_APPLICATION, &id, hash, SLICE("s"));
    hash[31] = 1;
    group_write_key(&program->writer, ACCOUNT, operation, KEY_TRUSTED, &id, hash, SLICE("s"));
}

static void write_user_key(struct program *program, enum event_operation operation, uint32_t number)
{
    uint8_t hash[KEY_HASH_BYTES] = {0};
    struct id id = id_of(number);
    memcpy(hash, &number, sizeof(number));
    group_write_key(&program->writer, ACCOUNT, operation, KEY_USER, &id, hash, SLICE("s"));
}

static bool has_type_of_name(const struct program *program, uint32_t name)
{
    for (uint32_t i = 0; i < program->count; i++) {
        const struct resource *resource = &program->resources[i];
        if (resource->kind == RESOURCE_ACTION_TYPE && resource->is_alive &&
            type_name(i + 1) == name) {
            return true;
        }
    }
    return false;
}

static void create(struct program *program)
{
    enum resource_kind kind = (enum resource_kind)(
        RESOURCE_THNG + (int)rand_below(&program->rand, RESOURCE_KIND_COUNT - RESOURCE_THNG));
    static const enum resource_kind of_projects[] = {RESOURCE_PROJECT, RESOURCE_APPLICATION,
                                                     RESOURCE_USER, RESOURCE_USER, RESOURCE_SHARE};
    uint32_t parent = 0;
    if (chance(program, 4)) {
        kind = of_projects[rand_below(&program->rand, ARRAY_LEN(of_projects))];
    } else if (chance(program, 2)) {
        kind = chance(program, 2) ? RESOURCE_THNG : RESOURCE_ACTION;
    }
    if (kind == RESOURCE_APPLICATION) {
        parent = pick(program, RESOURCE_PROJECT);
    } else if (kind == RESOURCE_TASK) {
        parent = pick(program, RESOURCE_BATCH);
    } else if (kind == RESOURCE_ACTION) {
        parent = pick(program, RESOURCE_ACTION_TYPE);
    } else if (kind == RESOURCE_USER || (kind == RESOURCE_NAME && chance(program, 2))) {
        parent = pick(program, RESOURCE_APPLICATION);
    } else if (kind == RESOURCE_SHARE) {
        parent = pick(program, RESOURCE_USER);
    }
    uint32_t sharer = kind == RESOURCE_SHARE ? pick(program, RESOURCE_USER) : 0;
    bool must_have_parent = kind == RESOURCE_APPLICATION || kind == RESOURCE_TASK ||
                            kind == RESOURCE_USER || kind == RESOURCE_SHARE;
    if ((must_have_parent && parent == 0) || (kind == RESOURCE_SHARE && sharer == 0) ||
        (kind == RESOURCE_ACTION_TYPE &&
         has_type_of_name(program, type_name(program->count + 1)))) {
        return;
    }
    assert_true(program->count < RESOURCES_MAX);
    program->resources[program->count++] =
        (struct resource){.kind = kind, .is_alive = true, .parent = parent, .sharer = sharer};
    write_text(program, OPERATION_CREATED, program->count);
    if (kind == RESOURCE_APPLICATION) {
        write_app_keys(program, OPERATION_CREATED, program->count);
    } else if (kind == RESOURCE_USER) {
        write_user_key(program, OPERATION_CREATED, program->count);
    }
}

/* Does the resource go with one of that kind, when that is <owner> of it? */
static bool goes_with(const struct resource *resource, enum resource_kind kind, uint32_t owner)
{
    switch (resource->kind) {
    case RESOURCE_APPLICATION:
        return kind == RESOURCE_PROJECT && resource->parent == owner;
    case RESOURCE_ACTION:
        return kind == RESOURCE_ACTION_TYPE && resource->parent == owner;
    case RESOURCE_USER:
    case RESOURCE_NAME:
        return kind == RESOURCE_APPLICATION && resource->parent == owner;
    case RESOURCE_SHARE:
        return kind == RESOURCE_USER && (resource->parent == owner || resource->sharer == owner);
    default:
        return false;
    }
}

/* It is gone at once for an engine, with all that goes with it. Owners are older. */
static void forget(struct program *program, uint32_t number)
{
    program->resources[number - 1].is_alive = false;
    bool *is_gone = calloc(program->count + 1, sizeof(*is_gone));
    assert_non_null(is_gone);
    is_gone[number] = true;
    for (uint32_t i = number; i <= program->count; i++) {
        for (uint32_t j = i; is_gone[i] && j < program->count; j++) {
            struct resource *resource = &program->resources[j];
            if (goes_with(resource, program->resources[i - 1].kind, i)) {
                resource->is_alive = false;
                is_gone[j + 1] = true;
            }
        }
    }
    free(is_gone);
}

static void delete_one(struct program *program)
{
    uint32_t number = (uint32_t)rand_below(&program->rand, program->count) + 1;
    struct resource *resource = &program->resources[number - 1];
    if (!resource->is_alive) {
        return;
    }
    if (resource->kind == RESOURCE_APPLICATION) {
        write_app_keys(program, OPERATION_DELETED, number);
    } else if (resource->kind == RESOURCE_USER) {
        write_user_key(program, OPERATION_DELETED, number);
    }
    write_text(program, OPERATION_DELETED, number);
    forget(program, number);
}

static void update(struct program *program)
{
    uint32_t number = (uint32_t)rand_below(&program->rand, program->count) + 1;
    const struct resource *resource = &program->resources[number - 1];
    if (resource->is_alive && resource->kind != RESOURCE_ACTION) {
        write_text(program, OPERATION_UPDATED, number);
    }
}

static void change_members(struct program *program)
{
    uint32_t collection = pick(program, RESOURCE_COLLECTION);
    enum resource_kind kind = chance(program, 3) ? RESOURCE_COLLECTION : RESOURCE_THNG;
    struct id ids[5];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
        uint32_t number = pick(program, kind);
        if (number != 0) {
            ids[count++] = id_of(number);
        }
    }
    if (collection == 0 || count == 0) {
        return;
    }
    enum member_change change = chance(program, 4)   ? MEMBERS_CLEARED
                                : chance(program, 3) ? MEMBERS_REMOVED
                                                     : MEMBERS_ADDED;
    uint8_t flags = change == MEMBERS_CLEARED && !chance(program, 3) ? MEMBERS_ALL : 0;
    struct id id = id_of(collection);
    group_write_members(&program->writer, ACCOUNT, change, flags, &id, (struct slice){0}, kind, ids,
                        count);
}

static void change_property(struct program *program)
{
    uint32_t number = pick(program, RESOURCE_THNG);
    if (number == 0) {
        return;
    }
    struct resource *resource = &program->resources[number - 1];
    struct id id = id_of(number);
    if (resource->property == PROPERTY_NONE) {
        resource->property = ++program->properties;
        struct point point = {.flags = POINT_NEW_PROPERTY,
                              .property = resource->property,
                              .key = SLICE("k"),
                              .value = SLICE("1")};
        group_write_points(&program->writer, ACCOUNT, RESOURCE_THNG, &id, (struct slice){0}, 0,
                           &point, 1);
    } else {
        struct cut cut = {.flags = CUT_RETIRE,
                          .property = resource->property,
                          .key = SLICE("k"),
                          .to_ms = INT64_MAX};
        group_write_cuts(&program->writer, ACCOUNT, RESOURCE_THNG, &id, &cut, 1);
        resource->property = PROPERTY_NONE;
    }
}

static void write_event(struct program *program)
{
    switch (rand_below(&program->rand, 10)) {
    case 0:
        delete_one(program);
        break;
    case 1:
    case 2:
        update(program);
        break;
    case 3:
    case 4:
        change_members(program);
        break;
    case 5:
        change_property(program);
        break;
    default:
        create(program);
        break;
    }
}

/* ---- the program ---- */

static struct program *make_program(uint64_t seed)
{
    struct program *program = calloc(1, sizeof(*program));
    assert_non_null(program);
    rand_seed(&program->rand, seed);
    program->next = 1;
    for (uint32_t i = 0; i < GROUPS; i++) {
        group_writer_start(&program->writer, program->next, TIME_MS + i);
        program->resources[program->count++] =
            (struct resource){.kind = RESOURCE_THNG, .is_alive = true};
        write_text(program, OPERATION_CREATED, program->count);
        for (uint32_t j = 0; j + 1 < EVENTS_PER_GROUP; j++) {
            write_event(program);
        }
        struct slice bytes;
        struct group group;
        assert_ok(group_writer_close(&program->writer, &bytes));
        uint8_t *kept = malloc(bytes.bytes);
        assert_non_null(kept);
        memcpy(kept, bytes.at, bytes.bytes);
        program->groups[i] = slice_of(kept, bytes.bytes);
        assert_ok(group_open(program->groups[i], &group));
        program->next = group.last_sequence + 1;
    }
    return program;
}

static void free_program(struct program *program)
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        free((void *)program->groups[i].at); /* ours, const for its readers */
    }
    group_writer_deinit(&program->writer);
    free(program);
}

/* The first group that is behind the position. */
static uint32_t next_group(const struct program *program, const struct documents *documents)
{
    uint32_t index = 0;
    struct group group;
    for (; index < GROUPS; index++) {
        assert_ok(group_open(program->groups[index], &group));
        if (group.last_sequence > documents_position(documents)) {
            break;
        }
    }
    return index;
}

static void apply_one(struct program *program, struct bench *bench, uint32_t index)
{
    struct group group;
    assert_ok(group_open(program->groups[index], &group));
    assert_ok(group.has_documents ? documents_apply(bench->documents, &group)
                                  : documents_skip(bench->documents, &group));
}

/* Each group in a transaction of its own; cleaned when all is there. */
static void run_plainly(struct program *program, struct bench *bench)
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        assert_ok(documents_begin(bench->documents));
        apply_one(program, bench, i);
        assert_ok(documents_commit(bench->documents));
    }
    clean_all(bench, UINT32_MAX);
}

/* Transactions of any length, which fail, files that are closed in the middle of one, and a little
 * cleaning here and there. Some groups before the position are given once more. */
static void run_wildly(struct program *program, struct bench *bench, struct rand *rand)
{
    bool is_done;
    while (next_group(program, bench->documents) < GROUPS) {
        uint32_t index = next_group(program, bench->documents);
        index -= (uint32_t)rand_below(rand, index + 1) / 4;
        uint32_t count = (uint32_t)rand_below(rand, 12) + 1;
        assert_ok(documents_begin(bench->documents));
        for (uint32_t i = 0; i < count && index < GROUPS; i++, index++) {
            apply_one(program, bench, index);
            if (rand_below(rand, 4) == 0) {
                assert_ok(
                    documents_clean(bench->documents, (uint32_t)rand_below(rand, 6) + 1, &is_done));
            }
        }
        switch (rand_below(rand, 6)) {
        case 0:
            documents_rollback(bench->documents);
            break;
        case 1:
            reopen(bench);
            break;
        default:
            assert_ok(documents_commit(bench->documents));
            break;
        }
    }
    clean_all(bench, (uint32_t)rand_below(rand, 20) + 1);
}

/* ---- what must hold in the end ---- */

static void assert_none(struct bench *bench, const char *text)
{
    struct buf rows = {0};
    ask_rows(bench->path, text, &rows);
    if (buf_bytes(&rows) > 0) {
        fail_msg("%s: %.*s", text, SLICE_ARGS(buf_data(&rows)));
    }
    buf_deinit(&rows);
}

static void assert_consistent(struct bench *bench)
{
    static const char *const owned[] = {"tag", "identifier", "scope"};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "SELECT resource FROM %s WHERE resource NOT IN"
                 " (SELECT id FROM resource UNION ALL SELECT id FROM action)",
                 owned[i]);
        assert_none(bench, text);
    }
    assert_none(bench, "SELECT id FROM resource WHERE product NOT IN (SELECT id FROM resource)");
    assert_none(bench, "SELECT id FROM resource WHERE product IS NOT document ->> 'product'");
    assert_none(bench, "SELECT id FROM resource WHERE kind IN (8, 14, 18, 19)"
                       " AND parent NOT IN (SELECT id FROM resource)");
    assert_none(bench, "SELECT resource FROM scope WHERE kind = 18 AND viewer LIKE '@%'"
                       " AND viewer NOT IN (SELECT '@' || id FROM resource WHERE kind = 14)");
    assert_none(bench, "SELECT actor FROM key WHERE actor NOT IN (SELECT id FROM resource)");
    assert_none(bench, "SELECT viewer FROM scope WHERE viewer NOT LIKE '@%'"
                       " AND ltrim(viewer, '*') <> 'all'"
                       " AND ltrim(viewer, '*') NOT IN (SELECT id FROM resource)");
    assert_none(bench, "SELECT a.id FROM action AS a LEFT JOIN resource AS t"
                       " ON t.kind = 12 AND t.name = a.type"
                       " WHERE a.type <> 'scans' AND (t.id IS NULL OR a.sequence < t.sequence)");
    assert_none(bench,
                "SELECT resource FROM member WHERE resource NOT IN (SELECT id FROM resource)");
    assert_none(bench, "SELECT p.resource FROM place AS p LEFT JOIN resource AS r"
                       " ON r.id = p.resource WHERE r.number IS NOT p.number");
    assert_none(bench, "SELECT number FROM place_rtree EXCEPT SELECT number FROM place");
    assert_none(bench, "SELECT number FROM place EXCEPT SELECT number FROM place_rtree");
    assert_none(bench, "SELECT * FROM cascade");
    /* Scopes as rows are the scopes in the texts, in both tables. */
    static const char scopes[] =
        "SELECT s.id, '@' || j.value FROM (SELECT id, scopes FROM resource UNION ALL SELECT id,"
        " scopes FROM action) AS s, json_each(s.scopes, '$.users') AS j WHERE j.value <> 'all'"
        " UNION ALL SELECT s.id, iif(EXISTS (SELECT 1 FROM json_each(s.scopes, '$.users')"
        " WHERE value = 'all'), '*', '') || j.value FROM (SELECT id, scopes FROM resource UNION ALL"
        " SELECT id, scopes FROM action) AS s, json_each(s.scopes, '$.projects') AS j";
    char text[1024];
    snprintf(text, sizeof(text), "SELECT * FROM (%s) EXCEPT SELECT resource, viewer FROM scope",
             scopes);
    assert_none(bench, text);
    snprintf(text, sizeof(text), "SELECT resource, viewer FROM scope EXCEPT SELECT * FROM (%s)",
             scopes);
    assert_none(bench, text);
    assert_none(bench, "SELECT integrity_check FROM pragma_integrity_check"
                       " WHERE integrity_check <> 'ok'");
}

/* The program leaves something of everything. */
static void assert_varied(struct bench *bench)
{
    for (int kind = RESOURCE_THNG; kind < RESOURCE_KIND_COUNT; kind++) {
        char text[64];
        snprintf(text, sizeof(text), "SELECT count(*) FROM resource WHERE kind = %d", kind);
        assert_int_equal(ask(bench, text) > 0, kind != RESOURCE_ACTION);
    }
    static const char *const tables[] = {"action",
                                         "member",
                                         "place",
                                         "key",
                                         "property",
                                         "key WHERE kind = 5",
                                         "scope WHERE viewer LIKE '@%'",
                                         "scope WHERE viewer LIKE '*U%'",
                                         "scope WHERE viewer LIKE 'U%'"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char text[64];
        snprintf(text, sizeof(text), "SELECT count(*) FROM %s", tables[i]);
        assert_true(ask(bench, text) > 0);
    }
}

static void test_replay(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct program *program = make_program(seed);
        struct bench plain;
        struct buf wanted = {0};
        struct rand rand;
        rand_seed(&rand, seed);
        open_bench(&plain);
        run_plainly(program, &plain);
        assert_varied(&plain);
        assert_consistent(&plain);
        dump(plain.path, &wanted);
        for (uint32_t round = 0; round < 4; round++) {
            struct bench bench;
            struct buf rows = {0};
            open_bench(&bench);
            run_wildly(program, &bench, &rand);
            assert_consistent(&bench);
            dump(bench.path, &rows);
            assert_true(slice_equal(buf_data(&rows), buf_data(&wanted)));
            buf_deinit(&rows);
            close_bench(&bench);
        }
        buf_deinit(&wanted);
        close_bench(&plain);
        free_program(program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
