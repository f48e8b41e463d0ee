/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest.h"
#include "model/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ID "U2345678abcdefghkmnpqrst"
#define OTHER "U2345678abcdefghkmnpqrsw"

struct asked {
    struct http_request request;
    uint8_t memory[256];
    struct err err;
};

static void ask(struct asked *asked, enum http1_method method, const char *path)
{
    *asked = (struct asked){.request = {.method = method, .path = slice_of_text(path)}};
    asked->err = rest_find(&asked->request, asked->memory);
}

static void assert_route(enum http1_method method, const char *path, const char *pattern)
{
    struct asked asked;
    ask(&asked, method, path);
    if (err_is_set(asked.err)) {
        fail_msg("%s: %s", path, err_name(asked.err));
    }
    assert_string_equal(asked.request.route->pattern, pattern);
    assert_int_equal(asked.request.route->method, method);
}

static void assert_refused(enum http1_method method, const char *path, enum err_code code)
{
    struct asked asked;
    ask(&asked, method, path);
    if (asked.err.code != code) {
        fail_msg("%s: %s", path, err_name(asked.err));
    }
}

static void paths_find_their_route(void **state)
{
    (void)state;
    assert_route(HTTP1_GET, "/", "/");
    assert_route(HTTP1_GET, "", "/");
    assert_route(HTTP1_GET, "/thngs", "/thngs");
    assert_route(HTTP1_GET, "/thngs/", "/thngs");
    assert_route(HTTP1_GET, "/v2/thngs", "/thngs");
    assert_route(HTTP1_GET, "/v2", "/");
    assert_route(HTTP1_PUT, "/thngs/" ID, "/thngs/:thngId");
    assert_route(HTTP1_GET, "/%74hngs/" ID "/location", "/thngs/:thngId/location");
    assert_route(HTTP1_DELETE, "/thngs/x/properties/y", "/thngs/:thngId/properties/:key");
    assert_route(HTTP1_POST, "/auth/evrythng/thngs", "/auth/evrythng/thngs");
    assert_route(HTTP1_GET, "/v2/products/x/actions/all/y",
                 "/products/:productId/actions/:type/:actionId");
    assert_route(HTTP1_GET, "/projects/p/applications/a/secretKey/",
                 "/projects/:projectId/applications/:applicationId/secretKey");
    assert_route(HTTP1_GET, "/applications/me", "/applications/me");
    assert_route(HTTP1_POST, "/thngs/x/actions/commissions", "/thngs/:thngId/actions/commissions");
    assert_route(HTTP1_GET, "/thngs/x/actions/commissions", "/thngs/:thngId/actions/:type");
    assert_route(HTTP1_DELETE, "/actions/_a", "/actions/:type");
    assert_route(HTTP1_POST, "/users/login", "/users/login");
    assert_route(HTTP1_GET, "/users/login", "/users/:userId");
    assert_route(HTTP1_POST, "/auth/evrythng", "/auth/evrythng");
    assert_route(HTTP1_POST, "/v2/auth/evrythng/users/u/validate",
                 "/auth/evrythng/users/:userId/validate");
    assert_route(HTTP1_DELETE, "/v2/projects/p/applications/a/appApiKey",
                 "/projects/:projectId/applications/:applicationId/appApiKey");
    assert_route(HTTP1_DELETE, "/accounts/a/accesses/o/apiKey",
                 "/accounts/:accountId/accesses/:operatorAccessId/apiKey");
    assert_route(HTTP1_PUT, "/roles/base_app_user/permissions", "/roles/:roleId/permissions");
    assert_refused(HTTP1_POST, "/auth", ERR_NOT_FOUND);
    assert_refused(HTTP1_PUT, "/accesses/x", ERR_METHOD_UNKNOWN);
    assert_refused(HTTP1_DELETE, "/accounts/x", ERR_METHOD_UNKNOWN);
    assert_refused(HTTP1_GET, "/v2/v2/thngs", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "//thngs", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/Thngs", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/thngs/x/nonsense", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/thngs/x/properties/y/z", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/a/b/c/d/e/f/g/h", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/thngs/%zz", ERR_NOT_FOUND);
    assert_refused(HTTP1_GET, "/thngs/%", ERR_NOT_FOUND);
}

static void a_path_knows_its_methods(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, HTTP1_PATCH, "/thngs/x/properties/y");
    assert_int_equal(asked.err.code, ERR_METHOD_UNKNOWN);
    assert_int_equal(asked.request.methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD | 1u << HTTP1_PUT |
                                                1u << HTTP1_POST | 1u << HTTP1_DELETE);
    ask(&asked, HTTP1_UNKNOWN, "/time");
    assert_int_equal(asked.err.code, ERR_METHOD_UNKNOWN);
    assert_int_equal(asked.request.methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD);
    ask(&asked, HTTP1_PATCH, "/nonsense");
    assert_int_equal(asked.err.code, ERR_NOT_FOUND);
    assert_int_equal(asked.request.methods, 0);
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, HTTP1_GET, "/thngs/gs1%3A21/properties/a%2Fb%20C");
    assert_int_equal(asked.err.code, ERR_OK);
    assert_true(slice_equal(asked.request.resource_text, SLICE("gs1:21")));
    assert_true(slice_equal(asked.request.key, SLICE("a/b C")));
}

