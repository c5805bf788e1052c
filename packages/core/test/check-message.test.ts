import { describe, expect, it } from 'vitest';
import { checkMessage, type Message, type MessagePart } from '../src/index.ts';

const hash = `sha256:${'0'.repeat(64)}`;
const provider = { provider: 'acme', data: { acme: { signature: 's' } } };

const EVERY_PART: readonly MessagePart[] = [
  {
    type: 'text',
    text: 'hi',
    citations: [{ source: { id: 's', url: 'https://x.example' }, start: 0, end: 2, quote: 'q' }],
  },
  { type: 'reasoning', text: 'hm', provider },
  { type: 'file', mediaType: 'image/png', data: { blob: hash }, name: 'a.png', provider },
  { type: 'file', mediaType: 'image', data: { url: 'https://x.example/a' } },
  { type: 'file', mediaType: 'text/plain', data: { text: 'inline' } },
  { type: 'file', mediaType: 'application/pdf', data: { reference: { acme: 'file-1' } } },
  { type: 'reasoning-file', mediaType: 'image/png', data: { base64: 'aGk=' }, provider },
  { type: 'custom', kind: 'acme.compaction', provider },
  { type: 'tool-call', callId: 'c', tool: 'look', input: null, providerExecuted: true, provider },
  { type: 'tool-result', callId: 'c', tool: 'look', output: { type: 'text', text: '' } },
  {
    type: 'tool-result',
    callId: 'c',
    tool: 'look',
    output: { type: 'text', text: 'a', whole: { blob: hash, bytes: 9, mediaType: 'text/plain' } },
  },
  { type: 'tool-result', callId: 'c', tool: 'look', output: { type: 'json', value: null, provider } },
  { type: 'tool-result', callId: 'c', tool: 'look', output: { type: 'denied', reason: 'no' } },
  { type: 'tool-result', callId: 'c', tool: 'look', output: { type: 'error', code: 'X', text: 'y', value: [1] } },
  {
    type: 'tool-result',
    callId: 'c',
    tool: 'look',
    output: {
      type: 'content',
      parts: [
        { type: 'text', text: 'page' },
        { type: 'file', mediaType: 'image/png', data: { blob: hash } },
        { type: 'custom', provider },
      ],
    },
  },
  { type: 'approval-request', approvalId: 'a', callId: 'c', reason: 'r', automatic: false, signature: 's', input: {} },
  { type: 'approval-response', approvalId: 'a', approved: true, reason: 'r', providerExecuted: true },
  { type: 'source', id: 's', title: 'A document', mediaType: 'application/pdf', name: 'a.pdf' },
];

const message = (content: readonly unknown[], more: object = {}): unknown =>
  JSON.parse(JSON.stringify({ v: 1, id: 'm', role: 'assistant', kind: 'assistant', content, ...more }));

function refusal(value: unknown): { readonly code?: unknown; readonly path?: unknown; readonly message?: string } {
  try {
    checkMessage(value);
    return {};
  } catch (error) {
    const { code, meta, message: text } = error as { code: unknown; meta: { path: unknown }; message: string };
    return { code, path: meta.path, message: text };
  }
}

describe('SES-12: checkMessage', () => {
  it('takes every part that a message may have', () => {
    for (const part of EVERY_PART) expect(refusal(message([part])), JSON.stringify(part)).toEqual({});
    const compaction = { covers: 'm1', keeps: ['m0'], trims: { upTo: 'm2', chars: 100 } };
    expect(refusal(message([], { pinned: true, compaction }))).toEqual({});
    expect(refusal(message([], { compaction: {} }))).toEqual({});
  });

  it('misses no property: a message with one of them of another type is refused, and the path says which', () => {
    const wrong: unknown[] = [Symbol('nothing is this')];
    let tried = 0;
    /** Puts a wrong value into each place of a part, one at a time. */
    const spoil = (value: unknown, put: (spoiled: unknown) => void, path: string): void => {
      if (FREE.some((free) => path.endsWith(free))) return;
      put(wrong);
      tried += 1;
      const found = refusal(whole);
      expect(found.code, path).toBe('MESSAGE_INVALID');
      expect(
        path.startsWith(String(found.path)) || String(found.path).startsWith(path),
        `${path} is ${String(found.path)}`,
      ).toBe(true);
      put(value);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, member] of Object.entries(value))
        spoil(
          member,
          (spoiled) => ((value as Record<string, unknown>)[key] = spoiled),
          Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`,
        );
    };
    /** Any JSON may stand there. */
    const FREE = ['.input', '.value', '.acme'];
    let whole: unknown;
    for (const part of EVERY_PART) {
      whole = message([part]);
      const { content } = whole as { content: unknown[] };
      spoil(content[0], (spoiled) => (content[0] = spoiled), 'content[0]');
    }
    expect(tried).toBeGreaterThan(80);
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'a message'],
    ['a list', [], 'a message'],
    ['another version', { ...(message([]) as Message), v: 2 }, 'v'],
    ['no id', message([], { id: '' }), 'id'],
    ['an id that no index takes', message([], { id: 'x'.repeat(201) }), 'id'],
    ['an unknown role', message([], { role: 'system' }), 'role'],
    ['an unknown kind', message([], { kind: 'toString' }), 'kind'],
    ['no content', { v: 1, id: 'm', role: 'user', kind: 'user' }, 'content'],
    ['a pin that is none', message([], { pinned: 'yes' }), 'pinned'],
    ['a compaction that covers a number', message([], { compaction: { covers: 1 } }), 'compaction.covers'],
    ['a compaction that keeps a number', message([], { compaction: { keeps: [1] } }), 'compaction.keeps[0]'],
    ['a trim to nothing known', message([], { compaction: { trims: { upTo: 'm' } } }), 'compaction.trims.chars'],
    ['text as content', message([], { content: 'hi' }), 'content'],
    ['an unknown part', message([{ type: 'hologram' }]), 'content[0].type'],
    ['a part named like a method', message([{ type: 'toString' }]), 'content[0].type'],
    [
      'an unknown output',
      message([{ type: 'tool-result', callId: 'c', tool: 't', output: { type: 'song' } }]),
      'content[0].output.type',
    ],
    ['a call without input', message([{ type: 'tool-call', callId: 'c', tool: 't' }]), 'content[0].input'],
    ['a file that is nowhere', message([{ type: 'file', mediaType: 'a/b', data: {} }]), 'content[0].data'],
    [
      'a file that is in two places',
      message([{ type: 'file', mediaType: 'a/b', data: { text: '', base64: '' } }]),
      'content[0].data',
    ],
    [
      'a hash that is none',
      message([{ type: 'file', mediaType: 'a/b', data: { blob: '../x' } }]),
      'content[0].data.blob',
    ],
    [
      'an address that is none',
      message([{ type: 'file', mediaType: 'a/b', data: { url: 'over there' } }]),
      'content[0].data.url',
    ],
  ])('refuses %s', (_, value, path) => {
    const found = refusal(value);
    expect(found.code).toBe('MESSAGE_INVALID');
    expect([found.path, found.path === undefined ? found.message : '']).toEqual([path, '']);
  });

  it('I11: says nothing of what the message holds', () => {
    expect(refusal(message([{ type: 'text', text: ['secret'] }], { id: 'private' })).message).not.toMatch(
      /secret|private/,
    );
  });
});
