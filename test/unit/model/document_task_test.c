/* SPDX-License-Identifier: Apache-2.0
 *
 * What a task is asked to do: what each kind of parameters needs, and what is kept of them. */
#include "unit/model/document_fixture.h"

/* The parts of a body, to be left out or replaced one by one. */
#define BOTH "\"generateThngs\":true,\"generateRedirections\":false"
#define URLS "\"defaultRedirectUrl\":\"u\",\"shortDomain\":\"d\""
#define TEMPLATE "\"thngTemplate\":{\"name\":\"x\"}"
#define THNG_ID "\"shortIdTemplate\":{\"type\":\"THNG_ID\"}"
#define FIXED "\"type\":\"FIXED_AMOUNT\"," BOTH "," URLS
#define FIXED_WHOLE FIXED ",\"quantity\":3," THNG_ID "," TEMPLATE
#define KEYS "\"type\":\"IDENTIFIERS_LIST_BASED\"," BOTH "," TEMPLATE
#define VALUES "\"customIdentifier\":{\"key\":\"k\",\"values\":[\"a\",\"b\"]}"
#define KEYS_OF_TEMPLATE(members) \
    "\"type\":\"IDENTIFIERS_LIST_BASED\"," BOTH "," VALUES ",\"thngTemplate\":{" members "}"
#define POPULATING(input) "{\"type\":\"POPULATING\",\"inputParameters\":{" input "}}"
#define SHORT_IDS(input) "{\"type\":\"SHORT_ID_GENERATION\",\"inputParameters\":{" input "}}"
#define KEPT(input, total)                                                            \
    "\"type\":\"POPULATING\",\"status\":\"PENDING\",\"inputParameters\":{" input "}," \
    "\"progress\":{\"totalAmount\":" total ",\"contributions\":{}}"

static void assert_task(const char *text, const char *wanted)
{
    assert_kept(RESOURCE_TASK, true, text, wanted);
}

static void assert_no_task(const char *text, enum err_code code, const char *field)
{
    assert_refused(RESOURCE_TASK, true, text, code, field);
}

static void each_kind_of_parameters(void **state)
{
    (void)state;
    assert_task(POPULATING(FIXED_WHOLE), KEPT(FIXED_WHOLE, "3"));
    assert_task(POPULATING(KEYS "," VALUES), KEPT(KEYS "," VALUES, "2"));
#define LIST "\"type\":\"LIST_BASED\"," BOTH "," URLS "," TEMPLATE
    assert_task(POPULATING(LIST ",\"inputData\":[{\"shortId\":\"a\"}]"),
                KEPT(LIST ",\"inputData\":[{\"shortId\":\"a\"}]", "1"));
    assert_no_task(POPULATING(LIST), ERR_FIELD_MISSING, "inputParameters.inputData");
    assert_no_task(POPULATING(LIST ",\"inputData\":[7]"), ERR_FIELD_INVALID,
                   "inputParameters.inputData");
#define FROM_FILE "\"type\":\"FILE_BASED\"," BOTH "," URLS "," TEMPLATE ",\"location\":\"l\""
    assert_task(POPULATING(FROM_FILE ",\"format\":\"ZIP\""),
                KEPT(FROM_FILE ",\"format\":\"ZIP\"", "0"));
    assert_no_task(POPULATING(FROM_FILE ",\"format\":\"TXT\""), ERR_FIELD_INVALID,
                   "inputParameters.format");
    assert_task(SHORT_IDS("\"quantity\":7,\"shortIdTemplate\":{\"type\":\"SEQUENTIAL\"}"),
                "\"type\":\"SHORT_ID_GENERATION\",\"status\":\"PENDING\",\"inputParameters\":"
                "{\"quantity\":7,\"shortIdTemplate\":{\"type\":\"SEQUENTIAL\"}},"
                "\"progress\":{\"totalAmount\":7,\"contributions\":{}}");
    assert_no_task(SHORT_IDS("\"quantity\":7," THNG_ID), ERR_FIELD_INVALID,
                   "inputParameters.shortIdTemplate");
}

static void types_are_needed(void **state)
{
    (void)state;
    assert_no_task("{\"inputParameters\":{}}", ERR_FIELD_MISSING, "type");
    assert_no_task("{\"type\":\"OTHER\",\"inputParameters\":{}}", ERR_FIELD_INVALID, "type");
    assert_no_task("{\"type\":\"POPULATING\"}", ERR_FIELD_MISSING, "inputParameters");
    assert_no_task("{\"type\":\"POPULATING\",\"inputParameters\":null}", ERR_FIELD_MISSING,
                   "inputParameters");
    assert_no_task("{\"type\":\"POPULATING\",\"inputParameters\":[]}", ERR_FIELD_INVALID,
                   "inputParameters");
    assert_no_task(POPULATING(""), ERR_FIELD_MISSING, "inputParameters.type");
    assert_no_task(POPULATING("\"type\":null"), ERR_FIELD_MISSING, "inputParameters.type");
    assert_no_task(POPULATING("\"type\":\"FIXED\""), ERR_FIELD_INVALID, "inputParameters.type");
}

