import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { OpenSandboxOptions, Sandbox, SandboxSession } from '@prusik/core';
import { SANDBOX_ATTACKS, type SandboxAttack } from './sandbox-attacks.ts';
import { SANDBOX_COMMAND_TESTS } from './sandbox-command-tests.ts';
import { SANDBOX_FILE_TESTS } from './sandbox-file-tests.ts';
import { openAttackedHost } from './sandbox-host.ts';

export interface SandboxContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes a sandbox with a storage of its own. Called once per test; the suite disposes it. */
  readonly create: () => Sandbox | Promise<Sandbox>;
  /**
   * Makes a sandbox that holds nothing back. With it the attacks are registered too: each is first made on it, because an attack
   * that fails there fails for another reason than the sandbox.
   */
  readonly control?: () => Sandbox | Promise<Sandbox>;
}

/** What every {@link Sandbox} does, and what none lets out. Commands are POSIX ones. */
export function sandboxContract({ test, create, control }: SandboxContract): void {
  for (const { title, limits, run } of [...SANDBOX_COMMAND_TESTS, ...SANDBOX_FILE_TESTS])
    test(title, () => withSession(create, limits, run));
  if (control === undefined) return;
  for (const attack of SANDBOX_ATTACKS) test(attack.title, () => contains(attack, create, control));
}

async function contains(
  attack: SandboxAttack,
  create: SandboxContract['create'],
  control: SandboxContract['create'],
): Promise<void> {
  assert.equal(
    await attempt(attack, control, false),
    true,
    'The attack fails where nothing holds it, so that it proves nothing',
  );
  assert.equal(await attempt(attack, create, true), false, 'The attack reached its goal');
}

async function attempt(attack: SandboxAttack, create: SandboxContract['create'], judged: boolean): Promise<boolean> {
  const host = await openAttackedHost();
  try {
    // On the control without the limits: what it does hold of them is not what is judged.
    return await withSession(create, judged ? attack.limits : undefined, async (session, sandbox) => {
      // A sandbox in which nothing runs would seem to hold everything.
      await assertWorks(session);
      const succeeded = await attack.attempt(session, host);
      if (judged) await withSessionOf(sandbox, undefined, assertWorks);
      return succeeded;
    });
  } finally {
    await host.close();
  }
}

async function assertWorks(session: SandboxSession): Promise<void> {
  const { stdout } = await session.exec('echo', ['works']);
  assert.equal(Buffer.from(stdout).toString('utf8'), 'works\n', 'The sandbox cannot run echo');
}

async function withSession<T>(
  create: SandboxContract['create'],
  limits: OpenSandboxOptions['limits'],
  use: (session: SandboxSession, sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const sandbox = await create();
  try {
    return await withSessionOf(sandbox, limits, (session) => use(session, sandbox));
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

async function withSessionOf<T>(
  sandbox: Sandbox,
  limits: OpenSandboxOptions['limits'],
  use: (session: SandboxSession) => Promise<T>,
): Promise<T> {
  const { id } = await sandbox.workspaces.create({ id: randomUUID() });
  const session = await sandbox.open({ workspace: id, ...(limits === undefined ? {} : { limits }) });
  try {
    return await use(session);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
