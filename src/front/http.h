/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - a request over HTTP/1.1 on its way through the server, and its answer.
 *
 * A connection has one request at a time; the next one in its input is read when this one has been
 * answered. A request is judged when its head is there (path, credential, right, media types), then
 * its body is read, then its route's handler is called:
 *
 *      http_conn.c   the connection: heads, bodies, time-outs       --rest_judge-->   rest.c
 *      http_answer.c the answer                                     <--http_answer--  rest_*.c
 *
 * Everything belongs to the loop's thread. */
#ifndef THRUM_FRONT_HTTP_H
#define THRUM_FRONT_HTTP_H

#include "codec/http1.h"
#include "front/conn.h"
#include "model/actor.h"

/* Between two requests a connection may say nothing for this long: more than the minute for which
 * common clients keep theirs, so that it is they who close. */
#define HTTP_IDLE_MS 75000

/* A body may take this long in all, however slowly it keeps coming. */
#define HTTP_BODY_MS (5 * 60 * 1000)

#define HTTP_DETAIL_BYTES 160

struct rest_route;
struct rest_follow;

/* What a handler keeps between its beginning and its answer. */
union http_kept {
    char api_key[API_KEY_BYTES]; /* POST /auth/evrythng/thngs: the key being issued */
    struct id content;           /* PUT /files/:id/content: what has been stored (file_store.h) */
    struct {
        char api_key[API_KEY_BYTES]; /* being issued to somebody who is given rights with it */
        bool is_judged;              /* whether the asker holds these rights is known: */
        struct err refusal;
    } issue;
    struct {
        char api_key[API_KEY_BYTES]; /* being issued to a user of an application */
        char activation_code[8];
        bool is_found; /* its credentials have been read, */
        bool is_ready; /* and its password has been hashed or compared */
        bool is_inactive;
        size_t email_bytes; /* of what has been gathered for it, the first (rest_users.c) */
    } user;
    struct {
        uint32_t waiting; /* commands not answered yet */
        uint32_t done;
        struct err err; /* the first that was refused */
    } bulk;
    struct {
        bool is_array; /* POST of actions: the body was one, and so is the answer */
    } actions;
    struct {
        bool is_done; /* it has been looked up by its identifier */
        struct err err;
        struct id id;
    } product; /* that a thng is commissioned with */
};

struct http_request {
    struct conn *conn;
    uint64_t number; /* of the connection's requests; names this one in commands and reads */
    enum http1_method method; /* GET also for HEAD */
    bool is_head;
    bool keeps_alive;
    struct slice path;    /* as sent; slices live until the answer */
    struct slice query;   /* as sent */
    struct slice origin;  /* as sent: of the page that asks; empty: none does */
    struct slice host;    /* as sent */
    struct slice api_key; /* the credential; empty: none. Never logged */
    const struct rest_route *route;
    unsigned methods;          /* bits 1 << enum http1_method: what the path has, for a 405 */
    bool takes_events;         /* Accept names text/event-stream; */
    bool takes_json;           /* JSON is acceptable (too) */
    bool has_last_event;       /* Last-Event-ID: the last event that the client has had */
    bool is_http10;            /* knows no chunks */
    struct err last_event_err; /* of what it says */
    uint64_t last_event;
    struct rest_follow *follow; /* it follows a topic (rest_follow.h); NULL: it does not */
    struct slice user_agent;    /* as sent; empty: none */
    struct slice content_type;  /* as sent, of the body; empty: none */
    struct slice resource_text; /* decoded: the first id of the path */
    struct id resource;         /* the same, when it is one */
    bool needs_resolving;       /* it is an identifier: <resource> is not set yet */
    bool needs_account_check;   /* it is an account, perhaps another one than the actor's */
    struct id child;            /* the second id of the path: of a member, an action, a task, ... */
    struct slice key;           /* decoded: the property key of the path, in normal form */
    struct slice type;          /* decoded: the action type of the path, which may be "all"; or the
                                   name of a permission */
    struct id project;          /* ?project=; not set: none */
    bool is_for_all_users;      /* ?userScope=all: what a user makes is shown to all users */
    struct actor actor;
    struct slice body;              /* during the handler's call */
    int64_t retry_after_ms;         /* of a 429: when to try again */
    char detail[HTTP_DETAIL_BYTES]; /* what to tell instead of the error's own text */
    size_t detail_bytes;
    union http_kept kept;
    struct buf gathered; /* for its answer, or its next step; freed with the request */
};

struct http_answer {
    int status;
    struct slice body;
    struct slice content_type; /* empty: JSON */
    bool is_user_content;      /* sent by a client: no browser may take it for a page of ours */
    struct slice location;     /* path of what was created; empty: none */
    struct slice next_token;   /* of the next page; empty: none */
    bool has_count;
    uint64_t count; /* X-Result-Count */
    bool has_last_event;
    uint64_t last_event; /* Last-Event-ID: what to go on behind */
    bool has_missed;     /* Events-Missed: something before the answer is no longer kept */
};

/* Answers the request, which is over then: the next one may begin during the call. */
void http_answer(struct http_request *request, const struct http_answer *answer);

/* "https://" or "http://": how the client has reached the server. */
struct slice http_scheme(const struct http_request *request);

/* Answers 200 with <body>; an empty one is sent as it is. */
void http_answer_body(struct http_request *request, struct slice body);

/* An answer without a length: its head, then pieces, as long as there are some; then the request is
 * over, and its connection ends. What is written is the buffer's bytes, which is reset. */
void http_stream_start(struct http_request *request, struct slice content_type);
void http_stream_write(struct http_request *request, struct buf *piece);
void http_stream_end(struct http_request *request);

/* Answers OPTIONS: what a page of another origin may ask. */
void http_answer_preflight(struct http_request *request);

/* Answers with the error's status and text (or request->detail). */
void http_refuse(struct http_request *request, struct err err);

/* The same for what may be tried again so many milliseconds later: Retry-After says so. */
void http_refuse_later(struct http_request *request, struct err err, int64_t after_ms);

/* The same, and the connection ends: what follows in it cannot be understood. */
void http_refuse_and_close(struct http_request *request, struct err err, int status);

/* The request of a connection, when it is still that one. NULL: answered, or no HTTP any more. */
struct http_request *http_request_find(struct conn *conn, uint64_t number);

/* Before its body is taken a request waits for something: returns REST_AGAIN then. After http_go_on
 * the handler is called with the same body; or, with an error, the request is refused. */
void http_wait(struct http_request *request);
void http_go_on(struct http_request *request, struct err err);

/* For http_answer.c: the answer has been written. */
void http_request_done(struct http_request *request);

#endif
