/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/filter_tree.h"

#include "base/assert.h"
#include "base/hash.h"
#include "model/plain_topic.h"

#include <stdlib.h>

struct filter_node {
    struct filter_node *parent;
    struct map children; /* struct filter_node, by level; wildcards are levels like others */
    uint32_t child_count;
    void *entry; /* of the filter that ends here, or NULL */
    size_t bytes;
    uint8_t level[];
};

static const struct slice any_one = SLICE_INIT("+");
static const struct slice any_all = SLICE_INIT("#");

static bool has_level(const void *node, const void *level)
{
    const struct filter_node *found = node;
    return slice_equal(slice_of(found->level, found->bytes), *(const struct slice *)level);
}

static struct filter_node *child_of(const struct filter_node *node, struct slice level)
{
    return node->child_count == 0
               ? NULL
               : map_find(&node->children, hash_bytes(0, level), has_level, &level);
}

static struct filter_node *node_new(struct filter_node *parent, struct slice level)
{
    struct filter_node *node = calloc(1, sizeof(*node) + level.bytes);
    if (node == NULL) {
        return NULL;
    }
    node->parent = parent;
    node->bytes = level.bytes;
    if (level.bytes > 0) {
        memcpy(node->level, level.at, level.bytes);
    }
    if (parent != NULL && err_is_set(map_insert(&parent->children, hash_bytes(0, level), node))) {
        free(node);
        return NULL;
    }
    if (parent != NULL) {
        parent->child_count++;
    }
    return node;
}

/* Frees the node, and those above it, as far as they lead nowhere any more. */
static void prune(struct filter_tree *tree, struct filter_node *node)
{
    while (node != NULL && node->child_count == 0 && node->entry == NULL) {
        struct filter_node *parent = node->parent;
        if (parent == NULL) {
            tree->root = NULL;
        } else {
            map_remove(&parent->children, hash_bytes(0, slice_of(node->level, node->bytes)), node);
            parent->child_count--;
        }
        map_deinit(&node->children);
        free(node);
        node = parent;
    }
}

static void free_below(struct filter_node *node)
{
    size_t position = 0;
    for (struct filter_node *child; (child = map_next(&node->children, &position)) != NULL;) {
        free_below(child);
    }
    map_deinit(&node->children);
    free(node);
}

void filter_tree_deinit(struct filter_tree *tree)
{
    if (tree->root != NULL) {
        free_below(tree->root);
        tree->root = NULL;
    }
}

/* The child for the level, made if it is not there; NULL without memory. */
static struct filter_node *must_child(struct filter_node *node, struct slice level)
{
    struct filter_node *child = child_of(node, level);
    return child != NULL ? child : node_new(node, level);
}

struct err filter_tree_add(struct filter_tree *tree, const struct id *account, struct slice filter,
                           void *entry)
{
    struct plain_levels levels = plain_levels(filter);
    struct slice level;
    tree->root = tree->root != NULL ? tree->root : node_new(NULL, (struct slice){0});
    if (tree->root == NULL) {
        return ERR(NO_MEMORY);
    }
    struct filter_node *node = tree->root;
    struct filter_node *next = must_child(node, slice_of(account, sizeof(*account)));
    while (next != NULL && plain_levels_next(&levels, &level)) {
        node = next;
        next = must_child(node, level);
    }
    if (next == NULL) {
        prune(tree, node);
        return ERR(NO_MEMORY);
    }
    ASSERT(next->entry == NULL);
    next->entry = entry;
    return ERR(OK);
}

void filter_tree_remove(struct filter_tree *tree, const struct id *account, struct slice filter)
{
    struct plain_levels levels = plain_levels(filter);
    struct slice level;
    ASSERT(tree->root != NULL);
    struct filter_node *node = child_of(tree->root, slice_of(account, sizeof(*account)));
    while (node != NULL && plain_levels_next(&levels, &level)) {
        node = child_of(node, level);
    }
    ASSERT(node != NULL && node->entry != NULL);
    node->entry = NULL;
    prune(tree, node);
}

/* ---- matching ---- */

struct matching {
    filter_visit_fn visit;
    void *arg;
};

static void visit_entry(const struct matching *matching, const struct filter_node *node)
{
    if (node != NULL && node->entry != NULL) {
        matching->visit(matching->arg, node->entry);
    }
}

/* The levels of a name are TOPIC_LEVELS_MAX at most, and so is the depth. */
static void match_below(const struct matching *matching, const struct filter_node *node,
                        struct plain_levels levels, bool may_be_wild)
{
    struct slice level;
    if (may_be_wild) {
        visit_entry(matching, child_of(node, any_all)); /* [MQTT-4.7.1-2]: also the level above */
    }
    if (!plain_levels_next(&levels, &level)) {
        visit_entry(matching, node);
        return;
    }
    const struct filter_node *one = may_be_wild ? child_of(node, any_one) : NULL;
    const struct filter_node *same = child_of(node, level);
    if (one != NULL) {
        match_below(matching, one, levels, true);
    }
    if (same != NULL) {
        match_below(matching, same, levels, true);
    }
}

void filter_tree_match(const struct filter_tree *tree, const struct id *account, struct slice name,
                       filter_visit_fn visit, void *arg)
{
    const struct matching matching = {visit, arg};
    const struct filter_node *of_account =
        tree->root != NULL ? child_of(tree->root, slice_of(account, sizeof(*account))) : NULL;
    if (of_account != NULL) {
        bool is_hidden = name.bytes > 0 && name.at[0] == '$'; /* [MQTT-4.7.2-1] */
        match_below(&matching, of_account, plain_levels(name), !is_hidden);
    }
}
