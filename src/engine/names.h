/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - names that nobody else may have, though they may change: the email of a user within its
 * application, the names of roles and of access policies (document_kind.taken_name).
 *
 * Who has a name is written down in a document of its own, a RESOURCE_NAME, whose id follows from
 * the name: so whether a name is free is known from one head, and whoever logs in with an email is
 * found by it. It comes, moves and goes with the document that has the name, in the same group.
 *
 *      {"id":"U...","createdAt":...,"updatedAt":...,"owner":"U...","app":"U..."}
 *
 * A command finds all names that it needs before it writes anything, as it finds all heads; between
 * that and its writing nothing else is applied, so two who want one name cannot both get it. */
#ifndef THRUM_ENGINE_NAMES_H
#define THRUM_ENGINE_NAMES_H

#include "engine/apply.h"

/* The id of the RESOURCE_NAME for <name> (decoded) of a document of <kind>, in <application> when
 * it is a user's, else that is NULL. In emails capital letters are as small ones. ERR_NO_MEMORY.
 * Any thread. */
MUST_USE struct err name_id(uint32_t account, enum resource_kind kind, const struct id *application,
                            struct slice name, struct id *id);

/* The id of the name that these members (document.h) give to a document of <kind>: not set when
 * they give none, or names of the kind are not unique. ERR_NO_MEMORY. */
MUST_USE struct err name_of_members(uint32_t account, enum resource_kind kind,
                                    const struct id *application, struct slice members,
                                    struct id *id);

/* The same, of members of that head's document, or of a patch for it. */
MUST_USE struct err name_of_head(const struct head *head, struct slice members, struct id *id);

/* HEAD_SEEN: somebody has it. HEAD_UNSEEN: nobody, also when <name> is not set. HEAD_LATER. */
enum head_found name_find(struct engine *engine, struct command *command, const struct id *name);

/* Writes that <owner>, whose document has just been written, has the name, which has been found to
 * be free. Nothing when <name> is not set. */
void write_name_taken(struct engine *engine, const struct head *owner, const struct id *name);

/* Writes that the name, which has been found, is free again. Nothing when <name> is not set, or
 * when it is not <owner> who has it. */
void write_name_freed(struct engine *engine, const struct head *owner, const struct id *name);

#endif
