/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reference.h"

#include "front/rest.h"
#include "model/perm.h"
#include "model/topic.h"

/* A cell for each kind of key, in this order: does a row of rights let it do that? */
static const enum actor_kind actors[] = {ACTOR_OPERATOR, ACTOR_TRUSTED, ACTOR_APPLICATION,
                                         ACTOR_DEVICE};

#define ACTOR_HEADS "operator | trusted application | application | device"

static void print_cells(struct buf *out, enum perm_subject subject, enum perm_operation operation)
{
    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        bool may = (perm_operations(actors[i], subject) & operation) != 0;
        buf_put(out, may ? SLICE(" yes |") : SLICE(" |"));
    }
}

void reference_print_rest(struct buf *out)
{
    BUF_PUT_LITERAL(
        out, "# REST\n\n"
             "Printed from the table of routes by `make docs`; `GET /openapi.json` has the bodies "
             "as well. An operator\nsees all of its account, an application what its project "
             "sees, a device its own thng. `/v2` in front of\nany path is an alias. `:thngId` "
             "and `:productId` are an id, or an identifier as `key:value`. A path with\na topic "
             "of the same name can be opened as a WebSocket. Every `GET` answers `HEAD`, "
             "too.\n\n"
             "| request | what | " ACTOR_HEADS " |\n|---|---|---|---|---|---|\n");
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct rest_route *route = &routes[i];
        struct slice method = http1_method_name(route->method);
        buf_put_format(out, "| `%.*s %s` | %s |", SLICE_ARGS(method), route->pattern, route->help);
        if ((route->flags & ROUTE_PUBLIC) != 0) {
            BUF_PUT_LITERAL(out, " no key needed | | | |");
        } else {
            print_cells(out, route->subject, route->operation);
        }
        buf_put_byte(out, '\n');
    }
    BUF_PUT_LITERAL(out, "\nWith the public key of an application only actions of the type `scans` "
                         "can be recorded, at\n`/actions/scans`.\n");
}

static const char *publish_verb(enum topic_publish publish)
{
    return publish == TOPIC_PUBLISH_NONE ? "-" : publish == TOPIC_PUBLISH_POST ? "POST" : "PUT";
}

/* Which kinds of key may publish, which subscribe. */
static void print_topic_cells(struct buf *out, const struct topic_family_row *row)
{
    enum perm_subject subject = perm_subject_of_topic(row->family, (struct slice){0});
    enum perm_operation subscribe = perm_subscribe_operation(row->family);
    enum perm_operation publish = perm_publish_operation(row->family);
    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        unsigned operations = perm_operations(actors[i], subject);
        bool subscribes = (operations & subscribe) != 0;
        bool publishes = row->publish != TOPIC_PUBLISH_NONE && (operations & publish) != 0;
        const char *text = subscribes && publishes ? " both |"
                           : subscribes            ? " subscribe |"
                           : publishes             ? " publish |"
                                                   : " |";
        buf_put(out, slice_of_text(text));
    }
}

void reference_print_topics(struct buf *out)
{
    BUF_PUT_LITERAL(
        out, "# Topics\n\n"
             "Printed from the table of topics by `make docs`. A topic is the path of a resource: "
             "a publish is the\nnamed request on that path, and subscribing needs what `GET` on "
             "it needs. Leading and trailing slash are\noptional; options follow a question mark: "
             "`pubStates=1` sends the present value first, `project=ID` narrows\nto what is "
             "visible in that project, `access_token=KEY` carries a key for this one "
             "operation.\n\n"
             "| topic | a publish is | fires when | what is sent | " ACTOR_HEADS
             " |\n|---|---|---|---|---|---|---|---|\n");
    for (int family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        const struct topic_family_row *row = topic_family_row((enum topic_family)family);
        buf_put_format(out, "| `%s` | %s | %s | %s |", row->pattern, publish_verb(row->publish),
                       row->fires, row->payload);
        print_topic_cells(out, row);
        buf_put_byte(out, '\n');
    }
    BUF_PUT_LITERAL(out, "\nWith the public key of an application actions of the type `scans` can "
                         "be published, to `/actions/scans`.\n");
}
