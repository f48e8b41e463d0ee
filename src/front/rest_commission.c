/* SPDX-License-Identifier: Apache-2.0
 *
 * Commissioning (contract: REST 2.3): a thng gets its product, or loses it, and an action tells of
 * it. The product is named by its id or by an identifier, which a reader looks up first. */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/json.h"
#include "front/context.h"
#include "front/iso_time.h"
#include "front/publish_inside.h"
#include "front/rest_documents.h"
#include "front/rest_identify.h"
#include "model/action.h"
#include "model/document.h"

#define PURCHASE_ORDER_CHARACTERS_MAX 256

/* A checked body. Slices lie in the body or in front->scratch. */
struct commission {
    struct slice field; /* at fault */
    bool has_product;
    struct json_value product; /* as sent */
    struct slice occurred_at;
    int64_t time_ms;
    struct location location;
    size_t members_bytes; /* in front->scratch; the location's text follows */
    size_t location_bytes;
};

/* ---- the body ---- */

static struct err check_required(struct json_value body, struct slice name, enum json_type type,
                                 struct json_value *value, struct slice *field)
{
    *field = name;
    *value = json_member(body, name);
    if (value->type == JSON_NONE || value->type == JSON_NULL) {
        return ERR(FIELD_MISSING);
    }
    return value->type == type ? ERR(OK) : ERR(FIELD_INVALID);
}

static bool is_given(struct json_value value)
{
    return value.type != JSON_NONE && value.type != JSON_NULL;
}

static struct err put_time(struct front *front, struct json_value body, struct commission *out)
{
    struct json_value value;
    TRY(check_required(body, SLICE("occurredAt"), JSON_STRING, &value, &out->field));
    out->occurred_at = json_string_raw(value);
    if (!iso_time_read(out->occurred_at, &out->time_ms)) {
        return ERR(FIELD_INVALID);
    }
    document_put_member(&front->scratch, SLICE("occurredAt"), value.text);
    return ERR(OK);
}

static struct err put_order(struct front *front, struct json_value body, struct commission *out)
{
    struct json_value value = json_member(body, SLICE("purchaseOrder"));
    if (!is_given(value)) {
        return ERR(OK);
    }
    out->field = SLICE("purchaseOrder");
    TRY(document_check_text(value, PURCHASE_ORDER_CHARACTERS_MAX));
    document_put_member(&front->scratch, out->field, value.text);
    return ERR(OK);
}

static struct err put_factory(struct front *front, struct json_value body, struct commission *out)
{
    struct json_value value = json_member(body, SLICE("factoryMetadata"));
    struct json_value factory;
    if (!is_given(value)) {
        return ERR(OK);
    }
    out->field = SLICE("factoryMetadata");
    TRY(document_check_custom_fields(value, &front->shared->limits.document));
    TRY(check_required(value, SLICE("factory"), JSON_STRING, &factory, &out->field));
    document_put_member(&front->scratch, SLICE("factoryMetadata"), value.text);
    return ERR(OK);
}

static struct err put_location(struct front *front, struct json_value body, struct commission *out)
{
    struct json_value value;
    TRY(check_required(body, SLICE("location"), JSON_OBJECT, &value, &out->field));
    TRY(location_read(value, &out->location));
    location_write_text(&front->scratch, &out->location);
    return ERR(OK);
}

