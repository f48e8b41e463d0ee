/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/head.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "base/hash.h"

#include <stdlib.h>

/* How many heads the eviction looks at for one that it adds. */
#define CLOCK_STEPS 16

static uint64_t hash_of(const struct heads *heads, const struct id *id)
{
    return hash_bytes(heads->seed, slice_of(id, sizeof(*id)));
}

static bool head_has_id(const void *entry, const void *key)
{
    const struct head *head = entry;
    return id_equal(&head->id, key);
}

void heads_init(struct heads *heads, uint64_t seed, size_t count_max)
{
    *heads = (struct heads){.seed = seed, .count_max = count_max};
    list_init(&heads->clock);
    list_init(&heads->ready);
    list_init(&heads->documents);
}

static void head_free(struct head *head)
{
    ASSERT(head->waiting == NULL);
    for (uint32_t i = 0; i < head->property_count; i++) {
        free(head->properties[i].key);
    }
    free(head->properties);
    buf_deinit(&head->document);
    buf_deinit(&head->scopes);
    free(head);
}

void heads_deinit(struct heads *heads)
{
    LIST_EACH (&heads->clock, link, after) {
        head_free(LIST_ENTRY(link, struct head, clock));
    }
    map_deinit(&heads->map);
    *heads = (struct heads){0};
}

struct head *heads_find(struct heads *heads, const struct id *id)
{
    struct head *head = map_find(&heads->map, hash_of(heads, id), head_has_id, id);
    if (head != NULL) {
        head->referenced = true;
    }
    return head;
}

bool head_is_idle(const struct head *head)
{
    return head->loading == NULL && head->held_by == NULL && head->waiting == NULL &&
           !link_is_in_list(&head->ready);
}

/* Second chance: the hand is the list's front. A head that was looked at since goes to the back
 * once; one that must stay goes to the back always. */
static void evict_one(struct heads *heads, uint64_t documents_mark)
{
    for (unsigned step = 0; step < CLOCK_STEPS && !list_is_empty(&heads->clock); step++) {
        struct head *head = LIST_ENTRY(heads->clock.next, struct head, clock);
        bool may_go =
            head->state != HEAD_LOADING && head_is_idle(head) && head->changed <= documents_mark;
        if (may_go && !head->referenced) {
            heads->forgotten = max_u64(heads->forgotten, head->changed);
            heads_remove(heads, head);
            return;
        }
        head->referenced = false;
        list_remove(&head->clock);
        list_push(&heads->clock, &head->clock);
    }
}

struct head *heads_add(struct heads *heads, const struct id *id, uint64_t documents_mark)
{
    /* Two for one, so that a table that had to grow over its bound shrinks again. */
    for (unsigned i = 0; i < 2 && map_count(&heads->map) >= heads->count_max; i++) {
        evict_one(heads, documents_mark);
    }
    struct head *head = calloc(1, sizeof(*head));
    if (head == NULL) {
        return NULL;
    }
    head->id = *id;
    head->state = HEAD_LOADING;
    head->referenced = true;
    head->waiting_last = &head->waiting;
    if (err_is_set(map_insert(&heads->map, hash_of(heads, id), head))) {
        free(head);
        return NULL;
    }
    list_push(&heads->clock, &head->clock);
    return head;
}

void heads_remove(struct heads *heads, struct head *head)
{
    ASSERT(head_is_idle(head));
    map_remove(&heads->map, hash_of(heads, &head->id), head);
    list_remove(&head->clock);
    head_drop_document(heads, head);
    head_free(head);
}

static struct err fill_properties(struct heads *heads, struct head *head, struct slice encoded)
{
    struct cursor c = cursor_over(encoded);
    while (!cursor_at_end(&c)) {
        uint32_t number;
        uint64_t bytes;
        struct slice key;
        bool read = cursor_read_u32be(&c, &number) && cursor_read_varint(&c, &bytes) &&
                    cursor_read_bytes(&c, bytes, &key);
        ASSERT(read);
        TRY(head_property_add(head, key, number, heads->seed));
    }
    return ERR(OK);
}

struct err head_fill(struct heads *heads, struct head *head, const struct head_load *load)
{
    ASSERT(head->state == HEAD_LOADING);
    if (!load->found) {
        head->state = HEAD_ABSENT;
        return ERR(OK);
    }
    head->kind = load->kind;
    head->account = load->account;
    head->parent = load->parent;
    head->key_count = load->key_count;
    memcpy(head->keys, load->keys, sizeof(head->keys));
    TRY(fill_properties(heads, head, buf_data(&load->properties)));
    TRY(head_keep_scopes(head, buf_data(&load->scopes)));
    if (load->want_document) {
        TRY(head_keep_document(heads, head, buf_data(&load->document)));
    }
    head->state = HEAD_PRESENT;
    return ERR(OK);
}

