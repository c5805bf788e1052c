import { PrusikError, type Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import { fakeClock } from '@prusik/testing-contracts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { planRetention, prune, type RetentionPolicy } from '../src/index.ts';
import { claimRun, ended, endHeld, endRun, newRun, runKey } from './ended-runs.ts';

async function planned(store: Store, policy: RetentionPolicy, options: Parameters<typeof planRetention>[2]) {
  const pages = [];
  for await (const page of planRetention(store, policy, options)) pages.push(page);
  return pages.map(({ of, rule, session, trees }) => [
    session ?? of,
    rule,
    trees.map(({ root, because }) => `${root.run} ${because}`),
  ]);
}

const left = async (store: Store, tenant = 'acme'): Promise<readonly string[]> =>
  (await store.listRuns({ tenant, limit: 100 })).items.map((run) => run.key.run).toSorted();

const stores = {
  memory: (clock: ReturnType<typeof fakeClock>) => memoryStore({ clock }),
  sqlite(clock: ReturnType<typeof fakeClock>) {
    const folder = mkdtempSync(join(tmpdir(), 'prusik-retention-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return sqliteStore({ path: join(folder, 'store.db'), clock });
  },
};

describe.each(Object.entries(stores))('a retention policy (%s)', (_, create) => {
  function place() {
    const clock = fakeClock();
    const store = create(clock);
    onTestFinished(async () => store[Symbol.asyncDispose]());
    return { clock, store, options: { clock } };
  }

  it('REC-4: what a decision on record names stays with it when its run is compacted', async () => {
    const { clock, store, options } = place();
    await store.start(newRun('r'));
    const blobs = [];
    for (const text of ['answer', 'step']) blobs.push(await store.putBlob('acme', Buffer.from(text)));
    const [answer, step] = blobs.map(({ hash }) => hash);
    const epoch = await claimRun(store, runKey('r'));
    const request = {
      id: 'q',
      kind: 'question',
      stepKey: 'ask',
      body: null,
      expiresAt: null,
    } as const;
    await store.commit({
      run: runKey('r'),
      epoch,
      progress: true,
      entries: [],
      blobs: [answer ?? '', step ?? ''],
      requests: [request],
    });
    await store.decide({
      run: runKey('r'),
      request: 'q',
      decision: { status: 'answered', value: { photo: answer ?? '' } },
    });
    await endHeld(store, runKey('r'), epoch);
    clock.advance(10_000_000);

    await prune(store, { resume: [{ maxAgeMs: 1 }] }, options);

    const { items } = await store.blobsOf({ tenant: 'acme', of: 'run', id: 'r' }, { limit: 10 });
    expect(items.map(({ hash }) => hash)).toEqual([answer]);
  });

  it('REC-4: lets go what a plan names, by rule and reason, and nothing that is live', async () => {
    const { clock, store, options } = place();
    for (const id of ['old-1', 'old-2']) await ended(store, clock, id);
    await store.start(newRun('live'));
    clock.advance(100_000);
    for (const id of ['f-1', 'f-2', 'f-3']) await ended(store, clock, id, { status: 'failed' });
    await ended(store, clock, 'foreign', { tenant: 'other' });
    const policy: RetentionPolicy = {
      records: [{ maxAgeMs: 60_000 }, { status: ['failed'], maxCount: 2 }],
      resume: [{ tenant: 'acme', maxCount: 1 }],
    };

    expect(await planned(store, policy, options)).toEqual([
      ['records', 0, ['old-1 maxAgeMs', 'old-2 maxAgeMs']],
      ['records', 1, ['f-1 maxCount']],
      ['resume', 0, ['f-2 maxCount']],
    ]);
    expect(await left(store)).toHaveLength(6);

    const report = await prune(store, policy, options);

    expect(report.removed).toMatchObject({ runs: 3, entries: 9 });
    expect(report.compacted).toMatchObject({ runs: 1, entries: 3 });
    expect(await left(store)).toEqual(['f-2', 'f-3', 'live']);
    expect(await left(store, 'other')).toEqual(['foreign']);
    expect(await store.run(runKey('f-2'))).toMatchObject({ status: 'failed', compactedAt: clock.now() });
    expect(await prune(store, policy, options)).toMatchObject({ removed: { runs: 0 }, compacted: { runs: 0 } });
  });

  it('REC-4: by size, what ended longest ago goes until the rest is small enough', async () => {
    const { clock, store, options } = place();
    for (const id of ['a', 'b', 'c']) await ended(store, clock, id, { input: 'x'.repeat(10_000) });
    const policy: RetentionPolicy = { records: [{ maxBytes: 25_000 }] };

    expect(await planned(store, policy, options)).toEqual([['records', 0, ['a maxBytes']]]);
    await prune(store, policy, options);
    expect(await left(store)).toEqual(['b', 'c']);
  });

  it('REC-4, SES-8: the age of a closed session is that of the run that ended last, and not of one that was cancelled in the queue behind it', async () => {
    const { clock, store, options } = place();
    const session = { id: 's', whenBusy: 'queue' } as const;
    for (const id of ['first', 'queued']) await store.start(newRun(id, { session }));
    await store.signal({ run: runKey('queued'), kind: 'cancel', key: 'cancel', body: null });
    await endRun(store, runKey('queued'), 'cancelled');
    clock.advance(100_000);
    await endRun(store, runKey('first'));
    await store.moveSession({ tenant: 'acme', session: 's' }, 'closed');
    const policy: RetentionPolicy = { sessions: [{ maxAgeMs: 60_000 }] };

    expect((await prune(store, policy, options)).removed.sessions).toBe(0);
    clock.advance(60_001);
    expect((await prune(store, policy, options)).removed.sessions).toBe(1);
  });

  it('REC-4, SES-8: closed sessions go whole by the age of their last run, open ones never, nor the run they go on from', async () => {
    const { clock, store, options } = place();
    for (const id of ['open', 'closed', 'young'])
      for (const n of [1, 2]) await ended(store, clock, `${id}-${n}`, { session: { id, whenBusy: 'refuse' } });
    clock.advance(100_000);
    await ended(store, clock, 'young-3', { session: { id: 'young', whenBusy: 'refuse' } });
    for (const session of ['closed', 'young']) await store.moveSession({ tenant: 'acme', session }, 'closed');
    const policy: RetentionPolicy = { sessions: [{ maxAgeMs: 60_000 }], records: [{ maxAgeMs: 60_000 }] };

    expect(await planned(store, policy, options)).toEqual([
      ['closed', 0, ['closed-1 maxAgeMs', 'closed-2 maxAgeMs']],
      ['records', 0, ['open-1 maxAgeMs', 'young-1 maxAgeMs', 'young-2 maxAgeMs']],
    ]);
    expect((await prune(store, policy, options)).removed).toMatchObject({ sessions: 1, runs: 5 });
    expect(await left(store)).toEqual(['open-2', 'young-3']);
    const { items } = await store.listSessions({ tenant: 'acme', limit: 9 });
    expect(items.map(({ key }) => key.session).toSorted()).toEqual(['open', 'young']);
  });

  it('REC-4: blobs that nobody uses any more go with what used them, and are counted', async () => {
    const { clock, store, options } = place();
    const { hash } = await store.putBlob('acme', new TextEncoder().encode('bytes'));
    await ended(store, clock, 'r', { blobs: [hash] });
    clock.advance(10_000);

    const kept = await prune(store, { records: [{ maxCount: 1 }] }, { ...options, blobGraceMs: 0 });
    expect(kept.blobs).toEqual({ blobs: 0, bytes: 0 });
    const gone = await prune(store, { records: [{ maxCount: 0 }] }, { ...options, blobGraceMs: 0 });
    expect(gone.blobs).toEqual({ blobs: 1, bytes: 5 });
    expect(await store.blob('acme', hash)).toBeUndefined();
  });

  it('REC-4: one that is aborted in the middle has let go what it told of, each tree whole, and the next goes on', async () => {
    const { clock, store, options } = place();
    for (let n = 0; n < 600; n += 1) await ended(store, clock, `r${n}`);
    const policy: RetentionPolicy = { records: [{ maxCount: 0 }] };
    const abort = new AbortController();
    let told = 0;

    const aborted = prune(store, policy, {
      ...options,
      signal: abort.signal,
      onProgress({ removed }) {
        told = removed.runs;
        abort.abort(new Error('enough'));
      },
    });

    await expect(aborted).rejects.toThrow('enough');
    const rest = 600 - told;
    expect([told > 0, rest > 0]).toEqual([true, true]);
    let runs = 0;
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await store.listRuns({ tenant: 'acme', limit: 1_000, ...(after === '' ? {} : { after }) });
      runs += page.items.length;
      after = page.next;
    }
    expect(runs).toBe(rest);
    expect((await prune(store, policy, options)).removed.runs).toBe(rest);
  });

  it('REC-4: several at once let everything go once, and each is told its own', async () => {
    const { clock, store, options } = place();
    for (let n = 0; n < 60; n += 1) await ended(store, clock, `r${n}`);
    const policy: RetentionPolicy = { records: [{ maxCount: 10 }], resume: [{ maxCount: 5 }] };

    const reports = await Promise.all([prune(store, policy, options), prune(store, policy, options)]);

    const sum = (of: 'removed' | 'compacted'): number => reports.reduce((all, report) => all + report[of].runs, 0);
    expect([sum('removed'), sum('compacted')]).toEqual([50, 5]);
  });
});

it('REC-4, SES-7: a rule that names no tenant is of each by itself, and where they cannot be listed nothing goes', async () => {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  for (const tenant of ['acme', 'other'])
    for (const n of [1, 2]) await ended(store, clock, `${tenant}-${n}`, { tenant });
  const policy: RetentionPolicy = { records: [{ maxCount: 1 }] };
  const blind: Store = {
    ...store,
    tenants: async () => {
      throw new PrusikError('STORE_UNAVAILABLE', 'Not now', { retryable: true });
    },
  };

  await expect(prune(blind, policy, { clock })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect([await left(store), await left(store, 'other')]).toEqual([
    ['acme-1', 'acme-2'],
    ['other-1', 'other-2'],
  ]);
  await prune(store, policy, { clock });
  expect([await left(store), await left(store, 'other')]).toEqual([['acme-2'], ['other-2']]);
});

describe('what is no policy', () => {
  const store = memoryStore();
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['a rule without a limit', { records: [{ tenant: 'acme' }] }, /records\[0\] limits nothing/],
    ['an unknown part', { record: [] }, /no option record/],
    ['an unknown field', { records: [{ tenant: 'a', keep: 3 }] }, /use maxCount/],
    ['a negative number', { resume: [{ tenant: 'a', maxCount: -1 }] }, /resume\[0\]\.maxCount/],
    ['a fraction', { records: [{ tenant: 'a', maxAgeMs: 0.5 }] }, /records\[0\]\.maxAgeMs/],
    ['a status of what is live', { records: [{ tenant: 'a', maxCount: 1, status: ['queued'] }] }, /how runs end/],
    ['an empty list of statuses', { records: [{ tenant: 'a', maxCount: 1, status: [] }] }, /how runs end/],
    ['a list that is none', { records: { maxCount: 1 } }, /records must be a list/],
    ['a rule that is none', { records: ['all'] }, /records\[0\] must be an object/],
    ['a session rule without an age', { sessions: [{ tenant: 'a' }] }, /sessions\[0\]\.maxAgeMs/],
    ['a tenant without a name', { records: [{ tenant: '', maxCount: 1 }] }, /records\[0\]\.tenant/],
    ['workspaces without the sandbox', { workspaces: { maxAgeMs: 1 } }, /give the workspaces/],
  ];

  it.each(wrong)('REC-4: %s is a wrong argument that says where', async (_, policy, says) => {
    await expect(prune(store, policy as RetentionPolicy)).rejects.toThrow(TypeError);
    await expect(prune(store, policy as RetentionPolicy)).rejects.toThrow(says);
  });

  it('REC-4: an option that is none, such as a dry run, is refused and named, and nothing goes', async () => {
    const clock = fakeClock();
    await ended(store, clock, 'kept');

    await expect(
      prune(store, { records: [{ tenant: 'acme', maxCount: 0 }] }, { dryRun: true, clock } as object),
    ).rejects.toThrow(/prune has no option dryRun: use planRetention\(\)/);
    expect(await left(store)).toEqual(['kept']);
  });
});