static void each_parameter_is_needed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *field;
    } rows[] = {
        {POPULATING("\"type\":\"FIXED_AMOUNT\",\"generateRedirections\":true," URLS
                    ",\"quantity\":3," THNG_ID "," TEMPLATE),
         "inputParameters.generateThngs"},
        {POPULATING("\"type\":\"FIXED_AMOUNT\",\"generateThngs\":true," URLS
                    ",\"quantity\":3," THNG_ID "," TEMPLATE),
         "inputParameters.generateRedirections"},
        {POPULATING(FIXED ",\"quantity\":3," THNG_ID), "inputParameters.thngTemplate"},
        {POPULATING(FIXED ",\"quantity\":3," TEMPLATE), "inputParameters.shortIdTemplate"},
        {POPULATING(FIXED "," THNG_ID "," TEMPLATE), "inputParameters.quantity"},
        {POPULATING("\"type\":\"FIXED_AMOUNT\"," BOTH
                    ",\"shortDomain\":\"d\",\"quantity\":3," THNG_ID "," TEMPLATE),
         "inputParameters.defaultRedirectUrl"},
        {POPULATING("\"type\":\"FIXED_AMOUNT\"," BOTH ",\"defaultRedirectUrl\":\"d\","
                    "\"quantity\":3," THNG_ID "," TEMPLATE),
         "inputParameters.shortDomain"},
        {POPULATING(KEYS), "inputParameters.customIdentifier"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_no_task(rows[i].text, ERR_FIELD_MISSING, rows[i].field);
    }
}

static void quantities_have_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *quantity;
        bool is_right;
    } rows[] = {{"1", true},   {"1000000", true},  {"1e3", true},  {"0", false},
                {"-1", false}, {"1000001", false}, {"1.5", false}, {"\"3\"", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        buf_put_format(&text,
                       "{\"type\":\"POPULATING\",\"inputParameters\":{" FIXED "," THNG_ID
                       "," TEMPLATE ",\"quantity\":%s}}",
                       rows[i].quantity);
        struct checked checked = check_body(RESOURCE_TASK, buf_data(&text), true);
        assert_int_equal(checked.err.code, rows[i].is_right ? ERR_OK : ERR_FIELD_INVALID);
        checked_free(&checked);
        buf_deinit(&text);
    }
}

static void identifiers_are_a_key_and_texts(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "7",
        "{\"values\":[\"a\"]}",
        "{\"key\":\"\",\"values\":[\"a\"]}",
        "{\"key\":7,\"values\":[\"a\"]}",
        "{\"key\":\"k\"}",
        "{\"key\":\"k\",\"values\":[]}",
        "{\"key\":\"k\",\"values\":[\"a\",7]}",
        "{\"key\":\"k\",\"values\":\"a\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct buf text = {0};
        buf_put_format(&text,
                       "{\"type\":\"POPULATING\",\"inputParameters\":{" KEYS
                       ",\"customIdentifier\":%s}}",
                       wrong[i]);
        struct checked checked = check_body(RESOURCE_TASK, buf_data(&text), true);
        assert_int_equal(checked.err.code, ERR_FIELD_INVALID);
        assert_slice(checked.field, "inputParameters.customIdentifier", wrong[i]);
        checked_free(&checked);
        buf_deinit(&text);
    }
}

/* Whoever reads them finds them again, also those of other clients. */
static void names_keep_their_escapes(void **state)
{
    (void)state;
#define ESCAPED \
    KEYS ",\"customIdentifi\\u0065r\":{\"key\":\"k\",\"values\":[\"a\"]},\"a\\\"b\":{\"\\\\\":1}"
    assert_task(POPULATING(ESCAPED), KEPT(ESCAPED, "1"));
}

#define SCOPES "{\"users\":[],\"projects\":[\"all\"]}"

