/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h - pubStates: a new subscriber is sent the present value first.
 *
 * A reader composes it once the store shows everything up to the subscription's beginning, so that
 * between state and live messages nothing is missing; a message may come in both. It is handed to
 * the session like any delivery. What the session cannot take yet waits with the connection. */
#ifndef THRUM_FRONT_STATE_H
#define THRUM_FRONT_STATE_H

#include "front/conn.h"

/* Begins to fetch the state, with wildcards the states, for a subscription of the connection's
 * session; <after> is the event behind which it begins. When that is not possible now the
 * subscriber goes without: logged. */
void state_request(struct conn *conn, const struct subscription *subscription,
                   const struct topic_filter *filter, uint64_t after);

/* The session can take more: hands over what waits. */
void state_retry(struct conn *conn);

/* The connection ends: frees what waits. */
void state_forget(struct conn *conn);

#endif
