/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher_test.c - the tool's MQTT client against a broker that this test plays: a script of what
 * is sent after each packet that came. */
#include "cli/publisher.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct broker {
    int listener;
    pid_t child;
    struct publisher publisher;
};

/* Answers each read with the next of <answers>, then closes. Short packets on loopback come whole.
 */
static void broker_start(struct broker *broker, const struct slice *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(address);
    broker->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(broker->listener >= 0);
    assert_int_equal(bind(broker->listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(broker->listener, 1), 0);
    assert_int_equal(getsockname(broker->listener, (struct sockaddr *)&address, &bytes), 0);
    broker->child = fork();
    assert_true(broker->child >= 0);
    if (broker->child == 0) {
        char got[4096];
        int fd = accept(broker->listener, NULL, NULL);
        for (size_t i = 0; i < count && recv(fd, got, sizeof(got), 0) > 0; i++) {
            /* A byte at a time: the client must put packets together. */
            for (size_t j = 0; j < answers[i].bytes; j++) {
                (void)!send(fd, answers[i].at + j, 1, 0);
                usleep(1000);
            }
        }
        close(fd);
        _exit(0);
    }
    broker->publisher = (struct publisher){
        .place = {"127.0.0.1", ntohs(address.sin_port)},
        .client_id = SLICE("test"),
        .key = SLICE("KEY"),
        .wire = {.fd = -1, .stop_fd = -1},
    };
}

static void broker_stop(struct broker *broker)
{
    int status;
    publisher_close(&broker->publisher);
    close(broker->listener);
    assert_int_equal(waitpid(broker->child, &status, 0), broker->child);
}

static const struct slice connack = SLICE_INIT("\x20\x02\x00\x00");

static void acknowledged_publishes(void **state)
{
    (void)state;
    struct broker broker;
    const struct slice answers[] = {connack, SLICE("\x40\x02\x00\x01"), SLICE("\x40\x02\x00\x02")};
    broker_start(&broker, answers, ARRAY_LEN(answers));
    assert_int_equal(publisher_connect(&broker.publisher).code, ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(publisher_publish(&broker.publisher, SLICE("/t"), SLICE("[]")).code,
                         ERR_OK);
    }
    /* The broker goes away: told, and nothing is left open. */
    assert_int_equal(publisher_publish(&broker.publisher, SLICE("/t"), SLICE("[]")).code,
                     ERR_PEER_CLOSED);
    assert_int_equal(broker.publisher.wire.fd, -1);
    broker_stop(&broker);
}

static void refused_connects(void **state)
{
    (void)state;
    static const struct {
        struct slice answer;
        enum err_code code;
    } rows[] = {
        {SLICE_INIT("\x20\x02\x00\x05"), ERR_CREDENTIAL_UNKNOWN},
        {SLICE_INIT("\x20\x02\x00\x04"), ERR_CREDENTIAL_UNKNOWN},
        {SLICE_INIT("\x20\x02\x00\x03"), ERR_BUSY},
        {SLICE_INIT("\x20\x02\x00\x01"), ERR_MQTT_PROTOCOL},
        {SLICE_INIT("\x40\x02\x00\x01"), ERR_MQTT_PROTOCOL},
        {SLICE_INIT(""), ERR_PEER_CLOSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct broker broker;
        broker_start(&broker, &rows[i].answer, 1);
        assert_int_equal(publisher_connect(&broker.publisher).code, rows[i].code);
        assert_int_equal(broker.publisher.wire.fd, -1);
        broker_stop(&broker);
    }
}

static void wrong_acknowledgements(void **state)
{
    (void)state;
    const struct slice wrong[] = {
        SLICE("\x40\x02\x00\x07"), /* another packet's */
        SLICE("\x50\x02\x00\x01"), /* a PUBREC */
        SLICE("\xf0\x00"),         /* no packet */
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct broker broker;
        const struct slice answers[] = {connack, wrong[i]};
        broker_start(&broker, answers, ARRAY_LEN(answers));
        assert_int_equal(publisher_connect(&broker.publisher).code, ERR_OK);
        struct err err = publisher_publish(&broker.publisher, SLICE("/t"), SLICE("[]"));
        assert_true(err_is_set(err));
        assert_int_equal(err_class(err), ERR_CLASS_PROTOCOL);
        assert_int_equal(broker.publisher.wire.fd, -1);
        broker_stop(&broker);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_publishes),
        cmocka_unit_test(refused_connects),
        cmocka_unit_test(wrong_acknowledgements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
