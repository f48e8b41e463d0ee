/* SPDX-License-Identifier: Apache-2.0
 *
 * pki.h - the certificates thrumd makes for itself, so that TLS works from the first start.
 *
 *      FOLDER/ca.pem       the authority: give it to clients
 *      FOLDER/ca.key       0600
 *      FOLDER/server.pem   the server's certificate, then the authority's
 *      FOLDER/server.key   0600
 *
 * All keys are ECDSA P-256. The authority lives 10 years and can sign nothing but servers (pathlen
 * 0). The server's certificate lives 397 days and names localhost, the host (short and full),
 * 127.0.0.1,
 * ::1 and the addresses of the machine. It is issued anew when it expires within 30 days, when it
 * does not name the host any more, when the authority changed, or when its key does not fit.
 *
 * A server.pem that another authority has issued is the operator's: it is left alone. An operator
 * may also put an authority of their own in ca.pem and ca.key, or take ca.key away: then nothing is
 * issued as long as that is not due, and it is an error when it is.
 *
 * Files are written under a temporary name, synced and renamed: a crash leaves the old or the new
 * one. Blocking; for the main thread or a worker, one call at a time. */
#ifndef THRUM_SERVER_PKI_H
#define THRUM_SERVER_PKI_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"

#define PKI_CA_DAYS 3650
#define PKI_SERVER_DAYS 397
#define PKI_RENEW_DAYS 30

#define PKI_PATH_BYTES 4096

struct pki_options {
    const char *folder;    /* "DIR/tls"; made, with 0700, when it is missing (not its parent) */
    const char *host_name; /* NULL: the machine is asked */
    int64_t now_ms;        /* wall clock */
};

struct pki_state {
    char ca_file[PKI_PATH_BYTES];
    char chain_file[PKI_PATH_BYTES];
    char key_file[PKI_PATH_BYTES];
    bool made_ca;         /* in this call: clients need the new ca.pem */
    bool issued;          /* in this call: reload the TLS contexts */
    bool is_foreign;      /* the server's certificate is the operator's own */
    const char *reason;   /* why it was issued: "missing", "expires", ...; static; NULL when not */
    int64_t not_after_ms; /* of the server's certificate */
};

/* Makes and renews whatever is missing or due. At start, and daily. ERR_CONFIG (the operator must
 * do something) or ERR_IO, with a sentence in <problem>. When a certificate that still works could
 * not be renewed, the files in <state> are valid nevertheless. */
MUST_USE struct err pki_renew_if_due(const struct pki_options *options, struct pki_state *state,
                                     struct buf *problem);

#endif
