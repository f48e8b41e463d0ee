/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/command.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ALIGNMENT 16

struct command_batch *command_batch_new(size_t room)
{
    struct command_batch *batch = malloc(sizeof(*batch) + room);
    if (batch == NULL) {
        return NULL;
    }
    *batch = (struct command_batch){.room = room};
    batch->last_next = &batch->first;
    return batch;
}

void *command_batch_take(struct command_batch *batch, size_t bytes)
{
    size_t aligned = (bytes + BATCH_ALIGNMENT - 1) & ~(size_t)(BATCH_ALIGNMENT - 1);
    if (batch->room - batch->bytes < aligned) {
        return NULL;
    }
    void *at = batch->memory + batch->bytes;
    batch->bytes += aligned;
    return at;
}

struct command *command_batch_add(struct command_batch *batch, enum command_kind kind)
{
    struct command *command = command_batch_take(batch, sizeof(*command));
    if (command == NULL) {
        return NULL;
    }
    memset(command, 0, sizeof(*command));
    command->kind = kind;
    command->batch = batch;
    *batch->last_next = command;
    batch->last_next = &command->next;
    batch->count++;
    return command;
}

bool command_batch_copy(struct command_batch *batch, struct slice bytes, struct slice *copy)
{
    uint8_t *at = command_batch_take(batch, bytes.bytes);
    if (at == NULL) {
        return false;
    }
    if (bytes.bytes > 0) {
        memcpy(at, bytes.at, bytes.bytes);
    }
    *copy = slice_of(at, bytes.bytes);
    return true;
}
