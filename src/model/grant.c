/* SPDX-License-Identifier: Apache-2.0 */
#include "model/grant.h"

#include "base/assert.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- drafts */

void grant_draft_deinit(struct grant_draft *draft)
{
    buf_deinit(&draft->name);
    buf_deinit(&draft->zones);
    buf_deinit(&draft->ids);
    buf_deinit(&draft->places);
    draft->limits_places = false;
}

void grant_draft_add(struct grant_draft *draft, enum grant_reach reach,
                     const struct perm_rights *rights, const struct id *ids, uint32_t count)
{
    ASSERT(reach != GRANT_USER || count == 1);
    bool reaches_nothing = reach != GRANT_ALL && count == 0;
    if (reaches_nothing || perm_rights_are_empty(rights)) {
        return;
    }
    const struct grant_zone zone = {.rights = *rights, .reach = reach, .id_count = count};
    buf_put_bytes(&draft->zones, &zone, sizeof(zone));
    if (count > 0) {
        buf_put_bytes(&draft->ids, ids, count * sizeof(*ids));
    }
}

void grant_draft_limit(struct grant_draft *draft, const struct id *place)
{
    draft->limits_places = true;
    buf_put_bytes(&draft->places, place, sizeof(*place));
}

void grant_draft_name(struct grant_draft *draft, struct slice name)
{
    if (buf_bytes(&draft->name) > 0) {
        BUF_PUT_LITERAL(&draft->name, ", ");
    }
    buf_put(&draft->name, name);
}

/* ---------------------------------------------------------------- grants
 *
 *      | struct grant | zones ... | ids of all zones ... | places ... | name |
 *
 * one piece, so that freeing the first frees all. Ids have no alignment, and so come after. */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

/* Copies them to <to>, sorted (perm.c searches them), and gives the end. */
struct err grant_draft_prune(struct grant_draft *draft,
                             struct err (*is_there)(void *arg, const struct id *project,
                                                    bool *there),
                             void *arg)
{
    struct grant_draft pruned = {0};
    const uint8_t *from = buf_data(&draft->ids).at;
    struct slice zones = buf_data(&draft->zones);
    struct err err = ERR(OK);
    for (size_t at = 0; at < zones.bytes && !err_is_set(err); at += sizeof(struct grant_zone)) {
        struct grant_zone zone;
        uint32_t count = 0;
        memcpy(&zone, zones.at + at, sizeof(zone));
        for (uint32_t i = 0; i < zone.id_count && !err_is_set(err);
             i++, from += sizeof(struct id)) {
            bool there = true;
            if (zone.reach == GRANT_PROJECTS) {
                err = is_there(arg, (const struct id *)(const void *)from, &there);
            }
            if (there) {
                buf_put_bytes(&pruned.ids, from, sizeof(struct id));
                count++;
            }
        }
        if (count > 0 || zone.id_count == 0) {
            zone.id_count = count;
            buf_put_bytes(&pruned.zones, &zone, sizeof(zone));
        }
    }
    buf_deinit(&draft->zones);
    buf_deinit(&draft->ids);
    draft->zones = pruned.zones;
    draft->ids = pruned.ids;
    return err;
}

static struct id *put_ids(struct id *to, const uint8_t *ids, uint32_t count)
{
    if (count > 0) {
        memcpy(to, ids, count * sizeof(*to));
        qsort(to, count, sizeof(*to), compare_ids);
    }
    return to + count;
}

/* A zone has at most what the table gives to the kind. */
static void mask_zone(struct grant_zone *zone, const struct perm_rights *column)
{
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        zone->rights.operations[i] &= column->operations[i];
    }
}

/* The draft's zones, without those that then give nothing; *ids moves behind theirs. */
static void put_zones(struct grant *grant, const struct grant_draft *draft, struct id **ids,
                      enum actor_kind kind)
{
    const struct perm_rights column = perm_column(kind);
    const struct slice drafted = buf_data(&draft->zones);
    const uint8_t *from = buf_data(&draft->ids).at;
    /* The bytes behind <grant> were taken for the zones, and are aligned for them. */
    struct grant_zone *zones = (void *)(grant + 1);
    for (size_t at = 0; at < drafted.bytes; at += sizeof(*zones)) {
        struct grant_zone zone;
        memcpy(&zone, drafted.at + at, sizeof(zone));
        mask_zone(&zone, &column);
        zone.ids = *ids;
        if (!perm_rights_are_empty(&zone.rights)) {
            *ids = put_ids(*ids, from, zone.id_count);
            zones[grant->zone_count++] = zone;
        }
        for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
            grant->may.operations[i] |= zone.rights.operations[i];
        }
        from += zone.id_count * sizeof(struct id);
    }
    grant->zones = zones;
}

