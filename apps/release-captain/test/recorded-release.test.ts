// Recorded with `PRUSIK_RECORD=1 npx vitest run test/recorded-release.test.ts`, and played everywhere else.
import { readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { createRecorder, type Recorder } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openApp, type App, type AppOptions } from '../src/app.ts';
import { createOfflineModel } from '../src/offline/offline-model.ts';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';

const file = join(import.meta.dirname, 'fixtures/release.recording.json');
const nobody = (): never => {
  throw new Error('Nobody is to be asked');
};

describe('REC-3: a recorded release', { timeout: 60_000 }, () => {
  let repository: Fixture;
  let place: string;
  beforeEach(() => {
    repository = createFixture();
    repository.commit('feat: begin', {
      'package.json': '{}',
      'packages/a/package.json': '{}',
      'packages/b/package.json': '{}',
    });
    repository.sh('tag', 'v1.0.0');
    repository.commit('feat(a): greet by name', { 'packages/a/greet.ts': 'export const greet = 1;\n' });
    repository.commit('fix(b): count from one\n\nIt began at zero.', {
      'packages/b/count.ts': 'export const first = 1;\n',
    });
    repository.commit('wip', { 'packages/b/other.ts': 'x\n' });
    place = temporaryFolder();
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(nobody);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    repository[Symbol.dispose]();
    rmSync(place, { recursive: true, force: true });
  });

  /** A release by this recorder, to its end. */
  async function release(name: string, more: Pick<AppOptions, 'wording' | 'wrapTool'> = {}) {
    const out = join(place, name);
    const app = await openApp({
      db: join(out, '.release-captain', 'runs.db'),
      drives: true,
      warn: () => undefined,
      ...more,
    });
    try {
      const result = await drive(app, out);
      return {
        result,
        notes: result.status === 'completed' ? readFileSync(join(out, 'RELEASE_NOTES.md'), 'utf8') : '',
      };
    } finally {
      await app[Symbol.asyncDispose]();
    }
  }

  async function drive({ harness }: App, out: string) {
    const input = { repo: repository.folder, out };
    const waiting = await harness.run('release', input, { id: 'r' });
    if (waiting.status !== 'waiting') return waiting;
    const { items } = await harness.requests({ kind: ['approval'] });
    for (const { run, id } of items) await harness.approve(run, id, { by: 'test' });
    return harness.run('release', input, { id: 'r' });
  }

  /** Its models and tools as they are recorded; behind what is played is nobody. */
  function through(recorder: Recorder, asked: (model: LanguageModelV4) => LanguageModelV4 = (model) => model) {
    const plays = recorder.mode === 'replay';
    const model = { ...createOfflineModel(), ...(plays ? { doStream: nobody, doGenerate: nobody } : {}) };
    return {
      wording: { model: asked(recorder.model('wording', model)), writtenBy: 'Written by a recording.' },
      wrapTool: (tool) => recorder.tool(plays ? { ...tool, execute: nobody } : tool),
    } satisfies Pick<AppOptions, 'wording' | 'wrapTool'>;
  }

  it('is played without a model, its tools or a network, and comes to the notes that the model writes', async () => {
    const recorder = createRecorder({ file });

    const { result, notes } = await release('played', through(recorder));

    await recorder[Symbol.asyncDispose]();
    expect(result).toMatchObject({ status: 'completed', output: { published: true, commits: 3, areas: 2 } });
    expect(notes).toContain('Greet by name');
    const asWritten = await release('asked', {
      wording: { model: createOfflineModel(), writtenBy: 'Written by a recording.' },
    });
    expect(notes).toBe(asWritten.notes);
  });

  it('fails with the difference where a prompt was changed, and nothing comes of it', async () => {
    const recorder = createRecorder({ file, mode: 'replay' });
    const changed = (model: LanguageModelV4): LanguageModelV4 => ({
      ...createOfflineModel(),
      doStream: (options) =>
        model.doStream({
          ...options,
          prompt: options.prompt.map((message) =>
            message.role === 'system'
              ? { ...message, content: message.content.replace('Plain sentences', 'Rhymes') }
              : message,
          ),
        }),
    });

    const { result } = await release('changed', through(recorder, changed));

    expect(result).toMatchObject({ status: 'failed' });
    await expect(recorder[Symbol.asyncDispose]()).rejects.toMatchObject({
      code: 'REPLAY_CHANGED',
      message: expect.stringMatching(/^- Plain sentences without Markdown\.\n\+ Rhymes without Markdown\.$/m),
    });
  });

  it('fails with the difference where another range is told', async () => {
    repository.commit('feat(a): one more', { 'packages/a/more.ts': 'y\n' });
    const recorder = createRecorder({ file, mode: 'replay' });

    const { result } = await release('longer', through(recorder));

    expect(result).toMatchObject({ status: 'failed', error: { code: 'REPLAY_CHANGED' } });
    await expect(recorder[Symbol.asyncDispose]()).rejects.toMatchObject({
      message: expect.stringMatching(/^- .*"commits":3\}$\n^\+ .*"commits":4\}$/m),
    });
  });
});
