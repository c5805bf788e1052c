import assert from 'node:assert/strict';
import {
  ARTIFACT_NOTE,
  type Entry,
  type Message,
  type RequestRecord,
  type RunImport,
  type SessionImport,
} from '@prusik/core';
import { at, AWAY, entry, session, sessionRecord, smallRun, stored } from './store-import-records.ts';
import { imported } from './store-import-scenario.ts';
import { newRequest } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const signal = { n: 1, kind: 'user', key: 'k', body: null, at: 1_050 } as const;
const request: RequestRecord = {
  ...newRequest('ask'),
  status: 'answered',
  openedAt: 1_010,
  claimed: false,
  decision: { status: 'answered', value: 1, at: 1_020 },
};

const ends = smallRun('r').entries;

/** Records that no store could have written. */
const WRONG: readonly (readonly [what: string, RunImport])[] = [
  [
    'a gap in the journal',
    smallRun('r', {}, { entries: [ends[0] as Entry, entry(3, 1_100, { type: 'run-end', status: 'completed' })] }),
  ],
  [
    'two ends',
    smallRun('r', { seq: 3 }, { entries: [...ends, entry(3, 1_100, { type: 'run-end', status: 'completed' })] }),
  ],
  [
    'no end',
    smallRun('r', {}, { entries: [ends[0] as Entry, entry(2, 1_100, { type: 'note', name: 'n', data: null })] }),
  ],
  ['an end of another kind', smallRun('r', { status: 'failed' })],
  ['a journal that is shorter than its run says', smallRun('r', { seq: 3 })],
  [
    'a type that nobody knows',
    smallRun(
      'r',
      { seq: 3 },
      { entries: [ends[0] as Entry, entry(2, 1_050, { type: 'boom' }), { ...(ends[1] as Entry), seq: 3 }] },
    ),
  ],
  [
    'a step without an outcome',
    smallRun(
      'r',
      { seq: 3 },
      {
        entries: [
          ends[0] as Entry,
          entry(2, 1_050, { type: 'step-end', key: 'k', fingerprint: '', kind: 'step', attempt: 1, durationMs: 1 }),
          { ...(ends[1] as Entry), seq: 3 },
        ],
      },
    ),
  ],
  [
    'tokens that are no number',
    smallRun(
      'r',
      { seq: 3 },
      {
        entries: [
          ends[0] as Entry,
          entry(2, 1_050, {
            type: 'step-end',
            key: 'k',
            fingerprint: '',
            kind: 'model',
            attempt: 1,
            durationMs: 1,
            outcome: { ok: true },
            usage: { cacheWriteInputTokens: 'many' },
          }),
          { ...(ends[1] as Entry), seq: 3 },
        ],
      },
    ),
  ],
  ['time that goes back', smallRun('r', { createdAt: 1_200, endedAt: 1_200 })],
  ['a time that is later than said', smallRun('r', {}, { latest: 1_050 })],
  ['an id that is none', smallRun('')],
  ['a root that is another', smallRun('r', { root: 'other' })],
  ['a timer', smallRun('r', { wakeAt: 5 })],
  ['a huge number', smallRun('r', { epoch: 2 ** 60 })],
  ['an input that is missing', smallRun('r', { input: undefined as unknown as null })],
  ['an inbox with a gap', smallRun('r', { inbox: 1 }, { signals: [{ ...signal, n: 2 }] })],
  ['a signal twice', smallRun('r', { inbox: 2 }, { signals: [signal, { ...signal, n: 2 }] })],
  ['a request that is open', smallRun('r', {}, { requests: [{ ...request, status: 'open' }] })],
  ['a request twice', smallRun('r', {}, { requests: [request, request] })],
  ['a decision that is another', smallRun('r', {}, { requests: [{ ...request, status: 'rejected' }] })],
  ['messages with a gap', smallRun('r', {}, { messages: [stored(1), stored(3)] })],
  ['what is no message', smallRun('r', {}, { messages: [{ n: 1, message: { v: 2 } as unknown as Message }] })],
  [
    'a slot twice',
    smallRun(
      'r',
      {},
      {
        slots: [
          { name: 'a', value: 1 },
          { name: 'a', value: 1 },
        ],
      },
    ),
  ],
  ['a note without a kind', smallRun('r', {}, { notes: [{ kind: '', key: 'k', data: 1, at: 1_050 }] })],
  [
    'a ledger below nothing',
    smallRun(
      'r',
      {},
      {
        ledger: {
          limits: {},
          used: { calls: -1, tokens: 0, costMicros: 0, runs: 0 },
          reserved: { calls: 0, tokens: 0, costMicros: 0, runs: 0 },
        },
      },
    ),
  ],
  ['a hash that is none', smallRun('r', {}, { blobs: ['rope'] })],
  ['a parent that is not there', smallRun('r', { root: 'p', parent: { run: 'p', key: 'k' }, depth: 1 })],
  ['a session that is not there', smallRun('r', { session: 'talk' })],
  ['no digest', smallRun('r', {}, { imported: { digest: '' } })],
  ['what is no list', smallRun('r', {}, { notes: {} as unknown as [] })],
];

