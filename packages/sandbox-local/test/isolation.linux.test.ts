import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runFixture } from './fixtures/run-fixture.ts';
import { temporaryFolder, temporarySandbox } from './temporary.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const cleanUp: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
});

async function sandboxWithSession() {
  const sandbox = await temporarySandbox();
  cleanUp.push(() => sandbox[Symbol.asyncDispose]());
  await sandbox.workspaces.create({ id: 'w' });
  return { sandbox, session: await sandbox.open({ workspace: 'w' }) };
}

describe('as an ordinary user', () => {
  it('SBX-2: all attacks are held', { timeout: 120_000 }, async () => {
    const root = await temporaryFolder();
    cleanUp.push(() => rm(root, { recursive: true, force: true }));
    const handle = await open(root);
    await handle.chown(61_000, 61_000);
    await handle.close();

    const report = JSON.parse(await runFixture('attacks-as-user', ['61000', root]));

    expect(report).toEqual({ user: 61_000, run: expect.any(Number), failures: [] });
    expect(report.run).toBeGreaterThan(60);
  });

  it('SBX-7: workspaces and snapshots are the same, whatever rights commands and git took from their files', async () => {
    const root = await temporaryFolder();
    cleanUp.push(() => rm(root, { recursive: true, force: true }));
    await chown(root, 61_000, 61_000);

    const report = JSON.parse(await runFixture('workspaces-as-user', ['61000', root]));

    expect(report).toEqual({ user: 61_000, run: expect.any(Number), failures: [] });
    expect(report.run).toBeGreaterThan(10);
  });
});

describe('as root', () => {
  it('SBX-2: commands and their files belong to an unprivileged user of the host', async () => {
    const { sandbox, session } = await sandboxWithSession();

    await session.exec('touch', ['by-command']);
    await session.writeTextFile({ path: 'folder/by-host', content: '' });
    const { stdout } = await session.exec('/bin/sh', ['-c', 'id -u; rm -r folder && echo removed']);

    expect(text(stdout)).toBe('1000\nremoved\n');
    const [workspace] = await findFiles(sandbox.root);
    expect((await stat(join(workspace ?? '', 'by-command'))).uid).toBe(65_530);
  });

  it('SBX-2: no capability is left, no new privilege can be gained, and the filter is in force', async () => {
    const { session } = await sandboxWithSession();

    const { stdout } = await session.exec('grep', ['-E', '^(Cap|NoNewPrivs|Seccomp:)', '/proc/self/status']);

    const status = Object.fromEntries(
      text(stdout)
        .trim()
        .split('\n')
        .map((line) => line.split(/:\s+/)),
    );
    expect(status).toEqual({
      CapInh: '0000000000000000',
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      CapAmb: '0000000000000000',
      NoNewPrivs: '1',
      Seccomp: '2',
    });
  });

  it('SBX-2: only the workspace and temporary folders can be written, and nothing of the host is there besides programs', async () => {
    const { session } = await sandboxWithSession();

    const { stdout } = await session.exec('/bin/sh', [
      '-c',
      'ls / /etc; for d in / /usr /etc /dev /proc/sys/kernel /home /root /var /sys; do touch $d/x 2>/dev/null && echo wrote $d; done; echo core > /proc/sys/kernel/core_pattern',
    ]);

    expect(text(stdout)).not.toMatch(/wrote|home|root|var|sys$|shadow/m);
  });
});

it('SBX-6: an inherited descriptor does not reach commands', async () => {
  const root = await temporaryFolder();
  cleanUp.push(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'secret'), 'inherited secret', { mode: 0o644 });
  const secret = await open(join(root, 'secret'));
  cleanUp.push(() => secret.close());
  const stdio = Array.from({ length: 41 }, (_, index) =>
    index === 40 ? secret.fd : index < 3 ? (['ignore', 'pipe', 'inherit'] as const)[index] : 'ignore',
  );

  const read = (how: 'sandbox' | 'spawn') =>
    runFixture('reads-descriptor', [root, how], { stdio: stdio.map((entry) => entry ?? 'ignore') });

  // Node hands it on: else it would prove nothing that the sandbox does not.
  expect(await read('spawn')).toContain('inherited secret');
  expect(await read('sandbox')).toBe('');
});

it('SBX-6: what a command is given in its environment is on no command line of the host', async () => {
  const { session } = await sandboxWithSession();
  const [secret, marker] = [`secret-${randomUUID()}`, `marker-${randomUUID()}`];

  const running = await session.spawn({
    command: `echo "$SECRET"; exec sleep 60 # ${marker}`,
    env: { SECRET: secret },
  });
  const { value } = await running.stdout.getReader().read();

  expect(text(value ?? new Uint8Array())).toBe(`${secret}\n`);
  expect(commandLinesWith(marker)).not.toEqual([]);
  expect(commandLinesWith(secret)).toEqual([]);
  await running.kill();
});

it('SBX-5: a spawned process that a limit ends says which', async () => {
  const { sandbox } = await sandboxWithSession();
  const session = await sandbox.open({ workspace: 'w', limits: { diskBytes: 1024 * 1024 } });

  const running = await session.spawn({ command: 'head -c 4000000 /dev/zero > f; sleep 60' });

  expect(await running.exit).toEqual({ exitCode: 137, exceeded: 'diskBytes' });
});

it('AGT-12: a mounted folder can be read and not written', async () => {
  const { sandbox } = await sandboxWithSession();
  const source = join(sandbox.root, 'skills');
  await mkdir(source, { mode: 0o777 });
  await writeFile(join(source, 'SKILL.md'), 'read me');

  const session = await sandbox.open({ workspace: 'w', mounts: [{ source, target: '/skills/one' }] });
  const { stdout } = await session.exec('/bin/sh', [
    '-c',
    'cat /skills/one/SKILL.md; touch /skills/one/x || echo " refused"',
  ]);

  expect(text(stdout)).toBe('read me refused\n');
});

it.each([
  'ln -s /etc .git',
  'mkdir .git && ln -s /etc .git/hooks',
  'mkdir .git && ln -s /etc/passwd .git/config',
  'mkfifo .git',
])('SBX-4: a git folder that an earlier command made something else is refused, not followed: %s', async (plant) => {
  const { session } = await sandboxWithSession();
  await session.exec('/bin/sh', ['-c', plant]);

  const next = session.exec('true');

  await expect(next).rejects.toMatchObject({ code: 'SANDBOX_PATH_REFUSED' });
});

function commandLinesWith(marker: string): readonly string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(marker);
    } catch {
      return false;
    }
  });
}

async function findFiles(root: string): Promise<string[]> {
  return (await readdir(join(root, 'workspaces'))).map((folder) => join(root, 'workspaces', folder, 'files'));
}
