/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h - the server put together: store, engine, readers, loops, listeners, and their threads.
 *
 *      core_open    takes the data folder and the ports; nothing runs yet
 *      core_start   starts the threads: from here on it serves
 *      core_stop    says good-bye to clients, commits what came in, closes the store */
#ifndef THRUM_SERVER_CORE_H
#define THRUM_SERVER_CORE_H

#include "server/config.h"
#include "server/first_start.h"

struct core;

/* Opens everything that <config> names. On failure <problem> has sentences for the operator and
 * nothing stays open. <config> must outlive the core. */
MUST_USE struct err core_open(const struct config *config, struct core **core, struct buf *problem);

MUST_USE struct err core_start(struct core *core);

/* Stops and frees. NULL is fine. */
void core_stop(struct core *core);

/* The operator key, when this start has made it; else NULL. Lives as long as the core. */
const char *core_new_operator_key(const struct core *core);

/* Where it listens: fills up to <room> endpoints and returns how many. The texts in them live as
 * long as the core. */
size_t core_endpoints(const struct core *core, struct first_start_endpoint *endpoints, size_t room);

/* The file with the authority's certificate that clients need; NULL: none that thrumd knows of.
 * Lives as long as the core and its configuration. */
const char *core_ca_file(const struct core *core);

/* Does what is due by the time: looks whether certificates have changed, renews and warns once a
 * day. Returns after how many milliseconds something is due again. The main thread only, as is the
 * next one. */
int64_t core_tend(struct core *core);

/* Somebody asks to load what can be loaded without a restart: the certificates. */
void core_reload(struct core *core);

#endif
