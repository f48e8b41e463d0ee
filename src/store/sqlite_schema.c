/* SPDX-License-Identifier: Apache-2.0
 *
 * The comments stand inside the statements, so that SQLite keeps them: `.schema` shows them to
 * whoever opens the file.
 *
 * Every list is newest or oldest first, by (created_ms, id). So each index that finds resources by
 * something ends with these two columns: a list with that condition then comes out of the index in
 * order, page by page, however many resources there are. */
#include "store/sqlite_schema.h"

const char schema_text[] =
    "PRAGMA application_id = 0x7468726d;\n"

    "CREATE TABLE meta ( -- format; applied_sequence: the group up to which all tables have come;\n"
    "                    -- last_property, last_account: the highest numbers ever given out\n"
    "    name TEXT PRIMARY KEY,\n"
    "    value INTEGER NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE account ( -- the numbers that stand for accounts in events\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL\n"
    ") STRICT;\n"

    "CREATE TABLE resource ( -- one row a resource of any kind, accounts and operators included\n"
    "    number INTEGER PRIMARY KEY, -- of this table only; nothing refers to it\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL, -- 1 account, 2 operator, 3 thng, 4 product, 5 collection\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    name TEXT, -- from the document, for filters\n"
    "    product TEXT, -- from the document, for filters\n"
    "    checksum INTEGER NOT NULL, -- XXH3 of scopes, seeded with the XXH3 of document\n"
    "    scopes TEXT, -- JSON object\n"
    "    document TEXT NOT NULL -- JSON object, byte for byte as it is served; last: it is long\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX resource_id ON resource (id);\n"
    "CREATE INDEX resource_list ON resource (account, kind, created_ms, id);\n"
    "CREATE INDEX resource_name ON resource (account, kind, name, created_ms, id)\n"
    "    WHERE name IS NOT NULL;\n"
    "CREATE INDEX resource_product ON resource (account, kind, product, created_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"

    "CREATE TABLE tag ( -- the different tags of each resource\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    tag TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, tag)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX tag_list ON tag (account, kind, tag, created_ms, resource);\n"

    "CREATE TABLE identifier ( -- of each resource; values that are no texts as they were sent\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    key TEXT NOT NULL,\n"
    "    value TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
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
    "    kind INTEGER NOT NULL, -- 1 operator, 2 device\n"
    "    actor TEXT NOT NULL, -- the id of the operator or thng\n"
    "    sealed BLOB NOT NULL -- the key encrypted, where it must be readable again; else empty\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX key_of ON key (actor, kind);\n"

    "INSERT INTO meta (name, value) VALUES\n"
    "    ('format', 1), ('applied_sequence', 0), ('last_property', 0), ('last_account', 0);\n";
