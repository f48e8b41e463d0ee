/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - the error type: what the world may answer instead of yes.
 *
 * A struct of one field rather than an int, so that the compiler rejects a forgotten check, a
 * mix-up with a count, and a TRY on something that is no error. Each code has a class, which
 * callers branch on, and a text for people. One list, so that code, class and text cannot part. */
#ifndef THRUM_BASE_ERR_H
#define THRUM_BASE_ERR_H

#include "base/common.h"

/* What a caller may do about it. The front maps a class to its HTTP status, and to the MQTT and
 * WebSocket behaviour that goes with that status. */
enum err_class {
    ERR_CLASS_OK,
    ERR_CLASS_INVALID,         /* 400: the sender must send something else */
    ERR_CLASS_UNAUTHENTICATED, /* 401: no credential at all */
    ERR_CLASS_DENIED,          /* 403 */
    ERR_CLASS_ABSENT,          /* 404: not there, or not visible to this key */
    ERR_CLASS_METHOD,          /* 405 */
    ERR_CLASS_UNACCEPTABLE,    /* 406 */
    ERR_CLASS_TIMEOUT,         /* 408 */
    ERR_CLASS_CONFLICT,        /* 409 */
    ERR_CLASS_TOO_LARGE,       /* 413 */
    ERR_CLASS_TARGET_LONG,     /* 414 */
    ERR_CLASS_MEDIA,           /* 415 */
    ERR_CLASS_HEADER_LARGE,    /* 431 */
    ERR_CLASS_VERSION,         /* 505 */
    ERR_CLASS_LIMITED,         /* 429: may pass; too much was asked for in too short a time */
    ERR_CLASS_BUSY,            /* 503: may pass; trying again is right */
    ERR_CLASS_IO,              /* 500: disk, network, library */
    ERR_CLASS_CORRUPT,         /* 500: stored bytes are not what was written */
    ERR_CLASS_PROTOCOL,        /* the peer broke its protocol: close the connection */
    ERR_CLASS_CONFIG,          /* start-up: the operator must change something */
};

