/* SPDX-License-Identifier: Apache-2.0 */
#include "front/grants.h"

#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

struct grants {
    pthread_mutex_t lock;
    struct map by_content; /* struct grant */
    uint64_t seed;
};

struct grants *grants_new(uint64_t seed)
{
    struct grants *grants = calloc(1, sizeof(*grants));
    if (grants != NULL) {
        pthread_mutex_init(&grants->lock, NULL);
        grants->seed = seed;
    }
    return grants;
}

void grants_free(struct grants *grants)
{
    if (grants == NULL) {
        return;
    }
    size_t position = 0;
    for (void *grant; (grant = map_next(&grants->by_content, &position)) != NULL;) {
        free(grant);
    }
    map_deinit(&grants->by_content);
    pthread_mutex_destroy(&grants->lock);
    free(grants);
}

static bool is_equal(const void *entry, const void *wanted)
{
    return grant_equal(entry, wanted);
}

/* The one that equals <fresh>, or <fresh> itself, which is kept then. */
static const struct grant *find_or_keep(struct grants *grants, struct grant *fresh)
{
    uint64_t hash = grant_hash(grants->seed, fresh);
    const struct grant *found = map_find(&grants->by_content, hash, is_equal, fresh);
    bool is_new = found == NULL && map_count(&grants->by_content) < GRANTS_MAX &&
                  !err_is_set(map_insert(&grants->by_content, hash, fresh));
    return is_new ? fresh : found;
}

const struct grant *grants_intern(struct grants *grants, const struct grant_draft *draft,
                                  enum actor_kind kind)
{
    struct grant *fresh = grant_new(draft, kind);
    if (fresh == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&grants->lock);
    const struct grant *kept = find_or_keep(grants, fresh);
    pthread_mutex_unlock(&grants->lock);
    if (kept != fresh) {
        free(fresh);
    }
    return kept;
}
