/* SPDX-License-Identifier: Apache-2.0
 *
 * thrumd: the command line, the life of the process. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/config.h"
#include "server/core.h"
#include "server/reference.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SETTINGS_MAX 128
#define ENDPOINTS_MAX (CONFIG_LISTENER_COUNT * CONFIG_ADDRESS_COUNT_MAX)

extern char **environ;

/* Exit codes, as service managers and scripts tell them apart. */
enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *data;
    const char *file;
    const char *settings[SETTINGS_MAX];
    size_t setting_count;
    bool check;
    bool print_markdown;
    bool print_example;
};

static const char usage[] =
    "thrumd " THRUM_VERSION ", a pub/sub broker whose topics are resources\n"
    "\n"
    "usage: thrumd [--data DIR] [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "\n"
    "  --data DIR       where everything is kept (thrum-data); made if it does not exist\n"
    "  --config FILE    the configuration (DIR/thrumd.conf, if there is one)\n"
    "  --set S.K=VALUE  one setting; wins over the file and over THRUM_S_K in the environment\n"
    "  --check          reads the configuration, says what is wrong with it, and ends\n"
    "  --help [config]  this; or every configuration key with its default and bounds\n"
    "  --version        the version\n"
    "\n"
    "SIGTERM and SIGINT stop it; nothing that was acknowledged is lost. SIGHUP loads the\n"
    "certificates again; connections go on.\n";

static void print_buf(FILE *to, struct buf *text)
{
    fwrite(buf_data(text).at, 1, buf_bytes(text), to);
    fflush(to);
    buf_deinit(text);
}

static void print_with(void (*print)(struct buf *out))
{
    struct buf text = {0};
    print(&text);
    print_buf(stdout, &text);
}

enum option_code {
    OPTION_DATA = 256,
    OPTION_CONFIG,
    OPTION_SET,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_PAGE, /* and one more for each further row of pages */
};

/* What `make docs` writes. */
static void (*const pages[])(struct buf *out) = {
    config_print_markdown,  config_print_example,   reference_print_rest,
    reference_print_topics, reference_print_rights,
};

static const struct option option_rows[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"print-config-reference", no_argument, NULL, OPTION_PAGE},
    {"print-config-example", no_argument, NULL, OPTION_PAGE + 1},
    {"print-rest-reference", no_argument, NULL, OPTION_PAGE + 2},
    {"print-topics-reference", no_argument, NULL, OPTION_PAGE + 3},
    {"print-rights-reference", no_argument, NULL, OPTION_PAGE + 4},
    {0},
};

static _Noreturn void print_help(int argc, char **argv)
{
    if (optind < argc && strcmp(argv[optind], "config") == 0) {
        print_with(config_print_help);
    } else {
        fputs(usage, stdout);
    }
    exit(EXIT_FINE);
}

static void read_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int option; (option = getopt_long(argc, argv, "h", option_rows, NULL)) != -1;) {
        switch (option) {
        case OPTION_DATA:
            arguments->data = optarg;
            break;
        case OPTION_CONFIG:
            arguments->file = optarg;
            break;
        case OPTION_SET:
            if (arguments->setting_count == SETTINGS_MAX) {
                fprintf(stderr, "thrumd: more than %d --set\n", SETTINGS_MAX);
                exit(EXIT_USAGE);
            }
            arguments->settings[arguments->setting_count++] = optarg;
            break;
        case OPTION_CHECK:
            arguments->check = true;
            break;
        case OPTION_VERSION:
            puts("thrumd " THRUM_VERSION);
            exit(EXIT_FINE);
        case OPTION_HELP:
        case 'h':
            print_help(argc, argv);
        default:
            if (option >= OPTION_PAGE) {
                print_with(pages[option - OPTION_PAGE]);
                exit(EXIT_FINE);
            }
            /* getopt_long has said what is wrong */
            fputs("thrumd --help tells what there is\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "thrumd: what is \"%s\"? thrumd --help tells what there is\n",
                argv[optind]);
        exit(EXIT_USAGE);
    }
}

static void load_config(const struct arguments *arguments, struct config *config)
{
    const struct config_sources sources = {
        .data = arguments->data,
        .file = arguments->file,
        .environment = (const char *const *)environ,
        .settings = arguments->settings,
        .setting_count = arguments->setting_count,
    };
    struct buf errors = {0};
    if (err_is_set(config_load(config, &sources, &errors))) {
        print_buf(stderr, &errors);
        exit(EXIT_USAGE);
    }
    buf_deinit(&errors);
}

static void start_log(const struct config *config)
{
    const struct log_options options = {
        .level = config->log.level,
        .format = config->log.format,
    };
    if (err_is_set(log_start(&options))) {
        fputs("thrumd: the log has no thread of its own; lines are written directly\n", stderr);
    }
}

static void print_greeting(const struct core *core, const struct config *config,
                           const char *program)
{
    struct first_start_endpoint endpoints[ENDPOINTS_MAX];
    const struct first_start start = {
        .version = THRUM_VERSION,
        .data = config->data,
        .ca_file = core_ca_file(core),
        .operator_key = core_new_operator_key(core),
        .program = program,
        .endpoints = endpoints,
        .endpoint_count = core_endpoints(core, endpoints, ENDPOINTS_MAX),
        .has_colour = first_start_wants_colour(STDOUT_FILENO),
    };
    struct buf text = {0};
    first_start_print(&text, &start);
    print_buf(stdout, &text);
}

/* Waits for the signal to stop; now and then there is something else to do. */
static void wait_for_end(struct core *core, const sigset_t *signals)
{
    for (;;) {
        int64_t rest_ms = core_tend(core);
        const struct timespec rest = {.tv_sec = rest_ms / 1000,
                                      .tv_nsec = rest_ms % 1000 * 1000000};
        int got = sigtimedwait(signals, NULL, &rest);
        if (got == SIGTERM || got == SIGINT) {
            log_line(LOG_INFO, "server", "stopping signal=%s", got == SIGTERM ? "TERM" : "INT");
            return;
        }
        if (got == SIGHUP) {
            core_reload(core);
        }
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    read_arguments(argc, argv, &arguments);
    static struct config config; /* large, and needed until the end */
    load_config(&arguments, &config);
    if (arguments.check) {
        puts("the configuration is valid");
        return EXIT_FINE;
    }
    /* Blocked before any thread starts, so that all inherit it and only this one takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    sigdelset(&signals, SIGPIPE);
    /* A file that may not grow is an error of the write, and handled there. */
    signal(SIGXFSZ, SIG_IGN);
    start_log(&config);
    struct core *core;
    struct buf problem = {0};
    if (err_is_set(core_open(&config, &core, &problem))) {
        log_stop();
        fputs("thrumd: ", stderr);
        print_buf(stderr, &problem);
        return EXIT_FAILED;
    }
    buf_deinit(&problem);
    if (err_is_set(core_start(core))) {
        log_stop();
        fputs("thrumd: cannot start a thread\n", stderr);
        core_stop(core);
        return EXIT_FAILED;
    }
    print_greeting(core, &config, argv[0]);
    log_line(LOG_INFO, "server", "ready version=%s", THRUM_VERSION);
    wait_for_end(core, &signals);
    core_stop(core);
    log_line(LOG_INFO, "server", "stopped");
    log_stop();
    return EXIT_FINE;
}
