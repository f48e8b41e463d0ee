/* SPDX-License-Identifier: Apache-2.0 */
#include "model/id.h"

#include "base/assert.h"

#include <assert.h>
#include <sodium.h>

/* The symbols of ids that are made here, in ASCII order, so that texts sort as their times do. */
static const char id_symbols[] = "23456789ABCDEFGHKMNPQRSTUVWXYabcdefghkmnpqrstwxy";
static const char key_symbols[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define ID_SYMBOL_COUNT 48
#define ID_TIME_SYMBOLS 8
#define ID_RANDOM_SYMBOLS (ID_BYTES - 1 - ID_TIME_SYMBOLS)
#define KEY_SYMBOL_COUNT 62
#define NAME_HASH_BYTES 16

static_assert(sizeof(id_symbols) - 1 == ID_SYMBOL_COUNT, "the contract's 48 symbols");
static_assert(sizeof(key_symbols) - 1 == KEY_SYMBOL_COUNT, "letters and digits");
static_assert(sizeof(struct id) == ID_BYTES, "ids are written to disk as their bytes");

/* What an id that comes in may hold: the symbols above, and 0 and 1 (contract: legacy ids). */
static const bool is_id_symbol[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
    ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['A'] = true, ['B'] = true,
    ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true, ['G'] = true, ['H'] = true,
    ['K'] = true, ['M'] = true, ['N'] = true, ['P'] = true, ['Q'] = true, ['R'] = true,
    ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true, ['X'] = true,
    ['Y'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true,
    ['f'] = true, ['g'] = true, ['h'] = true, ['k'] = true, ['m'] = true, ['n'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['w'] = true,
    ['x'] = true, ['y'] = true,
};

bool id_parse(struct slice text, struct id *id)
{
    if (text.bytes != ID_BYTES) {
        return false;
    }
    bool all = true;
    for (size_t i = 0; i < ID_BYTES; i++) {
        all &= is_id_symbol[text.at[i]];
    }
    if (all) {
        memcpy(id->text, text.at, ID_BYTES);
    }
    return all;
}

/* Fills <to> with uniform symbols. Six bits pick one; picks beyond the last symbol are dropped, so
 * that none is likelier than another. */
static void put_random(struct rand *rand, const char *symbols, size_t symbol_count, char *to,
                       size_t count)
{
    ASSERT(symbol_count <= 64);
    size_t done = 0;
    while (done < count) {
        uint64_t bits = rand_u64(rand);
        for (size_t i = 0; i < 10 && done < count; i++, bits >>= 6) {
            size_t pick = bits & 63;
            if (pick < symbol_count) {
                to[done++] = symbols[pick];
            }
        }
    }
}

struct id id_generate(struct rand *rand, int64_t now_ms)
{
    ASSERT(now_ms >= 0);
    struct id id;
    id.text[0] = 'U';
    uint64_t time = (uint64_t)now_ms;
    for (size_t i = ID_TIME_SYMBOLS; i > 0; i--) {
        id.text[i] = id_symbols[time % ID_SYMBOL_COUNT];
        time /= ID_SYMBOL_COUNT;
    }
    put_random(rand, id_symbols, ID_SYMBOL_COUNT, id.text + 1 + ID_TIME_SYMBOLS, ID_RANDOM_SYMBOLS);
    return id;
}

static unsigned symbol_index(char symbol)
{
    const char *found = memchr(id_symbols, symbol, ID_SYMBOL_COUNT);
    ASSERT(found != NULL);
    return (unsigned)(found - id_symbols);
}

struct id id_generate_behind(struct rand *rand, int64_t now_ms, const struct id *last)
{
    struct id id = id_generate(rand, now_ms);
    if (memcmp(id.text, last->text, 1 + ID_TIME_SYMBOLS) > 0) {
        return id;
    }
    id = *last;
    uint64_t carry = 1 + rand_below(rand, UINT64_C(1) << 48);
    for (size_t i = ID_BYTES - 1; i > 0 && carry > 0; i--) {
        carry += symbol_index(id.text[i]);
        id.text[i] = id_symbols[carry % ID_SYMBOL_COUNT];
        carry /= ID_SYMBOL_COUNT;
    }
    return id;
}

struct id id_of_name(uint32_t account, unsigned kind, struct slice name)
{
    ASSERT(kind <= UINT8_MAX);
    /* Of fixed width, so that no two triples are the same bytes. */
    const uint8_t domain[] = {(uint8_t)(account >> 24), (uint8_t)(account >> 16),
                              (uint8_t)(account >> 8), (uint8_t)account, (uint8_t)kind};
    crypto_generichash_state hash;
    uint8_t digest[NAME_HASH_BYTES];
    crypto_generichash_init(&hash, NULL, 0, sizeof(digest));
    crypto_generichash_update(&hash, domain, sizeof(domain));
    crypto_generichash_update(&hash, name.at, name.bytes);
    crypto_generichash_final(&hash, digest, sizeof(digest));

    struct id id;
    id.text[0] = 'U';
    for (size_t i = ID_BYTES - 1; i > 0; i--) {
        /* The next symbol is what is left when the digest, one large number, is divided. */
        unsigned rest = 0;
        for (size_t at = 0; at < sizeof(digest); at++) {
            unsigned part = rest << 8 | digest[at];
            digest[at] = (uint8_t)(part / ID_SYMBOL_COUNT);
            rest = part % ID_SYMBOL_COUNT;
        }
        id.text[i] = id_symbols[rest];
    }
    return id;
}

void key_generate(struct rand *rand, char key[static API_KEY_BYTES])
{
    put_random(rand, key_symbols, KEY_SYMBOL_COUNT, key, API_KEY_BYTES);
}

bool key_is_wellformed(struct slice text)
{
    if (text.bytes != API_KEY_BYTES) {
        return false;
    }
    for (size_t i = 0; i < API_KEY_BYTES; i++) {
        uint8_t low = text.at[i] | 0x20;
        bool is_letter = low >= 'a' && low <= 'z';
        bool is_digit = text.at[i] >= '0' && text.at[i] <= '9';
        if (!is_letter && !is_digit) {
            return false;
        }
    }
    return true;
}
