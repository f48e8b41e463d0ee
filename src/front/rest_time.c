/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /time (contract: rest.md 1.10). */
#include "front/rest.h"

#include "base/assert.h"
#include "base/clock.h"
#include "codec/json_write.h"
#include "codec/uri.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "front/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"
/* The largest of the database has some 4 KiB. */
#define ZONE_FILE_BYTES_MAX ((size_t)64 << 10)

struct time_job {
    struct rest_read read;
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_BYTES_MAX];
};

static struct err read_zone_file(const char *path, struct buf *file)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return ERR(QUERY_INVALID);
    }
    ssize_t got = 0;
    struct err err = buf_reserve(file, ZONE_FILE_BYTES_MAX);
    if (!err_is_set(err)) {
        do {
            got = read(fd, file->at + file->tail, ZONE_FILE_BYTES_MAX);
        } while (got == -1 && errno == EINTR);
    }
    close(fd);
    TRY(err);
    if (got <= 0) { /* a folder, for one */
        return ERR(QUERY_INVALID);
    }
    file->tail += (size_t)got;
    return ERR(OK);
}

/* "2026-07-01T12:34:56.789+01:00" */
static void write_local_time(struct buf *out, int64_t now_ms, int64_t offset_s)
{
    char text[64];
    time_t local = (time_t)(now_ms / 1000 + offset_s);
    struct tm tm;
    const struct tm *known = gmtime_r(&local, &tm);
    ASSERT(known != NULL);
    int64_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    int bytes = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d",
                         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                         tm.tm_sec, (int)(now_ms % 1000), offset_s < 0 ? '-' : '+',
                         (int)(minutes / 60), (int)(minutes % 60));
    json_write_member_string(out, SLICE("localTime"), slice_of(text, (size_t)bytes));
}

static struct err time_run(struct reader *reader, struct rest_read *read)
{
    const struct time_job *job = (struct time_job *)(void *)read; /* it begins with the read */
    struct buf *out = &read->body;
    struct zone_moment moment;
    int64_t now_ms = clock_wall_ms();
    buf_reset(&reader->scratch);
    TRY(read_zone_file(job->path, &reader->scratch));
    if (err_is_set(zone_at(buf_data(&reader->scratch), now_ms / 1000, &moment))) {
        return ERR(QUERY_INVALID); /* a file of the folder that is no zone */
    }
    json_write_open(out, '{');
    json_write_member_int(out, SLICE("timestamp"), now_ms);
    write_local_time(out, now_ms, moment.offset_s);
    json_write_member_int(out, SLICE("offset"), moment.offset_s * 1000);
    if (moment.has_next) {
        json_write_member_int(out, SLICE("nextChange"), moment.next_s * 1000);
    }
    json_write_close(out, '}');
    return ERR(OK);
}

static void answer_utc(struct http_request *request)
{
    char text[64];
    int bytes = snprintf(text, sizeof(text), "{\"timestamp\":%lld}", (long long)clock_wall_ms());
    http_answer_body(request, slice_of(text, (size_t)bytes));
}

enum rest_step rest_time(struct http_request *request)
{
    struct slice zone;
    struct slice name;
    uint8_t decoded[ZONE_NAME_BYTES_MAX];
    if (!rest_query_find(request->query, SLICE("tz"), &zone)) {
        answer_utc(request);
        return REST_TAKEN;
    }
    if (!uri_decode(zone, decoded, sizeof(decoded), &name) || !zone_name_is_wellformed(name)) {
        http_refuse(request, ERR(QUERY_INVALID));
        return REST_TAKEN;
    }
    struct time_job *job = rest_read_new(request, sizeof(*job), time_run);
    if (job != NULL) {
        int bytes = snprintf(job->path, sizeof(job->path), ZONE_FOLDER "%.*s", SLICE_ARGS(name));
        ASSERT(bytes > 0 && (size_t)bytes < sizeof(job->path));
        job->read.after = 0; /* it asks the store nothing */
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}
