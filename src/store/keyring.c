/* SPDX-License-Identifier: Apache-2.0
 *
 * The file: the line "thrum-secret-1", then 32 bytes for hashing and 32 for sealing in hexadecimal,
 * each on a line of its own. */
#include "store/keyring.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "thrum-secret-1\n"
#define SECRET_BYTES 32
#define HEX_BYTES (2 * SECRET_BYTES)
#define FILE_BYTES (sizeof(MAGIC) - 1 + 2 * (HEX_BYTES + 1))

static_assert(crypto_generichash_KEYBYTES == SECRET_BYTES, "one size of secret");
static_assert(crypto_secretbox_KEYBYTES == SECRET_BYTES, "one size of secret");
static_assert(crypto_generichash_BYTES_MAX >= KEY_HASH_BYTES, "the hash is long enough");

struct keyring {
    uint8_t hash_secret[SECRET_BYTES];
    uint8_t seal_secret[SECRET_BYTES];
};

static struct err write_all(int fd, const char *text, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t wrote = write(fd, text + done, bytes - done);
        if (wrote == -1 && errno != EINTR) {
            return ERR(IO);
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd) == -1 ? ERR(IO) : ERR(OK);
}

static struct err create_file(const char *path)
{
    uint8_t secrets[2 * SECRET_BYTES];
    char text[FILE_BYTES + 1];
    char hex[HEX_BYTES + 1];
    randombytes_buf(secrets, sizeof(secrets));
    size_t at = sizeof(MAGIC) - 1;
    memcpy(text, MAGIC, at);
    for (unsigned i = 0; i < 2; i++) {
        sodium_bin2hex(hex, sizeof(hex), secrets + i * SECRET_BYTES, SECRET_BYTES);
        memcpy(text + at, hex, HEX_BYTES);
        text[at + HEX_BYTES] = '\n';
        at += HEX_BYTES + 1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct err err = fd == -1 ? ERR(IO) : write_all(fd, text, FILE_BYTES);
    if (fd != -1) {
        close(fd);
    }
    sodium_memzero(secrets, sizeof(secrets));
    sodium_memzero(text, sizeof(text));
    sodium_memzero(hex, sizeof(hex));
    return err;
}

static struct err parse(const char *text, size_t bytes, struct keyring *keyring)
{
    size_t at = sizeof(MAGIC) - 1;
    if (bytes != FILE_BYTES || memcmp(text, MAGIC, at) != 0) {
        return ERR(CONFIG);
    }
    uint8_t *secrets[2] = {keyring->hash_secret, keyring->seal_secret};
    for (unsigned i = 0; i < 2; i++) {
        size_t got;
        if (sodium_hex2bin(secrets[i], SECRET_BYTES, text + at, HEX_BYTES, NULL, &got, NULL) != 0 ||
            got != SECRET_BYTES || text[at + HEX_BYTES] != '\n') {
            return ERR(CONFIG);
        }
        at += HEX_BYTES + 1;
    }
    return ERR(OK);
}

static struct err read_file(const char *path, struct keyring *keyring)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return ERR(CONFIG);
    }
    char text[FILE_BYTES + 1];
    size_t bytes = 0;
    ssize_t got;
    do {
        got = read(fd, text + bytes, sizeof(text) - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && bytes < sizeof(text)) || (got == -1 && errno == EINTR));
    close(fd);
    struct err err = got == -1 ? ERR(IO) : parse(text, bytes, keyring);
    sodium_memzero(text, sizeof(text));
    return err;
}

struct err keyring_open(const char *path, struct keyring **keyring)
{
    if (sodium_init() == -1) {
        return ERR(INTERNAL);
    }
    if (access(path, F_OK) == -1) {
        TRY(create_file(path));
    }
    struct keyring *opened = sodium_malloc(sizeof(*opened));
    if (opened == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = read_file(path, opened);
    if (err_is_set(err)) {
        sodium_free(opened);
        return err;
    }
    sodium_mprotect_readonly(opened);
    *keyring = opened;
    return ERR(OK);
}

void keyring_close(struct keyring *keyring)
{
    sodium_free(keyring);
}

void keyring_hash(const struct keyring *keyring, struct slice key, uint8_t hash[KEY_HASH_BYTES])
{
    int failed = crypto_generichash(hash, KEY_HASH_BYTES, key.at, key.bytes, keyring->hash_secret,
                                    SECRET_BYTES);
    ASSERT(failed == 0);
}

void keyring_seal(const struct keyring *keyring, struct slice key, struct buf *sealed)
{
    size_t bytes = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + key.bytes;
    if (sealed->failed || err_is_set(buf_reserve(sealed, bytes))) {
        return;
    }
    uint8_t *at = sealed->at + sealed->tail;
    randombytes_buf(at, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(at + crypto_secretbox_NONCEBYTES, key.at, key.bytes, at,
                          keyring->seal_secret);
    sealed->tail += bytes;
}

struct err keyring_unseal(const struct keyring *keyring, struct slice sealed, struct buf *key)
{
    size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (sealed.bytes < overhead) {
        return ERR(CORRUPT);
    }
    TRY(buf_reserve(key, sealed.bytes - overhead));
    if (crypto_secretbox_open_easy(key->at + key->tail, sealed.at + crypto_secretbox_NONCEBYTES,
                                   sealed.bytes - crypto_secretbox_NONCEBYTES, sealed.at,
                                   keyring->seal_secret) != 0) {
        return ERR(CORRUPT);
    }
    key->tail += sealed.bytes - overhead;
    return ERR(OK);
}
