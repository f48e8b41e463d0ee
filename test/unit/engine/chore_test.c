/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks that make thngs, slice by slice. */
#include "mirror_fixture.h"

#include "codec/json_write.h"
#include "engine/chore.h"

/* ---- tasks ---- */

#define TEMPLATE "{\"name\":\"made\",\"tags\":[\"x\"]}"

static struct id create_batch(struct mirror *mirror)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_BATCH, 1)->as.create.members =
        SLICE("\"name\":\"b\",\"status\":\"EMPTY\",\"resourceCountsByProduct\":{}");
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    return mirror->world.answers[0].created;
}

/* Has the task made, with the members that its check gives it; nothing is done of it yet but what
 * one turn does. */
static struct id start_task(struct mirror *mirror, const struct id *batch_id, const char *type,
                            const char *parameters, unsigned total)
{
    struct command_batch *batch = batch_of(256 * 1024);
    struct command *command = creation_in(batch, RESOURCE_TASK, 1);
    struct buf members = {0};
    buf_put_format(&members,
                   "\"type\":\"%s\",\"inputParameters\":%s,\"status\":\"PENDING\","
                   "\"progress\":{\"totalAmount\":%u,\"contributions\":{}}",
                   type, parameters, total);
    assert_true(command_batch_copy(batch, buf_data(&members), &command->as.create.members));
    buf_deinit(&members);
    command->as.create.parent = *batch_id;
    run(&mirror->world, batch);
    assert_int_equal(mirror->world.answer_count, 1);
    assert_int_equal(mirror->world.answers[0].err.code, ERR_OK);
    return mirror->world.answers[0].created;
}

static struct id start_amount(struct mirror *mirror, const struct id *batch, unsigned quantity,
                              const char *template)
{
    char parameters[1000];
    (void)snprintf(parameters, sizeof(parameters),
                   "{\"type\":\"FIXED_AMOUNT\",\"generateThngs\":true,\"quantity\":%u,"
                   "\"thngTemplate\":%s}",
                   quantity, template);
    return start_task(mirror, batch, "POPULATING", parameters, quantity);
}

static struct id start_list(struct mirror *mirror, const struct id *batch, const char *values,
                            unsigned count, const char *template)
{
    struct buf parameters = {0};
    buf_put_format(
        &parameters,
        "{\"type\":\"IDENTIFIERS_LIST_BASED\",\"generateThngs\":true,"
        "\"customIdentifier\":{\"key\":\"gs1:21\",\"values\":[%s]},\"thngTemplate\":%s}%c",
        values, template, 0);
    struct id task = start_task(mirror, batch, "POPULATING", (const char *)parameters.at, count);
    buf_deinit(&parameters);
    return task;
}

/* ---- what came of them ---- */

static unsigned made_by(struct mirror *mirror, const struct id *task)
{
    unsigned count = 0;
    mirror_show(mirror);
    for (size_t i = 0; i < mirror->row_count; i++) {
        const struct mirror_row *row = &mirror->rows[i];
        struct id by;
        count += row->exists && row->kind == RESOURCE_THNG &&
                 document_id(buf_data(&row->text), SLICE("createdByTask"), &by) &&
                 id_equal(&by, task);
    }
    return count;
}

/* The <index>th thng of a task. */
static struct json_value thng_made(struct mirror *mirror, const struct id *task, unsigned index)
{
    mirror_show(mirror);
    for (size_t i = 0; i < mirror->row_count; i++) {
        const struct mirror_row *row = &mirror->rows[i];
        struct id by;
        if (row->kind == RESOURCE_THNG &&
            document_id(buf_data(&row->text), SLICE("createdByTask"), &by) && id_equal(&by, task) &&
            index-- == 0) {
            return mirror_json(mirror, &row->id);
        }
    }
    fail();
    return (struct json_value){0};
}

static void assert_member(struct mirror *mirror, const struct id *id, const char *name,
                          const char *text)
{
    assert_json(json_member(mirror_json(mirror, id), slice_of_text(name)), text);
}

static unsigned group_has[RESOURCE_KIND_COUNT]; /* documents of the last group */

