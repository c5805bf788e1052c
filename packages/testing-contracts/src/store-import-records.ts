import type { Entry, RunImport, RunKey, SessionImport, SessionKey, StoredMessage } from '@prusik/core';
import { message } from './store-scenario.ts';

/** The tenant of what is imported. */
export const AWAY = 'archive';
export const DIGEST: string = `sha256:${'1'.repeat(64)}`;
export const OTHER_DIGEST: string = `sha256:${'2'.repeat(64)}`;
export const session = (tenant: string, id = 'talk'): SessionKey => ({ tenant, session: id });
export const at = (run: string, tenant: string = AWAY): RunKey => ({ tenant, run });

export const stored = (n: number, id = `m${n}`): StoredMessage => ({ n, message: message(id) });

/** A closed session whose conversation begins after a floor, with a cut in it. */
export function sessionRecord(tenant: string, more: Partial<SessionImport> = {}): SessionImport {
  return {
    session: {
      key: session(tenant),
      createdAt: 1_000,
      floor: 2,
      cuts: [{ from: 4, to: 4 }],
      forkedFrom: { session: 'before', n: 7 },
    },
    messages: [stored(3), stored(4), stored(5)],
    slots: [{ name: 'basket', value: 1 }],
    grants: [
      {
        tool: 'climb',
        toolHash: 'h',
        part: {},
        exact: false,
        expiresAt: null,
        given: { run: 'gone', request: 'ask', at: 1_500, by: 'ann' },
        revoked: { at: 1_600 },
      },
    ],
    notes: [{ run: 'gone', definition: 'order', kind: 'goal', key: 'plan', data: 'climb', at: 1_400 }],
    blobs: [],
    imported: { digest: DIGEST },
    latest: 2_000,
    ...more,
  };
}

export const entry = (seq: number, time: number, body: object): Entry => ({ seq, at: time, ...body }) as Entry;

/** A run as small as one can be. */
export function smallRun(id: string, more: Partial<RunImport['run']> = {}, record: Partial<RunImport> = {}): RunImport {
  return {
    run: {
      key: at(id),
      kind: 'workflow',
      definition: 'order',
      version: '1',
      status: 'completed',
      input: null,
      inputHash: '',
      context: null,
      root: id,
      depth: 0,
      priority: 0,
      attended: true,
      createdAt: 1_000,
      endedAt: 1_100,
      epoch: 1,
      seq: 2,
      inbox: 0,
      cancelRequested: false,
      wakeAt: null,
      ...more,
    },
    entries: [
      entry(1, 1_000, { type: 'run-start', definition: 'order', version: '1' }),
      entry(2, 1_100, { type: 'run-end', status: 'completed' }),
    ],
    signals: [],
    messages: [],
    requests: [],
    grants: [],
    notes: [],
    slots: [],
    blobs: [],
    imported: { digest: DIGEST },
    latest: 2_000,
    ...record,
  };
}
