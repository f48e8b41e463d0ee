/* SPDX-License-Identifier: Apache-2.0
 *
 * Rights that a grant narrows: operators with roles, access tokens, users with roles and shares.
 * First by example, then at random beside a model that knows nothing of tables and zones. */
#include "unit/model/grant_fixture.h"

#define ACCOUNT 7

static struct perm_resource resource_of(enum resource_kind kind, const struct id *id,
                                        const char *scopes)
{
    return (struct perm_resource){
        .account = ACCOUNT, .kind = kind, .id = id, .scopes = slice_of_text(scopes)};
}

#define P1 "UaBcDeFgHkMnPqRsTwXyAa01"
#define P2 "UaBcDeFgHkMnPqRsTwXyAa02"
#define SELF "UaBcDeFgHkMnPqRsTwXyAa11"
#define GIVER "UaBcDeFgHkMnPqRsTwXyAa12"
#define STRANGER "UaBcDeFgHkMnPqRsTwXyAa13"
#define SCOPES(users, projects) "{\"users\":[" users "],\"projects\":[" projects "]}"

static void assert_verdict(const struct actor *actor, enum perm_subject subject,
                           enum perm_operation operation, const struct perm_resource *resource,
                           enum perm_verdict wanted)
{
    enum perm_verdict verdict = perm_verdict(actor, subject, operation, resource);
    if (verdict != wanted) {
        fail_msg("%s, %s, scopes %.*s: %s", perm_row(subject)->path, perm_operation_name(operation),
                 SLICE_ARGS(resource->scopes), perm_verdict_text(verdict));
    }
    struct err err = perm_judge(actor, subject, operation, resource);
    bool is_denied =
        wanted == PERM_ROW_DENIES || wanted == PERM_GRANT_DENIES || wanted == PERM_NOT_HERE;
    assert_int_equal(err.code, wanted == PERM_ALLOWED ? ERR_OK
                               : is_denied            ? ERR_DENIED
                                                      : ERR_NOT_FOUND);
}

/* ---- operators ---- */

/* Reads everything, updates in the first project. */
static struct grant *project_operator(void)
{
    struct grant_draft draft = {0};
    const struct id project = id_of(1);
    struct perm_rights reads = rights_on(PERM_THNG, "r");
    reads.operations[PERM_THNGS] = operations_of("l");
    struct perm_rights updates = rights_on(PERM_THNG, "ux");
    updates.operations[PERM_THNGS] = operations_of("c");
    grant_draft_add(&draft, GRANT_ALL, &reads, NULL, 0);
    grant_draft_add(&draft, GRANT_PROJECTS, &updates, &project, 1);
    return grant_of(&draft, ACTOR_OPERATOR);
}

/* Reads and updates in the first project alone. */
static struct grant *confined_operator(void)
{
    struct grant_draft draft = {0};
    const struct id project = id_of(1);
    struct perm_rights rights = rights_on(PERM_THNG, "rux");
    rights.operations[PERM_THNGS] = operations_of("cl");
    rights.operations[PERM_PROJECTS] = operations_of("crlux");
    rights.operations[PERM_APPLICATIONS] = operations_of("crlux");
    rights.operations[PERM_BATCHES] = operations_of("crlux");
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &project, 1);
    return grant_of(&draft, ACTOR_OPERATOR);
}

