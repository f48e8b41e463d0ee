/* SPDX-License-Identifier: Apache-2.0
 *
 * The built-in roles, and the paths of users' roles: checked, written, compiled to rights. */
#include "model/role.h"
#include "unit/model/grant_fixture.h"

static struct json_value scan(const char *text)
{
    struct json_value root = {0};
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    return root;
}

static void assert_text(const struct buf *out, const char *wanted)
{
    if (!slice_equal(buf_data(out), slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(buf_data(out)), wanted);
    }
}

/* The permissions are right, are written as <wanted>, and what is written is written so again. */
static void assert_accepted(const char *permissions, const char *wanted)
{
    struct buf out = {0};
    struct buf again = {0};
    struct err err = role_check_user(scan(permissions), &out);
    if (err_is_set(err)) {
        fail_msg("%s: %s", permissions, err_name(err));
    }
    assert_text(&out, wanted);
    assert_int_equal(role_check_user(scan(wanted), &again).code, ERR_OK);
    assert_text(&again, wanted);
    buf_deinit(&out);
    buf_deinit(&again);
}

static void assert_refused(const char *permissions, enum err_code code)
{
    struct buf out = {0};
    struct err err = role_check_user(scan(permissions), &out);
    if (err.code != code) {
        fail_msg("%s: %s", permissions, err_name(err));
    }
    buf_deinit(&out);
}

#define P(path, access) "{\"path\":\"" path "\",\"access\":\"" access "\"}"

/* ---- built in ---- */

static void three_roles_are_built_in(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum role_type type;
    } wanted[] = {{"admin", ROLE_OPERATOR}, {"none", 0}, {"base_app_user", ROLE_USER}};
    struct slice name;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        enum role_type type = ROLE_USER;
        assert_true(role_built_in(i, &name));
        assert_true(slice_equal(name, slice_of_text(wanted[i].name)));
        assert_true(role_is_built_in(name, &type));
        assert_int_equal(type, wanted[i].type);
    }
    assert_false(role_built_in(ARRAY_LEN(wanted), &name));
    enum role_type type = ROLE_USER;
    assert_false(role_is_built_in(SLICE("base_app_users"), &type));
    assert_false(role_is_built_in(SLICE(""), &type));
}

/* The paths of base_app_user, written out, are the whole column. */
static void the_base_role_is_the_column(void **state)
{
    (void)state;
    struct buf base = {0};
    struct buf again = {0};
    role_write_base(&base);
    buf_put_byte(&base, 0);
    assert_int_equal(role_check_user(scan((const char *)base.at), &again).code, ERR_OK);
    assert_text(&again, (const char *)base.at);
    struct perm_rights rights = role_user_rights(buf_data(&again));
    struct perm_rights wanted = perm_column(ACTOR_USER);
    struct perm_rights open = perm_open(ACTOR_USER);
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        wanted.operations[i] &= (uint8_t)~open.operations[i];
    }
    assert_rights(&rights, &wanted, "base_app_user");
    buf_deinit(&base);
    buf_deinit(&again);
}

/* Each row that gives something to users can be taken away from them, or is open. */
static void every_row_of_users_has_a_path(void **state)
{
    (void)state;
    struct perm_rights open = perm_open(ACTOR_USER);
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        const struct perm_row *row = perm_row((enum perm_subject)i);
        bool is_given = (row->operations[ACTOR_USER] & ~open.operations[i]) != 0;
        assert_int_equal(row->role_path != NULL, is_given);
    }
}

/* ---- checking ---- */

static void permissions_are_kept_in_order(void **state)
{
    (void)state;
    assert_accepted("[]", "[]");
    assert_accepted(" [ { \"access\" : \"cru\" , \"path\" : \"/thngs\" } ] ",
                    "[" P("/thngs", "cru") "]");
    assert_accepted("[" P("/thngs", "urc") "]", "[" P("/thngs", "cru") "]");
    assert_accepted("[" P("/products", "c") "," P("/actions/:type", "rc") "]",
                    "[" P("/products", "c") "," P("/actions/:type", "cr") "]");
    assert_accepted("[{\"path\":\"/thngs\",\"access\":\"r\",\"id\":7}]", "[" P("/thngs", "r") "]");
    assert_accepted("[" P("/thngs/{thngId}/properties", "u") "]",
                    "[" P("/thngs/{thngId}/properties", "u") "]");
    assert_accepted("[" P("/auth", "d") "]", "[" P("/auth", "d") "]");
    assert_accepted("[" P("/collections/:x/thngs", "d") "," P("/collections/:x", "r") "]",
                    "[" P("/collections/:x/thngs", "d") "," P("/collections/:x", "r") "]");
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    assert_refused("{}", ERR_SHAPE_INVALID);
    assert_refused("null", ERR_SHAPE_INVALID);
    assert_refused("[7]", ERR_SHAPE_INVALID);
    assert_refused("[{}]", ERR_FIELD_MISSING);
    assert_refused("[{\"path\":\"/thngs\"}]", ERR_FIELD_MISSING);
    assert_refused("[{\"access\":\"r\"}]", ERR_FIELD_MISSING);
    assert_refused("[{\"path\":7,\"access\":\"r\"}]", ERR_FIELD_INVALID);
    assert_refused("[{\"path\":\"/thngs\",\"access\":null}]", ERR_FIELD_INVALID);
    assert_refused("[" P("/thngs", "") "]", ERR_FIELD_INVALID);
    assert_refused("[" P("/thngs", "rr") "]", ERR_FIELD_INVALID);
    assert_refused("[" P("/thngs", "rw") "]", ERR_FIELD_INVALID);
    assert_refused("[" P("/thngs", "R") "]", ERR_FIELD_INVALID);
}

