/* SPDX-License-Identifier: Apache-2.0
 *
 * retained.h - the retained messages of plain topics: of each topic the last one that was published
 * so, until an empty one takes it away [MQTT-3.3.1-5, -10].
 *
 * They are a projection of the journal that is written in one with it (journal_append), so what is
 * committed is what is retained. Reading: any thread. */
#ifndef THRUM_STORE_RETAINED_H
#define THRUM_STORE_RETAINED_H

#include "base/err.h"
#include "base/slice.h"
#include "model/topic.h"

struct retained;

/* Slices live during the call. */
struct retained_message {
    struct slice topic;
    struct slice payload; /* never empty */
    uint64_t sequence;    /* of its event */
    uint8_t qos;
};

/* How far reading has come: all-zero at the beginning. */
struct retained_place {
    bool is_done;
    uint16_t bytes;
    uint8_t topic[TOPIC_BYTES_MAX]; /* the last one that was looked at */
};

/* What is done with a message; false stops behind it. */
typedef bool (*retained_visit_fn)(void *arg, const struct retained_message *message);

/* The messages of an account whose topics the filter matches, from behind <place> on, in the order
 * of their topics; a few thousand topics are looked at in one call, then <place> says where to go
 * on. ERR_CORRUPT is logged; ERR_IO also while the store could not be opened again. */
MUST_USE struct err retained_read(struct retained *retained, uint32_t account, struct slice filter,
                                  struct retained_place *place, retained_visit_fn visit, void *arg);

/* How many there are of all accounts, counted one by one; for the start. */
MUST_USE struct err retained_count(struct retained *retained, uint64_t *count);

#endif
