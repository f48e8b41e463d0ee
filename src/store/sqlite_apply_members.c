/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in which collection, from EVENT_MEMBERS.
 *
 * Emptying a collection of any size is one number in its row: what joined before that event is no
 * member any more. The rows go when an event lists them. */
#include "store/sqlite_writer.h"

#include "base/assert.h"

static struct err write_member(struct documents *documents, const struct event *event,
                               const struct id *member)
{
    bool joins = event->change == MEMBERS_ADDED;
    struct db_call call = write_call(documents, joins ? WRITE_MEMBER : WRITE_MEMBER_GONE);
    db_put_id(&call, member);
    db_put_id(&call, event->resource);
    if (joins) {
        db_put_number(&call, (int64_t)event->sequence);
    }
    return db_run(&call);
}

/* What joins or leaves a collection changes by it (contract: REST 6.2). */
static struct err touch(struct documents *documents, const struct event *event,
                        const struct id *member)
{
    struct db_call call = write_call(documents, WRITE_TOUCHED);
    db_put_id(&call, member);
    db_put_number(&call, event->time_ms);
    return db_run(&call);
}

static struct err clear_all(struct documents *documents, const struct event *event)
{
    ASSERT(event->change == MEMBERS_CLEARED);
    struct db_call call =
        write_call(documents, event->member_kind == RESOURCE_THNG ? WRITE_CLEARED_THNGS
                                                                  : WRITE_CLEARED_COLLECTIONS);
    db_put_id(&call, event->resource);
    db_put_number(&call, (int64_t)event->sequence);
    return db_run(&call);
}

struct err writer_apply_members(struct documents *documents, const struct event *event)
{
    for (uint32_t i = 0; i < event->count; i++) {
        TRY(write_member(documents, event, &event->members[i]));
        TRY(touch(documents, event, &event->members[i]));
    }
    return event->flags & MEMBERS_ALL ? clear_all(documents, event) : ERR(OK);
}
