/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/figures.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* More than any of the files has on a machine with hundreds of disks; the rest would be left out.
 */
#define FIGURES_FILE_BYTES 65536

/* ------------------------------------------------------------------ words and numbers */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool next_line(struct slice *text, struct slice *line)
{
    if (text->bytes == 0) {
        return false;
    }
    size_t end = slice_find(*text, '\n');
    *line = slice_first(*text, end);
    *text = slice_from(*text, min_size(end + 1, text->bytes));
    return true;
}

/* Takes a word off <line>; empty at its end. */
static struct slice next_word(struct slice *line)
{
    while (line->bytes > 0 && is_space(line->at[0])) {
        *line = slice_from(*line, 1);
    }
    size_t bytes = 0;
    while (bytes < line->bytes && !is_space(line->at[bytes])) {
        bytes++;
    }
    struct slice word = slice_first(*line, bytes);
    *line = slice_from(*line, bytes);
    return word;
}

static double number_of(struct slice word)
{
    char text[32];
    snprintf(text, sizeof(text), "%.*s", (int)min_size(word.bytes, sizeof(text) - 1),
             (const char *)word.at);
    return strtod(text, NULL);
}

static uint64_t count_of(struct slice word)
{
    uint64_t count = 0;
    for (size_t i = 0; i < word.bytes && word.at[i] >= '0' && word.at[i] <= '9'; i++) {
        count = count * 10 + (uint64_t)(word.at[i] - '0');
    }
    return count;
}

/* Skips <count> words and gives the one behind them. */
static struct slice word_after(struct slice *line, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)next_word(line);
    }
    return next_word(line);
}

/* ------------------------------------------------------------------ the files */

/* "0.42 0.30 0.25 1/234 5678" */
void figures_read_loadavg(struct figures *figures, struct slice text)
{
    struct slice word = next_word(&text);
    if (word.bytes > 0) {
        figures->load = number_of(word);
    }
}

