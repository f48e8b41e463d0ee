/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/head.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "model/document.h"
#include "model/location.h"

#include <stdlib.h>

/* How many heads the eviction looks at for one that it adds. */
#define CLOCK_STEPS 16
/* Room for properties that a head begins with: most have few. */
#define PROPERTIES_MIN 2

static_assert(sizeof(struct head) <= 128, "a head takes two cache lines");

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
    list_init(&heads->documents);
}

static void head_free(struct head *head)
{
    ASSERT(head->last_waiting == NULL);
    for (uint32_t i = 0; i < head_property_count(head); i++) {
        free(head->properties->at[i].key);
    }
    free(head->properties);
    if (head->document != NULL) {
        free(head->document->collections);
    }
    free(head->document);
    free(head->scopes);
    free(head->keys);
    free(head->gist);
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
    return head->loading == NULL && head->held_by == NULL && head->last_waiting == NULL &&
           !head->is_ready;
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

static struct err fill_keys(struct head *head, const struct head_load *load)
{
    for (uint8_t i = 0; i < load->key_count; i++) {
        TRY(head_key_add(head, &load->keys[i]));
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
    head->kind = (uint8_t)load->kind;
    head->account = load->account;
    head->may_be_member |= load->may_be_member;
    TRY(head_keep_parent(head, &load->parent));
    TRY(fill_keys(head, load));
    TRY(fill_properties(heads, head, buf_data(&load->properties)));
    TRY(head_keep_scopes(head, buf_data(&load->scopes)));
    if (load->want_document) {
        TRY(head_keep_document(heads, head, buf_data(&load->document)));
    }
    head->state = HEAD_PRESENT;
    return ERR(OK);
}

/* ---- documents ---- */

static size_t document_bytes(const struct head_document *document)
{
    const struct head_collections *collections = document->collections;
    return document->bytes + (collections == NULL ? 0 : collections->count * sizeof(struct id));
}

/* Returns the collections kept with the document, which are the caller's. */
static struct head_collections *remove_document(struct heads *heads, struct head *head)
{
    struct head_document *document = head->document;
    if (document == NULL) {
        return NULL;
    }
    struct head_collections *collections = document->collections;
    heads->document_bytes -= document_bytes(document);
    list_remove(&document->link);
    free(document);
    head->document = NULL;
    return collections;
}

void head_drop_document(struct heads *heads, struct head *head)
{
    free(remove_document(heads, head));
}

struct err head_keep_document(struct heads *heads, struct head *head, struct slice document)
{
    /* <document> may be the head's own: the new one is made before the old one goes. */
    struct head_document *kept = malloc(sizeof(*kept) + document.bytes);
    if (kept != NULL) {
        *kept = (struct head_document){.head = head, .bytes = document.bytes};
        memcpy(kept->text, document.at, document.bytes);
    }
    struct head_collections *collections = remove_document(heads, head);
    if (kept == NULL) {
        free(collections);
        return ERR(NO_MEMORY);
    }
    kept->collections = collections;
    head->document = kept;
    list_push(&heads->documents, &kept->link);
    heads->document_bytes += document_bytes(kept);
    return ERR(OK);
}

static void set_collections(struct heads *heads, struct head_document *document,
                            struct head_collections *collections)
{
    heads->document_bytes -= document_bytes(document);
    free(document->collections);
    document->collections = collections;
    heads->document_bytes += document_bytes(document);
}

struct err head_keep_collections(struct heads *heads, struct head *head, uint64_t read,
                                 struct slice ids)
{
    struct head_collections *kept = malloc(sizeof(*kept) + ids.bytes);
    if (kept == NULL) {
        return ERR(NO_MEMORY);
    }
    *kept =
        (struct head_collections){.read = read, .count = (uint32_t)(ids.bytes / sizeof(struct id))};
    memcpy(kept->at, ids.at, ids.bytes);
    set_collections(heads, head->document, kept);
    return ERR(OK);
}

void head_forget_collections(struct heads *heads, struct head *head)
{
    if (head->document != NULL) {
        set_collections(heads, head->document, NULL);
    }
}

void heads_trim_documents(struct heads *heads)
{
    while (heads->document_bytes > HEADS_DOCUMENT_BYTES_MAX) {
        struct head_document *oldest =
            LIST_ENTRY(heads->documents.next, struct head_document, link);
        head_drop_document(heads, oldest->head);
    }
}

/* ---- scopes, gist ---- */

/* *text becomes a copy of <bytes>, NULL when there are none. ERR_NO_MEMORY leaves it as it was. */
static struct err replace(struct head_text **text, struct slice bytes)
{
    struct head_text *copy = NULL;
    if (!slice_is_empty(bytes)) {
        copy = malloc(sizeof(*copy) + bytes.bytes);
        if (copy == NULL) {
            return ERR(NO_MEMORY);
        }
        copy->bytes = bytes.bytes;
        memcpy(copy->at, bytes.at, bytes.bytes);
    }
    free(*text);
    *text = copy;
    return ERR(OK);
}

struct err head_keep_scopes(struct head *head, struct slice scopes)
{
    return slice_equal(head_scopes(head), scopes) ? ERR(OK) : replace(&head->scopes, scopes);
}

static struct err keep_id(struct head *head, const struct id *id)
{
    return replace(&head->gist, id_is_set(id) ? id_slice(id) : (struct slice){0});
}

struct err head_keep_parent(struct head *head, const struct id *parent)
{
    return keep_id(head, parent);
}

static bool has_gist_of_document(const struct head *head)
{
    return head->kind == RESOURCE_THNG || head->kind == RESOURCE_PLACE;
}

static struct err learn_product(struct head *head)
{
    struct id product = {0};
    (void)document_id(head_document(head), SLICE("product"), &product);
    return keep_id(head, &product);
}

static struct err learn_coordinates(struct head *head)
{
    struct buf text = {0};
    (void)location_put_place(&text, head_document(head));
    struct err err = text.failed ? ERR(NO_MEMORY) : replace(&head->gist, buf_data(&text));
    buf_deinit(&text);
    return err;
}

bool head_wants_gist(const struct head *head)
{
    return head->state == HEAD_LOADING ||
           (head->state == HEAD_PRESENT && has_gist_of_document(head) && !head->knows_gist);
}

struct err head_learn_gist(struct head *head)
{
    if (!head_wants_gist(head)) {
        return ERR(OK);
    }
    TRY(head->kind == RESOURCE_THNG ? learn_product(head) : learn_coordinates(head));
    head->knows_gist = true;
    return ERR(OK);
}

void head_forget_gist(struct head *head)
{
    if (has_gist_of_document(head)) {
        (void)replace(&head->gist, (struct slice){0});
        head->knows_gist = false;
    }
}

struct id head_gist_id(const struct head *head)
{
    struct id id = {0};
    if (head->gist != NULL) {
        ASSERT(head->kind != RESOURCE_PLACE && head->gist->bytes == sizeof(id));
        memcpy(&id, head->gist->at, sizeof(id));
    }
    return id;
}

/* ---- who waits ---- */

void head_wait(struct heads *heads, struct head *head, struct command *command)
{
    heads->waits++;
    if (head->last_waiting == NULL) {
        command->next = command;
    } else {
        command->next = head->last_waiting->next;
        head->last_waiting->next = command;
    }
    head->last_waiting = command;
}

struct command *head_take_waiting(struct head *head)
{
    struct command *last = head->last_waiting;
    if (last == NULL) {
        return NULL;
    }
    struct command *first = last->next;
    last->next = NULL;
    head->last_waiting = NULL;
    return first;
}

void heads_push_ready(struct heads *heads, struct head *head)
{
    if (head->is_ready) {
        return;
    }
    head->is_ready = true;
    head->next_ready = NULL;
    if (heads->ready_first == NULL) {
        heads->ready_first = head;
    } else {
        heads->ready_last->next_ready = head;
    }
    heads->ready_last = head;
}

struct head *heads_pop_ready(struct heads *heads)
{
    struct head *head = heads->ready_first;
    if (head != NULL) {
        heads->ready_first = head->next_ready;
        head->is_ready = false;
    }
    return head;
}

/* ---- keys ---- */

struct err head_key_add(struct head *head, const struct head_key *key)
{
    ASSERT(head->key_count < HEAD_KEYS_MAX && head_key_find(head, key->kind) == NULL);
    struct head_key *grown = realloc(head->keys, (head->key_count + 1u) * sizeof(*grown));
    if (grown == NULL) {
        return ERR(NO_MEMORY);
    }
    grown[head->key_count++] = *key;
    head->keys = grown;
    return ERR(OK);
}

/* Where it is among the head's keys; head->key_count: nowhere. */
static uint8_t key_index(const struct head *head, enum key_kind kind)
{
    uint8_t i = 0;
    while (i < head->key_count && head->keys[i].kind != kind) {
        i++;
    }
    return i;
}

const struct head_key *head_key_find(const struct head *head, enum key_kind kind)
{
    uint8_t i = key_index(head, kind);
    return i < head->key_count ? &head->keys[i] : NULL;
}

void head_key_remove(struct head *head, enum key_kind kind)
{
    uint8_t i = key_index(head, kind);
    if (i < head->key_count) {
        head->keys[i] = head->keys[--head->key_count];
    }
}

void head_keys_remove(struct head *head)
{
    free(head->keys);
    head->keys = NULL;
    head->key_count = 0;
}

/* ---- properties ---- */

struct head_property *head_property_find(const struct head *head, struct slice key, uint64_t seed)
{
    uint32_t hash = (uint32_t)hash_bytes(seed, key);
    for (uint32_t i = 0; i < head_property_count(head); i++) {
        struct head_property *property = &head->properties->at[i];
        if (property->hash == hash &&
            slice_equal(slice_of(property->key, property->key_bytes), key)) {
            return property;
        }
    }
    return NULL;
}

/* Makes room for one more. */
static struct err grow(struct head *head)
{
    struct head_properties *properties = head->properties;
    uint32_t count = head_property_count(head);
    if (properties != NULL && count < properties->room) {
        return ERR(OK);
    }
    uint32_t room = count > 0 ? count * 2 : PROPERTIES_MIN;
    properties = realloc(properties, sizeof(*properties) + room * sizeof(properties->at[0]));
    if (properties == NULL) {
        return ERR(NO_MEMORY);
    }
    properties->count = count;
    properties->room = room;
    head->properties = properties;
    return ERR(OK);
}

struct err head_property_add(struct head *head, struct slice key, uint32_t number, uint64_t seed)
{
    TRY(grow(head));
    uint8_t *copy = malloc(max_size(key.bytes, 1));
    if (copy == NULL) {
        return ERR(NO_MEMORY);
    }
    if (key.bytes > 0) {
        memcpy(copy, key.at, key.bytes);
    }
    head->properties->at[head->properties->count++] = (struct head_property){
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
    *property = head->properties->at[--head->properties->count];
}

/* ---- loads ---- */

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
    buf_deinit(&load->members.collection_scopes);
}
