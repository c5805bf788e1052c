import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalSandbox } from '@prusik/sandbox-local';
import type { RunKey, Sandbox, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { createCheckouts, sweep, workspaceOf } from '../src/release/checkouts.ts';
import { decodeText } from '../src/git/bytes.ts';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';

const disposables: (() => unknown)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0).toReversed()) await dispose();
});

function folder(): string {
  const path = temporaryFolder();
  disposables.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function fixture(): Fixture {
  const made = createFixture();
  disposables.push(() => made[Symbol.dispose]());
  return made;
}

const keyOf = (run: string): RunKey => ({ tenant: 'default', run });

async function startRun(store: Store, id: string): Promise<void> {
  const named = { definition: 'release', version: '1', kind: 'workflow', root: id, depth: 0, priority: 0 } as const;
  await store.start({ ...named, key: keyOf(id), input: null, inputHash: 'h', context: null, messages: [] });
}

async function endRun(store: Store, id: string): Promise<void> {
  const definitions = [{ name: 'release', versions: ['1'] }];
  const only = { run: keyOf(id) };
  await store.claim({ worker: 'w', leaseMs: 1_000, limit: 1, suspects: { room: 0, alone: 1 }, definitions, only });
  const entries = [{ type: 'run-end', status: 'completed' }] as const;
  const transition = { type: 'end', status: 'completed' } as const;
  await store.commit({ run: keyOf(id), epoch: 1, entries, progress: true, transition });
}

/** Without isolation, so that it runs everywhere; what runs in it is git alone. */
function sandbox(root: string): Sandbox {
  const made = createLocalSandbox({ root, isolation: 'none' });
  disposables.push(() => made[Symbol.asyncDispose]());
  return made;
}

const signal = new AbortController().signal;

describe('the checkouts of releases', () => {
  it('copy a repository into a workspace, borrowed objects too, and git reads it there', async () => {
    const original = fixture();
    original.commit('one', { file: 'x' });
    const shared = join(folder(), 'shared');
    original.sh('clone', '-q', '--shared', original.folder, shared);
    original.sh('-C', shared, 'commit', '-q', '--allow-empty', '-m', 'two');
    const checkouts = createCheckouts(sandbox(folder()));
    disposables.push(() => checkouts[Symbol.asyncDispose]());

    await checkouts.create('a/run', shared, signal);
    const git = await checkouts.git('a/run');

    expect(decodeText((await git(['log', '--format=%s', 'HEAD'])).stdout)).toBe('two\none\n');
  });

  it('replace what a killed attempt left, so that no ref is newer than its objects', async () => {
    const original = fixture();
    original.commit('one');
    const place = sandbox(folder());
    await place.workspaces.create({ id: workspaceOf('run') });
    const checkouts = createCheckouts(place);
    disposables.push(() => checkouts[Symbol.asyncDispose]());

    await checkouts.create('run', original.folder, signal);

    expect((await (await checkouts.git('run'))(['rev-parse', 'HEAD^{tree}'])).exitCode).toBe(0);
  });

  it('are removed, also by a sweep when nobody lives who needs them', async () => {
    const original = fixture();
    original.commit('one');
    const root = folder();
    const place = sandbox(root);
    const checkouts = createCheckouts(place);
    for (const run of ['ended', 'waits', 'removed']) await checkouts.create(run, original.folder, signal);
    await checkouts.remove('removed');
    await checkouts[Symbol.asyncDispose]();
    const store = memoryStore();
    disposables.push(() => store[Symbol.asyncDispose]());
    for (const id of ['ended', 'waits']) await startRun(store, id);
    await endRun(store, 'ended');
    await place.workspaces.create({ id: 'somebody’s' });

    const { workspaces } = await sweep(place, store);

    expect(workspaces).toBe(1);
    expect((await place.workspaces.list()).map(({ id }) => id)).toEqual(
      [workspaceOf('waits'), 'somebody’s'].toSorted(),
    );
    expect(readdirSync(join(root, 'workspaces'))).toHaveLength(2);
  });

  it('survive objects that are packed anew while they are copied', async () => {
    const original = fixture();
    for (let n = 0; n < 40; n += 1) original.commit(`number ${n}`, { [`file ${n}`]: String(n) });
    const checkouts = createCheckouts(sandbox(folder()));
    disposables.push(() => checkouts[Symbol.asyncDispose]());

    const copying = checkouts.create('run', original.folder, signal);
    original.sh('gc', '-q', '--prune=now');
    await copying;

    const { exitCode } = await (await checkouts.git('run'))(['fsck', '--connectivity-only'], { exitCodes: [0, 1, 2] });
    expect(exitCode).toBe(0);
  });

  it('leave what the repository names alone: a config that starts a program is not copied', async () => {
    const original = fixture();
    original.commit('one', { file: 'x' });
    const trap = join(folder(), 'ran');
    writeFileSync(
      join(original.folder, '.git/config'),
      `[core]\n\tfsmonitor = touch ${trap}\n\tpager = touch ${trap}\n`,
    );
    const root = folder();
    const checkouts = createCheckouts(sandbox(root));
    disposables.push(() => checkouts[Symbol.asyncDispose]());

    await checkouts.create('run', original.folder, signal);

    await (
      await checkouts.git('run')
    )(['log', '--format=%s', 'HEAD']);
    expect(readdirSync(join(trap, '..'))).toEqual([]);
  });
});
