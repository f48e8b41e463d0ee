/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reference.h"

#include "front/replay_read.h"
#include "front/rest.h"
#include "front/sys.h"
#include "model/perm.h"
#include "model/topic.h"

/* A cell for each kind of key, in this order: does a row of rights let it do that? */
static const enum actor_kind actors[] = {ACTOR_OPERATOR, ACTOR_TRUSTED, ACTOR_APPLICATION,
                                         ACTOR_USER, ACTOR_DEVICE};

#define ACTOR_HEADS "operator | trusted application | application | user | device"
#define ACTOR_LINES "---|---|---|---|---|"

static unsigned operations_of(enum actor_kind actor, enum perm_subject subject)
{
    return perm_row(subject)->operations[actor];
}

static void print_cells(struct buf *out, enum perm_subject subject, enum perm_operation operation)
{
    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        bool may = (operations_of(actors[i], subject) & operation) != 0;
        buf_put(out, may ? SLICE(" yes |") : SLICE(" |"));
    }
}

void reference_print_rest(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "# REST\n\n"
        "Printed from the table of routes by `make docs`; `GET /openapi.json` has the bodies "
        "as well. What each kind of key may\nand sees is told in [rights](rights.md). `/v2` in "
        "front of any path is an alias. `:thngId` "
        "and `:productId` are an id, or an identifier as `key:value`. A path with\na topic "
        "of the same name can be opened as a WebSocket. Every `GET` answers `HEAD`, "
        "too.\n\n"
        "| request | what | " ACTOR_HEADS " |\n|---|---|" ACTOR_LINES "\n");
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct rest_route *route = &routes[i];
        struct slice method = http1_method_name(route->method);
        buf_put_format(out, "| `%.*s %s` | %s |", SLICE_ARGS(method), route->pattern, route->help);
        if ((route->flags & ROUTE_PUBLIC) != 0) {
            BUF_PUT_LITERAL(out, " no key needed | | | | |");
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
        unsigned operations = operations_of(actors[i], subject);
        bool subscribes = (operations & subscribe) != 0;
        bool publishes = row->publish != TOPIC_PUBLISH_NONE && (operations & publish) != 0;
        const char *text = subscribes && publishes ? " both |"
                           : subscribes            ? " subscribe |"
                           : publishes             ? " publish |"
                                                   : " |";
        buf_put(out, slice_of_text(text));
    }
}

static void print_topic_wildcards(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "\n## Wildcards\n\n"
        "In an MQTT subscription a level may be `+`, which stands for any, and the last one `#`, "
        "which stands for any\nnumber, none too: `/thngs/+/properties/temp`, `/thngs/ID/#`, `#`. "
        "They select among the topics above. Every\nmessage is judged for the key when it is "
        "sent; its topic is the concrete one, with or without the leading\nslash, and with the "
        "options, as the filter has them. A filter is refused when the key may not subscribe to "
        "anything\nthat it could select, or when it names a resource that is not there. One "
        "message comes for each filter that\nmatches. `pubStates=1` sends the states of what is "
        "there, 1,000 at most; of actions where the filter names the\ntype, or `all`. To publish "
        "to a topic with a wildcard ends the connection.\n");
}

static void print_topic_plain(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "\n## Plain topics\n\n"
        "With `mqtt.plain_topics = on` a topic whose first level is none of those above is an "
        "ordinary MQTT topic inside\nthe account, for keys of operators and trusted applications: "
        "any payload, QoS 0 to 2, retained messages,\nwildcards. It is taken as it is: slashes "
        "count, there are no options and no escapes. A filter that begins with a\nwildcard "
        "selects among both; names that begin with `$` are not met by it. Over MQTT alone.\n\n"
        "`$share/GROUP/FILTER` is a shared subscription: each message goes to one of those who "
        "have "
        "subscribed with this\nGROUP and FILTER, in turn, to who can take it. What a member has "
        "not "
        "acknowledged when it leaves goes to\nanother one, so QoS 1 is the highest that is "
        "granted. "
        "Retained messages are not sent. A group that has members\nwith clean session 0 waits for "
        "them while they are away. When all of these have begun a clean session instead\nof "
        "unsubscribing, it ends with `session.expiry`.\n\n"
        "The broker's own figures, sent when somebody subscribes and every "
        "`mqtt.sys_interval`:\n\n| topic | what it is |\n|---|---|\n");
    sys_print_rows(out);
}

