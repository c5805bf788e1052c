import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { OpenSandboxOptions, Sandbox, SandboxSession } from '@prusik/core';
import { SANDBOX_ATTACKS, type SandboxAttack } from './sandbox-attacks/index.ts';
import { openAttackedHost } from './sandbox-attacks/host.ts';

/** What {@link sandboxContainment} takes. */
export interface SandboxContainment {
  /** `test` from vitest or from `node:test`; one that runs several at once, such as `test.concurrent`, is taken too. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** The sandbox under attack. Attacks use workspaces of their own, so that one may serve them all; the suite disposes none. */
  readonly sandbox: () => Sandbox;
  /**
   * A sandbox that holds nothing back. Each attack is first made on it, because one that fails there fails for another reason than
   * the sandbox. Where this machine lets nobody make it, the title of the test says why.
   */
  readonly control: () => Sandbox;
}

/** What no sandbox lets out. */
export function sandboxContainment({ test, sandbox, control }: SandboxContainment): void {
  for (const attack of SANDBOX_ATTACKS) {
    const uncontrolled = attack.uncontrolled?.();
    test(uncontrolled === undefined ? attack.title : `${attack.title} (no control here: ${uncontrolled})`, async () => {
      if (uncontrolled === undefined)
        // Without the limits: what a control does hold of them is not what is judged.
        assert.equal(
          await attackSandbox({ ...attack, limits: {} }, control()),
          true,
          'The attack fails where nothing holds it, so that it proves nothing',
        );
      assert.equal(await attackSandbox(attack, sandbox()), false, 'The attack reached its goal');
    });
  }
}

/**
 * Makes one attack in a workspace of its own; true when it reached its goal. Rejects when it did not and the sandbox cannot even run `echo`:
 * one in which nothing runs would seem to hold everything.
 */
export async function attackSandbox(attack: SandboxAttack, sandbox: Sandbox): Promise<boolean> {
  const opened: SandboxSession[] = [];
  const open = async (limits?: OpenSandboxOptions['limits']) => {
    const { id: workspace } = await sandbox.workspaces.create({ id: randomUUID() });
    const session = await sandbox.open({ workspace, ...(limits === undefined ? {} : { limits }) });
    opened.push(session);
    return session;
  };
  const host = await openAttackedHost();
  try {
    const succeeded = await attack.attempt(await open(attack.limits), { host, openOther: () => open() });
    if (!succeeded) await assertWorks(await open());
    return succeeded;
  } finally {
    for (const session of opened) await session[Symbol.asyncDispose]();
    await host.close();
  }
}

async function assertWorks(session: SandboxSession): Promise<void> {
  const { stdout } = await session.exec('echo', ['works']);
  assert.equal(Buffer.from(stdout).toString('utf8'), 'works\n', 'The sandbox cannot run echo');
}
