import type { Entry, EntryBody, StepEnd, WaitEnd, WaitStart } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { flowOf, readFlow, type FlowNode, type Journal } from '../src/index.ts';
import { orderOf } from '../src/order.ts';
import { boxesOf } from '../src/drawing.ts';
import { randomJournals } from './random-journals.ts';
import { climb, CONTENT, SECRET, tree, waits } from './some-records.ts';

const START: EntryBody = { type: 'run-start', definition: 'order', version: '2' };
const end = (status: 'completed' | 'failed' = 'completed'): EntryBody => ({ type: 'run-end', status });

/** A journal of entries at their times. */
type Timed = readonly [at: number, body: EntryBody];

const journal = (...timed: readonly Timed[]): Journal => ({
  id: 'r',
  entries: timed.map(([at, body], index): Entry => ({ ...body, seq: index + 1, at })),
});

const step = (key: string, durationMs: number, more: Partial<StepEnd> = {}): EntryBody => ({
  type: 'step-end',
  key,
  fingerprint: '',
  kind: 'step',
  attempt: 1,
  outcome: { ok: true },
  durationMs,
  ...more,
});

const nodesOf = (...timed: readonly Timed[]): readonly FlowNode[] => flowOf([journal(...timed)]).runs[0]?.nodes ?? [];

