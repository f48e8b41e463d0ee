/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: something that happened, one or an array of them, recorded all or none; and the
 * commissioning of thngs, which is an action and a change of the thng at once.
 *
 * Actions never change, so they have no heads: there would be millions. Only who deletes one has
 * its head loaded. */
#include "engine/apply.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/action.h"
#include "model/location.h"
#include "model/property.h"

/* What is found out about an action before the first of them is written. */
struct finding {
    struct id id;
    struct id product;         /* its own, or that of its thng; not set: none */
    const struct head *target; /* has the scopes that it gets; NULL: no target */
    size_t location_at;        /* with its place's coordinates, in engine->scratch_value */
    size_t location_bytes;     /* 0: as it came */
    size_t text_at;            /* its document, in engine->scratch */
};

/* ---- finding all that they name ---- */

/* The product of a thng, if that exists. Whether the actor sees it does not matter: who records an
 * action of a thng need not know what it is an example of. */
static enum head_found find_product_of(struct engine *engine, struct command *command,
                                       struct head *thng, struct id *product)
{
    if (err_is_set(head_learn_gist(thng))) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return HEAD_LATER;
    }
    const struct id id = head_gist_id(thng);
    if (!id_is_set(&id)) {
        return HEAD_SEEN;
    }
    const struct head *head = engine_await(engine, command, &id, false);
    if (head == NULL) {
        return HEAD_LATER;
    }
    if (head->state == HEAD_PRESENT && head->kind == RESOURCE_PRODUCT &&
        head->account == command->actor.account) {
        *product = id;
    }
    return HEAD_SEEN;
}

/* What is referred to must exist and be seen; the first one found is the target. */
static enum head_found find_target(struct engine *engine, struct command *command,
                                   enum resource_kind kind, const struct id *id,
                                   struct finding *finding)
{
    if (!id_is_set(id)) {
        return HEAD_SEEN;
    }
    bool wants_product = kind == RESOURCE_THNG && !id_is_set(&finding->product);
    struct head *head;
    enum head_found found = engine_find(engine, command, kind, id, NULL,
                                        wants_product && engine_wants_gist(engine, id), &head);
    if (found != HEAD_SEEN) {
        return found;
    }
    if (finding->target == NULL) {
        finding->target = head;
    }
    return wants_product ? find_product_of(engine, command, head, &finding->product) : HEAD_SEEN;
}

static enum head_found find_place(struct engine *engine, struct command *command,
                                  const struct command_action *action, struct finding *finding)
{
    if (!id_is_set(&action->place)) {
        return HEAD_SEEN;
    }
    struct slice value;
    enum head_found found =
        engine_place_location(engine, command, &action->place, action->location, &value);
    if (found == HEAD_SEEN) {
        finding->location_at = (size_t)(value.at - buf_data(&engine->scratch_value).at);
        finding->location_bytes = value.bytes;
    }
    return found;
}

/* All that the action refers to. HEAD_UNSEEN: one of it does not exist. */
static enum head_found find_references(struct engine *engine, struct command *command,
                                       const struct command_action *action, struct finding *finding)
{
    *finding = (struct finding){.product = action->product};
    enum head_found found = find_target(engine, command, RESOURCE_THNG, &action->thng, finding);
    if (found == HEAD_SEEN) {
        found = find_target(engine, command, RESOURCE_PRODUCT, &action->product, finding);
    }
    if (found == HEAD_SEEN) {
        found = find_target(engine, command, RESOURCE_COLLECTION, &action->collection, finding);
    }
    return found == HEAD_SEEN ? find_place(engine, command, action, finding) : found;
}

/* HEAD_UNSEEN: one of the types does not exist. */
static enum head_found find_types(struct engine *engine, struct command *command)
{
    const struct command_action *at = command->as.actions.at;
    for (uint32_t i = 0; i < command->as.actions.count; i++) {
        if (i > 0 && slice_equal(at[i].type, at[i - 1].type)) {
            continue;
        }
        enum head_found found = engine_find_action_type(engine, command, at[i].type);
        if (found != HEAD_SEEN) {
            return found;
        }
    }
    return HEAD_SEEN;
}