static struct err check(struct http_request *request, bool is_decommission, struct commission *out)
{
    struct front *front = request->conn->front;
    struct json_value body;
    buf_reset(&front->scratch);
    TRY(publish_scan(front, request->body, &body));
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    if (!is_decommission) {
        TRY(check_required(body, SLICE("product"), JSON_STRING, &out->product, &out->field));
        out->has_product = true;
    }
    TRY(put_time(front, body, out));
    TRY(put_order(front, body, out));
    TRY(put_factory(front, body, out));
    out->members_bytes = buf_bytes(&front->scratch);
    TRY(put_location(front, body, out));
    out->location_bytes = buf_bytes(&front->scratch) - out->members_bytes;
    out->field = (struct slice){0};
    return front->scratch.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- the product ---- */

/* That there is no such product is told behind what is wrong with the thng. */
static void product_arrived(struct http_request *request, struct rest_read *read)
{
    bool is_absent = err_equal(read->err, ERR(NOT_FOUND));
    bool is_answer = !err_is_set(read->err) || is_absent || err_equal(read->err, ERR(AMBIGUOUS));
    request->kept.product.is_done = true;
    request->kept.product.err = is_absent ? ERR(REFERENCE_UNKNOWN) : read->err;
    if (!err_is_set(read->err)) {
        request->kept.product.id = read->resource;
    }
    http_go_on(request, is_answer ? ERR(OK) : read->err);
}

/* ---- the command ---- */

static struct slice copied(struct command_batch *batch, struct slice bytes)
{
    struct slice copy;
    bool is_copied = command_batch_copy(batch, bytes, &copy);
    ASSERT(is_copied);
    return copy;
}

static enum rest_step send_command(struct http_request *request, bool is_decommission,
                                   struct err refusal, const struct commission *body)
{
    struct conn *conn = request->conn;
    struct front *front = conn->front;
    struct slice texts = buf_data(&front->scratch);
    struct slice context = context_of(conn, TOPIC_THNG_ACTIONS, request->user_agent);
    size_t bytes = texts.bytes + body->occurred_at.bytes + context.bytes;
    struct command_batch *batch = publish_batch(front, false, bytes);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    texts = copied(batch, texts);
    struct slice occurred_at = copied(batch, body->occurred_at);
    context = copied(batch, context);
    struct command *command =
        front_command(front, batch, COMMAND_COMMISSION, conn, &request->actor, request->number);
    command->refusal = refusal;
    command->target_kind = RESOURCE_THNG;
    command->target = request->resource;
    command->project = request->project;
    command->as.commission.is_decommission = is_decommission;
    command->as.commission.occurred_at = occurred_at;
    command->as.commission.context = context;
    command->as.commission.action = (struct command_action){
        .timestamp_ms = body->time_ms,
        .product = request->kept.product.id,
    };
    if (!err_is_set(refusal)) {
        struct command_action *action = &command->as.commission.action;
        action->members = slice_first(texts, body->members_bytes);
        action->location = slice_from(texts, body->members_bytes);
        action->place = body->location.place;
    }
    rest_document_detail(request, refusal, body->field);
    return REST_TAKEN;
}

static enum rest_step begin(struct http_request *request, bool is_decommission)
{
    struct commission body = {0};
    struct err err = check(request, is_decommission, &body);
    if (!err_is_set(err) && body.has_product && !request->kept.product.is_done) {
        struct slice product = json_string_raw(body.product);
        bool is_id = id_parse(product, &request->kept.product.id);
        if (!is_id && rest_is_identifier(product)) {
            return rest_identify(request, RESOURCE_PRODUCT, product, product_arrived);
        }
        request->kept.product.err = is_id ? ERR(OK) : ERR(REFERENCE_UNKNOWN);
    }
    if (!err_is_set(err) && err_is_set(request->kept.product.err)) {
        err = request->kept.product.err;
        body.field = SLICE("product");
    }
    if (err_is_set(err)) {
        buf_reset(&request->conn->front->scratch);
    }
    return send_command(request, is_decommission, err, &body);
}

enum rest_step rest_commission(struct http_request *request)
{
    return begin(request, false);
}

enum rest_step rest_decommission(struct http_request *request)
{
    return begin(request, true);
}

/* The action is the command's last event. */
void rest_commissioned(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    bool is_there =
        event != NULL && event->type == EVENT_DOCUMENT && event->kind == RESOURCE_ACTION;
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
    } else if (!is_there) {
        http_refuse(request, ERR(INTERNAL));
    } else {
        http_answer_body(request, event->text);
    }
}

/* ---- the state ---- */

static struct err state_run(struct reader *reader, struct rest_read *read)
{
    struct document document;
    struct slice shown;
    struct slice state;
    TRY(rest_read_find(reader, read, RESOURCE_THNG, &document));
    document_split(RESOURCE_THNG, document.text, &shown, &state);
    buf_put(&read->body, slice_is_empty(state) ? SLICE("{\"state\":\"not_commissioned\"}") : state);
    return ERR(OK);
}

enum rest_step rest_commission_state(struct http_request *request)
{
    rest_read_plain(request, state_run);
    return REST_TAKEN;
}
