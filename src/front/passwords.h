/* SPDX-License-Identifier: Apache-2.0
 *
 * passwords.h - passwords are hashed, and compared with hashes, by the workers: it takes them a
 * tenth of a second and tens of megabytes (Argon2id, limits.password_memory and password_passes),
 * for which no loop waits.
 *
 *      loop    the request waits (http_wait), its password is copied to a job
 *      worker  slowed after failures (login_limit.h); compares, hashes; the copies are wiped
 *      loop    finds the request, if it is still there: <done>
 *
 * Whoever is compared with nobody's hash is compared all the same, so that an answer takes as long
 * for an email that nobody has. */
#ifndef THRUM_FRONT_PASSWORDS_H
#define THRUM_FRONT_PASSWORDS_H

#include "codec/json.h"
#include "front/rest.h"

/* Any text, decoded. */
#define PASSWORD_BYTES_MAX 1024

/* A hash names its parameters and its salt: "$argon2id$v=19$m=65536,t=2,p=1$...". Some characters
 * of ASCII, none of which JSON would escape; with its NUL it fits in here. */
#define PASSWORD_HASH_BYTES 128

/* Can that member of a body be a password? ERR_FIELD_MISSING, ERR_FIELD_INVALID, also of one that
 * is empty, ERR_FIELD_TOO_LONG. */
MUST_USE struct err password_check(struct json_value value);

struct password_ask {
    struct json_value given; /* compared; JSON_NONE: nothing is */
    struct slice hash;       /* with this; empty: nobody has it */
    struct json_value fresh; /* hashed, unless what was compared is wrong; JSON_NONE: nothing is */
};

/* On the loop, while the request waits: it is to call http_go_on. ERR_CREDENTIAL_WRONG;
 * ERR_TOO_MANY_REQUESTS with request->retry_after_ms; ERR_NO_MEMORY. <hash> is that of what was
 * fresh, and is borrowed. */
typedef void (*password_done_fn)(struct http_request *request, struct err err, struct slice hash);

/* Has a worker do it; what is asked has been checked. Returns what the handler is to return: the
 * request waits, or it has been refused because the workers are busy. */
enum rest_step passwords_ask(struct http_request *request, const struct password_ask *ask,
                             password_done_fn done);

#endif
