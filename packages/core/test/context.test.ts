import { describe, expect, it } from 'vitest';
import {
  charsOf,
  compactionOf,
  contextView,
  createRuler,
  cutPoints,
  cutText,
  trimmed,
  type Compaction,
  type ContextPlan,
  type Message,
  type ToolOutput,
} from '../src/index.ts';

const say = (id: string, role: 'user' | 'assistant' = 'assistant', more: Partial<Message> = {}): Message => ({
  v: 1,
  id,
  role,
  kind: role,
  content: [{ type: 'text', text: id }],
  ...more,
});
const call = (id: string, ...callIds: readonly string[]): Message => ({
  ...say(id),
  content: callIds.map((callId) => ({ type: 'tool-call', callId, tool: 'look', input: {} })),
});
const result = (callId: string, output: ToolOutput = { type: 'text', text: callId }): Message => ({
  v: 1,
  id: `${callId}-result`,
  role: 'tool',
  kind: 'tool',
  content: [{ type: 'tool-result', callId, tool: 'look', output }],
});
const compacted = (id: string, compaction: Compaction): Message => say(id, 'user', { kind: 'summary', compaction });
const long = (text: string): ToolOutput => ({ type: 'text', text: text.repeat(2_000) });
const idsOf = (messages: readonly Message[]): readonly string[] => messages.map(({ id }) => id);
const viewed = (thread: readonly Message[]): readonly string[] => idsOf(contextView(thread).messages);

describe('what a model is shown of a thread', () => {
  it('AGT-9: a thread without a summary is the view itself', () => {
    const thread = [say('a', 'user'), say('b')];

    expect(contextView(thread)).toEqual({ head: [], rest: thread, messages: thread });
    expect(contextView(thread).messages).toBe(thread);
  });

  it('AGT-9: the newest summary stands for what it covers, and what it keeps stands behind it', () => {
    const thread = [say('a', 'user'), say('b'), compacted('s1', { covers: 'b', keeps: ['a'] }), say('c'), say('d')];

    expect(viewed(thread)).toEqual(['s1', 'a', 'c', 'd']);
    expect(viewed([...thread, compacted('s2', { covers: 'c', keeps: ['a'] }), say('e')])).toEqual([
      's2',
      'a',
      'd',
      'e',
    ]);
  });

  it('AGT-9: a summary that names no message, covers what is covered, or covers what comes after it, changes nothing', () => {
    const thread = [say('a', 'user'), say('b'), compacted('s1', { covers: 'b' }), say('c'), say('d')];

    for (const covers of ['elsewhere', 'a', 'b', 'e', 's2'])
      expect(viewed([...thread, compacted('s2', { covers }), say('e')])).toEqual(['s1', 'c', 'd', 'e']);
  });

  it('AGT-9: a copy of the thread under other numbers, and its beginning, show the same', () => {
    const thread = [say('a', 'user'), say('b'), compacted('s1', { covers: 'a' }), say('c')];

    expect(viewed([say('x', 'user'), ...thread])).toEqual(['s1', 'b', 'c']);
    expect(viewed(thread.slice(0, 3))).toEqual(['s1', 'b']);
    expect(viewed(thread.slice(0, 2))).toEqual(['a', 'b']);
  });

  it('AGT-9: old results are cut up to the message that a compaction names, and the record keeps them', () => {
    const thread = [call('r1', 'c1'), result('c1', long('x')), call('r2', 'c2'), result('c2', long('y'))];
    const cut = [...thread, compacted('t1', { trims: { upTo: 'c1-result', chars: 100 } })];

    const { messages } = contextView(cut);

    expect(messages).toEqual([thread[0], trimmed(thread[1] as Message, 100), thread[2], thread[3]]);
    expect(charsOf(messages, 0)).toBeLessThan(charsOf(thread, 0) - 1_500);
    expect(cut[1]).toBe(thread[1]);
  });

  it('AGT-9: what was cut once stays cut the same way, whatever later compactions say', () => {
    const thread = [call('r1', 'c1'), result('c1', long('x')), call('r2', 'c2'), result('c2', long('y'))];
    const first = [...thread, compacted('t1', { trims: { upTo: 'c1-result', chars: 100 } }), say('a')];
    const second = [...first, compacted('t2', { trims: { upTo: 'c2-result', chars: 10 } }), say('b')];

    const before = contextView(first).messages;
    const after = contextView(second).messages;

    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[1]).toBe(before[1]);
    expect(after[3]).toEqual(trimmed(thread[3] as Message, 10));
    expect(viewed(second)).toEqual(['r1', 'c1-result', 'r2', 'c2-result', 'a', 'b']);
  });

  it('AGT-9: between two compactions each view begins with the one before', () => {
    const thread = [
      say('a', 'user'),
      call('r1', 'c1'),
      result('c1', long('x')),
      compacted('t1', { trims: { upTo: 'c1-result', chars: 50 } }),
      say('b', 'user'),
      call('r2', 'c2'),
      result('c2', long('y')),
      compacted('s1', { covers: 'b', keeps: ['b'] }),
      say('c'),
      say('d', 'user'),
    ];
    const views = thread.map((_, index) => contextView(thread.slice(0, index + 1)).messages);
    const grown = views.filter((_, index) => index > 0 && thread[index]?.compaction === undefined);
    const before = views.filter(
      (_, index) => thread[index + 1] !== undefined && thread[index + 1]?.compaction === undefined,
    );

    expect(grown.map((view) => view.slice(0, -1))).toEqual(before);
    expect(grown.map((view) => view.at(-1))).toEqual(
      thread.slice(1).filter(({ compaction }) => compaction === undefined),
    );
  });
});

