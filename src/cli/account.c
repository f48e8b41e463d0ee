/* SPDX-License-Identifier: Apache-2.0
 *
 * account.c - `thrum account`: another account on the server, and the key of its operator. */
#include "cli/command.h"

#include "codec/json.h"
#include "codec/json_write.h"

#include <stdio.h>

static void put_body(struct buf *body, const struct command_options *options)
{
    json_write_open(body, '{');
    json_write_member_string(body, SLICE("name"), slice_of_text(options->words[0]));
    if (options->words[1] != NULL) {
        json_write_name(body, SLICE("operator"));
        json_write_open(body, '{');
        json_write_member_string(body, SLICE("email"), slice_of_text(options->words[1]));
        json_write_close(body, '}');
    }
    json_write_close(body, '}');
}

static void print_text(const char *name, struct json_value object, struct slice member)
{
    struct json_value value = json_member(object, member);
    struct slice text = value.type == JSON_STRING ? json_string_raw(value) : (struct slice){0};
    printf("%-9s %.*s\n", name, SLICE_ARGS(text));
}

static bool print_account(struct slice body)
{
    struct json_value account;
    if (err_is_set(json_scan(body, JSON_DEPTH_MAX, &account))) {
        return false;
    }
    struct json_value owner = json_member(account, SLICE("operator"));
    print_text("account", account, SLICE("id"));
    print_text("operator", owner, SLICE("id"));
    print_text("key", owner, SLICE("apiKey"));
    return true;
}

enum command_exit account_run(const struct command_options *options)
{
    struct buf body = {0};
    put_body(&body, options);
    const struct command_wish wish = {
        .method = "POST",
        .target = SLICE("/accounts"),
        .body = buf_data(&body),
        .status = 201,
        .print = print_account,
    };
    enum command_exit done = command_ask(options, &wish);
    buf_deinit(&body);
    return done;
}
