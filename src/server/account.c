/* SPDX-License-Identifier: Apache-2.0 */
#include "server/account.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH_ROOM 4096

static struct err sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return ERR(IO);
    }
    int failed = fsync(fd);
    close(fd);
    return failed == -1 ? ERR(IO) : ERR(OK);
}

static struct err write_key(const char *folder, const char *path, const struct account_key *key)
{
    char temporary[PATH_MAX];
    char line[API_KEY_BYTES + 1];
    memcpy(line, key->text, API_KEY_BYTES);
    line[API_KEY_BYTES] = '\n';
    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        return ERR(CONFIG);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        return ERR(IO);
    }
    /* A short write of 81 bytes to a new file is a full disk. */
    bool written = write(fd, line, sizeof(line)) == (ssize_t)sizeof(line) && fsync(fd) == 0;
    close(fd);
    if (!written || rename(temporary, path) == -1) {
        return ERR(IO);
    }
    return sync_folder(folder);
}

/* ERR_NOT_FOUND when there is no file. */
static struct err read_key(const char *path, struct account_key *key)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT ? ERR(NOT_FOUND) : ERR(IO);
    }
    char line[API_KEY_BYTES + 2];
    size_t bytes = fread(line, 1, sizeof(line), file);
    fclose(file);
    if (bytes > 0 && line[bytes - 1] == '\n') {
        bytes--;
    }
    if (!key_is_wellformed(slice_of(line, bytes))) {
        return ERR(CONFIG);
    }
    memcpy(key->text, line, API_KEY_BYTES);
    key->text[API_KEY_BYTES] = 0;
    return ERR(OK);
}

static struct err obtain_key(const char *folder, struct rand *rand, struct account_key *key)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/operator.key", folder) >= (int)sizeof(path)) {
        return ERR(CONFIG);
    }
    struct err err = read_key(path, key);
    if (!err_equal(err, ERR(NOT_FOUND))) {
        return err;
    }
    key_generate(rand, key->text);
    key->text[API_KEY_BYTES] = 0;
    return write_key(folder, path, key);
}

struct err account_first(const char *folder, const struct keyring *keyring, struct rand *rand,
                         struct account_key *key, struct command_batch **batch)
{
    TRY(obtain_key(folder, rand, key));
    struct command_batch *made = command_batch_new(BATCH_ROOM);
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    struct slice text = slice_of(key->text, API_KEY_BYTES);
    struct buf sealed = {0};
    keyring_seal(keyring, text, &sealed);
    struct slice copy;
    bool fits = !sealed.failed && command_batch_copy(made, buf_data(&sealed), &copy);
    buf_deinit(&sealed);
    struct command *command = fits ? command_batch_add(made, COMMAND_ACCOUNT) : NULL;
    if (command == NULL) {
        free(made);
        return ERR(NO_MEMORY);
    }
    command->as.account.account_members = SLICE("\"name\":\"thrum\"");
    command->as.account.operator_members =
        SLICE("\"firstName\":\"First\",\"lastName\":\"Operator\"");
    command->as.account.key_sealed = copy;
    keyring_hash(keyring, text, command->as.account.key_hash);
    *batch = made;
    return ERR(OK);
}