describe('a result that is cut', () => {
  it.each<[string, ToolOutput, ToolOutput]>([
    ['text', long('x'), { type: 'text', text: cutText('x'.repeat(2_000), 100) }],
    [
      'JSON',
      { type: 'json', value: { a: 'x'.repeat(2_000) } },
      { type: 'text', text: cutText(JSON.stringify({ a: 'x'.repeat(2_000) }), 100) },
    ],
    [
      'an error',
      { type: 'error', code: 'TOOL_FAILED', text: 'x'.repeat(2_000) },
      { type: 'error', code: 'TOOL_FAILED', text: cutText('x'.repeat(2_000), 100) },
    ],
    [
      'files',
      {
        type: 'content',
        parts: [
          { type: 'text', text: 'two files' },
          { type: 'file', mediaType: 'image/png', data: { blob: 'sha256:1' }, name: 'a.png' },
          { type: 'file', mediaType: 'image/png', data: { base64: 'AAAA' } },
        ],
      },
      {
        type: 'content',
        parts: [
          { type: 'text', text: 'two files' },
          { type: 'text', text: '[a file was here: a.png, image/png, sha256:1]' },
          { type: 'text', text: '[a file was here: image/png]' },
        ],
      },
    ],
  ])('AGT-9: %s keeps its head and its tail, and says what is missing', (_, output, cut) => {
    expect(trimmed(result('c', output), 100)).toEqual(result('c', cut));
  });

  it.each<[string, ToolOutput]>([
    ['short', { type: 'text', text: 'short' }],
    ['short JSON', { type: 'json', value: { a: 1 } }],
    ['denied', { type: 'denied', reason: 'x'.repeat(2_000) }],
  ])('AGT-9: what is %s stays as it is', (_, output) => {
    const message = result('c', output);

    expect(trimmed(message, 100)).toBe(message);
  });

  it('AGT-9: what a provider executed itself stays as it is', () => {
    const own: Message = { ...result('c', long('x')), role: 'assistant', kind: 'assistant' };

    expect(trimmed(own, 100)).toBe(own);
  });

  it('AGT-9: a cut never makes longer, and never parts a character', () => {
    for (const length of [0, 1, 99, 100, 101, 140, 150, 1_000])
      for (const text of ['x'.repeat(length), '🦊'.repeat(length), `x${'🦊'.repeat(length)}`]) {
        const cut = cutText(text, 100);
        expect(cut.length).toBeLessThanOrEqual(text.length);
        expect(cut.isWellFormed()).toBe(true);
      }
  });
});

describe('a ruler', () => {
  it('AGT-9: counts what stands in every prompt, what messages say, and a file by what models charge for one', () => {
    const ruler = createRuler({ fixedChars: 400 });
    const file = (base64: string): Message =>
      say('f', 'user', { content: [{ type: 'file', mediaType: 'image/png', data: { base64 } }] });

    expect(ruler.tokens([])).toBe(100);
    expect(ruler.tokens([say('x'.repeat(400))])).toBeGreaterThanOrEqual(200);
    expect(ruler.tokens([file('A'.repeat(1_000_000))])).toBe(ruler.tokens([file('A')]));
    expect(ruler.tokens([file('A')])).toBe(1_600);
  });

  it('AGT-9: measures by what a provider said of its tokens', () => {
    expect(createRuler({ fixedChars: 400, charsPerToken: 2 }).tokens([])).toBe(200);
  });
});

