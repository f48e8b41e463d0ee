/* SPDX-License-Identifier: Apache-2.0
 *
 * config_keys.h - the table of configuration keys and their values as text; for config*.c only.
 *
 * Values are written where a row's offset says, in the C type that the row's type stands for. */
#ifndef THRUM_SERVER_CONFIG_KEYS_H
#define THRUM_SERVER_CONFIG_KEYS_H

#include "server/config.h"

enum config_type {
    CONFIG_TYPE_BOOL,      /* bool: on, off */
    CONFIG_TYPE_COUNT,     /* int64_t */
    CONFIG_TYPE_BYTES,     /* int64_t: 4096, 4KiB, 1MiB, 2GiB */
    CONFIG_TYPE_DURATION,  /* int64_t, milliseconds: 500ms, 10s, 5m, 24h, 7d */
    CONFIG_TYPE_CHOICE,    /* an enum; <choices> names its values in order */
    CONFIG_TYPE_PROTOCOLS, /* unsigned: all, or names of enum config_protocol */
    CONFIG_TYPE_ADDRESSES, /* struct config_addresses */
    CONFIG_TYPE_NETWORKS,  /* struct network_list */
    CONFIG_TYPE_ORIGINS,   /* struct origin_list */
    CONFIG_TYPE_PATH,      /* char[CONFIG_PATH_BYTES]; may be empty */
};

struct config_key {
    const char *section;
    const char *name;
    enum config_type type;
    size_t offset;              /* in struct config */
    const char *value;          /* the default, as it would stand in the file */
    int64_t min, max;           /* of the numbers; both included */
    const char *const *choices; /* of CONFIG_TYPE_CHOICE: names, ended by NULL */
    const char *help;           /* whole sentences, one paragraph */
};

/* A section and what it is about; sections stand in the order of their keys. */
struct config_section {
    const char *name;
    const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;
extern const struct config_section config_sections[];
extern const size_t config_section_count;

/* Enough for every text that config_value_describe and config_number_text write. */
#define CONFIG_DESCRIBE_BYTES 256

/* Reads <text> (blanks at both ends are ignored) into <config> at the place of <key>. On ERR_CONFIG
 * <config> is as before and <why>, of CONFIG_DESCRIBE_BYTES, says what would have been right. */
MUST_USE struct err config_value_read(struct config *config, const struct config_key *key,
                                      struct slice text, char *why);

/* Writes what the key takes, for people: "on or off", "4KiB to 1GiB", "error, warn, info or debug".
 * <out> has CONFIG_DESCRIBE_BYTES. */
void config_value_describe(const struct config_key *key, char *out);

#endif
