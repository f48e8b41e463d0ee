/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, roles and administrators under random commands, over real documents that come behind at
 * their own pace, with readers that bring what they read late and out of turn, and with a table of
 * heads that is too small. After each group it must be true that who has a name is written down and
 * no name is had twice, that nobody has a user's role that is gone, and that there is an
 * administrator. A command that runs alone must be answered as a look at everything says. */
#include "unit/engine/accounts_fixture.h"

#include "engine/roles.h"
#include "unit/store/documents_fixture.h"

#define DOCUMENTS_MAX 20000
#define APPLICATIONS 2
#define NAMES 4
#define ROUNDS 2000
#define AT_ONCE_MAX 4

/* What the committed events say. */
struct known {
    struct id id;
    struct id application; /* of a user */
    enum resource_kind kind;
    bool exists;
    bool is_admin;
    char name[20];
    char role[ID_BYTES + 1]; /* the application's default one, too */
    int keys;
};

struct sim {
    struct world world; /* must be the first: it is the port's owner */
    struct bench bench;
    struct buf groups; /* those that the documents do not show yet: bytes (u64), group */
    struct head_load *read[LOADS_MAX];
    size_t read_count;
    struct known *known;
    size_t known_count;
    size_t heads_max;
    struct id project;
    struct id applications[APPLICATIONS];
};

static uint32_t below(struct sim *sim, uint32_t bound)
{
    return (uint32_t)rand_below(&sim->world.rand, bound);
}

/* ---- what is known ---- */

static struct known *find_known(struct sim *sim, const struct id *id)
{
    for (size_t i = 0; i < sim->known_count; i++) {
        if (id_equal(&sim->known[i].id, id)) {
            return &sim->known[i];
        }
    }
    return NULL;
}

static void copy_text(char *to, size_t room, struct slice document, const char *member)
{
    struct slice text = document_text(document, slice_of_text(member));
    assert_true(text.bytes < room);
    if (text.bytes > 0) {
        memcpy(to, text.at, text.bytes);
    }
    to[text.bytes] = 0;
}

static void learn_document(struct sim *sim, const struct event *event)
{
    struct known *known = find_known(sim, event->resource);
    if (known == NULL) {
        assert_true(sim->known_count < DOCUMENTS_MAX);
        known = &sim->known[sim->known_count++];
        *known = (struct known){.id = *event->resource, .kind = event->kind};
    }
    assert_true(known->exists == (event->operation != OPERATION_CREATED));
    known->exists = event->operation != OPERATION_DELETED;
    if (!known->exists) {
        return;
    }
    bool is_user = event->kind == RESOURCE_USER;
    bool is_application = event->kind == RESOURCE_APPLICATION;
    if (event->kind != RESOURCE_NAME) {
        copy_text(known->name, sizeof(known->name), event->text, is_user ? "email" : "name");
        copy_text(known->role, sizeof(known->role), event->text,
                  is_application ? "defaultRole" : "role");
    } else {
        copy_text(known->role, sizeof(known->role), event->text, "owner");
    }
    (void)document_id(event->text, SLICE("app"), &known->application);
    known->is_admin = strcmp(known->role, "admin") == 0;
}

static void learn(struct sim *sim, const struct group *group)
{
    struct event event;
    struct event_walk walk = event_walk_start(group);
    while (event_walk_next(&walk, &event)) {
        if (event.type == EVENT_DOCUMENT) {
            learn_document(sim, &event);
        } else {
            assert_int_equal(event.type, EVENT_KEY);
            struct known *known = find_known(sim, event.actor);
            known->keys += event.operation == OPERATION_CREATED ? 1 : -1;
        }
    }
}

static size_t count_of_kind(const struct sim *sim, enum resource_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < sim->known_count; i++) {
        count += sim->known[i].exists && sim->known[i].kind == kind;
    }
    return count;
}

static struct known *known_at(struct sim *sim, enum resource_kind kind, size_t index)
{
    for (size_t i = 0; i < sim->known_count; i++) {
        if (sim->known[i].exists && sim->known[i].kind == kind && index-- == 0) {
            return &sim->known[i];
        }
    }
    return NULL;
}

/* One that is there, or NULL. */
static struct known *any(struct sim *sim, enum resource_kind kind)
{
    size_t count = count_of_kind(sim, kind);
    return count == 0 ? NULL : known_at(sim, kind, below(sim, (uint32_t)count));
}

static const struct known *who_has(struct sim *sim, enum resource_kind kind,
                                   const struct id *application, const char *name)
{
    const struct known *found = NULL;
    for (size_t i = 0; i < sim->known_count; i++) {
        const struct known *known = &sim->known[i];
        bool is_one = known->exists && known->kind == kind && strcmp(known->name, name) == 0 &&
                      (application == NULL || id_equal(&known->application, application));
        assert_true(!is_one || found == NULL);
        found = is_one ? known : found;
    }
    return found;
}