/* The part of judging behind the credential. */
static struct err judge(struct asked *asked, enum actor_kind kind, enum http1_method method,
                        char *path, const char *query)
{
    ask(asked, method, path);
    assert_int_equal(asked->err.code, ERR_OK);
    asked->request.query = slice_of_text(query);
    asked->request.actor = (struct actor){.kind = kind, .account = 1};
    return rest_judge(&asked->request);
}

static void rights_come_before_what_is_named(void **state)
{
    (void)state;
    struct asked asked;
    char list[] = "/thngs";
    char bad[] = "/thngs/x";
    char good[] = "/thngs/" ID;
    assert_int_equal(judge(&asked, ACTOR_DEVICE, HTTP1_GET, list, "").code, ERR_DENIED);
    assert_int_equal(judge(&asked, ACTOR_DEVICE, HTTP1_DELETE, bad, "").code, ERR_DENIED);
    assert_int_equal(judge(&asked, ACTOR_DEVICE, HTTP1_GET, bad, "").code, ERR_NOT_FOUND);
    assert_int_equal(judge(&asked, ACTOR_NONE, HTTP1_GET, good, "").code, ERR_CREDENTIAL_MISSING);
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "").code, ERR_OK);
    assert_true(slice_equal(id_slice(&asked.request.resource), SLICE(ID)));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "project=x").code,
                     ERR_NOT_FOUND);
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "project=").code, ERR_OK);
    assert_false(id_is_set(&asked.request.project));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "project=" OTHER).code, ERR_OK);
    assert_true(slice_equal(id_slice(&asked.request.project), SLICE(OTHER)));
}

/* Whoever belongs to a project may name that one only. */
static void keys_of_a_project_name_no_other(void **state)
{
    (void)state;
    struct asked asked;
    char path[] = "/thngs";
    ask(&asked, HTTP1_GET, path);
    asked.request.actor = (struct actor){.kind = ACTOR_TRUSTED, .account = 1};
    assert_true(id_parse(SLICE(ID), &asked.request.actor.project));
    asked.request.query = SLICE("project=" ID);
    assert_int_equal(rest_judge(&asked.request).code, ERR_OK);
    asked.request.query = SLICE("project=" OTHER);
    assert_int_equal(rest_judge(&asked.request).code, ERR_NOT_FOUND);
}

static void children_are_ids(void **state)
{
    (void)state;
    struct asked asked;
    char good[] = "/projects/" ID "/applications/" OTHER "/secretKey";
    char bad[] = "/projects/" ID "/applications/x";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "").code, ERR_OK);
    assert_true(slice_equal(id_slice(&asked.request.resource), SLICE(ID)));
    assert_true(slice_equal(id_slice(&asked.request.child), SLICE(OTHER)));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, bad, "").code, ERR_NOT_FOUND);
    assert_int_equal(judge(&asked, ACTOR_DEVICE, HTTP1_GET, bad, "").code, ERR_DENIED);
}

/* GET and POST are about the actions, PUT and DELETE about their type (contract: REST 7.1). */
static void action_types_are_addressed_by_name(void **state)
{
    (void)state;
    struct asked asked;
    struct id id = id_of_name(1, RESOURCE_ACTION_TYPE, SLICE("_a b"));
    char type[] = "/actions/_a%20b";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_PUT, type, "").code, ERR_OK);
    assert_true(id_equal(&asked.request.resource, &id));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, type, "").code, ERR_OK);
    assert_false(id_is_set(&asked.request.resource));
    assert_true(slice_equal(asked.request.type, SLICE("_a b")));
    char empty[] = "/actions//";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, empty, "").code, ERR_NOT_FOUND);
    char alias[] = "/v2/actionTypes/_a%20b";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_DELETE, alias, "").code, ERR_OK);
    assert_true(id_equal(&asked.request.resource, &id));
}

