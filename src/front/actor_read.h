/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_read.h - from a key's hash to the actor it stands for, with its rights as of now: on a
 * reader thread, from the documents (the key, the user or operator, its role, policies, shares). */
#ifndef THRUM_FRONT_ACTOR_READ_H
#define THRUM_FRONT_ACTOR_READ_H

#include "front/grants.h"
#include "store/readers.h"

/* ERR_CREDENTIAL_UNKNOWN when there is no such key, or whoever it stands for is no more. All is
 * read in one moment, which this begins and ends. */
MUST_USE struct err actor_read(struct reader *reader, struct grants *grants,
                               const uint8_t hash[KEY_HASH_BYTES], struct actor *actor);

/* The same from an id, for questions about somebody (front/why.h): an operator, a user, an access
 * token, a thng as a device, an application (as the public key; <is_trusted>: as the secret one).
 * ERR_NOT_FOUND when it is none of these, or not of <account>. */
MUST_USE struct err actor_read_by_id(struct reader *reader, struct grants *grants, uint32_t account,
                                     const struct id *id, bool is_trusted, struct actor *actor);

#endif
