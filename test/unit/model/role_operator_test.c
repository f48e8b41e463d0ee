/* SPDX-License-Identifier: Apache-2.0
 *
 * The switches of operators' roles: read, put over those that were there, compiled to zones. */
#include "model/role.h"
#include "unit/model/grant_fixture.h"

#define P1 "UaBcDeFgHkMnPqRsTwXyAa01"
#define P2 "UaBcDeFgHkMnPqRsTwXyAa02"

/* All six, as they are stored. */
#define GLOBAL(name, enabled) "{\"name\":\"" name "\",\"enabled\":" enabled "}"
#define SCOPED(name, enabled, projects)           \
    "{\"name\":\"" name "\",\"enabled\":" enabled \
    ",\"projectScoped\":true,\"projects\":[" projects "]}"
#define SIX(first, second, third, fourth, fifth, sixth) \
    "[" first "," second "," third "," fourth "," fifth "," sixth "]"
#define READ_OFF GLOBAL("global_read", "false")
#define RESOURCES_OFF GLOBAL("gl_resource_update", "false")
#define PROJECTS_OFF GLOBAL("gl_project_update", "false")
#define P_READ_OFF SCOPED("project_read", "false", "")
#define P_PROJECTS_OFF SCOPED("project_update", "false", "")
#define P_RESOURCES_OFF SCOPED("project_resource_update", "false", "")
#define ALL_OFF \
    SIX(READ_OFF, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF, P_PROJECTS_OFF, P_RESOURCES_OFF)
#define READ_ON GLOBAL("global_read", "true")
#define P_READ_ON SCOPED("project_read", "true", "\"" P1 "\"")

static struct json_value scan(const char *text)
{
    struct json_value root = {0};
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    return root;
}

static void assert_put(const char *former, const char *name, const char *body, const char *wanted)
{
    struct buf out = {0};
    struct buf again = {0};
    struct err err =
        role_check_operator(slice_of_text(former), slice_of_text(name), scan(body), &out);
    if (err_is_set(err)) {
        fail_msg("%s: %s", body, err_name(err));
    }
    if (!slice_equal(buf_data(&out), slice_of_text(wanted))) {
        fail_msg("%s: %.*s instead of %s", body, SLICE_ARGS(buf_data(&out)), wanted);
    }
    err = role_check_operator((struct slice){0}, (struct slice){0}, scan(wanted), &again);
    assert_int_equal(err.code, ERR_OK);
    assert_true(slice_equal(buf_data(&again), slice_of_text(wanted)));
    buf_deinit(&out);
    buf_deinit(&again);
}

static void assert_refused(const char *name, const char *body, enum err_code code)
{
    struct buf out = {0};
    struct err err = role_check_operator(SLICE(ALL_OFF), slice_of_text(name), scan(body), &out);
    if (err.code != code) {
        fail_msg("%s: %s", body, err_name(err));
    }
    buf_deinit(&out);
}

/* ---- reading and writing ---- */

static void a_new_role_is_off(void **state)
{
    (void)state;
    assert_put("", "", "[]", ALL_OFF);
}

static void some_switches_can_be_set(void **state)
{
    (void)state;
    assert_put(
        "", "", "[{\"name\":\"global_read\",\"enabled\":true}]",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF, P_PROJECTS_OFF, P_RESOURCES_OFF));
    assert_put(
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF, P_PROJECTS_OFF, P_RESOURCES_OFF), "",
        "[{\"name\":\"project_read\",\"enabled\":true,\"projects\":[\"" P1 "\"]}]",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_ON, P_PROJECTS_OFF, P_RESOURCES_OFF));
    /* What a body does not say of a switch stays. */
    assert_put(
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_ON, P_PROJECTS_OFF, P_RESOURCES_OFF), "",
        "[{\"name\":\"global_read\"},{\"name\":\"project_read\",\"enabled\":false}]",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, SCOPED("project_read", "false", "\"" P1 "\""),
            P_PROJECTS_OFF, P_RESOURCES_OFF));
    assert_put(
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_ON, P_PROJECTS_OFF, P_RESOURCES_OFF), "",
        "[{\"name\":\"project_read\",\"projects\":[]}]",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, SCOPED("project_read", "true", ""),
            P_PROJECTS_OFF, P_RESOURCES_OFF));
}

static void one_switch_can_be_set(void **state)
{
    (void)state;
    assert_put(
        "", "global_read", "{\"enabled\":true}",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF, P_PROJECTS_OFF, P_RESOURCES_OFF));
    assert_put(
        "", "global_read",
        "{\"name\":\"global_read\",\"enabled\":true,\"projectScoped\":false,\"projects\":[]}",
        SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF, P_PROJECTS_OFF, P_RESOURCES_OFF));
    assert_put(ALL_OFF, "project_update",
               "{\"enabled\":true,\"projects\":[\"" P2 "\",\"" P1 "\",\"" P2 "\"]}",
               SIX(READ_OFF, RESOURCES_OFF, PROJECTS_OFF, P_READ_OFF,
                   SCOPED("project_update", "true", "\"" P2 "\",\"" P1 "\""), P_RESOURCES_OFF));
    assert_refused("global_write", "{\"enabled\":true}", ERR_NOT_FOUND);
    assert_refused("", "{\"enabled\":true}", ERR_SHAPE_INVALID);
    assert_refused("global_read", "[]", ERR_SHAPE_INVALID);
    assert_refused("global_read", "{\"name\":\"project_read\",\"enabled\":true}",
                   ERR_FIELD_INVALID);
}