static void unknown_paths_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "thngs",
        "/thngs/",
        "//thngs",
        "/thngs//properties",
        "/thng",
        "/thngsx",
        "/thngs/UaBcDeFgHkMnPqRsTwXyAa01",
        "/thngs/:",
        "/thngs/{}",
        "/thngs/{id",
        "/thngs/:a-b",
        "/thngs/:id/:any",
        "/thngs/:id/properties/:key",
        "/thngs/:id/actions/scans",
        "/actions/_mine",
        "/:any",
        "/roles/:id",
        "/projects",
        "/accounts",
        "/applications/me",
        "/thngs[/:id]",
        "/products[/:id]",
        "/products[",
        "/\\u0074hngs",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char text[200];
        snprintf(text, sizeof(text), "[{\"path\":\"%s\",\"access\":\"r\"}]", paths[i]);
        assert_refused(text, ERR_FIELD_INVALID);
    }
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "[{\"access\":\"r\",\"path\":\"/thngs/:");
    for (unsigned i = 0; i < 200; i++) {
        buf_put_byte(&text, 'x');
    }
    buf_put(&text, SLICE("\"}]"));
    buf_put_byte(&text, 0);
    assert_refused((const char *)text.at, ERR_FIELD_INVALID);
    buf_deinit(&text);
}

static void a_path_comes_once(void **state)
{
    (void)state;
    assert_refused("[" P("/thngs", "r") "," P("/thngs", "c") "]", ERR_FIELD_INVALID);
    assert_refused("[" P("/thngs/:a", "r") "," P("/places", "r") "," P("/thngs/{b}", "u") "]",
                   ERR_FIELD_INVALID);
    assert_accepted("[" P("/actions/:t", "r") "," P("/actions/scans", "c") "]",
                    "[" P("/actions/:t", "r") "," P("/actions/scans", "c") "]");
}

/* Nobody gives users what base_app_user does not have. */
static void the_base_role_is_the_limit(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *letters; /* that it may have */
    } limits[] = {
        {"/thngs", "cru"},
        {"/thngs/:id", "cru"},
        {"/thngs/:id/location", "ru"},
        {"/thngs/:id/properties", "cru"},
        {"/thngs/:id/actions", "cr"},
        {"/thngs/:id/actions/:type", "cr"},
        {"/thngs/:id/actions/:type/:actionId", "r"},
        {"/products", "crud"},
        {"/products/:id/properties", "crud"},
        {"/collections", "crud"},
        {"/collections/:id/collections", "cr"},
        {"/collections/:id/thngs", "rud"},
        {"/actions", "cr"},
        {"/actions/:type", "cr"},
        {"/actions/scans", "cr"},
        {"/actions/:type/:id", "r"},
        {"/places", "r"},
        {"/roles", "r"},
        {"/users", "ru"},
        {"/users/:id", "ru"},
        {"/users/:id/status", "r"},
        {"/accesses", "crd"},
        {"/accesses/:id", "d"},
        {"/auth", "crd"},
        {"/auth/evrythng/thngs", "crd"},
        {"/auth/evrythng/thngs/:id", "rd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        for (const char *letter = "crud"; *letter != 0; letter++) {
            char text[200];
            snprintf(text, sizeof(text), "[{\"path\":\"%s\",\"access\":\"%c\"}]", limits[i].path,
                     *letter);
            struct buf out = {0};
            struct err err = role_check_user(scan(text), &out);
            bool may = strchr(limits[i].letters, *letter) != NULL;
            if (err.code != (may ? ERR_OK : ERR_GRANTS_TOO_MUCH)) {
                fail_msg("%s: %s", text, err_name(err));
            }
            buf_deinit(&out);
        }
    }
}