/* name, class, text. Texts are whole sentences: they are what REST clients read in `errors`. */
#define ERR_MAP(X)                                                                               \
    X(OK, OK, "Success.")                                                                        \
    X(BUF_FULL, TOO_LARGE, "The message is larger than this server accepts.")                    \
    X(NO_MEMORY, BUSY, "The server is out of memory for this request; try again later.")         \
    X(BUSY, BUSY, "The server is busy; try again later.")                                        \
    X(READ_ONLY, BUSY, "The store cannot be written at the moment; try again later.")            \
    X(STOPPING, BUSY, "The server is shutting down.")                                            \
    X(IO, IO, "The server met an input or output error.")                                        \
    X(INTERNAL, IO, "The server met an internal error.")                                         \
    X(CORRUPT, CORRUPT, "Stored data is damaged.")                                               \
    X(STORE_FORMAT_NEWER, CONFIG, "The data folder was written by a newer version.")             \
    X(STORE_LOCKED, CONFIG, "The data folder is in use by another process.")                     \
    X(CONFIG, CONFIG, "The configuration is not valid.")                                         \
    X(CREDENTIAL_MISSING, UNAUTHENTICATED, "An API key is required.")                            \
    X(CREDENTIAL_UNKNOWN, DENIED, "The API key is not valid.")                                   \
    X(DENIED, DENIED, "The API key does not permit this operation.")                             \
    X(ORIGIN_DENIED, DENIED, "Pages of this origin are not allowed.")                            \
    X(NOT_FOUND, ABSENT, "The requested resource was not found.")                                \
    X(METHOD_UNKNOWN, METHOD, "The method is not supported on this path.")                       \
    X(CONFLICT, CONFLICT, "The request conflicts with the current state of the resource.")       \
    X(CREDENTIAL_WRONG, UNAUTHENTICATED, "The email or the password is wrong.")                  \
    X(NOT_ACTIVATED, DENIED, "The user has not been validated.")                                 \
    X(TOO_MANY_REQUESTS, LIMITED, "Too many requests; try again later.")                         \
    X(ROLE_IN_USE, CONFLICT, "The role is in use.")                                              \
    X(LAST_ADMINISTRATOR, CONFLICT, "An account keeps at least one administrator.")              \
    X(GRANTS_TOO_MUCH, INVALID, "Nobody can grant more than they hold.")                         \
    X(NAME_TAKEN, CONFLICT, "There is a resource of that name already.")                         \
    X(AMBIGUOUS, CONFLICT, "The identifier belongs to several resources.")                       \
    X(BUILT_IN, DENIED, "What is built in can be neither changed nor deleted.")                  \
    X(COMMISSION_STATE, CONFLICT, "The thng is not in the state that this needs.")               \
    X(ACTIONS_TOO_MANY, INVALID, "The request has more actions than the limit allows.")          \
    X(MEMBERS_TOO_MANY, INVALID, "The request has more ids than the limit allows.")              \
    X(MEMBERS_CYCLE, INVALID, "A collection cannot be below itself.")                            \
    X(TOPIC_INVALID, INVALID, "The topic is not valid.")                                         \
    X(TOPIC_UNKNOWN, ABSENT, "The topic does not exist.")                                        \
    X(TOPIC_NOT_PUBLISHABLE, METHOD, "The topic cannot be published to.")                        \
    X(QUERY_INVALID, INVALID, "A query parameter is not valid.")                                 \
    X(JSON_INVALID, INVALID, "The body is not valid JSON.")                                      \
    X(JSON_DEPTH, INVALID, "The JSON is nested too deeply.")                                     \
    X(JSON_DUPLICATE, INVALID, "A member occurs twice in a JSON object.")                        \
    X(JSON_NUMBER_RANGE, INVALID, "A number is beyond the range of a double.")                   \
    X(UTF8_INVALID, INVALID, "The text is not valid UTF-8.")                                     \
    X(SHAPE_INVALID, INVALID, "The body does not have the expected shape.")                      \
    X(BODY_MISSING, INVALID, "A body is required.")                                              \
    X(FIELD_MISSING, INVALID, "A required field is missing.")                                    \
    X(FIELD_INVALID, INVALID, "A field has a value that is not valid.")                          \
    X(FIELD_TOO_LONG, INVALID, "A field is longer than the limit.")                              \
    X(REFERENCE_UNKNOWN, INVALID, "A referenced resource does not exist.")                       \
    X(ID_MISMATCH, INVALID, "The id in the body differs from the id in the path.")               \
    X(PROPERTY_KEY_MISSING, INVALID, "A property needs a key.")                                  \
    X(PROPERTY_KEY_INVALID, INVALID,                                                             \
      "A property key must have 1 to 128 characters, none of them a control character.")         \
    X(PROPERTY_VALUE_MISSING, INVALID,                                                           \
      "A property needs a value, and the value must not be null.")                               \
    X(PROPERTIES_TOO_MANY, INVALID, "The resource has as many properties as the limit allows.")  \
    X(POINTS_TOO_MANY, INVALID, "The request has more points than the limit allows.")            \
    X(TIMESTAMP_INVALID, INVALID,                                                                \
      "A timestamp must be a whole number of milliseconds since 1970.")                          \
    X(LOCATION_INVALID, INVALID,                                                                 \
      "A location needs a position, a latitude with a longitude, or a place.")                   \
    X(BODY_TOO_LARGE, TOO_LARGE, "The body is larger than this server accepts.")                 \
    X(TARGET_TOO_LONG, TARGET_LONG, "The request target is longer than this server accepts.")    \
    X(HEADER_TOO_LARGE, HEADER_LARGE, "The header is larger than this server accepts.")          \
    X(HTTP_MALFORMED, INVALID, "The request is not valid HTTP.")                                 \
    X(HEADER_INVALID, INVALID, "A header field is not valid.")                                   \
    X(HTTP_VERSION, VERSION, "The HTTP version is not supported.")                               \
    X(HTTP_TIMEOUT, TIMEOUT, "The request did not arrive in time.")                              \
    X(MEDIA_TYPE, MEDIA, "The body must be JSON, sent without a content encoding.")              \
    X(NOT_ACCEPTABLE, UNACCEPTABLE, "The server can only answer with JSON.")                     \
    X(WS_HANDSHAKE, INVALID, "The WebSocket handshake is not valid.")                            \
    X(MQTT_MALFORMED, PROTOCOL, "The MQTT packet is malformed.")                                 \
    X(MQTT_TOO_LARGE, PROTOCOL, "The MQTT packet is larger than this server accepts.")           \
    X(MQTT_TYPE, PROTOCOL, "The MQTT packet has a type or flags that are reserved.")             \
    X(MQTT_TEXT, PROTOCOL, "A text in the MQTT packet is not valid UTF-8, or contains NUL.")     \
    X(MQTT_TOPIC, PROTOCOL, "The MQTT topic is empty, or a topic to publish to has a wildcard.") \
    X(MQTT_PACKET_ID, PROTOCOL, "The MQTT packet has the packet identifier 0.")                  \
    X(MQTT_QOS, PROTOCOL, "The MQTT packet asks for a quality of service that does not exist.")  \
    X(MQTT_PROTOCOL, PROTOCOL, "The MQTT packet is not allowed here.")                           \
    X(WS_PROTOCOL, PROTOCOL, "The WebSocket frame is not allowed here.")                         \
    X(PEER_CLOSED, PROTOCOL, "The peer closed the connection.")                                  \
    X(TLS_FAILED, PROTOCOL, "The TLS handshake failed.")                                         \
    X(PROXY_HEADER, PROTOCOL, "The connection does not begin with a valid PROXY header.")

enum err_code {
#define X(name, class, text) ERR_##name,
    ERR_MAP(X)
#undef X
        ERR_CODE_COUNT
};

struct err {
    enum err_code code;
};

/* ERR(OK), ERR(NOT_FOUND): the error with that name. */
#define ERR(name) ((struct err){ERR_##name})

static inline bool err_is_set(struct err err)
{
    return err.code != ERR_OK;
}
static inline bool err_equal(struct err a, struct err b)
{
    return a.code == b.code;
}

enum err_class err_class(struct err err);

/* A sentence for people. Static; never NULL. */
const char *err_text(struct err err);

/* The name in the list, for logs: "NOT_FOUND". Static; never NULL. */
const char *err_name(struct err err);

/* The HTTP status that answers this error; 200 for OK, 400 for protocol errors, 500 for the rest
 * that is ours. */
int err_http_status(struct err err);

/* Returns the error at once. The only macro that hides control flow. */
#define TRY(expression)                       \
    do {                                      \
        struct err try_err_ = (expression);   \
        if (UNLIKELY(err_is_set(try_err_))) { \
            return try_err_;                  \
        }                                     \
    } while (0)

#endif
