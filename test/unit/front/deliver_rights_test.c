/* SPDX-License-Identifier: Apache-2.0
 *
 * Who hears of what: users and those who share with them, operators whose role reaches some
 * projects, access tokens. Judged per event; for events that tell no scopes by the last that did
 * (contract: auth.md 7, 8.1). */
#include "front/front.h"

#include "deliver_fixture.h"
#include "unit/model/grant_fixture.h"

#include "base/rand.h"

#define P "UpBcDeFgHkMnPqRsTwXyAaBb"
#define Q "UqBcDeFgHkMnPqRsTwXyAaBb"
#define ANNA_TEXT "UaBcDeFgHkMnPqRsTwXyAa01"
#define BERT_TEXT "UaBcDeFgHkMnPqRsTwXyAa02"
#define Y "UyBcDeFgHkMnPqRsTwXyAaBb"

static const struct id PROJECT = {.text = P};
static const struct id OTHER_PROJECT = {.text = Q};
static const struct id ANNA = {.text = ANNA_TEXT};
static const struct id BERT = {.text = BERT_TEXT};
static const struct id ACTION = {.text = Y};

#define SCOPES(users, project) "{\"users\":[\"" users "\"],\"projects\":[\"" project "\"]}"
#define FOR_ALL SCOPES("all", P)
#define FOR_ALL_OF_OTHER SCOPES("all", Q)
#define FOR_ANNA SCOPES(ANNA_TEXT, P)
#define FOR_BERT SCOPES(BERT_TEXT, P)

#define OPEN "/actions/_open"
#define ACTION_TEXT "{\"id\":\"" Y "\",\"type\":\"_open\"}"

/* ---- actors ---- */

static struct actor anna_with(const struct grant *grant)
{
    return (struct actor){
        .kind = ACTOR_USER, .account = ACCOUNT, .id = ANNA, .project = PROJECT, .grant = grant};
}

static struct actor operator_with(const struct grant *grant)
{
    struct actor actor = operator_of(ACCOUNT);
    actor.grant = grant;
    return actor;
}

/* The base role, and what Bert shares, if anything. */
static struct grant *grant_of_user(const struct perm_rights *own, const struct perm_rights *shared)
{
    struct grant_draft draft = {0};
    grant_draft_add(&draft, GRANT_ALL, own, NULL, 0);
    if (shared != NULL) {
        grant_draft_add(&draft, GRANT_USER, shared, &BERT, 1);
    }
    return grant_of(&draft, ACTOR_USER);
}

static struct grant *grant_of_base_user(void)
{
    const struct perm_rights column = perm_column(ACTOR_USER);
    return grant_of_user(&column, NULL);
}

/* Reading in the project alone. */
static struct grant *grant_of_reader(void)
{
    struct grant_draft draft = {0};
    struct perm_rights rights = perm_column(ACTOR_OPERATOR);
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        rights.operations[i] &= PERM_READ | PERM_LIST;
    }
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &PROJECT, 1);
    return grant_of(&draft, ACTOR_OPERATOR);
}

/* ---- events ---- */

static void document_event(struct world *world, enum event_operation operation,
                           enum resource_kind kind, const struct id *id, const char *text,
                           const char *scopes)
{
    group_write_document(begin(world), ACCOUNT, operation, kind, id, slice_of_text(text),
                         slice_of_text(scopes));
    publish(world);
    front_drain(&world->front);
}

static void action_event(struct world *world, const char *scopes)
{
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, ACTION_TEXT, scopes);
}

static void thng_event(struct world *world, const char *scopes)
{
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"n\"}", scopes);
}

static void temp_event(struct world *world, const char *value)
{
    publish_temp(world, value);
    front_drain(&world->front);
}

#define TEMP(sequence, value) LINE(sequence, A_TEMP, "[" ITEM("temp", value) "]")
#define OPENED(sequence) LINE(sequence, OPEN, ACTION_TEXT)

/* ---- users ---- */

