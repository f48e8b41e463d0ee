// SPDX-License-Identifier: Apache-2.0
//
// Many thngs in a short time: a task of the server makes them.
import { eventually } from './daemon.mjs';

/** Starts a task in a batch of its own: the path of the task. */
export async function startTask(api, inputParameters) {
    const batch = await api.must(201, 'POST', '/batches', { name: 'populated' });
    const answer = await api.post(`/batches/${batch.id}/tasks`, {
        type: 'POPULATING',
        inputParameters: { generateThngs: true, generateRedirections: false, ...inputParameters },
    });
    if (answer.status !== 202) throw new Error(`the task was refused: ${answer.text}`);
    return new URL(answer.headers.location, api.base).pathname;
}

/** Waits for its end: the task as it is then. */
export function endOfTask(api, path, ms = 120000) {
    return eventually(
        `the task ${path} ends`,
        async () => {
            const task = await api.must(200, 'GET', path);
            return task.completedAt && task;
        },
        ms,
    );
}

/** <quantity> thngs like <thngTemplate>; resolves with the task when all are made. */
export async function populate(api, quantity, thngTemplate, ms) {
    const path = await startTask(api, {
        type: 'FIXED_AMOUNT',
        defaultRedirectUrl: 'https://example.com',
        shortDomain: 'example.com',
        shortIdTemplate: { type: 'THNG_ID' },
        quantity,
        thngTemplate,
    });
    return endOfTask(api, path, ms);
}
