import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodeManifest, manifestId, type ManifestEntry } from '../src/manifest.ts';
import { isRunning } from '../src/process-identity.ts';
import { scanWorkspace } from '../src/scan-workspace.ts';
import { createSnapshotStore, createStaging, hashContent } from '../src/snapshot-store.ts';
import type { IndexedFile } from '../src/workspace-index.ts';
import { createWorkspaceLocks } from '../src/workspace-locks.ts';
import { workspaceFolder } from '../src/workspace-name.ts';
import { temporarySandbox } from './temporary.ts';

let sandbox: Sandbox & { readonly root: string };
beforeEach(async () => {
  sandbox = await temporarySandbox({ isolation: 'none' });
});
afterEach(() => sandbox[Symbol.asyncDispose]());

const filesOf = (id: string): string => join(sandbox.root, 'workspaces', workspaceFolder(id), 'files');

it(
  'SBX-7: whatever happens to a random tree, its snapshot brings it back, and is the same again',
  { timeout: 60_000 },
  async () => {
    const { workspaces } = sandbox;
    for (let seed = 1; seed <= 8; seed++) {
      const random = seeded(seed);
      await workspaces.create({ id: `w${seed}` });
      const files = filesOf(`w${seed}`);
      grow(files, random, 40);
      const kept: { readonly snapshot: string; readonly tree: string }[] = [];
      for (let step = 0; step < 4; step++) {
        const { snapshot } = await workspaces.snapshot(`w${seed}`);
        kept.push({ snapshot, tree: treeOf(files) });
        disturb(files, random);
        grow(files, random, 5);
      }
      for (const { snapshot, tree } of kept.toSorted(() => random() - 0.5)) {
        await workspaces.restore(`w${seed}`, snapshot);
        expect(treeOf(files), `seed ${seed}`).toBe(tree);
        expect((await workspaces.snapshot(`w${seed}`)).snapshot, `seed ${seed}`).toBe(snapshot);
        disturb(files, random);
      }
    }
  },
);

it('SBX-7: only what changed is read, and what changed in the tick of the last look is read again', async () => {
  await sandbox.workspaces.create({ id: 'w' });
  const files = filesOf('w');
  for (let n = 0; n < 60; n++) writeFileSync(join(files, `f${n}`), `content ${n}`);
  // Past the tick of their changes.
  await new Promise((resolve) => setTimeout(resolve, 80));
  const look = async (known: ReadonlyMap<string, IndexedFile>) => {
    const read: string[] = [];
    const { settled } = await scanWorkspace({
      files,
      known,
      isKept: (hash) => hash !== 'content 3',
      read: async ({ path, size }) => {
        read.push(readFileSync(path, 'utf8'));
        return { hash: read.at(-1) ?? '', size };
      },
    });
    return { settled, read: read.toSorted() };
  };

  const first = await look(new Map());
  writeFileSync(join(files, 'f7'), 'changed 7');
  const second = await look(first.settled);
  writeFileSync(join(files, 'f7'), 'another 7');
  const third = await look(second.settled);

  expect(first.read).toHaveLength(60);
  expect(second.read).toEqual(['changed 7', 'content 3']);
  expect(second.settled.has('f7')).toBe(false);
  expect(third.read).toEqual(['another 7', 'content 3']);
});

it('SBX-7: a content or a snapshot that was damaged is told, and nothing is changed', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const files = filesOf('w');
  for (const name of ['a', 'b']) writeFileSync(join(files, name), `content of ${name}`);
  const { snapshot } = await workspaces.snapshot('w');
  for (const name of ['a', 'b']) writeFileSync(join(files, name), 'changed');
  const object = (await readdir(join(sandbox.root, 'objects'), { recursive: true })).find((name) => name.includes('/'));
  const damaged = { code: 'SNAPSHOT_DAMAGED' };

  await truncate(join(sandbox.root, 'objects', object ?? ''), 3);
  await expect(workspaces.restore('w', snapshot)).rejects.toMatchObject(damaged);
  await expect(workspaces.create({ id: 'fork', from: { snapshot } })).rejects.toMatchObject(damaged);
  await rm(join(sandbox.root, 'objects', object ?? ''));
  await expect(workspaces.restore('w', snapshot)).rejects.toMatchObject(damaged);
  await writeFile(join(sandbox.root, 'snapshots', snapshot), 'prusik snapshot 1');
  await expect(workspaces.restore('w', snapshot)).rejects.toMatchObject(damaged);

  expect(['a', 'b'].map((name) => readFileSync(join(files, name), 'utf8'))).toEqual(['changed', 'changed']);
  expect((await workspaces.list()).map(({ id }) => id)).toEqual(['w']);
  expect(await readdir(join(sandbox.root, 'unfinished'))).toEqual([]);
});

