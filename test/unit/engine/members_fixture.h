/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that change who is in a collection, against the mirror, and what was told of it. */
#ifndef THRUM_TEST_MEMBERS_FIXTURE_H
#define THRUM_TEST_MEMBERS_FIXTURE_H

#include "mirror_fixture.h"

/* ---- commands ---- */

static inline struct command *members_in(struct command_batch *batch, enum member_change change,
                                         enum resource_kind kind, const struct id *collection,
                                         const struct id *ids, uint32_t count)
{
    struct slice copy;
    assert_true(command_batch_copy(batch, slice_of(ids, count * sizeof(*ids)), &copy));
    struct command *command = command_in(batch, COMMAND_MEMBERS, 1);
    command->target = *collection;
    command->target_kind = RESOURCE_COLLECTION;
    command->as.members.change = change;
    command->as.members.member_kind = kind;
    command->as.members.ids = (const struct id *)(const void *)copy.at;
    command->as.members.count = count;
    return command;
}

static inline struct command_batch *members(enum member_change change, enum resource_kind kind,
                                            const struct id *collection, const struct id *ids,
                                            uint32_t count)
{
    struct command_batch *batch = batch_of(4096 + count * sizeof(*ids));
    members_in(batch, change, kind, collection, ids, count);
    return batch;
}

static inline enum err_code add(struct mirror *mirror, const struct id *collection,
                                const struct id *ids, uint32_t count)
{
    return mirror_outcome(mirror, members(MEMBERS_ADDED, RESOURCE_THNG, collection, ids, count));
}

static inline enum err_code nest(struct mirror *mirror, const struct id *outer,
                                 const struct id *inner)
{
    return mirror_outcome(mirror, members(MEMBERS_ADDED, RESOURCE_COLLECTION, outer, inner, 1));
}

static inline enum err_code remove_one(struct mirror *mirror, const struct id *collection,
                                       const struct id *id)
{
    return mirror_outcome(mirror, members(MEMBERS_REMOVED, RESOURCE_THNG, collection, id, 1));
}

static inline enum err_code clear(struct mirror *mirror, const struct id *collection)
{
    return mirror_outcome(mirror, members(MEMBERS_CLEARED, RESOURCE_THNG, collection, NULL, 0));
}

static inline struct command_batch *deletion(enum resource_kind kind, const struct id *id)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_DELETE, 1);
    command->target = *id;
    command->target_kind = kind;
    return batch;
}

static inline struct command_batch *update(enum resource_kind kind, const struct id *id)
{
    struct command_batch *batch = batch_of(4096);
    update_in(batch, kind, id, 1);
    return batch;
}

static inline struct id new_collection(struct mirror *mirror)
{
    return create(&mirror->world, RESOURCE_COLLECTION);
}

static inline struct id create_shown(struct mirror *mirror, enum resource_kind kind,
                                     const char *scopes)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, kind, 1)->as.create.scopes = slice_of_text(scopes);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    return mirror->world.answers[0].created;
}

static inline enum err_code change_as(struct mirror *mirror, struct actor actor,
                                      enum member_change change, const struct id *collection,
                                      const struct id *thng)
{
    struct command_batch *batch = members(change, RESOURCE_THNG, collection, thng, 1);
    batch->first->actor = actor;
    return mirror_outcome(mirror, batch);
}

static inline void new_thngs(struct mirror *mirror, struct id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = create_thng(&mirror->world);
    }
}

/* ---- what was told ---- */

#define TOLD_MAX 32

static struct event told[TOLD_MAX];
static size_t told_count;

static inline void note_members(struct mirror *mirror, const struct event *event)
{
    (void)mirror;
    if (event->type == EVENT_MEMBERS) {
        assert_true(told_count < TOLD_MAX);
        told[told_count++] = *event;
    }
}

/* Fills <told>, whose slices lie in the journal. */
static inline size_t tell(struct mirror *mirror)
{
    told_count = 0;
    mirror_each(mirror, note_members);
    mirror_show(mirror);
    return told_count;
}

static inline void assert_told(size_t index, enum member_change change, const struct id *collection,
                               uint32_t count)
{
    assert_true(index < told_count);
    assert_int_equal(told[index].change, change);
    assert_true(id_equal(told[index].resource, collection));
    assert_int_equal(told[index].count, count);
}

#define WITH_MIRROR(test) cmocka_unit_test_setup_teardown(test, mirror_setup, mirror_teardown)

#endif
