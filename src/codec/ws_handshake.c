/* SPDX-License-Identifier: Apache-2.0
 *
 * ws_handshake.c - from HTTP to WebSocket (RFC 6455 section 4). */
#include "codec/ws.h"

#include "base/assert.h"

#include <assert.h>
#include <openssl/sha.h>

static_assert(WS_ACCEPT_BYTES == BASE64_BYTES(SHA_DIGEST_LENGTH), "an accept value is a SHA-1");

const struct http1_field ws_version_fields[WS_VERSION_FIELD_COUNT] = {
    {SLICE_INIT("Upgrade"), SLICE_INIT("websocket")},
    {SLICE_INIT("Sec-WebSocket-Version"), SLICE_INIT("13")},
};

/* RFC 6455 4.2.2, step 5: the key's text, not its bytes, and a fixed GUID. SHA-1 proves here that
 * the server speaks WebSocket; nothing rests on its strength. */
void ws_accept(struct slice key, uint8_t accept[WS_ACCEPT_BYTES])
{
    static const struct slice guid = SLICE_INIT("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    uint8_t text[WS_KEY_TEXT_BYTES + 36];
    uint8_t digest[SHA_DIGEST_LENGTH];
    ASSERT(key.bytes == WS_KEY_TEXT_BYTES);
    memcpy(text, key.at, key.bytes);
    memcpy(text + key.bytes, guid.at, guid.bytes);
    SHA1(text, sizeof(text), digest);
    base64_encode(slice_of(digest, sizeof(digest)), accept);
}

static bool ws_key_is_valid(struct slice key)
{
    uint8_t nonce[WS_KEY_BYTES];
    size_t bytes;
    return base64_decode(key, nonce, sizeof(nonce), &bytes) && bytes == WS_KEY_BYTES;
}

enum ws_handshake ws_handshake_check(const struct http1_head *head, uint8_t accept[WS_ACCEPT_BYTES])
{
    if (head->method != HTTP1_GET || !head->upgrades_websocket || http1_has_body(head)) {
        return WS_HANDSHAKE_BAD;
    }
    struct slice version;
    size_t version_count = http1_find(head, SLICE("Sec-WebSocket-Version"), &version);
    if (version_count != 1) {
        return WS_HANDSHAKE_BAD;
    }
    /* RFC 6455 4.4: a client of another version learns from the 426 which one to try. */
    if (!slice_equal(version, SLICE("13"))) {
        return WS_HANDSHAKE_VERSION;
    }
    struct slice key;
    if (http1_find(head, SLICE("Sec-WebSocket-Key"), &key) != 1 || !ws_key_is_valid(key)) {
        return WS_HANDSHAKE_BAD;
    }
    ws_accept(key, accept);
    return WS_HANDSHAKE_OK;
}

size_t ws_protocol_choose(const struct http1_head *head, const struct slice *allowed, size_t count,
                          struct slice *chosen)
{
    size_t offered_count = 0;
    *chosen = (struct slice){0};
    for (size_t i = 0; i < head->field_count; i++) {
        struct slice offers = head->fields[i].value;
        struct slice offer;
        if (!slice_equal_nocase(head->fields[i].name, SLICE("Sec-WebSocket-Protocol"))) {
            continue;
        }
        while (http1_list_next(&offers, &offer)) {
            offered_count++;
            for (size_t k = 0; k < count && slice_is_empty(*chosen); k++) {
                if (slice_equal(offer, allowed[k])) {
                    *chosen = allowed[k];
                }
            }
        }
    }
    return offered_count;
}

void ws_write_handshake(struct buf *buf, const uint8_t accept[WS_ACCEPT_BYTES],
                        struct slice protocol)
{
    const struct http1_field fields[] = {
        {SLICE("Upgrade"), SLICE("websocket")},
        {SLICE("Connection"), SLICE("Upgrade")},
        {SLICE("Sec-WebSocket-Accept"), slice_of(accept, WS_ACCEPT_BYTES)},
        {SLICE("Sec-WebSocket-Protocol"), protocol},
    };
    http1_write_head(buf, &(struct http1_response){
                              .status = 101,
                              .fields = fields,
                              .field_count = slice_is_empty(protocol) ? 3 : 4,
                          });
}
