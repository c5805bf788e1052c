import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { httpError } from '../src/http-error.ts';

it.each([undefined, 401, 404, 503, 500])(
  'I11: a failure over HTTP (%s) has neither headers nor the body of the answer on it, nor what the server was given',
  (status) => {
    const thrown = Object.assign(new Error('POST https://host/mcp?session=CANARY failed: planted-CANARY'), {
      data: { status, headers: { 'set-cookie': 'CANARY' }, body: 'CANARY' },
      cause: Object.assign(new Error('inner planted-CANARY'), { request: { authorization: 'CANARY' } }),
    });

    const error = httpError({
      server: 'far',
      error: thrown,
      answer: status === undefined ? undefined : { status, retryAfterMs: undefined, isStream: false },
      sent: status === undefined,
      redact: (text) => text.replaceAll('planted-CANARY', '[redacted]'),
    });

    expect(error.code).toMatch(/^MCP_/);
    expect(inspect(error.cause, { depth: 10 })).not.toContain('CANARY');
    expect(inspect(error.cause, { depth: 10 })).toContain('[redacted]');
  },
);
