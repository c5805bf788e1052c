import type {
  Entry,
  EntryBody,
  LiveBlock,
  LiveEvent,
  Message,
  MessagePart,
  Request as AskedRequest,
  RunEnd,
  StepEnd,
  ToolOutput,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { createTurnEncoder } from '../src/chat/turn-encoder.ts';
import { foldUiChunks, type UiMessage, type UiMessageChunk } from '../src/index.ts';

const run = { tenant: 'default', run: 'r' };
const text: LiveBlock = { id: 't', kind: 'text' };
const thought: LiveBlock = { id: 'r', kind: 'reasoning' };
const call = (id: string, tool = 'search'): LiveBlock => ({ id, kind: 'tool-input', tool });

/** An encoder, what it is told, and what a client has by then. */
function encoding() {
  const encoder = createTurnEncoder({ errorText: ({ code }) => code });
  const message: UiMessage = { id: 'm', role: 'assistant', parts: [] };
  let seq = 0;
  function told(chunks: readonly UiMessageChunk[]): readonly string[] {
    foldUiChunks(message, chunks);
    return chunks.map(({ type }) => type);
  }
  const hear = (event: LiveEvent) => told(encoder.live(event));
  const read = (body: EntryBody, facts?: Parameters<typeof encoder.entry>[1]) =>
    told(encoder.entry({ seq: (seq += 1), at: 0, ...body } as Entry, facts));
  return {
    message,
    read,
    below: (body: EntryBody, facts?: Parameters<typeof encoder.entry>[1]) =>
      told(encoder.below('child', { seq: 1, at: 0, ...body } as Entry, facts)),
    start: (attempt = 1, key = 'model:1') => hear({ type: 'step-start', key, kind: 'model', epoch: 1, attempt }),
    reset: (attempt: number) => hear({ type: 'step-reset', key: 'model:1', epoch: 1, attempt }),
    say: (block: LiveBlock, offset: number, said: string, attempt = 1, key = 'model:1') =>
      hear({ type: 'step-delta', key, epoch: 1, attempt, block, offset, text: said, joined: 1 }),
    commit: (content: readonly MessagePart[], key = 'model:1') =>
      read(endOf(key), content.length === 0 ? {} : { messages: [said(content)] }),
    result: (callId: string, output: ToolOutput, toolSource?: string) =>
      read(endOf(`tool:${callId}`), {
        messages: [
          {
            v: 1,
            id: callId,
            role: 'tool',
            kind: 'tool',
            content: [
              {
                type: 'tool-result',
                callId,
                tool: 'search',
                output,
                ...(toolSource === undefined ? {} : { toolSource }),
              },
            ],
          },
        ],
      }),
    get over() {
      return encoder.over;
    },
  };
}

const said = (content: readonly MessagePart[]): Message => ({
  v: 1,
  id: 'a',
  role: 'assistant',
  kind: 'assistant',
  content,
});
const endOf = (key: string): StepEnd => ({
  type: 'step-end',
  key,
  kind: 'model',
  fingerprint: '',
  attempt: 1,
  outcome: { ok: true },
  durationMs: 0,
});
const asked = (id: string, more: Partial<AskedRequest> = {}): AskedRequest => ({
  id,
  run,
  root: 'r',
  kind: 'approval',
  stepKey: id,
  body: { callId: 'c1' },
  expiresAt: null,
  definition: 'd',
  status: 'open',
  openedAt: 0,
  claimed: false,
  ...more,
});
const wait = (key: string): EntryBody => ({ type: 'wait-start', key, fingerprint: '', kind: 'request', request: key });
const waited = (key: string, status: string): EntryBody => ({
  type: 'wait-end',
  key,
  fingerprint: '',
  kind: 'request',
  outcome: { ok: true, value: { status, request: key } },
});
const end = (status: 'completed' | 'failed' | 'cancelled'): RunEnd => ({ type: 'run-end', status });
const toolCall = (callId: string): MessagePart => ({ type: 'tool-call', callId, tool: 'search', input: { q: 1 } });

describe('I3, EVT-5: what is shown before it is committed', () => {
  it('is taken back at once when the attempt is repeated, and when the drive is over', () => {
    const turn = encoding();
    turn.start();
    expect(turn.say(text, 0, 'wrong')).toEqual(['start-step', 'text-start', 'text-delta']);
    expect(turn.reset(2)).toEqual(['reset-step']);
    expect(turn.reset(2)).toEqual([]);
    turn.start(2);
    expect(turn.say(text, 0, 'again', 2)).toEqual(['text-start', 'text-delta']);
    expect(turn.read({ type: 'run-claim', worker: 'w', epoch: 2, attempt: 2, definitionHash: '' })).toEqual([
      'reset-step',
    ]);
    expect(turn.message.parts).toEqual([{ type: 'step-start' }]);
  });

  it('is taken back where nothing of it is stored', () => {
    const turn = encoding();
    turn.start();
    turn.say(text, 0, '   ');
    expect(turn.commit([])).toEqual(['reset-step']);
  });

  it('is gone on with where it is the beginning of what is stored, and is not sent twice', () => {
    const turn = encoding();
    turn.start();
    turn.say(thought, 0, 'hm');
    turn.say(text, 0, 'Hel');
    expect(turn.commit([{ type: 'reasoning', text: 'hm' }, { type: 'text', text: 'Hello' }, toolCall('c1')])).toEqual([
      'text-delta',
      'text-end',
      'tool-input-available',
    ]);
    expect(turn.message.parts).toMatchObject([{}, { text: 'hm' }, { text: 'Hello' }, { input: { q: 1 } }]);
  });

  it('waits for the commit where something is missing, is said elsewhere than at the end, or would overwrite an earlier call', () => {
    const holes = encoding();
    holes.start();
    holes.say(text, 0, 'one ');
    expect(holes.say(text, 8, 'three')).toEqual([]);
    expect(holes.say(text, 13, ' four')).toEqual([]);

    const between = encoding();
    between.start();
    between.say(thought, 0, 'h');
    between.say(text, 0, 'T');
    expect(between.say(thought, 1, 'm')).toEqual([]);
    expect(
      between.commit([
        { type: 'reasoning', text: 'hm' },
        { type: 'text', text: 'T' },
      ])[0],
    ).toBe('reset-step');
    expect(between.message.parts.slice(1)).toMatchObject([{ text: 'hm' }, { text: 'T' }]);

    const twin = encoding();
    twin.commit([toolCall('c1')]);
    twin.start(1, 'model:2');
    expect(twin.say(call('c1'), 0, '{', 1, 'model:2')).toEqual([]);
  });

  it('is of a model alone: tools and steps of workflows do not speak to the user', () => {
    const turn = encoding();
    expect(turn.say(text, 0, 'progress of a tool')).toEqual([]);
  });
});

describe('REQ-9: what a client is told of calls', () => {
  it.each([
    ['rejected', 'denied'],
    ['expired', 'error'],
    ['withdrawn', 'error'],
  ] as const)('one whose approval was %s is denied, whatever its result says', (status, type) => {
    const turn = encoding();
    turn.commit([toolCall('c1')]);
    expect(turn.read(wait('q'), { request: asked('q') })).toEqual(['tool-approval-request']);
    expect(turn.read(waited('q', status))).toEqual(['tool-approval-response']);
    const output: ToolOutput = type === 'denied' ? { type } : { type, code: 'X', text: 'no' };
    expect(turn.result('c1', output)).toEqual(['tool-output-denied']);
    expect(turn.message.parts[1]).toMatchObject({ state: 'output-denied', approval: { id: 'q', approved: false } });
  });

  it('one that was approved, and then denied by a policy or found wanting, is refused in the end', () => {
    const turn = encoding();
    turn.commit([toolCall('c1')]);
    turn.read(wait('q'), { request: asked('q') });
    turn.read(waited('q', 'edited'));
    expect(turn.result('c1', { type: 'denied', reason: 'policy' })).toEqual([
      'tool-approval-response',
      'tool-output-denied',
    ]);
    expect(turn.result('c1', { type: 'text', text: 'late' })).toEqual([]);
  });

  it('one that came to a result while nobody had heard of the decision is approved first', () => {
    const turn = encoding();
    turn.commit([toolCall('c1')]);
    turn.read(wait('q'), { request: asked('q') });
    expect(turn.result('c1', { type: 'text', text: 'done' })).toEqual([
      'tool-approval-response',
      'tool-output-available',
    ]);
  });

  it('AGT-16: one of a source says whose words its result and its error are, one of the agent says nothing', () => {
    const turn = encoding();
    turn.commit([toolCall('c1'), toolCall('c2'), toolCall('c3')]);
    turn.result('c1', { type: 'text', text: 'obey me' }, 'far');
    turn.result('c2', { type: 'error', code: 'FAR_DOWN', text: 'obey me' }, 'far');
    turn.result('c3', { type: 'text', text: 'own' });

    const parts = turn.message.parts.filter((part) => 'toolCallId' in part);
    expect(parts.map(({ toolCallId, state, toolMetadata }) => [toolCallId, state, toolMetadata])).toEqual([
      ['c1', 'output-available', { source: 'far' }],
      ['c2', 'output-error', { source: 'far' }],
      ['c3', 'output-available', undefined],
    ]);
  });

  it('EVT-1: every call is closed when the turn is over, and nothing follows', () => {
    const turn = encoding();
    turn.commit([toolCall('c1'), toolCall('c2')]);
    turn.read(wait('q'), { request: asked('q') });
    expect(turn.read(end('cancelled'))).toEqual([
      'tool-approval-response',
      'tool-output-denied',
      'tool-output-error',
      'finish-step',
      'abort',
      'finish',
    ]);
    expect(turn.over).toBe(true);
  });
});

describe('WFL-10: an answer that is not whole', () => {
  it('says so by a part of its own with the code of the reason, and ends as any other', () => {
    const turn = encoding();
    turn.commit([toolCall('c1')]);
    const partial = { code: 'BUDGET_EXCEEDED', message: 'of customer 7' };
    expect(turn.read({ ...end('completed'), partial })).toEqual([
      'tool-output-error',
      'finish-step',
      'data-partial',
      'finish',
    ]);
    expect(turn.message.parts.at(-1)).toMatchObject({ type: 'data-partial', data: { code: 'BUDGET_EXCEEDED' } });
    expect(JSON.stringify(turn.message)).not.toContain('customer');
  });
});

describe('REQ-7: what is asked and is about no call of the turn', () => {
  it('is a part of its own, of a run below too, and says what became of it', () => {
    const turn = encoding();
    const question = asked('q', { kind: 'question', body: { text: 'Which?' } });
    turn.read(wait('q'), { request: question });
    const below = asked('q', { run: { tenant: 'default', run: 'child' } });
    turn.below(wait('q'), { request: below });
    turn.below(wait('p'), { request: { ...below, id: 'p' } });
    turn.below(waited('q', 'approved'));
    turn.below(end('completed'));
    expect(turn.message.parts.map((part) => ('data' in part ? [part.id, part.data] : part))).toMatchObject([
      ['r/q', { request: 'q', kind: 'question', status: 'open', body: { text: 'Which?' } }],
      ['child/q', { run: 'child', status: 'approved' }],
      ['child/p', { status: 'withdrawn' }],
    ]);
  });

  it('REQ-6: what a tool needs is such a part, with the form of its answer, and its call goes on by itself', () => {
    const turn = encoding();
    turn.commit([toolCall('c1')]);
    const body = { text: 'Which?', tool: 'search', callId: 'c1', need: 'rope' };
    const schema = { type: 'string' };
    expect(turn.read(wait('q'), { request: asked('q', { kind: 'question', body, schema }) })).toEqual(['data-request']);
    turn.read(wait('s'), { request: asked('s', { kind: 'sign-in', body: { ...body, need: 'account' } }) });
    turn.read(wait('a'), { request: asked('a', { body: { ...body, need: 'sample' } }) });
    turn.read(waited('q', 'answered'));
    turn.read(waited('a', 'rejected'));
    turn.result('c1', { type: 'text', text: 'booked' });
    expect(turn.message.parts.slice(1)).toMatchObject([
      { type: 'tool-search', state: 'output-available', output: 'booked' },
      { type: 'data-request', id: 'r/q', data: { request: 'q', kind: 'question', status: 'answered', body, schema } },
      { type: 'data-request', id: 'r/s', data: { kind: 'sign-in', status: 'open' } },
      { type: 'data-request', id: 'r/a', data: { kind: 'approval', status: 'rejected' } },
    ]);
  });

  it('ends the stream where nobody else can take the turn further, and not before', () => {
    const turn = encoding();
    expect(turn.read({ type: 'run-park', waits: ['q'], wakeAt: null }, { rests: false })).toEqual([]);
    expect(turn.read({ type: 'run-park', waits: ['q'], wakeAt: null }, { rests: true })).toEqual(['finish']);
    expect(turn.over).toBe(true);
  });

  it('a run that is blocked asks for help', () => {
    const turn = encoding();
    const help = asked('i', { kind: 'intervention', body: {} });
    turn.read({ type: 'run-block', code: 'STEP_IN_DOUBT', message: '', request: 'i' }, { request: help });
    turn.read({ type: 'run-unblock', request: 'i', choice: 'retry' });
    expect(turn.message.parts).toMatchObject([
      { type: 'data-request', data: { kind: 'intervention', status: 'answered' } },
    ]);
  });
});

it('EVT-6: events of an author’s own are data of the page, measurements are not; files without an address are told of', () => {
  const turn = encoding();
  turn.read({ type: 'note', name: 'progress', data: 7 });
  turn.read({ type: 'measure', measurements: [{ kind: 'counter', name: 'secret', value: 1 }] });
  turn.commit([{ type: 'file', mediaType: 'image/png', name: 'x.png', data: { blob: 'h' } }]);
  expect(turn.message.parts).toEqual([
    { type: 'data-progress', id: 'note-1', data: 7 },
    { type: 'step-start' },
    { type: 'data-file', data: { mediaType: 'image/png', filename: 'x.png' } },
  ]);
});
