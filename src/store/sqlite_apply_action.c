/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions into rows. There are many more of them than of anything else, each is written once, and
 * it never changes: so nothing is looked for before it is written. */
#include "store/sqlite_writer.h"

static struct err write_action(struct documents *documents, const struct event *event,
                               const struct subject *subject, struct json_value root)
{
    /* Ids, and types, have no escapes: no call needs two scratch buffers. */
    struct buf *scratch = &documents->value;
    struct db_call call = write_call(documents, WRITE_ACTION);
    db_put_id(&call, subject->id);
    db_put_number(&call, subject->account);
    db_put_number(&call, subject->created_ms);
    db_put_number(&call, (int64_t)event->sequence);
    put_member(&call, json_member(root, SLICE("type")), scratch);
    put_member(&call, json_member(root, SLICE("thng")), scratch);
    put_member(&call, json_member(root, SLICE("product")), scratch);
    put_member(&call, json_member(root, SLICE("collection")), scratch);
    put_member(&call, json_member(root, SLICE("user")), scratch);
    put_texts(&call, event->scopes, event->text);
    return db_run(&call);
}

struct err writer_apply_action(struct documents *documents, const struct event *event,
                               struct json_value root)
{
    struct subject subject = {
        .id = event->resource, .account = event->account, .kind = RESOURCE_ACTION};
    if (!json_int64(json_member(root, SLICE("timestamp")), &subject.created_ms)) {
        return writer_refuse(documents, "an action has no timestamp");
    }
    if (json_member(root, SLICE("type")).type != JSON_STRING) {
        return writer_refuse(documents, "an action has no type");
    }
    TRY(write_action(documents, event, &subject, root));
    TRY(write_tags(documents, &subject, json_member(root, SLICE("tags"))));
    TRY(write_identifiers(documents, &subject, json_member(root, SLICE("identifiers"))));
    return write_scopes(documents, &subject, event->scopes);
}

struct err delete_action(struct documents *documents, const struct id *id)
{
    TRY(write_for(documents, WRITE_ACTION_GONE, id));
    TRY(write_for(documents, WRITE_TAGS_GONE, id));
    TRY(write_for(documents, WRITE_IDENTIFIERS_GONE, id));
    return write_for(documents, WRITE_SCOPES_GONE, id);
}
