/* SPDX-License-Identifier: Apache-2.0
 *
 * roles.h - who has which role, and what follows from it: a role that users have cannot be deleted,
 * and an account keeps an administrator (contract: auth.md 8).
 *
 * How many have a role is kept in the documents alone. Who is given a role counts as a change of
 * the role, so a command that asks whether it is used is told of the state after that; and all
 * changes of operators are counted in one place, for the same end (engine->last_operator). */
#ifndef THRUM_ENGINE_ROLES_H
#define THRUM_ENGINE_ROLES_H

#include "engine/apply.h"

/* Finds the role that a document of <kind> gives to somebody: one of users, or of operators, that
 * the actor sees. *role: its head. HEAD_UNSEEN: there is no such role. */
enum head_found roles_find(struct engine *engine, struct command *command, enum resource_kind kind,
                           const struct id *id, struct head **role);

/* The role that an application, with its document, gives to its users: <name>, and *role is its
 * head, or NULL for a built-in one. One that is gone is given all the same: it gives no rights.
 * HEAD_LATER, or HEAD_SEEN. */
enum head_found roles_find_default(struct engine *engine, struct command *command,
                                   const struct head *application, struct slice *name,
                                   struct head **role);

/* The event that is written next gives the role to somebody. NULL is fine. */
void roles_note_assigned(struct engine *engine, struct head *role);

/* Is the role, with its document, one that may be deleted? False: the command waits, or has been
 * refused. */
bool roles_may_delete(struct engine *engine, struct command *command, struct head *role);

/* May the actor make an operator whose document is <former> (empty: a new one) what <document>
 * says? ERR_GRANTS_TOO_MUCH: nobody but an administrator gives roles to operators, or makes them
 * administrators. */
MUST_USE struct err roles_judge_operator(const struct actor *actor, struct slice former,
                                         struct slice document);

/* Is there an administrator left when the operator, with its document, becomes <document> (empty:
 * it is deleted)? False: the command waits, or has been refused. */
bool roles_keep_administrator(struct engine *engine, struct command *command, struct head *head,
                              struct slice document);

#endif
