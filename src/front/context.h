/* SPDX-License-Identifier: Apache-2.0
 *
 * context.h - what is kept with an action about the request it came in (contract: REST 7.4): the
 * client's address, and over HTTP the name its program gives itself. */
#ifndef THRUM_FRONT_CONTEXT_H
#define THRUM_FRONT_CONTEXT_H

#include "front/conn.h"

/* More of a User-Agent is cut off: it is kept with each action. */
#define CONTEXT_USER_AGENT_BYTES_MAX 512

/* The context of what is published to topics of <family>: a JSON object, valid until the next call
 * on this loop. Empty for families that are not actions, and without memory. */
struct slice context_of(struct conn *conn, enum topic_family family, struct slice user_agent);

#endif
