import type { Message } from '@prusik/core';
import type { ModelMessage } from 'ai';
import { describe, expect, it } from 'vitest';
import { fromModelMessages, toModelMessages } from '../src/index.ts';

const signed = { provider: 'acme', data: { acme: { signature: 'abc' }, gateway: { route: 1 } } };
const history: readonly Message[] = [
  {
    v: 1,
    id: 'm1',
    role: 'user',
    kind: 'user',
    content: [
      { type: 'text', text: 'Look at this.' },
      { type: 'file', mediaType: 'image/png', data: { base64: 'aGk=' }, name: 'a.png' },
      { type: 'file', mediaType: 'image/png', data: { url: 'https://example.com/a.png' } },
    ],
  },
  {
    v: 1,
    id: 'm2',
    role: 'assistant',
    kind: 'assistant',
    content: [
      { type: 'reasoning', text: 'Hm.', provider: signed },
      { type: 'text', text: 'I look.', provider: signed },
      { type: 'tool-call', callId: 'c1', tool: 'look', input: { q: [1, null] }, provider: signed },
      { type: 'tool-call', callId: 'p1', tool: 'search', input: {}, providerExecuted: true },
      { type: 'tool-result', callId: 'p1', tool: 'search', output: { type: 'json', value: [] } },
    ],
  },
  ...[
    { type: 'text' as const, text: 'seen' },
    { type: 'json' as const, value: { a: 1 } },
    { type: 'error' as const, code: 'TOOL_FAILED', text: 'no' },
    { type: 'denied' as const, reason: 'Not now.' },
    {
      type: 'content' as const,
      parts: [
        { type: 'text' as const, text: 'page' },
        { type: 'file' as const, mediaType: 'image/png', data: { base64: 'aGk=' } },
      ],
    },
  ].map((output, n): Message => ({
    v: 1,
    id: `t${n}`,
    role: 'tool',
    kind: 'tool',
    content: [{ type: 'tool-result', callId: `c${n}`, tool: 'look', output }],
  })),
];

describe('SES-12: messages', () => {
  it("go to the AI SDK's and back without loss", () => {
    const ids = history.map(({ id }) => id);

    const back = fromModelMessages(toModelMessages(history, 'acme'), {
      provider: 'acme',
      newId: () => ids.shift() ?? '',
    });

    expect(back).toEqual(history);
  });

  it('give a provider back what it attached, all of it, and nothing to another, whose reasoning it is not', () => {
    const [, own] = toModelMessages(history, 'acme');
    const [, other] = toModelMessages(history, 'else');

    expect(own?.content[0]).toEqual({ type: 'reasoning', text: 'Hm.', providerOptions: signed.data });
    expect(JSON.stringify(other)).not.toMatch(/signature|Hm\./);
    expect(other?.content).toHaveLength(4);
  });

  it('leave sources out of prompts', () => {
    const cited: Message = {
      v: 1,
      id: 'm',
      role: 'assistant',
      kind: 'assistant',
      content: [
        { type: 'text', text: 'So.' },
        { type: 'source', id: 's1', url: 'https://example.com' },
      ],
    };

    expect(toModelMessages([cited], 'acme')[0]?.content).toEqual([{ type: 'text', text: 'So.' }]);
  });

  it('say when a file is only named by its blob', () => {
    const blob: Message = {
      v: 1,
      id: 'm',
      role: 'user',
      kind: 'user',
      content: [{ type: 'file', mediaType: 'image/png', data: { blob: 'sha256:1' } }],
    };

    expect(() => toModelMessages([blob], 'acme')).toThrow(expect.objectContaining({ code: 'FILE_NOT_LOADED' }));
  });

  it('take what the SDK writes in shorthand: bare strings, bytes, URLs, options of a whole message', () => {
    const given: ModelMessage[] = [
      { role: 'user', content: 'Hello' },
      {
        role: 'user',
        content: [
          { type: 'file', data: new Uint8Array([104, 105]), mediaType: 'text/plain' },
          { type: 'file', data: new URL('https://example.com/a'), mediaType: 'text/plain' },
        ],
        providerOptions: { acme: { cache: true } },
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'c', toolName: 'look', output: { type: 'error-text', value: 'no' } },
        ],
      },
    ];

    const stored = fromModelMessages(given, { provider: 'acme', newId: () => 'id' });

    expect(stored.map(({ content }) => content)).toEqual([
      [{ type: 'text', text: 'Hello' }],
      [
        { type: 'file', mediaType: 'text/plain', data: { base64: 'aGk=' } },
        {
          type: 'file',
          mediaType: 'text/plain',
          data: { url: 'https://example.com/a' },
          provider: { provider: 'acme', data: { acme: { cache: true } } },
        },
      ],
      [
        {
          type: 'tool-result',
          callId: 'c',
          tool: 'look',
          output: { type: 'error', code: 'TOOL_FAILED', text: 'no' },
        },
      ],
    ]);
  });

  it.each<[string, ModelMessage]>([
    ['a system message', { role: 'system', content: 'Be good.' }],
    [
      'a file that only its provider holds',
      {
        role: 'user',
        content: [{ type: 'file', data: { type: 'reference', reference: { acme: '1' } }, mediaType: 'text/plain' }],
      },
    ],
    [
      'an approval exchange',
      { role: 'tool', content: [{ type: 'tool-approval-response', approvalId: '1', approved: true }] },
    ],
  ])('refuse %s, which a history cannot hold', (_, message) => {
    expect(() => fromModelMessages([message], { provider: 'acme', newId: () => 'id' })).toThrow(TypeError);
  });
});
