/* SPDX-License-Identifier: Apache-2.0
 *
 * login_limit.h - failed logins, by where they come from: after some the next have to wait, longer
 * each time. A right password forgives the failures for that same user, when the address has failed
 * for no other: else whoever has an account of its own could guess at others' without end. An hour
 * without a failure forgives all. Any thread. */
#ifndef THRUM_FRONT_LOGIN_LIMIT_H
#define THRUM_FRONT_LOGIN_LIMIT_H

#include "net/address.h"

struct login_limit;

/* Addresses kept; the longest quiet go. */
#define LOGIN_LIMIT_ADDRESSES_MAX 65536

/* <free_failures> are not slowed; then 1 s, 2 s, 4 s, up to <delay_max_ms>. NULL without memory. */
struct login_limit *login_limit_new(uint32_t free_failures, int64_t delay_max_ms, uint64_t seed);
void login_limit_free(struct login_limit *limit);

/* How long the address still has to wait; 0: it may try. Of IPv6 the first 64 bits count. */
int64_t login_limit_wait_ms(struct login_limit *limit, const struct address *address,
                            int64_t now_ms);

/* <user>: any number that stands for the user who was to be logged in. */
void login_limit_failed(struct login_limit *limit, const struct address *address, uint64_t user,
                        int64_t now_ms);
void login_limit_succeeded(struct login_limit *limit, const struct address *address, uint64_t user);

#endif
