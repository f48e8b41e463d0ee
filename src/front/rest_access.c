/* SPDX-License-Identifier: Apache-2.0
 *
 * Who one is, and what answers here: the calls that clients make first. */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "front/auth.h"
#include "front/rate.h"
#include "front/rest_read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A certificate is some hundred bytes, a chain of them a few thousand. */
#define CA_BYTES_MAX ((size_t)64 << 10)

/* The project that scopes name, when it is the only one. */
static void only_project(struct slice scopes, struct id *project)
{
    if (slice_is_empty(scopes)) {
        return;
    }
    const struct json_value object = json_object_of(scopes);
    const struct json_value projects = json_member(object, SLICE("projects"));
    struct json_each each = json_each(projects);
    struct json_value item;
    struct id id;
    bool is_one = json_count(projects) == 1 && json_array_next(&each, &item) &&
                  id_parse(json_string_raw(item), &id); /* and not "all" */
    if (is_one) {
        *project = id;
    }
}

/* A device's is that of its thng, when it is in one only (contract: auth.md 3). */
static struct err find_project(struct reader *reader, const struct actor *actor, struct id *project)
{
    struct document thng;
    *project = actor->project;
    if (actor->kind == ACTOR_DEVICE) {
        TRY(documents_get(reader->documents, &actor->id, &thng));
        only_project(thng.scopes, project);
    }
    return ERR(OK);
}

static struct err access_run(struct reader *reader, struct rest_read *read)
{
    struct buf *out = &read->body;
    struct id account;
    struct id project;
    TRY(documents_account(reader->documents, read->actor.account, &account));
    TRY(find_project(reader, &read->actor, &project));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("account"), id_slice(&account));
    json_write_name(out, SLICE("actor"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("type"), actor_type_name(read->actor.kind));
    json_write_member_string(out, SLICE("id"), id_slice(&read->actor.id));
    json_write_close(out, '}');
    if (id_is_set(&project)) {
        json_write_member_string(out, SLICE("project"), id_slice(&project));
    }
    json_write_close(out, '}');
    return ERR(OK);
}

enum rest_step rest_access(struct http_request *request)
{
    rest_read_plain(request, access_run);
    return REST_TAKEN;
}

/* One limit, on all that a key does (contract: auth.md 9). */
static void write_rate_limits(struct buf *out, const struct rate_options *options, uint32_t left)
{
    json_write_open(out, '[');
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("name"), SLICE("key"));
    json_write_name(out, SLICE("rateLimits"));
    json_write_open(out, '[');
    json_write_open(out, '{');
    json_write_member_json(out, SLICE("url"), SLICE("{\"path\":\"/\",\"depth\":0}"));
    json_write_member_string(out, SLICE("access"), SLICE("crud"));
    json_write_name(out, SLICE("limit"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("rate"), SLICE("second"));
    json_write_member_int(out, SLICE("timeFrame"), 1);
    json_write_member_int(out, SLICE("warningMaxHits"), options->per_second);
    json_write_member_int(out, SLICE("blockingMaxHits"), options->burst);
    json_write_close(out, '}');
    json_write_member_int(out, SLICE("hits"), options->burst - left);
    json_write_member_int(out, SLICE("hitsRemaining"), left);
    json_write_member_int(out, SLICE("reset"),
                          (options->burst - left + options->per_second - 1) / options->per_second);
    json_write_close(out, '}');
    json_write_close(out, ']');
    json_write_close(out, '}');
    json_write_close(out, ']');
}

enum rest_step rest_rate_limits(struct http_request *request)
{
    struct front *front = request->conn->front;
    struct rate_limiter *rate = front->shared->rate;
    if (rate == NULL) {
        http_answer_body(request, SLICE("[]"));
        return REST_TAKEN;
    }
    uint32_t left = rate_left(rate, auth_token_hash(front, request->api_key), front->loop->now_ms);
    buf_reset(&front->scratch);
    write_rate_limits(&front->scratch, rate_options(rate), left);
    http_answer_body(request, buf_data(&front->scratch));
    return REST_TAKEN;
}

enum rest_step rest_root(struct http_request *request)
{
    http_answer_body(request, SLICE("{\"name\":\"thrum\",\"version\":\"" THRUM_VERSION "\"}"));
    return REST_TAKEN;
}

/* ---- the certificate of the server's own authority ---- */

static struct err read_file(int fd, struct buf *out)
{
    while (buf_bytes(out) < CA_BYTES_MAX) {
        TRY(buf_reserve(out, 4096));
        ssize_t got = read(fd, out->at + out->tail, 4096);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? ERR(OK) : ERR(IO);
        }
        out->tail += (size_t)got;
    }
    return ERR(IO);
}

static struct err ca_run(struct reader *reader, struct rest_read *read)
{
    (void)reader;
    const char *path = read->front->shared->ca_path;
    if (path == NULL || path[0] == '\0') {
        return ERR(NOT_FOUND);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return errno == ENOENT ? ERR(NOT_FOUND) : ERR(IO);
    }
    struct err err = read_file(fd, &read->body);
    close(fd);
    read->content_type = SLICE("application/x-pem-file");
    return err;
}

enum rest_step rest_ca(struct http_request *request)
{
    rest_read_plain(request, ca_run);
    return REST_TAKEN;
}
