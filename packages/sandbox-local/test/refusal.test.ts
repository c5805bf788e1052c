import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { coverDescriptors } from '../src/descriptors.ts';
import { createLocalSandbox } from '../src/index.ts';
import { explainBubblewrap } from '../src/unavailable.ts';
import { temporaryFolder, temporarySandbox } from './temporary.ts';

it('SBX-3: without bubblewrap it refuses, names the reason and the fix, and runs nothing', async () => {
  const root = await temporaryFolder();
  const sandbox = createLocalSandbox({ root, bubblewrap: join(root, 'no-bwrap') });
  await sandbox.workspaces.create({ id: 'w' });
  try {
    const refusal = {
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/(no-bwrap|takes Linux).*(Install|Run)/),
    };

    await expect(sandbox.open({ workspace: 'w' })).rejects.toMatchObject(refusal);
    await expect(sandbox.level()).rejects.toMatchObject(refusal);
  } finally {
    await sandbox[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  }
});

it.each(['darwin', 'win32', 'freebsd'] as const)('SBX-3: on %s it refuses, and says what to do', async (platform) => {
  const own = Object.getOwnPropertyDescriptor(process, 'platform');
  const sandbox = await temporarySandbox();
  Object.defineProperty(process, 'platform', { value: platform, configurable: true });
  try {
    await expect(sandbox.level()).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`takes Linux, and this is ${platform}\\. Run the harness on Linux`)),
    });
  } finally {
    if (own !== undefined) Object.defineProperty(process, 'platform', own);
    await sandbox[Symbol.asyncDispose]();
  }
});