/* ---- writing ---- */

/* Appends the document to <out>, and gives the action its id. */
static void put_text(struct engine *engine, const struct command *command,
                     const struct command_action *from, struct slice context,
                     struct finding *finding, struct buf *out)
{
    int64_t now_ms = engine_group(engine)->time_ms;
    struct slice located = slice_from(buf_data(&engine->scratch_value), finding->location_at);
    const struct action action = {
        .type = from->type,
        .thng = from->thng,
        .collection = from->collection,
        .members = from->members,
    };
    /* What was recorded in one millisecond is listed by id: in the order of its events. */
    finding->id = id_generate_behind(engine->port->rand, now_ms, &engine->last_action_id);
    engine->last_action_id = finding->id;
    finding->text_at = buf_bytes(out);
    const struct action_origin origin = {
        .id = finding->id,
        .created_ms = now_ms,
        .timestamp_ms = from->timestamp_ms == TIMESTAMP_NONE ? now_ms : from->timestamp_ms,
        .actor = &command->actor,
        .product = finding->product,
        .location = finding->location_bytes > 0 ? slice_first(located, finding->location_bytes)
                                                : from->location,
        .is_by_place = id_is_set(&from->place) && !location_text_has_coordinates(from->location),
        .location_source = from->location_source,
        .context = context,
    };
    action_write(out, &action, &origin);
}

static uint64_t write_action(struct engine *engine, struct command *command,
                             const struct finding *finding, struct slice text)
{
    struct slice scopes;
    const struct head *target = finding->target;
    struct slice wanted = target != NULL ? head_scopes(target) : (struct slice){0};
    struct err err = engine_compose_scopes(engine, command, wanted, &scopes);
    /* Who hears of it must not be forgotten. There is no memory for a few bytes: there is no way
     * on. */
    ASSERT(!err_is_set(err));
    uint64_t event =
        group_write_document(engine_group(engine), command->actor.account, OPERATION_CREATED,
                             RESOURCE_ACTION, &finding->id, text, scopes);
    engine_wrote(engine, event);
    engine->last_action = event;
    return event;
}

/* Writes all actions; their findings lie in engine->scratch_entries. */
static void write_actions(struct engine *engine, struct command *command)
{
    uint32_t count = command->as.actions.count;
    struct finding *findings = (struct finding *)(void *)engine->scratch_entries.at;
    buf_reset(&engine->scratch);
    for (uint32_t i = 0; i < count; i++) {
        put_text(engine, command, &command->as.actions.at[i], command->as.actions.context,
                 &findings[i], &engine->scratch);
    }
    if (engine->scratch.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    uint64_t first = engine->last_sequence + 1;
    struct slice texts = buf_data(&engine->scratch);
    for (uint32_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? findings[i + 1].text_at : texts.bytes;
        struct slice text = slice_from(slice_first(texts, end), findings[i].text_at);
        write_action(engine, command, &findings[i], text);
    }
    engine_answer_created(engine, command, first, &findings[0].id);
}

/* ---- the commands ---- */

/* The row that an action of that type is judged by: scans, which are what an application may record
 * (contract: auth.md 6, note 1), have one of their own. */
static enum perm_subject subject_of(const struct command *command, struct slice type)
{
    switch (command->target_kind) {
    case RESOURCE_THNG:
        return PERM_THNG_ACTIONS;
    case RESOURCE_PRODUCT:
        return PERM_PRODUCT_ACTIONS;
    case RESOURCE_COLLECTION:
        return PERM_COLLECTION_ACTIONS;
    default:
        return slice_equal(type, SLICE("scans")) ? PERM_SCANS : PERM_ACTIONS;
    }
}

/* May it record each of them anywhere? All or none are recorded: what is among others is judged as
 * if it came alone. */
static struct err may_record(const struct command *command)
{
    for (uint32_t i = 0; i < command->as.actions.count; i++) {
        enum perm_subject subject = subject_of(command, command->as.actions.at[i].type);
        TRY(perm_may(&command->actor, subject, PERM_CREATE));
    }
    return ERR(OK);
}

/* May the actor record these actions there? False: it has been answered, or waits. */
static bool is_permitted(struct engine *engine, struct command *command)
{
    const struct command_action *first = command->as.actions.at;
    struct slice type = command->as.actions.count > 0 ? first->type : SLICE("scans");
    enum perm_subject subject = subject_of(command, type);
    if (id_is_set(&command->target)) {
        bool wants_product =
            command->target_kind == RESOURCE_THNG && engine_wants_gist(engine, &command->target);
        return engine_permitted_head(engine, command, subject, PERM_CREATE, wants_product) != NULL;
    }
    struct err err = may_record(command);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return false;
    }
    return engine_is_permitted(engine, command, subject, PERM_CREATE);
}

