/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_tree.h - which filters of plain topics match this name? A tree of their levels, below the
 * account that they are of.
 *
 *      account --- a --- + --- c       a/+/c
 *               \     \- #             a/#
 *                \- #                  #
 *
 * For filters with wildcards; others are found by their hash (subs.h). Matching visits the branches
 * for the name's level, for "+" and for "#". Owned by one loop. */
#ifndef THRUM_ENGINE_FILTER_TREE_H
#define THRUM_ENGINE_FILTER_TREE_H

#include "base/err.h"
#include "base/map.h"
#include "model/id.h"

struct filter_node;

struct filter_tree {
    struct filter_node *root; /* NULL while it is empty */
};

/* Frees what is left. */
void filter_tree_deinit(struct filter_tree *tree);

/* <entry> is found by names that the filter matches; it is not there yet. ERR_NO_MEMORY. */
MUST_USE struct err filter_tree_add(struct filter_tree *tree, const struct id *account,
                                    struct slice filter, void *entry);
void filter_tree_remove(struct filter_tree *tree, const struct id *account, struct slice filter);

typedef void (*filter_visit_fn)(void *arg, void *entry);

/* Visits the entries of all filters that match the name. The tree must not be changed meanwhile. */
void filter_tree_match(const struct filter_tree *tree, const struct id *account, struct slice name,
                       filter_visit_fn visit, void *arg);

#endif