void head_drop_document(struct heads *heads, struct head *head)
{
    if (head->has_document) {
        heads->document_bytes -= buf_bytes(&head->document);
        buf_deinit(&head->document);
        list_remove(&head->kept);
        head->has_document = false;
    }
}

struct err head_keep_document(struct heads *heads, struct head *head, struct slice document)
{
    /* <document> may lie in the head's own buffer: the new one is made before the old one goes. */
    struct buf text = {0};
    buf_put(&text, document);
    head_drop_document(heads, head);
    if (text.failed) {
        buf_deinit(&text);
        return ERR(NO_MEMORY);
    }
    head->document = text;
    head->has_document = true;
    list_push(&heads->documents, &head->kept);
    heads->document_bytes += buf_bytes(&head->document);
    return ERR(OK);
}

struct err head_keep_scopes(struct head *head, struct slice scopes)
{
    if (slice_equal(buf_data(&head->scopes), scopes)) {
        return ERR(OK);
    }
    struct buf text = {0};
    buf_put(&text, scopes);
    if (text.failed) {
        buf_deinit(&text);
        return ERR(NO_MEMORY);
    }
    buf_deinit(&head->scopes);
    head->scopes = text;
    return ERR(OK);
}

void heads_trim_documents(struct heads *heads)
{
    while (heads->document_bytes > HEADS_DOCUMENT_BYTES_MAX) {
        head_drop_document(heads, LIST_ENTRY(heads->documents.next, struct head, kept));
    }
}

void head_wait(struct heads *heads, struct head *head, struct command *command)
{
    heads->waits++;
    command->next = NULL;
    *head->waiting_last = command;
    head->waiting_last = &command->next;
}

struct head_property *head_property_find(const struct head *head, struct slice key, uint64_t seed)
{
    uint32_t hash = (uint32_t)hash_bytes(seed, key);
    for (uint32_t i = 0; i < head->property_count; i++) {
        struct head_property *property = &head->properties[i];
        if (property->hash == hash &&
            slice_equal(slice_of(property->key, property->key_bytes), key)) {
            return property;
        }
    }
    return NULL;
}

struct err head_property_add(struct head *head, struct slice key, uint32_t number, uint64_t seed)
{
    if (head->property_count == head->property_room) {
        uint32_t room = head->property_room ? head->property_room * 2 : 4;
        void *grown = realloc(head->properties, room * sizeof(*head->properties));
        if (grown == NULL) {
            return ERR(NO_MEMORY);
        }
        head->properties = grown;
        head->property_room = room;
    }
    uint8_t *copy = malloc(max_size(key.bytes, 1));
    if (copy == NULL) {
        return ERR(NO_MEMORY);
    }
    if (key.bytes > 0) {
        memcpy(copy, key.at, key.bytes);
    }
    head->properties[head->property_count++] = (struct head_property){
        .hash = (uint32_t)hash_bytes(seed, key),
        .number = number,
        .key = copy,
        .key_bytes = (uint32_t)key.bytes,
    };
    return ERR(OK);
}

void head_property_remove(struct head *head, struct head_property *property)
{
    free(property->key);
    *property = head->properties[--head->property_count];
}

struct head_load *head_load_new(const struct id *id)
{
    struct command_batch *batch =
        command_batch_new(sizeof(struct head_load) + sizeof(struct command) + 64);
    if (batch == NULL) {
        return NULL;
    }
    struct head_load *load = command_batch_take(batch, sizeof(*load));
    struct command *command = command_batch_add(batch, COMMAND_LOADED);
    ASSERT(load != NULL && command != NULL);
    *load = (struct head_load){.batch = batch, .id = *id};
    command->as.loaded.load = load;
    return load;
}

void head_load_deinit(struct head_load *load)
{
    buf_deinit(&load->document);
    buf_deinit(&load->scopes);
    buf_deinit(&load->properties);
    buf_deinit(&load->members.ids_copy);
    buf_deinit(&load->members.states);
    buf_deinit(&load->members.listed);
    buf_deinit(&load->members.children);
    buf_deinit(&load->members.collections);
}