static void an_operator_updates_where_its_role_says(void **state)
{
    (void)state;
    struct grant *grant = project_operator();
    const struct actor actor = {.kind = ACTOR_OPERATOR, .account = ACCOUNT, .grant = grant};
    const struct id id = id_of(50);
    struct perm_resource here = resource_of(RESOURCE_THNG, &id, SCOPES("", "\"" P1 "\""));
    struct perm_resource there = resource_of(RESOURCE_THNG, &id, SCOPES("", "\"" P2 "\""));
    struct perm_resource nowhere = resource_of(RESOURCE_THNG, &id, "");
    struct perm_resource foreign = here;
    foreign.account++;
    assert_verdict(&actor, PERM_THNG, PERM_READ, &here, PERM_ALLOWED);
    assert_verdict(&actor, PERM_THNG, PERM_READ, &there, PERM_ALLOWED);
    assert_verdict(&actor, PERM_THNG, PERM_READ, &nowhere, PERM_ALLOWED);
    assert_verdict(&actor, PERM_THNG, PERM_READ, &foreign, PERM_OTHER_ACCOUNT);
    assert_verdict(&actor, PERM_THNG, PERM_UPDATE, &here, PERM_ALLOWED);
    assert_verdict(&actor, PERM_THNG, PERM_UPDATE, &there, PERM_NOT_HERE);
    assert_verdict(&actor, PERM_THNG, PERM_UPDATE, &nowhere, PERM_NOT_HERE);
    assert_verdict(&actor, PERM_PROPERTIES, PERM_READ, &here, PERM_GRANT_DENIES);
    assert_verdict(&actor, PERM_SHARES, PERM_LIST, &here, PERM_ROW_DENIES);
    assert_int_equal(perm_may(&actor, PERM_THNG, PERM_UPDATE).code, ERR_OK);
    assert_int_equal(perm_may(&actor, PERM_PROPERTIES, PERM_READ).code, ERR_DENIED);
    assert_true(perm_depends_on_scopes(&actor));
    free(grant);
}

static void an_operator_may_see_its_projects_alone(void **state)
{
    (void)state;
    struct grant *grant = confined_operator();
    const struct id self = id_of(60);
    const struct actor actor = {
        .kind = ACTOR_OPERATOR, .account = ACCOUNT, .id = self, .grant = grant};
    const struct id id = id_of(50);
    const struct id own = id_of(1);
    const struct id other = id_of(2);
    struct perm_resource resource = resource_of(RESOURCE_THNG, &id, SCOPES("", "\"" P1 "\""));
    assert_verdict(&actor, PERM_THNG, PERM_UPDATE, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_THNG, &id, SCOPES("", "\"" P2 "\",\"" P1 "\""));
    assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_THNG, &id, SCOPES("", "\"all\""));
    assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_THNG, &id, SCOPES("\"" P1 "\"", "\"" P2 "\""));
    assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, PERM_OTHER_PROJECT);
    resource = resource_of(RESOURCE_THNG, &id, "");
    assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, PERM_OTHER_PROJECT);
    /* The projects themselves, and their applications. */
    resource = resource_of(RESOURCE_PROJECT, &own, "");
    assert_verdict(&actor, PERM_PROJECTS, PERM_UPDATE, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_PROJECT, &other, SCOPES("", "\"" P1 "\""));
    assert_verdict(&actor, PERM_PROJECTS, PERM_READ, &resource, PERM_OTHER_PROJECT);
    resource = resource_of(RESOURCE_APPLICATION, &id, "");
    assert_verdict(&actor, PERM_APPLICATIONS, PERM_READ, &resource, PERM_OTHER_PROJECT);
    resource.parent = &own;
    assert_verdict(&actor, PERM_APPLICATIONS, PERM_READ, &resource, PERM_ALLOWED);
    resource.parent = &other;
    assert_verdict(&actor, PERM_APPLICATIONS, PERM_READ, &resource, PERM_OTHER_PROJECT);
    /* Oneself and the account are nobody's project. */
    resource = resource_of(RESOURCE_ACCOUNT, &id, "");
    assert_verdict(&actor, PERM_ACCOUNTS, PERM_READ, &resource, PERM_ALLOWED);
    assert_verdict(&actor, PERM_ACCOUNTS, PERM_UPDATE, &resource, PERM_GRANT_DENIES);
    resource = resource_of(RESOURCE_OPERATOR, &self, "");
    assert_verdict(&actor, PERM_OPERATORS, PERM_UPDATE, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_OPERATOR, &id, "");
    assert_verdict(&actor, PERM_OPERATORS, PERM_UPDATE, &resource, PERM_OTHER_PROJECT);
    free(grant);
}

