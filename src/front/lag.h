/* SPDX-License-Identifier: Apache-2.0
 *
 * lag.h - connected clients that are too far behind (session.lag_max) are disconnected.
 *
 * A client that does not read costs no memory for what it has not read, so by default it may be as
 * far behind as the journal is kept. Where it is rather to come back than to be late, the bound
 * ends its connection; a session that is kept goes on when it does. Who is beyond the bound and
 * catches up, from one look to the next, is left alone: so is who comes back from far behind. */
#ifndef THRUM_FRONT_LAG_H
#define THRUM_FRONT_LAG_H

#include "front/front.h"

/* On the loop's thread, or before it runs: looks once a second from now on, if there is a bound. */
void lag_watch(struct front *front);

#endif