static void print_topic_streams(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "\n## Over HTTP\n\n"
        "`GET` of a topic's path with `Accept: text/event-stream` is a stream of server-sent "
        "events, which browsers read\nwith `EventSource` and people with `curl -N`. Each message "
        "is an event with the payload as its data and its number\nin the journal as its `id`. A "
        "client that comes back says the last one in `Last-Event-ID` and is sent all that has\n"
        "come since, as long as the journal is kept (`journal.keep`); if it is not, an event of "
        "the type `gap` says so.\nThe options are those above, a key for browsers is "
        "`access_token`. A comment keeps silent streams open\n(`http.heartbeat`).\n\n"
        "`GET` of a topic's path with `?wait=SECONDS` is answered with the next message (200), or "
        "when the time is over\nwithout one (204). Either answer has a `Last-Event-ID`: who sends "
        "it with the next request misses nothing between\nthe two. `Events-Missed: true` says "
        "that the journal no longer had all of it. Who ends its side of the connection\nhas "
        "gone.\n");
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
             "| topic | a publish is | fires when | what is sent | history | " ACTOR_HEADS
             " |\n|---|---|---|---|---|" ACTOR_LINES "\n");
    for (int family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        const struct topic_family_row *row = topic_family_row((enum topic_family)family);
        buf_put_format(out, "| `%s` | %s | %s | %s |", row->pattern, publish_verb(row->publish),
                       row->fires, row->payload);
        buf_put(out, replay_has_history(row->family) ? SLICE(" yes |") : SLICE(" |"));
        print_topic_cells(out, row);
        buf_put_byte(out, '\n');
    }
    BUF_PUT_LITERAL(out, "\nWith the public key of an application actions of the type `scans` can "
                         "be published, to `/actions/scans`.\n");
    BUF_PUT_LITERAL(
        out,
        "\n## History first\n\n"
        "Who subscribes to a topic that has a history can have it sent first, then what is live, "
        "without a gap and\nwithout anything twice: every sample and action once, in order.\n\n"
        "| option | what is sent of the history |\n|---|---|\n"
        "| `from=1700000000000` | from that time on (milliseconds since 1970); `from=0` is all |\n"
        "| `from=-1h` | from so long ago on; `ms`, `s`, `m`, `h`, `d`, `w` |\n"
        "| `last=100` | the newest 100, at most 1,000,000; `from=latest` is `last=1` |\n"
        "| `from=-1h&last=100` | of those since then the newest 100 |\n\n"
        "Times are compared with `timestamp`, as in REST. Each sample and each action is a message "
        "of its own, encoded as live\nones are, with the granted QoS, ascending by `timestamp`; "
        "all properties of a resource are merged. A sample that\nwas replaced or deleted meanwhile "
        "is not sent. The history begins behind the SUBACK; several in one SUBSCRIBE\ncome one "
        "after the other. Subscribing again sends it again. With these options `pubStates` adds "
        "nothing.\nOn any other topic, and with wildcards, they are refused (SUBACK 0x80, "
        "WebSocket 403).\n");
    print_topic_wildcards(out);
    print_topic_plain(out);
    print_topic_streams(out);
}

/* ---- rights ---- */

static void print_letters(struct buf *out, unsigned operations)
{
    static const struct {
        enum perm_operation operation;
        const char *letter;
    } letters[] = {
        {PERM_CREATE, "C"}, {PERM_READ, "R"},   {PERM_LIST, "L"},
        {PERM_UPDATE, "U"}, {PERM_DELETE, "X"},
    };
    buf_put_byte(out, ' ');
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if ((operations & letters[i].operation) != 0) {
            buf_put_format(out, "%s ", letters[i].letter);
        }
    }
    buf_put_byte(out, '|');
}

static void print_rows(struct buf *out)
{
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        const struct perm_row *row = perm_row((enum perm_subject)subject);
        buf_put_format(out, "| `%s` |", row->path);
        for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
            print_letters(out, row->operations[actors[i]]);
        }
        print_letters(out, row->operations[ACTOR_ACCESS_TOKEN]);
        buf_put_format(out, " %s%s |\n", row->policy != NULL ? row->policy : "",
                       row->policy != NULL && row->is_secret ? " (as an update)" : "");
    }
}

void reference_print_rights(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "# Rights\n\n"
        "Printed from the table of rights by `make docs`; REST, MQTT and WebSocket are all judged "
        "by "
        "it. C creates,\nR reads one, L lists, U updates, X deletes. Publishing needs what `PUT` "
        "(of actions: `POST`) on the path\nneeds, subscribing what `GET` needs.\n\n"
        "A request is judged in this order: without a key 401; with a key that nobody has 403; "
        "what "
        "the table, or the\nrole of the key, does not give 403, whether or not the resource "
        "exists; "
        "what does not exist or is not seen 404.\nThe operator's `thrum why` tells of one case how "
        "it is decided.\n\n"
        "Who sees what: an operator all of its account (with a role that is limited to projects, "
        "what "
        "these show); an\napplication what its project shows; a user what its project shows to all "
        "users, to it by name, or to somebody\nwho shares with it; a device its own thng and what "
        "is "
        "on it; an access token all of its account, of places those\nthat its conditions name.\n\n"
        "| path | " ACTOR_HEADS " | access token | in policies |\n|---|" ACTOR_LINES "---|---|\n");
    print_rows(out);
    BUF_PUT_LITERAL(
        out,
        "\nA role takes away from its column, never adds: a user's role what its paths do not "
        "name, "
        "an operator's role what\nits switches do not give, an access token's policies what they "
        "do "
        "not list. The public key of an application\nrecords actions of the type `scans` alone.\n");
}
