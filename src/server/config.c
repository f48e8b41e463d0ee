/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - gathers the configuration from its sources, in their order, and all their faults. */
#include "server/config.h"

#include "base/assert.h"
#include "server/config_keys.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONFIG_DATA_DEFAULT "thrum-data"
#define CONFIG_FILE_NAME "thrumd.conf"

/* The longest "section.key" and "THRUM_SECTION_KEY", with NUL. */
#define CONFIG_NAME_BYTES 80

/* Variables beside those of the table. A row that ends in '_' stands for all names that begin so:
 * the tests have their own, and an orchestrator of containers sets the others for a service that
 * happens to be called "thrum". */
static const char *const other_variables[] = {
    "THRUM_DATA", "THRUM_CONFIG", "THRUM_TEST_", "THRUM_SERVICE_", "THRUM_PORT", "THRUM_PORT_",
};

/* The faults found so far go to <errors>; <count> tells whether there were any. */
struct config_faults {
    struct buf *errors;
    size_t count;
};

static void add_fault(struct config_faults *faults, const char *where, const char *what)
{
    faults->count++;
    buf_put_format(faults->errors, "%s: %s\n", where, what);
}

/* ------------------------------------------------------------------ finding keys */

static const struct config_key *find_key(struct slice section, struct slice name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (slice_equal(section, slice_of_text(config_keys[i].section)) &&
            slice_equal(name, slice_of_text(config_keys[i].name))) {
            return &config_keys[i];
        }
    }
    return NULL;
}

/* The Levenshtein distance of two short texts; large when one is too long to be compared. */
static size_t distance(const char *a, const char *b)
{
    size_t row[CONFIG_NAME_BYTES + 1];
    size_t a_bytes = strlen(a);
    size_t b_bytes = strlen(b);
    if (a_bytes > CONFIG_NAME_BYTES || b_bytes > CONFIG_NAME_BYTES) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_bytes; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = min_size(change, min_size(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_bytes];
}

typedef void (*key_name_fn)(const struct config_key *key, char *out);

static void dotted_name(const struct config_key *key, char *out)
{
    snprintf(out, CONFIG_NAME_BYTES, "%s.%s", key->section, key->name);
}

/* listener.http, port: THRUM_LISTENER_HTTP_PORT. */
static void variable_name(const struct config_key *key, char *out)
{
    int bytes = snprintf(out, CONFIG_NAME_BYTES, "THRUM_%s_%s", key->section, key->name);
    ASSERT(bytes > 0 && bytes < CONFIG_NAME_BYTES);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    }
}

/* Says that <name> is no key, and which one it comes near to, as <name_of> spells them. */
static void add_unknown(struct config_faults *faults, const char *where, const char *name,
                        key_name_fn name_of)
{
    char candidate[CONFIG_NAME_BYTES];
    char best[CONFIG_NAME_BYTES] = "";
    size_t best_distance = 4; /* further away is another word */
    for (size_t i = 0; i < config_key_count; i++) {
        name_of(&config_keys[i], candidate);
        size_t d = distance(name, candidate);
        if (d < best_distance) {
            best_distance = d;
            memcpy(best, candidate, sizeof(best));
        }
    }
    char what[2 * CONFIG_NAME_BYTES + 320];
    snprintf(what, sizeof(what),
             best[0] ? "there is no key %.200s; did you mean %s?" : "there is no key %.200s", name,
             best);
    add_fault(faults, where, what);
}

static void set_value(struct config *config, const struct config_key *key, struct slice value,
                      const char *where, struct config_faults *faults)
{
    char why[CONFIG_DESCRIBE_BYTES];
    if (err_is_set(config_value_read(config, key, value, why))) {
        char what[CONFIG_DESCRIBE_BYTES + 400];
        snprintf(what, sizeof(what), "%s.%s takes %s, not \"%.*s\"", key->section, key->name, why,
                 (int)min_size(value.bytes, 200), (const char *)value.at);
        add_fault(faults, where, what);
    }
}

/* ------------------------------------------------------------------ the file */

/* inih calls the reader for each line and then, for a line with a key, the handler; so the reader
 * counts the lines for both. */
