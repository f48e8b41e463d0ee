/* SPDX-License-Identifier: Apache-2.0
 *
 * http1.h - HTTP/1.1 for a server (RFC 9110, RFC 9112): request heads and chunked bodies in,
 * response heads and chunks out.
 *
 * Requests are read strictly: what two readers could understand differently (two lengths, a length
 * with chunked, a bare line feed, a folded field, a space before the colon) is refused, never
 * repaired. Reading allocates nothing and fills a struct of slices into the input; they live as
 * long as the input bytes stay where they are. After DECODE_BAD the position in the stream is lost:
 * answer with err_http_status(err) and close.
 *
 *     struct http1_scan scan = {0};                                 once a connection
 *     switch (http1_read_head(input, &limits, &scan, &head, &err))  whenever bytes have come
 *     DECODE_DONE: drop head.bytes from the input; a body follows if http1_has_body(&head)
 *     DECODE_MORE: keep the input, call again with the same bytes and more behind them
 *     DECODE_BAD:  answer err, close */
#ifndef THRUM_CODEC_HTTP1_H
#define THRUM_CODEC_HTTP1_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "codec/decode.h"

/* Beyond what any client sends; each is part of contract/README.md, table of limits. */
#define HTTP1_TARGET_BYTES_MAX 8192
#define HTTP1_HEADER_BYTES_MAX 16384
#define HTTP1_FIELD_COUNT_MAX 100
#define HTTP1_BODY_BYTES_MAX (1024 * 1024)

/* The longest method in the IANA registry has 17 bytes; a longer word than this is no method. */
#define HTTP1_METHOD_BYTES_MAX 32

/* Extensions of all chunks of one body together. Nobody sends them, but they must be skipped, and a
 * peer must not be able to send nothing else for ever. */
#define HTTP1_EXTENSION_BYTES_MAX 4096

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define HTTP1_DATE_BYTES 29

struct http1_limits {
    size_t target_bytes_max; /* beyond it: ERR_TARGET_TOO_LONG */
    size_t header_bytes_max; /* all field lines and the empty line; ERR_HEADER_TOO_LARGE */
    size_t field_count_max;  /* at most HTTP1_FIELD_COUNT_MAX; ERR_HEADER_TOO_LARGE */
    uint64_t body_bytes_max; /* announced or counted; ERR_BODY_TOO_LARGE */
};

/* The four constants above. */
extern const struct http1_limits http1_limits_default;

enum http1_method {
    HTTP1_UNKNOWN, /* a valid token that is none of the following */
    HTTP1_GET,
    HTTP1_HEAD,
    HTTP1_POST,
    HTTP1_PUT,
    HTTP1_DELETE,
    HTTP1_OPTIONS,
    HTTP1_PATCH,
};

struct http1_field {
    struct slice name;  /* as sent: compare without case */
    struct slice value; /* without the white space around it; may be empty */
};

struct http1_head {
    enum http1_method method;
    struct slice method_name;
    struct slice target;   /* as sent */
    struct slice resource; /* path and query of the target: "/..."; "*" for OPTIONS *; for
                              "http://host?q" it is "?q": an empty path is "/"; empty for CONNECT */
    struct slice host;     /* of an absolute target, else of the field Host; may be empty */
    uint8_t version_minor; /* 0 or 1 */
    bool keep_alive;       /* false for HTTP/1.0: it is answered, then closed */
    bool has_content_length;
    bool is_chunked;
    bool expects_continue;   /* the client waits for http1_write_continue before its body */
    bool upgrades_websocket; /* Upgrade: websocket, named by Connection: see ws_handshake_check */
    uint64_t content_length; /* 0 without the field */
    size_t bytes;            /* of the input, up to and with the empty line */
    size_t field_count;
    struct http1_field fields[HTTP1_FIELD_COUNT_MAX];
};

/* How far the search for the end of a head has come, so that a client that sends byte by byte costs
 * no more than one that sends all at once. All-zero at the start of each request: reading leaves it
 * so after DECODE_DONE and DECODE_BAD. Offsets, not pointers: the input may move between calls. */
struct http1_scan {
    size_t scanned;      /* bytes searched for line ends */
    size_t line_start;   /* of the line that has not ended yet */
    size_t header_start; /* of the first field line; 0 while the request line is incomplete */
    size_t line_count;   /* field lines seen */
    bool empty_skipped;  /* one empty line may precede a request (RFC 9112 2.2) */
};

/* Reads the request line and the fields at the start of <input>. Limits are judged as soon as they
 * are broken, a line as soon as it has ended, the fields together (Host, lengths) when the head is
 * complete. On ERR_BODY_TOO_LARGE the whole <head> is filled, on other errors nothing of it is to
 * be used. */
enum decode http1_read_head(struct slice input, const struct http1_limits *limits,
                            struct http1_scan *scan, struct http1_head *head, struct err *err);