static void count_group(struct mirror *mirror)
{
    struct event events[600];
    size_t count = read_events(&mirror->world, events, ARRAY_LEN(events));
    memset(group_has, 0, sizeof(group_has));
    assert_true(count <= ARRAY_LEN(events));
    for (size_t i = 0; i < count; i++) {
        group_has[events[i].kind] += events[i].type == EVENT_DOCUMENT;
    }
}

/* ---- amounts ---- */

static void test_an_amount_is_made_slice_by_slice(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id task = start_amount(mirror, &batch, 250, TEMPLATE);
    count_group(mirror);
    assert_int_equal(group_has[RESOURCE_THNG], CHORE_THNGS_PER_SLICE_MIN);
    assert_int_equal(group_has[RESOURCE_TASK], 2); /* created, and its progress */
    assert_member(mirror, &task, "status", "\"EXECUTING\"");
    assert_member(mirror, &task, "progress",
                  "{\"totalAmount\":250,\"contributions\":{\"default\":{\"thngs\":100,"
                  "\"urlBindings\":0,\"failedThngs\":0,\"failedUrlBindings\":0}}}");
    assert_member(mirror, &batch, "status", "\"IN_PROGRESS\"");
    assert_true(engine_has_work(mirror->world.engine));
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 250);
    assert_member(mirror, &task, "status", "\"EXECUTED\"");
    assert_member(mirror, &task, "completedAt", "1700000000000");
    assert_member(mirror, &task, "result",
                  "{\"type\":\"POPULATING\",\"totalCount\":250,\"totalThngsCreated\":250,"
                  "\"totalUrlBindingsCreated\":0,\"failedOperationsAmount\":0}");
    assert_member(mirror, &batch, "status", "\"COMPLETE\"");
    assert_member(mirror, &batch, "resourceCountsByProduct",
                  "{\"NO_PRODUCT\":{\"thngs\":250,\"urlBindings\":0}}");
    struct json_value thng = thng_made(mirror, &task, 0);
    assert_json(json_member(thng, SLICE("name")), "\"made\"");
    assert_json(json_member(thng, SLICE("tags")), "[\"x\"]");
    assert_true(json_string_equals(json_member(thng, SLICE("batch")), id_slice(&batch)));
}

static void test_a_slice_waits_for_the_documents(void **state)
{
    struct mirror *mirror = *state;
    mirror->is_held = true;
    struct id batch = create_batch(mirror);
    struct id task = start_amount(mirror, &batch, 250, TEMPLATE);
    engine_turn(mirror->world.engine);
    assert_int_equal(mirror->world.load_count, 1);
    assert_int_equal(mirror->world.loads[0]->after, mirror->last_sequence);
    assert_false(engine_has_work(mirror->world.engine));
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 250);
}

static void test_a_template_has_values_product_and_identifiers(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    char template[400];
    (void)snprintf(template, sizeof(template),
                   "{\"name\":\"made\",\"product\":\"%.24s\",\"identifiers\":{\"a\":\"1\"},"
                   "\"properties\":{\"Temp\":3},\"location\":{\"latitude\":1,\"longitude\":2}}",
                   product.text);
    struct id task = start_amount(mirror, &batch, 2, template);
    struct event events[8];
    /* task, then twice a thng with its points, task, batch */
    assert_int_equal(read_events(&mirror->world, events, 8), 7);
    assert_int_equal(events[2].type, EVENT_POINTS);
    assert_int_equal(events[2].flags, POINTS_SILENT);
    struct point point;
    assert_true(event_next_point(&events[2], &point));
    assert_text(point.key, "temp");
    assert_text(point.value, "3");
    assert_true(event_next_point(&events[2], &point));
    assert_int_equal(point.key.bytes, 0);
    assert_true(slice_starts_with(point.value, SLICE("\"latitude\":1,\"longitude\":2")));
    struct json_value thng = thng_made(mirror, &task, 1);
    assert_true(json_string_equals(json_member(thng, SLICE("product")), id_slice(&product)));
    assert_json(json_member(thng, SLICE("identifiers")), "{\"a\":\"1\"}");
    assert_int_equal(json_member(thng, SLICE("properties")).type, JSON_NONE);
    char counts[100];
    (void)snprintf(counts, sizeof(counts), "{\"%.24s\":{\"thngs\":2,\"urlBindings\":0}}",
                   product.text);
    assert_member(mirror, &batch, "resourceCountsByProduct", counts);
}

