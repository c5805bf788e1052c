import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox, SandboxSession } from '@prusik/core';
import type { SandboxTest } from './sandbox-test.ts';

const run = promisify(execFile);

/** Everything about a tree that a snapshot holds, as commands see it; names are shown by their bytes. */
const TREE =
  'find . -mindepth 1 | LC_ALL=C sort | while IFS= read -r path; do ' +
  'if [ -h "$path" ]; then printf "%s -> %s\\n" "$path" "$(readlink "$path")"; ' +
  'elif [ -d "$path" ]; then printf "%s %s\\n" "$path" "$(stat -c %a "$path")"; ' +
  // Whoever opens a pipe waits for a writer.
  'elif [ -p "$path" ]; then printf "%s is a pipe\\n" "$path"; ' +
  'else printf "%s %s %s\\n" "$path" "$(stat -c %a "$path")" "$(cksum < "$path")"; fi; done';

/** What workspaces held, kept and brought back. */
export const SANDBOX_SNAPSHOT_TESTS: readonly SandboxTest[] = [
  {
    title:
      'SBX-7: restore() makes a workspace what its snapshot held: contents, permissions, links and empty folders, and nothing else',
    async run(_session, sandbox) {
      const { workspaces } = sandbox;
      await workspaces.create({ id: 'w' });
      const before = await inWorkspace(sandbox, 'w', async (session) => {
        await shell(
          session,
          'mkdir -p a/b empty; echo one > a/b/f; echo two > tool; chmod 751 tool; ln -s a/b/f link; ln -s nowhere dangling; ' +
            'echo kept > "$(printf "odd \\303\\244\\377\\n name")"; echo locked > locked; chmod 000 locked; chmod 700 empty; mkfifo pipe; rm pipe; ' +
            ': > nothing; head -c 1500000 /dev/zero > large',
        );
        return shell(session, TREE);
      });
      const { snapshot } = await workspaces.snapshot('w');
      await inWorkspace(sandbox, 'w', (session) =>
        shell(
          session,
          'rm -rf a link tool; mkdir link; echo x > link/x; ln -s / a; echo changed >> large; chmod 755 empty; echo y > empty/y; ' +
            'mkfifo pipe; mkdir -p deep/er; echo z > deep/er/z; chmod 500 deep; mkdir tool; chmod 644 locked',
        ),
      );

      await workspaces.restore('w', snapshot);

      assert.equal(await inWorkspace(sandbox, 'w', (session) => shell(session, TREE)), before);
    },
  },
  {
    title: 'SBX-7: the id of a snapshot follows from what it holds, in whichever workspace',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'echo one > f; mkdir d');
      const first = await workspaces.snapshot(id);
      const again = await workspaces.snapshot(id);
      await shell(session, 'printf two\\\\n > f');
      const changed = await workspaces.snapshot(id);
      await shell(session, 'chmod 700 f');
      const permitted = await workspaces.snapshot(id);
      await workspaces.create({ id: 'other' });
      await inWorkspace(sandbox, 'other', (other) => shell(other, 'mkdir d; echo one > f'));

      assert.deepEqual([first.entries, first.bytes], [2, 4]);
      assert.deepEqual(again, first);
      assert.equal(new Set([first, changed, permitted].map(({ snapshot }) => snapshot)).size, 3);
      assert.equal((await workspaces.snapshot('other')).snapshot, first.snapshot);
    },
  },
  {
    title: 'SBX-7: a change that keeps length and modification time is found, in the tick of the last snapshot too',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'echo 0 > f; touch -d @1000000000 f');
      const ids = new Set([(await workspaces.snapshot(id)).snapshot]);
      for (let n = 1; n < 8; n++) {
        await session.writeTextFile({ path: 'f', content: `${n}\n` });
        ids.add((await workspaces.snapshot(id)).snapshot);
      }

      assert.equal(ids.size, 8);
    },
  },
  {
    title: 'SBX-7: a snapshot under a name is taken once, and stands as long as its workspace',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'echo one > f');
      const first = await workspaces.snapshot(id, { name: 'base' });
      await shell(session, 'echo two > f');

      assert.deepEqual(await workspaces.snapshot(id, { name: 'base' }), first);
      assert.notEqual((await workspaces.snapshot(id, { name: 'other' })).snapshot, first.snapshot);
      await assert.rejects(workspaces.removeSnapshot(first.snapshot), { code: 'WORKSPACE_BUSY' });
      await workspaces.sweep({ snapshot: () => false });
      assert.equal((await workspaces.diff({ snapshot: first.snapshot }, { workspace: id })).total, 1);
      for (const name of ['', 'a/b', '..', 'x'.repeat(65)])
        await assert.rejects(workspaces.snapshot(id, { name }), TypeError);
    },
  },
  {
    title: 'SBX-7: a workspace is forked from another or from a snapshot, and neither changes the other',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'mkdir d; echo one > d/f; chmod 755 d/f');
      const { snapshot } = await workspaces.snapshot(id);
      await shell(session, 'echo two > d/f');

      await workspaces.create({ id: 'now', from: { workspace: id } });
      await workspaces.create({ id: 'then', from: { snapshot } });
      await inWorkspace(sandbox, 'now', (now) => shell(now, 'echo three >> d/f'));
      await workspaces.create({ id: 'now', from: { snapshot } });

      assert.equal(await inWorkspace(sandbox, 'now', (now) => shell(now, 'cat d/f')), 'two\nthree\n');
      assert.equal(await inWorkspace(sandbox, 'then', (then) => shell(then, 'cat d/f; stat -c %a d/f')), 'one\n755\n');
      assert.equal(await shell(session, 'cat d/f'), 'two\n');
      assert.equal((await workspaces.snapshot('then')).snapshot, snapshot);
    },
  },
  {
    title: 'SBX-7: diff() tells what was added, changed and removed, between workspaces and snapshots, within a bound',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'mkdir d; echo one > d/f; echo x > gone; echo same > same; ln -s a link; echo m > mode');
      const { snapshot } = await workspaces.snapshot(id);
      await shell(session, 'echo two > d/f; rm gone; mkdir new; echo n > new/é; ln -sf b link; chmod 700 mode');

      const found = await workspaces.diff({ snapshot }, { workspace: id });

      assert.deepEqual(found, {
        added: ['new', 'new/é'],
        changed: ['d/f', 'link', 'mode'],
        removed: ['gone'],
        total: 6,
      });
      assert.deepEqual(await workspaces.diff({ workspace: id }, { snapshot }, { limit: 2 }), {
        added: ['gone'],
        changed: ['d/f'],
        removed: [],
        total: 6,
      });
      assert.equal((await workspaces.diff({ workspace: id }, { workspace: id })).total, 0);
    },
  },
  {
    title: 'SBX-7: a workspace is not restored while a session has it open, and a snapshot of it is taken',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'echo one > f');
      const { snapshot } = await workspaces.snapshot(id);
      await shell(session, 'echo two > f');

      await assert.rejects(workspaces.restore(id, snapshot), { code: 'WORKSPACE_BUSY', retryable: true });

      assert.equal(await shell(session, 'cat f'), 'two\n');
      await session[Symbol.asyncDispose]();
      await workspaces.restore(id, snapshot);
      assert.equal(await inWorkspace(sandbox, id, (again) => shell(again, 'cat f')), 'one\n');
    },
  },
  {
    title: 'SBX-7: what is too large makes no snapshot, and what is unknown is not restored',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'printf 12345 > a; printf 12345 > b; mkdir -p c');
      const tooLarge = { code: 'WORKSPACE_TOO_LARGE' };

      await assert.rejects(workspaces.snapshot(id, { limits: { bytes: 9 } }), tooLarge);
      await assert.rejects(workspaces.snapshot(id, { limits: { files: 2 } }), tooLarge);
      await assert.rejects(workspaces.create({ id: 'fork', from: { workspace: id }, limits: { bytes: 9 } }), tooLarge);
      const { snapshot } = await workspaces.snapshot(id, { limits: { bytes: 10, files: 3 } });

      assert.equal(await workspaces.open('fork'), undefined);
      await assert.rejects(workspaces.create({ id: 'fork', from: { snapshot }, limits: { bytes: 9 } }), tooLarge);
      await assert.rejects(workspaces.snapshot('none'), { code: 'WORKSPACE_NOT_FOUND' });
      await assert.rejects(workspaces.restore('none', snapshot), { code: 'WORKSPACE_NOT_FOUND' });
      await assert.rejects(workspaces.diff({ workspace: 'none' }, { snapshot }), { code: 'WORKSPACE_NOT_FOUND' });
      await assert.rejects(workspaces.create({ id: 'fork', from: { workspace: 'none' } }), {
        code: 'WORKSPACE_NOT_FOUND',
      });
      for (const unknown of ['', '../x', '0'.repeat(64)]) {
        await assert.rejects(workspaces.create({ id: 'fork', from: { snapshot: unknown } }), {
          code: 'SNAPSHOT_NOT_FOUND',
        });
        await assert.rejects(workspaces.diff({ snapshot: unknown }, { snapshot }), { code: 'SNAPSHOT_NOT_FOUND' });
      }
      assert.equal(await workspaces.open('fork'), undefined);
    },
  },
  {
    title: 'SBX-7: removed snapshots are gone, and what others share with them stays',
    async run(session, sandbox) {
      const { workspaces } = sandbox;
      const id = await onlyOne(sandbox);
      await shell(session, 'echo shared > shared; echo one > f');
      const one = await workspaces.snapshot(id);
      await shell(session, 'echo two > f');
      const two = await workspaces.snapshot(id);

      await workspaces.removeSnapshot(one.snapshot);
      await workspaces.removeSnapshot(one.snapshot);
      const { snapshots } = await workspaces.sweep({ snapshot: (found) => found === two.snapshot });

      assert.deepEqual(snapshots, []);
      await assert.rejects(workspaces.create({ id: 'fork', from: { snapshot: one.snapshot } }), {
        code: 'SNAPSHOT_NOT_FOUND',
      });
      await workspaces.create({ id: 'fork', from: { snapshot: two.snapshot } });
      assert.equal(await inWorkspace(sandbox, 'fork', (fork) => shell(fork, 'cat shared f')), 'shared\ntwo\n');
      assert.deepEqual((await workspaces.sweep({ snapshot: () => false })).snapshots, [two.snapshot]);
      // The workspace has its contents still, and they have to be kept anew.
      const again = await workspaces.snapshot(id);
      await workspaces.create({ id: 'once more', from: { snapshot: again.snapshot } });
      assert.equal(again.snapshot, two.snapshot);
      assert.equal(await inWorkspace(sandbox, 'once more', (fork) => shell(fork, 'cat shared f')), 'shared\ntwo\n');
    },
  },
  {
    title: 'SBX-7: a commit of a git repository is checked out, in a repository that has nothing else of it',
    run: (_session, sandbox) =>
      withRepository(async (repository, git) => {
        const { workspaces } = sandbox;
        const gitRef = { repository, ref: 'HEAD~1' };
        await git('config', 'filter.evil.smudge', 'touch PLANTED');
        await workspaces.create({ id: 'checked-out', from: { gitRef } });

        const seen = await inWorkspace(sandbox, 'checked-out', (session) =>
          shell(
            session,
            'cat f; ls PLANTED; git -c safe.directory=* log --format=%s; git -c safe.directory=* status --porcelain; git -c safe.directory=* remote',
          ),
        );

        assert.equal(seen, 'second\nsecond\n');
        for (const ref of ['none', 'HEAD~9'])
          await assert.rejects(workspaces.create({ id: 'none', from: { gitRef: { repository, ref } } }), {
            code: 'WORKSPACE_SOURCE_NOT_FOUND',
          });
        await assert.rejects(
          workspaces.create({ id: 'none', from: { gitRef: { repository: tmpdir(), ref: 'HEAD' } } }),
          {
            code: 'WORKSPACE_SOURCE_NOT_FOUND',
          },
        );
        for (const wrong of [
          { repository, ref: '--help' },
          { repository, ref: '' },
          { repository: 'relative', ref: 'HEAD' },
        ])
          await assert.rejects(workspaces.create({ id: 'none', from: { gitRef: wrong } }), TypeError);
        await assert.rejects(workspaces.create({ id: 'none', from: { gitRef }, limits: { files: 1 } }), {
          code: 'WORKSPACE_TOO_LARGE',
        });
        assert.equal(await workspaces.open('none'), undefined);
      }),
  },
];

