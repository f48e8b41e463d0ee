/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_files.h - the files that TLS is configured with, as they are at one moment.
 *
 * They are read in full each time: so no change is missed, whatever happens to times, sizes, links
 * and mounts, and what is loaded is what was looked at. A few files of a few kilobytes each.
 *
 *      struct tls_files files;
 *      tls_files_read(&files, config, chain_file, key_file)
 *      files.mark != the one before       something has changed
 *      files.problem is empty             all could be read; else it says what is wrong
 *      tls_files_deinit(&files)           overwrites the keys
 *
 * Blocking; any thread. */
#ifndef THRUM_SERVER_TLS_FILES_H
#define THRUM_SERVER_TLS_FILES_H

#include "base/buf.h"
#include "base/common.h"
#include "server/config.h"

#define TLS_FILE_BYTES_MAX (1 << 20)
#define TLS_FILES_PAIRS_MAX 1000 /* of tls.certificates_folder */

struct tls_file {
    char *path;
    struct buf bytes;
    bool is_open_to_others; /* the group or all may read or write it */
};

/* A certificate and its key. */
struct tls_file_pair {
    struct tls_file chain;
    struct tls_file key;
};

struct tls_files {
    struct tls_file_pair *pairs; /* the default first, then those of the folder, by name */
    size_t pair_count;
    struct tls_file client_ca[CONFIG_LISTENER_COUNT]; /* path NULL: the listener asks for none */
    struct tls_file client_crl[CONFIG_LISTENER_COUNT];
    uint64_t mark; /* a hash of everything, of the problem, too */
    struct buf problem;
};

/* Reads the default certificate from <chain_file> and <key_file>, and what else <config> names.
 * Stops at the first problem. */
void tls_files_read(struct tls_files *files, const struct config *config, const char *chain_file,
                    const char *key_file);

void tls_files_deinit(struct tls_files *files);

#endif
