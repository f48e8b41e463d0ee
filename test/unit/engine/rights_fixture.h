/* SPDX-License-Identifier: Apache-2.0
 *
 * rights_fixture.h - actors whose rights are less than all that the table gives to their kind:
 * users with a role and with shares, operators with switches, access tokens with policies. */
#ifndef THRUM_TEST_UNIT_ENGINE_RIGHTS_FIXTURE_H
#define THRUM_TEST_UNIT_ENGINE_RIGHTS_FIXTURE_H

#include "model/role.h"
#include "unit/engine/engine_fixture.h"

/* A project, one of its applications, and three users of that. */
struct people {
    struct id project;
    struct id application;
    struct id ann;
    struct id bob;
    struct id cid;
};

static inline struct people plant_people(struct world *world)
{
    struct people people = {.project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "")};
    people.application = plant(world, RESOURCE_APPLICATION, "\"name\":\"a\"", "");
    world->planted[world->planted_count - 1].parent = people.project;
    struct id *const users[] = {&people.ann, &people.bob, &people.cid};
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        *users[i] = plant(world, RESOURCE_USER, "\"role\":\"base_app_user\"", "");
        struct planted *planted = &world->planted[world->planted_count - 1];
        planted->parent = people.application;
        (void)snprintf(planted->scopes, sizeof(planted->scopes),
                       "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}", users[i]->text,
                       people.project.text);
    }
    return people;
}

/* The same where a project is all that there is of them. */
static inline struct people people_in(struct world *world)
{
    return (struct people){
        .project = create(world, RESOURCE_PROJECT),
        .application = id_generate(&world->rand, 1),
        .ann = id_generate(&world->rand, 1),
        .bob = id_generate(&world->rand, 1),
        .cid = id_generate(&world->rand, 1),
    };
}

/* What one user is shown in one project. */
static inline void scopes_of_user(char scopes[120], const struct id *user, const struct id *project)
{
    (void)snprintf(scopes, 120, "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}", user->text,
                   project->text);
}

/* The grant that the draft makes; the draft is empty afterwards. */
static inline const struct grant *keep_grant(struct world *world, struct grant_draft *draft,
                                             enum actor_kind kind)
{
    assert_true(world->grant_count < GRANTS_MAX);
    struct grant *grant = grant_new(draft, kind);
    assert_non_null(grant);
    grant_draft_deinit(draft);
    world->grants[world->grant_count++] = grant;
    return grant;
}

/* The permissions of a role of users that is the same on all paths: "crud". */
static inline struct perm_rights rights_on(const char *path, const char *access)
{
    char permissions[100];
    (void)snprintf(permissions, sizeof(permissions), "[{\"path\":\"%s\",\"access\":\"%s\"}]", path,
                   access);
    return role_user_rights(slice_of_text(permissions));
}

static inline struct actor user_actor(const struct people *people, const struct id *user)
{
    return (struct actor){.kind = ACTOR_USER,
                          .account = OPERATOR_ACCOUNT,
                          .id = *user,
                          .project = people->project,
                          .application = people->application};
}

/* A user with rights of its own, and with others on what <sharer> is shown (NULL: nobody shares).
 */
static inline struct actor user_with(struct world *world, const struct people *people,
                                     const struct id *user, struct perm_rights own,
                                     const struct id *sharer, struct perm_rights shared)
{
    struct grant_draft draft = {0};
    struct actor actor = user_actor(people, user);
    grant_draft_add(&draft, GRANT_ALL, &own, NULL, 0);
    if (sharer != NULL) {
        grant_draft_add(&draft, GRANT_USER, &shared, sharer, 1);
    }
    actor.grant = keep_grant(world, &draft, ACTOR_USER);
    return actor;
}

/* A user whose role is base_app_user. */
static inline struct actor base_user(struct world *world, const struct people *people,
                                     const struct id *user)
{
    return user_with(world, people, user, perm_column(ACTOR_USER), NULL, (struct perm_rights){{0}});
}

/* An operator that reads one project and changes the resources of another one. */
static inline struct actor limited_operator(struct world *world, const struct id *reads,
                                            const struct id *changes)
{
    char switches[400];
    (void)snprintf(switches, sizeof(switches),
                   "[{\"name\":\"project_read\",\"enabled\":true,\"projectScoped\":true,"
                   "\"projects\":[\"%.24s\",\"%.24s\"]},"
                   "{\"name\":\"project_resource_update\",\"enabled\":true,"
                   "\"projectScoped\":true,\"projects\":[\"%.24s\"]},"
                   "{\"name\":\"project_update\",\"enabled\":true,"
                   "\"projectScoped\":true,\"projects\":[\"%.24s\"]}]",
                   reads->text, changes->text, changes->text, changes->text);
    struct grant_draft draft = {0};
    struct actor actor = operator_of(OPERATOR_ACCOUNT);
    actor.id = id_generate(&world->rand, 1);
    role_operator_zones(slice_of_text(switches), &draft);
    actor.grant = keep_grant(world, &draft, ACTOR_OPERATOR);
    return actor;
}

/* An access token with those permissions, separated by blanks. */
static inline struct actor token_with(struct world *world, const char *permissions)
{
    struct perm_rights rights = {{0}};
    while (*permissions != 0) {
        size_t bytes = strcspn(permissions, " ");
        assert_int_equal(policy_add(slice_of(permissions, bytes), &rights).code, ERR_OK);
        permissions += bytes + (permissions[bytes] == ' ');
    }
    struct grant_draft draft = {0};
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    return (struct actor){.kind = ACTOR_ACCESS_TOKEN,
                          .account = OPERATOR_ACCOUNT,
                          .id = id_generate(&world->rand, 1),
                          .grant = keep_grant(world, &draft, ACTOR_ACCESS_TOKEN)};
}

#endif
