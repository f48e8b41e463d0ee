/* SPDX-License-Identifier: Apache-2.0
 *
 * The file: the line "thrum-secret-1", then 32 bytes for hashing and 32 for sealing in hexadecimal,
 * each on a line of its own. */
#include "store/keyring.h"

#include "base/assert.h"
#include "base/log.h"

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

/* Logs why the file cannot be used; <reason> NULL: as errno says. Returns <err>. */
static struct err refuse(const char *path, const char *reason, struct err err)
{
    char room[LOG_VALUE_BYTES];
    char reason_room[LOG_VALUE_BYTES];
    const char *why = reason != NULL ? reason : strerror(errno);
    log_line(LOG_ERROR, "store", "secret file refused file=%s error=%s reason=%s",
             log_quote(slice_of_text(path), room, sizeof(room)), err_name(err),
             log_quote(slice_of_text(why), reason_room, sizeof(reason_room)));
    return err;
}

/* ---- making it ---- */

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

static void write_secrets(char text[FILE_BYTES + 1])
{
    uint8_t secrets[2 * SECRET_BYTES];
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
    sodium_memzero(secrets, sizeof(secrets));
    sodium_memzero(hex, sizeof(hex));
}

/* That the file is there must outlive a power cut, as its bytes do. */
static struct err sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (folder == NULL) {
        return ERR(NO_MEMORY);
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd == -1) {
        return ERR(IO);
    }
    int failed = fsync(fd);
    close(fd);
    return failed ? ERR(IO) : ERR(OK);
}

/* A file that could not be written whole is taken away again: it would be a damaged one. */
static struct err create_file(const char *path)
{
    char text[FILE_BYTES + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) {
        return refuse(path, NULL, ERR(IO));
    }
    write_secrets(text);
    struct err err = write_all(fd, text, FILE_BYTES);
    sodium_memzero(text, sizeof(text));
    if (!err_is_set(err)) {
        err = sync_folder(path);
    }
    if (err_is_set(err)) {
        refuse(path, NULL, err);
        unlink(path);
    }
    close(fd);
    return err;
}

/* ---- reading it ---- */

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

/* The secrets are worth what all keys are worth together. */
static struct err check_file(const char *path, int fd)
{
    struct stat status;
    if (fstat(fd, &status) == -1) {
        return refuse(path, NULL, ERR(IO));
    }
    if (!S_ISREG(status.st_mode)) {
        return refuse(path, "it is no file", ERR(CONFIG));
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return refuse(path, "others than its owner may read or write it; chmod 600", ERR(CONFIG));
    }
    return ERR(OK);
}

static struct err read_text(const char *path, int fd, struct keyring *keyring)
{
    char text[FILE_BYTES + 1];
    size_t bytes = 0;
    ssize_t got;
    do {
        got = read(fd, text + bytes, sizeof(text) - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && bytes < sizeof(text)) || (got == -1 && errno == EINTR));
    struct err err = got == -1 ? refuse(path, NULL, ERR(IO)) : parse(text, bytes, keyring);
    sodium_memzero(text, sizeof(text));
    return err.code == ERR_CONFIG ? refuse(path, "it is damaged", err) : err;
}

static struct err read_file(const char *path, struct keyring *keyring)
{
    /* What is no file, a pipe, would have us wait. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1) {
        return refuse(path, NULL, ERR(CONFIG));
    }
    struct err err = check_file(path, fd);
    if (!err_is_set(err)) {
        err = read_text(path, fd, keyring);
    }
    close(fd);
    return err;
}

/* ---- opening ---- */

static struct err find_file(const char *path, bool may_create)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        return ERR(OK);
    }
    if (errno != ENOENT) {
        return refuse(path, NULL, ERR(CONFIG));
    }
    return may_create ? create_file(path)
                      : refuse(path,
                               "it is missing, and what is stored holds keys that were made with "
                               "it: put it back",
                               ERR(CONFIG));
}

static struct err open_keyring(const char *path, bool may_create, struct keyring **keyring)
{
    if (sodium_init() == -1) {
        return ERR(INTERNAL);
    }
    TRY(find_file(path, may_create));
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

struct err keyring_open(const char *path, struct keyring **keyring)
{
    return open_keyring(path, true, keyring);
}

struct err keyring_open_existing(const char *path, struct keyring **keyring)
{
    return open_keyring(path, false, keyring);
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