struct config_file {
    FILE *stream;
    const char *path;
    struct config *config;
    struct config_faults *faults;
    unsigned line;
    unsigned *seen; /* for each key of the table the line that set it, or 0 */
};

static void add_file_fault(struct config_file *file, const char *what)
{
    char where[CONFIG_PATH_BYTES + 32];
    snprintf(where, sizeof(where), "%s:%u", file->path, file->line);
    add_fault(file->faults, where, what);
}

static bool is_sound_line(const char *line)
{
    size_t length = strcspn(line, ";#\r\n");
    if (line[0] == '[') {
        return memchr(line, ']', length) != NULL;
    }
    return length == 0 || memchr(line, '=', length) != NULL || memchr(line, ':', length) != NULL;
}

/* An ini_reader: the next line, without leading blanks (inih would take an indented line for the
 * continuation of the one before). What is no line of an INI file is told here, because inih tells
 * only the first, and inih sees an empty line instead. */
static char *read_line(char *into, int room, void *opaque)
{
    struct config_file *file = opaque;
    char *line = NULL;
    size_t line_room = 0;
    ssize_t bytes = getline(&line, &line_room, file->stream);
    if (bytes <= 0) {
        free(line);
        return NULL;
    }
    file->line++;
    size_t start = strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    start += strspn(line + start, " \t");
    size_t left = (size_t)bytes - start;
    const char *what = left >= (size_t)room                ? "the line is too long"
                       : memchr(line, '\0', (size_t)bytes) ? "the line has a NUL byte"
                       : !is_sound_line(line + start)      ? "expected [section] or key = value"
                                                           : NULL;
    if (what != NULL) {
        add_file_fault(file, what);
        memcpy(into, "\n", 2);
    } else {
        memcpy(into, line + start, left + 1);
    }
    free(line);
    return into;
}

/* An ini_handler. Answers 1 always: inih need not know of our faults. */
static int take_key(void *opaque, const char *section, const char *name, const char *value)
{
    struct config_file *file = opaque;
    const struct config_key *key = find_key(slice_of_text(section), slice_of_text(name));
    char where[CONFIG_PATH_BYTES + 32];
    snprintf(where, sizeof(where), "%s:%u", file->path, file->line);
    if (key == NULL) {
        char full[160];
        snprintf(full, sizeof(full), "%s.%s", section, name);
        add_unknown(file->faults, where, full, dotted_name);
        return 1;
    }
    unsigned *seen = &file->seen[key - config_keys];
    if (*seen != 0) {
        char what[CONFIG_NAME_BYTES * 2];
        snprintf(what, sizeof(what), "%s.%s is set twice, first in line %u", section, name, *seen);
        add_fault(file->faults, where, what);
        return 1;
    }
    *seen = file->line;
    set_value(file->config, key, slice_of_text(value), where, file->faults);
    return 1;
}

static void load_file(struct config *config, bool must_exist, struct config_faults *faults)
{
    FILE *stream = fopen(config->file, "re");
    if (stream == NULL) {
        if (must_exist || errno != ENOENT) {
            add_fault(faults, config->file, strerror(errno));
        }
        config->file[0] = '\0';
        return;
    }
    unsigned *seen = calloc(config_key_count, sizeof(*seen));
    ASSERT(seen != NULL);
    struct config_file file = {
        .stream = stream, .path = config->file, .config = config, .faults = faults, .seen = seen};
    int line = ini_parse_stream(read_line, &file, take_key, &file);
    if (line != 0) {
        add_file_fault(&file, "the file cannot be read as [section] and key = value");
    }
    if (ferror(stream)) {
        add_fault(faults, config->file, "the file cannot be read");
    }
    free(seen);
    fclose(stream);
}

/* ------------------------------------------------------------------ environment and --set */

static bool is_other_variable(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(other_variables); i++) {
        struct slice other = slice_of_text(other_variables[i]);
        bool is_prefix = other.at[other.bytes - 1] == '_';
        if (is_prefix ? slice_starts_with(name, other) : slice_equal(name, other)) {
            return true;
        }
    }
    return false;
}