describe('where a view may be cut', () => {
  it('AGT-9: behind whole exchanges, whatever the order of their results and whatever stands between', () => {
    const rest = [say('a', 'user'), call('r', 'c1', 'c2'), result('c2'), say('note', 'user'), result('c1'), say('b')];

    expect(cutPoints(rest)).toEqual([true, false, false, false, true, true]);
  });

  it('AGT-9: not behind the open calls of the last reply, but behind those that a lost run left open', () => {
    const lost = [call('r1', 'c1', 'c2'), result('c1'), say('a', 'user')];

    expect(cutPoints([...lost, say('b')])).toEqual([false, true, true, true]);
    expect(cutPoints([...lost, call('r2', 'c3', 'c4'), result('c3')])).toEqual([false, true, true, false, false]);
  });

  it('AGT-9: of a call id that comes again, a result belongs to the call before it', () => {
    const rest = [call('r1', 'c'), result('c'), call('r2', 'c'), { ...result('c'), id: 'again' }];

    expect(cutPoints(rest)).toEqual([false, true, false, true]);
  });
});

describe('what a plan comes to', () => {
  const thread = [
    say('system', 'user', { kind: 'context', pinned: true }),
    say('ask', 'user'),
    call('r', 'c'),
    result('c'),
    say('done'),
  ];
  const summarise = (covers: string, more: object = {}) =>
    ({ does: 'summarise', covers, maxTokens: 100, ...more }) as const;

  it('AGT-9: pinned messages and the last message of the user stay, and so does what the plan names', () => {
    const view = contextView(thread);

    expect(compactionOf(view, summarise('done'))).toEqual({ covers: 'done', keeps: ['system', 'ask'] });
    expect(compactionOf(view, summarise('system'))).toEqual({ covers: 'system', keeps: ['system'] });
    const later = contextView([...thread, say('next', 'user')]);
    expect(compactionOf(later, summarise('done'))).toEqual({ covers: 'done', keeps: ['system'] });
    expect(compactionOf(later, summarise('done', { keeps: ['ask', 'r', 'nothing'] }))).toEqual({
      covers: 'done',
      keeps: ['system', 'ask'],
    });
  });

  it('AGT-9: what the first summary kept, the second keeps', () => {
    const first = [...thread, compacted('s1', compactionOf(contextView(thread), summarise('done'))), say('more')];
    const second = compactionOf(contextView(first), summarise('more'));

    expect(second).toEqual({ covers: 'more', keeps: ['system', 'ask'] });
    expect(viewed([...first, compacted('s2', second), say('end')])).toEqual(['s2', 'system', 'ask', 'end']);
  });

  it.each<[string, Exclude<ContextPlan, { does: 'keep' }>]>([
    ['cuts through an exchange', summarise('r')],
    ['covers a message that is not there', summarise('nothing')],
    ['leaves no room for the summary', { ...summarise('done'), maxTokens: 0 }],
    ['leaves half a token', { ...summarise('done'), maxTokens: 0.5 }],
    ['cuts results up to a message that is not there', { does: 'trim', trims: { upTo: 'nothing', chars: 10 } }],
    ['cuts results to less than nothing', { does: 'trim', trims: { upTo: 'done', chars: -1 } }],
    ['cuts results to no number', summarise('done', { trims: { upTo: 'done', chars: Number.NaN } })],
  ])('AGT-9: a plan that %s is refused', (_, plan) => {
    expect(() => compactionOf(contextView(thread), plan)).toThrow(
      expect.objectContaining({ code: 'CONTEXT_PLAN_INVALID' }),
    );
  });

  it('AGT-9: the summary itself cannot be covered by name, nor what it keeps', () => {
    const first = [...thread, compacted('s1', { covers: 'done', keeps: ['ask'] }), say('more')];

    for (const covers of ['s1', 'ask'])
      expect(() => compactionOf(contextView(first), summarise(covers))).toThrow('not in the view');
  });
});
