import { checkMessage, type Message } from '@prusik/core';
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
      { type: 'file', mediaType: 'text/plain', data: { text: 'inline' } },
      { type: 'file', mediaType: 'application/pdf', data: { reference: { acme: 'file-1', other: 'x' } } },
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
      { type: 'tool-call', callId: 'p1', tool: 'search', input: {}, providerExecuted: true, provider: signed },
      { type: 'tool-result', callId: 'p1', tool: 'search', output: { type: 'json', value: [] }, provider: signed },
      { type: 'reasoning-file', mediaType: 'image/png', data: { base64: 'aGk=' }, provider: signed },
      { type: 'custom', kind: 'acme.compaction', provider: signed },
      {
        type: 'approval-request',
        approvalId: 'q',
        callId: 'c1',
        reason: 'r',
        automatic: true,
        signature: 's',
        input: 1,
      },
    ],
  },
  {
    v: 1,
    id: 'm3',
    role: 'tool',
    kind: 'tool',
    content: [{ type: 'approval-response', approvalId: 'q', approved: false, reason: 'no', providerExecuted: true }],
  },
  ...[
    { type: 'text' as const, text: 'seen' },
    { type: 'json' as const, value: { a: 1 } },
    { type: 'json' as const, value: 1, provider: signed },
    { type: 'error' as const, code: 'TOOL_FAILED', text: 'no' },
    { type: 'error' as const, code: 'TOOL_FAILED', text: '{"errorCode":"busy"}', value: { errorCode: 'busy' } },
    { type: 'denied' as const, reason: 'Not now.' },
    {
      type: 'content' as const,
      parts: [
        { type: 'text' as const, text: 'page' },
        { type: 'file' as const, mediaType: 'image/png', data: { base64: 'aGk=' } },
        { type: 'custom' as const, provider: signed },
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
    expect(JSON.stringify(other)).not.toMatch(/"signature":"abc"|Hm\./);
    expect((other as { content: { type: string }[] }).content.map(({ type }) => type)).toEqual([
      'text',
      'tool-call',
      'tool-approval-request',
    ]);
  });

  it('leave out a message of which another provider understands nothing', () => {
    const content = [{ type: 'custom' as const, kind: 'acme.compaction', provider: signed }];
    const compacted: Message = { v: 1, id: 'm', role: 'assistant', kind: 'assistant', content };

    expect(toModelMessages([compacted], 'acme')).toHaveLength(1);
    expect(toModelMessages([compacted], 'else')).toEqual([]);
  });

  it('tell a provider of a file that only another one holds', () => {
    const file = {
      type: 'file' as const,
      mediaType: 'application/pdf',
      data: { reference: { acme: '1' } },
      name: 'a.pdf',
    };
    const asked: Message = { v: 1, id: 'm', role: 'user', kind: 'user', content: [file] };

    expect(toModelMessages([asked], 'else')[0]?.content).toEqual([
      { type: 'text', text: '[The file a.pdf is held by acme and cannot be shown.]' },
    ]);
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

  it('take the bytes of a blob from what was loaded, and say when they were not', () => {
    const hash = `sha256:${'0'.repeat(64)}`;
    const file = { type: 'file' as const, mediaType: 'image/png', data: { blob: hash } };
    const asked: Message = { v: 1, id: 'm', role: 'user', kind: 'user', content: [file] };
    const bytes = new Uint8Array([1, 2]);

    expect(toModelMessages([asked], 'acme', new Map([[hash, bytes]]))[0]?.content).toEqual([
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: bytes } },
    ]);
    expect(() => toModelMessages([asked], 'acme')).toThrow(expect.objectContaining({ code: 'FILE_NOT_LOADED' }));
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

  it('take files under their older names and in every shorthand', () => {
    const reference = { acme: '1' };
    const output = {
      type: 'content' as const,
      value: [
        { type: 'file-data' as const, data: 'aGk=', mediaType: 'a/b', filename: 'f' },
        { type: 'image-data' as const, data: 'aGk=', mediaType: 'image/png' },
        { type: 'file-url' as const, url: 'https://x.example/', mediaType: 'a/b' },
        { type: 'image-url' as const, url: 'https://x.example/' },
        { type: 'file-id' as const, fileId: '1' },
        { type: 'image-file-id' as const, fileId: reference },
        { type: 'file-reference' as const, providerReference: reference },
        { type: 'image-file-reference' as const, providerReference: reference },
      ],
    };
    const bare: ModelMessage[] = [
      {
        role: 'user',
        content: [
          { type: 'image', image: reference },
          { type: 'file', data: reference, mediaType: 'a/b' },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c', toolName: 't', output }] },
    ];

    const [user, tool] = fromModelMessages(bare, { provider: 'acme', newId: () => 'id' });

    expect(user?.content.map((part) => part.type === 'file' && part.data)).toEqual([{ reference }, { reference }]);
    const [result] = tool?.content ?? [];
    const parts = result?.type === 'tool-result' && result.output.type === 'content' ? result.output.parts : [];
    expect(parts.map((part) => part.type === 'file' && [part.mediaType, part.data])).toEqual([
      ['a/b', { base64: 'aGk=' }],
      ['image/png', { base64: 'aGk=' }],
      ['a/b', { url: 'https://x.example/' }],
      ['image', { url: 'https://x.example/' }],
      ['application', { reference }],
      ['image', { reference }],
      ['application', { reference }],
      ['image', { reference }],
    ]);
    for (const message of [user, tool]) expect(checkMessage(message)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['a system message', { role: 'system', content: 'Be good.' }],
    ['a part of a kind that is not known', { role: 'user', content: [{ type: 'hologram' }] }],
    [
      'a file of a kind that is not known',
      { role: 'user', content: [{ type: 'file', data: { type: 'dream' }, mediaType: 'a/b' }] },
    ],
    [
      'a result of a kind that is not known',
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c', toolName: 't', output: { type: 'song' } }] },
    ],
  ])('refuse %s, which a history cannot hold', (_, message) => {
    expect(() => fromModelMessages([message as ModelMessage], { provider: 'acme', newId: () => 'id' })).toThrow(
      expect.objectContaining({ code: 'MESSAGE_UNSUPPORTED' }),
    );
  });
});
