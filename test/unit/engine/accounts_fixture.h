/* SPDX-License-Identifier: Apache-2.0
 *
 * accounts_fixture.h - engine_fixture.h with what accounts are made of: an application whose users
 * sign up, roles, and questions that readers answer. */
#ifndef THRUM_TEST_UNIT_ENGINE_ACCOUNTS_FIXTURE_H
#define THRUM_TEST_UNIT_ENGINE_ACCOUNTS_FIXTURE_H

#include "engine/names.h"
#include "unit/engine/engine_fixture.h"

#define ALL_SCOPES "{\"users\":[\"all\"],\"projects\":[\"all\"]}"

/* A project with an application. */
struct home {
    struct id project;
    struct id application;
};

static inline struct home plant_home(struct world *world, const char *default_role)
{
    struct home home = {.project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "")};
    char members[100];
    (void)snprintf(members, sizeof(members), "\"project\":\"%.24s\",\"defaultRole\":\"%s\"",
                   home.project.text, default_role);
    home.application = plant(world, RESOURCE_APPLICATION, members, "");
    world->planted[world->planted_count - 1].parent = home.project;
    return home;
}

static inline struct id plant_role(struct world *world, const char *name, const char *type)
{
    char members[200];
    (void)snprintf(members, sizeof(members), "\"name\":\"%s\",\"type\":\"%s\",\"permissions\":[]",
                   name, type);
    return plant(world, RESOURCE_ROLE, members, ALL_SCOPES);
}

/* A user whom only the documents know of, and its email. */
static inline struct id plant_user(struct world *world, const struct home *home, const char *email,
                                   const char *status)
{
    char members[200];
    char scopes[120];
    (void)snprintf(
        members, sizeof(members),
        "\"role\":\"base_app_user\",\"email\":\"%s\",\"credentials\":{\"status\":\"%s\"}", email,
        status);
    struct id id = plant(world, RESOURCE_USER, members, "");
    (void)snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}",
                   id.text, home->project.text);
    struct planted *user = &world->planted[world->planted_count - 1];
    user->parent = home->application;
    memcpy(user->scopes, scopes, sizeof(scopes));
    struct id name;
    assert_int_equal(
        name_id(OPERATOR_ACCOUNT, RESOURCE_USER, &home->application, slice_of_text(email), &name)
            .code,
        ERR_OK);
    plant_id(world, RESOURCE_NAME, &name, "", "")->parent = id;
    return id;
}

static inline struct actor application_of(const struct home *home)
{
    return (struct actor){.kind = ACTOR_APPLICATION,
                          .account = OPERATOR_ACCOUNT,
                          .id = home->application,
                          .project = home->project};
}

static inline struct actor user_of(const struct home *home, const struct id *user)
{
    return (struct actor){.kind = ACTOR_USER,
                          .account = OPERATOR_ACCOUNT,
                          .id = *user,
                          .project = home->project,
                          .application = home->application};
}

static inline struct command *sign_up_in(struct command_batch *batch, const struct home *home,
                                         const char *members, uint64_t request)
{
    struct command *command = creation_in(batch, RESOURCE_USER, request);
    command->actor = application_of(home);
    command->as.create.parent = home->application;
    command->as.create.members = slice_of_text(members);
    return command;
}

static inline struct command *patch_in(struct command_batch *batch, enum resource_kind kind,
                                       const struct id *target, const char *patch)
{
    struct command *command = update_in(batch, kind, target, 1);
    command->as.update.patch = slice_of_text(patch);
    return command;
}

/* Runs the batch and answers all loads; questions with <is_so>. The code of the one answer. */
static inline enum err_code outcome_with(struct world *world, struct command_batch *batch,
                                         bool is_so)
{
    run(world, batch);
    while (world->load_count > 0) {
        world->loads[0]->is_so = is_so;
        answer_load(world);
    }
    assert_int_equal(world->answer_count, 1);
    return world->answers[0].err.code;
}

/* One member of the last group's event <index>, which is a document's, as text. */
static inline struct slice member_of_event(struct world *world, size_t index, const char *member)
{
    struct event events[8];
    size_t count = read_events(world, events, ARRAY_LEN(events));
    assert_true(index < count && index < ARRAY_LEN(events));
    assert_int_equal(events[index].type, EVENT_DOCUMENT);
    const struct json_value document = {.type = JSON_OBJECT, .text = events[index].text};
    return json_member(document, slice_of_text(member)).text;
}

#endif
