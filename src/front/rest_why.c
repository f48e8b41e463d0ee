/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions explained (`thrum why`): may that key do this, and which row, role or scope says so.
 * The answer comes from the functions that judge requests, with what the documents say now; nothing
 * is done. And the last refusals, as they came about.
 *
 *      POST /why  {"actor":"U...","topic":"/thngs/U.../properties","operation":"subscribe"}
 *      POST /why  {"key":"...",...}         instead of an actor
 *      GET /why                             the last refusals */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "codec/uri.h"
#include "front/actor_read.h"
#include "front/refusals.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "model/action.h"
#include "model/document.h"
#include "model/role.h"

/* The account whose operators keep the server: they are shown keys that nobody has. */
#define FIRST_ACCOUNT 1

/* What is asked about; filled in on the loop. */
struct question {
    bool has_key;
    bool is_trusted; /* an application's secret key is meant */
    uint8_t key_hash[KEY_HASH_BYTES];
    struct id actor;
    enum perm_subject subject;
    enum perm_operation operation;
    enum resource_kind kind; /* of a resource that lies in another; 0: as the path says */
    struct id parent;        /* which that is */
    struct id resource;      /* that the path names; not set: none */
    struct id project;       /* ?project=; not set: none */
    struct slice path;       /* the route's or family's pattern up to its first parameter */
};

struct why_read {
    struct rest_read read;
    struct question question;
};

/* ---- the question ---- */

/* "get" and so on, as an HTTP method; false: it is none of these. */
static bool method_of(struct slice operation, enum http1_method *method)
{
    static const struct {
        struct slice name;
        enum http1_method method;
    } rows[] = {
        {SLICE_INIT("get"), HTTP1_GET},
        {SLICE_INIT("put"), HTTP1_PUT},
        {SLICE_INIT("post"), HTTP1_POST},
        {SLICE_INIT("delete"), HTTP1_DELETE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slice_equal(operation, rows[i].name)) {
            *method = rows[i].method;
            return true;
        }
    }
    return false;
}

/* The resource that the path names: of two the one that lies in the other. What is built in is
 * none. */
static struct err take_resource(struct question *question, const struct http_request *asked)
{
    enum role_type type;
    bool is_built_in =
        asked->route->kind == RESOURCE_ROLE && role_is_built_in(asked->resource_text, &type);
    if (slice_is_empty(asked->resource_text) || is_built_in) {
        question->resource = asked->child;
        return ERR(OK);
    }
    if (!id_parse(asked->resource_text, &question->resource)) {
        return ERR(NOT_FOUND);
    }
    if ((asked->route->flags & ROUTE_NESTED) && id_is_set(&asked->child)) {
        question->kind = asked->route->kind;
        question->parent = question->resource;
        question->resource = asked->child;
    }
    return ERR(OK);
}

static void take_pattern(struct question *question, const char *pattern)
{
    struct slice text = slice_of_text(pattern);
    question->path = slice_first(text, slice_find(text, ':'));
}

/* A path with a method: its route says what is judged. */
static struct err ask_request(struct question *question, struct slice target,
                              enum http1_method method)
{
    const struct uri parts = uri_split(target);
    uint8_t segments[TOPIC_BYTES_MAX];
    struct http_request asked = {.method = method, .path = parts.path};
    bool has_project;
    if (parts.path.bytes > sizeof(segments)) {
        return ERR(TOPIC_INVALID);
    }
    TRY(rest_find(&asked, segments));
    TRY(rest_query_id(parts.query, SLICE("project"), &has_project, &question->project));
    const struct rest_route *route = asked.route;
    bool is_of_type = route->subject == PERM_ACTIONS;
    question->subject =
        is_of_type ? perm_subject_of_topic(TOPIC_ACTIONS, asked.type) : route->subject;
    question->operation = route->operation;
    take_pattern(question, route->pattern);
    return take_resource(question, &asked);
}

static struct err ask_topic(struct question *question, struct slice text, bool is_publish)
{
    struct topic topic;
    TRY(topic_parse(text, &topic));
    if (is_publish && !topic_is_publishable(topic.family)) {
        return ERR(TOPIC_NOT_PUBLISHABLE);
    }
    question->subject = perm_subject_of_topic(topic.family, topic_name(&topic));
    question->operation =
        is_publish ? perm_publish_operation(topic.family) : perm_subscribe_operation(topic.family);
    question->resource = topic.resource;
    question->project = topic.options.project;
    take_pattern(question, topic_family_row(topic.family)->pattern);
    return ERR(OK);
}

