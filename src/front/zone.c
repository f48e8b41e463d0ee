/* SPDX-License-Identifier: Apache-2.0 */
#include "front/zone.h"

#include "base/cursor.h"

#define HEADER_BYTES 44
#define DAY_S INT64_C(86400)
#define YEARS 3 /* around now, in which the rule of the footer is written out */

bool zone_name_is_wellformed(struct slice name)
{
    if (name.bytes == 0 || name.bytes > ZONE_NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t byte = ascii_lower(name.at[i]);
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        bool is_inner = byte == '_' || byte == '-' || byte == '+' || byte == '/';
        /* A letter first, and no dots: no name leads out of the folder. */
        if (!is_letter && (i == 0 || !is_inner)) {
            return false;
        }
    }
    return true;
}

/* ---- the table ---- */

struct zone {
    uint32_t time_count;
    uint32_t type_count;
    const uint8_t *times; /* 8 bytes each */
    const uint8_t *types; /* of the times, one byte each */
    const uint8_t *infos; /* of the types, 6 bytes each: offset (4), is daylight time, name */
    struct slice footer;
};

struct header {
    uint8_t version;
    uint32_t utc_count;
    uint32_t std_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t name_bytes;
};

static bool read_header(struct cursor *file, struct header *header)
{
    struct slice magic;
    struct slice reserved;
    return cursor_read_bytes(file, 4, &magic) && slice_equal(magic, SLICE("TZif")) &&
           cursor_read_u8(file, &header->version) && cursor_read_bytes(file, 15, &reserved) &&
           cursor_read_u32be(file, &header->utc_count) &&
           cursor_read_u32be(file, &header->std_count) &&
           cursor_read_u32be(file, &header->leap_count) &&
           cursor_read_u32be(file, &header->time_count) &&
           cursor_read_u32be(file, &header->type_count) &&
           cursor_read_u32be(file, &header->name_bytes);
}

static size_t body_bytes(const struct header *h, size_t time_bytes)
{
    return (size_t)h->time_count * (time_bytes + 1) + (size_t)h->type_count * 6 + h->name_bytes +
           (size_t)h->leap_count * (time_bytes + 4) + h->std_count + h->utc_count;
}

/* Version 2 and later: a table with 4-byte times, then one with 8-byte times, then the footer. */
static bool read_zone(struct slice bytes, struct zone *zone)
{
    struct cursor file = cursor_over(bytes);
    struct header header;
    struct slice body;
    if (!read_header(&file, &header) || header.version < '2' ||
        !cursor_read_bytes(&file, body_bytes(&header, 4), &body) || !read_header(&file, &header) ||
        header.type_count == 0 || !cursor_read_bytes(&file, body_bytes(&header, 8), &body)) {
        return false;
    }
    zone->time_count = header.time_count;
    zone->type_count = header.type_count;
    zone->times = body.at;
    zone->types = zone->times + (size_t)header.time_count * 8;
    zone->infos = zone->types + header.time_count;
    struct slice rest = slice_of(file.at, cursor_left(&file));
    if (rest.bytes < 2 || rest.at[0] != '\n') {
        return false;
    }
    rest = slice_from(rest, 1);
    zone->footer = slice_first(rest, slice_find(rest, '\n'));
    return true;
}

static int64_t time_of(const struct zone *zone, uint32_t index)
{
    uint64_t big;
    memcpy(&big, zone->times + (size_t)index * 8, sizeof(big));
    return (int64_t)__builtin_bswap64(big);
}

/* The offset of a type; 0 for one that does not exist. */
static int64_t offset_of(const struct zone *zone, uint8_t type)
{
    uint32_t big;
    if (type >= zone->type_count) {
        return 0;
    }
    memcpy(&big, zone->infos + (size_t)type * 6, sizeof(big));
    return (int32_t)__builtin_bswap32(big);
}