async function shell(session: SandboxSession, command: string): Promise<string> {
  const { stdout } = await session.exec('/bin/sh', ['-c', command]);
  return Buffer.from(stdout).toString('latin1');
}

async function inWorkspace<T>(
  sandbox: Sandbox,
  workspace: string,
  use: (session: SandboxSession) => Promise<T>,
): Promise<T> {
  const session = await sandbox.open({ workspace });
  try {
    return await use(session);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** The workspace of the session that a test is given. */
async function onlyOne({ workspaces }: Sandbox): Promise<string> {
  const [only] = await workspaces.list();
  return only?.id ?? '';
}

async function withRepository(
  use: (repository: string, git: (...args: readonly string[]) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const repository = await mkdtemp(join(tmpdir(), 'prusik-repository '));
  const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.com', '-c', 'core.hooksPath=/dev/null'];
  const git = (...args: readonly string[]) => run('git', ['-C', repository, ...identity, ...args]);
  try {
    await git('init', '--quiet');
    await writeFile(join(repository, '.gitattributes'), '* filter=evil\n');
    for (const text of ['first', 'second', 'third']) {
      await writeFile(join(repository, 'f'), `${text}\n`);
      await git('add', '.');
      await git('commit', '--quiet', '-m', text);
    }
    await use(repository, git);
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
}