export const STORE_IMPORT_REFUSAL_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-1: what no ended run is, is refused with IMPORT_INVALID, and nothing is written',
    async run({ store, clock }) {
      clock.advance(10_000);
      for (const [what, record] of WRONG)
        await assert.rejects(store.importRun(record), { code: 'IMPORT_INVALID' }, what);
      await assert.rejects(
        store.importRun(smallRun('r', {}, { entries: [ends[0] as Entry, ends[0] as Entry] })),
        (error: { readonly meta?: unknown }) => {
          assert.deepEqual(error.meta, { part: 'entries', index: 1 });
          return true;
        },
      );
      assert.deepEqual((await store.listRuns({ tenant: AWAY, limit: 10 })).items, []);
      await imported(store, smallRun('r'));
    },
  },
  {
    title: 'REC-1: a run that has not ended is refused with RUN_LIVE',
    async run({ store }) {
      for (const status of ['queued', 'running', 'waiting', 'blocked'] as const)
        await assert.rejects(store.importRun(smallRun('r', { status })), { code: 'RUN_LIVE' });
      assert.equal(await store.run(at('r')), undefined);
    },
  },
  {
    title: 'REC-1: a record larger than one write is refused with IMPORT_TOO_LARGE, and nothing is written',
    async run({ store }) {
      await assert.rejects(store.importRun(smallRun('r', { input: 'x'.repeat(17 * 1_048_576) })), {
        code: 'IMPORT_TOO_LARGE',
      });
      assert.equal(await store.run(at('r')), undefined);
    },
  },
  {
    title: 'REC-1: what no closed session is, is refused with IMPORT_INVALID, and nothing is written',
    async run({ store, clock }) {
      clock.advance(10_000);
      const sound = sessionRecord(AWAY);
      const wrong: readonly (readonly [string, SessionImport])[] = [
        ['messages that do not begin after the floor', sessionRecord(AWAY, { messages: [stored(4)] })],
        [
          'cuts that touch',
          {
            ...sound,
            session: {
              ...sound.session,
              cuts: [
                { from: 3, to: 3 },
                { from: 4, to: 4 },
              ],
            },
          },
        ],
        ['a cut past the end', { ...sound, session: { ...sound.session, cuts: [{ from: 5, to: 6 }] } }],
        ['a time that is later than said', sessionRecord(AWAY, { latest: 900 })],
        ['a grant without a tool', sessionRecord(AWAY, { grants: [{ ...sound.grants[0], tool: 1 } as never] })],
        [
          'an artifact that is not of a run',
          sessionRecord(AWAY, { notes: [{ ...sound.notes[0], kind: ARTIFACT_NOTE } as never] }),
        ],
        ['a floor below nothing', { ...sound, session: { ...sound.session, floor: -1 } }],
      ];
      for (const [what, record] of wrong)
        await assert.rejects(store.importSession(record), { code: 'IMPORT_INVALID' }, what);
      assert.equal(await store.session(session(AWAY)), undefined);
    },
  },
];