static void an_operator_without_rights_sees_itself(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct grant *grant = grant_of(&draft, ACTOR_OPERATOR);
    const struct id self = id_of(60);
    const struct id id = id_of(50);
    const struct actor actor = {
        .kind = ACTOR_OPERATOR, .account = ACCOUNT, .id = self, .grant = grant};
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        struct perm_resource resource =
            resource_of((enum resource_kind)kind, &id, SCOPES("\"all\"", "\"all\""));
        struct err err = perm_sees(&actor, &resource);
        assert_int_equal(err.code, kind == RESOURCE_ACCOUNT ? ERR_OK : ERR_NOT_FOUND);
    }
    struct perm_resource resource = resource_of(RESOURCE_OPERATOR, &self, "");
    assert_verdict(&actor, PERM_OPERATORS, PERM_READ, &resource, PERM_ALLOWED);
    assert_false(perm_may_name(&actor, &id));
    assert_false(perm_depends_on_scopes(&actor));
    free(grant);
}

static void assert_makes(const struct actor *actor, enum perm_subject subject, const char *scopes,
                         bool may)
{
    struct err err = perm_may_make(actor, subject, slice_of_text(scopes));
    if (err.code != (may ? ERR_OK : ERR_DENIED)) {
        fail_msg("%s, %s: %s", perm_row(subject)->path, scopes, err_name(err));
    }
}

static void what_is_made_must_be_reached(void **state)
{
    (void)state;
    struct grant *grant = confined_operator();
    struct actor actor = {.kind = ACTOR_OPERATOR, .account = ACCOUNT, .grant = grant};
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"" P1 "\""), true);
    assert_makes(&actor, PERM_THNG, SCOPES("\"all\"", "\"" P1 "\""), false); /* that is no C */
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"" P1 "\",\"" P2 "\""), false);
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"" P2 "\",\"" P1 "\""), false);
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"all\""), false);
    assert_makes(&actor, PERM_THNGS, SCOPES("", ""), false);
    assert_makes(&actor, PERM_THNGS, "", false);
    assert_makes(&actor, PERM_PROJECTS, "", false);
    assert_makes(&actor, PERM_APPLICATIONS, "", true);
    assert_makes(&actor, PERM_APPLICATIONS, SCOPES("", "\"" P2 "\""), false);
    assert_makes(&actor, PERM_PRODUCTS, SCOPES("", "\"" P1 "\""), false);
    const struct id own = id_of(1);
    const struct id other = id_of(2);
    assert_true(perm_may_name(&actor, &own));
    assert_false(perm_may_name(&actor, &other));
    free(grant);
    grant = project_operator();
    actor.grant = grant;
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"" P1 "\""), true);
    assert_makes(&actor, PERM_THNGS, SCOPES("", "\"" P2 "\""), false);
    assert_true(perm_may_name(&actor, &other));
    free(grant);
    actor.grant = NULL;
    assert_makes(&actor, PERM_THNGS, "", true);
    assert_true(perm_may_name(&actor, &other));
}

/* ---- access tokens ---- */