describe('a flow', () => {
  it('REC-2: says of a run what it was, how it ended, and what it cost', () => {
    const flow = flowOf([
      journal(
        [10, START],
        [10, { type: 'run-claim', worker: 'w', epoch: 1, attempt: 1, definitionHash: '' }],
        [
          50,
          step('model:1', 30, {
            kind: 'model',
            name: 'openai/gpt',
            usage: { inputTokens: 3, outputTokens: 4 },
            costMicros: 5,
          }),
        ],
        [
          60,
          step('compact:1', 5, {
            kind: 'model',
            name: 'openai/gpt',
            usage: { inputTokens: 1, outputTokens: 1 },
            costMicros: 2,
          }),
        ],
        [
          70,
          { type: 'run-end', status: 'completed', output: 'content', partial: { code: 'TOKENS', message: 'content' } },
        ],
      ),
    ]);

    expect(flow).toMatchObject({ v: 1, root: 'r' });
    expect(flow.runs).toEqual([
      {
        id: 'r',
        definition: 'order',
        version: '2',
        status: 'completed',
        startedAt: 10,
        at: 70,
        partial: 'TOKENS',
        drives: 1,
        usage: { inputTokens: 4, outputTokens: 5 },
        costMicros: 7,
        nodes: [
          { type: 'mark', what: 'claim', at: 10, epoch: 1 },
          expect.objectContaining({
            key: 'model:1',
            name: 'openai/gpt',
            startedAt: 20,
            endedAt: 50,
            state: 'completed',
          }),
          expect.objectContaining({ key: 'compact:1', compacts: true }),
        ],
      },
    ]);
  });

  it('REC-2: knows doubt, pauses, denials, steering and who settled it', () => {
    const keyed = { key: 'pay', fingerprint: '', kind: 'tool', name: 'pay' } as const;
    const nodes = nodesOf(
      [0, START],
      [1, { type: 'step-intent', ...keyed, effect: 'once', attempt: 1 }],
      [5, { type: 'run-claim', worker: 'w', epoch: 2, attempt: 2, definitionHash: '' }],
      [6, { type: 'run-block', code: 'STEP_IN_DOUBT', message: 'content', key: 'pay', request: 'q' }],
      [9, { type: 'run-unblock', request: 'q', choice: 'happened', key: 'pay' }],
      [9, step('pay', 0, { ...keyed, settledBy: 'intervention' })],
      [
        10,
        {
          type: 'step-pause',
          key: 'ask',
          fingerprint: '',
          kind: 'model',
          attempt: 1,
          until: 20,
          error: { code: 'MODEL_BUSY', message: 'content' },
          failures: 1,
          capacityMs: 10,
        },
      ],
      [
        30,
        step('ask', 5, {
          kind: 'model',
          attempt: 2,
          absorbed: ['later'],
          denied: [{ callId: 'c', tool: 'rm', by: 'person', request: 'q2' }],
        }),
      ],
      [31, { type: 'step-intent', ...keyed, key: 'again', effect: 'once', attempt: 1 }],
      [32, end('failed')],
    );

    expect(nodes.map((node) => (node.type === 'mark' ? node.what : `${node.key} ${node.state}`))).toEqual([
      'pay completed',
      'takeover',
      'block',
      'unblock',
      'ask completed',
      'again lost',
    ]);
    expect(nodes).toMatchObject([
      { startedAt: 1, endedAt: 9, settledBy: 'intervention' },
      {},
      { name: 'STEP_IN_DOUBT', key: 'pay', request: { id: 'q' } },
      { name: 'happened' },
      {
        startedAt: 10,
        attempts: 2,
        pauses: [{ at: 10, until: 20, code: 'MODEL_BUSY' }],
        absorbed: ['later'],
        denied: [{ tool: 'rm', by: 'person' }],
      },
      {},
    ]);
  });

  it('REC-2: tells the winner of a race from the loser, and a deadline from a cancel', () => {
    const wait = (key: string, kind: 'signal' | 'timer' | 'request', more: Partial<WaitStart> = {}): EntryBody => ({
      type: 'wait-start',
      key,
      fingerprint: '',
      kind,
      ...more,
    });
    const ended = (key: string, kind: 'signal' | 'timer', more: Partial<WaitEnd> = {}): EntryBody => ({
      type: 'wait-end',
      key,
      fingerprint: '',
      kind,
      outcome: { ok: true },
      ...more,
    });
    const nodes = nodesOf(
      [0, START],
      [1, wait('word', 'signal')],
      [1, wait('rest', 'timer', { until: 5 })],
      [2, wait('late', 'signal', { until: 4 })],
      [4, ended('late', 'signal', { timedOut: true })],
      [5, ended('rest', 'timer')],
      [6, { type: 'run-cancel', reason: 'content' }],
      [6, { type: 'run-deadline' }],
      [7, end()],
    );

    expect(nodes.map((node) => (node.type === 'mark' ? node.what : `${node.key} ${node.state}`))).toEqual([
      'word lost',
      'rest came',
      'late timed-out',
      'cancel',
      'deadline',
    ]);
  });

  it('REC-2: what overlaps ran at once, and nothing is said to follow from what was not over', () => {
    const [run] = flowOf([
      journal(
        [0, START],
        [100, step('a', 100)],
        [200, step('b', 100)],
        [210, step('c', 105)],
        [300, step('d', 30)],
        [310, end()],
      ),
    ]).runs;
    const boxes = run === undefined ? [] : boxesOf(run, 'none');
    const { groups, edges } = orderOf(boxes);

    expect(groups.map((group) => group.map((place) => boxes[place]?.text))).toEqual([
      ['step a'],
      ['step b', 'step c'],
      ['step d'],
    ]);
    expect(edges).toEqual([]);
    const [chain] = flowOf([
      journal([0, START], [50, step('x', 50)], [90, step('y', 30)], [100, step('long', 95)], [110, end()]),
    ]).runs;
    const within = orderOf(chain === undefined ? [] : boxesOf(chain, 'none'));
    expect(within.groups).toEqual([[0, 1, 2]]);
    expect(within.edges).toEqual([[0, 2]]);
  });

  it('REC-2: holds nothing that somebody said, made or gave', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const { journals, requests } = randomJournals(seed);
      expect(JSON.stringify(flowOf(journals, { requests })), `seed ${seed}`).not.toContain('content');
    }
    const store = memoryStore();
    const text = JSON.stringify(await readFlow(store, await climb(store, 'r')));
    for (const content of [CONTENT, SECRET]) expect(text).not.toContain(content);
  });

  it('REC-2: is bounded, and says what there was no room for', () => {
    const { journals } = randomJournals(3, { runs: 30, steps: 40 });
    const whole = flowOf(journals);
    const all = whole.runs.reduce((sum, { nodes }) => sum + nodes.length, 0);
    const flow = flowOf(journals, { maxNodes: 10, maxRuns: 3 });

    expect(journals.length).toBeGreaterThan(3);
    expect(whole.omitted).toBeUndefined();
    expect(flow.runs).toHaveLength(3);
    expect(flow.runs.reduce((sum, { nodes }) => sum + nodes.length, 0)).toBe(10);
    const kept = whole.runs.slice(0, 3).reduce((sum, { nodes }) => sum + nodes.length, 0);
    expect(flow.omitted).toEqual({ runs: journals.length - 3, nodes: kept - 10 });
    expect(all).toBeGreaterThan(kept);
    for (const options of [{ maxNodes: 0 }, { maxRuns: Number.NaN }])
      expect(() => flowOf(journals, options)).toThrow(TypeError);
    expect(() => flowOf([])).toThrow(TypeError);
  });
});

describe('the flow of a stored run', () => {
  it('REC-2: has its whole tree, with who decided', async () => {
    const store = memoryStore();
    const flow = await readFlow(store, await climb(store, 'r'));

    expect(flow.runs.map(({ definition, status, error }) => [definition, status, error])).toEqual([
      ['climber', 'completed', undefined],
      ['helper', 'failed', 'RUN_FAILED'],
    ]);
    expect(flow.runs[1]?.parent).toEqual({ run: 'r', key: 'help' });
    expect(flow.runs[0]?.nodes).toContainEqual(
      expect.objectContaining({
        key: 'leave',
        state: 'came',
        request: expect.objectContaining({ kind: 'question', status: 'answered', by: 'ann' }),
      }),
    );
  });

  it('REC-2: of one that goes on is what is known, and of none is a code', async () => {
    const store = memoryStore();
    const flow = await readFlow(store, await waits(store, 'r'));

    expect(flow.runs[0]).toMatchObject({ status: 'waiting' });
    await expect(readFlow(store, tree('nobody'))).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    await climb(store, 'done');
    await store.compact({ tenant: 'home', run: 'done' });
    await expect(readFlow(store, tree('done'))).rejects.toMatchObject({ code: 'RUN_COMPACTED' });
  });
});
