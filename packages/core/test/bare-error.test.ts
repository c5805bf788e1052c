import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { bareError, PrusikError } from '../src/index.ts';

const planted = () =>
  Object.assign(new Error('GET https://host/path?q=CANARY failed: password=CANARY7 sk-CANARY1234567'), {
    name: 'AI_APICallError',
    url: 'https://host?CANARY',
    requestBodyValues: { prompt: ['CANARY'] },
    responseHeaders: { 'set-cookie': 'CANARY' },
    responseBody: 'CANARY',
    data: { deep: { deep: { deep: 'CANARY' } } },
    statusCode: 503,
    code: 'UND_ERR_SOCKET',
    cause: Object.assign(new TypeError('fetch of https://host/#CANARY failed'), {
      options: { headers: { authorization: 'CANARY' } },
      cause: { body: 'CANARY' },
    }),
  });

it('I11: of an error of somebody else its name, message, stack, status and causes stay, and nothing that hangs on it', () => {
  const error = planted();
  const bare = bareError(error);

  expect(inspect(bare, { depth: 10, showHidden: true })).not.toContain('CANARY');
  expect(JSON.stringify(bare)).not.toContain('CANARY');
  expect(bare).toMatchObject({
    name: 'AI_APICallError',
    message: 'GET https://host/path failed: password=[redacted] [redacted]',
    statusCode: 503,
    code: 'UND_ERR_SOCKET',
    cause: { name: 'TypeError', message: 'fetch of https://host/ failed' },
  });
  expect(bare.stack).toContain('bare-error.test');
});

it('I9, I11: whatever was thrown is an error that can be looked at, and one of ours is itself', () => {
  const ours = new PrusikError('X_Y', 'x');
  const ring = new Error('ring');
  ring.cause = ring;
  const hostile = new Proxy(new Error('CANARY'), {
    get() {
      throw new Error('CANARY');
    },
  });

  expect(bareError(ours)).toBe(ours);
  expect(bareError('token=CANARY7').message).toBe('token=[redacted]');
  expect(bareError({ body: 'CANARY' }).message).toBe('An object was thrown');
  expect(bareError(undefined).message).toBe('undefined');
  expect(inspect(bareError(hostile), { depth: 10 })).not.toContain('CANARY');
  expect(inspect(bareError(ring), { depth: 20 }).match(/ring/g)?.length).toBeLessThan(12);
  expect(bareError(new Error('x'.repeat(1e6))).message).toHaveLength(2_000);
  expect(bareError(new Error('CANARY of a server'), (text) => text.replaceAll('CANARY', '-')).stack).not.toContain(
    'CANARY',
  );
});
