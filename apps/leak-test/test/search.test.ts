import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSearch, newWords } from '../src/words.ts';

const words = newWords();
const search = createSearch(words);
const { prompt } = words;
const bytes = Buffer.from(prompt);

it.each([
  ['as it is', prompt],
  ['in capitals', prompt.toUpperCase()],
  ['cut at its end', `x${prompt.slice(0, 8)}`],
  ['cut at its beginning', `${prompt.slice(8)} x`],
  ['by its hash', createHash('sha256').update(prompt).digest('hex')],
  ['by its hash as JSON', createHash('sha256').update(`"${prompt}"`).digest('hex')],
  ['in hexadecimal digits', bytes.toString('hex').toUpperCase()],
  ['letter by letter in an address', [...bytes].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')],
  ['letter by letter in JSON', [...bytes].map((byte) => `\\u00${byte.toString(16)}`).join('')],
  ...['', 'a', 'ab', 'abc', 'abcd'].map((before) => [
    `in base64, after ${before.length} letters`,
    Buffer.from(`${before}${prompt} and more`).toString('base64'),
  ]),
  ['in base64 for addresses, at the end', Buffer.from(`>>?${prompt}`).toString('base64url')],
])('TEL-3: a planted word is found %s', (_, text) => {
  expect(search(`before ${text} after`)).toEqual(['prompt']);
});

it('TEL-3: no word is found where there is none', () => {
  expect(
    search(JSON.stringify({ text: 'nothing of it', base64: Buffer.from('nothing of it').toString('base64') })),
  ).toEqual([]);
  expect(search(`${prompt.slice(0, 7)} ${prompt.slice(9)}`)).toEqual([]);
});