static struct err take_text(struct json_value body, struct slice name, struct slice *text)
{
    struct json_value value = json_member(body, name);
    if (value.type == JSON_NONE) {
        return ERR(FIELD_MISSING);
    }
    *text = json_string_raw(value);
    bool is_plain = value.type == JSON_STRING && !json_raw_has_escapes(*text);
    return is_plain ? ERR(OK) : ERR(FIELD_INVALID);
}

static struct err take_actor(const struct front *front, struct json_value body,
                             struct question *question)
{
    struct slice text;
    struct err err = take_text(body, SLICE("key"), &text);
    question->has_key = !err_is_set(err);
    if (question->has_key) {
        keyring_hash(front->shared->keyring, text, question->key_hash);
        return ERR(OK);
    }
    TRY(take_text(body, SLICE("actor"), &text));
    struct json_value trusted = json_member(body, SLICE("trusted"));
    question->is_trusted = slice_equal(trusted.text, SLICE("true"));
    return id_parse(text, &question->actor) ? ERR(OK) : ERR(FIELD_INVALID);
}

static struct err read_question(const struct http_request *request, struct question *question)
{
    const struct front *front = request->conn->front;
    struct json_value body;
    struct slice topic;
    struct slice operation;
    enum http1_method method;
    if (slice_is_empty(request->body)) {
        return ERR(BODY_MISSING);
    }
    TRY(json_scan(request->body, front->shared->limits.json_depth_max, &body));
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    TRY(take_actor(front, body, question));
    TRY(take_text(body, SLICE("topic"), &topic));
    TRY(take_text(body, SLICE("operation"), &operation));
    if (method_of(operation, &method)) {
        return ask_request(question, topic, method);
    }
    bool is_publish = slice_equal(operation, SLICE("publish"));
    bool is_known = is_publish || slice_equal(operation, SLICE("subscribe"));
    return is_known ? ask_topic(question, topic, is_publish) : ERR(FIELD_INVALID);
}

/* ---- the answer ---- */

/* What was found out, for the answer. */
struct finding {
    const struct question *question;
    const struct actor *actor;
    bool has_project; /* that the question names */
    bool has_resource;
    struct document resource;
    enum perm_verdict verdict;
    const char *reason; /* instead of the verdict's own text; NULL: none */
    int status;
};

/* Does a path of that kind of resource begin like this? */
static bool is_path_of(struct slice path, enum resource_kind kind)
{
    if (kind < RESOURCE_THNG || kind == RESOURCE_NAME) {
        return false;
    }
    const char *own = document_kind(kind)->path;
    struct slice wanted = own == NULL ? SLICE("applications") : slice_of_text(own + 1);
    if (kind == RESOURCE_ACTION) {
        wanted = SLICE("actions");
    }
    size_t end = path.bytes > 0 && path.at[path.bytes - 1] == '/' ? path.bytes - 1 : path.bytes;
    return end >= wanted.bytes &&
           slice_equal(slice_of(path.at + end - wanted.bytes, wanted.bytes), wanted);
}

/* As requests are judged: what is on a thng is for its device. */
static enum perm_verdict judge_resource(const struct finding *finding)
{
    const struct question *question = finding->question;
    struct action_targets targets;
    struct perm_resource resource = {
        .account = finding->resource.account,
        .kind = finding->resource.kind,
        .id = &finding->resource.id,
        .parent = &finding->resource.parent,
        .scopes = finding->resource.scopes,
    };
    if (resource.kind == RESOURCE_ACTION && finding->actor->kind == ACTOR_DEVICE) {
        action_targets(finding->resource.text, &targets);
        resource.kind = RESOURCE_THNG;
        resource.id = &targets.thng;
    }
    return perm_verdict(finding->actor, question->subject, question->operation, &resource);
}

