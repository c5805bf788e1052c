import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  openRunWorkspace,
  workspaceOf,
  type CallOptions,
  type AnyDefinition,
  type ChildResult,
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
import { defineWorkflow } from '@prusik/workflows-delegation';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

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

async function outputOf(sandbox: Sandbox, store: Store, definition: AnyDefinition): Promise<unknown> {
  const harness = defineHarness({
    store,
    sandbox,
    workflows: { it: definition as DurableDefinition<Json, Json> },
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
  const { promise: taken, resolve: isTaken } = Promise.withResolvers<void>();
  const definition = works(sandbox, 'it', async (step) => {
    const first = step('first', async (shell, commit) => {
      await shell('echo first > a');
      await commit();
      isTaken();
      await both;
      return null;
    });
    const second = step('second', async (shell, commit) => {
      await taken;
      await shell('echo second > b');
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

type Calls = (key: string, how?: CallOptions) => Promise<ChildResult<Json>>;

/** A workflow that writes `f`, then does what `parent` does with calls of an agent that works as `child` does. */
async function outputOfTree(
  sandbox: Sandbox,
  child: (step: Step, key: string) => Promise<Json>,
  parent: (call: Calls, step: Step) => Promise<Json>,
  store: Store = memoryStore(),
): Promise<unknown> {
  const agent = works(sandbox, 'agent', (step, _, input) => child(step, String(input)));
  const workflow = defineWorkflow({
    name: 'it',
    input: z.null(),
    agents: { agent },
    delegation: {},
    async run(ctx) {
      const step: Step = (key, work) => ctx.step(key, (scope) => inWorkspace(sandbox, ctx.run, scope, work));
      await step('first', write('echo first > f'));
      return parent((key, how) => ctx.agents.agent.result(key, key, how), step);
    },
  });
  return outputOf(sandbox, store, workflow);
}

it('WFL-8: a child that is given no workspace has none', async () => {
  const output = await outputOfTree(
    newSandbox(),
    (step) => step('see', see),
    (call) =>
      call('a').then(
        () => 'it has one',
        (error: { code: string }) => error.code,
      ),
  );

  expect(output).toMatchObject({ output: 'WORKSPACE_NONE' });
});

it('WFL-8: forks begin with what the caller has committed, change nothing of it, and what they changed comes back', async () => {
  const output = await outputOfTree(
    newSandbox(),
    (step, key) => step('work', write(`cat f; echo ${key} > f; echo new > ${key}`)),
    async (call, step) => {
      await step('leaves something', (shell) => shell('echo left > f')).catch(() => null);
      const results = await Promise.all([call('a', { workspace: 'fork' }), call('b', { workspace: 'fork' })]);
      return [
        results.map(({ output: said, workspace }) => [said, workspace?.diff ?? null]) as Json,
        await step('see', see),
      ];
    },
  );

  expect(output).toMatchObject({
    output: [
      [
        ['first\n', { added: ['a'], changed: ['f'], removed: [], total: 2 }],
        ['first\n', { added: ['b'], changed: ['f'], removed: [], total: 2 }],
      ],
      'first\n',
    ],
  });
});

it('WFL-8: what a child does in a workspace that it shares its caller finds, also what it did before it failed', async () => {
  const sandbox = newSandbox();
  const output = await outputOfTree(
    sandbox,
    async (step, key) => {
      await step('work', write(`echo ${key} >> f`));
      if (key === 'b') throw new Error('gave up');
      return key;
    },
    async (call, step) => {
      const given = await call('a', { workspace: 'share' });
      await call('b', { workspace: 'share' }).catch(() => null);
      await step('leaves something', (shell) => shell('echo left > f')).catch(() => null);
      return [given.workspace === undefined, await step('see', see)];
    },
  );

  expect(output).toMatchObject({ output: [true, 'first\na\nb\n'] });
  expect((await sandbox.workspaces.list()).map(({ id }) => id)).toEqual(['default:run:r']);
});

it('WFL-3: a refused call forks nothing, shares nothing, and takes no step', async () => {
  const sandbox = newSandbox();
  const store = memoryStore();
  const agent = works(sandbox, 'agent', (step) => step('see', see));
  const workflow = defineWorkflow({
    name: 'it',
    input: z.null(),
    agents: { agent },
    delegation: { calls: 0 },
    run: (ctx) =>
      Promise.all(
        (['fork', 'share'] as const).map((workspace) =>
          ctx.agents.agent.run(workspace, null, { workspace }).catch((error: { code: string }) => error.code),
        ),
      ),
  });

  expect(await outputOf(sandbox, store, workflow)).toMatchObject({
    output: ['DELEGATION_REFUSED', 'DELEGATION_REFUSED'],
  });
  const entries = await store.entries({ tenant: 'default', run: 'r' }, { after: 0, limit: 100 });
  expect(entries.filter(({ type }) => type.startsWith('step'))).toEqual([]);
  expect(await sandbox.workspaces.list()).toEqual([]);
});

it('WFL-8: runs of one session go on in one workspace, each where the last one came to', async () => {
  const sandbox = newSandbox();
  const definition = works(sandbox, 'it', (step, _, input) =>
    step('work', write(`cat f 2>/dev/null; echo ${String(input)} >> f`)),
  );
  const harness = defineHarness({
    store: memoryStore(),
    sandbox,
    workflows: { it: definition },
    ephemeral: true,
    keepOpen: ['sandbox'],
  });
  onTestFinished(() => harness[Symbol.asyncDispose]());

  const said = [];
  for (const [n, session] of ['s', 's', 'other'].entries()) said.push(await harness.run('it', n, { session }));

  expect(said).toMatchObject([{ output: '' }, { output: '0\n' }, { output: '' }]);
  expect((await sandbox.workspaces.list()).map(({ id }) => id)).toEqual(['default:session:other', 'default:session:s']);
});

it(
  'I8, SBX-7: a run whose process was killed in a command goes on elsewhere with the workspace of its last committed step',
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'prusik-run-workspace-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    for (const step of ['two', 'in-child', 'again-in-child', 'three']) {
      const runner = startRunner(folder, step);
      await once(runner.stdout, 'data');
      runner.kill('SIGKILL');
      await once(runner, 'exit');
    }

    const runner = startRunner(folder, 'none');
    const [said] = (await once(runner.stdout.setEncoding('utf8'), 'data')) as [string];
    await once(runner, 'exit');

    expect(JSON.parse(said)).toMatchObject({
      status: 'completed',
      output: [['', 'one\n'], ['one\ntwo\n', 'one\ntwo\nin-child\n'], ['f'], 'one\ntwo\n'],
    });
  },
);

function startRunner(folder: string, hangAt: string): ChildProcessByStdio<null, Readable, null> {
  const script = fileURLToPath(new URL('fixtures/workspace-runner.ts', import.meta.url));
  return spawn(process.execPath, ['--conditions=@prusik/source', script, folder, hangAt], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
