/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - thrum, the tool: one table of commands, one of options. */
#include "cli/command.h"

#include "base/assert.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef THRUM_VERSION
#define THRUM_VERSION "unknown"
#endif

static enum command_exit help_run(const struct command_options *options);
static enum command_exit version_run(const struct command_options *options);

static const struct command commands[] = {
    {"account", "NAME [EMAIL]", 1, 2, "make another account",
     COMMAND_TAKES_PLACE | COMMAND_TAKES_KEY,
     "Makes an account, apart from all others, and its operator, whose key is printed once. Takes\n"
     "the key of an operator of the server's first account.",
     account_run},
    {"demo", "", 0, 0, "publish this machine's figures once a second",
     COMMAND_TAKES_PLACE | COMMAND_TAKES_KEY | COMMAND_TAKES_DEMO,
     "Finds the thng of this machine or makes it, and publishes load, processor, memory, disk and\n"
     "network as its properties, over MQTT with QoS 1, until Ctrl-C.",
     demo_run},
    {"status", "", 0, 0, "ask a server whether it is well", COMMAND_TAKES_PLACE | COMMAND_TAKES_KEY,
     "Asks for the server's time, and whether the key is good. Fails when either does.",
     status_run},
    {"why", "WHO TOPIC [get|put|post|delete|subscribe|publish]", 0, 3,
     "explain a decision on rights", COMMAND_TAKES_PLACE | COMMAND_TAKES_KEY | COMMAND_TAKES_WHY,
     "Tells whether WHO may do that (get, if nothing is said) on TOPIC, which is also the path in\n"
     "REST, and what decides: the row of the table of rights, the role, the scopes. WHO is the id "
     "of\n"
     "a user, operator, application, access token, or of a thng as a device; or - for an API key "
     "on\n"
     "standard input, @FILE for one in a file: keys do not belong on command lines.\n"
     "With --recent, the last requests that were refused, and why.",
     why_run},
    {"help", "[COMMAND]", 0, 1, "tell about a command: thrum help demo", 0, "", help_run},
    {"version", "", 0, 0, "print the version", 0, "", version_run},
};

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG };

static const struct option_row {
    const char *name;
    const char *argument;
    unsigned bit; /* commands that have it take the option */
    enum option_kind kind;
    size_t offset; /* in struct command_options */
    int64_t min, max;
    const char *help;
} option_rows[] = {
    {"data", "DIR", COMMAND_TAKES_KEY, OPTION_TEXT, offsetof(struct command_options, data), 0, 0,
     "the server's data folder, for its operator.key (thrum-data)"},
    {"key-file", "FILE", COMMAND_TAKES_KEY, OPTION_TEXT, offsetof(struct command_options, key_file),
     0, 0, "where the API key is, instead of in the data folder"},
    {"host", "HOST", COMMAND_TAKES_PLACE, OPTION_TEXT, offsetof(struct command_options, host), 0, 0,
     "where the server is (127.0.0.1)"},
    {"port", "N", COMMAND_TAKES_PLACE, OPTION_NUMBER, offsetof(struct command_options, port), 1,
     65535, "its port for HTTP (8080)"},
    {"mqtt-port", "N", COMMAND_TAKES_DEMO, OPTION_NUMBER,
     offsetof(struct command_options, mqtt_port), 1, 65535, "its port for MQTT (1883)"},
    {"seconds", "N", COMMAND_TAKES_DEMO, OPTION_NUMBER, offsetof(struct command_options, seconds),
     0, 1000000000, "stop after so many (0: never)"},
    {"recent", "", COMMAND_TAKES_WHY, OPTION_FLAG, offsetof(struct command_options, recent), 0, 0,
     "the last refusals"},
    {"trusted", "", COMMAND_TAKES_WHY, OPTION_FLAG, offsetof(struct command_options, trusted), 0, 0,
     "of an application, its secret key"},
};

#define OPTION_HELP ARRAY_LEN(option_rows)