/* Before the resource is looked up, which lives until the next look. */
static struct err find_project(struct reader *reader, struct finding *finding)
{
    const struct id *project = &finding->question->project;
    struct document document;
    if (!id_is_set(project)) {
        return ERR(OK);
    }
    struct err err = documents_get(reader->documents, project, &document);
    finding->has_project = !err_is_set(err) && document.kind == RESOURCE_PROJECT &&
                           document.account == finding->actor->account &&
                           perm_may_name(finding->actor, project);
    return err_equal(err, ERR(NOT_FOUND)) ? ERR(OK) : err;
}

static void judge_project(struct finding *finding)
{
    const struct id *project = &finding->question->project;
    bool is_in =
        !finding->has_resource || perm_scopes_have_project(finding->resource.scopes, project);
    if (!finding->has_project || !is_in) {
        finding->status = 404;
        finding->reason = finding->has_project
                              ? "The resource is not visible in the project that is named."
                              : "There is no such project for this key to name.";
    }
}

/* What there is: the resource, when it is one of the account and of the path's kind. */
static struct err find_resource(struct reader *reader, const struct question *question,
                                uint32_t account, struct finding *finding)
{
    struct err err = documents_get(reader->documents, &question->resource, &finding->resource);
    if (err_is_set(err)) {
        return err_equal(err, ERR(NOT_FOUND)) ? ERR(OK) : err;
    }
    const struct document *found = &finding->resource;
    /* (Of an operator the path's account is the parent, which has been found out.) */
    bool is_child =
        question->kind == RESOURCE_OPERATOR || id_equal(&found->parent, &question->parent);
    bool is_one = question->kind == 0 ? is_path_of(question->path, found->kind)
                                      : found->kind == question->kind && is_child;
    finding->has_resource = found->account == account && is_one;
    return ERR(OK);
}

/* Of operators and accounts a key sees its own, whatever else there is; no scopes say so. */
static struct err find_own(struct reader *reader, const struct finding *finding, bool *is_own)
{
    const struct question *question = finding->question;
    struct id own = finding->actor->id;
    if (!slice_equal(question->path, SLICE("/operators/"))) {
        TRY(documents_account(reader->documents, finding->actor->account, &own));
    }
    *is_own = id_equal(&own, question->kind == 0 ? &question->resource : &question->parent);
    return ERR(OK);
}

static bool is_about_own(const struct question *question)
{
    return slice_equal(question->path, SLICE("/operators/")) ||
           slice_equal(question->path, SLICE("/accounts/"));
}

/* The resource that the path names decides. */
static struct err judge_named(struct reader *reader, struct finding *finding)
{
    const struct question *question = finding->question;
    bool is_own = is_about_own(question);
    bool is_there = true;
    if (is_own) {
        TRY(find_own(reader, finding, &is_there));
    }
    if (is_there && (!is_own || question->kind != 0)) {
        TRY(find_resource(reader, question, finding->actor->account, finding));
        is_there = finding->has_resource;
    }
    if (!is_there) {
        finding->status = 404;
        finding->reason = "There is no such resource in the account.";
    } else if (finding->has_resource) {
        finding->verdict = judge_resource(finding);
    }
    return ERR(OK);
}

static struct err find_out(struct reader *reader, struct finding *finding)
{
    const struct question *question = finding->question;
    bool names_one = id_is_set(&question->resource);
    TRY(find_project(reader, finding));
    finding->verdict = perm_verdict(finding->actor, question->subject, question->operation, NULL);
    if (finding->verdict == PERM_ALLOWED && names_one) {
        TRY(judge_named(reader, finding));
    }
    if (finding->status != 0) {
        return ERR(OK);
    }
    switch (finding->verdict) {
    case PERM_ALLOWED:
        finding->status = 200;
        break;
    case PERM_NO_ACTOR:
        finding->status = 401;
        break;
    case PERM_ROW_DENIES:
    case PERM_GRANT_DENIES:
    case PERM_NOT_HERE:
        finding->status = 403;
        break;
    default:
        finding->status = 404;
        break;
    }
    if (finding->verdict == PERM_ALLOWED && id_is_set(&question->project)) {
        judge_project(finding);
    }
    return ERR(OK);
}

