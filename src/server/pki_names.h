/* SPDX-License-Identifier: Apache-2.0
 *
 * pki_names.h - what clients may call this machine: its names and addresses, for its certificate.
 *
 * Blocking: the resolver may be asked, for two seconds at most. Any thread. */
#ifndef THRUM_SERVER_PKI_NAMES_H
#define THRUM_SERVER_PKI_NAMES_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"

/* RFC 1035 2.3.4, and a NUL. */
#define PKI_HOST_BYTES 256

/* Fills <host> with the name of the host: <wanted>, or what the machine says when it is NULL;
 * "localhost" when that is not a host's name. */
void pki_names_host(const char *wanted, char host[PKI_HOST_BYTES]);

/* Appends all names of <host>, in the configuration syntax of OpenSSL's subjectAltName, and a NUL:
 * localhost and its addresses, the host by its short and full names, the addresses of all other
 * interfaces that are up (not link-local ones, which mean nothing without the interface).
 * ERR_NO_MEMORY. */
MUST_USE struct err pki_names_put(const char *host, struct buf *out);

#endif
