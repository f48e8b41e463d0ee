/* SPDX-License-Identifier: Apache-2.0 */
#include "net/poll.h"

#include "base/assert.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct err poll_init(struct poll *poll)
{
    *poll = (struct poll){.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .wake_fd = -1};
    if (poll->epoll_fd == -1) {
        return ERR(IO);
    }
    poll->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Edge-triggered: each write to the eventfd is reported once, and nobody has to read it. Its
     * counter of 64 bits does not fill up. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (poll->wake_fd == -1 ||
        epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, poll->wake_fd, &event) == -1) {
        poll_deinit(poll);
        return ERR(IO);
    }
    return ERR(OK);
}

void poll_deinit(struct poll *poll)
{
    if (poll->wake_fd != -1) {
        close(poll->wake_fd);
    }
    if (poll->epoll_fd != -1) {
        close(poll->epoll_fd);
    }
    *poll = (struct poll){.epoll_fd = -1, .wake_fd = -1};
}

static struct err add(struct poll *poll, int fd, uint32_t events, struct loop_watch *watch)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1 ? ERR(IO) : ERR(OK);
}

struct err poll_add_edge(struct poll *poll, int fd, struct loop_watch *watch)
{
    return add(poll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, watch);
}

struct err poll_add_level(struct poll *poll, int fd, struct loop_watch *watch)
{
    return add(poll, fd, EPOLLIN, watch);
}

void poll_remove(struct poll *poll, int fd)
{
    int result = epoll_ctl(poll->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    ASSERT(result == 0);
}

static unsigned events_from(uint32_t events)
{
    return ((events & EPOLLIN) ? POLL_READ : 0u) | ((events & EPOLLOUT) ? POLL_WRITE : 0u) |
           ((events & EPOLLRDHUP) ? POLL_END : 0u) |
           ((events & (EPOLLERR | EPOLLHUP)) ? POLL_BROKEN : 0u);
}

size_t poll_wait(struct poll *poll, struct poll_ready ready[POLL_READY_MAX], int timeout_ms)
{
    struct epoll_event events[POLL_READY_MAX];
    int count = epoll_wait(poll->epoll_fd, events, POLL_READY_MAX, timeout_ms);
    ASSERT(count >= 0 || errno == EINTR);
    size_t filled = 0;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr != NULL) {
            ready[filled++] = (struct poll_ready){.watch = events[i].data.ptr,
                                                  .events = events_from(events[i].events)};
        }
    }
    return filled;
}

void poll_wake(struct poll *poll)
{
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(poll->wake_fd, &one, sizeof(one));
    } while (written == -1 && errno == EINTR);
    ASSERT(written == (ssize_t)sizeof(one));
}
