// SPDX-License-Identifier: Apache-2.0

/** Does a topic come by way of this filter (MQTT 3.1.1, 4.7)? */
export function matches(filter, topic) {
    const wanted = filter.split('/');
    const given = topic.split('/');
    for (let i = 0; i < wanted.length; i++) {
        if (wanted[i] === '#') return true;
        if (wanted[i] !== '+' && wanted[i] !== given[i]) return false;
    }
    return wanted.length === given.length;
}