static bool is_used(struct sim *sim, const struct id *role)
{
    for (size_t i = 0; i < sim->known_count; i++) {
        const struct known *known = &sim->known[i];
        bool gives = known->kind == RESOURCE_USER || known->kind == RESOURCE_APPLICATION;
        if (known->exists && gives && memcmp(known->role, role->text, ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count_administrators(const struct sim *sim)
{
    size_t count = 0;
    for (size_t i = 0; i < sim->known_count; i++) {
        const struct known *known = &sim->known[i];
        count += known->exists && known->kind == RESOURCE_OPERATOR && known->is_admin;
    }
    return count;
}

/* ---- what must be true ---- */

static void assert_named(struct sim *sim, const struct known *owner)
{
    bool is_user = owner->kind == RESOURCE_USER;
    const struct id *application = is_user ? &owner->application : NULL;
    struct id id;
    assert_ok(name_id(OPERATOR_ACCOUNT, owner->kind, application, slice_of_text(owner->name), &id));
    const struct known *name = find_known(sim, &id);
    assert_true(name != NULL && name->exists);
    assert_memory_equal(name->role, owner->id.text, ID_BYTES);
}

static void assert_role(struct sim *sim, const char *role)
{
    struct id id;
    if (id_parse(slice_of_text(role), &id)) {
        const struct known *known = find_known(sim, &id);
        assert_true(known != NULL && known->exists);
    }
}

static void assert_sound(struct sim *sim)
{
    size_t names = 0;
    for (size_t i = 0; i < sim->known_count; i++) {
        const struct known *known = &sim->known[i];
        if (!known->exists) {
            assert_int_equal(known->keys, 0);
            continue;
        }
        switch (known->kind) {
        case RESOURCE_USER:
            assert_int_equal(known->keys, 1);
            assert_role(sim, known->role);
            assert_named(sim, known);
            names++;
            break;
        case RESOURCE_ROLE:
        case RESOURCE_ACCESS_POLICY:
            assert_named(sim, known);
            names++;
            break;
        case RESOURCE_APPLICATION:
            assert_role(sim, known->role);
            break;
        default:
            break;
        }
    }
    assert_int_equal(count_of_kind(sim, RESOURCE_NAME), names);
    assert_true(count_administrators(sim) > 0);
}

/* ---- the world ---- */

static struct err keep_group(void *owner, const struct group *group, struct slice session_writes)
{
    struct sim *sim = owner;
    uint64_t bytes = group->bytes.bytes;
    TRY(commit(&sim->world, group, session_writes));
    buf_put_bytes(&sim->groups, &bytes, sizeof(bytes));
    buf_put(&sim->groups, group->bytes);
    learn(sim, group);
    assert_sound(sim);
    return ERR(OK);
}

/* The documents come to show the oldest group that they do not. */
static void show_one(struct sim *sim)
{
    uint64_t bytes;
    struct group group;
    struct documents *documents = sim->bench.documents;
    memcpy(&bytes, buf_data(&sim->groups).at, sizeof(bytes));
    struct slice text = slice_of(buf_data(&sim->groups).at + sizeof(bytes), (size_t)bytes);
    assert_ok(group_open(text, &group));
    assert_ok(documents_begin(documents));
    assert_ok(documents_apply(documents, &group));
    assert_ok(documents_commit(documents));
    buf_consume(&sim->groups, sizeof(bytes) + (size_t)bytes);
    sim->world.documents_mark = documents_applied(documents);
}

static void read_load(struct sim *sim)
{
    struct head_load *load = take_load_at(&sim->world, below(sim, (uint32_t)sim->world.load_count));
    while (documents_applied(sim->bench.documents) < load->after && buf_bytes(&sim->groups) > 0) {
        show_one(sim);
    }
    head_load_read(load, sim->bench.reader);
    assert_ok(load->err);
    sim->read[sim->read_count++] = load;
}

static void bring_load(struct sim *sim)
{
    size_t index = below(sim, (uint32_t)sim->read_count);
    struct head_load *load = sim->read[index];
    sim->read[index] = sim->read[--sim->read_count];
    engine_accept(sim->world.engine, load->batch);
    engine_turn(sim->world.engine);
}

static void step(struct sim *sim)
{
    if (sim->world.load_count > 0 && (sim->read_count == 0 || below(sim, 2) == 0)) {
        read_load(sim);
    } else if (sim->read_count > 0) {
        bring_load(sim);
    }
    if (buf_bytes(&sim->groups) > 0 && below(sim, 3) == 0) {
        show_one(sim);
    }
}

static void settle(struct sim *sim)
{
    unsigned steps = 0;
    while (sim->world.load_count > 0 || sim->read_count > 0) {
        assert_true(++steps < 100000);
        step(sim);
    }
}

/* ---- commands ---- */

static const char *const names[NAMES] = {"aaaa@", "bbbb@", "cccc@", "dddd@"};

static PRINTF_LIKE(2, 3) struct slice put_in(struct command_batch *batch, const char *format, ...)
{
    char text[200];
    struct slice copy;
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_true(command_batch_copy(batch, slice_of(text, (size_t)bytes), &copy));
    return copy;
}

static struct slice give_role(struct command_batch *batch, const char *member, const char *text,
                              const struct document_reference **references, uint32_t *count)
{
    struct id id;
    if (id_parse(slice_of_text(text), &id)) {
        *references = reference_in(batch, RESOURCE_ROLE, &id);
        *count = 1;
    }
    return put_in(batch, "\"%s\":\"%s\"", member, text);
}

/* A role that users may have, as text. */
static void any_role(struct sim *sim, char role[ID_BYTES + 1])
{
    const struct known *known = below(sim, 4) == 0 ? NULL : any(sim, RESOURCE_ROLE);
    (void)snprintf(role, ID_BYTES + 1, "%.24s", known == NULL ? "none" : known->id.text);
}

/* Adds the command, and says what must come of it when nothing else is under way. */
typedef enum err_code (*propose_fn)(struct sim *sim, struct command_batch *batch, uint64_t request);

static enum err_code propose_sign_up(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    struct command_key *key = command_batch_take(batch, sizeof(*key));
    *key = (struct command_key){.kind = KEY_USER};
    rand_bytes(&sim->world.rand, key->hash, sizeof(key->hash));
    struct home home = {.project = sim->project,
                        .application = sim->applications[below(sim, APPLICATIONS)]};
    const char *name = names[below(sim, NAMES)];
    struct slice members = put_in(batch, "\"email\":\"%s\"", name);
    struct command *command = sign_up_in(batch, &home, "", request);
    command->as.create.members = members;
    command->as.create.keys = key;
    command->as.create.key_count = 1;
    return who_has(sim, RESOURCE_USER, &home.application, name) ? ERR_NAME_TAKEN : ERR_OK;
}

static enum err_code propose_role(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    const char *name = names[below(sim, NAMES)];
    struct slice members =
        put_in(batch, "\"name\":\"%s\",\"type\":\"userInApp\",\"permissions\":[]", name);
    creation_in(batch, RESOURCE_ROLE, request)->as.create.members = members;
    return who_has(sim, RESOURCE_ROLE, NULL, name) ? ERR_NAME_TAKEN : ERR_OK;
}

static enum err_code propose_rename(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    enum resource_kind kind = below(sim, 2) ? RESOURCE_USER : RESOURCE_ROLE;
    const struct known *known = any(sim, kind);
    if (known == NULL) {
        return propose_role(sim, batch, request);
    }
    bool is_user = kind == RESOURCE_USER;
    const char *name = names[below(sim, NAMES)];
    struct slice patch = put_in(batch, "\"%s\":\"%s\"", is_user ? "email" : "name", name);
    update_in(batch, kind, &known->id, request)->as.update.patch = patch;
    const struct known *holder = who_has(sim, kind, is_user ? &known->application : NULL, name);
    return holder != NULL && holder != known ? ERR_NAME_TAKEN : ERR_OK;
}

static enum err_code propose_gift(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    enum resource_kind kind = below(sim, 4) ? RESOURCE_USER : RESOURCE_APPLICATION;
    const struct known *known = any(sim, kind);
    if (known == NULL) {
        return propose_role(sim, batch, request);
    }
    char role[ID_BYTES + 1];
    const struct document_reference *references = NULL;
    uint32_t count = 0;
    any_role(sim, role);
    struct slice patch =
        give_role(batch, kind == RESOURCE_USER ? "role" : "defaultRole", role, &references, &count);
    struct command *command = update_in(batch, kind, &known->id, request);
    command->as.update.patch = patch;
    command->as.update.references = references;
    command->as.update.reference_count = count;
    return ERR_OK;
}

static enum err_code propose_removal(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    enum resource_kind kind = below(sim, 2) ? RESOURCE_USER : RESOURCE_ROLE;
    const struct known *known = any(sim, kind);
    if (known == NULL) {
        return propose_role(sim, batch, request);
    }
    removal_in(batch, kind, &known->id, request);
    return kind == RESOURCE_ROLE && is_used(sim, &known->id) ? ERR_ROLE_IN_USE : ERR_OK;
}

static enum err_code propose_operator(struct sim *sim, struct command_batch *batch,
                                      uint64_t request)
{
    const struct known *known = any(sim, RESOURCE_OPERATOR);
    bool is_last = known->is_admin && count_administrators(sim) == 1;
    const char *role = below(sim, 2) ? "admin" : "none";
    struct slice members = put_in(batch, "\"role\":\"%s\"", role);
    bool is_creation = below(sim, 4) == 0 && count_of_kind(sim, RESOURCE_OPERATOR) < 3;
    if (is_creation) {
        creation_in(batch, RESOURCE_OPERATOR, request)->as.create.members = members;
        return ERR_OK;
    }
    if (below(sim, 4) == 0) {
        removal_in(batch, RESOURCE_OPERATOR, &known->id, request);
        return is_last ? ERR_LAST_ADMINISTRATOR : ERR_OK;
    }
    update_in(batch, RESOURCE_OPERATOR, &known->id, request)->as.update.patch = members;
    return is_last && strcmp(role, "none") == 0 ? ERR_LAST_ADMINISTRATOR : ERR_OK;
}

static const propose_fn proposals[] = {propose_sign_up, propose_role,    propose_rename,
                                       propose_gift,    propose_removal, propose_operator};

static enum err_code propose(struct sim *sim, struct command_batch *batch, uint64_t request)
{
    return proposals[below(sim, ARRAY_LEN(proposals))](sim, batch, request);
}

/* ---- the test ---- */

static void furnish(struct sim *sim)
{
    struct world *world = &sim->world;
    struct command_batch *batch = batch_of(4096);
    struct command *account = command_in(batch, COMMAND_ACCOUNT, 1);
    account->actor = (struct actor){0};
    account->as.account.account_members = SLICE("\"name\":\"n\"");
    run(world, batch);
    sim->project = create(world, RESOURCE_PROJECT);
    for (size_t i = 0; i < APPLICATIONS; i++) {
        batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_APPLICATION, 1);
        command->as.create.parent = sim->project;
        command->as.create.members = SLICE("\"name\":\"a\",\"defaultRole\":\"none\"");
        run(world, batch);
        settle(sim);
        assert_int_equal(world->answers[0].err.code, ERR_OK);
        sim->applications[i] = world->answers[0].created;
    }
}

/* Another engine takes over, which knows nothing but what the documents hold. */
static void start_engine(struct sim *sim)
{
    struct world *world = &sim->world;
    while (buf_bytes(&sim->groups) > 0) {
        show_one(sim);
    }
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = sim->heads_max,
        .properties_per_resource_max = 4,
        .task_quantity_max = 50,
        .hash_seed = 99,
        .last_sequence = documents_position(sim->bench.documents),
        .last_time_ms = world->now_ms,
        .last_account = sim->known_count > 0,
    };
    engine_free(world->engine);
    world->engine = engine_new(&options, &world->port);
    assert_non_null(world->engine);
}

static void run_rounds(struct sim *sim)
{
    struct world *world = &sim->world;
    unsigned refused = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t count = 1 + below(sim, AT_ONCE_MAX);
        if (below(sim, 20) == 0) {
            start_engine(sim);
        }
        enum err_code expected = ERR_OK;
        world->answer_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct command_batch *batch = batch_of(8192);
            expected = propose(sim, batch, i);
            engine_accept(world->engine, batch);
            if (below(sim, 2) == 0) {
                engine_turn(world->engine);
                step(sim);
            }
        }
        engine_turn(world->engine);
        settle(sim);
        assert_int_equal(world->answer_count, count);
        if (count == 1) {
            assert_int_equal(world->answers[0].err.code, expected);
            refused += expected != ERR_OK;
        }
    }
    assert_true(refused > ROUNDS / 50);
}

