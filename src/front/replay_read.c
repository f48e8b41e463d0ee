/* SPDX-License-Identifier: Apache-2.0 */
#include "front/replay_read.h"

#include "codec/json_write.h"
#include "front/view_state.h"
#include "model/document.h"

static bool is_of_points(enum topic_family family)
{
    switch (family) {
    case TOPIC_THNG_PROPERTIES:
    case TOPIC_THNG_PROPERTY:
    case TOPIC_THNG_LOCATION:
    case TOPIC_PRODUCT_PROPERTIES:
    case TOPIC_PRODUCT_PROPERTY:
        return true;
    default:
        return false;
    }
}

bool replay_has_history(enum topic_family family)
{
    return is_of_points(family) || topic_is_of_actions(family);
}

void replay_put_message(const struct view *view, struct replay_read *read)
{
    const struct buf *message = &view->reader->scratch;
    buf_put_u32be(&read->messages, (uint32_t)buf_bytes(message));
    buf_put(&read->messages, buf_data(message));
    read->messages.failed |= message->failed;
}

/* ---- actions ---- */

struct action_page {
    const struct view *view;
    struct replay_read *read;
    uint32_t rows;
    uint32_t messages;
    bool is_enough;
};

static void put_action(struct action_page *page, const struct document *document)
{
    struct buf *out = &page->view->reader->scratch;
    struct slice shown;
    struct slice hidden;
    buf_reset(out);
    document_split(RESOURCE_ACTION, document->text, &shown, &hidden);
    buf_put(out, shown);
    json_write_close(out, '}');
    replay_put_message(page->view, page->read);
    page->messages++;
}

static bool take_action(void *arg, const struct document *document)
{
    struct action_page *page = arg;
    struct replay_read *read = page->read;
    page->rows++;
    read->place = (struct replay_place){
        .is_set = true, .time_ms = document->created_ms, .action = document->id};
    if (document->sequence > read->after) {
        return true; /* that is delivered live */
    }
    if (read->back > 0) {
        page->is_enough = --read->back == 0;
    } else {
        put_action(page, document);
        page->is_enough = page->messages == REPLAY_PAGE_MESSAGES ||
                          buf_bytes(&read->messages) >= REPLAY_PAGE_BYTES;
    }
    return !page->is_enough && !read->messages.failed;
}

static struct err read_actions(const struct view *view, struct replay_read *read)
{
    struct view_actions actions;
    struct action_page page = {.view = view, .read = read};
    struct documents_query *query = &actions.query;
    read->is_done = true;
    if (!view_actions_of(view, read->topic, &actions)) {
        return ERR(OK);
    }
    actions.conditions[query->condition_count++] = (struct filter_condition){
        .field = FILTER_CREATED_AT, .compare = FILTER_GREATER, .number = read->from_ms - 1};
    query->ascending = read->back == 0;
    query->has_after = read->place.is_set;
    query->after_created_ms = read->place.time_ms;
    query->after_id = read->place.action;
    query->limit = REPLAY_PAGE_PASSED;
    TRY(documents_list(view->reader->documents, query, take_action, &page));
    read->is_done = !page.is_enough && page.rows < query->limit;
    return ERR(OK);
}

/* ---- any topic ---- */

static struct err judge(const struct view *view, const struct topic *topic)
{
    enum resource_kind kind = topic_family_row(topic->family)->resource;
    struct document document;
    return kind == 0 ? view_check_project(view)
                     : view_find(view, kind, &topic->resource, &document);
}

static struct err read_one_way(const struct view *view, struct replay_read *read)
{
    return is_of_points(read->topic->family) ? replay_read_points(view, read)
                                             : read_actions(view, read);
}

/* When the beginning has been found on the way, the first messages come in the same page. */
static struct err read_judged(const struct view *view, struct replay_read *read)
{
    TRY(judge(view, read->topic));
    if (read->back > 0) {
        TRY(read_one_way(view, read));
        if (read->back > 0 && read->is_done) { /* there are no more than were asked for */
            read->back = 0;
            read->place = (struct replay_place){0};
        }
        read->is_done = false;
    }
    return read->back > 0 ? ERR(OK) : read_one_way(view, read);
}

struct err replay_read_page(const struct view *view, struct replay_read *read)
{
    struct view judged = *view;
    judged.subject = perm_subject_of_topic(read->topic->family, topic_name(read->topic));
    judged.operation = perm_subscribe_operation(read->topic->family);
    buf_reset(&read->messages);
    TRY(documents_reader_begin(view->reader->documents));
    struct err err = read_judged(&judged, read);
    documents_reader_end(view->reader->documents);
    return !err_is_set(err) && read->messages.failed ? ERR(NO_MEMORY) : err;
}
