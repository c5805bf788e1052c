import type { Entry, Ledger, Message, MessagePart, RunSummary, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { expect, it } from 'vitest';
import { fakeClock, inspectStore, type EffectLine } from '../../src/index.ts';

const KEY = { tenant: 'default', run: 'r' };
const QUERY = {
  worker: 'w',
  leaseMs: 30_000,
  limit: 1,
  suspects: { room: 1, alone: 4 },
  definitions: [{ name: 'work', versions: ['1'] }],
};
const RESERVED = { calls: 1, tokens: 10, costMicros: 5 };
const TOLD = { usage: { inputTokens: 4, outputTokens: 3 }, costMicros: 2 };

/** A run that has ended as it should, with a step that asked a model, and what the world saw of it. */
async function soundRun(): Promise<{ readonly store: Store; readonly lines: readonly EffectLine[] }> {
  const store = memoryStore({ clock: fakeClock() });
  await store.start({
    key: KEY,
    kind: 'function',
    definition: 'work',
    version: '1',
    input: null,
    inputHash: 'sha256:none',
    context: null,
    priority: 0,
    session: { id: 's', whenBusy: 'refuse' },
    messages: [message('ask', 'user')],
    root: 'r',
    depth: 0,
    budget: { calls: 10, tokens: 100 },
  });
  await store.signal({ run: KEY, kind: 'user', key: 'go', body: null });
  await store.claim(QUERY);
  const step = { key: 'pay', kind: 'model', fingerprint: '', attempt: 1 } as const;
  const lease = { run: KEY, epoch: 1, progress: false };
  await store.commit({
    ...lease,
    entries: [
      { type: 'run-claim', worker: 'w', epoch: 1, attempt: 1, definitionHash: '' },
      { type: 'step-intent', ...step, effect: 'once', reserved: RESERVED },
    ],
    ledger: { reserve: RESERVED },
  });
  await store.commit({
    ...lease,
    entries: [
      { type: 'step-end', ...step, ...TOLD, outcome: { ok: true }, durationMs: 0, messages: { from: 2, count: 1 } },
    ],
    messages: { from: 2, items: [message('answer', 'assistant')] },
    ledger: { release: RESERVED, use: { calls: 1, tokens: 7, costMicros: 2 } },
  });
  await store.commit({
    ...lease,
    entries: [{ type: 'run-end', status: 'completed' }],
    seen: 1,
    transition: { type: 'end', status: 'completed' },
  });
  const lines: readonly EffectLine[] = [
    { type: 'effect', run: KEY, step: 'pay', effect: 'once', idempotencyKey: 'k' },
    { type: 'acknowledged', run: KEY, key: 'pay', seq: 4, epoch: 1 },
  ];
  return { store, lines };
}

const message = (id: string, role: 'user' | 'assistant') =>
  ({ v: 1, id, role, kind: role, content: [{ type: 'text', text: id }] }) as const;

it('TST-3: of a run that ended as it should nothing is said', async () => {
  const { store, lines } = await soundRun();

  expect(await inspectStore(store, { lines })).toEqual({
    runs: 1,
    completed: 1,
    steps: 1,
    uniqueSteps: 1,
    duplicateCommits: 0,
    lostSteps: 0,
    effects: 1,
    effectsByKey: 1,
    inDoubt: 0,
    terminalsPerRunMax: 1,
    orphanLeases: 0,
    violations: [],
  });
});

type Broken = (sound: { readonly store: Store; readonly lines: readonly EffectLine[] }) => {
  readonly store?: Store;
  readonly lines?: readonly EffectLine[];
};

const journal =
  (change: (entries: readonly Entry[]) => readonly Entry[]): Broken =>
  ({ store }) => ({ store: { ...store, entries: async (run, page) => change(await store.entries(run, page)) } });

const runs =
  (change: (run: RunSummary) => Partial<RunSummary>): Broken =>
  ({ store }) => ({
    store: {
      ...store,
      async listRuns(query) {
        const page = await store.listRuns(query);
        return { ...page, items: page.items.map((run) => ({ ...run, ...change(run) })) };
      },
    },
  });

const world =
  (change: (lines: readonly EffectLine[]) => readonly EffectLine[]): Broken =>
  ({ lines }) => ({ lines: change(lines) });

const last = (entries: readonly Entry[]): Entry => entries.at(-1) as Entry;

const broken: Readonly<Record<string, Broken>> = {
  'journal-gap': journal((entries) => entries.map((entry) => ({ ...entry, seq: entry.seq * 2 }))),
  'outcome-twice': journal((entries) => [...entries, { ...(entries[3] as Entry), seq: 6 }]),
  terminal: journal((entries) => [...entries, { ...last(entries), seq: 6 }]),
  'blob-missing': journal((entries) =>
    entries.map((entry) =>
      entry.type === 'step-end'
        ? { ...entry, outcome: { ok: true, blob: { hash: `sha256:${'0'.repeat(64)}`, size: 1 } } }
        : entry,
    ),
  ),
  'signal-twice': ({ store }) => ({
    store: {
      ...store,
      async inbox(run, page) {
        const signals = await store.inbox(run, page);
        return [...signals, ...signals];
      },
    },
  }),
  'child-outlives-parent': runs(() => ({ parent: { run: 'r', key: 'c' } })),
  'acknowledged-lost': world((lines) => [...lines, { type: 'acknowledged', run: KEY, key: 'other', seq: 9, epoch: 1 }]),
  fence: world((lines) => lines.map((line) => (line.type === 'acknowledged' ? { ...line, epoch: 7 } : line))),
  'effect-missing': world((lines) => lines.filter(({ type }) => type !== 'effect')),
  'key-changed': world((lines) => [
    ...lines,
    { type: 'effect', run: KEY, step: 'pay', effect: 'keyed', idempotencyKey: 'another' },
  ]),
  'once-repeated': world((lines) => [...lines, ...lines]),
  'not-ended': runs(() => ({ status: 'waiting' })),
  'lease-left': runs(() => ({ status: 'running' })),
  'request-left': ({ store }) => ({
    store: {
      ...store,
      listRequests: async () => ({
        items: [
          {
            id: 'q',
            kind: 'question',
            stepKey: 'q',
            body: null,
            expiresAt: null,
            run: KEY,
            root: 'r',
            definition: 'work',
            status: 'open',
            openedAt: 0,
            claimed: false,
          },
        ],
      }),
    },
  }),
  'budget-unsettled': ({ store }) => ({
    store: {
      ...store,
      async ledger(root) {
        const ledger = await store.ledger(root);
        return ledger && { ...ledger, reserved: { ...ledger.reserved, tokens: 3 } };
      },
    },
  }),
  'thread-broken': ({ store }) => ({
    store: { ...store, messages: async (thread, page) => (await store.messages(thread, page)).slice(0, 1) },
  }),
  'session-held': ({ store }) => ({
    store: {
      ...store,
      async session(key) {
        const session = await store.session(key);
        return session && { ...session, activeRun: 'r' };
      },
    },
  }),
};

const ledgers: { readonly [what: string]: (ledger: Ledger) => Ledger } = {
  'holds tokens': (ledger) => ({ ...ledger, reserved: { ...ledger.reserved, tokens: 3 } }),
  'holds cost': (ledger) => ({ ...ledger, reserved: { ...ledger.reserved, costMicros: 3 } }),
  'has a call too few': (ledger) => ({ ...ledger, used: { ...ledger.used, calls: 0 } }),
  'has a call too many': (ledger) => ({ ...ledger, used: { ...ledger.used, calls: 2 } }),
  'has fewer tokens than were told': (ledger) => ({ ...ledger, used: { ...ledger.used, tokens: 6 } }),
  'has more tokens than were granted': (ledger) => ({ ...ledger, used: { ...ledger.used, tokens: 58 } }),
  'has less cost than was told': (ledger) => ({ ...ledger, used: { ...ledger.used, costMicros: 0 } }),
  'has a run that is not there': (ledger) => ({ ...ledger, used: { ...ledger.used, runs: 1 } }),
};

it.each(Object.entries(ledgers))('TST-2, TST-3: a ledger that %s is found', async (_, distort) => {
  const { store } = await soundRun();
  const distorted: Store = {
    ...store,
    async ledger(run) {
      const ledger = await store.ledger(run);
      return ledger && distort(ledger);
    },
  };

  const { violations } = await inspectStore(distorted);

  expect(violations.map((violation) => violation.rule)).toEqual(['budget-unsettled']);
});

it.each(Object.entries(broken))('TST-2, TST-3: the rule %s finds what it is for', async (rule, distort) => {
  const sound = await soundRun();

  const { violations } = await inspectStore(distort(sound).store ?? sound.store, {
    lines: distort(sound).lines ?? sound.lines,
  });

  expect(violations.map((violation) => violation.rule)).toContain(rule);
  expect(violations[0]?.run).toMatch(/^[rs]$/);
});

it.each([
  [['c2', 'c1'], []],
  [['c2'], ['thread-broken']],
  [['c2', 'c1', 'c1'], ['thread-broken']],
])('TST-3: results of calls at once stand as they came: %j', async (results, expected) => {
  const { store, lines } = await soundRun();
  const call = (callId: string): MessagePart => ({ type: 'tool-call', callId, tool: 't', input: null });
  const thread: readonly Message[] = [
    message('ask', 'user'),
    { ...message('answer', 'assistant'), content: [call('c1'), call('c2')] },
    ...results.map((callId, n): Message => {
      const output = { type: 'text', text: callId } as const;
      return {
        v: 1,
        id: `${callId}-${n}`,
        role: 'tool',
        kind: 'tool',
        content: [{ type: 'tool-result', callId, tool: 't', output }],
      };
    }),
  ];
  const messages: Store['messages'] = async (key, page) => {
    const [first] = await store.messages(key, page);
    return first === undefined ? [] : thread.map((one, at) => ({ ...first, n: at + 1, message: one }));
  };

  const { violations } = await inspectStore({ ...store, messages }, { lines });

  expect(violations.map(({ rule }) => rule)).toEqual(expected);
});
