import { checkMessage, childRunId, createRedactor, type Json, type Message } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import type { BundleRows } from '../src/index.ts';
import { createRedaction } from '../src/redact.ts';

/** Stands wherever somebody says, makes or gives something. */
const SAID = 'the ropes of Ann';
const HASH = `sha256:${'a1'.repeat(32)}`;
const provider = { provider: 'p', data: { signature: SAID } } as const;
const source = { id: SAID, url: `https://x.test/${SAID}`, title: SAID, name: SAID, provider } as const;

const message: Message = {
  v: 1,
  id: SAID,
  role: 'assistant',
  kind: 'assistant',
  content: [
    { type: 'text', text: SAID, provider, citations: [{ source, quote: SAID }] },
    { type: 'reasoning', text: SAID, provider },
    { type: 'file', mediaType: 'text/plain', data: { text: SAID }, name: SAID },
    { type: 'reasoning-file', mediaType: 'text/plain', data: { base64: btoa(SAID) } },
    { type: 'custom', kind: 'openai.x', provider },
    { type: 'tool-call', callId: 'c', tool: 'climb', input: { of: SAID, [SAID]: 1 } },
    ...[
      { type: 'text' as const, text: SAID, whole: { blob: HASH, bytes: 3, mediaType: 'text/plain' as const } },
      { type: 'json' as const, value: [SAID] },
      {
        type: 'content' as const,
        parts: [
          { type: 'text' as const, text: SAID },
          { type: 'file' as const, mediaType: 'image/png', data: { url: `https://x.test/?${SAID}` } },
        ],
      },
      { type: 'error' as const, code: 'TORN', text: SAID, value: SAID },
      { type: 'denied' as const, reason: SAID },
    ].map((output) => ({ type: 'tool-result' as const, callId: 'c', tool: 'climb', output })),
    { type: 'approval-request', approvalId: SAID, callId: 'c', reason: SAID, signature: SAID, input: SAID },
    { type: 'approval-response', approvalId: SAID, approved: true, reason: SAID },
    { type: 'source', ...source },
  ],
  compaction: { covers: SAID, keeps: [SAID], trims: { upTo: SAID, chars: 3 } },
};

const error = { code: 'TORN', message: SAID, meta: { of: SAID } } as const;
const keyed = { key: SAID, fingerprint: HASH } as const;

/** Rows of every kind that hold content wherever they can. */
const ROWS: readonly { readonly [Kind in keyof BundleRows]: readonly [Kind, BundleRows[Kind]] }[keyof BundleRows][] = [
  ['message', { n: 1, message }],
  [
    'entry',
    {
      type: 'step-end',
      ...keyed,
      kind: 'tool',
      name: 'climb',
      attempt: 1,
      outcome: { ok: true, value: { [SAID]: SAID } },
      durationMs: 1,
      seq: 2,
      at: 1,
    },
  ],
  [
    'entry',
    {
      type: 'step-pause',
      ...keyed,
      kind: 'tool',
      attempt: 1,
      until: 9,
      error,
      failures: 1,
      capacityMs: 0,
      seq: 2,
      at: 1,
    },
  ],
  [
    'entry',
    {
      type: 'wait-end',
      ...keyed,
      kind: 'child',
      outcome: { ok: false, error },
      partial: { code: 'TOKENS', message: SAID },
      seq: 2,
      at: 1,
    },
  ],
  ['entry', { type: 'note', name: 'mark', data: { of: SAID }, seq: 2, at: 1 }],
  ['entry', { type: 'run-park', waits: [SAID], wakeAt: null, seq: 2, at: 1 }],
  ['entry', { type: 'run-block', code: 'STEP_IN_DOUBT', message: SAID, key: SAID, request: 'q', seq: 2, at: 1 }],
  ['entry', { type: 'run-cancel', reason: SAID, seq: 2, at: 1 }],
  ['entry', { type: 'run-end', status: 'failed', output: SAID, error, seq: 2, at: 1 }],
  ['signal', { n: 1, kind: 'user', key: SAID, body: { of: SAID }, at: 1 }],
  [
    'request',
    {
      id: 'q',
      kind: 'approval',
      stepKey: SAID,
      body: { tool: 'climb', callId: 'c', input: SAID, fingerprint: HASH, toolHash: HASH },
      schema: { const: SAID },
      expiresAt: null,
      status: 'edited',
      openedAt: 1,
      claimed: true,
      decision: {
        status: 'edited',
        value: SAID,
        reason: SAID,
        by: 'ann',
        at: 2,
        grant: { scope: 'run', part: { of: SAID } },
      },
    },
  ],
  [
    'grant',
    {
      tool: 'climb',
      toolHash: HASH,
      part: { of: SAID },
      exact: false,
      expiresAt: null,
      given: { run: 'r', request: 'q', at: 1, by: 'ann' },
    },
  ],
  [
    'request',
    {
      id: 'q',
      kind: 'question',
      stepKey: `model:${SAID}`,
      body: { [SAID]: 1 },
      expiresAt: null,
      status: 'withdrawn',
      openedAt: 1,
      claimed: false,
    },
  ],
  ['note', { kind: 'goal', key: SAID, data: SAID, at: 1 }],
  ['slot', { name: 'basket', value: SAID }],
];

