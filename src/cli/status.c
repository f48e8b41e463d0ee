/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - `thrum status`: does it answer, does its clock agree, does the key work? */
#include "cli/command.h"

#include "base/clock.h"
#include "cli/rest.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdio.h>

/* GET /time: the clock of the server, and how long the answer took. */
static struct err ask_time(struct rest_call *call, struct rest_answer *answer)
{
    int64_t started_ms = clock_monotonic_ms();
    call->target = SLICE("/time");
    TRY(rest_make_call(call, answer));
    int64_t took_ms = clock_monotonic_ms() - started_ms;
    struct json_value root;
    int64_t server_ms;
    TRY(json_scan(answer->body, JSON_DEPTH_MAX, &root));
    if (answer->status != 200 || !json_int64(json_member(root, SLICE("timestamp")), &server_ms)) {
        return ERR(SHAPE_INVALID);
    }
    printf("%-8s http://%s:%d answers in %" PRId64 " ms\n", "server", call->place.host,
           call->place.port, took_ms);
    printf("%-8s %+.1f s against this machine's\n", "clock",
           (double)(server_ms - clock_wall_ms()) / 1000.0);
    return ERR(OK);
}

/* GET /access: whose key it is. */
static struct err ask_access(struct rest_call *call, struct rest_answer *answer, bool *is_good)
{
    call->target = SLICE("/access");
    TRY(rest_make_call(call, answer));
    *is_good = answer->status == 200;
    struct slice told = *is_good ? answer->body : rest_error_text(answer);
    printf("%-8s %s: %.*s\n", "key", *is_good ? "accepted" : "refused", SLICE_ARGS(told));
    return ERR(OK);
}

enum command_exit status_run(const struct command_options *options)
{
    char key[COMMAND_KEY_BYTES_MAX + 1];
    struct rest_call call = {
        .place = {.host = options->host, .port = (int)options->port},
        .stop_fd = -1,
        .method = "GET",
    };
    struct rest_answer answer = {0};
    bool is_good = true;
    struct err err = ask_time(&call, &answer);
    if (!err_is_set(err) && (is_good = command_read_key(options, key))) {
        call.key = slice_of_text(key);
        err = ask_access(&call, &answer, &is_good);
    }
    rest_answer_deinit(&answer);
    if (err_is_set(err)) {
        command_complain("http://%s:%" PRId64 ": %s", options->host, options->port,
                         wire_problem(err));
    }
    return err_is_set(err) || !is_good ? COMMAND_FAILED : COMMAND_DONE;
}