static void delete_one(struct mirror *mirror, enum resource_kind kind, const struct id *id)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_DELETE, 1);
    command->target = *id;
    command->target_kind = kind;
    engine_accept(mirror->world.engine, batch);
}

/* Between two slices the product, the place and the batch are deleted. */
static void test_what_goes_meanwhile_is_left_out(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct id place = create(&mirror->world, RESOURCE_PLACE);
    char template[400];
    (void)snprintf(template, sizeof(template),
                   "{\"name\":\"made\",\"product\":\"%.24s\",\"location\":{\"place\":\"%.24s\"}}",
                   product.text, place.text);
    struct id task = start_amount(mirror, &batch, 150, template);
    delete_one(mirror, RESOURCE_PRODUCT, &product);
    delete_one(mirror, RESOURCE_PLACE, &place);
    delete_one(mirror, RESOURCE_BATCH, &batch);
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"EXECUTED\"");
    assert_int_equal(made_by(mirror, &task), 150);
    assert_json(json_member(thng_made(mirror, &task, 0), SLICE("name")), "\"made\"");
    struct json_value last = thng_made(mirror, &task, 149);
    assert_int_equal(json_member(last, SLICE("product")).type, JSON_NONE);
    assert_int_equal(json_member(last, SLICE("batch")).type, JSON_NONE);
}

static void test_scopes_are_the_templates_or_the_batchs(void **state)
{
    struct mirror *mirror = *state;
    struct id project = create(&mirror->world, RESOURCE_PROJECT);
    struct id gone = id_generate(&mirror->world.rand, 1);
    char scopes[120];
    scopes_of_project(scopes, &project);
    struct command_batch *commands = batch_of(4096);
    creation_in(commands, RESOURCE_BATCH, 1)->project = project;
    assert_int_equal(mirror_outcome(mirror, commands), ERR_OK);
    struct id batch = mirror->world.answers[0].created;
    struct id task = start_amount(mirror, &batch, 1, TEMPLATE);
    mirror_settle(mirror);
    struct id thng;
    assert_true(document_id(thng_made(mirror, &task, 0).text, SLICE("id"), &thng));
    assert_text(buf_data(&mirror_find(mirror, &thng)->scopes), scopes);
    char template[300];
    (void)snprintf(template, sizeof(template),
                   "{\"name\":\"m\",\"scopes\":{\"users\":[],\"projects\":[\"%.24s\",\"all\"]}}",
                   gone.text);
    task = start_amount(mirror, &batch, 1, template);
    mirror_settle(mirror);
    assert_true(document_id(thng_made(mirror, &task, 0).text, SLICE("id"), &thng));
    assert_text(buf_data(&mirror_find(mirror, &thng)->scopes),
                "{\"users\":[],\"projects\":[\"all\"]}");
}

/* ---- lists of identifiers ---- */

static void test_a_list_makes_one_for_each_value(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id task = start_list(mirror, &batch, "\"1\",\"2\\\"\"", 2,
                                "{\"name\":\"m\",\"identifiers\":{\"a\":\"b\",\"gs1:21\":\"0\"}}");
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"EXECUTED\"");
    assert_json(json_member(thng_made(mirror, &task, 0), SLICE("identifiers")),
                "{\"a\":\"b\",\"gs1:21\":\"1\"}");
    assert_json(json_member(thng_made(mirror, &task, 1), SLICE("identifiers")),
                "{\"a\":\"b\",\"gs1:21\":\"2\\\"\"}");
}

static struct slice logs_of(struct mirror *mirror, const struct id *task)
{
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_TASK, mirror_json(mirror, task).text, &shown, &hidden);
    return hidden;
}

static void test_values_that_fail_are_logged(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id task = start_list(mirror, &batch, "\"1\",\"\",\"3\"", 3, TEMPLATE);
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"EXECUTED_WITH_FAILURES\"");
    assert_member(mirror, &task, "result",
                  "{\"type\":\"POPULATING\",\"totalCount\":3,\"totalThngsCreated\":2,"
                  "\"totalUrlBindingsCreated\":0,\"failedOperationsAmount\":1}");
    char log[400];
    (void)snprintf(log, sizeof(log),
                   "[{\"jobId\":\"%.24s\",\"type\":\"ERROR\",\"message\":\"%s\",\"payload\":"
                   "{\"thngIdentifier\":{\"key\":\"gs1:21\",\"value\":\"\"}}}]",
                   task.text, err_text(ERR(FIELD_INVALID)));
    assert_text(logs_of(mirror, &task), log);
    task = start_list(mirror, &batch, "\"\"", 1, TEMPLATE);
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"FAILED\"");
}

