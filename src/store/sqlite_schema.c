/* SPDX-License-Identifier: Apache-2.0
 *
 * The comments stand inside the statements, so that SQLite keeps them: `.schema` shows them to
 * whoever opens the file.
 *
 * Every list is newest or oldest first, by (created_ms, id). So each index that finds resources by
 * something ends with these two columns: a list with that condition then comes out of the index in
 * order, page by page, however many resources there are. Actions are listed by (timestamp_ms, id),
 * the same way.
 *
 * Kinds and kinds of keys are the numbers of model/event.h. */
#include "store/sqlite_schema.h"

#include <stddef.h>

static const char first_tables[] =
    "PRAGMA application_id = 0x7468726d;\n"

    "CREATE TABLE meta ( -- format; applied_sequence: the group up to which all tables have\n"
    "                    -- come; last_property, last_account: the highest numbers given out\n"
    "    name TEXT PRIMARY KEY,\n"
    "    value INTEGER NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE account ( -- the numbers that stand for accounts in events\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL\n"
    ") STRICT;\n"

    "CREATE TABLE tag ( -- the different tags of each resource and action\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    tag TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL, -- of an action its timestamp\n"
    "    PRIMARY KEY (resource, tag)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX tag_list ON tag (account, kind, tag, created_ms, resource);\n"

    "CREATE TABLE identifier ( -- of each resource and action; values that are no texts as sent\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    key TEXT NOT NULL,\n"
    "    value TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL, -- of an action its timestamp\n"
    "    PRIMARY KEY (resource, key)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX identifier_list\n"
    "    ON identifier (account, kind, key, value, created_ms, resource);\n"

    "CREATE TABLE property ( -- live properties: the number under which their samples are kept;\n"
    "                        -- a deleted one's row goes, its number is never given out again\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    key TEXT NOT NULL -- normalised; empty: the location\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX property_of ON property (resource, key);\n"

    "CREATE TABLE key ( -- API keys: their keyed hashes, and who they act as\n"
    "    hash BLOB PRIMARY KEY,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL, -- 1 operator, 2 device, 3 application, 4 its secret one,\n"
    "                           -- 5 user, 6 access token\n"
    "    actor TEXT NOT NULL, -- the id of the operator, thng, application, user or token\n"
    "    sealed BLOB NOT NULL -- the key encrypted, where it must be readable again; else empty\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX key_of ON key (actor, kind);\n";

static const char resource_table[] =
    "CREATE TABLE resource ( -- one row a resource of any kind but actions; accounts and\n"
    "                        -- operators included\n"
    "    number INTEGER PRIMARY KEY, -- of this table; place_rtree refers to it\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL DEFAULT 0, -- of the event that made it; 0: format 1\n"
    "    touched_ms INTEGER NOT NULL DEFAULT 0, -- when it last joined or left a collection\n"
    "    cleared_thngs INTEGER NOT NULL DEFAULT 0, -- of a collection: the event that last took\n"
    "    cleared_collections INTEGER NOT NULL DEFAULT 0, -- all its members of that kind out\n"
    "    name TEXT, -- from the document, for filters; of a user the email\n"
    "    product TEXT, -- from the document, for filters\n"
    "    parent TEXT, -- from the document: an application's project, a task's batch, a user's\n"
    "                 -- application, that of a taken name, the user whom a share is for\n"
    "    role TEXT, -- from the document: of a user or operator; what an application gives\n"
    "    checksum INTEGER NOT NULL, -- XXH3 of scopes, seeded with the XXH3 of document\n"
    "    scopes TEXT, -- JSON object\n"
    "    document TEXT NOT NULL -- JSON object, byte for byte as it is kept; last: it is long\n"
    ") STRICT;\n";

static const char resource_indexes[] =
    "CREATE UNIQUE INDEX resource_id ON resource (id);\n"
    "CREATE INDEX resource_list ON resource (account, kind, created_ms, id);\n"
    "CREATE INDEX resource_name ON resource (account, kind, name, created_ms, id)\n"
    "    WHERE name IS NOT NULL;\n"
    "CREATE INDEX resource_product ON resource (account, kind, product, created_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"
    "CREATE INDEX resource_parent ON resource (account, kind, parent, created_ms, id)\n"
    "    WHERE parent IS NOT NULL;\n"
    "CREATE INDEX resource_role ON resource (account, role, kind) WHERE role IS NOT NULL;\n";

static const char scope_table[] =
    "CREATE TABLE scope ( -- to whom each resource and action shows itself: a row for each "
    "project\n"
    "                     -- of its scopes, and one for each user whom they name\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    viewer TEXT NOT NULL, -- a project's id, or all; *, and a project's id or all: to all "
    "their\n"
    "                          -- users, too; @ and a user's id\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL, -- of an action its timestamp\n"
    "    PRIMARY KEY (resource, viewer)\n"
    ") STRICT, WITHOUT ROWID;\n";

