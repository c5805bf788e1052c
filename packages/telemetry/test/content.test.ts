import { createRedactor, type Message, type RedactorOptions } from '@prusik/core';
import { expect, it } from 'vitest';
import type { Capture } from '../src/index.ts';
import { byHand } from './by-hand.ts';
import { pointsOf } from './recorded.ts';

const message = (id: string, rest: Omit<Message, 'v' | 'id'>): Message => ({ v: 1, id, ...rest });
const MODEL = { key: 'model:1', kind: 'model', name: 'acme/m' } as const;
const TOOL = { key: 'tool:1:c1', kind: 'tool', name: 'search' } as const;
const ASKED = message('m1', {
  role: 'assistant',
  kind: 'assistant',
  content: [
    { type: 'reasoning', text: 'thinking of CANARY' },
    { type: 'text', text: 'saying CANARY' },
    { type: 'tool-call', callId: 'c1', tool: 'search', input: { query: 'CANARY', password: 'hunter22', limit: 3 } },
  ],
});
const ANSWERED = message('m2', {
  role: 'tool',
  kind: 'tool',
  content: [
    {
      type: 'tool-result',
      callId: 'c1',
      tool: 'search',
      output: {
        type: 'content',
        parts: [
          { type: 'text', text: 'found CANARY' },
          { type: 'file', mediaType: 'image/png', data: { base64: 'Q0FOQVJZ' }, name: 'CANARY.png' },
        ],
      },
    },
  ],
});
const LAST = message('m3', { role: 'assistant', kind: 'assistant', content: [{ type: 'text', text: 'done, CANARY' }] });

/** A model call that asks for a tool, the tool, which fails afterwards, and another model call. */
function conversation(capture?: Capture, redact?: RedactorOptions['redact']) {
  const told = byHand({
    ...(capture === undefined ? {} : { capture }),
    ...(redact === undefined ? {} : { redactor: createRedactor({ redact }) }),
  });
  const driven = told.drive({ parent: { run: 'boss', key: 'CANARY' } });
  driven.execute(MODEL, {}, 0, [ASKED]);
  driven.execute(TOOL, { facts: { of: 'tool', callId: 'c1' } }, 0, [ANSWERED]);
  driven.execute({ ...MODEL, key: 'model:2' }, {}, 0, [LAST]);
  driven.execute(
    { key: 'CANARY', name: 'broken' },
    { outcome: { ok: false, error: { code: 'BROKEN', message: 'it said CANARY', retryable: false } } },
  );
  driven.over();
  const [first, tool, second, broken, whole] = told.spans().map(({ attributes }) => attributes);
  return { ...told, first, tool, second, broken, whole };
}

const everything = ({ spans }: ReturnType<typeof conversation>): string =>
  JSON.stringify(
    spans().map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
  );

it('TEL-3: no content leaves the process unless it is asked for', async () => {
  const told = conversation();

  expect(everything(told)).toContain('BROKEN');
  expect(everything(told)).not.toMatch(/CANARY|hunter22|Q0FO/);
  expect(JSON.stringify([...(await told.metrics()).values()].map(pointsOf))).not.toContain('CANARY');
});

it('TEL-3: metadata says how long content is and of what kind, and nothing of it', () => {
  const told = conversation({ messages: 'metadata', tools: 'metadata', errors: 'metadata' });

  expect(everything(told)).not.toMatch(/CANARY|hunter22|Q0FO/);
  expect(told.first).toMatchObject({
    'prusik.input.chars': 0,
    'prusik.input.parts': [],
    'prusik.output.parts': ['reasoning', 'text', 'tool-call'],
  });
  expect(told.tool).toMatchObject({ 'prusik.tool.arguments.chars': 50, 'prusik.tool.result.type': 'content' });
  expect(told.second).toMatchObject({ 'prusik.input.parts': ['tool-result'], 'prusik.output.chars': 12 });
  expect(told.broken).toMatchObject({ 'prusik.error.chars': 14 });
});

it('TEL-3: in full, messages and calls have the form of the conventions, files have no bytes, and secrets are gone', () => {
  const { first, tool, second, broken } = conversation({ messages: 'full', tools: 'full', errors: 'full' });
  const call = {
    type: 'tool_call',
    id: 'c1',
    name: 'search',
    arguments: { query: 'CANARY', password: '[redacted]', limit: 3 },
  };
  const answer = [
    { type: 'text', content: 'found CANARY' },
    { type: 'file', modality: 'image', mime_type: 'image/png' },
  ];

  expect(first).not.toHaveProperty(['gen_ai.input.messages']);
  expect(JSON.parse(String(first?.['gen_ai.output.messages']))).toEqual([
    {
      role: 'assistant',
      parts: [{ type: 'reasoning', content: 'thinking of CANARY' }, { type: 'text', content: 'saying CANARY' }, call],
    },
  ]);
  expect(JSON.parse(String(tool?.['gen_ai.tool.call.arguments']))).toEqual(call.arguments);
  expect(JSON.parse(String(tool?.['gen_ai.tool.call.result']))).toEqual(answer);
  expect(JSON.parse(String(second?.['gen_ai.input.messages']))).toEqual([
    { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: answer }] },
  ]);
  expect(JSON.parse(String(second?.['gen_ai.output.messages']))).toEqual([
    { role: 'assistant', parts: [{ type: 'text', content: 'done, CANARY' }] },
  ]);
  expect(broken).toMatchObject({ 'error.message': 'it said CANARY' });
});

