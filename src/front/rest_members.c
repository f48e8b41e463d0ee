/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in a collection, over HTTP (contract: REST 6.2): thngs, and child collections. Putting
 * thngs in is a publish (rest_points.c: rest_publish). */
#include "front/rest.h"

#include "base/assert.h"
#include "front/publish.h"
#include "front/rest_lists.h"
#include "front/rest_read.h"
#include "front/view.h"

/* The paths of thngs are those that have a topic. */
static enum resource_kind member_kind_of(const struct http_request *request)
{
    bool is_thngs = request->route->family == TOPIC_COLLECTION_THNGS;
    return is_thngs ? RESOURCE_THNG : RESOURCE_COLLECTION;
}

enum rest_step rest_member_list(struct http_request *request)
{
    const struct slice collection = id_slice(&request->resource);
    const struct filter_condition is_member = {
        .field = FILTER_COLLECTIONS,
        .values = &collection,
        .value_count = 1,
    };
    return rest_list_start(request, &(struct rest_list_base){
                                        .kind = member_kind_of(request),
                                        .root_kind = RESOURCE_COLLECTION,
                                        .conditions = &is_member,
                                        .condition_count = 1,
                                    });
}

/* One that goes, or all. */
static enum rest_step take_out(struct http_request *request, enum member_change change,
                               const struct id *member)
{
    struct conn *conn = request->conn;
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES + sizeof(struct id));
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct id *ids = NULL;
    if (member != NULL) {
        ids = command_batch_take(batch, sizeof(*ids));
        ASSERT(ids != NULL);
        *ids = *member;
    }
    struct command *command =
        front_command(conn->front, batch, COMMAND_MEMBERS, conn, &request->actor, request->number);
    command->target_kind = RESOURCE_COLLECTION;
    command->target = request->resource;
    command->project = request->project;
    command->as.members.change = change;
    command->as.members.member_kind = member_kind_of(request);
    command->as.members.ids = ids;
    command->as.members.count = member != NULL;
    return REST_TAKEN;
}

enum rest_step rest_member_remove(struct http_request *request)
{
    return take_out(request, MEMBERS_REMOVED, &request->child);
}

enum rest_step rest_member_clear(struct http_request *request)
{
    return take_out(request, MEMBERS_CLEARED, NULL);
}

enum rest_step rest_child_add(struct http_request *request)
{
    const struct members_send send = {
        .collection = request->resource,
        .project = request->project,
        .member_kind = RESOURCE_COLLECTION,
        .body = request->body,
        .actor = &request->actor,
        .qos = 1,
        .request = request->number,
    };
    if (members_send(request->conn, &send) == PUBLISH_NO_ROOM) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    return REST_TAKEN;
}

/* ---- what putting thngs in answers: the collection, which it has not changed ---- */

static struct err collection_run(struct reader *reader, struct rest_read *read)
{
    const struct view view = rest_read_view(reader, read);
    return view_resource(&view, RESOURCE_COLLECTION, &read->resource, &read->body);
}

void rest_members_added(struct http_request *request, const struct answer *answer,
                        const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
        return;
    }
    struct rest_read *read = rest_read_new(request, sizeof(*read), collection_run);
    if (read != NULL) {
        read->after = answer->after;
        rest_read_start(request, read);
    }
}
