/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_recover.h - after the daemon has ended without a word (a crash, a power cut), the sessions
 * whose clients were connected then: their connections have ended, so their wills are published, in
 * the first group, each taken away in the same write; and what they are sent again is marked DUP,
 * because the last second before the end may not have been kept. */
#ifndef THRUM_FRONT_MQTT_RECOVER_H
#define THRUM_FRONT_MQTT_RECOVER_H

#include "front/front.h"

/* Before the loops run, on any one of them, with the engine and the readers at work: when this
 * returns, the commands are on their way, and whoever connects comes behind them. Waits for a
 * reader. *count is how many sessions are kept in all. ERR_*: the sessions cannot be read. */
MUST_USE struct err mqtt_recover(struct front *front, uint64_t *count);

#endif
