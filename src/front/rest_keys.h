/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_keys.h - keys that are issued: made on the loop, told to the engine as hash and sealed form.
 */
#ifndef THRUM_FRONT_REST_KEYS_H
#define THRUM_FRONT_REST_KEYS_H

#include "front/rest.h"

/* A new key, its text in <api_key>. Its sealed form, of keys that are readable again, goes behind
 * what is in <sealed>, which must not move while it is used: its slice is where it lies now. */
struct command_key rest_key_make(struct front *front, enum key_kind kind,
                                 char api_key[API_KEY_BYTES], struct buf *sealed);

/* A COMMAND_KEY_CREATE. */
struct key_send {
    enum key_kind kind;
    enum resource_kind target_kind;
    struct id target;
    struct id parent;
    bool replaces;
};

/* Makes a key and sends the command that issues it; the answer comes to the route's on_answer. The
 * text is left in <api_key>, a place in request->kept. */
enum rest_step rest_key_send(struct http_request *request, const struct key_send *send,
                             char api_key[API_KEY_BYTES]);

#endif