it('SBX-7: a workspace is made what a snapshot held, however deep and strange what commands left in it', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const { snapshot } = await workspaces.snapshot('w');
  const session = await sandbox.open({ workspace: 'w' });
  await session.exec('/bin/sh', ['-c', `mkdir -p ${'d/'.repeat(300)}; mkfifo ${'d/'.repeat(300)}pipe`]);
  await session.exec('/bin/sh', ['-c', 'mkfifo pipe; ln -s / root; mkdir locked; : > locked/f; chmod 000 locked']);
  await session[Symbol.asyncDispose]();

  await expect(workspaces.snapshot('w')).rejects.toMatchObject({ code: 'WORKSPACE_TOO_LARGE' });
  await workspaces.restore('w', snapshot);

  expect(await readdir(filesOf('w'))).toEqual([]);
  expect((await workspaces.snapshot('w')).snapshot).toBe(snapshot);
});

it('SBX-7: contents that went with their snapshot are kept anew, though nothing of them has changed', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  writeFileSync(join(filesOf('w'), 'f'), 'content');
  // Past the tick of the change, so that the file need not be read again.
  await new Promise((resolve) => setTimeout(resolve, 80));
  const first = await workspaces.snapshot('w');
  await workspaces.sweep({ snapshot: () => false });

  expect(await workspaces.snapshot('w')).toEqual(first);
  await workspaces.create({ id: 'fork', from: first });

  expect(readFileSync(join(filesOf('fork'), 'f'), 'utf8')).toBe('content');
});

it('SBX-7: contents are not removed while somebody takes a snapshot', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  writeFileSync(join(filesOf('w'), 'f'), 'content');
  const { snapshot } = await workspaces.snapshot('w');
  const release = await createWorkspaceLocks(join(sandbox.root, 'locks')).take('contents', 'work', 'It');

  const swept = workspaces.sweep({ snapshot: () => false });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const meanwhile = await readdir(join(sandbox.root, 'snapshots'));
  release();

  expect(meanwhile).toEqual([snapshot]);
  expect((await swept).snapshots).toEqual([snapshot]);
});

it('SBX-7: snapshots, forks and removals at once disturb nobody', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  for (let n = 0; n < 20; n++) writeFileSync(join(filesOf('w'), `f${n}`), `content ${n}`);
  const { snapshot } = await workspaces.snapshot('w');

  const ids = await Promise.all([
    ...Array.from({ length: 4 }, async () => (await workspaces.snapshot('w')).snapshot),
    ...Array.from({ length: 4 }, async (_, n) => {
      await workspaces.create({ id: `fork${n % 2}`, from: { workspace: 'w' } });
      return (await workspaces.snapshot(`fork${n % 2}`)).snapshot;
    }),
    workspaces.sweep().then(() => snapshot),
  ]);

  expect(new Set(ids)).toEqual(new Set([snapshot]));
});

type Random = () => number;

/** Mulberry32. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const NAMES: readonly Buffer[] = [
  ...[
    'a',
    'b',
    'c',
    'a-b',
    'a.b',
    '.hidden',
    'ä',
    'a\u0308',
    ' ',
    '\\',
    "it's",
    '"',
    '*',
    '\n',
    '日本',
    'x'.repeat(200),
  ].map((name) => Buffer.from(name)),
  Buffer.from([0x66, 0xff, 0xfe]),
  Buffer.from([0xe4]),
];
const MODES = [0o644, 0o755, 0o600, 0o400, 0o777, 0o000];

const child = (folder: Buffer, name: Uint8Array): Buffer<ArrayBuffer> =>
  Buffer.concat([folder, Buffer.from('/'), name]);

/** Every folder below `files`, itself too. */
function foldersOf(files: string): Buffer<ArrayBuffer>[] {
  const found = [Buffer.from(files)];
  for (const folder of found)
    for (const name of readdirSync(folder, { encoding: 'buffer' }))
      if (lstatSync(child(folder, name)).isDirectory()) found.push(child(folder, name));
  return found;
}

