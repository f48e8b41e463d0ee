/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - what GET shows of a resource, composed from the store on a reader thread. The same
 * functions answer REST and give subscribers their present state (pubStates, view_state.h).
 *
 * All append compact JSON to <out>. The caller has waited for the store to show what it must show
 * (store_wait). */
#ifndef THRUM_FRONT_VIEW_H
#define THRUM_FRONT_VIEW_H

#include "model/perm.h"
#include "store/keyring.h"
#include "store/readers.h"

enum view_flags {
    VIEW_SCOPES = 1,
    VIEW_CREATED = 2,          /* the answer to a POST: no `properties` when there are none */
    VIEW_CONTEXT = 4,          /* of an action, its context too */
    VIEW_BARE = 8,             /* without what has topics of its own: properties, location */
    VIEW_ACCOUNT_ACCESS = 16,  /* of an operator, what it has in the account: role and key */
    VIEW_OPERATOR_ACCESS = 32, /* the same with its policies, and without the key */
};

/* From where it is looked at. */
struct view {
    struct reader *reader;
    const struct keyring *keyring; /* shows an application's public key */
    const struct actor *actor;
    /* What the actor must be permitted; operation 0: what it sees is shown, because that has been
     * judged before, or because it is only referred to. */
    enum perm_subject subject;
    enum perm_operation operation;
    const struct id *project; /* ?project=; NULL or not set: none */
    unsigned flags;
    struct slice origin; /* "https://host:port" for URLs in documents (files); empty: rooted ones */
    bool is_settled;     /* set by view_settle */
};

/* For who writes many documents of one moment, within documents_reader_begin and _end: finds out,
 * once for all, whether deletions are still being worked off that documents do not show yet. */
MUST_USE struct err view_settle(struct view *view);

/* ERR_NOT_FOUND when view->project is set and there is no such project in the actor's account. */
MUST_USE struct err view_check_project(const struct view *view);

/* The project whose resources alone are to be seen: ?project=, else the actor's own; NULL: any. */
const struct id *view_project(const struct view *view);

/* The resource of that kind and id, in one moment. ERR_NOT_FOUND when it does not exist, or the
 * actor does not see it; ERR_DENIED when it sees it, but may not do that to it. */
MUST_USE struct err view_resource(const struct view *view, enum resource_kind kind,
                                  const struct id *id, struct buf *out);

/* Narrows the query of a list to what the actor may list, by view->subject, and to view_project;
 * <reach>, which the query borrows from, is filled. False: there is nothing that it may. */
bool view_narrow(const struct view *view, struct documents_query *query, struct perm_reach *reach);

/* The document of it, judged as above, within documents_reader_begin and _end. */
MUST_USE struct err view_find(const struct view *view, enum resource_kind kind, const struct id *id,
                              struct document *document);

/* A document that has been read, within documents_reader_begin and _end. The actor is known to see
 * it. Of the reader only its scratch may hold the document's slices; the rest is used. */
MUST_USE struct err view_write(const struct view *view, const struct document *document,
                               struct buf *out);

/* The same for a document whose slices lie in the reader, as view_find gives it. */
MUST_USE struct err view_write_found(const struct view *view, const struct document *document,
                                     struct buf *out);

#endif
