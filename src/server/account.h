/* SPDX-License-Identifier: Apache-2.0
 *
 * account.h - the first account, its operator, and the operator's key.
 *
 * The key is written to DIR/operator.key (0600) before the account is committed: whatever happens
 * in between, the key that the file has is the one that will work. */
#ifndef THRUM_SERVER_ACCOUNT_H
#define THRUM_SERVER_ACCOUNT_H

#include "base/rand.h"
#include "engine/command.h"
#include "store/keyring.h"

/* A key as text, with a NUL. */
struct account_key {
    char text[API_KEY_BYTES + 1];
};

/* Makes a batch with the command that creates account and operator; the key is made and written to
 * DIR/operator.key, or taken from there when a start before came so far. ERR_IO, ERR_CONFIG (a file
 * that holds no key), ERR_NO_MEMORY. */
MUST_USE struct err account_first(const char *folder, const struct keyring *keyring,
                                  struct rand *rand, struct account_key *key,
                                  struct command_batch **batch);

#endif
