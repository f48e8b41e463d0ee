/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages on plain topics: to who has subscribed to the topic, and to filters that match it. */
#include "front/fire.h"

static void encode(struct buf *out, const struct firing *firing)
{
    buf_put(out, firing->event->payload);
}

void fire_message(struct audience *audience, const struct event *event)
{
    struct id account;
    struct firing firing = {.event = event, .encode = encode};
    struct topic_ref ref = subs_plain_ref(event->account, &account, event->topic);
    fire_aim(audience, &firing, ref.family, ref.resource, ref.name);
    fire(audience, &firing);
}