static void open_sim(struct sim *sim, uint64_t seed, size_t heads_max)
{
    struct world *world = &sim->world;
    open_bench(&sim->bench);
    world->port.commit = keep_group;
    rand_seed(&world->rand, seed);
    sim->heads_max = heads_max;
    sim->known = calloc(DOCUMENTS_MAX, sizeof(*sim->known));
    start_engine(sim);
}

static void check_rights_hold(void **state, uint64_t seed, size_t heads_max)
{
    /* The fixture's world is the first part of the sim's. */
    struct sim *sim = realloc(*state, sizeof(*sim));
    assert_non_null(sim);
    memset((uint8_t *)sim + sizeof(sim->world), 0, sizeof(*sim) - sizeof(sim->world));
    sim->world.port.owner = sim;
    sim->world.port.rand = &sim->world.rand;
    *state = sim;
    open_sim(sim, seed, heads_max);
    furnish(sim);
    run_rounds(sim);
    close_bench(&sim->bench);
    buf_deinit(&sim->groups);
    free(sim->known);
}

static void test_rights_hold(void **state)
{
    check_rights_hold(state, 1, 1000);
}

static void test_rights_hold_with_little_memory(void **state)
{
    check_rights_hold(state, 2, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rights_hold),
        TEST(test_rights_hold_with_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