it('SBX-3: what is no bubblewrap, a root that cannot be made and a descriptor that cannot be covered are refused with a reason', async () => {
  const root = await temporaryFolder();
  const file = join(root, 'file');
  writeFileSync(file, 'no program', { mode: 0o755 });
  const broken = createLocalSandbox({ root, bubblewrap: file });
  const nowhere = createLocalSandbox({ root: join(file, 'root') });
  try {
    const because = (reason: RegExp) => ({ code: 'SANDBOX_UNAVAILABLE', message: expect.stringMatching(reason) });

    await expect(broken.level()).rejects.toMatchObject(because(/does not run|takes Linux/));
    await expect(nowhere.level()).rejects.toMatchObject(because(/cannot be made/));
    expect(() => coverDescriptors(['pipe'], [5_000], 3)).toThrow(expect.objectContaining(because(/descriptor 5000/)));
  } finally {
    await Promise.all([broken, nowhere].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    await rm(root, { recursive: true });
  }
});

it("SBX-3: isolation 'none' says of everything that nothing holds it", async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  try {
    const level = await sandbox.level();

    expect(level).toEqual({ files: 'none', processes: 'none', network: 'none', syscalls: 'none', limits: 'none' });
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it.each([
  [
    'bwrap: setting up uid map: Permission denied',
    { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' },
    /AppArmor.*userns,/,
  ],
  [
    'bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted',
    { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' },
    /AppArmor/,
  ],
  [
    'bwrap: No permissions to create new namespace',
    { '/proc/sys/kernel/unprivileged_userns_clone': '0' },
    /unprivileged_userns_clone=1/,
  ],
  [
    'bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)',
    { '/proc/sys/user/max_user_namespaces': '0' },
    /max_user_namespaces=15000/,
  ],
  ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", {}, /--security-opt/],
  ["bwrap: Can't find source path /home/ada/root/etc/passwd: Permission denied", {}, /reach \/home\/ada.*chmod o\+x/],
  ['bwrap: something new', {}, /something new/],
])('SBX-3: what bubblewrap says is explained with its fix: %s', (said, settings, explanation) => {
  const error = explainBubblewrap(said, (path) => (settings as Record<string, string>)[path]);

  expect(error).toMatchObject({ code: 'SANDBOX_UNAVAILABLE', message: expect.stringMatching(explanation) });
  expect(error.message).toContain(said);
});

it('wrong options are refused when the sandbox is made', () => {
  expect(() => createLocalSandbox({ root: 'relative' })).toThrow(TypeError);
  expect(() => createLocalSandbox({ root: '/x', isolation: 'docker' as 'none' })).toThrow(TypeError);
  expect(() => createLocalSandbox({ root: '/x', user: { uid: 0, gid: 1 } })).toThrow(TypeError);
  expect(() => createLocalSandbox({ root: '/x', limits: { processes: 0 } })).toThrow(TypeError);
  expect(() => createLocalSandbox({ root: '/x', limits: { ['memory' as 'memoryBytes']: 5 } })).toThrow(/memoryBytes/);
  expect(() => createLocalSandbox({ root: '/x', maxSessions: Number.NaN })).toThrow(TypeError);
  expect(() => createLocalSandbox({ root: '/x', maxCommands: 0 })).toThrow(TypeError);
});

it('wrong sources and limits of a workspace are refused before anything is made', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  const { workspaces } = sandbox;
  try {
    await workspaces.create({ id: 'w' });

    for (const wrong of [
      { from: { folder: 'test' } },
      { from: {} as { empty: true } },
      { limits: { files: Number.NaN } },
    ])
      await expect(workspaces.create({ id: 'none', ...wrong })).rejects.toThrow(TypeError);
    await expect(workspaces.snapshot('w', { limits: { bytes: Number.NaN } })).rejects.toThrow(TypeError);
    expect(await workspaces.open('none')).toBeUndefined();
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it('wrong options of a session are refused before anything starts', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  await sandbox.workspaces.create({ id: 'w' });
  try {
    for (const options of [
      { limits: { timeoutMs: -1 } },
      { env: { '': 'x' } },
      { env: { LD_PRELOAD: '/workspace/x.so' } },
      { mounts: [{ source: 'relative', target: '/a' }] },
      { mounts: [{ source: '/a', target: '/usr/bin' }] },
      { mounts: [{ source: '/a', target: '/a/../usr' }] },
      { mounts: [{ source: '/a', target: '/workspace/a' }] },
    ])
      await expect(sandbox.open({ workspace: 'w', ...options })).rejects.toThrow(TypeError);
    await expect(sandbox.open({ workspace: 'w', mounts: [{ source: '/a', target: '/a' }] })).rejects.toMatchObject({
      code: 'SANDBOX_MOUNT_REFUSED',
    });
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it('at its bounds it answers SANDBOX_BUSY, and takes more when something ended', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none', maxSessions: 1, maxCommands: 1 });
  await sandbox.workspaces.create({ id: 'w' });
  try {
    const session = await sandbox.open({ workspace: 'w' });
    await expect(sandbox.open({ workspace: 'w' })).rejects.toMatchObject({ code: 'SANDBOX_BUSY', retryable: true });
    const running = await session.spawn({ command: 'sleep 60' });
    await expect(session.exec('true')).rejects.toMatchObject({ code: 'SANDBOX_BUSY' });

    await running.kill();
    expect((await session.exec('true')).exitCode).toBe(0);
    await session[Symbol.asyncDispose]();
    const next = await sandbox.open({ workspace: 'w' });

    expect((await next.exec('true')).exitCode).toBe(0);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
  await expect(sandbox.open({ workspace: 'w' })).rejects.toMatchObject({ code: 'SANDBOX_CLOSED' });
});

it('a session ends when its signal aborts', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  await sandbox.workspaces.create({ id: 'w' });
  const abort = new AbortController();
  try {
    const session = await sandbox.open({ workspace: 'w', signal: abort.signal });
    const process = await session.spawn({ command: 'sleep 60' });

    abort.abort(new Error('enough'));

    expect(await process.wait()).toEqual({ exitCode: 137 });
    await expect(session.exec('true')).rejects.toMatchObject({ code: 'SANDBOX_CLOSED' });
    await expect(sandbox.open({ workspace: 'w', signal: abort.signal })).rejects.toThrow('enough');
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it('SBX-5: a command that cannot be started is SANDBOX_START_FAILED, and may be tried again', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  await sandbox.workspaces.create({ id: 'w' });
  try {
    const session = await sandbox.open({ workspace: 'w' });

    await expect(session.exec('true', [], { cwd: 'gone' })).rejects.toMatchObject({
      code: 'SANDBOX_START_FAILED',
      message: expect.stringContaining('gone'),
      retryable: true,
    });
    expect((await session.exec('true')).exitCode).toBe(0);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it('SBX-7: a workspace is not made of a folder with a socket, nor of one whose files keep vanishing', async () => {
  const sandbox = await temporarySandbox({ isolation: 'none' });
  const folder = await temporaryFolder();
  const server = createServer();
  try {
    mkdirSync(join(folder, 'odd'));
    await new Promise<void>((listening) => server.listen(join(folder, 'odd/socket'), listening));
    await expect(sandbox.workspaces.create({ id: 'odd', from: { folder: join(folder, 'odd') } })).rejects.toMatchObject(
      {
        code: 'WORKSPACE_SOURCE_REFUSED',
      },
    );

    const shaky = join(folder, 'shaky');
    mkdirSync(shaky);
    for (let n = 0; n < 10; n += 1) writeFileSync(join(shaky, `file-${n}`), '');
    // Under another name between the listing and the copy, each time.
    const include = (path: string): boolean => (renameSync(join(shaky, path), join(shaky, `${path}+`)), true);
    await expect(sandbox.workspaces.create({ id: 'shaky', from: { folder: shaky, include } })).rejects.toMatchObject({
      code: 'WORKSPACE_SOURCE_UNSTABLE',
      retryable: true,
    });
    expect(await sandbox.workspaces.list()).toEqual([]);
  } finally {
    server.close();
    await sandbox[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
});