/** As a line has it. */
function redacted(mode: 'secrets' | 'content'): readonly string[] {
  const redaction = createRedaction(mode);
  return ROWS.map(([kind, row]) => redaction.line(JSON.stringify(redaction.row(kind, row))));
}

describe('redaction', () => {
  it.each(ROWS.map(([kind], index) => [`${kind} ${index}`, index] as const))(
    'REC-1: of content leaves none in row %s',
    (_what, index) => {
      const line = redacted('content')[index] ?? '';
      for (const told of [SAID, btoa(SAID), HASH]) expect(line).not.toContain(told);
    },
  );

  it('REC-1: of content keeps the form of a message, and names of models, tools and codes', () => {
    const [line = ''] = redacted('content');
    const read = JSON.parse(line) as { readonly message: Json };

    expect(() => checkMessage(read.message)).not.toThrow();
    for (const kept of ['climb', 'TORN', 'openai.x', 'text/plain', '"approved":true']) expect(line).toContain(kept);
  });

  it('REC-1: gives one name to what is one, in whatever row', () => {
    const lines = redacted('content');
    const names = lines.flatMap((line) => line.match(/redacted-[0-9a-f]{16}/g) ?? []);

    // That of what was said, that of a key that it ends, and that of the requests.
    expect(new Set(names).size).toBe(3);
    expect(redacted('content').join('')).not.toContain(names[0]);
  });

  it('REC-1: of secrets keeps what was said, and no hash of it', () => {
    const lines = redacted('secrets');

    expect(lines.join('')).toContain(SAID);
    expect(lines.join('')).not.toContain(HASH);
    expect(new Set(lines.join('').match(/sha256:[0-9a-f]{64}/g)).size).toBe(1);
  });

  it('REC-1: an id that is derived confirms no guess of the key that it is of, and stays one', () => {
    const child = childRunId('home', 'r', SAID);
    for (const mode of ['secrets', 'content'] as const) {
      const redaction = createRedaction(mode);
      const [one, other] = [child, { id: child }].map((row) => redaction.line(JSON.stringify(row)));
      expect(one).not.toContain(child);
      expect(other).toContain(one);
    }
    expect(createRedaction('none').line(child)).toBe(child);
  });

  it('REC-1: of a field that is new is that of content', () => {
    const row = { type: 'run-cancel', reason: '', since: SAID, seq: 1, at: 1 } as BundleRows['entry'];
    const other = { type: 'run-surprise', of: SAID, seq: 1, at: 1 } as unknown as BundleRows['entry'];
    const redaction = createRedaction('content');

    for (const one of [row, other]) expect(JSON.stringify(redaction.row('entry', one))).not.toContain(SAID);
  });

  it('REC-1: asks a program’s own word of names as of names, so that what is hidden in one row is in all, and a word about outputs changes no type', () => {
    const redactor = createRedactor({
      redact: (text, { kind }) =>
        kind === 'name' ? text.replaceAll('climb', 'walk') : kind === 'output' ? 'hidden' : text,
    });
    const redaction = createRedaction('secrets', redactor);
    const rows = ROWS.map(([kind, row]) => JSON.stringify(redaction.row(kind, row)));

    expect(rows.join('')).not.toContain('climb');
    expect(rows[1]).toContain('"type":"step-end"');
    expect(rows[1]).toContain('{"ok":true,"value":{"hidden":"hidden"}}');
  });

  it('REC-1: keeps a field whose name an object takes for something else', () => {
    const body = JSON.parse('{"tool":"climb","__proto__":{"of":"rope"}}') as Json;
    const row = { id: 'q', kind: 'question', body } as unknown as BundleRows['request'];

    expect(JSON.stringify(createRedaction('secrets').row('request', row))).toContain(JSON.stringify(body));
  });
});