/* How many transitions have been at <now_s>. */
static uint32_t count_before(const struct zone *zone, int64_t now_s)
{
    uint32_t low = 0;
    uint32_t high = zone->time_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (time_of(zone, middle) <= now_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- the rule of the footer: std offset [dst [offset] ,start[/time],end[/time]] ---- */

struct rule {
    int64_t standard_s; /* offsets, local minus UTC */
    int64_t daylight_s;
    bool has_daylight;
    struct rule_date {
        uint8_t form; /* 'M', 'J', or 0: a day counted from 0 */
        int64_t month;
        int64_t week;
        int64_t day;
        int64_t time_s;
    } start, end;
};

static bool take_byte(struct cursor *text, uint8_t wanted)
{
    bool is_there = !cursor_at_end(text) && *text->at == wanted;
    text->at += is_there;
    return is_there;
}

static bool take_digits(struct cursor *text, int64_t max, int64_t *number)
{
    const uint8_t *first = text->at;
    *number = 0;
    while (!cursor_at_end(text) && *text->at >= '0' && *text->at <= '9' && *number <= max) {
        *number = *number * 10 + (*text->at++ - '0');
    }
    return text->at > first && *number <= max;
}

/* A name of letters, or anything in angle brackets. */
static bool take_name(struct cursor *text)
{
    const uint8_t *first = text->at;
    if (take_byte(text, '<')) {
        while (!cursor_at_end(text) && *text->at != '>') {
            text->at++;
        }
        return take_byte(text, '>');
    }
    while (!cursor_at_end(text) && ascii_lower(*text->at) >= 'a' && ascii_lower(*text->at) <= 'z') {
        text->at++;
    }
    return text->at > first;
}

/* [+-]h[:mm[:ss]], in seconds. */
static bool take_time(struct cursor *text, int64_t *time_s)
{
    int64_t hours;
    int64_t minutes = 0;
    int64_t seconds = 0;
    bool is_negative = take_byte(text, '-');
    if (!is_negative) {
        take_byte(text, '+');
    }
    if (!take_digits(text, 167, &hours) ||
        (take_byte(text, ':') && (!take_digits(text, 59, &minutes) ||
                                  (take_byte(text, ':') && !take_digits(text, 59, &seconds))))) {
        return false;
    }
    *time_s = (hours * 60 + minutes) * 60 + seconds;
    *time_s = is_negative ? -*time_s : *time_s;
    return true;
}

static bool take_date(struct cursor *text, struct rule_date *date)
{
    *date = (struct rule_date){.time_s = 2 * 3600};
    if (!take_byte(text, ',')) {
        return false;
    }
    if (take_byte(text, 'M')) {
        date->form = 'M';
        if (!take_digits(text, 12, &date->month) || !take_byte(text, '.') ||
            !take_digits(text, 5, &date->week) || !take_byte(text, '.') ||
            !take_digits(text, 6, &date->day) || date->month == 0 || date->week == 0) {
            return false;
        }
    } else {
        date->form = take_byte(text, 'J') ? 'J' : 0;
        if (!take_digits(text, 365, &date->day)) {
            return false;
        }
    }
    return !take_byte(text, '/') || take_time(text, &date->time_s);
}

static bool read_rule(struct slice footer, struct rule *rule)
{
    struct cursor text = cursor_over(footer);
    int64_t west_s;
    *rule = (struct rule){0};
    if (!take_name(&text) || !take_time(&text, &west_s)) {
        return false;
    }
    rule->standard_s = -west_s; /* POSIX counts to the west */
    if (cursor_at_end(&text)) {
        return true;
    }
    rule->has_daylight = true;
    rule->daylight_s = rule->standard_s + 3600;
    if (!take_name(&text)) {
        return false;
    }
    if (!cursor_at_end(&text) && *text.at != ',') {
        if (!take_time(&text, &west_s)) {
            return false;
        }
        rule->daylight_s = -west_s;
    }
    return take_date(&text, &rule->start) && take_date(&text, &rule->end) && cursor_at_end(&text);
}

/* Days from 1970 to the first of a month, in the calendar that repeats every 400 years. Years are
 * counted from March, so that the day of a leap year comes last. */
static int64_t days_to_month(int64_t year, int64_t month)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + (153 * m + 2) / 5 - 719468;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The day of the rule in a year, since 1970. */
static int64_t date_in(const struct rule_date *date, int64_t year)
{
    int64_t january = days_to_month(year, 1);
    if (date->form == 'J') { /* 1 to 365: never counts the 29th of February */
        return january + date->day - 1 + (is_leap(year) && date->day >= 60);
    }
    if (date->form == 0) {
        return january + date->day;
    }
    /* The week's <day> of the month: 1970 began on a Thursday; week 5 is the last one. */
    int64_t first = days_to_month(year, date->month);
    int64_t next_month =
        date->month == 12 ? days_to_month(year + 1, 1) : days_to_month(year, date->month + 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t day = first + (date->day - weekday + 7) % 7 + (date->week - 1) * 7;
    return day >= next_month ? day - 7 : day;
}

static int64_t year_of(int64_t now_s)
{
    int64_t day = now_s / DAY_S;
    int64_t year = 1970 + day / 366;
    while (days_to_month(year + 1, 1) <= day) {
        year++;
    }
    return year;
}

static void rule_at(const struct rule *rule, int64_t now_s, struct zone_moment *moment)
{
    moment->offset_s = rule->standard_s;
    moment->has_next = false;
    if (!rule->has_daylight) {
        return;
    }
    int64_t last_s = INT64_MIN;
    int64_t year = year_of(now_s) - 1;
    for (int64_t y = year; y < year + YEARS; y++) {
        const int64_t offsets[2] = {rule->standard_s, rule->daylight_s};
        for (unsigned i = 0; i < 2; i++) {
            const struct rule_date *date = i == 0 ? &rule->start : &rule->end;
            int64_t at_s = date_in(date, y) * DAY_S + date->time_s - offsets[i];
            if (at_s <= now_s && at_s > last_s) {
                last_s = at_s;
                moment->offset_s = offsets[1 - i];
            }
            if (at_s > now_s && (!moment->has_next || at_s < moment->next_s)) {
                moment->has_next = true;
                moment->next_s = at_s;
            }
        }
    }
}

struct err zone_at(struct slice file, int64_t now_s, struct zone_moment *moment)
{
    struct zone zone;
    struct rule rule;
    *moment = (struct zone_moment){0};
    if (now_s < 0 || !read_zone(file, &zone)) {
        return ERR(CORRUPT);
    }
    uint32_t before = count_before(&zone, now_s);
    if (before == zone.time_count && !slice_is_empty(zone.footer)) {
        if (!read_rule(zone.footer, &rule)) {
            return ERR(CORRUPT);
        }
        rule_at(&rule, now_s, moment);
        return ERR(OK);
    }
    /* Before the first transition the first type holds. */
    moment->offset_s = offset_of(&zone, before > 0 ? zone.types[before - 1] : 0);
    for (uint32_t i = before; i < zone.time_count && !moment->has_next; i++) {
        moment->has_next = offset_of(&zone, zone.types[i]) != moment->offset_s;
        moment->next_s = time_of(&zone, i);
    }
    return ERR(OK);
}