static void lacking_memory_shows(void **state)
{
    (void)state;
    struct buf out = {.bytes_max = 10};
    assert_int_equal(role_check_user(scan("[" P("/thngs", "r") "]"), &out).code, ERR_NO_MEMORY);
    buf_deinit(&out);
}

/* ---- rights ---- */

static void assert_gives(const char *permissions, enum perm_subject subject, const char *letters)
{
    struct perm_rights rights = role_user_rights(slice_of_text(permissions));
    if (rights.operations[subject] != operations_of(letters)) {
        fail_msg("%s, %s: %x", permissions, perm_row(subject)->path, rights.operations[subject]);
    }
}

static void what_is_not_named_is_not_given(void **state)
{
    (void)state;
    struct perm_rights none = {{0}};
    struct perm_rights rights = role_user_rights(SLICE("[]"));
    assert_rights(&rights, &none, "[]");
    rights = role_user_rights((struct slice){0});
    assert_rights(&rights, &none, "nothing");
    rights = role_user_rights(SLICE("{}"));
    assert_rights(&rights, &none, "{}");
    assert_gives("[7,{\"path\":7,\"access\":\"r\"}," P("/thngs", "x") "," P("/places", "r") "]",
                 PERM_PLACES, "rl");
}

static void a_path_covers_what_lies_below(void **state)
{
    (void)state;
#define THNGS "[" P("/thngs", "cr") "]"
    assert_gives(THNGS, PERM_THNGS, "cl");
    assert_gives(THNGS, PERM_THNG, "r");
    assert_gives(THNGS, PERM_PROPERTIES, "cr");
    assert_gives(THNGS, PERM_LOCATION, "r");
    assert_gives(THNGS, PERM_THNG_ACTIONS, "crl");
    assert_gives(THNGS, PERM_PRODUCTS, "");
    assert_gives(THNGS, PERM_DEVICE_KEYS, "");
    assert_gives("[" P("/auth", "crd") "]", PERM_DEVICE_KEYS, "crx");
    assert_gives("[" P("/auth/evrythng/thngs/:id", "d") "]", PERM_DEVICE_KEYS, "x");
}

static void the_longest_path_counts(void **state)
{
    (void)state;
#define NESTED \
    "[" P("/thngs/:id/properties", "r") "," P("/thngs", "cru") "," P("/thngs/{x}", "u") "]"
    assert_gives(NESTED, PERM_THNGS, "cl");
    assert_gives(NESTED, PERM_THNG, "u");
    assert_gives(NESTED, PERM_PROPERTIES, "r");
    assert_gives(NESTED, PERM_LOCATION, "u");
    assert_gives(NESTED, PERM_THNG_ACTIONS, "");
    /* Listing and creating are judged without the id, all else with it. */
    assert_gives("[" P("/products/:id", "ru") "]", PERM_PRODUCTS, "ru");
    assert_gives("[" P("/products", "cr") "," P("/products/:id", "u") "]", PERM_PRODUCTS, "clu");
    assert_gives("[" P("/thngs/:id/actions/:type/:actionId", "r") "]", PERM_THNG_ACTIONS, "r");
    assert_gives("[" P("/thngs/:id/actions/:type", "c") "]", PERM_THNG_ACTIONS, "c");
}

static void scans_are_actions_of_a_type(void **state)
{
    (void)state;
    assert_gives("[" P("/actions/:type", "cr") "]", PERM_SCANS, "crl");
    assert_gives("[" P("/actions/:type", "cr") "]", PERM_ACTION_TYPES, "");
    assert_gives("[" P("/actions/:type", "cr") "," P("/actions/scans", "c") "]", PERM_SCANS, "c");
    assert_gives("[" P("/actions/scans", "c") "," P("/actions/:type", "cr") "]", PERM_SCANS, "c");
    assert_gives("[" P("/actions/scans", "c") "]", PERM_ACTIONS, "");
    assert_gives("[" P("/actions", "cr") "]", PERM_ACTION_TYPES, "l");
    assert_gives("[" P("/actions", "cr") "]", PERM_ACTIONS, "crl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_roles_are_built_in),
        cmocka_unit_test(the_base_role_is_the_column),
        cmocka_unit_test(every_row_of_users_has_a_path),
        cmocka_unit_test(permissions_are_kept_in_order),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(unknown_paths_are_refused),
        cmocka_unit_test(a_path_comes_once),
        cmocka_unit_test(the_base_role_is_the_limit),
        cmocka_unit_test(lacking_memory_shows),
        cmocka_unit_test(what_is_not_named_is_not_given),
        cmocka_unit_test(a_path_covers_what_lies_below),
        cmocka_unit_test(the_longest_path_counts),
        cmocka_unit_test(scans_are_actions_of_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
