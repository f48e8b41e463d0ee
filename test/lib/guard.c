/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void die(const char *what)
{
    perror(what);
    abort();
}

static void map_room(struct guard *guard, size_t room_bytes)
{
    size_t page = page_bytes();
    uint8_t *pages =
        mmap(NULL, room_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        die("guard: mmap");
    }
    if (mprotect(pages + room_bytes, page, PROT_NONE) == -1) {
        die("guard: mprotect");
    }
    guard->pages = pages;
    guard->room_bytes = room_bytes;
}

void guard_init(struct guard *guard)
{
    map_room(guard, page_bytes());
}

void guard_deinit(struct guard *guard)
{
    if (guard->pages != NULL && munmap(guard->pages, guard->room_bytes + page_bytes()) == -1) {
        die("guard: munmap");
    }
    *guard = (struct guard){0};
}

uint8_t *guard_put(struct guard *guard, const void *at, size_t bytes)
{
    if (guard->pages == NULL || bytes > guard->room_bytes) {
        size_t page = page_bytes();
        guard_deinit(guard);
        map_room(guard, (bytes / page + 1) * page);
    }
    uint8_t *copy = guard->pages + guard->room_bytes - bytes;
    if (bytes > 0) {
        memcpy(copy, at, bytes);
    }
    return copy;
}

struct slice guard_slice(struct guard *guard, struct slice bytes)
{
    return slice_of(guard_put(guard, bytes.at, bytes.bytes), bytes.bytes);
}