static const char scope_index[] =
    "CREATE INDEX scope_list ON scope (account, viewer, kind, created_ms, resource);\n";

static const char tables_since_2[] =
    "CREATE TABLE member ( -- who is directly in which collection: those whose collection has a\n"
    "                      -- row, with cleared_thngs or cleared_collections below sequence;\n"
    "                      -- the others have left it, but no event has listed them yet\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    collection TEXT NOT NULL, -- its id\n"
    "    kind INTEGER NOT NULL, -- of the member\n"
    "    account INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL, -- of the member\n"
    "    sequence INTEGER NOT NULL, -- of the event that put it in\n"
    "    PRIMARY KEY (resource, collection)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX member_list ON member (collection, kind, created_ms, resource);\n"

    "CREATE TABLE place ( -- where the places are that have a position\n"
    "    resource TEXT PRIMARY KEY, -- its id\n"
    "    number INTEGER NOT NULL, -- of its resource row\n"
    "    latitude REAL NOT NULL,\n"
    "    longitude REAL NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE VIRTUAL TABLE place_rtree\n"
    "    USING rtree(number, min_lat, max_lat, min_lon, max_lon);\n"

    "CREATE TABLE action ( -- one row an action\n"
    "    number INTEGER PRIMARY KEY, -- of this table only; nothing refers to it\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    type TEXT NOT NULL,\n"
    "    timestamp_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL, -- of the event that created it: those of a custom type\n"
    "                               -- count only when it is above that of the type's row\n"
    "    thng TEXT, -- ids, from the document, for filters\n"
    "    product TEXT,\n"
    "    collection TEXT,\n"
    "    user TEXT,\n"
    "    checksum INTEGER NOT NULL, -- XXH3 of scopes, seeded with the XXH3 of document\n"
    "    scopes TEXT, -- JSON object\n"
    "    document TEXT NOT NULL -- JSON object\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX action_id ON action (id);\n"
    "CREATE INDEX action_list ON action (account, timestamp_ms, id);\n"
    "CREATE INDEX action_type ON action (account, type, timestamp_ms, id);\n"
    "CREATE INDEX action_thng ON action (thng, timestamp_ms, id) WHERE thng IS NOT NULL;\n"
    "CREATE INDEX action_product ON action (product, timestamp_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"
    "CREATE INDEX action_collection ON action (collection, timestamp_ms, id)\n"
    "    WHERE collection IS NOT NULL;\n"
    "CREATE INDEX action_user ON action (user, timestamp_ms, id) WHERE user IS NOT NULL;\n"

    "CREATE TABLE cascade ( -- what has been deleted, and other rows still tell of\n"
    "    sequence INTEGER PRIMARY KEY, -- of the event that deleted it\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    id TEXT NOT NULL,\n"
    "    name TEXT -- of an action type\n"
    ") STRICT;\n";

static const char numbers[] =
    "INSERT INTO meta (name, value) VALUES\n"
    "    ('format', 3), ('applied_sequence', 0), ('last_property', 0), ('last_account', 0);\n";

static const char *const new_file[] = {first_tables, resource_table, resource_indexes, scope_table,
                                       scope_index,  tables_since_2, numbers,          NULL};

/* ---- from format 1 to 2 ---- */

/* The table of resources is made anew rather than altered, here and below: added columns come last,
 * and there they would lie behind the long documents. */
static const char put_aside_1[] = "DROP INDEX resource_id;\n"
                                  "DROP INDEX resource_list;\n"
                                  "DROP INDEX resource_name;\n"
                                  "DROP INDEX resource_product;\n"
                                  "ALTER TABLE resource RENAME TO resource_1;\n";

static const char resource_table_2[] =
    "CREATE TABLE resource (\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL DEFAULT 0,\n"
    "    touched_ms INTEGER NOT NULL DEFAULT 0,\n"
    "    cleared_thngs INTEGER NOT NULL DEFAULT 0,\n"
    "    cleared_collections INTEGER NOT NULL DEFAULT 0,\n"
    "    name TEXT,\n"
    "    product TEXT,\n"
    "    parent TEXT,\n"
    "    checksum INTEGER NOT NULL,\n"
    "    scopes TEXT,\n"
    "    document TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX resource_id ON resource (id);\n"
    "CREATE INDEX resource_list ON resource (account, kind, created_ms, id);\n"
    "CREATE INDEX resource_name ON resource (account, kind, name, created_ms, id)\n"
    "    WHERE name IS NOT NULL;\n"
    "CREATE INDEX resource_product ON resource (account, kind, product, created_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"
    "CREATE INDEX resource_parent ON resource (account, kind, parent, created_ms, id)\n"
    "    WHERE parent IS NOT NULL;\n";

