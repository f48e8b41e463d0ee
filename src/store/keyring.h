/* SPDX-License-Identifier: Apache-2.0
 *
 * keyring.h - how API keys are kept: as keyed hashes, and sealed where they must be readable again.
 *
 * The secrets lie in one file (mode 0600), made at the first start, in the data folder or anywhere
 * else. A key is looked up by its keyed hash (BLAKE2b), so neither the documents nor their backups
 * give keys away. Without the file they are worth nothing: no key is known any more. So it is never
 * made anew beside a store that holds some. Read-only after opening: any thread. */
#ifndef THRUM_STORE_KEYRING_H
#define THRUM_STORE_KEYRING_H

#include "base/buf.h"
#include "model/event.h"

struct keyring;

/* Opens the file, or makes it. ERR_CONFIG when it is damaged or may not be read, or when others
 * than its owner may read or write it; ERR_IO. The log says why. */
MUST_USE struct err keyring_open(const char *path, struct keyring **keyring);

/* The same for a store that holds something already: ERR_CONFIG when the file is missing, too. */
MUST_USE struct err keyring_open_existing(const char *path, struct keyring **keyring);

/* Wipes the secrets. NULL is fine. */
void keyring_close(struct keyring *keyring);

/* The hash under which <key> is kept. Any bytes are a key. */
void keyring_hash(const struct keyring *keyring, struct slice key, uint8_t hash[KEY_HASH_BYTES]);

/* Appends <key> encrypted and authenticated. */
void keyring_seal(const struct keyring *keyring, struct slice key, struct buf *sealed);

/* Appends the key that was sealed. ERR_CORRUPT when it is not what was sealed here. */
MUST_USE struct err keyring_unseal(const struct keyring *keyring, struct slice sealed,
                                   struct buf *key);

#endif