static void a_token_sees_the_places_of_its_conditions(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    const struct id places[] = {id_of(31), id_of(30)};
    const struct id other = id_of(32);
    struct perm_rights rights = rights_on(PERM_PLACES, "crlux");
    rights.operations[PERM_THNG] = operations_of("r");
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    grant_draft_limit(&draft, &places[0]);
    grant_draft_limit(&draft, &places[1]);
    struct grant *grant = grant_of(&draft, ACTOR_ACCESS_TOKEN);
    const struct actor actor = {.kind = ACTOR_ACCESS_TOKEN, .account = ACCOUNT, .grant = grant};
    struct perm_resource resource = resource_of(RESOURCE_PLACE, &places[0], "");
    assert_verdict(&actor, PERM_PLACES, PERM_READ, &resource, PERM_ALLOWED);
    resource.id = &other;
    assert_verdict(&actor, PERM_PLACES, PERM_READ, &resource, PERM_OTHER_PLACE);
    resource.kind = RESOURCE_THNG;
    assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, PERM_ALLOWED);
    assert_verdict(&actor, PERM_ME, PERM_READ, &resource, PERM_ROW_DENIES);
    assert_verdict(&actor, PERM_ACCOUNTS, PERM_READ, &resource, PERM_GRANT_DENIES);
    assert_makes(&actor, PERM_PLACES, "", false); /* it would not see it */
    assert_false(perm_depends_on_scopes(&actor));

    struct perm_reach reach;
    perm_reach(&actor, PERM_PLACES, RESOURCE_PLACE, &reach);
    assert_true(reach.limits_places);
    assert_int_equal(reach.place_count, 2);
    assert_true(id_equal(&reach.places[0], &places[1]));
    assert_int_equal(reach.project_count, 0);
    assert_false(reach.is_none);
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_true(reach.is_none); /* thngs:list is not among its rights */
    free(grant);
    /* Conditions that name no place that is left. */
    draft.limits_places = true;
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    grant = grant_of(&draft, ACTOR_ACCESS_TOKEN);
    const struct actor blind = {.kind = ACTOR_ACCESS_TOKEN, .account = ACCOUNT, .grant = grant};
    resource = resource_of(RESOURCE_PLACE, &places[0], "");
    assert_verdict(&blind, PERM_PLACES, PERM_READ, &resource, PERM_OTHER_PLACE);
    perm_reach(&blind, PERM_PLACES, RESOURCE_PLACE, &reach);
    assert_true(reach.limits_places);
    assert_int_equal(reach.place_count, 0);
    free(grant);
}

/* ---- users ---- */

/* Reads and lists what it sees; of what names the giver, it updates. */
static struct grant *sharing_user(void)
{
    struct grant_draft draft = {0};
    const struct id giver = id_of(12);
    struct perm_rights own = rights_on(PERM_THNG, "r");
    own.operations[PERM_THNGS] = operations_of("cl");
    own.operations[PERM_USERS] = operations_of("ru");
    own.operations[PERM_SHARES] = operations_of("clx");
    struct perm_rights shared = rights_on(PERM_THNG, "ru");
    shared.operations[PERM_THNGS] = operations_of("l");
    shared.operations[PERM_PRODUCTS] = operations_of("l");
    shared.operations[PERM_USERS] = operations_of("ru");
    shared.operations[PERM_SHARES] = operations_of("clx");
    grant_draft_add(&draft, GRANT_ALL, &own, NULL, 0);
    grant_draft_add(&draft, GRANT_USER, &shared, &giver, 1);
    return grant_of(&draft, ACTOR_USER);
}

static struct actor user_with(const struct grant *grant)
{
    return (struct actor){.kind = ACTOR_USER,
                          .account = ACCOUNT,
                          .id = id_of(11),
                          .project = id_of(1),
                          .application = id_of(20),
                          .grant = grant};
}

