import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN_WORKSPACE, workspaceOf, type Store } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownerOfWorkspace, prune } from '../src/index.ts';
import { claimRun, ended, endHeld, endRun, newRun, runKey } from './ended-runs.ts';

const session = (id: string, tenant = 'acme') => ({ tenant, session: id });

function place() {
  const root = mkdtempSync(join(tmpdir(), 'prusik-sweep-'));
  // As old as the machine's files are: snapshots carry its time.
  const clock = fakeClock(Date.now() - 1_000_000);
  const store = memoryStore({ clock });
  const sandbox = createLocalSandbox({ root, isolation: 'none' });
  onTestFinished(async () => {
    await sandbox[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(root, { recursive: true });
  });
  const { workspaces } = sandbox;
  return {
    clock,
    store,
    sandbox,
    workspaces,
    make: async (...ids: readonly string[]) => {
      for (const id of ids) await workspaces.create({ id });
    },
    list: async () => (await workspaces.list()).map(({ id }) => id),
  };
}

/** A run with a child that has ended, and one whose child lives on after it. */
async function tree(store: Store, id: string, child: 'ends' | 'lives', parent: 'ends' | 'lives'): Promise<void> {
  await store.start(newRun(id));
  const epoch = await claimRun(store, runKey(id));
  const started = newRun(`${id}-child`, { root: id, parent: { run: id, key: 'c' }, depth: 1 });
  await store.commit({ run: runKey(id), epoch, entries: [], children: [started], progress: true });
  if (child === 'ends') await endRun(store, started.key);
  if (parent === 'lives') return;
  await endHeld(store, runKey(id), epoch);
}

describe('workspaces', () => {
  it('REC-4, SBX-7: those of what has ended and of what is not there go, of every tenant; what is live, open, young, in use or nobody’s stays', async () => {
    const { clock, store, sandbox, workspaces, make, list } = place();
    await tree(store, 'parent-lives', 'ends', 'lives');
    await tree(store, 'child-lives', 'lives', 'ends');
    await tree(store, 'old', 'ends', 'ends');
    await ended(store, clock, 'busy');
    await ended(store, clock, 'theirs', { tenant: 'other' });
    await store.start(newRun('theirs-live', { tenant: 'other' }));
    for (const id of ['open', 'closed']) await ended(store, clock, id, { session: { id, whenBusy: 'refuse' } });
    await store.moveSession(session('closed'), 'closed');
    clock.advance(100_000);
    await ended(store, clock, 'young');
    const stay = [
      ...['parent-lives', 'parent-lives-child', 'child-lives', 'child-lives-child', 'busy', 'young'].map((id) =>
        runKey(id),
      ),
      runKey('theirs-live', 'other'),
      session('open'),
    ].map(workspaceOf);
    const go = [
      runKey('old'),
      runKey('old-child'),
      runKey('theirs', 'other'),
      runKey('removed'),
      session('closed'),
      session('gone'),
    ].map(workspaceOf);
    await make(...stay, ...go, 'a name of somebody', 'acme:other:thing');
    const inUse = await sandbox.open({ workspace: workspaceOf(runKey('busy')) });

    const report = await prune(store, { workspaces: { maxAgeMs: 60_000 } }, { workspaces, clock });

    expect(report.workspaces).toBe(go.length);
    expect(await list()).toEqual([...stay, 'a name of somebody', 'acme:other:thing'].toSorted());
    await inUse[Symbol.asyncDispose]();
  });

  it('SBX-7: one that is made while the sweep looks is not looked at', async () => {
    const { clock, store, workspaces, make, list } = place();
    await make(workspaceOf(runKey('gone')));
    const begun: Pick<typeof workspaces, 'list' | 'remove' | 'sweep'> = {
      ...workspaces,
      async list() {
        const found = await workspaces.list();
        await make(workspaceOf(runKey('begun meanwhile')));
        return found;
      },
    };

    await prune(store, { workspaces: { maxAgeMs: 0 } }, { workspaces: begun, clock });

    expect(await list()).toEqual([workspaceOf(runKey('begun meanwhile'))]);
  });

  it('SBX-7: whose a workspace is, is read off its name, and of a name that does not say so nobody is guessed', () => {
    for (const owner of [runKey('r'), session('a:b c'), runKey('x:y', 'other')])
      expect(ownerOfWorkspace(workspaceOf(owner))).toEqual(owner);
    for (const name of [
      '',
      'plain',
      'acme:run:',
      'acme:job:r',
      workspaceOf(runKey('a/b')),
      workspaceOf(runKey('r', 'a:b')),
    ])
      expect(ownerOfWorkspace(name)).toBeUndefined();
  });
});

describe('snapshots', () => {
  it('REC-4, SBX-7: old ones go, but for those of a live tree’s time and the one that an open session stands at', async () => {
    const { store, workspaces, make } = place();
    await make('w');
    const { snapshot } = await workspaces.snapshot('w');
    await store.start(newRun('said', { session: { id: 'open', whenBusy: 'refuse' } }));
    const epoch = await claimRun(store, runKey('said'));
    const slots = [{ name: RUN_WORKSPACE.name, value: { snapshot, taken: 1, sharers: [] } }];
    await store.commit({ run: runKey('said'), epoch, entries: [], slots, progress: true });
    await endHeld(store, runKey('said'), epoch);
    const swept = async (now: number): Promise<number> => {
      const options = { workspaces, clock: { now: () => now } };
      return (await prune(store, { snapshots: { maxAgeMs: 1_000 } }, options)).snapshots;
    };
    const later = Date.now() + 1_000_000;

    expect(await swept(Date.now())).toBe(0);
    expect(await swept(later)).toBe(0);
    await store.moveSession(session('open'), 'closed');
    await store.start(newRun('live'));
    expect(await swept(later)).toBe(0);
    await endRun(store, runKey('live'));
    expect(await swept(later)).toBe(1);
  });
});
