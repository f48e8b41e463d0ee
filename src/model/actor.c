/* SPDX-License-Identifier: Apache-2.0 */
#include "model/actor.h"

#include "base/assert.h"

struct slice actor_type_name(enum actor_kind kind)
{
    static const struct slice names[ACTOR_KIND_COUNT] = {
        [ACTOR_OPERATOR] = SLICE_INIT("operator"), [ACTOR_DEVICE] = SLICE_INIT("device"),
        [ACTOR_APPLICATION] = SLICE_INIT("app"),   [ACTOR_TRUSTED] = SLICE_INIT("app"),
        [ACTOR_USER] = SLICE_INIT("userInApp"),    [ACTOR_ACCESS_TOKEN] = SLICE_INIT("accessToken"),
    };
    ASSERT(kind != ACTOR_NONE && kind < ACTOR_KIND_COUNT);
    return names[kind];
}
