import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxTest } from './sandbox-test.ts';

const REFUSED = { code: 'SANDBOX_PATH_REFUSED' };

/** Workspaces: what they are made of, and how they end. */
export const SANDBOX_WORKSPACE_TESTS: readonly SandboxTest[] = [
  {
    title: 'SBX-7: a workspace is created once for its id, listed, and removed with its files',
    async run(_session, { workspaces, open }) {
      const [first, second] = await Promise.all([workspaces.create({ id: 'once' }), workspaces.create({ id: 'once' })]);
      const session = await open({ workspace: 'once' });
      await session.writeTextFile({ path: 'f', content: 'kept' });
      const third = await workspaces.create({ id: 'once', from: { empty: true } });

      assert.deepEqual([second, third, await workspaces.open('once')], [first, first, first]);
      assert.equal(await session.readTextFile({ path: 'f' }), 'kept');
      assert.ok((await workspaces.list()).some(({ id }) => id === 'once'));
      await assert.rejects(workspaces.remove('once'), { code: 'WORKSPACE_BUSY' });

      await session[Symbol.asyncDispose]();
      await workspaces.remove('once');
      await workspaces.remove('once');

      assert.equal(await workspaces.open('once'), undefined);
      await assert.rejects(open({ workspace: 'once' }), { code: 'WORKSPACE_NOT_FOUND' });
    },
  },
  {
    title: 'SBX-7: ids that differ name different workspaces, and ids that are paths are none',
    async run(_session, { workspaces }) {
      const ids = [
        'a b',
        'a-b',
        'A-b',
        'ä',
        'a\u0308',
        'x'.repeat(200),
        `${'x'.repeat(199)}y`,
        '.hidden',
        'con',
        'a:b',
      ];
      for (const id of ids) await workspaces.create({ id });

      const listed = new Set((await workspaces.list()).map(({ id }) => id));

      assert.deepEqual(
        ids.filter((id) => !listed.has(id)),
        [],
      );
      for (const id of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(201), '\ud800'])
        await assert.rejects(workspaces.create({ id }), TypeError, JSON.stringify(id));
    },
  },
  {
    title: 'SBX-7: a folder is copied into a workspace: chosen entries, links as links',
    run: (_session, sandbox) =>
      withFolder(async (folder) => {
        await mkdir(join(folder, 'sub/left-out'), { recursive: true });
        await writeFile(join(folder, 'sub/left-out/f'), '');
        await writeFile(join(folder, 'sub/tool'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
        await symlink('/etc/passwd', join(folder, 'link'));

        await sandbox.workspaces.create({ id: 'copy', from: { folder, include: (path) => path !== 'sub/left-out' } });
        const session = await sandbox.open({ workspace: 'copy' });

        const { stdout } = await session.exec('/bin/sh', ['-c', 'sub/tool; readlink link; ls sub; echo new > sub/new']);
        assert.equal(Buffer.from(stdout).toString('utf8'), 'ran\n/etc/passwd\ntool\n');
        assert.equal(await readlink(join(folder, 'link')), '/etc/passwd');
        await assert.rejects(session.readTextFile({ path: 'link' }), REFUSED);
      }),
  },
  {
    title: 'SBX-7: a folder that is too large, or missing, makes no workspace',
    run: (_session, { workspaces }) =>
      withFolder(async (folder) => {
        for (const name of ['a', 'b', 'c']) await writeFile(join(folder, name), 'x'.repeat(1_000));
        const from = { folder };

        await assert.rejects(workspaces.create({ id: 'w', from, limits: { bytes: 2_999 } }), {
          code: 'WORKSPACE_TOO_LARGE',
        });
        await assert.rejects(workspaces.create({ id: 'w', from, limits: { files: 2 } }), {
          code: 'WORKSPACE_TOO_LARGE',
        });
        await assert.rejects(workspaces.create({ id: 'w', from: { folder: join(folder, 'none') } }), {
          code: 'WORKSPACE_SOURCE_NOT_FOUND',
        });
        assert.equal(await workspaces.open('w'), undefined);

        await workspaces.create({ id: 'w', from, limits: { bytes: 3_000, files: 3 } });
        assert.equal((await workspaces.open('w'))?.id, 'w');
      }),
  },
  {
    title: 'SBX-7: sweep() removes what is not kept and leaves what is in use',
    async run(_session, { workspaces, open }) {
      for (const id of ['kept', 'in-use', 'orphan']) await workspaces.create({ id });
      const session = await open({ workspace: 'in-use' });

      const keep = { workspace: (id: string) => id === 'kept' };
      const { workspaces: removed } = await workspaces.sweep(keep);

      assert.deepEqual(removed, ['orphan']);
      await session[Symbol.asyncDispose]();
      assert.deepEqual((await workspaces.sweep(keep)).workspaces.includes('in-use'), true);
      assert.equal((await workspaces.open('kept'))?.id, 'kept');
    },
  },
];
async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'prusik-source-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
