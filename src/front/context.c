/* SPDX-License-Identifier: Apache-2.0 */
#include "front/context.h"

#include "base/utf8.h"
#include "codec/json_write.h"

/* As much as is kept, in whole characters. A header may hold any bytes: what is no UTF-8 ends it.
 */
static struct slice cut_user_agent(struct slice text)
{
    size_t bytes = 0;
    size_t step;
    while ((step = utf8_sequence(slice_from(text, bytes))) > 0 &&
           bytes + step <= CONTEXT_USER_AGENT_BYTES_MAX) {
        bytes += step;
    }
    return slice_first(text, bytes);
}

struct slice context_of(struct conn *conn, enum topic_family family, struct slice user_agent)
{
    struct buf *out = &conn->front->context;
    char host[ADDRESS_TEXT_BYTES];
    buf_reset(out);
    if (!topic_is_of_actions(family)) {
        return (struct slice){0};
    }
    json_write_open(out, '{');
    if (conn->peer.bytes > 0) {
        json_write_member_string(out, SLICE("ipAddress"),
                                 slice_of_text(address_describe_host(&conn->peer, host)));
    }
    struct slice agent = cut_user_agent(user_agent);
    if (agent.bytes > 0) {
        json_write_member_string(out, SLICE("userAgent"), agent);
    }
    json_write_close(out, '}');
    return out->failed ? (struct slice){0} : buf_data(out);
}