static void an_application_may_record_scans_alone(void **state)
{
    (void)state;
    struct asked asked;
    char scans[] = "/actions/scans";
    char shares[] = "/actions/shares";
    char on_thng[] = "/thngs/" ID "/actions/scans";
    assert_int_equal(judge(&asked, ACTOR_APPLICATION, HTTP1_POST, scans, "").code, ERR_OK);
    assert_int_equal(judge(&asked, ACTOR_APPLICATION, HTTP1_GET, scans, "").code, ERR_DENIED);
    assert_int_equal(judge(&asked, ACTOR_APPLICATION, HTTP1_POST, shares, "").code, ERR_DENIED);
    assert_int_equal(judge(&asked, ACTOR_APPLICATION, HTTP1_POST, on_thng, "").code, ERR_DENIED);
    assert_int_equal(judge(&asked, ACTOR_TRUSTED, HTTP1_POST, scans, "").code, ERR_OK);
    assert_int_equal(judge(&asked, ACTOR_TRUSTED, HTTP1_GET, scans, "").code, ERR_OK);
}

static void keys_come_in_normal_form(void **state)
{
    (void)state;
    struct asked asked;
    char plain[] = "/thngs/" ID "/properties/Temp";
    char control[] = "/thngs/" ID "/properties/a%00";
    char empty[] = "/thngs/" ID "/properties//";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, plain, "").code, ERR_OK);
    assert_true(slice_equal(asked.request.key, SLICE("temp")));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, control, "").code,
                     ERR_PROPERTY_KEY_INVALID);
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, empty, "").code,
                     ERR_PROPERTY_KEY_INVALID);
}

static void identifiers_stand_for_thngs_and_products_only(void **state)
{
    (void)state;
    struct asked asked;
    char good[] = "/thngs/gs1:21:0237";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, good, "").code, ERR_OK);
    assert_true(asked.request.needs_resolving);
    char product[] = "/products/gs1:01:0237/properties/a";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, product, "").code, ERR_OK);
    assert_true(asked.request.needs_resolving);
    static const char *const bad[] = {
        "/thngs/:a",      "/thngs/a:",        "/thngs/a:b%20", "/auth/evrythng/thngs/a:b",
        "/operators/a:b", "/collections/a:b", "/places/a:b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char path[64];
        size_t bytes = strlen(bad[i]) + 1;
        assert_true(bytes <= sizeof(path));
        memcpy(path, bad[i], bytes);
        assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, path, "").code, ERR_NOT_FOUND);
    }
}

/* A role that is limited to projects names these. */
static void a_limited_operator_names_its_projects(void **state)
{
    (void)state;
    struct asked asked;
    char path[] = "/thngs";
    struct grant_draft draft = {0};
    struct perm_rights rights = {0};
    struct id project;
    assert_true(id_parse(SLICE(ID), &project));
    rights.operations[PERM_THNGS] = PERM_LIST;
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &project, 1);
    struct grant *grant = grant_new(&draft, ACTOR_OPERATOR);
    assert_non_null(grant);
    ask(&asked, HTTP1_GET, path);
    asked.request.actor = (struct actor){.kind = ACTOR_OPERATOR, .account = 1, .grant = grant};
    asked.request.query = SLICE("project=" ID);
    assert_int_equal(rest_judge(&asked.request).code, ERR_OK);
    asked.request.query = SLICE("project=" OTHER);
    assert_int_equal(rest_judge(&asked.request).code, ERR_NOT_FOUND);
    ask(&asked, HTTP1_POST, path);
    asked.request.actor = (struct actor){.kind = ACTOR_OPERATOR, .account = 1, .grant = grant};
    assert_int_equal(rest_judge(&asked.request).code, ERR_DENIED);
    grant_draft_deinit(&draft);
    free(grant);
}

