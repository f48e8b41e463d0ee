/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.c - a question to the server and its answer, printed. */
#include "cli/command.h"

#include "cli/rest.h"

enum command_exit command_ask(const struct command_options *options,
                              const struct command_wish *wish)
{
    char key[COMMAND_KEY_BYTES_MAX + 1];
    if (!command_read_key(options, key)) {
        return COMMAND_FAILED;
    }
    struct rest_call call = {
        .place = {.host = options->host, .port = (int)options->port},
        .stop_fd = -1,
        .method = wish->method,
        .target = wish->target,
        .key = slice_of_text(key),
        .body = wish->body,
    };
    struct rest_answer answer = {0};
    bool is_done = false;
    struct err err = rest_make_call(&call, &answer);
    if (err_is_set(err)) {
        command_complain("http://%s:%d: %s", call.place.host, call.place.port, wire_problem(err));
    } else if (answer.status != wish->status) {
        command_complain("%.*s", SLICE_ARGS(rest_error_text(&answer)));
    } else {
        is_done = wish->print(answer.body);
    }
    rest_answer_deinit(&answer);
    return is_done ? COMMAND_DONE : COMMAND_FAILED;
}