/* Has what the action refers to loaded. False: no more can be, for now. */
static bool load_references(struct engine *engine, const struct command_action *action,
                            struct ahead *ahead)
{
    const struct head *thng = heads_find(&engine->heads, &action->thng);
    bool wants_product = id_is_set(&action->thng) && !id_is_set(&action->product);
    struct id product = action->product;
    if (wants_product && thng != NULL && thng->kind == RESOURCE_THNG && thng->knows_gist) {
        product = head_gist_id(thng);
    }
    const struct {
        const struct id *id;
        bool wants_gist;
    } wanted[] = {
        {&action->thng, wants_product},
        {&product, false},
        {&action->collection, false},
        {&action->place, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (id_is_set(wanted[i].id) &&
            !engine_load_ahead(engine, wanted[i].id, wanted[i].wants_gist, ahead)) {
            return false;
        }
    }
    return true;
}

static void start_loads(struct engine *engine, const struct command *command, struct ahead *ahead)
{
    uint32_t i = 0;
    while (i < command->as.actions.count &&
           load_references(engine, &command->as.actions.at[i], ahead)) {
        i++;
    }
}

/* False: the command waits until some of what it refers to has been loaded. */
static bool load_all(struct engine *engine, struct command *command)
{
    struct ahead ahead = {0};
    /* Of a single one there is nothing to be loaded side by side, mostly. */
    if (command->as.actions.count > 1) {
        start_loads(engine, command, &ahead);
    }
    return !engine_wait_ahead(engine, command, &ahead);
}

/* False: others of its client come first. What it refers to is loaded meanwhile. */
static bool is_its_turn(struct engine *engine, struct command *command)
{
    struct ahead ahead = {0};
    if (id_is_set(&command->target) || engine_is_its_turn(engine, command)) {
        return true;
    }
    start_loads(engine, command, &ahead);
    return false;
}

/* What is recorded of something is judged there, what is recorded of nothing by its scopes. */
static struct err judge_action(struct engine *engine, const struct command *command,
                               enum perm_subject subject, const struct finding *finding)
{
    if (finding->target != NULL) {
        return engine_judge(&command->actor, subject, PERM_CREATE, finding->target);
    }
    struct slice scopes;
    TRY(engine_compose_scopes(engine, command, (struct slice){0}, &scopes));
    return perm_may_make(&command->actor, subject, scopes);
}

/* Finds all that one action refers to, and adds that to engine->scratch_entries. */
static enum head_found find_one(struct engine *engine, struct command *command,
                                const struct command_action *action)
{
    struct finding finding;
    enum perm_subject subject = subject_of(command, action->type);
    enum head_found found = find_references(engine, command, action, &finding);
    if (found != HEAD_SEEN) {
        return found;
    }
    struct err err =
        command->actor.grant != NULL ? judge_action(engine, command, subject, &finding) : ERR(OK);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return HEAD_LATER;
    }
    buf_put_bytes(&engine->scratch_entries, &finding, sizeof(finding));
    return HEAD_SEEN;
}

/* Gathers the findings in engine->scratch_entries. */
static enum head_found find_all(struct engine *engine, struct command *command)
{
    if (!load_all(engine, command)) {
        return HEAD_LATER;
    }
    enum head_found found = HEAD_SEEN;
    buf_reset(&engine->scratch_entries);
    buf_reset(&engine->scratch_value);
    for (uint32_t i = 0; found == HEAD_SEEN && i < command->as.actions.count; i++) {
        found = find_one(engine, command, &command->as.actions.at[i]);
    }
    return found;
}

