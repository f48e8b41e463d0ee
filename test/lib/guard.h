/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h - test input that ends right before an unreadable page.
 *
 *      | readable pages ........ [ the copy ]| no access |
 *                                            ^ page edge
 *
 * A decoder that reads one byte too far dies at once, in every kind of build, at the very
 * instruction. One struct guard holds one copy at a time; all-zero is valid and empty.
 *
 *     struct guard g = {0};
 *     guard_init(&g);
 *     const uint8_t *at = guard_put(&g, bytes, count);
 *     ...
 *     guard_deinit(&g); */
#ifndef THRUM_TEST_LIB_GUARD_H
#define THRUM_TEST_LIB_GUARD_H

#include "base/slice.h"

struct guard {
    uint8_t *pages;    /* mapping; its last page is the unreadable one */
    size_t room_bytes; /* readable bytes before that page */
};

/* Maps a first area. Ends the test program when the system refuses. */
void guard_init(struct guard *guard);

/* Unmaps all; copies handed out are gone. */
void guard_deinit(struct guard *guard);

/* Copies <bytes> bytes so that the last one lies at the page edge; the area grows as needed. The
 * copy may be written to, and lives until the next put or deinit. With <bytes> 0 the answer is the
 * edge itself, which must not be read at all. */
uint8_t *guard_put(struct guard *guard, const void *at, size_t bytes);

/* The same, as a slice in and out. */
struct slice guard_slice(struct guard *guard, struct slice bytes);

#endif
