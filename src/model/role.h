/* SPDX-License-Identifier: Apache-2.0
 *
 * role.h - the languages in which rights are written down: permissions of roles and of access
 * policies (contract: auth.md 2.5, 8), checked and compiled to rights.
 *
 *      a user's role        [{"path":"/thngs","access":"cru"}, ...]
 *      an operator's role   [{"name":"global_read","enabled":true},
 *                            {"name":"project_read","enabled":true,"projectScoped":true,
 *                             "projects":["U..."]}, ...]
 *      an access policy     ["thngs:read,list", "actions:*", ...] */
#ifndef THRUM_MODEL_ROLE_H
#define THRUM_MODEL_ROLE_H

#include "model/grant.h"

enum role_type { ROLE_USER = 1, ROLE_OPERATOR = 2 };

#define ROLE_ADMIN SLICE("admin")
#define ROLE_NONE SLICE("none")
#define ROLE_BASE_APP_USER SLICE("base_app_user")
/* Paths in a user's role; projects in one switch of an operator's. */
#define ROLE_PATHS_MAX 256
#define ROLE_PROJECTS_MAX 1000
/* Permissions of one policy. */
#define POLICY_PERMISSIONS_MAX 256

/* The id (which is its name) of the built-in role <index>: admin, none, base_app_user; false when
 * there are no more. And its type. */
bool role_built_in(size_t index, struct slice *name);
/* True when that is one; *type: for whom (none is for both: *type is 0). */
bool role_is_built_in(struct slice name, enum role_type *type);

/* ---- users ---- */

/* Checks the permissions of a user's role and appends them in canonical form, as they are stored
 * and shown. Each path must be one that users have, each letter one of c, r, u, d that they have
 * somewhere below it: ERR_SHAPE_INVALID, ERR_FIELD_INVALID, ERR_GRANTS_TOO_MUCH. */
MUST_USE struct err role_check_user(struct json_value permissions, struct buf *out);

/* What stored permissions leave of the users' column: of each row the longest path that fits counts
 * (c: create; r: read, list; u: update; d: delete). */
struct perm_rights role_user_rights(struct slice permissions);

/* The permissions of base_app_user: the whole column. */
void role_write_base(struct buf *out);

/* ---- operators ---- */

/* Checks a body, which names some or all of the six switches, and appends all of them: those of
 * <former> (stored; empty: all off) with these put over. One switch: <name>, else empty; <body> is
 * then an object, else an array. ERR_NOT_FOUND: no switch has that name. */
MUST_USE struct err role_check_operator(struct slice former, struct slice name,
                                        struct json_value body, struct buf *out);

/* The switch with that name, among the stored ones. ERR_NOT_FOUND. */
MUST_USE struct err role_operator_switch(struct slice permissions, struct slice name,
                                         struct slice *text);

/* Adds the zones that stored switches give. */
void role_operator_zones(struct slice permissions, struct grant_draft *draft);

/* The projects that the switches name: for each, visit. */
void role_operator_projects(struct json_value permissions,
                            void (*visit)(void *arg, const struct id *project), void *arg);

/* ---- access policies ---- */

/* Adds what one permission gives: "thngs:read,list". ERR_FIELD_INVALID when it has not that form or
 * names a resource or an operation that is not known. */
MUST_USE struct err policy_add(struct slice permission, struct perm_rights *rights);

/* What the stored array of permissions gives. What cannot be read gives nothing. */
struct perm_rights policy_rights(struct slice permissions);

/* The name of the policy that each account has and that cannot be deleted, and its permissions. */
#define POLICY_ADMIN SLICE("evt:accountAdmin")
struct slice policy_admin_permissions(void);

/* Reads a condition, "places:<id>". ERR_FIELD_INVALID, also for other kinds. */
MUST_USE struct err policy_condition(struct slice condition, struct id *place);

#endif
