import { describe, expect, it } from 'vitest';
import {
  derivedRandom,
  reconcile,
  TOOL_RESULT_MISSING,
  type Message,
  type MessagePart,
  type ToolCallPart,
  type ToolResultPart,
} from '../src/index.ts';

const message = (id: string, role: Message['role'], content: readonly MessagePart[]): Message => ({
  v: 1,
  id,
  role,
  kind: role,
  content,
});
const text = (value: string): MessagePart => ({ type: 'text', text: value });
const call = (callId: string, more: Partial<ToolCallPart> = {}): ToolCallPart => ({
  type: 'tool-call',
  callId,
  tool: 'look',
  input: { q: callId },
  ...more,
});
const result = (callId: string, value = callId): ToolResultPart => ({
  type: 'tool-result',
  callId,
  tool: 'look',
  output: { type: 'text', text: value },
});
const says = (id: string, ...content: MessagePart[]): Message => message(id, 'assistant', content);
const gives = (id: string, ...content: MessagePart[]): Message => message(id, 'tool', content);
const asks = (id: string, value = 'hello'): Message => message(id, 'user', [text(value)]);
const ids = (messages: readonly Message[]): readonly string[] => messages.map(({ id }) => id);

describe('SES-5: reconcile', () => {
  it('gives a valid history back as the same array', () => {
    const history = [
      asks('u1'),
      says('a1', text('I look.'), call('c1'), call('c2')),
      gives('t1', result('c1')),
      gives('t2', result('c2')),
      says('a2', text('Done.')),
    ];

    expect(reconcile(history)).toBe(history);
  });

  it('closes a call that nobody closed with an error result that claims nothing', () => {
    const [, , closing, ...rest] = reconcile([asks('u1'), says('a1', call('c1')), asks('u2')]);

    expect(closing).toMatchObject({
      role: 'tool',
      content: [{ type: 'tool-result', callId: 'c1', output: { type: 'error', code: TOOL_RESULT_MISSING } }],
    });
    expect(ids(rest)).toEqual(['u2']);
  });

  it('puts results in call order directly after their message, whatever was said in between', () => {
    const fixed = reconcile([
      says('a1', call('c1'), call('c2')),
      asks('u1'),
      gives('t2', result('c2')),
      asks('u2'),
      gives('t1', result('c1')),
    ]);

    expect(ids(fixed)).toEqual(['a1', 't1', 't2', 'u1', 'u2']);
  });

  it('drops results that no call asked for, come before it, or come twice', () => {
    const fixed = reconcile([
      gives('t0', result('c1', 'too early')),
      says('a1', call('c1')),
      gives('t1', result('c1', 'first')),
      gives('t2', result('c1', 'second')),
      gives('t3', result('c9')),
    ]);

    expect(fixed).toEqual([says('a1', call('c1')), gives('t1', result('c1', 'first'))]);
  });

  it('gives a call id that was used before a new one, and its result with it', () => {
    const fixed = reconcile([
      says('a1', call('c1'), call('c1_2')),
      gives('t1', result('c1', 'old')),
      gives('t2', result('c1_2')),
      says('a2', call('c1')),
      gives('t3', result('c1', 'new')),
    ]);

    expect(fixed[3]?.content).toEqual([{ ...call('c1'), callId: 'c1_3' }]);
    expect(fixed[4]?.content).toEqual([{ ...result('c1', 'new'), callId: 'c1_3' }]);
    expect(fixed[1]?.content).toEqual([result('c1', 'old')]);
  });

  it('keeps a call that was left open apart from a later one of the same id', () => {
    const fixed = reconcile([says('a1', call('c1')), says('a2', call('c1')), gives('t', result('c1', 'of a2'))]);

    expect(fixed[1]?.content).toMatchObject([{ callId: 'c1', output: { code: TOOL_RESULT_MISSING } }]);
    expect(fixed[3]?.content).toEqual([result('c1_2', 'of a2')]);
  });

  it('splits a message of several results, so that each stands alone', () => {
    const fixed = reconcile([says('a1', call('c1'), call('c2')), gives('t', result('c2'), result('c1'))]);

    expect(fixed.slice(1).map(({ content }) => content)).toEqual([[result('c1')], [result('c2')]]);
    expect(new Set(ids(fixed)).size).toBe(3);
  });

  it('drops assistant messages that say and do nothing, and blank text beside a call', () => {
    const fixed = reconcile([
      says('a0'),
      says('a1', text('  \n')),
      says('a2', { type: 'reasoning', text: 'hm' }),
      says('a3', text(''), call('c1')),
      gives('t', result('c1')),
    ]);

    expect(fixed).toEqual([says('a3', call('c1')), gives('t', result('c1'))]);
  });

  it('keeps empty text that carries what a provider needs back', () => {
    const signed = says('a1', { type: 'text', text: '', provider: { provider: 'p', data: { signature: 'x' } } });

    expect(reconcile([signed])).toEqual([signed]);
  });

  it('leaves what the provider executes to the provider, and drops it where nothing closed it', () => {
    const remote = call('p1', { providerExecuted: true });
    const closedLater = [
      says('a1', remote, call('c1')),
      gives('t', result('c1')),
      says('a2', result('p1'), text('so')),
    ];

    expect(reconcile(closedLater)).toBe(closedLater);
    const stillOpen = [says('a1', remote, call('c1')), gives('t', result('c1'))];
    expect(reconcile(stillOpen)).toBe(stillOpen);
    expect(reconcile([...stillOpen, says('a2', text('so'))])[0]).toEqual(says('a1', call('c1')));
  });

  it('keeps what was asked and answered about a call with the call, in order, and drops it with the call', () => {
    const remote = call('p1', { providerExecuted: true });
    const asked = { type: 'approval-request', approvalId: 'q', callId: 'p1' } as const;
    const answered = gives('t', { type: 'approval-response', approvalId: 'q', approved: true, providerExecuted: true });
    const open = [says('a1', remote, asked), answered];

    expect(reconcile(open)).toBe(open);
    expect(reconcile([...open, says('a2', text('so'))])).toEqual([says('a2', text('so'))]);
    const [, response] = reconcile([
      says('a1', call('p1'), asked),
      gives('t', ...answered.content, result('p1')),
    ]).slice(1);
    expect(response).toEqual({ ...answered, id: 't:approval' });
    const again = reconcile([
      says('a1', call('p1')),
      gives('t1', result('p1')),
      says('a2', call('p1'), asked),
      answered,
    ]);
    expect(again[2]?.content[1]).toEqual({ ...asked, callId: 'p1_2' });
  });

  it('leaves out a message of the user that says nothing', () => {
    expect(reconcile([asks('u1'), message('u2', 'user', [{ type: 'source', id: 's' }])])).toEqual([asks('u1')]);
  });

  it('makes 5,000 damaged histories valid, loses no text and changes nothing the second time', () => {
    for (let seed = 0; seed < 5_000; seed += 1) {
      const damaged = randomHistory(seed);
      const fixed = reconcile(damaged);

      expect(problems(fixed), `seed ${seed}`).toEqual([]);
      expect(reconcile(fixed), `seed ${seed}`).toBe(fixed);
      expect(spoken(fixed), `seed ${seed}`).toEqual(spoken(damaged));
    }
  });
});

