/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - the commands of the tool and their options, each a row of a table in main.c, from
 * which reading the command line and the help are made. */
#ifndef THRUM_CLI_COMMAND_H
#define THRUM_CLI_COMMAND_H

#include "base/common.h"
#include "base/slice.h"
#include "cli/wire.h"

/* An operator key has 80 characters; what is longer is none. */
#define COMMAND_KEY_BYTES_MAX 256

/* Exit codes. */
enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1, /* said on standard error */
    COMMAND_USAGE = 2,  /* the command line was wrong */
};

/* Bits: which options a command takes. */
enum command_option_bit {
    COMMAND_TAKES_PLACE = 1 << 0, /* --host, --port */
    COMMAND_TAKES_KEY = 1 << 1,   /* --data, --key-file */
    COMMAND_TAKES_DEMO = 1 << 2,  /* --mqtt-port, --seconds */
    COMMAND_TAKES_WHY = 1 << 3,   /* --recent, --trusted */
};

/* Words behind the options that a command may take. */
#define COMMAND_WORDS_MAX 3

/* What the options of all commands say; borrowed from the command line. */
struct command_options {
    const char *data;     /* the data folder, where operator.key is */
    const char *key_file; /* NULL: that of the data folder */
    const char *host;
    int64_t port;
    int64_t mqtt_port;
    int64_t seconds; /* 0: until stopped */
    bool recent;
    bool trusted;
    const char *words[COMMAND_WORDS_MAX]; /* what stands behind the options; NULL for nothing */
};

struct command {
    const char *name;
    const char *words; /* what stands behind the options, for people: "NAME [EMAIL]" */
    int words_min, words_max;
    const char *help;   /* one line */
    unsigned takes;     /* enum command_option_bit, or-ed */
    const char *detail; /* whole sentences, for `thrum help NAME` */
    enum command_exit (*run)(const struct command_options *options);
};

/* Reads the operator key that <options> name into <key>, with a NUL. On failure it has been said on
 * standard error. */
MUST_USE bool command_read_key(const struct command_options *options,
                               char key[COMMAND_KEY_BYTES_MAX + 1]);

/* A request whose answer is printed. */
struct command_wish {
    const char *method;
    struct slice target;
    struct slice body;                /* JSON; empty: none */
    int status;                       /* of a success */
    bool (*print)(struct slice body); /* false: it is not what was expected */
};

/* Makes it with the operator key; what goes wrong is said on standard error. */
enum command_exit command_ask(const struct command_options *options,
                              const struct command_wish *wish);

/* Says "thrum: WHAT" on standard error. */
void command_complain(const char *format, ...) PRINTF_LIKE(1, 2);

enum command_exit account_run(const struct command_options *options);
enum command_exit demo_run(const struct command_options *options);
enum command_exit status_run(const struct command_options *options);
enum command_exit why_run(const struct command_options *options);

#endif
