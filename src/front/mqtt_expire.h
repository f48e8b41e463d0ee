/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_expire.h - sessions that nobody has come back to are taken away (session.expiry).
 *
 * Now and then a reader walks over what is kept of sessions and finds those that were last
 * connected too long ago. The engine ends each of them, unless its client has come meanwhile. */
#ifndef THRUM_FRONT_MQTT_EXPIRE_H
#define THRUM_FRONT_MQTT_EXPIRE_H

#include "front/front.h"

struct mqtt_expire;

/* For a loop that runs from now on until mqtt_expire_free. NULL without memory. */
struct mqtt_expire *mqtt_expire_new(struct front *front);

/* Looks for sessions whose time has come; any thread. Does nothing while it is still looking. */
void mqtt_expire_look(struct mqtt_expire *expire);

/* The loop and the readers have stopped. NULL is fine. */
void mqtt_expire_free(struct mqtt_expire *expire);

#endif
