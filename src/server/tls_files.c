/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls_files.h"

#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one file ---- */

static void file_deinit(struct tls_file *file)
{
    free(file->path);
    buf_wipe(&file->bytes);
    buf_deinit(&file->bytes);
}

static bool fail(struct tls_files *files, const char *path, const char *reason)
{
    buf_put_format(&files->problem, "%s: %s", path, reason);
    return false;
}

/* Takes memory for all bytes at once: growing would leave copies of a key behind. */
static bool read_all(struct tls_files *files, struct tls_file *file, int fd, size_t bytes)
{
    if (err_is_set(buf_reserve(&file->bytes, bytes + 1))) {
        return fail(files, file->path, "no memory");
    }
    while (buf_bytes(&file->bytes) < bytes) {
        ssize_t got = read(fd, file->bytes.at + file->bytes.tail, bytes - buf_bytes(&file->bytes));
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == -1) {
            return fail(files, file->path, strerrordesc_np(errno));
        }
        if (got == 0) {
            break; /* it has become shorter: the next look sees it whole */
        }
        file->bytes.tail += (size_t)got;
    }
    return true;
}

static bool read_open_file(struct tls_files *files, struct tls_file *file, int fd)
{
    struct stat status;
    if (fstat(fd, &status) == -1) {
        return fail(files, file->path, strerrordesc_np(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(files, file->path, "not a regular file");
    }
    if (status.st_size > TLS_FILE_BYTES_MAX) {
        return fail(files, file->path, "larger than 1 MiB");
    }
    file->is_open_to_others = (status.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0;
    return read_all(files, file, fd, (size_t)status.st_size);
}

/* Reads <path> into <file>, and adds both to the mark. */
static bool read_file(struct tls_files *files, struct tls_file *file, const char *path)
{
    file->path = strdup(path);
    if (file->path == NULL) {
        return fail(files, path, "no memory");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* never waits for a pipe's writer */
    if (fd == -1) {
        return fail(files, path, strerrordesc_np(errno));
    }
    bool is_read = read_open_file(files, file, fd);
    (void)close(fd);
    files->mark = hash_bytes(files->mark + file->is_open_to_others, slice_of_text(path));
    files->mark = hash_bytes(files->mark, buf_data(&file->bytes));
    return is_read;
}

static bool read_pair(struct tls_files *files, const char *chain, const char *key)
{
    if (files->pair_count > TLS_FILES_PAIRS_MAX) { /* the default is one of them */
        return fail(files, chain, "the folder has more than 1000 certificates");
    }
    struct tls_file_pair *grown = realloc(files->pairs, (files->pair_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return fail(files, chain, "no memory");
    }
    files->pairs = grown;
    struct tls_file_pair *pair = &grown[files->pair_count++];
    *pair = (struct tls_file_pair){0};
    return read_file(files, &pair->chain, chain) && read_file(files, &pair->key, key);
}

/* ---- the folder ---- */

static bool has_ending(const char *name, const char *ending)
{
    size_t name_bytes = strlen(name);
    size_t bytes = strlen(ending);
    return name_bytes > bytes && strcmp(name + name_bytes - bytes, ending) == 0;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* A file of a pair: the certificate comes with its key, and the key with its certificate. That one
 * of them is missing means that somebody is at work in the folder. */
static bool read_pair_of_files(struct tls_files *files, const char *folder, const char *name)
{
    int stem = (int)(strrchr(name, '.') - name);
    char pem[CONFIG_PATH_BYTES];
    char crt[CONFIG_PATH_BYTES];
    char key[CONFIG_PATH_BYTES];
    int bytes = snprintf(pem, sizeof(pem), "%s/%.*s.pem", folder, stem, name);
    if (bytes < 0 || (size_t)bytes >= sizeof(pem)) {
        return fail(files, folder, "the path is too long");
    }
    snprintf(crt, sizeof(crt), "%s/%.*s.crt", folder, stem, name);
    snprintf(key, sizeof(key), "%s/%.*s.key", folder, stem, name);
    if (has_ending(name, ".crt") && exists(pem)) {
        return fail(files, crt, "there is a .pem of that name, too");
    }
    if (!has_ending(name, ".key")) {
        return read_pair(files, has_ending(name, ".crt") ? crt : pem, key);
    }
    return exists(pem) || exists(crt) || fail(files, key, "there is no certificate beside it");
}

/* A folder as programs that fetch certificates keep them. Others are not looked at. */
static bool read_pair_of_folder(struct tls_files *files, const char *folder, const char *name)
{
    char chain[CONFIG_PATH_BYTES];
    char key[CONFIG_PATH_BYTES];
    int bytes = snprintf(chain, sizeof(chain), "%s/%s/fullchain.pem", folder, name);
    snprintf(key, sizeof(key), "%s/%s/privkey.pem", folder, name);
    if (bytes < 0 || (size_t)bytes >= sizeof(chain)) {
        return fail(files, folder, "the path is too long");
    }
    return (!exists(chain) && !exists(key)) || read_pair(files, chain, key);
}

static bool read_entry(struct tls_files *files, const char *folder, const char *name)
{
    if (has_ending(name, ".pem") || has_ending(name, ".crt") || has_ending(name, ".key")) {
        return read_pair_of_files(files, folder, name);
    }
    return read_pair_of_folder(files, folder, name);
}

static int is_not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every language */
}

static bool read_folder(struct tls_files *files, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_not_hidden, compare_entries);
    if (count == -1) {
        return fail(files, folder, strerrordesc_np(errno));
    }
    bool is_read = true;
    for (int i = 0; i < count; i++) {
        is_read = is_read && read_entry(files, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return is_read;
}

/* ---- all of them ---- */

static bool read_of_listener(struct tls_files *files, const struct config *config, size_t index)
{
    const struct config_listener *listener = &config->listeners[index];
    if (!listener->enabled || listener->client_certificates == CONFIG_CLIENT_CERTIFICATES_OFF) {
        return true;
    }
    return read_file(files, &files->client_ca[index], listener->client_ca) &&
           (listener->client_crl[0] == '\0' ||
            read_file(files, &files->client_crl[index], listener->client_crl));
}

static bool read_everything(struct tls_files *files, const struct config *config,
                            const char *chain_file, const char *key_file)
{
    if (!read_pair(files, chain_file, key_file)) {
        return false;
    }
    if (config->tls.certificates_folder[0] != '\0' &&
        !read_folder(files, config->tls.certificates_folder)) {
        return false;
    }
    for (size_t i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        if (!read_of_listener(files, config, i)) {
            return false;
        }
    }
    return true;
}

void tls_files_read(struct tls_files *files, const struct config *config, const char *chain_file,
                    const char *key_file)
{
    *files = (struct tls_files){0};
    if (!read_everything(files, config, chain_file, key_file)) {
        files->mark = hash_bytes(files->mark, buf_data(&files->problem));
    }
}

void tls_files_deinit(struct tls_files *files)
{
    for (size_t i = 0; i < files->pair_count; i++) {
        file_deinit(&files->pairs[i].chain);
        file_deinit(&files->pairs[i].key);
    }
    free(files->pairs);
    for (size_t i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        file_deinit(&files->client_ca[i]);
        file_deinit(&files->client_crl[i]);
    }
    buf_deinit(&files->problem);
    *files = (struct tls_files){0};
}