static void write_row(struct buf *out, const struct question *question, enum actor_kind kind)
{
    const struct perm_row *row = perm_row(question->subject);
    json_write_name(out, SLICE("row"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("path"), slice_of_text(row->path));
    json_write_member_string(out, SLICE("operation"),
                             slice_of_text(perm_operation_name(question->operation)));
    json_write_member_boolean(out, SLICE("given"),
                              (row->operations[kind] & question->operation) != 0);
    json_write_close(out, '}');
}

static void write_actor(struct buf *out, const struct actor *actor)
{
    json_write_name(out, SLICE("actor"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("type"), actor_type_name(actor->kind));
    json_write_member_string(out, SLICE("id"), id_slice(&actor->id));
    if (id_is_set(&actor->project)) {
        json_write_member_string(out, SLICE("project"), id_slice(&actor->project));
    }
    json_write_close(out, '}');
    if (actor->grant != NULL) {
        json_write_member_string(out, SLICE("role"), actor->grant->name);
    }
}

static void write_resource(struct buf *out, const struct document *resource)
{
    json_write_name(out, SLICE("resource"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("kind"),
                             slice_of_text(document_kind(resource->kind)->name));
    json_write_member_string(out, SLICE("id"), id_slice(&resource->id));
    if (!slice_is_empty(resource->scopes)) {
        json_write_member_json(out, SLICE("scopes"), resource->scopes);
    }
    json_write_close(out, '}');
}

static void write_finding(struct buf *out, const struct finding *finding)
{
    const char *reason =
        finding->reason != NULL ? finding->reason : perm_verdict_text(finding->verdict);
    json_write_open(out, '{');
    json_write_member_boolean(out, SLICE("allowed"), finding->status == 200);
    json_write_member_int(out, SLICE("status"), finding->status);
    json_write_member_string(out, SLICE("reason"), slice_of_text(reason));
    write_actor(out, finding->actor);
    write_row(out, finding->question, finding->actor->kind);
    if (finding->has_resource) {
        write_resource(out, &finding->resource);
    }
    json_write_close(out, '}');
}

/* Nobody has that key, or it is another account's: which of them is not told. */
static void write_stranger(struct buf *out)
{
    json_write_open(out, '{');
    json_write_member_boolean(out, SLICE("allowed"), false);
    json_write_member_int(out, SLICE("status"), 403);
    json_write_member_string(out, SLICE("reason"), SLICE("Nobody in this account has that key."));
    json_write_close(out, '}');
}

static struct err read_actor(struct reader *reader, const struct why_read *why, struct actor *actor)
{
    const struct question *question = &why->question;
    struct grants *grants = why->read.front->shared->grants;
    uint32_t account = why->read.actor.account;
    if (!question->has_key) {
        return actor_read_by_id(reader, grants, account, &question->actor, question->is_trusted,
                                actor);
    }
    TRY(actor_read(reader, grants, question->key_hash, actor));
    return actor->account == account ? ERR(OK) : ERR(CREDENTIAL_UNKNOWN);
}

static struct err why_run(struct reader *reader, struct rest_read *read)
{
    const struct why_read *why = CONTAINER_OF(read, struct why_read, read);
    struct actor actor;
    struct finding finding = {.question = &why->question, .actor = &actor};
    struct err err = read_actor(reader, why, &actor);
    if (err_equal(err, ERR(CREDENTIAL_UNKNOWN))) {
        write_stranger(&read->body);
        return ERR(OK);
    }
    TRY(err);
    TRY(documents_reader_begin(reader->documents));
    err = find_out(reader, &finding);
    documents_reader_end(reader->documents);
    TRY(err);
    write_finding(&read->body, &finding);
    return ERR(OK);
}

enum rest_step rest_why(struct http_request *request)
{
    struct question question = {0};
    struct err err = read_question(request, &question);
    if (err_is_set(err)) {
        http_refuse(request, err);
        return REST_TAKEN;
    }
    struct why_read *why = rest_read_new(request, sizeof(*why), why_run);
    if (why != NULL) {
        why->question = question;
        rest_read_start(request, &why->read);
    }
    return REST_TAKEN;
}

enum rest_step rest_why_recent(struct http_request *request)
{
    struct buf *out = &request->conn->front->scratch;
    uint32_t account = request->actor.account;
    buf_reset(out);
    refusals_write(request->conn->front->shared->refusals, account, account == FIRST_ACCOUNT, out);
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        http_answer_body(request, buf_data(out));
    }
    return REST_TAKEN;
}