static void test_so_many_failures_are_kept(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct buf values = {0};
    for (unsigned i = 0; i < 250; i++) {
        buf_put_format(&values, "%s\"\"", i > 0 ? "," : "");
    }
    buf_put_byte(&values, 0);
    struct id task = start_list(mirror, &batch, (const char *)values.at, 250, TEMPLATE);
    buf_deinit(&values);
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"FAILED\"");
    const struct json_value logs = {.type = JSON_ARRAY, .text = logs_of(mirror, &task)};
    assert_int_equal(json_count(logs), 100);
}

/* ---- what cannot be done ---- */

static void assert_refused(struct mirror *mirror, const char *type, const char *parameters)
{
    struct id batch = create_batch(mirror);
    struct id task = start_task(mirror, &batch, type, parameters, 5);
    mirror_settle(mirror);
    assert_member(mirror, &task, "status", "\"FAILED\"");
    struct json_value result = json_member(mirror_json(mirror, &task), SLICE("result"));
    assert_json(json_member(result, SLICE("type")), "\"ERROR\"");
    assert_true(json_string_raw(json_member(result, SLICE("error"))).bytes > 0);
    assert_member(mirror, &task, "completedAt", "1700000000000");
    assert_member(mirror, &batch, "status", "\"COMPLETE\"");
    assert_int_equal(made_by(mirror, &task), 0);
}

static void test_other_tasks_fail_at_once(void **state)
{
    struct mirror *mirror = *state;
    assert_refused(mirror, "SHORT_ID_GENERATION", "{\"quantity\":5}");
    assert_refused(mirror, "POPULATING", "{\"type\":\"LIST_BASED\",\"generateThngs\":true}");
    assert_refused(mirror, "POPULATING", "{\"type\":\"FILE_BASED\",\"generateThngs\":true}");
    assert_refused(mirror, "POPULATING",
                   "{\"type\":\"FIXED_AMOUNT\",\"quantity\":5,\"generateThngs\":false,"
                   "\"thngTemplate\":" TEMPLATE "}");
    assert_refused(mirror, "POPULATING",
                   "{\"type\":\"FIXED_AMOUNT\",\"quantity\":5,\"generateThngs\":true,"
                   "\"thngTemplate\":{\"name\":\"m\",\"location\":{\"latitude\":1}}}");
    assert_refused(mirror, "POPULATING",
                   "{\"type\":\"FIXED_AMOUNT\",\"quantity\":5,\"generateThngs\":true,"
                   "\"thngTemplate\":{\"name\":\"m\",\"properties\":{\"a\":1,\"b\":1,\"c\":1,"
                   "\"d\":1,\"e\":1}}}");
}

/* ---- several ---- */

static void test_the_batch_is_complete_with_its_last_task(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id big = start_amount(mirror, &batch, 300, TEMPLATE);
    struct id small = start_amount(mirror, &batch, 20, TEMPLATE);
    while (made_by(mirror, &small) < 20) {
        engine_turn(mirror->world.engine);
    }
    assert_member(mirror, &small, "status", "\"EXECUTED\"");
    assert_member(mirror, &big, "status", "\"EXECUTING\"");
    assert_member(mirror, &batch, "status", "\"IN_PROGRESS\"");
    mirror_settle(mirror);
    assert_member(mirror, &batch, "status", "\"COMPLETE\"");
    assert_member(mirror, &batch, "resourceCountsByProduct",
                  "{\"NO_PRODUCT\":{\"thngs\":320,\"urlBindings\":0}}");
}

static void test_others_have_their_turn_between_slices(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    start_amount(mirror, &batch, 300, TEMPLATE);
    struct id thng = create_thng(&mirror->world);
    assert_non_null(mirror_find(mirror, &thng));
    assert_true(engine_has_work(mirror->world.engine));
}

/* ---- when the process dies ---- */

