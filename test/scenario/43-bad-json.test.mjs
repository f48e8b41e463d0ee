// SPDX-License-Identifier: Apache-2.0
// JSON that is not JSON, or beyond the limits, is refused on REST and MQTT alike (README.md, limits).
import { scenario, it, assert, assertError } from './lib/suite.mjs';
import { login, publish } from './lib/packets.mjs';

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const around = (bytes) =>
    Buffer.concat([Buffer.from('[{"value":'), Buffer.from(bytes), Buffer.from('}]')]);
const deep = (levels) => '['.repeat(levels) + ']'.repeat(levels);

const bad = {
    nothing: '',
    spaces: '   ',
    'a trailing comma in an array': around('[1,]'),
    'a trailing comma in an object': '[{"value":1,}]',
    'single quotes': "[{'value':1}]",
    'a bare word': around('yes'),
    True: around('True'),
    NaN: around('NaN'),
    Infinity: around('Infinity'),
    'a leading zero': around('01'),
    'minus alone': around('-'),
    'a plus sign': around('+1'),
    '1.': around('1.'),
    '.5': around('.5'),
    '1e': around('1e'),
    hexadecimal: around('0x10'),
    'a lone surrogate': around('"\\ud800"'),
    'a surrogate pair turned round': around('"\\udc00\\ud800"'),
    'a bad escape': around('"\\x41"'),
    'a short escape': around('"\\u12"'),
    'a control character in a text': around(Buffer.from('"a\u0001b"')),
    'a newline in a text': around('"a\nb"'),
    'an unclosed text': '[{"value":"a',
    'an unclosed array': '[{"value":1}',
    'text behind the end': '[{"value":1}] x',
    'two values': '[{"value":1}][{"value":2}]',
    'a missing colon': '[{"value" 1}]',
    'a missing comma': around('[1 2]'),
    'a comment': '[{"value":1}] // one',
    'a NUL': around(hex('22 00 22')),
    'an escaped NUL': around('"\\u0000"'),
    'a byte order mark': Buffer.concat([hex('ef bb bf'), around('1')]),
    'bad UTF-8': around(hex('22 ff 22')),
    'cut UTF-8': around(hex('22 c3 22')),
    'overlong UTF-8': around(hex('22 c0 af 22')),
    'a surrogate in UTF-8': around(hex('22 ed a0 80 22')),
    'beyond Unicode': around(hex('22 f4 90 80 80 22')),
    'a member twice': '[{"value":1,"value":2}]',
    'a member twice, once escaped': '[{"value":1,"v\\u0061lue":2}]',
    'a member twice, further in': around('{"a":1,"a":1}'),
    'a number beyond double': around('1e999'),
    'nesting beyond 64': around(deep(63)),
};

const good = {
    'spaces all around': ' [ { "value" : 1 } ] \r\n\t',
    'a surrogate pair': around('"\\ud83d\\ude00"'),
    'all escapes': around('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"'),
    'four bytes of UTF-8': around('"😀"'),
    'numbers of all forms': around('[0,-0,1.5,1e5,1E+5,1e-5,123456789012345678901234567890]'),
    'nesting of 64': around(deep(62)),
    'an empty key inside': around('{"":1}'),
};

scenario('JSON', {}, (d) => {
    for (const [what, text] of Object.entries(bad)) {
        it(`${what} is refused`, async () => {
            const { id } = await d.api.newThng();
            const topic = `/thngs/${id}/properties/a`;
            assertError(await d.api.put(topic, Buffer.from(text)), 400);
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(topic, Buffer.from(text), { qos: 1 }));
            await client.closed();
            assert.deepEqual(client.packets, []);
            assert.equal((await d.api.get(topic)).text, '[]');
        });
    }

    for (const [what, text] of Object.entries(good)) {
        it(`${what} is accepted`, async () => {
            const { id } = await d.api.newThng();
            const answer = await d.api.put(`/thngs/${id}/properties/a`, Buffer.from(text));
            assert.equal(answer.status, 200, answer.text);
            const wanted = JSON.parse(
                Buffer.from(text)
                    .toString('utf8')
                    .replace('123456789012345678901234567890', '1e30')
                    .trim(),
            )[0].value;
            if (!what.startsWith('numbers')) assert.deepEqual(answer.body[0].value, wanted);
        });
    }
});
