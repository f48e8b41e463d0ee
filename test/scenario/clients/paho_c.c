// SPDX-License-Identifier: Apache-2.0
//
// Eclipse Paho for C as a client of the tests:
//
//     paho_c sub URL VERSION QOS CLEAN CLIENT_ID TOPIC   prints SUBSCRIBED, then MESSAGE TOPIC
//     PAYLOAD paho pub URL VERSION QOS RETAIN CLIENT_ID TOPIC  publishes the lines of its input,
//     then ends
//
// The key is in API_KEY, the authority's certificate in CA_FILE. Ends with 1 when refused.
#include <MQTTClient.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINISH_MS 60000

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static int fail(const char *what, int code)
{
    fprintf(stderr, "%s: %d\n", what, code);
    return EXIT_FAILURE;
}

static int on_message(void *context, char *topic, int topic_length, MQTTClient_message *message)
{
    (void)context;
    (void)topic_length; // it is 0 unless a NUL is in the topic
    printf("MESSAGE %s ", topic);
    fwrite(message->payload, 1, (size_t)message->payloadlen, stdout);
    printf("\n");
    fflush(stdout);
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
    return 1;
}

static void on_lost(void *context, char *cause)
{
    (void)context;
    fprintf(stderr, "connection lost: %s\n", cause ? cause : "no cause given");
    exit(EXIT_FAILURE);
}

static int connect_to_broker(MQTTClient client, int version, bool is_clean)
{
    MQTTClient_SSLOptions ssl = MQTTClient_SSLOptions_initializer;
    ssl.trustStore = getenv("CA_FILE");
    ssl.verify = 1;
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    options.MQTTVersion = version;
    options.cleansession = is_clean;
    options.reliable = 0; // many on their way at once
    options.maxInflightMessages = 1000;
    options.username = "authorization";
    options.password = getenv("API_KEY");
    options.ssl = &ssl;
    return MQTTClient_connect(client, &options);
}

static int subscribe(MQTTClient client, const char *topic, int qos)
{
    int code = MQTTClient_subscribe(client, topic, qos);
    if (code != MQTTCLIENT_SUCCESS) {
        return fail("subscribe", code);
    }
    printf("SUBSCRIBED\n");
    fflush(stdout);
    sigset_t none;
    sigemptyset(&none);
    while (!is_over) {
        sigsuspend(&none);
    }
    return EXIT_SUCCESS;
}

static int publish(MQTTClient client, const char *topic, int qos, bool is_retained)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        length -= line[length - 1] == '\n';
        MQTTClient_deliveryToken token;
        int code = MQTTClient_publish(client, topic, (int)length, line, qos, is_retained, &token);
        if (code != MQTTCLIENT_SUCCESS) {
            return fail("publish", code);
        }
    }
    free(line);
    return EXIT_SUCCESS;
}

// Blocks the signals that end us in every thread that comes; sigsuspend() lets them in.
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
}

int main(int count, char **arguments)
{
    if (count != 8) {
        return fail("arguments", count);
    }
    bool is_publisher = strcmp(arguments[1], "pub") == 0;
    int version = strcmp(arguments[3], "3.1") == 0 ? MQTTVERSION_3_1 : MQTTVERSION_3_1_1;
    int qos = (int)strtol(arguments[4], NULL, 10);
    bool flag = strcmp(arguments[5], "1") == 0;
    const char *topic = arguments[7];
    watch_signals();

    MQTTClient client;
    MQTTClient_create(&client, arguments[2], arguments[6], MQTTCLIENT_PERSISTENCE_NONE, NULL);
    MQTTClient_setCallbacks(client, NULL, on_lost, on_message, NULL);
    int code = connect_to_broker(client, version, is_publisher || flag);
    if (code != MQTTCLIENT_SUCCESS) {
        return fail("connect", code);
    }
    int end = is_publisher ? publish(client, topic, qos, flag) : subscribe(client, topic, qos);
    // Waits until what is on its way is acknowledged.
    code = MQTTClient_disconnect(client, FINISH_MS);
    MQTTClient_destroy(&client);
    return code == MQTTCLIENT_SUCCESS ? end : fail("disconnect", code);
}
