// SPDX-License-Identifier: Apache-2.0
//
// Chance that can be repeated: the same seed gives the same numbers.
//
//     const { random, below, pick, some } = seeded(7);

export function seeded(seed) {
    let state = seed >>> 0;
    function random() {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }
    const below = (count) => Math.floor(random() * count);
    return {
        random, // from 0 up to 1
        below,
        pick: (list) => list[below(list.length)],
        some: (list, chance) => list.filter(() => random() < chance),
    };
}
