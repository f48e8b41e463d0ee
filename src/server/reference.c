/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reference.h"

#include "front/rest.h"
#include "model/perm.h"
#include "model/topic.h"

/* Which kinds of key a row of rights lets do that. */
static void print_keys(struct buf *out, enum perm_subject subject, enum perm_operation operation)
{
    static const struct {
        enum actor_kind kind;
        const char *name;
    } kinds[] = {{ACTOR_OPERATOR, "operator"}, {ACTOR_DEVICE, "device"}};
    const char *between = "";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if ((perm_operations(kinds[i].kind, subject) & operation) != 0) {
            buf_put_format(out, "%s%s", between, kinds[i].name);
            between = ", ";
        }
    }
}

void reference_print_rest(struct buf *out)
{
    BUF_PUT_LITERAL(
        out, "# REST\n\n"
             "Printed from the table of routes by `make docs`. A device sees its own thng "
             "only. `/v2` in front of any\npath is an alias. `:thngId` is an id, or an "
             "identifier as `key:value`. A path with a topic of the same\nname can be opened "
             "as a WebSocket.\n\n"
             "| request | what | keys |\n|---|---|---|\n");
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct rest_route *route = &routes[i];
        struct slice method = http1_method_name(route->method);
        buf_put_format(out, "| `%.*s %s` | %s | ", SLICE_ARGS(method), route->pattern, route->help);
        if ((route->flags & ROUTE_PUBLIC) != 0) {
            BUF_PUT_LITERAL(out, "none needed");
        } else {
            print_keys(out, route->subject, route->operation);
        }
        BUF_PUT_LITERAL(out, " |\n");
    }
}

static const char *publish_verb(enum topic_publish publish)
{
    return publish == TOPIC_PUBLISH_NONE ? "-" : publish == TOPIC_PUBLISH_POST ? "POST" : "PUT";
}

/* The families that this version keeps resources for, or the others. */
static void print_families(struct buf *out, bool wants_kept)
{
    BUF_PUT_LITERAL(out,
                    "| topic | a publish is | fires when | what is sent |\n|---|---|---|---|\n");
    for (int family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        const struct topic_family_row *row = topic_family_row((enum topic_family)family);
        enum perm_subject subject;
        if (perm_subject_of_topic(row->family, &subject) == wants_kept) {
            buf_put_format(out, "| `%s` | %s | %s | %s |\n", row->pattern,
                           publish_verb(row->publish), row->fires, row->payload);
        }
    }
}

void reference_print_topics(struct buf *out)
{
    BUF_PUT_LITERAL(out,
                    "# Topics\n\n"
                    "Printed from the table of topics by `make docs`. A topic is the path of a "
                    "resource: a publish is the\nnamed request on that path, and subscribing "
                    "needs what `GET` on it needs. Leading and trailing slash are\noptional; "
                    "options follow a question mark: `pubStates=1` sends the present value "
                    "first, `access_token=KEY`\ncarries a key for this one operation.\n\n");
    print_families(out, true);
    BUF_PUT_LITERAL(out,
                    "\nThese names are known, and refused as long as there are no such resources:"
                    "\n\n");
    print_families(out, false);
}
