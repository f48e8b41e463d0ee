/* SPDX-License-Identifier: Apache-2.0
 *
 * A new key in the place of one that ends at once, with its connections: when it has got about, or
 * was lost. The answer tells the new one under the name that it has elsewhere. */
#include "front/rest_documents.h"
#include "front/rest_giving.h"
#include "front/rest_keys.h"

#include "base/assert.h"
#include "codec/json_write.h"

struct renewal {
    enum rest_reply reply;
    enum resource_kind owner;
    enum key_kind key;
    struct slice name;
};

static const struct renewal *renewal_of(const struct rest_route *route)
{
    static const struct renewal rows[] = {
        {REPLY_SECRET_KEY, RESOURCE_APPLICATION, KEY_TRUSTED, SLICE_INIT("secretApiKey")},
        {REPLY_APPLICATION_KEY, RESOURCE_APPLICATION, KEY_APPLICATION, SLICE_INIT("appApiKey")},
        {REPLY_API_KEY, RESOURCE_ACCESS_TOKEN, KEY_ACCESS_TOKEN, SLICE_INIT("apiKey")},
        {REPLY_API_KEY, RESOURCE_OPERATOR, KEY_OPERATOR, SLICE_INIT("apiKey")},
    };
    size_t i = 0;
    while (rows[i].reply != route->reply || rows[i].owner != route->kind) {
        i++;
        ASSERT(i < ARRAY_LEN(rows));
    }
    return &rows[i];
}

enum rest_step rest_key_renew(struct http_request *request)
{
    const struct renewal *renewal = renewal_of(request->route);
    /* Whoever is told the key of another has the rights of that one. */
    if (rest_giving_is_to_judge(request)) {
        return rest_giving_judge(request);
    }
    if (err_is_set(request->kept.issue.refusal)) {
        http_refuse(request, ERR(DENIED));
        return REST_TAKEN;
    }
    return rest_key_send(request,
                         &(struct key_send){
                             .kind = renewal->key,
                             .target_kind = renewal->owner,
                             .target = *rest_document_id(request),
                             .parent = rest_document_parent(request),
                             .replaces = true,
                         },
                         request->kept.issue.api_key);
}

void rest_key_renewed(struct http_request *request, const struct answer *answer,
                      const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
        return;
    }
    struct buf *out = &request->conn->front->scratch;
    buf_reset(out);
    json_write_open(out, '{');
    json_write_member_string(out, renewal_of(request->route)->name,
                             slice_of(request->kept.issue.api_key, API_KEY_BYTES));
    json_write_close(out, '}');
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        http_answer_body(request, buf_data(out));
    }
    buf_wipe(out);
}