struct grant *grant_new(const struct grant_draft *draft, enum actor_kind kind)
{
    const struct slice zones = buf_data(&draft->zones);
    const struct slice places = buf_data(&draft->places);
    const struct slice name = buf_data(&draft->name);
    if (draft->zones.failed || draft->ids.failed || draft->places.failed || draft->name.failed) {
        return NULL;
    }
    static_assert(sizeof(struct grant) % _Alignof(struct grant_zone) == 0, "zones stand behind it");
    struct grant *grant =
        malloc(sizeof(*grant) + zones.bytes + buf_bytes(&draft->ids) + places.bytes + name.bytes);
    if (grant == NULL) {
        return NULL;
    }
    *grant = (struct grant){
        .may = perm_open(kind),
        .limits_places = draft->limits_places,
        .place_count = (uint32_t)(places.bytes / sizeof(struct id)),
    };
    struct id *ids = (void *)((uint8_t *)(grant + 1) + zones.bytes);
    put_zones(grant, draft, &ids, kind);
    grant->places = ids;
    uint8_t *text = (uint8_t *)put_ids(ids, places.at, grant->place_count);
    if (name.bytes > 0) {
        memcpy(text, name.at, name.bytes);
    }
    grant->name = slice_of(text, name.bytes);
    return grant;
}

/* ---------------------------------------------------------------- comparing */

static bool ids_are_equal(const struct id *a, uint32_t a_count, const struct id *b,
                          uint32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

static bool rights_are_equal(const struct perm_rights *a, const struct perm_rights *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool zones_are_equal(const struct grant_zone *a, const struct grant_zone *b)
{
    return a->reach == b->reach && rights_are_equal(&a->rights, &b->rights) &&
           ids_are_equal(a->ids, a->id_count, b->ids, b->id_count);
}

bool grant_equal(const struct grant *a, const struct grant *b)
{
    bool is_equal = slice_equal(a->name, b->name) && rights_are_equal(&a->may, &b->may) &&
                    a->zone_count == b->zone_count && a->limits_places == b->limits_places &&
                    ids_are_equal(a->places, a->place_count, b->places, b->place_count);
    for (uint32_t i = 0; i < a->zone_count && is_equal; i++) {
        is_equal = zones_are_equal(&a->zones[i], &b->zones[i]);
    }
    return is_equal;
}

static uint64_t hash_ids(uint64_t seed, const struct id *ids, uint32_t count)
{
    return hash_bytes(hash_number(seed, count), slice_of(ids, count * sizeof(*ids)));
}

uint64_t grant_hash(uint64_t seed, const struct grant *grant)
{
    uint64_t hash = hash_bytes(seed, grant->name);
    hash = hash_bytes(hash, slice_of(&grant->may, sizeof(grant->may)));
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        hash = hash_bytes(hash_number(hash, (uint64_t)zone->reach),
                          slice_of(&zone->rights, sizeof(zone->rights)));
        hash = hash_ids(hash, zone->ids, zone->id_count);
    }
    hash = hash_number(hash, grant->limits_places);
    return hash_ids(hash, grant->places, grant->place_count);
}

bool grant_holds(const struct grant *grant, const struct perm_rights *rights)
{
    struct perm_rights held = {{0}};
    if (grant == NULL) {
        return true;
    }
    for (uint32_t z = 0; z < grant->zone_count; z++) {
        for (size_t i = 0; i < PERM_SUBJECT_COUNT && grant->zones[z].reach == GRANT_ALL; i++) {
            held.operations[i] |= grant->zones[z].rights.operations[i];
        }
    }
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        if ((rights->operations[i] & ~held.operations[i]) != 0) {
            return false;
        }
    }
    return true;
}