/* The template is what a POST of a thng would be made of. */
static void the_template_is_a_checked_thng(void **state)
{
    (void)state;
    struct checked checked = check_body(
        RESOURCE_TASK,
        SLICE(POPULATING(KEYS_OF_TEMPLATE(
            "\"scopes\":{\"projects\":[\"allP\"],\"users\":[ ]},\"id\":\"" ID "\",\"name\":\"x\","
            "\"type\":\"\",\"description\":null,\"product\":\"" ID "\",\"batch\":\"b\","
            "\"properties\":{\"A\" : 1},\"location\":{\"place\":\"" OTHER "\"}"))),
        true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_slice(
        checked.body.members,
        KEPT(KEYS_OF_TEMPLATE("\"name\":\"x\",\"product\":\"" ID "\",\"scopes\":" SCOPES
                              ",\"properties\":{\"A\":1},\"location\":{\"place\":\"" OTHER "\"}"),
             "2"),
        "template");
    assert_int_equal(checked.body.reference_count, 2);
    assert_int_equal(checked.body.references[0].kind, RESOURCE_PRODUCT);
    assert_slice(id_slice(&checked.body.references[0].id), ID, "product");
    assert_int_equal(checked.body.references[1].kind, RESOURCE_PLACE);
    assert_slice(id_slice(&checked.body.references[1].id), OTHER, "place");
    /* They are the template's, not the task's. */
    assert_false(checked.body.has_scopes || checked.body.has_properties);
    assert_false(checked.body.has_location);
    checked_free(&checked);
}

static void a_wrong_template_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
    } rows[] = {
        {POPULATING(KEYS_OF_TEMPLATE("")), ERR_FIELD_MISSING},
        {POPULATING(KEYS_OF_TEMPLATE("\"name\":\"\"")), ERR_FIELD_INVALID},
        {POPULATING(KEYS_OF_TEMPLATE("\"name\":\"123456\"")), ERR_FIELD_TOO_LONG},
        {POPULATING(KEYS_OF_TEMPLATE("\"name\":\"x\",\"product\":\"p\"")), ERR_REFERENCE_UNKNOWN},
        {POPULATING(KEYS_OF_TEMPLATE("\"name\":\"x\",\"location\":{}")), ERR_LOCATION_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_no_task(rows[i].text, rows[i].code, "inputParameters.thngTemplate");
    }
    assert_no_task(
        POPULATING("\"type\":\"IDENTIFIERS_LIST_BASED\"," BOTH "," VALUES ",\"thngTemplate\":7"),
        ERR_FIELD_INVALID, "inputParameters.thngTemplate");
}

static void other_fields(void **state)
{
    (void)state;
    static const char input[] = "\"quantity\":7,\"shortIdTemplate\":{\"type\":\"PSEUDO_RANDOM\"}";
    static const struct {
        const char *output;
        bool is_right;
    } rows[] = {
        {"{\"type\":\"CSV\"}", true},
        {"{\"type\":\"CSV\",\"columns\":[\"SHORT_ID\",\"THNG\"]}", true},
        {"{}", false},
        {"7", false},
        {"{\"type\":\"ZIP\"}", false},
        {"{\"type\":\"CSV\",\"columns\":[\"URL\"]}", false},
        {"{\"type\":\"CSV\",\"columns\":\"THNG\"}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        buf_put_format(&text,
                       "{\"type\":\"SHORT_ID_GENERATION\",\"inputParameters\":{%s,\"x\":null},"
                       "\"outputParameters\":%s,\"status\":\"EXECUTED\",\"tags\":[\"t\"],"
                       "\"result\":{},\"progress\":7,\"name\":\"x\"}",
                       input, rows[i].output);
        struct buf wanted = {0};
        buf_put_format(&wanted,
                       "\"type\":\"SHORT_ID_GENERATION\",\"outputParameters\":%s,\"tags\":[\"t\"],"
                       "\"status\":\"PENDING\",\"inputParameters\":{%s},"
                       "\"progress\":{\"totalAmount\":7,\"contributions\":{}}",
                       rows[i].output, input);
        struct checked checked = check_body(RESOURCE_TASK, buf_data(&text), true);
        if (rows[i].is_right) {
            assert_int_equal(checked.err.code, ERR_OK);
            assert_true(slice_equal(checked.body.members, buf_data(&wanted)));
        } else {
            assert_int_equal(checked.err.code, ERR_FIELD_INVALID);
            assert_slice(checked.field, "outputParameters", rows[i].output);
        }
        checked_free(&checked);
        buf_deinit(&text);
        buf_deinit(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_parameters),
        cmocka_unit_test(types_are_needed),
        cmocka_unit_test(each_parameter_is_needed),
        cmocka_unit_test(quantities_have_bounds),
        cmocka_unit_test(identifiers_are_a_key_and_texts),
        cmocka_unit_test(names_keep_their_escapes),
        cmocka_unit_test(the_template_is_a_checked_thng),
        cmocka_unit_test(a_wrong_template_is_refused),
        cmocka_unit_test(other_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
