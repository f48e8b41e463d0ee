/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h - an intrusive, circular, doubly linked list. The list head is a link of its own; a link
 * that is in no list points to itself (list_init) or is all-zero. */
#ifndef THRUM_BASE_LIST_H
#define THRUM_BASE_LIST_H

#include "base/common.h"

struct link {
    struct link *next;
    struct link *previous;
};

static inline void list_init(struct link *list)
{
    list->next = list->previous = list;
}

static inline bool list_is_empty(const struct link *list)
{
    return list->next == list || list->next == NULL;
}

/* True when the link is in some list. */
static inline bool link_is_in_list(const struct link *link)
{
    return link->next != NULL && link->next != link;
}

static inline void list_push(struct link *list, struct link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

static inline void list_remove(struct link *link)
{
    if (link->next != NULL) {
        link->next->previous = link->previous;
        link->previous->next = link->next;
        list_init(link);
    }
}

/* Moves all of <from> to the end of <to>; <from> is empty afterwards. */
static inline void list_move_all(struct link *to, struct link *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

#define LIST_ENTRY(pointer, type, member) CONTAINER_OF(pointer, type, member)

/* Walks <list> with <at>; <after> holds the next one, so that <at> may be removed. */
#define LIST_EACH(list, at, after)                                        \
    for (struct link *at = (list)->next, *after = at->next; at != (list); \
         at = after, after = at->next)

#endif