static void load_variable(struct config *config, const char *entry, struct config_faults *faults)
{
    struct slice text = slice_of_text(entry);
    struct slice name = slice_first(text, slice_find(text, '='));
    if (!slice_starts_with(name, SLICE("THRUM_")) || is_other_variable(name)) {
        return;
    }
    char where[CONFIG_NAME_BYTES * 2];
    snprintf(where, sizeof(where), "%.*s", (int)min_size(name.bytes, sizeof(where) - 1), entry);
    for (size_t i = 0; i < config_key_count; i++) {
        char candidate[CONFIG_NAME_BYTES];
        variable_name(&config_keys[i], candidate);
        if (slice_equal(name, slice_of_text(candidate))) {
            struct slice value = slice_from(text, min_size(name.bytes + 1, text.bytes));
            set_value(config, &config_keys[i], value, where, faults);
            return;
        }
    }
    add_unknown(faults, "environment", where, variable_name);
}

/* The value of the variable <name>, or NULL when it is not set or empty. */
static const char *find_variable(const char *const *environment, const char *name)
{
    size_t bytes = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *entry = *environment;
        if (strncmp(entry, name, bytes) == 0 && entry[bytes] == '=' && entry[bytes + 1] != '\0') {
            return entry + bytes + 1;
        }
    }
    return NULL;
}

static void load_setting(struct config *config, const char *setting, struct config_faults *faults)
{
    struct slice text = slice_of_text(setting);
    size_t equals = slice_find(text, '=');
    size_t dot = equals;
    while (dot > 0 && text.at[dot - 1] != '.') {
        dot--;
    }
    char where[240];
    snprintf(where, sizeof(where), "--set %.200s", setting);
    if (equals == text.bytes || dot < 2) {
        add_fault(faults, where, "expected section.key=value");
        return;
    }
    struct slice section = slice_first(text, dot - 1);
    struct slice name = slice_of(text.at + dot, equals - dot);
    const struct config_key *key = find_key(section, name);
    if (key == NULL) {
        char full[CONFIG_NAME_BYTES * 2];
        snprintf(full, sizeof(full), "%.*s", (int)min_size(equals, sizeof(full) - 1), setting);
        add_unknown(faults, where, full, dotted_name);
        return;
    }
    set_value(config, key, slice_from(text, equals + 1), where, faults);
}

/* ------------------------------------------------------------------ what no single key can tell */

