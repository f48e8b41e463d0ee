/* SPDX-License-Identifier: Apache-2.0 */
#include "front/iso_time.h"

#include "base/cursor.h"

#define DAY_S 86400

/* <digits> of them, as a number. */
static bool read_number(struct cursor *c, unsigned digits, int64_t *number)
{
    *number = 0;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t byte;
        if (!cursor_read_u8(c, &byte) || byte < '0' || byte > '9') {
            return false;
        }
        *number = *number * 10 + (byte - '0');
    }
    return true;
}

static bool read_byte(struct cursor *c, uint8_t wanted)
{
    uint8_t byte;
    return cursor_read_u8(c, &byte) && byte == wanted;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that the
 * day that is sometimes there comes last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t from_march = (month + 9) % 12;
    int64_t y = year - (month <= 2);
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool read_date(struct cursor *c, int64_t *seconds)
{
    int64_t year;
    int64_t month;
    int64_t day;
    if (!read_number(c, 4, &year) || !read_byte(c, '-') || !read_number(c, 2, &month) ||
        !read_byte(c, '-') || !read_number(c, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    *seconds = days_since_1970(year, month, day) * DAY_S;
    return true;
}

/* 12:34, as minutes. */
static bool read_minutes(struct cursor *c, int64_t *minutes)
{
    int64_t hour;
    int64_t minute;
    if (!read_number(c, 2, &hour) || !read_byte(c, ':') || !read_number(c, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    *minutes = hour * 60 + minute;
    return true;
}

/* What may stand behind the seconds: .5, .123, .123456. */
static bool read_fraction(struct cursor *c, int64_t *ms)
{
    int64_t unit = 100;
    unsigned digits = 0;
    *ms = 0;
    if (cursor_at_end(c) || *c->at != '.') {
        return true;
    }
    c->at++;
    for (; !cursor_at_end(c) && *c->at >= '0' && *c->at <= '9'; c->at++, digits++) {
        *ms += (*c->at - '0') * unit;
        unit /= 10;
    }
    return digits > 0;
}

static bool read_zone(struct cursor *c, int64_t *offset_minutes)
{
    uint8_t sign;
    *offset_minutes = 0;
    if (!cursor_read_u8(c, &sign)) {
        return false;
    }
    if (sign == 'Z' || sign == 'z') {
        return true;
    }
    if ((sign != '+' && sign != '-') || !read_minutes(c, offset_minutes)) {
        return false;
    }
    *offset_minutes = sign == '-' ? -*offset_minutes : *offset_minutes;
    return true;
}

bool iso_time_read(struct slice text, int64_t *time_ms)
{
    struct cursor c = cursor_over(text);
    int64_t date_s;
    int64_t minutes;
    int64_t second;
    int64_t ms;
    int64_t offset_minutes;
    uint8_t between;
    bool is_whole = read_date(&c, &date_s) && cursor_read_u8(&c, &between) &&
                    (between == 'T' || between == 't') && read_minutes(&c, &minutes) &&
                    read_byte(&c, ':') && read_number(&c, 2, &second) && second <= 59 &&
                    read_fraction(&c, &ms) && read_zone(&c, &offset_minutes) && cursor_at_end(&c);
    if (!is_whole) {
        return false;
    }
    int64_t moment_ms = (date_s + (minutes - offset_minutes) * 60 + second) * 1000 + ms;
    if (moment_ms < 0) {
        return false;
    }
    *time_ms = moment_ms;
    return true;
}