static void built_in_roles_have_no_ids(void **state)
{
    (void)state;
    struct asked asked;
    char built_in[] = "/roles/base_app_user/permissions";
    char own[] = "/roles/" ID "/permissions/global_read";
    char unknown[] = "/roles/base_app";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, built_in, "").code, ERR_OK);
    assert_false(id_is_set(&asked.request.resource));
    assert_true(slice_equal(asked.request.resource_text, SLICE("base_app_user")));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_PUT, own, "").code, ERR_OK);
    assert_true(slice_equal(id_slice(&asked.request.resource), SLICE(ID)));
    assert_true(slice_equal(asked.request.type, SLICE("global_read")));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, unknown, "").code, ERR_NOT_FOUND);
    assert_int_equal(judge(&asked, ACTOR_TRUSTED, HTTP1_GET, unknown, "").code, ERR_DENIED);
}

/* Whether it is the actor's own is looked up when the body is there. */
static void accounts_are_looked_at(void **state)
{
    (void)state;
    struct asked asked;
    char account[] = "/accounts/" ID;
    char access[] = "/accounts/" ID "/operatorAccess/" OTHER;
    char no_child[] = "/accounts/" ID "/accesses/admin";
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, account, "").code, ERR_OK);
    assert_true(asked.request.needs_account_check);
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_DELETE, access, "").code, ERR_OK);
    assert_true(asked.request.needs_account_check);
    assert_true(slice_equal(id_slice(&asked.request.child), SLICE(OTHER)));
    assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, no_child, "").code, ERR_NOT_FOUND);
    assert_int_equal(judge(&asked, ACTOR_DEVICE, HTTP1_GET, account, "").code, ERR_DENIED);
}

/* Both spellings, and of what is made only. */
static void what_is_made_may_be_for_all_users(void **state)
{
    (void)state;
    struct asked asked;
    char path[] = "/thngs";
    static const char *const asking[] = {"userScope=all", "a=b&scope=all"};
    static const char *const others[] = {"", "userScope=" ID, "scope=", "userscope=all"};
    for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
        assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_POST, path, asking[i]).code, ERR_OK);
        assert_true(asked.request.is_for_all_users);
        assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_GET, path, asking[i]).code, ERR_OK);
        assert_false(asked.request.is_for_all_users);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(judge(&asked, ACTOR_OPERATOR, HTTP1_POST, path, others[i]).code, ERR_OK);
        assert_false(asked.request.is_for_all_users);
    }
}

/* Each row can be found, and has what its flags promise. */
static void the_table_is_sound(void **state)
{
    (void)state;
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        struct asked asked;
        ask(&asked, routes[i].method, routes[i].pattern);
        assert_int_equal(asked.err.code, ERR_OK);
        assert_ptr_equal(asked.request.route, &routes[i]);
        assert_non_null(routes[i].begin);
        assert_true(strlen(routes[i].help) > 0);
        bool is_nested = (routes[i].flags & ROUTE_NESTED) != 0;
        assert_true(!is_nested || asked.request.resource_text.bytes > 0);
        assert_true(routes[i].status >= 200 && routes[i].status < 300);
        assert_int_equal(strstr(routes[i].pattern, ":key") != NULL &&
                             strstr(routes[i].pattern, ":keyThngId") == NULL,
                         asked.request.key.bytes > 0);
        assert_int_equal(strstr(routes[i].pattern, ":type") != NULL ||
                             strstr(routes[i].pattern, ":name") != NULL,
                         asked.request.type.bytes > 0);
        bool has_actor = (routes[i].flags & ROUTE_PUBLIC) != 0;
        for (int kind = ACTOR_OPERATOR; kind < ACTOR_KIND_COUNT; kind++) {
            has_actor |= (perm_row(routes[i].subject)->operations[kind] & routes[i].operation) != 0;
        }
        if (!has_actor) {
            fail_msg("nobody may: %s", routes[i].pattern);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(a_path_knows_its_methods),
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(rights_come_before_what_is_named),
        cmocka_unit_test(keys_of_a_project_name_no_other),
        cmocka_unit_test(children_are_ids),
        cmocka_unit_test(action_types_are_addressed_by_name),
        cmocka_unit_test(an_application_may_record_scans_alone),
        cmocka_unit_test(keys_come_in_normal_form),
        cmocka_unit_test(identifiers_stand_for_thngs_and_products_only),
        cmocka_unit_test(a_limited_operator_names_its_projects),
        cmocka_unit_test(built_in_roles_have_no_ids),
        cmocka_unit_test(accounts_are_looked_at),
        cmocka_unit_test(what_is_made_may_be_for_all_users),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