static const char scope_table_2[] =
    "CREATE TABLE scope (\n"
    "    resource TEXT NOT NULL,\n"
    "    project TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, project)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX scope_list ON scope (account, project, kind, created_ms, resource);\n";

/* What is damaged is taken over as it is, and gives nothing. */
#define SOUND_SCOPES "CASE WHEN json_valid(r.scopes) THEN r.scopes END"

static const char take_over_1[] =
    "INSERT INTO resource\n"
    "    (number, id, account, kind, created_ms, name, product, checksum, scopes, document)\n"
    "    SELECT number, id, account, kind, created_ms, name, product, checksum, scopes, document\n"
    "    FROM resource_1;\n"
    "INSERT OR IGNORE INTO scope (resource, project, account, kind, created_ms)\n"
    "    SELECT r.id, item.value, r.account, r.kind, r.created_ms\n"
    "    FROM resource_1 AS r, json_each(" SOUND_SCOPES ", '$.projects') AS item\n"
    "    WHERE item.type = 'text';\n"
    "DROP TABLE resource_1;\n"
    "UPDATE meta SET value = 2 WHERE name = 'format';\n";

static const char *const from_1[] = {put_aside_1,    resource_table_2, scope_table_2,
                                     tables_since_2, take_over_1,      NULL};

/* ---- from format 2 to 3 ---- */

static const char put_aside_2[] = "DROP INDEX resource_id;\n"
                                  "DROP INDEX resource_list;\n"
                                  "DROP INDEX resource_name;\n"
                                  "DROP INDEX resource_product;\n"
                                  "DROP INDEX resource_parent;\n"
                                  "ALTER TABLE resource RENAME TO resource_2;\n"
                                  "DROP TABLE scope;\n";

/* Indexes are made when the rows are there: in order, once. */
static const char take_over_2[] =
    "INSERT INTO resource\n"
    "    (number, id, account, kind, created_ms, sequence, touched_ms, cleared_thngs,\n"
    "     cleared_collections, name, product, parent, role, checksum, scopes, document)\n"
    "    SELECT number, id, account, kind, created_ms, sequence, touched_ms, cleared_thngs,\n"
    "        cleared_collections, name, product, parent,\n"
    "        CASE WHEN kind = 8 AND json_valid(document)\n"
    "             AND json_type(document, '$.defaultRole') = 'text'\n"
    "             THEN document ->> '$.defaultRole'\n"
    "             WHEN kind = 2 AND json_valid(document)\n"
    "             AND json_type(document, '$.role') = 'text'\n"
    "             THEN document ->> '$.role' END,\n"
    "        checksum, scopes, document\n"
    "    FROM resource_2;\n"
    "DROP TABLE resource_2;\n";

/* The scopes of one table's rows. */
#define SCOPES_OF(table, kind, created)                                            \
    "INSERT OR IGNORE INTO scope (resource, viewer, account, kind, created_ms)\n"  \
    "    SELECT r.id, CASE WHEN EXISTS (SELECT 1 FROM json_each(" SOUND_SCOPES     \
    ", '$.users') WHERE value = 'all') THEN '*' ELSE '' END || item.value,\n"      \
    "        r.account, " kind ", " created "\n"                                   \
    "    FROM " table " AS r, json_each(" SOUND_SCOPES ", '$.projects') AS item\n" \
    "    WHERE item.type = 'text';\n"                                              \
    "INSERT OR IGNORE INTO scope (resource, viewer, account, kind, created_ms)\n"  \
    "    SELECT r.id, '@' || item.value, r.account, " kind ", " created "\n"       \
    "    FROM " table " AS r, json_each(" SOUND_SCOPES ", '$.users') AS item\n"    \
    "    WHERE item.type = 'text' AND item.value <> 'all';\n"

static const char fill_scopes[] =
    SCOPES_OF("resource", "r.kind", "r.created_ms") SCOPES_OF("action", "13", "r.timestamp_ms");

static const char end_3[] = "UPDATE meta SET value = 3 WHERE name = 'format';\n";

static const char *const from_2[] = {put_aside_2,      resource_table, take_over_2,
                                     resource_indexes, scope_table,    fill_scopes,
                                     scope_index,      end_3,          NULL};

const char *const *const schema_steps[SCHEMA_FORMAT] = {[0] = new_file, [1] = from_1, [2] = from_2};