function grow(files: string, random: Random, count: number): void {
  for (let n = 0; n < count; n++) {
    const at = child(pick(random, foldersOf(files)), pick(random, NAMES));
    try {
      lstatSync(at);
    } catch {
      const kind = random();
      if (kind < 0.35) mkdirSync(at, { mode: 0o755 });
      else if (kind < 0.5) symlinkSync(pick(random, ['a', '../b', '/', 'nowhere', 'ä']), at);
      else writeFileSync(at, random() < 0.03 ? Buffer.alloc(1_100_000, n) : String(Math.floor(random() * 100)));
      if (kind >= 0.5) chmodSync(at, pick(random, MODES));
    }
  }
}

/** Changes, some of which keep the length, moves nothing, removes some, and makes other kinds of things of some. */
function disturb(files: string, random: Random): void {
  for (const folder of foldersOf(files)) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder, { encoding: 'buffer' }).toSorted(Buffer.compare)) {
      const at = child(folder, name);
      const luck = random();
      if (luck > 0.4) continue;
      const stats = lstatSync(at);
      if (luck < 0.1) {
        rmSync(at, { recursive: true, force: true });
        if (luck < 0.03) mkdirSync(at);
        else if (luck < 0.06) symlinkSync('elsewhere', at);
      } else if (stats.isDirectory()) {
        chmodSync(at, pick(random, [0o755, 0o700, 0o711]));
      } else if (stats.isFile()) {
        if (luck < 0.3) writeFileSync(at, 'y'.repeat(stats.size));
        else chmodSync(at, pick(random, MODES));
      }
    }
  }
}

function treeOf(files: string): string {
  const lines: string[] = [];
  for (const folder of foldersOf(files))
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      const at = child(folder, name);
      const stats = lstatSync(at);
      const mode = (stats.mode & 0o777).toString(8);
      const content = stats.isFile() ? createHash('sha256').update(readFileSync(at)).digest('hex') : '';
      const what = stats.isSymbolicLink()
        ? `-> ${readlinkSync(at)}`
        : `${stats.isDirectory() ? 'd' : 'f'} ${mode} ${content}`;
      lines.push(`${at.toString('latin1')} ${what}`);
    }
  return lines.toSorted().join('\n');
}

it('SBX-7: a content that was cut off on the disk is put there anew by who takes a snapshot of it', async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const file = join(filesOf('w'), 'a');
  writeFileSync(file, 'content');
  const { snapshot } = await workspaces.snapshot('w');
  const object =
    (await readdir(join(sandbox.root, 'objects'), { recursive: true })).find((name) => name.includes('/')) ?? '';
  await truncate(join(sandbox.root, 'objects', object), 3);
  writeFileSync(file, 'content');

  expect((await workspaces.snapshot('w')).snapshot).toBe(snapshot);
  writeFileSync(file, 'changed');
  await workspaces.restore('w', snapshot);
  expect(readFileSync(file, 'utf8')).toBe('content');
});

it('SBX-7: what another process has kept is synced with the folder above it, too', async () => {
  const root = join(sandbox.root, 'store');
  for (const folder of ['objects', 'one', 'two']) mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, 'file');
  writeFileSync(path, 'content');
  const store = createSnapshotStore(root);
  const one = createStaging(join(root, 'one'));
  const two = createStaging(join(root, 'two'));

  await store.keep({ path, size: 7 }, one);
  await store.keep({ path, size: 7 }, two);

  expect(one.unsynced.size).toBe(2);
  expect(two.unsynced).toEqual(one.unsynced);
});

it('SBX-5: a file that a command makes long while it is kept is read to the size it had', async () => {
  const root = join(sandbox.root, 'store');
  for (const folder of ['objects', 'one']) mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, 'file');
  writeFileSync(path, 'content');
  // More than any buffer takes.
  await truncate(path, 1e12);
  const content = { path, size: 7 };

  const kept = await createSnapshotStore(root).keep(content, createStaging(join(root, 'one')));

  expect(kept).toEqual({ hash: createHash('sha256').update('content').digest('hex'), size: 7 });
  expect(await hashContent(content)).toEqual(kept);
});

