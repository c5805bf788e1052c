import assert from 'node:assert/strict';
import type { SandboxTest } from './sandbox-test.ts';

const REFUSED = { code: 'SANDBOX_PATH_REFUSED' };

/** Files of a session, whatever isolates commands. */
export const SANDBOX_FILE_TESTS: readonly SandboxTest[] = [
  {
    title: 'SBX-1: what the host writes commands read, and the other way round',
    async run(session) {
      await session.writeTextFile({ path: 'a/b/from-host', content: 'ä\n' });
      await session.exec('/bin/sh', [
        '-c',
        'cat a/b/from-host a/b/from-host > a/from-command && echo more >> a/b/from-host',
      ]);

      assert.equal(await session.readTextFile({ path: `${session.directory}/a/from-command` }), 'ä\nä\n');
      assert.equal(await session.readTextFile({ path: 'a/../a/b/from-host' }), 'ä\nmore\n');
    },
  },
  {
    title: 'SBX-1: files are read whole, by lines, as bytes and as a stream; a missing one is null',
    async run(session) {
      const content = new Blob([new Uint8Array([0, 255, 10]), '2\n3\n']).stream();
      await session.writeFile({ path: 'f', content });

      const stream = await session.readFile({ path: 'f' });
      const chunks = [];
      for await (const chunk of stream ?? []) chunks.push(chunk);

      assert.deepEqual(Buffer.concat(chunks), Buffer.from([0, 255, 10, 50, 10, 51, 10]));
      assert.deepEqual(Buffer.from((await session.readBinaryFile({ path: 'f' })) ?? []), Buffer.concat(chunks));
      assert.equal(await session.readTextFile({ path: 'f', startLine: 2, endLine: 3 }), '2\n3');
      assert.equal(await session.readTextFile({ path: 'f', startLine: 9 }), '');
      for (const path of ['missing', 'missing/too'])
        assert.deepEqual(
          [await session.readFile({ path }), await session.readBinaryFile({ path }), await session.stat({ path })],
          [null, null, null],
        );
    },
  },
  {
    title: 'SBX-1: folders are listed, entries looked at, files deleted',
    async run(session) {
      await session.writeTextFile({ path: 'd/f', content: '123' });
      await session.exec('/bin/sh', ['-c', 'mkdir d/sub; ln -s f d/link; mkfifo d/pipe']);

      const entries = (await session.listDirectory({ path: 'd' }))?.toSorted((a, b) => (a.name < b.name ? -1 : 1));

      assert.deepEqual(entries, [
        { name: 'f', type: 'file' },
        { name: 'link', type: 'symlink' },
        { name: 'pipe', type: 'other' },
        { name: 'sub', type: 'directory' },
      ]);
      assert.deepEqual(await session.stat({ path: 'd/f' }), { type: 'file', size: 3 });
      assert.equal((await session.stat({ path: '.' }))?.type, 'directory');
      assert.equal((await session.stat({ path: 'd/pipe' }))?.type, 'other');
      assert.equal(await session.listDirectory({ path: 'missing' }), null);
      assert.deepEqual(
        [await session.deleteFile({ path: 'd/link' }), await session.deleteFile({ path: 'd/link' })],
        [true, false],
      );
      assert.equal(await session.readTextFile({ path: 'd/f' }), '123');
      await assert.rejects(session.deleteFile({ path: 'd/sub' }), REFUSED);
      await assert.rejects(session.writeTextFile({ path: 'd/sub', content: '' }), REFUSED);
      await assert.rejects(session.listDirectory({ path: 'd/f' }), REFUSED);
    },
  },
  {
    title: 'SBX-1: a written file keeps its permissions and is the same for commands',
    async run(session) {
      await session.exec('/bin/sh', ['-c', 'echo "echo one" > tool; chmod 755 tool']);

      await session.writeTextFile({ path: 'tool', content: '#!/bin/sh\necho two\n' });

      const { stdout } = await session.exec('./tool');
      assert.equal(Buffer.from(stdout).toString('utf8'), 'two\n');
    },
  },
  {
    title: 'SBX-4: links, special files and hard links are refused, for reading and for writing',
    async run(session) {
      await session.exec('/bin/sh', [
        '-c',
        'echo x > plain; mkdir real; echo y > real/f; ln -s plain link; ln -s nowhere dangling; ln -s real folder; ln -s / root; ln plain hard; mkfifo pipe',
      ]);

      for (const path of ['link', 'dangling', 'folder/f', 'root/etc/passwd', 'hard', 'plain', 'pipe', 'plain/below']) {
        await assert.rejects(session.readBinaryFile({ path }), REFUSED, `reading ${path}`);
        await assert.rejects(session.readFile({ path }), REFUSED, `streaming ${path}`);
        await assert.rejects(session.writeTextFile({ path, content: 'z' }), REFUSED, `writing ${path}`);
      }
      for (const path of ['link', 'dangling', 'folder/f', 'root/etc/passwd'])
        await assert.rejects(session.stat({ path }), REFUSED, `looking at ${path}`);
      for (const path of ['folder', 'root'])
        await assert.rejects(session.listDirectory({ path }), REFUSED, `listing ${path}`);
      await assert.rejects(session.deleteFile({ path: 'folder/f' }), REFUSED);
      await assert.rejects(session.writeTextFile({ path: 'folder/new/f', content: 'z' }), REFUSED);
    },
  },
  {
    title: 'SBX-4: paths that lead out, or cannot be paths, are refused',
    async run(session) {
      const paths = [
        '..',
        '../x',
        'a/../../x',
        '/etc/passwd',
        `${session.directory}/../x`,
        `${session.directory}x/y`,
        'a\0b',
        '',
        'x'.repeat(300),
        '\ud800',
        'd/'.repeat(300),
      ];

      for (const path of paths) {
        await assert.rejects(session.readTextFile({ path }), REFUSED, `reading ${JSON.stringify(path)}`);
        await assert.rejects(session.writeTextFile({ path, content: '' }), REFUSED, `writing ${JSON.stringify(path)}`);
      }
    },
  },
  {
    title: "SBX-4: the host's file API does not write what decides about the host's git",
    async run(session) {
      for (const path of [
        '.git',
        '.git/config',
        '.git/hooks/pre-commit',
        'a/../.git/hooks/x',
        '.GIT/config',
        '.git/commondir',
      ]) {
        await assert.rejects(session.writeTextFile({ path, content: 'evil' }), REFUSED, path);
        await assert.rejects(session.deleteFile({ path }), REFUSED, path);
      }
      await session.writeTextFile({ path: '.git/info/exclude', content: 'fine' });
    },
  },
  {
    title: 'SBX-5: files above the limit are neither written nor read',
    limits: { fileBytes: 1_000 },
    async run(session, sandbox) {
      const { id } = await sandbox.workspaces.create({ id: 'large' });
      const generous = await sandbox.open({ workspace: id });
      await generous.writeBinaryFile({ path: 'f', content: new Uint8Array(2_000) });
      const strict = await sandbox.open({ workspace: id, limits: session.limits });

      await assert.rejects(strict.readBinaryFile({ path: 'f' }), { code: 'SANDBOX_FILE_TOO_LARGE' });
      await assert.rejects(strict.readFile({ path: 'f' }), { code: 'SANDBOX_FILE_TOO_LARGE' });
      await assert.rejects(session.writeBinaryFile({ path: 'f', content: new Uint8Array(1_001) }), {
        code: 'SANDBOX_FILE_TOO_LARGE',
      });
      assert.equal(await session.stat({ path: 'f' }), null);
    },
  },
];