static void test_user_hears_what_is_shown_to_it(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant *grant = grant_of_base_user();
    struct actor anna = anna_with(grant);
    subscribe_as(client, OPEN, &anna, 0);
    action_event(world, FOR_ALL);
    action_event(world, FOR_ANNA);
    action_event(world, FOR_BERT);
    action_event(world, FOR_ALL_OF_OTHER);
    action_event(world, SCOPES(ANNA_TEXT, Q));
    action_event(world, "");
    action_event(world, SCOPES(ANNA_TEXT, "all"));
    assert_got(client, OPENED("1") OPENED("2") OPENED("7"));
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

/* What names the one who shares is heard; with the rights that are shared, not with others. */
static void test_user_hears_what_is_shared_with_it(void **state)
{
    struct world *world = *state;
    struct client *all = &world->clients[0];
    struct client *thngs = &world->clients[1];
    const struct perm_rights column = perm_column(ACTOR_USER);
    const struct perm_rights some = rights_on(PERM_THNG, "r");
    struct grant *shares_all = grant_of_user(&column, &column);
    struct grant *shares_thngs = grant_of_user(&column, &some);
    struct actor one = anna_with(shares_all);
    struct actor two = anna_with(shares_thngs);
    subscribe_as(all, OPEN, &one, 0);
    subscribe_as(thngs, OPEN, &two, 0);
    subscribe_as(thngs, A_THNG, &two, 0);
    action_event(world, FOR_BERT);
    action_event(world, SCOPES(BERT_TEXT, Q));
    action_event(world, FOR_ANNA);
    thng_event(world, FOR_BERT);
    assert_got(all, OPENED("1") OPENED("3"));
    assert_got(thngs, OPENED("3") LINE("4", A_THNG, "{\"name\":\"n\"}"));
    session_deinit(&all->session, &world->front.subs);
    session_deinit(&thngs->session, &world->front.subs);
    free(shares_all);
    free(shares_thngs);
}

/* Points tell no scopes: what the thng's last document said counts. */
static void test_user_and_scopes_that_change(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant *grant = grant_of_base_user();
    struct actor anna = anna_with(grant);
    subscribe_as(client, A_TEMP, &anna, 0);
    temp_event(world, "1");
    thng_event(world, FOR_BERT);
    temp_event(world, "3");
    thng_event(world, FOR_ALL_OF_OTHER);
    temp_event(world, "5");
    thng_event(world, FOR_ANNA);
    temp_event(world, "7");
    thng_event(world, "");
    temp_event(world, "9");
    assert_got(client, TEMP("1", "1") TEMP("7", "7"));
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

/* That what it does not see has gone it is not told. */
static void test_end_of_what_is_not_shown(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant *grant = grant_of_base_user();
    struct actor anna = anna_with(grant);
    subscribe_as(client, A_THNG, &anna, 0);
    document_event(world, OPERATION_DELETED, RESOURCE_THNG, &THNG_A, "", FOR_BERT);
    assert_got(client, "");
    document_event(world, OPERATION_DELETED, RESOURCE_THNG, &THNG_A, "", FOR_ANNA);
    assert_true(client->got_last);
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

/* ---- operators ---- */

static void test_operator_hears_of_its_projects(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant *grant = grant_of_reader();
    struct actor reader = operator_with(grant);
    subscribe_as(client, OPEN, &reader, 0);
    subscribe_as(client, A_TEMP, &reader, 0);
    action_event(world, FOR_BERT);
    action_event(world, FOR_ALL_OF_OTHER);
    action_event(world, "");
    temp_event(world, "4");
    thng_event(world, FOR_ALL_OF_OTHER);
    temp_event(world, "6");
    thng_event(world, FOR_ALL);
    temp_event(world, "8");
    assert_got(client, OPENED("1") TEMP("4", "4") TEMP("8", "8"));
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

/* It sees all there is, and may hear of one project: the right to change what it sees elsewhere
 * lets it hear nothing. */
static void test_operator_may_read_here_and_write_there(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant_draft draft = {0};
    const struct perm_rights reads = rights_on(PERM_PROPERTIES, "r");
    const struct perm_rights writes = rights_on(PERM_PROPERTIES, "cux");
    grant_draft_add(&draft, GRANT_ALL, &writes, NULL, 0);
    grant_draft_add(&draft, GRANT_PROJECTS, &reads, &PROJECT, 1);
    struct grant *grant = grant_of(&draft, ACTOR_OPERATOR);
    struct actor actor = operator_with(grant);
    subscribe_as(client, A_TEMP, &actor, 0);
    temp_event(world, "1");
    thng_event(world, FOR_ALL_OF_OTHER);
    temp_event(world, "3");
    thng_event(world, SCOPES("all", "all"));
    temp_event(world, "5");
    assert_got(client, TEMP("1", "1") TEMP("5", "5"));
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

/* ---- access tokens ---- */

static void test_token_hears_of_its_account(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *stranger = &world->clients[1];
    struct grant_draft draft = {0};
    const struct perm_rights rights = rights_on(PERM_PROPERTIES, "r");
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    struct grant *grant = grant_of(&draft, ACTOR_ACCESS_TOKEN);
    struct actor token = {.kind = ACTOR_ACCESS_TOKEN, .account = ACCOUNT, .grant = grant};
    subscribe_as(client, A_TEMP, &token, 0);
    token.account = ACCOUNT + 1;
    subscribe_as(stranger, A_TEMP, &token, 0);
    temp_event(world, "1");
    thng_event(world, FOR_BERT);
    temp_event(world, "3");
    assert_got(client, TEMP("1", "1") TEMP("3", "3"));
    assert_got(stranger, "");
    session_deinit(&client->session, &world->front.subs);
    session_deinit(&stranger->session, &world->front.subs);
    free(grant);
}

/* ---- at random ---- */

#define ROUNDS 4000

static const char *const some_scopes[] = {
    "", FOR_ALL, FOR_ANNA, FOR_BERT, FOR_ALL_OF_OTHER, SCOPES("all", "all"), SCOPES(ANNA_TEXT, Q),
};

static struct perm_rights random_rights(struct rand *rand, enum actor_kind kind)
{
    struct perm_rights rights = perm_column(kind);
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        rights.operations[i] &= (uint8_t)rand_below(rand, PERM_ALL + 1);
    }
    return rights;
}

static struct actor random_actor(struct rand *rand, struct grant **made)
{
    struct grant_draft draft = {0};
    enum actor_kind kind = rand_below(rand, 2) ? ACTOR_USER : ACTOR_OPERATOR;
    const struct id *projects[] = {&PROJECT, &OTHER_PROJECT};
    for (unsigned i = 0; i < 3; i++) {
        struct perm_rights rights = random_rights(rand, kind);
        if (rand_below(rand, 3) == 0) {
            grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
        } else if (kind == ACTOR_USER) {
            grant_draft_add(&draft, GRANT_USER, &rights, &BERT, 1);
        } else {
            grant_draft_add(&draft, GRANT_PROJECTS, &rights, projects[rand_below(rand, 2)], 1);
        }
    }
    *made = grant_of(&draft, kind);
    return kind == ACTOR_USER ? anna_with(*made) : operator_with(*made);
}

static bool may_read(const struct actor *actor, enum perm_subject subject, const char *scopes)
{
    const struct perm_resource thng = {
        .account = ACCOUNT, .kind = RESOURCE_THNG, .id = &THNG_A, .scopes = slice_of_text(scopes)};
    return !err_is_set(perm_judge(actor, subject, PERM_READ, &thng));
}

/* As the engine does it: only what may be heard is subscribed to. */
static void let_in(struct client *client, const struct actor *actor, const char *scopes)
{
    struct world *world = client->world;
    session_deinit(&client->session, &world->front.subs);
    session_init(&client->session, &client_ops);
    if (may_read(actor, PERM_THNG, scopes)) {
        subscribe_as(client, A_THNG, actor, world->front.sequence);
    }
    if (may_read(actor, PERM_PROPERTIES, scopes)) {
        subscribe_as(client, A_TEMP, actor, world->front.sequence);
    }
}

static bool has_topic(const struct client *client, const char *filter)
{
    LIST_EACH (&client->session.subscriptions, link, after) {
        const struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
        if (slice_equal(subscription_filter(found), slice_of_text(filter))) {
            return true;
        }
    }
    return false;
}

/* Whatever happens to the scopes, each hears exactly of what it could read at that moment. */
static void test_at_random(void **state)
{
    struct world *world = *state;
    struct rand rand;
    struct grant *grants[SESSIONS] = {0};
    struct actor actors[SESSIONS];
    const char *scopes = FOR_ALL;
    unsigned heard = 0;
    unsigned missed = 0;
    rand_seed(&rand, 11);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)rand_below(&rand, SESSIONS);
        if (grants[i] == NULL || rand_below(&rand, 8) == 0) {
            struct grant *former = grants[i];
            actors[i] = random_actor(&rand, &grants[i]);
            let_in(&world->clients[i], &actors[i], scopes);
            free(former);
        }
        bool is_update = rand_below(&rand, 2) == 0;
        if (is_update) {
            scopes = some_scopes[rand_below(&rand, ARRAY_LEN(some_scopes))];
            thng_event(world, scopes);
        } else {
            temp_event(world, "1");
        }
        const char *filter = is_update ? A_THNG : A_TEMP;
        for (i = 0; i < SESSIONS; i++) {
            struct client *client = &world->clients[i];
            bool hears = grants[i] != NULL && has_topic(client, filter) &&
                         may_read(&actors[i], is_update ? PERM_THNG : PERM_PROPERTIES, scopes);
            heard += hears;
            missed += !hears && has_topic(client, filter);
            assert_int_equal(buf_bytes(&client->got) > 0, hears);
            buf_reset(&client->got);
        }
    }
    assert_true(heard > ROUNDS / 10 && missed > ROUNDS / 10);
    for (unsigned i = 0; i < SESSIONS; i++) {
        session_deinit(&world->clients[i].session, &world->front.subs);
        free(grants[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_user_hears_what_is_shown_to_it),
        TEST(test_user_hears_what_is_shared_with_it),
        TEST(test_user_and_scopes_that_change),
        TEST(test_end_of_what_is_not_shown),
        TEST(test_operator_hears_of_its_projects),
        TEST(test_operator_may_read_here_and_write_there),
        TEST(test_token_hears_of_its_account),
        TEST(test_at_random),
    };
    return cmocka_run_group_tests_name("deliver_rights", tests, NULL, NULL);
}
