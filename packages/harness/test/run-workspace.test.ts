import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openRunWorkspace,
  workspaceOf,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type Sandbox,
  type StepScope,
  type Store,
} from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { memoryStore } from '@prusik/store-memory';
import { expect, it, onTestFinished } from 'vitest';

function newSandbox(): Sandbox {
  const root = mkdtempSync(join(tmpdir(), 'prusik-run-workspace-'));
  const sandbox = createLocalSandbox({ root, isolation: 'none' });
  onTestFinished(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });
  return sandbox;
}

type Work = (shell: (command: string) => Promise<string>, commit: () => Promise<void>) => Promise<Json>;

/** Works in the run's workspace, and commits only where `work` does. */
async function inWorkspace(sandbox: Sandbox, run: DurableContext['run'], step: StepScope, work: Work): Promise<Json> {
  const workspace = await openRunWorkspace(sandbox, { run, ...step });
  try {
    const shell = async (command: string) => (await workspace.session.run({ command })).stdout;
    return await work(shell, workspace.commit);
  } finally {
    await workspace[Symbol.asyncDispose]();
  }
}

type Step = (key: string, work: Work) => Promise<Json>;

/** A durable function whose steps work in the run's workspace. */
function works(
  sandbox: Sandbox,
  name: string,
  run: (step: Step, ctx: DurableContext, input: Json) => Promise<Json>,
): DurableDefinition<Json, Json> {
  return {
    name,
    kind: 'function',
    version: '1',
    run: (ctx: DurableContext, input) =>
      run((key, work) => ctx.step(key, (step) => inWorkspace(sandbox, ctx.run, step, work)), ctx, input),
  };
}

const write =
  (command: string): Work =>
  async (shell, commit) => {
    const said = await shell(command);
    await commit();
    return said;
  };
const see: Work = (shell) => shell('cat * 2>/dev/null');

async function outputOf(sandbox: Sandbox, store: Store, definition: DurableDefinition<Json, Json>): Promise<unknown> {
  const harness = defineHarness({
    store,
    sandbox,
    workflows: { it: definition },
    ephemeral: true,
    keepOpen: ['sandbox', 'store'],
    limits: { parkAfterMs: 0 },
  });
  try {
    return await harness.run('it', null, { id: 'r' });
  } finally {
    await harness[Symbol.asyncDispose]();
  }
}

it('SBX-7: what a step left without committing it, the next one does not find', async () => {
  const sandbox = newSandbox();
  const definition = works(sandbox, 'it', async (step) => {
    await step('one', write('echo one > f'));
    const failed = await step('two', async (shell) => {
      await shell('echo two > f; echo more > g');
      throw new Error('gave up');
    }).catch(String);
    return [failed, await step('three', see), await step('four', write('echo four > f')), await step('five', see)];
  });

  expect(await outputOf(sandbox, memoryStore(), definition)).toMatchObject({
    status: 'completed',
    output: ['PrusikError: Error: gave up', 'one\n', '', 'four\n'],
  });
});

it('SBX-7: a workspace that the host has made is what the first step finds, and finds again after it failed', async () => {
  const sandbox = newSandbox();
  const id = workspaceOf({ tenant: 'default', run: 'r' });
  await sandbox.workspaces.create({ id });
  const session = await sandbox.open({ workspace: id });
  await session.writeTextFile({ path: 'f', content: 'given' });
  await session[Symbol.asyncDispose]();
  const definition = works(sandbox, 'it', async (step) => {
    const failed = await step('one', async (shell) => {
      await shell('rm f');
      throw new Error('gave up');
    }).catch(String);
    return [failed, await step('two', see)];
  });

  expect(await outputOf(sandbox, memoryStore(), definition)).toMatchObject({
    output: ['PrusikError: Error: gave up', 'given'],
  });
});

it('SBX-7: of steps at once the snapshot that was taken last stands, whichever is recorded last', async () => {
  const sandbox = newSandbox();
  const { promise: both, resolve: letGo } = Promise.withResolvers<void>();
  const definition = works(sandbox, 'it', async (step) => {
    const first = step('first', async (shell, commit) => {
      await shell('echo first > a');
      await commit();
      await both;
      return null;
    });
    const second = step('second', async (shell, commit) => {
      await shell('while [ ! -e a ]; do sleep 0.01; done; echo second > b');
      await commit();
      return null;
    });
    await second;
    letGo();
    await first;
    await step('leaves something', (shell) => shell('echo left > c'));
    return step('see', see);
  });

  expect(await outputOf(sandbox, memoryStore(), definition)).toMatchObject({ output: 'first\nsecond\n' });
});

it('WFL-8: a child that is given no workspace has none', async () => {
  const sandbox = newSandbox();
  const child = works(sandbox, 'child', (step) => step('see', see));
  const parent = works(sandbox, 'it', async (step, ctx) => {
    await step('one', write('echo one > f'));
    return ctx.child('child', 'child', null).then(
      ({ output }) => output,
      (error: { code: string }) => error.code,
    );
  });

  expect(await outputOf(sandbox, memoryStore(), { ...parent, agents: { child }, delegation: {} })).toMatchObject({
    output: 'WORKSPACE_NONE',
  });
});