static void a_user_sees_what_is_shown_to_it(void **state)
{
    (void)state;
    struct grant *grant = sharing_user();
    const struct actor actor = user_with(grant);
    const struct id id = id_of(50);
    static const struct {
        const char *scopes;
        enum perm_verdict reads;
        enum perm_verdict updates;
    } cases[] = {
        {SCOPES("\"" SELF "\"", "\"" P1 "\""), PERM_ALLOWED, PERM_NOT_HERE},
        {SCOPES("\"all\"", "\"" P1 "\""), PERM_ALLOWED, PERM_NOT_HERE},
        {SCOPES("\"all\"", "\"all\""), PERM_ALLOWED, PERM_NOT_HERE},
        {SCOPES("\"" GIVER "\"", "\"" P1 "\""), PERM_ALLOWED, PERM_ALLOWED},
        {SCOPES("\"all\",\"" GIVER "\"", "\"" P1 "\""), PERM_ALLOWED, PERM_ALLOWED},
        {SCOPES("\"" STRANGER "\"", "\"" P1 "\""), PERM_OTHER_USER, PERM_OTHER_USER},
        {SCOPES("", "\"" P1 "\""), PERM_OTHER_USER, PERM_OTHER_USER},
        {SCOPES("\"all\"", "\"" P2 "\""), PERM_OTHER_PROJECT, PERM_OTHER_PROJECT},
        {SCOPES("\"" GIVER "\"", "\"" P2 "\""), PERM_OTHER_PROJECT, PERM_OTHER_PROJECT},
        {SCOPES("\"all\"", ""), PERM_OTHER_PROJECT, PERM_OTHER_PROJECT},
        {"", PERM_OTHER_PROJECT, PERM_OTHER_PROJECT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct perm_resource resource = resource_of(RESOURCE_THNG, &id, cases[i].scopes);
        assert_verdict(&actor, PERM_THNG, PERM_READ, &resource, cases[i].reads);
        assert_verdict(&actor, PERM_THNG, PERM_UPDATE, &resource, cases[i].updates);
    }
    assert_makes(&actor, PERM_THNGS, SCOPES("\"" SELF "\"", "\"" P1 "\""), true);
    /* The share gives updating, which makes nothing. */
    assert_makes(&actor, PERM_THNG, SCOPES("\"" GIVER "\"", "\"" P1 "\""), false);
    free(grant);
}

/* Sharing lets at what the other has, not at the other. */
static void users_and_shares_are_private(void **state)
{
    (void)state;
    struct grant *grant = sharing_user();
    const struct actor actor = user_with(grant);
    const struct id self = id_of(11);
    const struct id giver = id_of(12);
    const struct id share = id_of(50);
    struct perm_resource resource =
        resource_of(RESOURCE_USER, &self, SCOPES("\"" SELF "\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_USERS, PERM_UPDATE, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_USER, &giver, SCOPES("\"" GIVER "\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_USERS, PERM_READ, &resource, PERM_OTHER_USER);
    resource = resource_of(RESOURCE_USER, &giver, SCOPES("\"all\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_USERS, PERM_READ, &resource, PERM_OTHER_USER);
    resource = resource_of(RESOURCE_SHARE, &share, SCOPES("\"" SELF "\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_SHARES, PERM_DELETE, &resource, PERM_ALLOWED);
    resource = resource_of(RESOURCE_SHARE, &share, SCOPES("\"" GIVER "\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_SHARES, PERM_DELETE, &resource, PERM_OTHER_USER);
    resource = resource_of(RESOURCE_SHARE, &share, SCOPES("\"all\"", "\"" P1 "\""));
    assert_verdict(&actor, PERM_SHARES, PERM_DELETE, &resource, PERM_OTHER_USER);
    struct perm_reach reach;
    perm_reach(&actor, PERM_SHARES, RESOURCE_SHARE, &reach);
    assert_int_equal(reach.viewer_count, 1);
    assert_true(id_equal(&reach.viewers[0], &self));
    free(grant);
}

static void users_see_no_kinds_of_operators(void **state)
{
    (void)state;
    struct grant *grant = sharing_user();
    const struct actor actor = user_with(grant);
    static const enum resource_kind scoped[] = {
        RESOURCE_THNG, RESOURCE_PRODUCT, RESOURCE_COLLECTION,  RESOURCE_PLACE,
        RESOURCE_ROLE, RESOURCE_ACTION,  RESOURCE_ACTION_TYPE,
    };
    const struct id id = id_of(50);
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        bool is_scoped = false;
        for (size_t i = 0; i < ARRAY_LEN(scoped); i++) {
            is_scoped |= scoped[i] == (enum resource_kind)kind;
        }
        struct perm_resource resource =
            resource_of((enum resource_kind)kind, &id, SCOPES("\"all\"", "\"all\""));
        assert_int_equal(perm_sees(&actor, &resource).code, is_scoped ? ERR_OK : ERR_NOT_FOUND);
        resource.account++;
        assert_int_equal(perm_sees(&actor, &resource).code, ERR_NOT_FOUND);
    }
    free(grant);
}

/* ---- lists ---- */

static void lists_reach_what_is_seen(void **state)
{
    (void)state;
    struct perm_reach reach;
    const struct id project = id_of(1);
    struct actor actor = {.kind = ACTOR_OPERATOR, .account = ACCOUNT};
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_false(reach.is_none || reach.has_viewers || reach.limits_places);
    assert_int_equal(reach.project_count, 0);
    struct grant *grant = confined_operator();
    actor.grant = grant;
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_int_equal(reach.project_count, 1);
    assert_true(id_equal(&reach.projects[0], &project));
    assert_false(reach.is_none || reach.has_viewers);
    perm_reach(&actor, PERM_PROJECTS, RESOURCE_PROJECT, &reach);
    assert_int_equal(reach.project_count, 1);
    /* Below a project, or a batch, that has been judged. */
    perm_reach(&actor, PERM_APPLICATIONS, RESOURCE_APPLICATION, &reach);
    assert_int_equal(reach.project_count, 0);
    assert_false(reach.is_none);
    perm_reach(&actor, PERM_BATCHES, RESOURCE_TASK, &reach);
    assert_int_equal(reach.project_count, 0);
    perm_reach(&actor, PERM_BATCHES, RESOURCE_BATCH, &reach);
    assert_int_equal(reach.project_count, 1);
    perm_reach(&actor, PERM_PRODUCTS, RESOURCE_PRODUCT, &reach);
    assert_true(reach.is_none);
    perm_reach(&actor, PERM_ACCOUNTS, RESOURCE_ACCOUNT, &reach);
    assert_false(reach.is_none);
    assert_int_equal(reach.project_count, 0);
    free(grant);
    grant = project_operator();
    actor.grant = grant;
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_false(reach.is_none);
    assert_int_equal(reach.project_count, 0);
    free(grant);
}

static void lists_of_applications_and_users(void **state)
{
    (void)state;
    struct perm_reach reach;
    const struct id project = id_of(1);
    struct actor actor = {
        .kind = ACTOR_TRUSTED, .account = ACCOUNT, .id = id_of(20), .project = project};
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_int_equal(reach.project_count, 1);
    assert_true(id_equal(&reach.projects[0], &project));
    assert_false(reach.is_none || reach.has_viewers);
    perm_reach(&actor, PERM_PROJECTS, RESOURCE_PROJECT, &reach);
    assert_true(reach.is_none);
    struct grant *grant = sharing_user();
    actor = user_with(grant);
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_int_equal(reach.project_count, 1);
    assert_true(reach.has_viewers);
    assert_int_equal(reach.viewer_count, 2);
    const struct id viewers[] = {id_of(11), id_of(12)};
    assert_memory_equal(reach.viewers, viewers, sizeof(viewers));
    assert_false(reach.is_none);
    assert_false(reach.viewers_by_name);
    /* Its own role lets it list no products; the share's does. */
    perm_reach(&actor, PERM_PRODUCTS, RESOURCE_PRODUCT, &reach);
    assert_true(reach.viewers_by_name);
    assert_int_equal(reach.viewer_count, 1);
    assert_true(id_equal(&reach.viewers[0], &viewers[1]));
    assert_false(reach.is_none);
    perm_reach(&actor, PERM_COLLECTIONS, RESOURCE_COLLECTION, &reach);
    assert_true(reach.is_none); /* neither does */
    free(grant);
    actor = (struct actor){.kind = ACTOR_DEVICE, .account = ACCOUNT, .id = id_of(50)};
    perm_reach(&actor, PERM_THNG_ACTIONS, RESOURCE_ACTION, &reach);
    assert_false(reach.is_none);
    perm_reach(&actor, PERM_THNG_ACTIONS, RESOURCE_THNG, &reach);
    assert_true(reach.is_none);
    actor = (struct actor){0};
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_true(reach.is_none);
}

static void viewers_have_a_limit(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct perm_rights rights = rights_on(PERM_THNGS, "l");
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    for (unsigned i = 0; i < PERM_VIEWERS_MAX + 5; i++) {
        struct id giver = id_of(i);
        grant_draft_add(&draft, GRANT_USER, &rights, &giver, 1);
    }
    struct grant *grant = grant_of(&draft, ACTOR_USER);
    struct actor actor = user_with(grant);
    struct perm_reach reach;
    perm_reach(&actor, PERM_THNGS, RESOURCE_THNG, &reach);
    assert_int_equal(reach.viewer_count, PERM_VIEWERS_MAX);
    free(grant);
}

/* ---- at random ---- */

/* Everything as plain numbers: users 10 to 14 (10 acts), projects 0 to 3 (0 is the user's). */
struct plain {
    bool users[5];
    bool all_users;
    bool projects[4];
    bool all_projects;
    uint8_t own;       /* rights on PERM_THNG that are the role's */
    uint8_t shared[5]; /* by the user who shares; of the operator, by project */
    char scopes[400];
};

static unsigned pick(uint64_t *seed, unsigned count)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % count;
}

static void put_list(struct buf *out, const char *name, const bool *has, unsigned count,
                     unsigned first, bool all)
{
    const char *comma = "";
    buf_put_format(out, "\"%s\":[", name);
    for (unsigned i = 0; i < count; i++) {
        if (has[i]) {
            const struct id id = id_of(first + i);
            buf_put_format(out, "%s\"%.*s\"", comma, ID_BYTES, id.text);
            comma = ",";
        }
    }
    buf_put_format(out, "%s]", !all ? "" : *comma == 0 ? "\"all\"" : ",\"all\"");
}

static void plain_random(struct plain *plain, uint64_t *seed)
{
    struct buf out = {0};
    *plain = (struct plain){.all_users = pick(seed, 4) == 0, .all_projects = pick(seed, 4) == 0};
    for (unsigned i = 0; i < 5; i++) {
        plain->users[i] = pick(seed, 3) == 0;
        plain->shared[i] = pick(seed, 2) == 0 ? 0 : (uint8_t)pick(seed, 32) & operations_of("rux");
    }
    for (unsigned i = 0; i < 4; i++) {
        plain->projects[i] = pick(seed, 3) == 0;
    }
    plain->own = (uint8_t)pick(seed, 32) & operations_of("rux");
    BUF_PUT_LITERAL(&out, "{");
    put_list(&out, "users", plain->users, 5, 10, plain->all_users);
    BUF_PUT_LITERAL(&out, ",");
    put_list(&out, "projects", plain->projects, 4, 0, plain->all_projects);
    BUF_PUT_LITERAL(&out, "}");
    struct slice text = buf_data(&out);
    assert_true(text.bytes < sizeof(plain->scopes));
    memcpy(plain->scopes, text.at, text.bytes);
    buf_deinit(&out);
}

/* What a user gets: 404, 403 or nothing. */
static enum err_code expect_user(const struct plain *plain, uint8_t operation)
{
    uint8_t held = plain->own & operations_of("ru");
    uint8_t given = 0;
    bool is_mine = plain->all_users || plain->users[0];
    bool is_seen = is_mine;
    for (unsigned i = 1; i < 5; i++) {
        uint8_t rights = plain->shared[i] & operations_of("ru");
        held |= rights;
        if (rights != 0 && plain->users[i]) {
            is_seen = true;
            given |= rights;
        }
    }
    given |= is_mine ? plain->own & operations_of("ru") : 0;
    if ((held & operation) == 0) {
        return ERR_DENIED;
    }
    if (!is_seen || (!plain->projects[0] && !plain->all_projects)) {
        return ERR_NOT_FOUND;
    }
    return (given & operation) != 0 ? ERR_OK : ERR_DENIED;
}

/* What an operator with rights by project gets. */
static enum err_code expect_operator(const struct plain *plain, uint8_t operation)
{
    uint8_t held = plain->own;
    uint8_t given = plain->own;
    bool is_seen = plain->own != 0;
    for (unsigned i = 0; i < 4; i++) {
        held |= plain->shared[i];
        if (plain->shared[i] != 0 && (plain->all_projects || plain->projects[i])) {
            is_seen = true;
            given |= plain->shared[i];
        }
    }
    if ((held & operation) == 0) {
        return ERR_DENIED;
    }
    return !is_seen ? ERR_NOT_FOUND : (given & operation) != 0 ? ERR_OK : ERR_DENIED;
}

static struct grant *plain_grant(const struct plain *plain, enum actor_kind kind)
{
    struct grant_draft draft = {0};
    struct perm_rights rights = {{0}};
    bool is_user = kind == ACTOR_USER;
    rights.operations[PERM_THNG] = plain->own;
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    for (unsigned i = is_user ? 1 : 0; i < (is_user ? 5 : 4); i++) {
        struct id id = id_of(is_user ? 10 + i : i);
        rights.operations[PERM_THNG] = plain->shared[i];
        grant_draft_add(&draft, is_user ? GRANT_USER : GRANT_PROJECTS, &rights, &id, 1);
    }
    return grant_of(&draft, kind);
}

static void random_rights_equal_the_model(void **state)
{
    (void)state;
    uint64_t seed = 4;
    unsigned outcomes[2][3] = {{0}};
    const struct id id = id_of(50);
    static const enum perm_operation operations[] = {PERM_READ, PERM_UPDATE, PERM_DELETE};
    for (unsigned round = 0; round < 60000; round++) {
        struct plain plain;
        plain_random(&plain, &seed);
        bool is_user = round % 2 == 0;
        enum actor_kind kind = is_user ? ACTOR_USER : ACTOR_OPERATOR;
        struct grant *grant = plain_grant(&plain, kind);
        struct actor actor = {.kind = kind, .account = ACCOUNT, .id = id_of(10), .grant = grant};
        if (is_user) {
            actor.project = id_of(0);
        }
        enum perm_operation operation = operations[pick(&seed, 3)];
        struct perm_resource resource = resource_of(RESOURCE_THNG, &id, plain.scopes);
        enum err_code wanted = is_user ? expect_user(&plain, (uint8_t)operation)
                                       : expect_operator(&plain, (uint8_t)operation);
        struct err err = perm_judge(&actor, PERM_THNG, operation, &resource);
        if (err.code != wanted) {
            fail_msg("round %u: %s: %s", round, plain.scopes, err_name(err));
        }
        outcomes[is_user][wanted == ERR_OK ? 0 : wanted == ERR_DENIED ? 1 : 2]++;
        free(grant);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_true(outcomes[i / 3][i % 3] > 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_updates_where_its_role_says),
        cmocka_unit_test(an_operator_may_see_its_projects_alone),
        cmocka_unit_test(an_operator_without_rights_sees_itself),
        cmocka_unit_test(what_is_made_must_be_reached),
        cmocka_unit_test(a_token_sees_the_places_of_its_conditions),
        cmocka_unit_test(a_user_sees_what_is_shown_to_it),
        cmocka_unit_test(users_and_shares_are_private),
        cmocka_unit_test(users_see_no_kinds_of_operators),
        cmocka_unit_test(lists_reach_what_is_seen),
        cmocka_unit_test(lists_of_applications_and_users),
        cmocka_unit_test(viewers_have_a_limit),
        cmocka_unit_test(random_rights_equal_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
