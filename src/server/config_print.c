/* SPDX-License-Identifier: Apache-2.0
 *
 * config_print.c - the table of keys as reading matter: for the terminal, for docs/reference, and
 * as the annotated example file. */
#include "server/config_keys.h"

#include "base/assert.h"

#include <stdio.h>

/* Columns of running text on a terminal and in the example file. */
#define PRINT_COLUMNS 92

/* <text> broken into lines of at most PRINT_COLUMNS, each after <prefix>. */
static void put_wrapped(struct buf *out, const char *prefix, const char *text)
{
    size_t room = PRINT_COLUMNS - strlen(prefix);
    struct slice left = slice_of_text(text);
    while (left.bytes > 0) {
        size_t bytes = left.bytes;
        if (bytes > room) {
            bytes = room;
            while (bytes > 0 && left.at[bytes] != ' ') {
                bytes--;
            }
            ASSERT(bytes > 0); /* no word of ours is as long as a line */
        }
        buf_put(out, slice_of_text(prefix));
        buf_put(out, slice_first(left, bytes));
        buf_put_byte(out, '\n');
        left = slice_from(left, min_size(bytes + 1, left.bytes));
    }
}

static bool is_in(const struct config_key *key, const struct config_section *section)
{
    return strcmp(key->section, section->name) == 0;
}

void config_print_help(struct buf *out)
{
    BUF_PUT_LITERAL(out, "Every key of the configuration. Set one in the file (--config FILE, or "
                         "thrumd.conf in the\ndata folder), as THRUM_SECTION_KEY in the "
                         "environment, or with --set section.key=value; the\nlater of these wins. "
                         "Sizes: 4096, 4KiB, 1MiB, 2GiB. Durations: 500ms, 10s, 5m, 24h, 7d.\n");
    for (size_t s = 0; s < config_section_count; s++) {
        buf_put_format(out, "\n[%s]\n", config_sections[s].name);
        put_wrapped(out, "  ", config_sections[s].help);
        for (size_t k = 0; k < config_key_count; k++) {
            const struct config_key *key = &config_keys[k];
            if (is_in(key, &config_sections[s])) {
                char takes[CONFIG_DESCRIBE_BYTES];
                config_value_describe(key, takes);
                bool has_value = key->value[0] != '\0';
                buf_put_format(out, "\n  %s =%s%s\n      %s\n", key->name, has_value ? " " : "",
                               key->value, takes);
                put_wrapped(out, "      ", key->help);
            }
        }
    }
}

void config_print_markdown(struct buf *out)
{
    BUF_PUT_LITERAL(
        out,
        "# Configuration\n\n"
        "<!-- Written by `make docs` from src/server/config_keys.c. -->\n\n"
        "A key is set, the later of these winning, in the file, by the environment variable\n"
        "`THRUM_SECTION_KEY`, or with `--set section.key=value`: `[listener.http] port`,\n"
        "`THRUM_LISTENER_HTTP_PORT`, `--set listener.http.port=18080`. The file is the one named "
        "by\n"
        "`--config` or `THRUM_CONFIG`; otherwise `thrumd.conf` in the data folder, if there is "
        "one.\n"
        "The data folder is the one named by `--data` or `THRUM_DATA`; otherwise `thrum-data`.\n\n"
        "Unknown keys, unknown `THRUM_` variables and values out of bounds stop the start; all of\n"
        "them are reported together. `thrumd --check` reports them without starting.\n\n"
        "Sizes are bytes or have a unit: `4096`, `4KiB`, `1MiB`, `2GiB`. Durations have a unit:\n"
        "`500ms`, `10s`, `5m`, `24h`, `7d`.\n");
    for (size_t s = 0; s < config_section_count; s++) {
        buf_put_format(out, "\n## [%s]\n\n%s\n\n| key | default | takes | |\n|---|---|---|---|\n",
                       config_sections[s].name, config_sections[s].help);
        for (size_t k = 0; k < config_key_count; k++) {
            const struct config_key *key = &config_keys[k];
            if (is_in(key, &config_sections[s])) {
                char takes[CONFIG_DESCRIBE_BYTES];
                config_value_describe(key, takes);
                const char *mark = key->value[0] != '\0' ? "`" : "";
                buf_put_format(out, "| `%s` | %s%s%s | %s | %s |\n", key->name, mark, key->value,
                               mark, takes, key->help);
            }
        }
    }
}

void config_print_example(struct buf *out)
{
    BUF_PUT_LITERAL(
        out, "# thrumd.conf - every key of the configuration with its default.\n"
             "#\n"
             "# Nothing here need be set. To change a key, take the # away in front of it. thrumd "
             "reads this\n"
             "# file with --config FILE, or on its own from its data folder. Each key can also be "
             "set in the\n"
             "# environment (THRUM_LISTENER_HTTP_PORT=18080) and on the command line\n"
             "# (--set listener.http.port=18080).\n");
    for (size_t s = 0; s < config_section_count; s++) {
        buf_put_byte(out, '\n');
        put_wrapped(out, "# ", config_sections[s].help);
        buf_put_format(out, "[%s]\n", config_sections[s].name);
        for (size_t k = 0; k < config_key_count; k++) {
            const struct config_key *key = &config_keys[k];
            if (is_in(key, &config_sections[s])) {
                char takes[CONFIG_DESCRIBE_BYTES];
                config_value_describe(key, takes);
                buf_put_byte(out, '\n');
                put_wrapped(out, "# ", key->help);
                put_wrapped(out, "# Takes: ", takes);
                buf_put_format(out, "#%s =%s%s\n", key->name, key->value[0] != '\0' ? " " : "",
                               key->value);
            }
        }
    }
}
