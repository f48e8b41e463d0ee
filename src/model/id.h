/* SPDX-License-Identifier: Apache-2.0
 *
 * id.h - the identifiers of resources, and API keys.
 *
 * An id is 24 characters of a 50-symbol alphabet (contract: rest.md 1.4): letters and digits
 * without those that are mixed up. It is a value: copied, compared and hashed as 24 bytes. The
 * all-zero id is no id. Ours are made like this, from the 48 symbols without 0 and 1:
 *
 *      U  tttttttt  rrrrrrrrrrrrrrr
 *      |  8 symbols of milliseconds since 1970, high symbol first (48^8 ms reach to the year 2862)
 *      |            15 random symbols, 83.8 bits
 *      always U
 *
 * Symbols stand in ASCII order, so ids sort by the millisecond they were made in, which keeps new
 * rows together in every index; within one millisecond they are in no order, but where it is asked
 * for. Two ids can only collide within a millisecond: for a million made in one, the odds are 1 in
 * 3 * 10^13. */
#ifndef THRUM_MODEL_ID_H
#define THRUM_MODEL_ID_H

#include "base/common.h"
#include "base/hash.h"
#include "base/rand.h"
#include "base/slice.h"

#define ID_BYTES 24
#define API_KEY_BYTES 80

struct id {
    char text[ID_BYTES]; /* no NUL behind it */
};

/* Reads <text> as an id; false, and <id> untouched, when it does not have the pattern. */
MUST_USE bool id_parse(struct slice text, struct id *id);

/* A new id. Unpredictable apart from its time; never fails. */
struct id id_generate(struct rand *rand, int64_t now_ms);

/* The same, and it sorts behind <last>, an id that was made here or is not set: in the same
 * millisecond it is up to 2^48 further, and nobody can tell how far. (Should the symbols run out,
 * which with a thousand ids happens in one of 10^8 milliseconds, it is as if made in the next.) */
struct id id_generate_behind(struct rand *rand, int64_t now_ms, const struct id *last);

/* The id of what is unique by its name (action types, files): made from account, kind and name, so
 * that whoever knows the name knows the id, and the same name is the same resource. Of the pattern
 * of other ids, with 23 symbols (128 bits) of BLAKE2b. */
struct id id_of_name(uint32_t account, unsigned kind, struct slice name);

/* A new API key: 80 characters of [A-Za-z0-9], uniform, 476 bits. No NUL behind it. */
void key_generate(struct rand *rand, char key[static API_KEY_BYTES]);

/* True when <text> has the form of an API key. */
bool key_is_wellformed(struct slice text);

/* The text of <id>; lives as long as <id>. */
static inline struct slice id_slice(const struct id *id)
{
    return slice_of(id->text, ID_BYTES);
}

static inline bool id_is_set(const struct id *id)
{
    return id->text[0] != 0;
}

static inline bool id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a->text, b->text, ID_BYTES) == 0;
}

static inline uint64_t id_hash(uint64_t seed, const struct id *id)
{
    return hash_bytes(seed, id_slice(id));
}

#endif