it('SBX-4: a snapshot that somebody else has put there leads nowhere out of the workspace', async () => {
  const { workspaces, root } = sandbox;
  await workspaces.create({ id: 'w' });
  writeFileSync(join(filesOf('w'), 'a'), 'content');
  await workspaces.snapshot('w');
  const hash = createHash('sha256').update('content').digest('hex');
  const file = { type: 'file', mode: 0o644, size: 7, hash } as const;
  const link = { type: 'link', target: root } as const;
  const planted: Record<string, ManifestEntry>[] = [
    { '../../../out': file },
    { '/out': file },
    { l: link, 'l/out': file },
    { 'no-folder/out': file },
    { out: { ...file, hash: '../../locks' } },
    { out: { ...file, mode: 0o4755 } },
  ];

  for (const entries of planted) {
    const encoded = encodeManifest(new Map(Object.entries(entries)));
    const snapshot = manifestId(encoded);
    writeFileSync(join(root, 'snapshots', snapshot), encoded);
    await expect(workspaces.restore('w', snapshot)).rejects.toMatchObject({ code: 'SNAPSHOT_DAMAGED' });
  }

  expect(existsSync(join(root, 'out'))).toBe(false);
  expect(readdirSync(filesOf('w'))).toEqual(['a']);
});

it('SBX-7: an id that is none removes nothing, and what is not ours stops no sweep', async () => {
  const { workspaces, root } = sandbox;
  await workspaces.create({ id: 'w' });
  const file = join(filesOf('w'), 'a');
  writeFileSync(file, 'content');
  const { snapshot } = await workspaces.snapshot('w');
  const object = (await readdir(join(root, 'objects'), { recursive: true })).find((name) => name.includes('/')) ?? '';
  for (const path of ['objects/x', 'snapshots/x', 'unfinished/x']) writeFileSync(join(root, path), '');
  mkdirSync(join(root, 'objects', object.slice(0, 2), 'x'));

  await workspaces.removeSnapshot(`../objects/${object}`);
  expect(await workspaces.sweep({ snapshot: () => true })).toEqual({ workspaces: [], snapshots: [] });
  writeFileSync(file, 'changed');
  await workspaces.restore('w', snapshot);

  expect(readFileSync(file, 'utf8')).toBe('content');
  expect(await workspaces.sweep({ snapshot: () => false })).toEqual({ workspaces: [], snapshots: [snapshot] });
  expect(existsSync(join(root, 'objects', object))).toBe(false);
});

it('SBX-5: a restore does not read what it throws away, however long it is', { timeout: 20_000 }, async () => {
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const files = filesOf('w');
  writeFileSync(join(files, 'a'), 'content');
  const { snapshot } = await workspaces.snapshot('w');
  for (const name of ['a', 'b']) {
    writeFileSync(join(files, name), '');
    // Holes: hours of reading, and no block on the disk.
    await truncate(join(files, name), 4e12);
  }

  await workspaces.restore('w', snapshot);

  expect(readdirSync(files)).toEqual(['a']);
  expect(readFileSync(join(files, 'a'), 'utf8')).toBe('content');
});

it('SBX-7: a lock that could not be taken is not held', async () => {
  const folder = join(sandbox.root, 'own-locks');
  const odd = join(folder, 'w!alone!0-0!x');
  mkdirSync(odd, { recursive: true });
  const locks = createWorkspaceLocks(folder);

  await expect(locks.take('w', 'work', 'It')).rejects.toThrow('unlink');
  expect(readdirSync(folder)).toEqual(['w!alone!0-0!x']);
});

it.runIf(process.platform === 'linux')(
  'SBX-7: a process that was killed and not waited for holds nothing',
  async () => {
    // The shell becomes a program that waits for nobody.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
      const name = `${pid}-${stat()[19]}`;

      expect(isRunning(name)).toBe(true);
      await expect.poll(() => stat()[0], { timeout: 5_000 }).toBe('Z');
      expect(isRunning(name)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  },
);