/* "12345.67 23456.78" */
void figures_read_uptime(struct figures *figures, struct slice text)
{
    struct slice word = next_word(&text);
    if (word.bytes > 0) {
        figures->uptime_s = number_of(word);
    }
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are in user and
 * nice already. Waiting for a disk is idling. */
void figures_read_stat(struct figures *figures, struct slice text)
{
    struct slice line;
    if (!next_line(&text, &line) || !slice_equal(next_word(&line), SLICE("cpu"))) {
        return;
    }
    figures->processor_ticks = figures->processor_idle_ticks = 0;
    for (unsigned field = 0; field < 8; field++) {
        uint64_t ticks = count_of(next_word(&line));
        figures->processor_ticks += ticks;
        figures->processor_idle_ticks += field == 3 || field == 4 ? ticks : 0;
    }
}

/* "MemTotal:       16316412 kB" */
void figures_read_meminfo(struct figures *figures, struct slice text)
{
    struct slice line;
    while (next_line(&text, &line)) {
        struct slice name = next_word(&line);
        if (slice_equal(name, SLICE("MemTotal:"))) {
            figures->memory_kib = count_of(next_word(&line));
        } else if (slice_equal(name, SLICE("MemAvailable:"))) {
            figures->memory_available_kib = count_of(next_word(&line));
        }
    }
}

static bool has_prefix_of(struct slice name, const struct slice *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_starts_with(name, prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* "8 0 sda reads merged sectors ms writes merged sectors ms ...". A partition follows its disk and
 * its name continues the disk's; what is made of other disks would be counted twice. */
void figures_read_diskstats(struct figures *figures, struct slice text)
{
    static const struct slice made_of_others[] = {SLICE_INIT("loop"), SLICE_INIT("ram"),
                                                  SLICE_INIT("dm-"),  SLICE_INIT("md"),
                                                  SLICE_INIT("zram"), SLICE_INIT("sr")};
    struct slice line;
    struct slice disk = {0};
    figures->disk_read_sectors = figures->disk_written_sectors = 0;
    while (next_line(&text, &line)) {
        struct slice name = word_after(&line, 2);
        bool is_partition = disk.bytes > 0 && slice_starts_with(name, disk);
        if (name.bytes == 0 || is_partition ||
            has_prefix_of(name, made_of_others, ARRAY_LEN(made_of_others))) {
            continue;
        }
        disk = name;
        figures->disk_read_sectors += count_of(word_after(&line, 2));
        figures->disk_written_sectors += count_of(word_after(&line, 3));
    }
}

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes ...", after two lines of
 * headings. What goes through a bridge or to oneself never leaves the machine, or is counted at the
 * interface it leaves by. */
void figures_read_net_dev(struct figures *figures, struct slice text)
{
    static const struct slice inner[] = {SLICE_INIT("lo"), SLICE_INIT("veth"), SLICE_INIT("docker"),
                                         SLICE_INIT("br-"), SLICE_INIT("virbr")};
    struct slice line;
    figures->network_received_bytes = figures->network_sent_bytes = 0;
    while (next_line(&text, &line)) {
        size_t colon = slice_find(line, ':');
        if (colon == line.bytes) {
            continue;
        }
        struct slice head = slice_first(line, colon);
        struct slice name = next_word(&head);
        struct slice counts = slice_from(line, colon + 1);
        if (!has_prefix_of(name, inner, ARRAY_LEN(inner))) {
            figures->network_received_bytes += count_of(next_word(&counts));
            figures->network_sent_bytes += count_of(word_after(&counts, 7));
        }
    }
}

static void read_file(struct figures *figures, const char *path,
                      void (*read_text)(struct figures *, struct slice))
{
    char text[FIGURES_FILE_BYTES];
    size_t bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return;
    }
    ssize_t got;
    while (bytes < sizeof(text) && (got = read(fd, text + bytes, sizeof(text) - bytes)) > 0) {
        bytes += (size_t)got;
    }
    close(fd);
    read_text(figures, slice_of(text, bytes));
}

void figures_take(struct figures *figures)
{
    *figures = (struct figures){.at_ms = clock_monotonic_ms()};
    read_file(figures, "/proc/loadavg", figures_read_loadavg);
    read_file(figures, "/proc/uptime", figures_read_uptime);
    read_file(figures, "/proc/stat", figures_read_stat);
    read_file(figures, "/proc/meminfo", figures_read_meminfo);
    read_file(figures, "/proc/diskstats", figures_read_diskstats);
    read_file(figures, "/proc/net/dev", figures_read_net_dev);
    struct statvfs disk;
    if (statvfs("/", &disk) == 0) {
        figures->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
        figures->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
}

/* ------------------------------------------------------------------ rates */

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)min_size(part, whole) / (double)whole;
}

/* Units a second; counters that went backwards (an interface has gone) give 0. */
static double rate(uint64_t before, uint64_t now, int64_t ms)
{
    return now <= before || ms <= 0 ? 0 : (double)(now - before) * 1000.0 / (double)ms;
}

static uint64_t without(uint64_t whole, uint64_t part)
{
    return whole > part ? whole - part : 0;
}

struct figures_rates figures_compare(const struct figures *before, const struct figures *now)
{
    int64_t ms = now->at_ms - before->at_ms;
    uint64_t ticks = without(now->processor_ticks, before->processor_ticks);
    uint64_t idle = without(now->processor_idle_ticks, before->processor_idle_ticks);
    uint64_t memory_used = without(now->memory_kib, now->memory_available_kib);
    return (struct figures_rates){
        .load = now->load,
        .processor_percent = percent(without(ticks, idle), ticks),
        .memory_percent = percent(memory_used, now->memory_kib),
        .memory_used_mib = (double)memory_used / 1024,
        .disk_percent = percent(without(now->disk_bytes, now->disk_free_bytes), now->disk_bytes),
        .disk_read_kib_s = rate(before->disk_read_sectors, now->disk_read_sectors, ms) / 2,
        .disk_written_kib_s = rate(before->disk_written_sectors, now->disk_written_sectors, ms) / 2,
        .network_received_kib_s =
            rate(before->network_received_bytes, now->network_received_bytes, ms) / 1024,
        .network_sent_kib_s = rate(before->network_sent_bytes, now->network_sent_bytes, ms) / 1024,
        .uptime_s = now->uptime_s,
    };
}

void figures_put_json(struct buf *out, const struct figures_rates *rates)
{
    const struct {
        const char *key;
        double value;
        int digits;
    } rows[] = {
        {"load", rates->load, 2},
        {"processor_percent", rates->processor_percent, 1},
        {"memory_percent", rates->memory_percent, 1},
        {"memory_used_mib", rates->memory_used_mib, 0},
        {"disk_percent", rates->disk_percent, 1},
        {"disk_read_kib_s", rates->disk_read_kib_s, 1},
        {"disk_written_kib_s", rates->disk_written_kib_s, 1},
        {"network_received_kib_s", rates->network_received_kib_s, 1},
        {"network_sent_kib_s", rates->network_sent_kib_s, 1},
        {"uptime_s", rates->uptime_s, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_put_format(out, "%s{\"key\":\"%s\",\"value\":%.*f}", i == 0 ? "[" : ",", rows[i].key,
                       rows[i].digits, rows[i].value);
    }
    BUF_PUT_LITERAL(out, "]");
}
