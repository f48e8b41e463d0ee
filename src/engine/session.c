/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

void session_init(struct session *session, const struct session_ops *ops)
{
    *session = (struct session){.ops = ops};
    list_init(&session->subscriptions);
}

void session_deinit(struct session *session, struct subs *subs)
{
    LIST_EACH (&session->subscriptions, link, after) {
        subs_remove(subs, LIST_ENTRY(link, struct subscription, in_session));
    }
}
