/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h - pages of docs/reference printed from the tables that the server works with: routes,
 * topics, rights. */
#ifndef THRUM_SERVER_REFERENCE_H
#define THRUM_SERVER_REFERENCE_H

#include "base/buf.h"

/* All append Markdown. */
void reference_print_rest(struct buf *out);
void reference_print_topics(struct buf *out);
void reference_print_rights(struct buf *out);

#endif
