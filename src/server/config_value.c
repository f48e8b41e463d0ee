/* SPDX-License-Identifier: Apache-2.0
 *
 * config_value.c - the values of configuration keys as text: reading one, and saying what a key
 * takes. */
#include "server/config_keys.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static_assert(CONFIG_ADDRESS_BYTES >= INET6_ADDRSTRLEN, "an address must fit");
static_assert(sizeof(enum config_tls) == sizeof(unsigned), "choices are stored as unsigned");
static_assert(sizeof(enum log_level) == sizeof(unsigned), "choices are stored as unsigned");

struct config_unit {
    const char *suffix;
    int64_t factor;
};

/* Largest first, so that printing finds the largest that divides. */
static const struct config_unit bytes_units[] = {
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"", 1},
};
static const struct config_unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct config_unit count_units[] = {{"", 1}};

static const struct {
    const char *name;
    unsigned bit;
} protocol_names[] = {
    {"mqtt", CONFIG_PROTOCOL_MQTT},
    {"http", CONFIG_PROTOCOL_HTTP},
    {"websocket", CONFIG_PROTOCOL_WEBSOCKET},
    {"mqtt-websocket", CONFIG_PROTOCOL_MQTT_WEBSOCKET},
    {"all", CONFIG_PROTOCOL_ALL},
};

static const struct config_unit *units_of(enum config_type type, size_t *count)
{
    if (type == CONFIG_TYPE_BYTES) {
        *count = ARRAY_LEN(bytes_units);
        return bytes_units;
    }
    if (type == CONFIG_TYPE_DURATION) {
        *count = ARRAY_LEN(duration_units);
        return duration_units;
    }
    *count = ARRAY_LEN(count_units);
    return count_units;
}

/* Takes the first item of a comma-separated list off <list>. */
static struct slice next_item(struct slice *list)
{
    size_t comma = slice_find(*list, ',');
    struct slice item = slice_trim(slice_first(*list, comma));
    *list = slice_from(*list, min_size(comma + 1, list->bytes));
    return item;
}

/* ------------------------------------------------------------------ numbers */

/* Digits, then a unit of the key's type; a duration needs its unit unless it is 0. */
static bool read_number(enum config_type type, struct slice text, int64_t *number)
{
    int64_t sum = 0;
    size_t digits = 0;
    while (digits < text.bytes && text.at[digits] >= '0' && text.at[digits] <= '9') {
        int digit = text.at[digits++] - '0';
        if (sum > (INT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    if (digits == 0) {
        return false;
    }
    struct slice suffix = slice_trim(slice_from(text, digits));
    if (sum == 0 && slice_is_empty(suffix)) {
        *number = 0;
        return true;
    }
    size_t count;
    const struct config_unit *units = units_of(type, &count);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(suffix, slice_of_text(units[i].suffix))) {
            return !__builtin_mul_overflow(sum, units[i].factor, number);
        }
    }
    return false;
}

/* The number with the largest unit that divides it: 60000 is "1m". <out> has room for 32 bytes. */
static void write_number(enum config_type type, int64_t number, char *out)
{
    size_t count;
    const struct config_unit *units = units_of(type, &count);
    size_t i = 0;
    while (i + 1 < count && (number == 0 || number % units[i].factor != 0)) {
        i++;
    }
    snprintf(out, 32, "%" PRId64 "%s", number / units[i].factor,
             number == 0 ? "" : units[i].suffix);
}

/* ------------------------------------------------------------------ lists and words */

static bool read_protocols(struct slice list, unsigned *protocols)
{
    unsigned sum = 0;
    do {
        struct slice item = next_item(&list);
        size_t i = 0;
        while (i < ARRAY_LEN(protocol_names) &&
               !slice_equal(item, slice_of_text(protocol_names[i].name))) {
            i++;
        }
        if (i == ARRAY_LEN(protocol_names)) {
            return false;
        }
        sum |= protocol_names[i].bit;
    } while (list.bytes > 0);
    *protocols = sum;
    return true;
}

static bool add_address(struct config_addresses *addresses, struct slice text)
{
    unsigned char binary[sizeof(struct in6_addr)];
    if (addresses->count == CONFIG_ADDRESS_COUNT_MAX || text.bytes >= CONFIG_ADDRESS_BYTES) {
        return false;
    }
    char *at = addresses->at[addresses->count];
    memset(at, 0, CONFIG_ADDRESS_BYTES);
    memcpy(at, text.at, text.bytes);
    if (inet_pton(AF_INET, at, binary) != 1 && inet_pton(AF_INET6, at, binary) != 1) {
        return false;
    }
    for (size_t i = 0; i < addresses->count; i++) {
        if (strcmp(addresses->at[i], at) == 0) {
            return false;
        }
    }
    addresses->count++;
    return true;
}

static bool read_addresses(struct slice list, struct config_addresses *addresses)
{
    struct config_addresses found = {0};
    do {
        struct slice item = next_item(&list);
        bool added = slice_equal(item, SLICE("*"))
                         ? add_address(&found, SLICE("0.0.0.0")) && add_address(&found, SLICE("::"))
                         : item.bytes > 0 && add_address(&found, item);
        if (!added) {
            return false;
        }
    } while (list.bytes > 0);
    *addresses = found;
    return true;
}

static bool read_choice(const char *const *choices, struct slice text, unsigned *choice)
{
    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (slice_equal(text, slice_of_text(choices[i]))) {
            *choice = i;
            return true;
        }
    }
    return false;
}