/** What a provider would refuse, said independently of how the reconciler works. */
function problems(history: readonly Message[]): readonly string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const approvals = new Set<string>();
  let due: string[] = [];
  const remote = new Map<string, number>();
  const lastAssistant = history.findLastIndex(({ role }) => role === 'assistant');
  for (const [at, { role, content }] of history.entries()) {
    if (content.length === 0) found.push(`${at} is empty`);
    if (role !== 'tool' && !content.some(({ type }) => !MUTE.has(type))) found.push(`${at} says nothing`);
    if (role !== 'tool' && due.length > 0) found.push(`${at} comes before the results of ${due.join()}`);
    for (const part of content) {
      if (part.type === 'tool-result') {
        if (role === 'tool' && due.shift() !== part.callId) found.push(`${at} has a result out of place`);
        if (role === 'assistant' && !remote.delete(part.callId)) found.push(`${at} has a result of nothing`);
        if (role === 'user') found.push(`${at} has a result of a user`);
      } else if (part.type === 'approval-request') {
        if (role !== 'assistant' || !callsIn(content).includes(part.callId)) found.push(`${at} asks about nothing`);
        approvals.add(part.approvalId);
      } else if (part.type === 'approval-response') {
        if (role !== 'tool' || !approvals.has(part.approvalId)) found.push(`${at} answers nothing`);
      } else if (role === 'tool') {
        found.push(`${at} has a ${part.type} in a tool message`);
      }
      if (part.type === 'text' && part.text.trim() === '') found.push(`${at} has blank text`);
      if (part.type !== 'tool-call') continue;
      if (role !== 'assistant') found.push(`${at} has a call of a ${role}`);
      if (seen.has(part.callId)) found.push(`${at} uses ${part.callId} again`);
      seen.add(part.callId);
      if (part.providerExecuted === true) remote.set(part.callId, at);
      else due.push(part.callId);
    }
  }
  if (due.length > 0) found.push(`${due.join()} is open`);
  for (const [callId, at] of remote) if (at !== lastAssistant) found.push(`${callId} was given up by its provider`);
  return found;
}

const MUTE: ReadonlySet<string> = new Set(['reasoning', 'reasoning-file', 'source', 'approval-request']);
const callsIn = (content: readonly MessagePart[]): readonly string[] =>
  content.flatMap((part) => (part.type === 'tool-call' ? [part.callId] : []));

const spoken = (history: readonly Message[]): readonly string[] =>
  history
    .filter(({ role }) => role !== 'tool')
    .flatMap(({ content }) => content.flatMap((part) => (part.type === 'text' ? [part.text] : [])))
    .filter((value) => value.trim() !== '');

const SILENT: readonly MessagePart[] = [
  { type: 'source', id: 's' },
  { type: 'custom', kind: 'acme.note' },
  { type: 'reasoning-file', mediaType: 'image/png', data: { url: 'https://x.example' } },
];

/** Few ids and free roles, so that parts collide and land where they must not. */
function randomHistory(seed: number): readonly Message[] {
  let drawn = 0;
  const below = (limit: number): number =>
    Math.floor(derivedRandom('history', String(seed), String((drawn += 1))) * limit);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const callId = (): string => pick(['c1', 'c2', 'c3', 'c1_2']);
  const parts: readonly (() => MessagePart)[] = [
    () => text(pick(['', ' ', `said ${drawn}`])),
    () => call(callId()),
    () => call(callId(), { providerExecuted: true }),
    () => result(callId(), String(drawn)),
    () => result(callId(), String(drawn)),
    () => ({ type: 'reasoning', text: 'hm' }),
    () => pick(SILENT),
    () => ({ type: 'approval-request', approvalId: pick(['q1', 'q2']), callId: callId() }),
    () => ({ type: 'approval-response', approvalId: pick(['q1', 'q2']), approved: drawn % 2 === 0 }),
  ];
  const history = Array.from({ length: below(8) }, (_, index) =>
    message(
      `m${index}`,
      pick(['user', 'assistant', 'assistant', 'tool']),
      Array.from({ length: below(4) }, () => pick(parts)()),
    ),
  );
  // The same objects twice, as a history that was appended again has them.
  return below(5) === 0 ? [...history, ...history] : history;
}