it.each(['messages', 'tools', 'errors'] as const)('TEL-3: each kind is captured alone: %s', (kind) => {
  const told = conversation({ [kind]: 'full' });

  const names = new Set(told.spans().flatMap(({ attributes }) => Object.keys(attributes)));
  expect({
    messages: names.has('gen_ai.output.messages') || names.has('gen_ai.input.messages'),
    tools: names.has('gen_ai.tool.call.arguments') || names.has('gen_ai.tool.call.result'),
    errors: names.has('error.message'),
  }).toEqual({ messages: false, tools: false, errors: false, [kind]: true });
});

it('TEL-3: keys are told only if somebody says so', () => {
  expect(conversation().broken).not.toHaveProperty(['prusik.step.key']);
  const { broken, whole } = conversation({ keys: true });
  expect(broken).toMatchObject({ 'prusik.step.key': 'CANARY' });
  expect(whole).toMatchObject({ 'prusik.parent.key': 'CANARY' });
});

it('TEL-3: all captured texts pass the redactor, with what they are of', () => {
  const places = new Set<string>();
  const told = conversation({ messages: 'full', tools: 'full', errors: 'full' }, (text, { kind }) => {
    places.add(kind);
    return text.replaceAll('CANARY', 'bird');
  });

  expect(everything(told)).toContain('found bird');
  expect(everything(told)).not.toContain('CANARY');
  expect([...places].toSorted()).toEqual(['error', 'prompt', 'reply', 'tool-input', 'tool-result']);
});

it.each([
  [
    'throws',
    () => {
      throw new Error('CANARY');
    },
  ],
  ['gives no text', () => undefined as unknown as string],
])('TEL-3: a redactor that %s lets nothing through', (_, redact) => {
  const told = conversation({ messages: 'full', tools: 'full', errors: 'full' }, redact);

  expect(everything(told)).toContain('[redacted: failed]');
  expect(everything(told)).not.toMatch(/CANARY/);
});

it('TEL-3: what is captured is bounded by the redactor and stays JSON', () => {
  const told = byHand({
    capture: { messages: 'full', tools: 'full' },
    redactor: createRedactor({ bounds: { textChars: 10, valueChars: 100, nodes: 20 } }),
  });
  const driven = told.drive();
  const input = { long: 'x'.repeat(10_000), wide: Array.from({ length: 10_000 }, (_, n) => n) };
  const texts = Array.from({ length: 100 }, () => ({ type: 'text', text: '"'.repeat(1_000) }) as const);

  driven.execute(MODEL, {}, 0, [
    message('m', {
      role: 'assistant',
      kind: 'assistant',
      content: [{ type: 'tool-call', callId: 'c1', tool: 'search', input }],
    }),
  ]);
  driven.execute(TOOL, { facts: { of: 'tool', callId: 'c1' } }, 0, [ANSWERED]);
  driven.execute({ ...MODEL, key: 'model:2' }, {}, 0, [
    message('n', { role: 'assistant', kind: 'assistant', content: texts }),
  ]);
  driven.over();

  const [, tool, second] = told.spans();
  const sent = JSON.parse(String(tool?.attributes['gen_ai.tool.call.arguments'])) as { long: string; wide: unknown[] };
  expect(sent.long).toBe(`${'x'.repeat(10)} […]`);
  expect(sent.wide).toHaveLength(19);
  const output = String(second?.attributes['gen_ai.output.messages']);
  expect(output.length).toBeLessThan(1_000);
  expect(JSON.parse(output)).toHaveLength(1);
});

it('TEL-3: a drive that nobody samples keeps no content', () => {
  let redacted = 0;
  const told = byHand({
    capture: { messages: 'full' },
    redactor: createRedactor({
      redact: (text) => {
        redacted += 1;
        return text;
      },
    }),
  });
  const driven = told.drive({}, { caller: { traceparent: `00-${'a'.repeat(32)}-${'1'.repeat(16)}-00` } });

  driven.execute(MODEL, {}, 0, [ASKED]);
  driven.over();

  expect(redacted).toBe(0);
});
