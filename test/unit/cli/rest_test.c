/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_test.c - what the tool makes of answers, and a call against a server that this test plays.
 */
#include "cli/rest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct err read_text(struct rest_answer *answer, const char *text)
{
    rest_answer_deinit(answer);
    buf_put(&answer->bytes, slice_of_text(text));
    return rest_read_answer(answer);
}

#define ASSERT_SLICE(slice, text) assert_true(slice_equal((slice), SLICE(text)))

static void answers(void **state)
{
    (void)state;
    struct rest_answer answer = {0};
    assert_int_equal(read_text(&answer, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                                        "LOCATION:   /thngs/U\r\nEmpty:\r\n\r\n{\"id\":\"U\"}")
                         .code,
                     ERR_OK);
    assert_int_equal(answer.status, 201);
    ASSERT_SLICE(answer.body, "{\"id\":\"U\"}");
    ASSERT_SLICE(rest_field(&answer, SLICE("location")), "/thngs/U");
    ASSERT_SLICE(rest_field(&answer, SLICE("empty")), "");
    ASSERT_SLICE(rest_field(&answer, SLICE("absent")), "");

    assert_int_equal(read_text(&answer, "HTTP/1.0 204 \r\n\r\n").code, ERR_OK);
    assert_int_equal(answer.status, 204);
    ASSERT_SLICE(answer.body, "");
    ASSERT_SLICE(rest_field(&answer, SLICE("location")), "");
    rest_answer_deinit(&answer);
}

static void what_is_no_answer(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "\x20\x02\x00\x05\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct rest_answer answer = {0};
        assert_int_equal(read_text(&answer, texts[i]).code, ERR_HTTP_MALFORMED);
        rest_answer_deinit(&answer);
    }
}

static void next_page(void **state)
{
    (void)state;
    struct rest_answer answer = {0};
    struct buf target = {0};
    assert_int_equal(read_text(&answer,
                               "HTTP/1.1 200 OK\r\nLink: <http%3A%2F%2Flocalhost%3A8080%2Fthngs%3F"
                               "perPage%3D100%26nextPageToken%3Da%2520b>; rel=\"next\"\r\n\r\n[]")
                         .code,
                     ERR_OK);
    assert_true(rest_next_page(&answer, &target));
    ASSERT_SLICE(buf_data(&target), "/thngs?perPage=100&nextPageToken=a%20b");

    static const char *const none[] = {
        "HTTP/1.1 200 OK\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nLink: http://localhost/thngs\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nLink: <http%3A%2F%2Flocalhost>\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nLink: <%zz>\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nLink: <\r\n\r\n[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(read_text(&answer, none[i]).code, ERR_OK);
        assert_false(rest_next_page(&answer, &target));
        assert_int_equal(buf_bytes(&target), 0);
    }
    rest_answer_deinit(&answer);
    buf_deinit(&target);
}

static void error_texts(void **state)
{
    (void)state;
    struct rest_answer answer = {0};
    assert_int_equal(read_text(&answer,
                               "HTTP/1.1 403 Forbidden\r\n\r\n"
                               "{\"status\":403,\"errors\":[\"The API key is not valid.\",\"b\"]}")
                         .code,
                     ERR_OK);
    ASSERT_SLICE(rest_error_text(&answer), "The API key is not valid.");
    static const char *const none[] = {
        "HTTP/1.1 500 No\r\n\r\n",
        "HTTP/1.1 500 No\r\n\r\n{\"errors\":[]}",
        "HTTP/1.1 500 No\r\n\r\n{\"errors\":\"text\"}",
        "HTTP/1.1 500 No\r\n\r\n[1]",
        "HTTP/1.1 500 No\r\n\r\n{\"errors\":[",
    };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(read_text(&answer, none[i]).code, ERR_OK);
        ASSERT_SLICE(rest_error_text(&answer), "");
    }
    rest_answer_deinit(&answer);
}

/* A listening socket on a port of the kernel's choice. */
static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Plays a server in a child: answers with the request itself as the body. */
static pid_t echo_once(int listener)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char request[4096];
        int fd = accept(listener, NULL, NULL);
        ssize_t bytes = recv(fd, request, sizeof(request), 0);
        bool good = send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0) == 19 && bytes > 0 &&
                    send(fd, request, (size_t)bytes, 0) == bytes;
        close(fd);
        _exit(good ? 0 : 1);
    }
    return child;
}

static void a_call(void **state)
{
    (void)state;
    int port;
    int listener = listen_somewhere(&port);
    pid_t child = echo_once(listener);
    struct rest_answer answer = {0};
    struct rest_call call = {.place = {"127.0.0.1", port},
                             .stop_fd = -1,
                             .method = "POST",
                             .target = SLICE("/thngs?a=b"),
                             .key = SLICE("KEY"),
                             .body = SLICE("{\"name\":\"x\"}")};
    assert_int_equal(rest_make_call(&call, &answer).code, ERR_OK);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(
        slice_starts_with(answer.body, SLICE("POST /thngs?a=b HTTP/1.0\r\nHost: 127.0.0.1:")));
    struct rest_answer echo = {0};
    buf_put(&echo.bytes, SLICE("HTTP/1.1 200 OK\r\n"));
    buf_put(&echo.bytes, slice_from(answer.body, slice_find(answer.body, '\n') + 1));
    assert_int_equal(rest_read_answer(&echo).code, ERR_OK);
    ASSERT_SLICE(rest_field(&echo, SLICE("Authorization")), "KEY");
    ASSERT_SLICE(rest_field(&echo, SLICE("Content-Length")), "12");
    ASSERT_SLICE(echo.body, "{\"name\":\"x\"}");
    rest_answer_deinit(&echo);

    close(listener);
    assert_int_equal(rest_make_call(&call, &answer).code, ERR_IO); /* nobody listens now */
    rest_answer_deinit(&answer);
}

static void stopping_cuts_a_call_short(void **state)
{
    (void)state;
    int port;
    int listener = listen_somewhere(&port); /* accepts in the kernel, and never answers */
    int stop[2];
    assert_int_equal(pipe(stop), 0);
    assert_int_equal(write(stop[1], "x", 1), 1);
    struct rest_answer answer = {0};
    struct rest_call call = {.place = {"127.0.0.1", port},
                             .stop_fd = stop[0],
                             .method = "GET",
                             .target = SLICE("/time")};
    assert_int_equal(rest_make_call(&call, &answer).code, ERR_STOPPING);
    assert_int_equal(wire_sleep(stop[0], 60000).code, ERR_STOPPING);
    assert_int_equal(wire_sleep(-1, 1).code, ERR_OK);
    rest_answer_deinit(&answer);
    close(stop[0]);
    close(stop[1]);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),   cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(next_page), cmocka_unit_test(error_texts),
        cmocka_unit_test(a_call),    cmocka_unit_test(stopping_cuts_a_call_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