/* Clients of the original nest the switches. */
static void children_are_switches_too(void **state)
{
    (void)state;
    assert_put("", "",
               "[{\"name\":\"global_read\",\"enabled\":false,\"children\":["
               "{\"name\":\"gl_resource_update\",\"enabled\":true,\"projectScoped\":false}]},"
               "{\"name\":\"project_read\",\"enabled\":true,\"projects\":[\"" P1
               "\"],\"children\":["
               "{\"name\":\"project_update\",\"enabled\":true,\"projects\":[\"" P2 "\"]}]}]",
               SIX(READ_OFF, GLOBAL("gl_resource_update", "true"), PROJECTS_OFF, P_READ_ON,
                   SCOPED("project_update", "true", "\"" P2 "\""), P_RESOURCES_OFF));
    assert_refused("", "[{\"name\":\"global_read\",\"children\":7}]", ERR_SHAPE_INVALID);
    assert_refused("", "[{\"name\":\"global_read\",\"children\":[{\"name\":\"x\"}]}]",
                   ERR_FIELD_INVALID);
}

static void wrong_switches_are_refused(void **state)
{
    (void)state;
    assert_refused("", "[7]", ERR_SHAPE_INVALID);
    assert_refused("", "[{}]", ERR_FIELD_MISSING);
    assert_refused("", "[{\"name\":7}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"global_write\",\"enabled\":true}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"global_read\",\"enabled\":\"true\"}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"global_read\",\"enabled\":null}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"global_read\",\"projects\":[\"" P1 "\"]}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"project_read\",\"projects\":\"" P1 "\"}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"project_read\",\"projects\":[7]}]", ERR_FIELD_INVALID);
    assert_refused("", "[{\"name\":\"project_read\",\"projects\":[\"all\"]}]",
                   ERR_REFERENCE_UNKNOWN);
}

static void projects_have_a_limit(void **state)
{
    (void)state;
    for (unsigned count = ROLE_PROJECTS_MAX; count <= ROLE_PROJECTS_MAX + 1; count++) {
        struct buf text = {0};
        BUF_PUT_LITERAL(&text, "[{\"name\":\"project_read\",\"projects\":[\"" P1 "\"");
        for (unsigned i = 1; i < count; i++) {
            BUF_PUT_LITERAL(&text, ",\"" P2 "\"");
        }
        BUF_PUT_LITERAL(&text, "]}]");
        buf_put_byte(&text, 0);
        assert_refused("", (const char *)text.at,
                       count == ROLE_PROJECTS_MAX ? ERR_OK : ERR_FIELD_TOO_LONG);
        buf_deinit(&text);
    }
}

static void a_switch_can_be_found(void **state)
{
    (void)state;
    struct slice text;
    assert_int_equal(role_operator_switch(SLICE(ALL_OFF), SLICE("project_read"), &text).code,
                     ERR_OK);
    assert_true(slice_equal(text, SLICE(P_READ_OFF)));
    assert_int_equal(role_operator_switch(SLICE(ALL_OFF), SLICE("project"), &text).code,
                     ERR_NOT_FOUND);
    assert_int_equal(role_operator_switch((struct slice){0}, SLICE("global_read"), &text).code,
                     ERR_NOT_FOUND);
}

static void count_project(void *arg, const struct id *project)
{
    unsigned *found = arg;
    const struct id first = id_of(1);
    const struct id second = id_of(2);
    *found = *found * 10 + (id_equal(project, &first) ? 1 : id_equal(project, &second) ? 2 : 9);
}

static void the_projects_are_visited(void **state)
{
    (void)state;
    unsigned found = 0;
    role_operator_projects(
        scan(SIX(READ_ON, RESOURCES_OFF, PROJECTS_OFF, P_READ_ON,
                 SCOPED("project_update", "false", "\"" P2 "\",\"" P1 "\""), P_RESOURCES_OFF)),
        count_project, &found);
    assert_int_equal(found, 121);
    role_operator_projects(scan("{}"), count_project, &found);
    assert_int_equal(found, 121);
}

/* ---- zones ---- */

static struct grant *grant_with(const char *permissions)
{
    struct grant_draft draft = {0};
    role_operator_zones(slice_of_text(permissions), &draft);
    return grant_of(&draft, ACTOR_OPERATOR);
}

static void assert_zone(const struct grant *grant, uint32_t index, enum perm_subject subject,
                        const char *letters)
{
    assert_true(index < grant->zone_count);
    if (grant->zones[index].rights.operations[subject] != operations_of(letters)) {
        fail_msg("%s: %x", perm_row(subject)->path, grant->zones[index].rights.operations[subject]);
    }
}