/* Dies after each of the steps in turn; goes on; nothing is doubled and nothing is lost. */
static void test_a_crash_neither_doubles_nor_loses(void **state)
{
    struct mirror *mirror = *state;
    for (unsigned steps = 0; steps < 8; steps++) {
        struct id batch = create_batch(mirror);
        mirror->is_held = steps % 2 == 0;
        struct id task = start_amount(mirror, &batch, 350, TEMPLATE);
        struct id other = start_list(mirror, &batch, "\"1\",\"\",\"3\"", 3, TEMPLATE);
        for (unsigned i = 0; i < steps; i++) {
            if (mirror->world.load_count > 0) {
                mirror_answer_load(mirror);
            } else {
                engine_turn(mirror->world.engine);
            }
        }
        mirror_crash(mirror);
        mirror_resume(mirror);
        mirror_settle(mirror);
        assert_int_equal(made_by(mirror, &task), 350);
        assert_int_equal(made_by(mirror, &other), 2);
        assert_member(mirror, &task, "status", "\"EXECUTED\"");
        assert_member(mirror, &other, "status", "\"EXECUTED_WITH_FAILURES\"");
        assert_member(mirror, &batch, "status", "\"COMPLETE\"");
        assert_member(mirror, &batch, "resourceCountsByProduct",
                      "{\"NO_PRODUCT\":{\"thngs\":352,\"urlBindings\":0}}");
    }
}

/* Of two tasks that go on after a start, the first to end knows of the other. */
static void test_the_last_task_is_known_after_a_crash(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id small = start_amount(mirror, &batch, 250, TEMPLATE);
    struct id big = start_amount(mirror, &batch, 350, TEMPLATE);
    assert_int_equal(made_by(mirror, &small), 200); /* one slice is left */
    mirror_crash(mirror);
    struct command_batch *commands = batch_of(4096);
    struct command *update = command_in(commands, COMMAND_UPDATE, 1); /* so it is in memory */
    update->target = batch;
    update->target_kind = RESOURCE_BATCH;
    update->as.update.patch = SLICE("\"description\":\"d\"");
    assert_int_equal(mirror_outcome(mirror, commands), ERR_OK);
    mirror_resume(mirror);
    while (made_by(mirror, &small) < 250) {
        if (engine_has_work(mirror->world.engine)) {
            engine_turn(mirror->world.engine);
        } else {
            mirror_answer_load(mirror);
        }
        assert_member(mirror, &batch, "status", "\"IN_PROGRESS\"");
    }
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &big), 350);
    assert_member(mirror, &batch, "status", "\"COMPLETE\"");
}

/* The heads of many thngs do not push out those of their task and batch while they are made. */
static void test_few_heads_do(void **state)
{
    struct mirror *mirror = *state;
    mirror->heads_max = 2;
    mirror_crash(mirror);
    struct id batch = create_batch(mirror);
    struct id task = start_amount(mirror, &batch, 350, TEMPLATE);
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 350);
    assert_member(mirror, &batch, "status", "\"COMPLETE\"");
}

static void test_a_slice_ends_when_its_group_is_full(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    char template[30000];
    (void)snprintf(template, sizeof(template), "{\"name\":\"m\",\"description\":\"%020000d\"}", 1);
    char parameters[31000];
    (void)snprintf(parameters, sizeof(parameters),
                   "{\"type\":\"FIXED_AMOUNT\",\"generateThngs\":true,\"quantity\":150,"
                   "\"thngTemplate\":%s}",
                   template);
    struct id task = start_task(mirror, &batch, "POPULATING", parameters, 150);
    count_group(mirror);
    assert_in_range(group_has[RESOURCE_THNG], 45, 55); /* 20 KB each, a group has 1 MiB */
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 150);
}

/* A task that lists much writes its document less often. */
static void test_a_slice_grows_with_the_tasks_document(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct buf parameters = {0};
    buf_put_format(&parameters,
                   "{\"type\":\"FIXED_AMOUNT\",\"generateThngs\":true,\"quantity\":500,"
                   "\"thngTemplate\":%s,\"rest\":\"%0*d\"}%c",
                   TEMPLATE, 200 * CHORE_DOCUMENT_BYTES_PER_THNG, 1, 0);
    struct id task = start_task(mirror, &batch, "POPULATING", (const char *)parameters.at, 500);
    buf_deinit(&parameters);
    count_group(mirror);
    assert_int_equal(group_has[RESOURCE_THNG], 200);
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 500);
}

