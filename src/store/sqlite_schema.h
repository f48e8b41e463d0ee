/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_schema.h - the tables of the documents file. */
#ifndef THRUM_STORE_SQLITE_SCHEMA_H
#define THRUM_STORE_SQLITE_SCHEMA_H

/* The number of the schema below, kept in meta.format. A change of the schema raises it and brings
 * the statements that migrate the one before. */
#define SCHEMA_FORMAT 3

/* PRAGMA application_id: "thrm". Tells our files from other people's. */
#define SCHEMA_APPLICATION_ID 0x7468726d

/* Texts of statements, up to a NULL. Item 0 makes an empty file one of format SCHEMA_FORMAT, item n
 * a file of format n one of format n + 1. */
extern const char *const *const schema_steps[SCHEMA_FORMAT];

#endif