static inline bool http1_has_body(const struct http1_head *head)
{
    return head->is_chunked || head->content_length > 0;
}

/* How often a field occurs; <*value> becomes the first one's, and stays as it is without one. */
size_t http1_find(const struct http1_head *head, struct slice name, struct slice *value);

/* Takes the next element off a comma-separated list (RFC 9110 5.6.1), without the white space
 * around it; empty ones are skipped. False when there is none left. Not for lists with quoted
 * strings. */
bool http1_list_next(struct slice *rest, struct slice *element);

/* <text> without spaces and tabs at its ends. */
struct slice http1_trim(struct slice text);

/* "GET"; "" for HTTP1_UNKNOWN. */
struct slice http1_method_name(enum http1_method method);

/* ---- chunked bodies (RFC 9112 7.1) ---- */

enum http1_chunked_stage {
    HTTP1_CHUNK_SIZE, /* the start of a body */
    HTTP1_CHUNK_SIZE_MORE,
    HTTP1_CHUNK_SPACE, /* white space between the size and the first ';' */
    HTTP1_CHUNK_EXTENSION,
    HTTP1_CHUNK_SIZE_LF,
    HTTP1_CHUNK_CONTENT,
    HTTP1_CHUNK_CONTENT_CR,
    HTTP1_CHUNK_CONTENT_LF,
    HTTP1_TRAILER_START, /* where a trailer field or the last empty line begins */
    HTTP1_TRAILER_NAME,
    HTTP1_TRAILER_VALUE,
    HTTP1_TRAILER_LF,
    HTTP1_TRAILER_END_LF,
};

/* Where in a chunked body the reader is. All-zero at the start of a body. */
struct http1_chunked {
    enum http1_chunked_stage stage;
    unsigned digit_count;   /* of the size being read */
    uint64_t chunk_left;    /* bytes of the chunk not yet read */
    uint64_t body_bytes;    /* content announced by the chunks so far, their own bytes included */
    size_t extension_bytes; /* of all chunks */
    size_t trailer_bytes;   /* header_bytes_max holds for trailers as well */
    size_t trailer_count;
};

/* Decodes what is there of a chunked body and appends the content to <body>. <*used> bytes of the
 * input are done with, whatever the answer; DECODE_MORE always uses all of them. Extensions and
 * trailer fields are checked and dropped (RFC 9112 7.1.1, RFC 9110 6.5.1). The limit of the body is
 * judged by each chunk's announced size. After DECODE_DONE the reader is all-zero again. */
enum decode http1_read_chunked(struct slice input, const struct http1_limits *limits,
                               struct http1_chunked *chunked, struct buf *body, size_t *used,
                               struct err *err);

/* ---- responses ---- */

struct http1_response {
    int status;
    bool closes;             /* says Connection: close */
    bool is_chunked;         /* Transfer-Encoding: chunked instead of a length; 1.1 clients only */
    bool is_unbounded;       /* neither: the body ends with the connection; for 1.0 clients */
    uint64_t content_length; /* of the body; for HEAD, of the body that GET would have */
    struct slice content_type;        /* not sent when empty */
    struct slice date;                /* not sent when empty; see http1_date */
    const struct http1_field *fields; /* more of them, sent in this order */
    size_t field_count;
};

/* Appends a response head. 1xx, 204 and 304 carry neither length nor chunked (RFC 9110 8.6). Field
 * values may come from users: a control character in one is written as a space, so that no value
 * can start a field of its own. Names are thrum's own (asserted to be tokens). */
void http1_write_head(struct buf *buf, const struct http1_response *response);

/* "HTTP/1.1 100 Continue", when a head expects it and its body is wanted. */
void http1_write_continue(struct buf *buf);

/* A chunk of a chunked response; an empty slice writes nothing, since an empty chunk is the end. */
void http1_write_chunk(struct buf *buf, struct slice content);
void http1_write_last_chunk(struct buf *buf);

/* "Not Found" for 404; empty for a status thrum never sends. */
struct slice http1_status_text(int status);

/* Writes the value of a Date field (IMF-fixdate, RFC 9110 5.6.7) for <seconds> since 1970, of the
 * years up to 9999, to <to>. */
void http1_date(int64_t seconds, uint8_t to[HTTP1_DATE_BYTES]);

/* ---- the characters of HTTP ---- */

enum http1_class {
    HTTP1_IS_TOKEN = 1,  /* tchar, RFC 9110 5.6.2 */
    HTTP1_IS_VALUE = 2,  /* VCHAR, obs-text, space and tab: RFC 9110 5.5 */
    HTTP1_IS_TARGET = 4, /* VCHAR but '#': fragments never reach a server (RFC 9112 3.2.1) */
    HTTP1_IS_HOST = 8,   /* unreserved, sub-delims, '%': RFC 3986 reg-name */
};

extern const uint8_t http1_classes[256];

/* True when every byte of <text> is of <class>. */
bool http1_is_all(struct slice text, enum http1_class class);

#endif
