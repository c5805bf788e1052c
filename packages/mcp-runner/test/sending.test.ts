import { PrusikError } from '@prusik/core';
import { expect, it } from 'vitest';
import { unavailable, wasNotSent } from '../src/errors.ts';
import { createSending, markSent } from '../src/sending.ts';

it('MCP-2: a request counts as sent from the moment that its transport says so, and no other one does', () => {
  const [first, second] = [createSending(), createSending()];

  markSent({ onresumptiontoken: first.options.onresumptiontoken });
  markSent({ onresumptiontoken: () => {} });
  markSent(undefined);

  expect([first.sent, second.sent]).toEqual([true, false]);
});

it('MCP-2: only an error that says that nothing was sent lets a request be made again', () => {
  const error = unavailable('files', 'it is gone', { retryAfterMs: 250 });

  expect(error).toMatchObject({ code: 'MCP_UNAVAILABLE', retryable: true, meta: { sent: false, retryAfterMs: 250 } });
  expect(wasNotSent(error)).toBe(true);
  expect(wasNotSent(unavailable('files', 'it is gone', { meta: { sent: true } }))).toBe(false);
  expect(wasNotSent(new PrusikError('MCP_CALL_LOST', 'lost', { meta: { sent: false } }))).toBe(false);
  expect(wasNotSent(new Error('Not connected'))).toBe(false);
});
