/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - `thrum why`: a decision on rights explained, or the last refusals. */
#include "cli/command.h"

#include "codec/json.h"
#include "codec/json_write.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* As long as an API key: whoever puts one on the command line shows it to the whole machine. */
#define KEY_CHARACTERS 80

/* ---- the question ---- */

static bool looks_like_key(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t count = strspn(text, letters);
    return count == KEY_CHARACTERS && text[count] == '\0';
}

/* The key that "-" or "@FILE" stands for. */
static bool read_key(const char *who, char key[COMMAND_KEY_BYTES_MAX + 1])
{
    bool is_input = strcmp(who, "-") == 0;
    FILE *file = is_input ? stdin : fopen(who + 1, "re");
    if (file == NULL) {
        command_complain("%s: %s", who + 1, strerror(errno));
        return false;
    }
    size_t bytes = fread(key, 1, COMMAND_KEY_BYTES_MAX, file);
    if (!is_input) {
        fclose(file);
    }
    key[bytes] = '\0';
    key[strcspn(key, " \r\n")] = '\0';
    if (key[0] == '\0') {
        command_complain("there is no key in %s", is_input ? "standard input" : who + 1);
        return false;
    }
    return true;
}

static bool put_who(struct buf *body, const struct command_options *options)
{
    char key[COMMAND_KEY_BYTES_MAX + 1];
    const char *who = options->words[0];
    if (looks_like_key(who)) {
        command_complain("an API key on the command line can be read by everybody on this machine; "
                         "give - and the key on standard input, @FILE, or an id");
        return false;
    }
    if (strcmp(who, "-") != 0 && who[0] != '@') {
        json_write_member_string(body, SLICE("actor"), slice_of_text(who));
    } else if (!read_key(who, key)) {
        return false;
    } else {
        json_write_member_string(body, SLICE("key"), slice_of_text(key));
        explicit_bzero(key, sizeof(key));
    }
    json_write_member_boolean(body, SLICE("trusted"), options->trusted);
    return true;
}

/* ---- what is printed ---- */

/* The text of a member, empty when there is none. */
static struct slice text_of(struct json_value object, struct slice name)
{
    struct json_value value = json_member(object, name);
    return value.type == JSON_STRING ? json_string_raw(value) : value.text;
}

static void print_line(const char *name, struct slice text)
{
    if (text.bytes > 0) {
        printf("  %-9s %.*s\n", name, SLICE_ARGS(text));
    }
}

static void print_actor(struct json_value answer)
{
    struct json_value actor = json_member(answer, SLICE("actor"));
    if (actor.type != JSON_OBJECT) {
        return;
    }
    struct slice project = text_of(actor, SLICE("project"));
    printf("  %-9s %.*s %.*s%s%.*s\n", "actor", SLICE_ARGS(text_of(actor, SLICE("type"))),
           SLICE_ARGS(text_of(actor, SLICE("id"))), project.bytes > 0 ? " in project " : "",
           SLICE_ARGS(project));
}

static void print_row(struct json_value answer)
{
    struct json_value row = json_member(answer, SLICE("row"));
    if (row.type != JSON_OBJECT) {
        return;
    }
    bool is_given = slice_equal(text_of(row, SLICE("given")), SLICE("true"));
    printf("  %-9s %.*s: %.*s is %s such a key\n", "row", SLICE_ARGS(text_of(row, SLICE("path"))),
           SLICE_ARGS(text_of(row, SLICE("operation"))), is_given ? "given to" : "not given to");
}

static void print_resource(struct json_value answer)
{
    struct json_value resource = json_member(answer, SLICE("resource"));
    if (resource.type != JSON_OBJECT) {
        return;
    }
    struct slice scopes = text_of(resource, SLICE("scopes"));
    printf("  %-9s %.*s %.*s\n", "resource", SLICE_ARGS(text_of(resource, SLICE("kind"))),
           SLICE_ARGS(text_of(resource, SLICE("id"))));
    print_line("scopes", scopes.bytes > 0 ? scopes : SLICE("none: operators alone see it"));
}

static bool print_decision(struct slice body)
{
    struct json_value answer;
    if (err_is_set(json_scan(body, JSON_DEPTH_MAX, &answer)) || answer.type != JSON_OBJECT) {
        return false;
    }
    bool is_allowed = slice_equal(text_of(answer, SLICE("allowed")), SLICE("true"));
    printf("%s (%.*s): %.*s\n", is_allowed ? "allowed" : "refused",
           SLICE_ARGS(text_of(answer, SLICE("status"))),
           SLICE_ARGS(text_of(answer, SLICE("reason"))));
    print_actor(answer);
    print_line("role", text_of(answer, SLICE("role")));
    print_row(answer);
    print_resource(answer);
    return true;
}

static void print_time(struct json_value refusal)
{
    int64_t time_ms = 0;
    char text[32] = "";
    struct tm parts;
    if (json_int64(json_member(refusal, SLICE("timestamp")), &time_ms)) {
        time_t seconds = (time_t)(time_ms / 1000);
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &parts));
    }
    printf("%s", text);
}

static bool print_refusals(struct slice body)
{
    struct json_value answer;
    if (err_is_set(json_scan(body, JSON_DEPTH_MAX, &answer)) || answer.type != JSON_ARRAY) {
        return false;
    }
    struct json_each each = json_each(answer);
    for (struct json_value refusal; json_array_next(&each, &refusal);) {
        struct json_value actor = json_member(refusal, SLICE("actor"));
        print_time(refusal);
        printf(
            "  %.*s %-9.*s %-9.*s %.*s\n    %.*s %.*s: %.*s\n",
            SLICE_ARGS(text_of(refusal, SLICE("status"))),
            SLICE_ARGS(text_of(refusal, SLICE("protocol"))),
            SLICE_ARGS(text_of(refusal, SLICE("operation"))),
            SLICE_ARGS(text_of(refusal, SLICE("target"))),
            SLICE_ARGS(actor.type == JSON_OBJECT ? text_of(actor, SLICE("type")) : SLICE("nobody")),
            SLICE_ARGS(actor.type == JSON_OBJECT ? text_of(actor, SLICE("id")) : SLICE("")),
            SLICE_ARGS(text_of(refusal, SLICE("reason"))));
    }
    if (json_count(answer) == 0) {
        puts("nothing has been refused since the server was started");
    }
    return true;
}

/* ---- asking ---- */

enum command_exit why_run(const struct command_options *options)
{
    if (options->recent && options->words[0] == NULL) {
        return command_ask(options, &(struct command_wish){.method = "GET",
                                                           .target = SLICE("/why"),
                                                           .status = 200,
                                                           .print = print_refusals});
    }
    if (options->recent || options->words[1] == NULL) {
        command_complain("why takes WHO and TOPIC, or --recent; see thrum help why");
        return COMMAND_USAGE;
    }
    struct buf body = {0};
    json_write_open(&body, '{');
    if (!put_who(&body, options)) {
        buf_deinit(&body);
        return COMMAND_USAGE;
    }
    const char *operation = options->words[2] != NULL ? options->words[2] : "get";
    json_write_member_string(&body, SLICE("topic"), slice_of_text(options->words[1]));
    json_write_member_string(&body, SLICE("operation"), slice_of_text(operation));
    json_write_close(&body, '}');
    const struct command_wish wish = {
        .method = "POST",
        .target = SLICE("/why"),
        .body = buf_data(&body),
        .status = 200,
        .print = print_decision,
    };
    enum command_exit done = command_ask(options, &wish);
    explicit_bzero(body.at, body.room);
    buf_deinit(&body);
    return done;
}