static bool read_path(struct slice text, char path[CONFIG_PATH_BYTES])
{
    if (text.bytes >= CONFIG_PATH_BYTES || memchr(text.at, '\0', text.bytes) != NULL) {
        return false;
    }
    memset(path, 0, CONFIG_PATH_BYTES);
    memcpy(path, text.at, text.bytes);
    return true;
}

static bool read_bool(struct slice text, bool *value)
{
    *value = slice_equal(text, SLICE("on"));
    return *value || slice_equal(text, SLICE("off"));
}

/* ------------------------------------------------------------------ both ways */

struct err config_value_read(struct config *config, const struct config_key *key, struct slice text,
                             char *why)
{
    union {
        bool on;
        int64_t number;
        unsigned choice;
        struct config_addresses addresses;
        struct network_list networks;
        struct origin_list origins;
        char path[CONFIG_PATH_BYTES];
    } value;
    size_t bytes = 0;
    bool good = false;
    text = slice_trim(text);
    switch (key->type) {
    case CONFIG_TYPE_BOOL:
        good = read_bool(text, &value.on);
        bytes = sizeof(value.on);
        break;
    case CONFIG_TYPE_COUNT:
    case CONFIG_TYPE_BYTES:
    case CONFIG_TYPE_DURATION:
        good = read_number(key->type, text, &value.number) && value.number >= key->min &&
               value.number <= key->max;
        bytes = sizeof(value.number);
        break;
    case CONFIG_TYPE_CHOICE:
        good = read_choice(key->choices, text, &value.choice);
        bytes = sizeof(value.choice);
        break;
    case CONFIG_TYPE_PROTOCOLS:
        good = read_protocols(text, &value.choice);
        bytes = sizeof(value.choice);
        break;
    case CONFIG_TYPE_ADDRESSES:
        good = read_addresses(text, &value.addresses);
        bytes = sizeof(value.addresses);
        break;
    case CONFIG_TYPE_NETWORKS:
        good = !err_is_set(network_parse_list(text, &value.networks));
        bytes = sizeof(value.networks);
        break;
    case CONFIG_TYPE_ORIGINS:
        good = !err_is_set(origins_parse(text, &value.origins));
        bytes = sizeof(value.origins);
        break;
    case CONFIG_TYPE_PATH:
        good = read_path(text, value.path);
        bytes = sizeof(value.path);
        break;
    }
    if (!good) {
        config_value_describe(key, why);
        return ERR(CONFIG);
    }
    ASSERT(key->offset + bytes <= sizeof(*config));
    memcpy((char *)config + key->offset, &value, bytes);
    return ERR(OK);
}

static void describe_choices(const char *const *choices, char *out)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i] != NULL; i++) {
        const char *joint = i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ";
        int added =
            snprintf(out + length, CONFIG_DESCRIBE_BYTES - length, "%s%s", joint, choices[i]);
        ASSERT(added > 0 && length + (size_t)added < CONFIG_DESCRIBE_BYTES);
        length += (size_t)added;
    }
}

void config_value_describe(const struct config_key *key, char *out)
{
    char min[32];
    char max[32];
    switch (key->type) {
    case CONFIG_TYPE_BOOL:
        snprintf(out, CONFIG_DESCRIBE_BYTES, "on or off");
        break;
    case CONFIG_TYPE_COUNT:
    case CONFIG_TYPE_BYTES:
    case CONFIG_TYPE_DURATION:
        write_number(key->type, key->min, min);
        write_number(key->type, key->max, max);
        snprintf(out, CONFIG_DESCRIBE_BYTES, "%s to %s%s", min, max,
                 key->type == CONFIG_TYPE_BYTES      ? " (bytes, KiB, MiB or GiB)"
                 : key->type == CONFIG_TYPE_DURATION ? " (with ms, s, m, h or d)"
                                                     : "");
        break;
    case CONFIG_TYPE_CHOICE:
        describe_choices(key->choices, out);
        break;
    case CONFIG_TYPE_PROTOCOLS:
        snprintf(out, CONFIG_DESCRIBE_BYTES,
                 "all, or a list of mqtt, http, websocket, mqtt-websocket");
        break;
    case CONFIG_TYPE_ADDRESSES:
        snprintf(out, CONFIG_DESCRIBE_BYTES, "a list of at most %d numeric addresses, or *",
                 CONFIG_ADDRESS_COUNT_MAX);
        break;
    case CONFIG_TYPE_NETWORKS:
        snprintf(out, CONFIG_DESCRIBE_BYTES,
                 "a list of at most %d addresses and networks, like 10.0.0.0/8", NETWORK_COUNT_MAX);
        break;
    case CONFIG_TYPE_ORIGINS:
        snprintf(out, CONFIG_DESCRIBE_BYTES,
                 "*, or a list of at most %d origins, like https://app.example.com", ORIGINS_MAX);
        break;
    case CONFIG_TYPE_PATH:
        snprintf(out, CONFIG_DESCRIBE_BYTES, "a path");
        break;
    }
}
