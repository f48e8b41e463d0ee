/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.h - server-sent events: the text/event-stream format (WHATWG HTML, 9.2). Writing only; pure.
 */
#ifndef THRUM_CODEC_SSE_H
#define THRUM_CODEC_SSE_H

#include "base/buf.h"

/* One event of the usual type ("message"). Each line of <data> becomes one "data:" line, so that
 * the receiver has the same lines, whatever ended them. <id> is what a client that reconnects sends
 * as Last-Event-ID; 0: it stays what it was. */
void sse_write_event(struct buf *out, uint64_t id, struct slice data);

/* One of type <type>, which is thrum's own word. */
void sse_write_typed(struct buf *out, struct slice type, struct slice data);

/* The beginning: clients reconnect after <retry_ms>, and with <id> even before the first event; 0:
 * they begin anew until then. */
void sse_write_start(struct buf *out, unsigned retry_ms, uint64_t id);

/* Nothing, for whoever closes connections that are silent; but clients reconnect with <id> now,
 * so that they need not be shown again what was not for them. */
void sse_write_heartbeat(struct buf *out, uint64_t id);

#endif
