/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.h - the broker's own figures on plain topics: `$SYS/broker/...`, as brokers have them.
 *
 * They are told to who has subscribed to them, when it does and every mqtt.sys_interval, with
 * QoS 0; no journal has them, and who is behind is not sent them. */
#ifndef THRUM_FRONT_SYS_H
#define THRUM_FRONT_SYS_H

#include "front/front.h"

/* On the loop's thread, or before it runs: tells from now on, if there is an interval. */
void sys_watch(struct front *front);

/* Is that filter one of theirs? A session that has one is to be marked (hears_sys). */
bool sys_is_filter(struct slice filter);

/* Tells a session all that it has subscribed to, as retained: it has just done so. */
void sys_tell(struct front *front, struct session *session);

/* The topics and what they are, as rows of a table for the reference. */
void sys_print_rows(struct buf *out);

#endif