/* Chores have their turn, too, while every group is full. */
static void test_a_task_goes_on_under_load(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id thng = create_thng(&mirror->world);
    struct id task = start_amount(mirror, &batch, 350, TEMPLATE);
    char *value = malloc(1 << 20);
    memset(value, '7', 1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        struct command_batch *load = batch_of(4096);
        add_points(load, &thng, SLICE("a"), 1);
        struct command_point *point = (struct command_point *)(uintptr_t)load->first->as.points.at;
        point->value = slice_of(value, 1 << 20);
        mirror->world.answer_count = 0;
        engine_accept(mirror->world.engine, load);
        assert_true(engine_is_full(mirror->world.engine));
        engine_turn(mirror->world.engine);
        assert_int_equal(mirror->world.answer_count, 1);
        while (mirror->world.load_count > 0) {
            mirror_answer_load(mirror);
        }
    }
    free(value);
    assert_int_equal(made_by(mirror, &task), 350);
}

/* A group that cannot be committed takes all of its slice with it. */
static void test_a_slice_that_is_not_committed_is_done_again(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id task = start_amount(mirror, &batch, 250, TEMPLATE);
    mirror->world.disk_fails = true;
    engine_turn(mirror->world.engine);
    assert_true(engine_is_read_only(mirror->world.engine));
    assert_false(engine_has_work(mirror->world.engine));
    mirror->world.disk_fails = false;
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = 1000,
        .properties_per_resource_max = 4,
        .hash_seed = 99,
        .last_sequence = mirror->last_sequence,
        .last_time_ms = mirror->last_time_ms,
    };
    engine_restart(mirror->world.engine, &options);
    mirror_resume(mirror);
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 250);
    assert_member(mirror, &task, "status", "\"EXECUTED\"");
}

/* A reader that cannot be had: the slice is tried again after a while. */
static void test_a_refused_slice_is_put_off(void **state)
{
    struct mirror *mirror = *state;
    struct id batch = create_batch(mirror);
    struct id task = start_amount(mirror, &batch, 250, TEMPLATE);
    mirror_crash(mirror);
    mirror_resume(mirror);
    mirror->world.loads_are_refused = true;
    engine_turn(mirror->world.engine);
    assert_false(engine_has_work(mirror->world.engine));
    mirror->world.loads_are_refused = false;
    mirror->world.now_ms += CHORE_REST_MS - 1;
    assert_false(engine_has_work(mirror->world.engine));
    mirror->world.now_ms += 1;
    assert_true(engine_has_work(mirror->world.engine));
    mirror_settle(mirror);
    assert_int_equal(made_by(mirror, &task), 250);
}

#define WITH_MIRROR(test) cmocka_unit_test_setup_teardown(test, mirror_setup, mirror_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_an_amount_is_made_slice_by_slice),
        WITH_MIRROR(test_a_slice_waits_for_the_documents),
        WITH_MIRROR(test_a_template_has_values_product_and_identifiers),
        WITH_MIRROR(test_what_goes_meanwhile_is_left_out),
        WITH_MIRROR(test_scopes_are_the_templates_or_the_batchs),
        WITH_MIRROR(test_a_list_makes_one_for_each_value),
        WITH_MIRROR(test_values_that_fail_are_logged),
        WITH_MIRROR(test_so_many_failures_are_kept),
        WITH_MIRROR(test_other_tasks_fail_at_once),
        WITH_MIRROR(test_the_batch_is_complete_with_its_last_task),
        WITH_MIRROR(test_others_have_their_turn_between_slices),
        WITH_MIRROR(test_a_crash_neither_doubles_nor_loses),
        WITH_MIRROR(test_the_last_task_is_known_after_a_crash),
        WITH_MIRROR(test_few_heads_do),
        WITH_MIRROR(test_a_slice_ends_when_its_group_is_full),
        WITH_MIRROR(test_a_slice_grows_with_the_tasks_document),
        WITH_MIRROR(test_a_task_goes_on_under_load),
        WITH_MIRROR(test_a_slice_that_is_not_committed_is_done_again),
        WITH_MIRROR(test_a_refused_slice_is_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
