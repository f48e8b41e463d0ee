/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

void session_init(struct session *session, const struct session_ops *ops)
{
    *session = (struct session){.ops = ops};
    list_init(&session->subscriptions);
}

void session_fall_behind(struct session *session, uint64_t after)
{
    if (!session->is_behind) {
        session->is_behind = true;
        session->cursor = after + 1;
    }
}

void session_deinit(struct session *session, struct subs *subs)
{
    LIST_EACH (&session->subscriptions, link, after) {
        subs_remove(subs, LIST_ENTRY(link, struct subscription, in_session));
    }
}