static bool share_an_address(const struct config_listener *a, const struct config_listener *b)
{
    for (size_t i = 0; i < a->addresses.count; i++) {
        for (size_t j = 0; j < b->addresses.count; j++) {
            if (strcmp(a->addresses.at[i], b->addresses.at[j]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_listeners(const struct config *config, struct config_faults *faults)
{
    size_t enabled = 0;
    for (unsigned i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        const struct config_listener *a = &config->listeners[i];
        enabled += a->enabled;
        for (unsigned j = 0; j < i; j++) {
            const struct config_listener *b = &config->listeners[j];
            if (a->enabled && b->enabled && a->port != 0 && a->port == b->port &&
                share_an_address(a, b)) {
                char what[160];
                snprintf(what, sizeof(what), "%s and %s have the same address and port",
                         config_listener_name(j), config_listener_name(i));
                add_fault(faults, "configuration", what);
            }
        }
    }
    if (enabled == 0) {
        add_fault(faults, "configuration", "all listeners are off: nobody could connect");
    }
}

static void add_listener_fault(struct config_faults *faults, unsigned index, const char *what)
{
    char text[200];
    snprintf(text, sizeof(text), "%s.%s", config_listener_name((enum config_listener_index)index),
             what);
    add_fault(faults, "configuration", text);
}

static void check_tls(const struct config *config, struct config_faults *faults)
{
    if ((config->tls.certificate[0] == '\0') != (config->tls.key[0] == '\0')) {
        add_fault(faults, "configuration", "tls.certificate and tls.key go together: set both");
    }
    for (unsigned i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        const struct config_listener *listener = &config->listeners[i];
        bool is_required = listener->client_certificates == CONFIG_CLIENT_CERTIFICATES_REQUIRED;
        if (listener->client_certificates == CONFIG_CLIENT_CERTIFICATES_OFF) {
            continue;
        }
        if (listener->client_ca[0] == '\0') {
            add_listener_fault(faults, i, "client_certificates needs client_ca");
        }
        if (listener->tls == CONFIG_TLS_OFF) {
            add_listener_fault(faults, i, "client_certificates needs TLS");
        } else if (is_required && listener->tls != CONFIG_TLS_ON) {
            add_listener_fault(faults, i,
                               "client_certificates = required needs tls = on: plain connections "
                               "have none");
        }
    }
}

static void check_together(const struct config *config, struct config_faults *faults)
{
    check_listeners(config, faults);
    check_tls(config, faults);
    if (config->engine.group_bytes < config->limits.packet_bytes * 2) {
        add_fault(faults, "configuration",
                  "engine.group_bytes must be twice limits.packet or more");
    }
    if (config->engine.ring_bytes < config->engine.group_bytes * 2) {
        add_fault(faults, "configuration", "engine.ring must be twice engine.group_bytes or more");
    }
    if (config->store.tail_bytes_max < config->store.roll_bytes * 2) {
        add_fault(faults, "configuration",
                  "store.tail_bytes_max must be twice store.roll_bytes or more");
    }
    if (config->limits.target_bytes > config->limits.header_bytes) {
        add_fault(faults, "configuration", "limits.target must not exceed limits.header");
    }
}

/* ------------------------------------------------------------------ in all */

void config_set_defaults(struct config *config)
{
    memset(config, 0, sizeof(*config));
    memcpy(config->data, CONFIG_DATA_DEFAULT, sizeof(CONFIG_DATA_DEFAULT));
    for (size_t i = 0; i < config_key_count; i++) {
        char why[CONFIG_DESCRIBE_BYTES];
        struct err err =
            config_value_read(config, &config_keys[i], slice_of_text(config_keys[i].value), why);
        ASSERT(!err_is_set(err));
    }
}

static void set_path(char *into, const char *path, const char *where, struct config_faults *faults)
{
    size_t bytes = strlen(path);
    if (bytes == 0 || bytes >= CONFIG_PATH_BYTES) {
        add_fault(faults, where, bytes == 0 ? "the path is empty" : "the path is too long");
        return;
    }
    memcpy(into, path, bytes + 1);
}

/* Settles the data folder and which file to read. */
static void set_places(struct config *config, const struct config_sources *sources,
                       bool *file_must_exist, struct config_faults *faults)
{
    const char *data =
        sources->data != NULL ? sources->data : find_variable(sources->environment, "THRUM_DATA");
    if (data != NULL) {
        set_path(config->data, data, "data folder", faults);
    }
    const char *file =
        sources->file != NULL ? sources->file : find_variable(sources->environment, "THRUM_CONFIG");
    *file_must_exist = file != NULL;
    if (file != NULL) {
        set_path(config->file, file, "configuration file", faults);
        return;
    }
    char in_data[CONFIG_PATH_BYTES + sizeof(CONFIG_FILE_NAME) + 1];
    snprintf(in_data, sizeof(in_data), "%s/" CONFIG_FILE_NAME, config->data);
    set_path(config->file, in_data, "configuration file", faults);
}

struct err config_load(struct config *config, const struct config_sources *sources,
                       struct buf *errors)
{
    ASSERT(sources->setting_count == 0 || sources->settings != NULL);
    struct config_faults faults = {.errors = errors};
    bool file_must_exist;
    config_set_defaults(config);
    set_places(config, sources, &file_must_exist, &faults);
    if (faults.count == 0) {
        load_file(config, file_must_exist, &faults);
    }
    for (size_t i = 0; sources->environment != NULL && sources->environment[i] != NULL; i++) {
        load_variable(config, sources->environment[i], &faults);
    }
    for (size_t i = 0; i < sources->setting_count; i++) {
        load_setting(config, sources->settings[i], &faults);
    }
    check_together(config, &faults);
    return faults.count == 0 ? ERR(OK) : ERR(CONFIG);
}

const char *config_listener_name(enum config_listener_index index)
{
    static const char *const names[CONFIG_LISTENER_COUNT] = {
        [CONFIG_LISTENER_MQTT] = "listener.mqtt",
        [CONFIG_LISTENER_MQTTS] = "listener.mqtts",
        [CONFIG_LISTENER_HTTP] = "listener.http",
        [CONFIG_LISTENER_HTTPS] = "listener.https",
    };
    ASSERT(index < CONFIG_LISTENER_COUNT);
    return names[index];
}
