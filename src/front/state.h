/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h - pubStates: a new subscriber is sent the present value first.
 *
 * A reader composes it once the store shows everything up to the subscription's beginning, so that
 * between state and live messages nothing is missing; a message may come in both. It is handed to
 * the session like any delivery. What the session cannot take yet waits with the connection.
 *
 * A connection has a few states at a time: they are large, and a client can ask for many and take
 * none. The other subscriptions wait in a list, and are read with the rights that they have when it
 * is their turn. */
#ifndef THRUM_FRONT_STATE_H
#define THRUM_FRONT_STATE_H

#include "front/conn.h"

/* The state, with wildcards the states, are to be sent to a subscription of the connection's
 * session; <after> is the event behind which it begins. When they cannot be read the subscriber
 * goes without: logged. */
void state_request(struct conn *conn, struct subscription *subscription, uint64_t after);

/* The session can take more: hands over what waits. */
void state_retry(struct conn *conn);

/* The session ends, or the connection: frees what waits, and what is being read will be dropped. */
void state_forget(struct conn *conn);

#endif
