/* SPDX-License-Identifier: Apache-2.0
 *
 * chore_template.h - what a task makes its thngs from: the template of its parameters, taken apart
 * once a slice (contract: rest.md 10.3).
 *
 * The template was checked, and reduced to what counts, when the task was made (document_task.c).
 * Slices lie in the task's document, or in the template's own buffers. */
#ifndef THRUM_ENGINE_CHORE_TEMPLATE_H
#define THRUM_ENGINE_CHORE_TEMPLATE_H

#include "codec/json.h"
#include "engine/command.h"

struct chore_template {
    struct buf members;       /* those that go into each document as they are */
    struct slice identifiers; /* an object; empty: none */
    struct slice scopes;      /* empty: those of the batch */
    struct id product;        /* not set: none */
    struct buf texts;
    struct buf points; /* struct command_point: first values, and the location as the last */
    bool has_location;
};

/* Takes apart <object>. POINTS with values that are none, and locations that are none, are errors:
 * PROPERTY_..., LOCATION_INVALID, ...; NO_MEMORY. template_deinit is due in any case. */
MUST_USE struct err chore_template_read(struct chore_template *template, struct json_value object);
void chore_template_deinit(struct chore_template *template);

static inline uint32_t chore_template_point_count(const struct chore_template *template)
{
    return (uint32_t)(buf_bytes(&template->points) / sizeof(struct command_point));
}

static inline struct command_point *chore_template_points(const struct chore_template *template)
{
    return (struct command_point *)(void *)template->points.at;
}

/* Appends the identifiers of one thng: those of the template with <key> = <value> among them. <key>
 * is as between the quotes. */
void chore_template_put_identifiers(const struct chore_template *template, struct slice key,
                                    struct slice value, struct buf *out);

#endif