static void reading_shows_no_keys(void **state)
{
    (void)state;
    struct grant *grant = grant_with("[{\"name\":\"global_read\",\"enabled\":true}]");
    assert_int_equal(grant->zone_count, 1);
    assert_int_equal(grant->zones[0].reach, GRANT_ALL);
    assert_zone(grant, 0, PERM_THNGS, "l");
    assert_zone(grant, 0, PERM_THNG, "r");
    assert_zone(grant, 0, PERM_PROPERTIES, "r");
    assert_zone(grant, 0, PERM_PROJECTS, "rl");
    assert_zone(grant, 0, PERM_APPLICATIONS, "rl");
    assert_zone(grant, 0, PERM_USERS, "rl");
    assert_zone(grant, 0, PERM_DEVICE_KEYS, "");
    assert_zone(grant, 0, PERM_APPLICATION_KEYS, "");
    assert_zone(grant, 0, PERM_USER_STATUS, "");
    assert_zone(grant, 0, PERM_ROLES, "");
    assert_zone(grant, 0, PERM_ACCESS_TOKENS, "");
    assert_zone(grant, 0, PERM_ACCOUNT_ACCESSES, "");
    assert_zone(grant, 0, PERM_WHY, "");
    assert_int_equal(grant->may.operations[PERM_ACCOUNTS], operations_of("rl"));
    free(grant);
}

static void updating_is_by_domain(void **state)
{
    (void)state;
    struct grant *grant = grant_with("[{\"name\":\"gl_resource_update\",\"enabled\":true}]");
    assert_zone(grant, 0, PERM_THNGS, "cux");
    assert_zone(grant, 0, PERM_THNG, "ux");
    assert_zone(grant, 0, PERM_THNG_ACTIONS, "c");
    assert_zone(grant, 0, PERM_DEVICE_KEYS, "crx");
    assert_zone(grant, 0, PERM_PROJECTS, "");
    assert_zone(grant, 0, PERM_USERS, "");
    assert_zone(grant, 0, PERM_ROLES, "");
    free(grant);
    grant = grant_with("[{\"name\":\"gl_project_update\",\"enabled\":true}]");
    assert_zone(grant, 0, PERM_THNG, "");
    assert_zone(grant, 0, PERM_PROJECTS, "cux");
    assert_zone(grant, 0, PERM_APPLICATIONS, "cux");
    assert_zone(grant, 0, PERM_APPLICATION_KEYS, "rx");
    assert_zone(grant, 0, PERM_USERS, "ux");
    assert_zone(grant, 0, PERM_USER_STATUS, "r");
    assert_zone(grant, 0, PERM_ACCESS_POLICIES, "");
    free(grant);
    grant = grant_with("[{\"name\":\"gl_project_update\",\"enabled\":true},"
                       "{\"name\":\"global_read\",\"enabled\":true}]");
    assert_int_equal(grant->zone_count, 1);
    assert_zone(grant, 0, PERM_PROJECTS, "crlux");
    free(grant);
}

static void switches_of_projects_reach_these(void **state)
{
    (void)state;
    const struct id first = id_of(1);
    struct grant *grant = grant_with(
        "[{\"name\":\"project_read\",\"enabled\":true,\"projects\":[\"" P2 "\",\"" P1 "\"]},"
        "{\"name\":\"project_update\",\"enabled\":false,\"projects\":[\"" P1 "\"]},"
        "{\"name\":\"project_resource_update\",\"enabled\":true,\"projects\":[\"" P1 "\"]}]");
    assert_int_equal(grant->zone_count, 2);
    assert_int_equal(grant->zones[0].reach, GRANT_PROJECTS);
    assert_int_equal(grant->zones[0].id_count, 2);
    assert_zone(grant, 0, PERM_THNG, "r");
    assert_zone(grant, 0, PERM_PROJECTS, "rl");
    assert_zone(grant, 1, PERM_THNG, "ux");
    assert_zone(grant, 1, PERM_PROJECTS, "");
    assert_int_equal(grant->zones[1].id_count, 1);
    assert_true(id_equal(&grant->zones[1].ids[0], &first));
    free(grant);
    /* One that is on for no project gives nothing. */
    grant = grant_with("[{\"name\":\"project_read\",\"enabled\":true,\"projects\":[]},"
                       "{\"name\":\"project_update\",\"enabled\":true}]");
    assert_int_equal(grant->zone_count, 0);
    free(grant);
    grant = grant_with("");
    assert_int_equal(grant->zone_count, 0);
    free(grant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_role_is_off),
        cmocka_unit_test(some_switches_can_be_set),
        cmocka_unit_test(one_switch_can_be_set),
        cmocka_unit_test(children_are_switches_too),
        cmocka_unit_test(wrong_switches_are_refused),
        cmocka_unit_test(projects_have_a_limit),
        cmocka_unit_test(a_switch_can_be_found),
        cmocka_unit_test(the_projects_are_visited),
        cmocka_unit_test(reading_shows_no_keys),
        cmocka_unit_test(updating_is_by_domain),
        cmocka_unit_test(switches_of_projects_reach_these),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
