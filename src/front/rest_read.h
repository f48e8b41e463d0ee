/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_read.h - a request that the store answers: a job on a reader's thread, and its way back.
 *
 *      loop    rest_read_new, fill in, rest_read_start
 *      reader  waits until the store shows what had been committed when the request came in; run
 *      loop    finds the request, if it is still there: arrived, or the plain answer
 *
 * The job owns all it works with; it never touches the connection. A kind of read that needs more
 * begins its struct with a struct rest_read. */
#ifndef THRUM_FRONT_REST_READ_H
#define THRUM_FRONT_REST_READ_H

#include "front/rest.h"
#include "front/view.h"
#include "store/readers.h"

/* A read waits this long for the projections; then it is 503. */
#define REST_READ_WAIT_MS 10000

/* No answer is larger: a reader's memory is bounded, whatever has been stored. Beyond it is 413. */
#define REST_ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* A page of a list or a history that has become longer than this ends, with a token for the rest,
 * so that large items come on more pages and never as that error. */
#define REST_PAGE_BYTES ((size_t)8 * 1024 * 1024)

struct rest_read {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint64_t number;

    /* what is asked; set by rest_read_new from the request, and by the handler */
    uint64_t after; /* the store must show events up to this one */
    struct actor actor;
    enum perm_subject subject; /* of the route, as the following: see struct view */
    enum perm_operation operation;
    struct id resource;
    struct id child;
    struct id project;   /* ?project=; not set: none */
    struct slice key;    /* the path's property key, as the following in memory of its own */
    struct slice type;   /* the path's action type */
    struct slice origin; /* "https://host:port", as the client says it */
    unsigned view_flags; /* enum view_flags: what the parameters ask for */

    /* On the reader's thread: composes <body>. */
    struct err (*run)(struct reader *reader, struct rest_read *read);
    bool is_of_one_moment; /* run is called within documents_reader_begin and _end */
    /* On the loop, instead of the plain answer; look at read->err first. Optional. */
    void (*arrived)(struct http_request *request, struct rest_read *read);
    /* Frees what the kind of read holds beyond this struct. Optional. */
    void (*release)(struct rest_read *read);

    /* what was found */
    struct err err;
    int status;                /* 200 unless said otherwise */
    struct slice content_type; /* static; empty: JSON */
    struct buf body;
    struct buf next_token; /* of the next page; empty: none */
    bool has_count;
    uint64_t count;
};

/* A read of <bytes>, which begin with a struct rest_read and are zero behind it. NULL without
 * memory: the request has been refused then. */
void *rest_read_new(struct http_request *request, size_t bytes,
                    struct err (*run)(struct reader *reader, struct rest_read *read));

/* Copies <from> to where *to points, behind which that points then: for texts of the request, which
 * may be over before the read is. */
struct slice rest_read_keep(uint8_t **to, struct slice from);

/* Hands the read to the readers; the request is refused when they are busy. */
void rest_read_start(struct http_request *request, struct rest_read *read);

/* The same, for who can answer without the read: false when the readers are busy. The read is freed
 * then, and the request is still to be answered. */
MUST_USE bool rest_read_try(struct http_request *request, struct rest_read *read);

/* Hands the read to the readers and has the request wait (http_wait): its <arrived> is to call
 * http_go_on. Returns what the handler is to return. */
enum rest_step rest_read_ahead(struct http_request *request, struct rest_read *read);

/* New and start in one, for reads that need no more than the request says. */
void rest_read_plain(struct http_request *request,
                     struct err (*run)(struct reader *reader, struct rest_read *read));

/* The same, of one moment. */
void rest_read_moment(struct http_request *request,
                      struct err (*run)(struct reader *reader, struct rest_read *read));

/* Frees a read that is not started. */
void rest_read_free(struct rest_read *read);

/* For <run>: from where the read looks. Borrows <read>. */
struct view rest_read_view(struct reader *reader, const struct rest_read *read);

/* For <run>: the resource of the path, when it is a <kind>, and the actor sees it and may do to it
 * what it asks for. Of one moment when more is read; the slices live until the next call on
 * reader->documents. */
MUST_USE struct err rest_read_find(struct reader *reader, const struct rest_read *read,
                                   enum resource_kind kind, struct document *document);

#endif
