/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.h - what this machine is doing: load, processor, memory, disk, network.
 *
 * Linux counts most of it since boot, so a rate takes two looks: take one, wait, take another, and
 * write the difference. The parsers take the text of a file of /proc each, and leave the fields
 * alone that the text does not have. */
#ifndef THRUM_CLI_FIGURES_H
#define THRUM_CLI_FIGURES_H

#include "base/buf.h"
#include "base/common.h"
#include "base/slice.h"

/* One look. All-zero is a valid, empty one. */
struct figures {
    int64_t at_ms; /* monotonic */
    double load;   /* over the last minute */
    double uptime_s;
    uint64_t processor_ticks; /* of all processors, since boot */
    uint64_t processor_idle_ticks;
    uint64_t memory_kib;
    uint64_t memory_available_kib;
    uint64_t disk_read_sectors; /* of 512 bytes, whatever the disk has */
    uint64_t disk_written_sectors;
    uint64_t disk_bytes; /* of the file system that holds / */
    uint64_t disk_free_bytes;
    uint64_t network_received_bytes;
    uint64_t network_sent_bytes;
};

/* What is shown and published: one look and, for rates, the one before it. */
struct figures_rates {
    double load;
    double processor_percent;
    double memory_percent;
    double memory_used_mib;
    double disk_percent;
    double disk_read_kib_s;
    double disk_written_kib_s;
    double network_received_kib_s;
    double network_sent_kib_s;
    double uptime_s;
};

/* Takes a look. What cannot be read stays 0. */
void figures_take(struct figures *figures);

struct figures_rates figures_compare(const struct figures *before, const struct figures *now);

/* Appends the rates as an array of properties: [{"key":"load","value":0.42},...]. */
void figures_put_json(struct buf *out, const struct figures_rates *rates);

/* The parsers, each for the file in its name. */
void figures_read_loadavg(struct figures *figures, struct slice text);
void figures_read_uptime(struct figures *figures, struct slice text);
void figures_read_stat(struct figures *figures, struct slice text);
void figures_read_meminfo(struct figures *figures, struct slice text);
void figures_read_diskstats(struct figures *figures, struct slice text);
void figures_read_net_dev(struct figures *figures, struct slice text);

#endif