void command_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("thrum: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

bool command_read_key(const struct command_options *options, char key[COMMAND_KEY_BYTES_MAX + 1])
{
    char path[4200];
    if (options->key_file != NULL) {
        snprintf(path, sizeof(path), "%s", options->key_file);
    } else {
        snprintf(path, sizeof(path), "%s/operator.key", options->data);
    }
    FILE *file = fopen(path, "re");
    size_t bytes = file == NULL ? 0 : fread(key, 1, COMMAND_KEY_BYTES_MAX, file);
    if (file == NULL) {
        command_complain("%s: %s (--data names the server's data folder, --key-file a key)", path,
                         strerror(errno));
        return false;
    }
    fclose(file);
    key[bytes] = '\0';
    key[strcspn(key, " \r\n")] = '\0';
    if (key[0] == '\0') {
        command_complain("%s: there is no key in it", path);
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ help */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("usage: thrum COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
}

static void print_command_help(const struct command *command)
{
    printf("usage: thrum %s%s%s%s\n", command->name, command->takes != 0 ? " [OPTION...]" : "",
           command->words[0] != '\0' ? " " : "", command->words);
    printf("%s%s\n", command->detail[0] != '\0' ? "\n" : "", command->detail);
    for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->bit & command->takes) != 0) {
            char name[32];
            snprintf(name, sizeof(name), "--%s %s", row->name, row->argument);
            printf("  %-16s %s\n", name, row->help);
        }
    }
}

static enum command_exit help_run(const struct command_options *options)
{
    if (options->words[0] == NULL) {
        print_usage(stdout);
        return COMMAND_DONE;
    }
    const struct command *command = find_command(options->words[0]);
    if (command == NULL) {
        command_complain("there is no command %s", options->words[0]);
        return COMMAND_USAGE;
    }
    print_command_help(command);
    return COMMAND_DONE;
}

static enum command_exit version_run(const struct command_options *options)
{
    (void)options;
    puts("thrum " THRUM_VERSION);
    return COMMAND_DONE;
}

/* ------------------------------------------------------------------ the command line */

static bool take_option(const struct option_row *row, const char *text,
                        struct command_options *options)
{
    void *at = (char *)options + row->offset;
    if (row->kind == OPTION_FLAG) {
        const bool is_on = true;
        memcpy(at, &is_on, sizeof(is_on));
        return true;
    }
    if (row->kind == OPTION_TEXT) {
        memcpy(at, &text, sizeof(text));
        return true;
    }
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < row->min || number > row->max) {
        command_complain("--%s takes %" PRId64 " to %" PRId64 ", not \"%s\"", row->name, row->min,
                         row->max, text);
        return false;
    }
    memcpy(at, &number, sizeof(number));
    return true;
}

/* The options that <command> takes, and --help, as getopt_long wants them. */
static void fill_long_options(const struct command *command, struct option *longs)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
        if ((option_rows[i].bit & command->takes) != 0) {
            int argument = option_rows[i].kind == OPTION_FLAG ? no_argument : required_argument;
            longs[count++] = (struct option){option_rows[i].name, argument, NULL, (int)i};
        }
    }
    longs[count++] = (struct option){"help", no_argument, NULL, (int)OPTION_HELP};
    longs[count] = (struct option){0};
}

static bool take_words(const struct command *command, int count, char **words,
                       struct command_options *options)
{
    if (count > command->words_max) {
        command_complain("%s takes no argument \"%s\"", command->name, words[command->words_max]);
        return false;
    }
    if (count < command->words_min) {
        command_complain("%s takes %s", command->name, command->words);
        return false;
    }
    for (int i = 0; i < count; i++) {
        options->words[i] = words[i];
    }
    return true;
}

static enum command_exit run_command(const struct command *command, int argc, char **argv)
{
    struct option longs[ARRAY_LEN(option_rows) + 2];
    struct command_options options = {
        .data = "thrum-data", .host = "127.0.0.1", .port = 8080, .mqtt_port = 1883};
    fill_long_options(command, longs);
    for (int index; (index = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (index == (int)OPTION_HELP) {
            print_command_help(command);
            return COMMAND_DONE;
        }
        if (index == '?') { /* getopt_long has said what is wrong */
            return COMMAND_USAGE;
        }
        if (!take_option(&option_rows[index], optarg, &options)) {
            return COMMAND_USAGE;
        }
    }
    return take_words(command, argc - optind, argv + optind, &options) ? command->run(&options)
                                                                       : COMMAND_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        command_complain("there is no command %s; see thrum help", name);
        return COMMAND_USAGE;
    }
    return (int)run_command(command, argc - 1, argv + 1);
}
