import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workspaceOf, type RunInfo, type Sandbox, type SandboxSession, type Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { memoryStore } from '@prusik/store-memory';
import { everyDeath, scriptedModel, type Life, type StoreStorage } from '@prusik/testing-contracts';
import { stepCountIs, streamText } from 'ai';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../src/index.ts';
import { defineSandboxTools, sandboxTools, type SandboxToolName } from '../src/sandbox/index.ts';
import { keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';
import { newSession, sandboxOf } from './sandbox-place.ts';

const sandbox = sandboxOf('none');

/** What each call was told, in the order of the conversation. */
async function toldOf(store: Store, of: 'run' | 'session', id: string): Promise<readonly string[]> {
  const stored = await store.messages({ tenant: 'default', of, id }, { after: 0, limit: 1_000 });
  return stored.flatMap(({ message }) =>
    message.content.flatMap((part) => {
      if (part.type !== 'tool-result' || !('text' in part.output)) return [];
      return [part.output.type === 'error' ? `${part.output.code}: ${part.output.text}` : part.output.text];
    }),
  );
}

function coder(
  session: SandboxSession,
  script: Parameters<typeof scriptedModel>[0],
  approval: Partial<Record<SandboxToolName, 'never' | 'always'>> = { write: 'never', edit: 'never', bash: 'never' },
) {
  const tools = defineSandboxTools({
    tools: ['read', 'write', 'edit', 'list', 'glob', 'grep', 'bash'],
    session: () => session,
    approval,
  });
  return defineAgent({ name: 'coder', instructions: 'Be brief.', model: scriptedModel(script), tools });
}

describe('SBX-8: tools of a sandbox for an agent', () => {
  it('know in another process what the model has read, and see what a command changed since', async () => {
    const store = newStore();
    const session = await newSession(await sandbox());
    await session.writeTextFile({ path: 'f', content: 'one\n' });
    const edit = { call: 'edit', input: { path: 'f', old: 'one', new: 'two' } };
    const turns = [
      [{ call: 'read', input: { path: 'f' } }, 'Read.'],
      [edit, 'Edited.'],
      [
        { call: 'bash', input: { command: 'echo three > f' } },
        edit,
        { call: 'write', input: { path: 'f', content: 'x' } },
        'No.',
      ],
    ];

    for (const [turn, script] of turns.entries()) {
      const engine = newEngine([coder(session, script)], { store });
      await engine.run('coder', 'Go on', { id: `r${turn}`, session: { id: 's' } });
      await engine[Symbol.asyncDispose]();
    }

    const [, edited, , refused, unwritten] = await toldOf(store, 'session', 's');
    expect(edited).toMatch(/^Edited f/);
    expect(refused).toMatch(/^TOOL_FILE_CHANGED: .*Read it again/);
    expect(unwritten).toMatch(/^TOOL_FILE_CHANGED: .*nothing was written/);
    expect(await session.readTextFile({ path: 'f' })).toBe('three\n');
    expect(await store.slots({ tenant: 'default', of: 'session', id: 's' })).toMatchObject([
      { name: 'sandbox-files', value: [['f', expect.stringMatching(/^[\w-]{22}$/)]] },
    ]);
  });

  it('change a file one after the other within a reply, each knowing what the one before made', async () => {
    const session = await newSession(await sandbox());
    const store = newStore();
    await session.writeTextFile({ path: 'f', content: 'a b c\n' });
    const edits = ['a', 'b', 'c'].map((old) => ({ call: 'edit', input: { path: 'f', old, new: `${old}!` } }));
    const write = { call: 'write', input: { path: 'f', content: 'done\n' } };
    const agent = coder(session, [{ call: 'read', input: { path: 'f' } }, [...edits, write], 'Done.']);

    await newEngine([agent], { store }).run('coder', 'Go', { id: 'r' });

    expect((await toldOf(store, 'run', 'r')).slice(1).map((text) => text.split(/[\s;]/)[0])).toEqual([
      'Edited',
      'Edited',
      'Edited',
      'Replaced',
    ]);
    expect(await session.readTextFile({ path: 'f' })).toBe('done\n');
  });

  it('ask a person before they change anything, and nobody where they only read', async () => {
    const session = await newSession(await sandbox());
    const store = newStore();
    const agent = coder(
      session,
      [
        [
          { call: 'list', input: {} },
          { call: 'bash', input: { command: 'echo x > f' } },
        ],
        'Done.',
      ],
      {},
    );
    const engine = newEngine([agent], { store });

    const [request = ''] = waitingOn(await engine.run('coder', 'Go', { id: 'r' }));
    expect(await session.stat({ path: 'f' })).toBeNull();
    await engine.decide(keyOf('r'), request, { status: 'approved' });
    await engine.drive(keyOf('r'));

    expect(await session.readTextFile({ path: 'f' })).toBe('x\n');
    const rules = defineSandboxTools({
      tools: ['read', 'list', 'glob', 'grep', 'write', 'edit', 'bash'],
      session: () => session,
    }).map(({ name, effect, approval, parallel }) => [name, effect, approval, parallel]);
    expect(rules).toEqual([
      ...['read', 'list', 'glob', 'grep'].map((name) => [name, 'repeatable', 'never', true]),
      ...['write', 'edit', 'bash'].map((name) => [name, 'once', 'once', false]),
    ]);
  });

  it('AGT-14: show an image, which stays with the conversation', async () => {
    const session = await newSession(await sandbox());
    const store = newStore();
    const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAAC', 'base64');
    await session.writeBinaryFile({ path: 'x', content: gif });

    await newEngine([coder(session, [{ call: 'read', input: { path: 'x' } }, 'Seen.'])], { store }).run('coder', 'Go', {
      id: 'r',
    });

    expect(Object.values(await resultsOf(store, 'r'))).toMatchObject([
      {
        type: 'content',
        parts: [
          { text: expect.stringContaining('image/gif') },
          { type: 'file', mediaType: 'image/gif', data: { blob: expect.any(String) } },
        ],
      },
    ]);
  });

  it('I4, TST-3: a turn that dies before and after every write changes the workspace of its run once, and nobody is asked', async () => {
    const roots: string[] = [];
    const script = [
      { call: 'write', input: { path: 'f', content: 'a\n' } },
      { call: 'edit', input: { path: 'f', old: 'a', new: 'aa' } },
      'Done.',
    ];

    async function turn({ store, clock }: Life): Promise<void> {
      const at = createLocalSandbox({ root: roots.at(-1) ?? '', isolation: 'none' });
      // Answers by what it is shown, as a model that is asked again does.
      const model = scriptedModel(
        Array.from(
          { length: 50 },
          () =>
            ({ prompt }) =>
              script[prompt.filter(({ role }) => role === 'tool').length] ?? 'Done.',
        ),
      );
      const approval = { write: 'never', edit: 'never' } as const;
      const tools = defineSandboxTools({ tools: ['write', 'edit'], sandbox: at, approval, maxCommandMs: 1e9 });
      const agent = defineAgent({ name: 'a', instructions: '', model, tools });
      const engine = createEngine({ store, clock, definitions: [agent], limits: { parkAfterMs: 0 } });
      try {
        await engine.run('a', 'Go', { id: 'r' });
        await engine[Symbol.asyncDispose]();
      } finally {
        // Locks are by process, and that one lives.
        await at[Symbol.asyncDispose]();
      }
    }

    const points = await everyDeath({
      create(): StoreStorage {
        roots.push(mkdtempSync(join(tmpdir(), 'sandbox-deaths-')));
        let only: Store | undefined;
        return { open: ({ clock }) => (only ??= memoryStore({ clock })) };
      },
      live: turn,
      isSilent: () => true,
      async check({ store, point }) {
        expect(await store.run(keyOf('r')), point).toMatchObject({ status: 'completed', output: 'Done.' });
        const at = createLocalSandbox({ root: roots.at(-1) ?? '', isolation: 'none' });
        const session = await at.open({ workspace: workspaceOf(keyOf('r')) });
        expect(await session.readTextFile({ path: 'f' }), point).toBe('aa\n');
        await at[Symbol.asyncDispose]();
      },
    });

    for (const root of roots) rmSync(root, { recursive: true });
    expect(points.size).toBeGreaterThan(10);
  });

  it('know what became of a call only where nothing that it did lasts', async () => {
    const at = await sandbox();
    const tools = defineSandboxTools({ tools: ['read', 'write', 'edit', 'bash'], sandbox: at });
    const run = { key: keyOf('r'), workspace: workspaceOf(keyOf('r')) };
    const became = async (more: object = {}) =>
      Promise.all(
        tools.map(async ({ check }) => (await check?.({}, { run: { ...run, ...more }, callId: 'c' } as never))?.became),
      );

    // Commands of this sandbox are not isolated.
    expect(await became()).toEqual([undefined, 'not-run', 'not-run', 'unknown']);
    expect(await became({ parent: keyOf('p') })).toEqual([undefined, 'not-run', 'not-run', 'unknown']);
    expect(await became({ parent: keyOf('p'), workspace: workspaceOf(keyOf('p')) })).toEqual([
      undefined,
      'unknown',
      'unknown',
      'unknown',
    ]);
    expect(tools.map(({ requires }) => requires)).toEqual(tools.map(() => ['sandbox']));
  });

  it('do not take a call that is still at work for one that was cut off', async () => {
    const real = await sandbox();
    const opening = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const slow: Sandbox = {
      ...real,
      async open(options) {
        opening.resolve();
        await released.promise;
        return real.open(options);
      },
    };
    let seen: RunInfo | undefined;
    const [write] = defineSandboxTools({
      tools: ['write'],
      sandbox: slow,
      approval: { write: ({ run }) => ((seen = run), 'approved') },
    });
    const call = { call: 'write', input: { path: 'f', content: 'x' }, callId: 'c' };
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([call, 'Done.']),
      tools: write ? [write] : [],
    });
    const became = async () => (await write?.check?.({}, { run: seen, callId: 'c' } as never))?.became;

    const running = newEngine([agent]).run('a', 'Go', { id: 'slow' });
    await opening.promise;
    expect(await became()).toBe('unknown');
    released.resolve();
    await running;

    expect(await became()).toBe('not-run');
  });

  it('are those that were named, and no others', async () => {
    const session = async () => newSession(await sandbox());

    expect(defineSandboxTools({ tools: ['grep', 'read'], session }).map(({ name }) => name)).toEqual(['grep', 'read']);
    expect(Object.keys(sandboxTools(await session(), { tools: ['read'] }))).toEqual(['read']);
    expect(() => defineSandboxTools({ tools: ['rm' as 'read'], session })).toThrow(TypeError);
  });
});

it('SBX-8: the AI SDK alone calls them, without an engine, a store or a session of ours', async () => {
  const session = await newSession(await sandbox());
  await session.writeTextFile({ path: 'f', content: 'one\n' });
  const model = scriptedModel([
    { call: 'edit', input: { path: 'f', old: 'one', new: 'two' } },
    { call: 'read', input: { path: 'f' } },
    [
      { call: 'edit', input: { path: 'f', old: 'one', new: 'two' } },
      { call: 'read', input: { path: 5 } },
    ],
    { call: 'bash', input: { command: 'cat f' } },
    'Done.',
  ]);

  const result = streamText({ model, prompt: 'Go', tools: sandboxTools(session), stopWhen: stepCountIs(9) });

  expect(await result.text).toBe('Done.');
  expect(await session.readTextFile({ path: 'f' })).toBe('two\n');
  const last = JSON.stringify(model.requests.at(-1)?.prompt);
  expect(last).toContain('f was not read yet. Read it, then edit it.');
  expect(last).toContain('path: expected a string');
  expect(last).toContain('two\\n[exit code 0]');
  expect(model.requests[0]?.tools).toHaveLength(7);
});
