import { expect, it } from 'vitest';
import { toModelMessages } from '../src/to-model-messages.ts';

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1').toString('base64');
const shown = (data: { readonly base64: string } | { readonly url: string }, mediaType = 'image/jpeg') =>
  toModelMessages(
    [{ v: 1, id: 'u', role: 'user', kind: 'user', content: [{ type: 'file', mediaType, data }] }],
    'acme',
  )[0]?.content[0];

it('SES-12: an image is shown as what its bytes say, whatever its record calls it; what they do not say is left as it is', () => {
  const others = ['\xff\xd8\xff\xe0', 'GIF89a', 'RIFF....WEBPVP8 ', 'hi'].map((bytes) =>
    shown({ base64: Buffer.from(bytes, 'latin1').toString('base64') }, 'image/x'),
  );

  expect(shown({ base64: PNG })).toMatchObject({ mediaType: 'image/png' });
  expect(others).toMatchObject(
    ['image/jpeg', 'image/gif', 'image/webp', 'image/x'].map((mediaType) => ({ mediaType })),
  );
});

it('SES-12: bytes that stand in an address go to the provider as bytes', () => {
  expect(shown({ url: `data:image/jpeg;base64,${PNG}` })).toEqual({
    type: 'file',
    mediaType: 'image/png',
    data: { type: 'data', data: PNG },
  });
  expect(shown({ url: 'https://files.example/a.png' })).toMatchObject({ data: { type: 'url' } });
});