void apply_actions(struct engine *engine, struct command *command)
{
    /* What is about nothing in particular is told to all of a project. */
    command->is_for_all_users = true;
    if (!is_its_turn(engine, command) || !is_permitted(engine, command) ||
        !engine_has_found(engine, command, engine_find_own_project(engine, command),
                          ERR(NOT_FOUND)) ||
        !engine_has_found(engine, command, find_types(engine, command), ERR(NOT_FOUND)) ||
        !engine_has_found(engine, command, find_all(engine, command), ERR(REFERENCE_UNKNOWN))) {
        return;
    }
    if (engine->scratch_entries.failed || engine->scratch_value.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
    } else if (command->as.actions.count == 0) {
        engine_answer(engine, command, ERR(OK), 0);
    } else {
        write_actions(engine, command);
    }
}

/* ---- commissioning (contract: REST 2.3) ---- */

static bool is_commissioned(const struct head *thng)
{
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_THNG, head_document(thng), &shown, &hidden);
    const struct json_value commissioning = {
        .type = slice_is_empty(hidden) ? JSON_NONE : JSON_OBJECT, .text = hidden};
    return json_string_equals(json_member(commissioning, SLICE("state")), SLICE("commissioned"));
}

/* What changes of the thng: its product, and the hidden member that keeps the state. */
static void put_patch(const struct command *command, struct buf *out)
{
    bool is_decommission = command->as.commission.is_decommission;
    struct slice state = is_decommission ? SLICE("decommissioned") : SLICE("commissioned");
    BUF_PUT_LITERAL(out, "\"product\":");
    if (is_decommission) {
        BUF_PUT_LITERAL(out, "null");
    } else {
        json_write_string(out, id_slice(&command->as.commission.action.product));
    }
    BUF_PUT_LITERAL(out, ",\"commissioning\":{\"state\":");
    json_write_string(out, state);
    BUF_PUT_LITERAL(out, ",\"occurredAt\":");
    json_write_string(out, command->as.commission.occurred_at);
    BUF_PUT_LITERAL(out, "}");
}

/* The thng's new state and the action that tells of it, both or none. */
static void write_commission(struct engine *engine, struct command *command, struct head *head,
                             const struct command_action *action, struct finding *finding)
{
    struct buf *entries = &engine->scratch_entries;
    buf_reset(entries);
    put_patch(command, entries);
    size_t patch_bytes = buf_bytes(entries);
    put_text(engine, command, action, command->as.commission.context, finding, entries);
    buf_reset(&engine->scratch);
    if (!entries->failed) {
        document_merge(&engine->scratch, RESOURCE_THNG, head_document(head),
                       slice_first(buf_data(entries), patch_bytes), engine_group(engine)->time_ms);
    }
    if (entries->failed || engine->scratch.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    write_document(engine, head, OPERATION_UPDATED, head_scopes(head));
    uint64_t event =
        write_action(engine, command, finding, slice_from(buf_data(entries), patch_bytes));
    engine_answer_created(engine, command, event, &finding->id);
}

void apply_commission(struct engine *engine, struct command *command)
{
    bool is_decommission = command->as.commission.is_decommission;
    struct head *head =
        engine_permitted_head(engine, command, PERM_COMMISSIONING, PERM_CREATE, true);
    if (head == NULL) {
        return;
    }
    struct command_action action = command->as.commission.action;
    action.thng = command->target;
    action.type = is_decommission ? SLICE("decommissions") : SLICE("commissions");
    struct finding finding;
    buf_reset(&engine->scratch_value);
    if (!engine_has_found(engine, command, engine_find_own_project(engine, command),
                          ERR(NOT_FOUND)) ||
        !engine_has_found(engine, command, find_references(engine, command, &action, &finding),
                          ERR(REFERENCE_UNKNOWN))) {
        return;
    }
    if (engine->scratch_value.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
    } else if (is_commissioned(head) != is_decommission) {
        engine_answer(engine, command, ERR(COMMISSION_STATE), 0);
    } else if (memberships_find(engine, command, head)) {
        write_commission(engine, command, head, &action, &finding);
    }
}
