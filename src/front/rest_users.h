/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_users.h - what signing up and logging in share: the credentials of a user, and the answer
 * that tells its key.
 *
 * Credentials are the hidden member of a user's document, which no document that is served shows:
 *
 *      {"status":"inactive","activationCode":"8 characters","password":"$argon2id$..."}
 *      {"status":"active","activatedAt":1700000000123,"password":"$argon2id$..."}
 *      {"status":"anonymous"}
 */
#ifndef THRUM_FRONT_REST_USERS_H
#define THRUM_FRONT_REST_USERS_H

#include "codec/json.h"
#include "front/rest_read.h"

/* The credentials in a user's stored document: an object. */
struct slice user_credentials(const struct document *user);

/* True when their status is that. */
bool user_has_status(struct slice credentials, struct slice status);

/* Is it a user of the application that the actor is? What others have is as absent. */
bool user_is_of(const struct document *user, const struct actor *application);

/* For reads whose body holds credentials or a key: release. */
void user_read_wipe(struct rest_read *read);

/* Answers, after event <after>, that the user is logged in, with its key: in the form of the
 * route's reply, REPLY_LOGIN or REPLY_SIGN_UP. */
void user_answer_session(struct http_request *request, const struct id *user, uint64_t after);

/* Appends the latter. <email> is JSON text. */
void user_write_session(struct buf *out, const struct id *user, struct slice api_key,
                        struct slice status, struct slice email);

#endif
