import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFinal, listArtifacts, type Artifact, type Entry, type RunSummary, type StoredMessage } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { seededRandom } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';
import { startModelServer, type ModelServer } from './kill/model-server.ts';

const PROGRAM = fileURLToPath(new URL('kill/captain.ts', import.meta.url));
/** How many points CI tries at most; `npm run crash` tries every one. Which ones follows from the seed, which is printed. */
const POINTS = process.env['KILL_POINTS'] ?? '4';
const SEED = Number(process.env['KILL_SEED'] ?? 1);
/** All that the program gets of this process's environment. */
const SHARED = Object.fromEntries(
  ['PATH', 'TMPDIR', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
/** Far below a lease (30 s): a restart that waits for the dead holder's lease takes longer. */
const RESTART_WITHIN_MS = 20_000;

let repository: Fixture;
let server: ModelServer;

beforeAll(async () => {
  server = await startModelServer();
  repository = createFixture();
  repository.commit('feat(api): list orders', {
    'packages/api/package.json': '{"name":"api"}',
    'packages/api/list.ts': 'a',
  });
  repository.commit('fix(api)!: refuse empty orders', { 'packages/api/list.ts': 'b' });
  repository.commit('feat(web): show orders', {
    'packages/web/package.json': '{"name":"web"}',
    'packages/web/show.ts': 'c',
  });
  repository.commit('docs: say what it is', { 'README.md': 'An order service' });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  repository[Symbol.dispose]();
});

interface Life {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly ms: number;
}

/** A folder with everything of one run, and the processes that drive it one after the other. */
function createScene() {
  const folder = temporaryFolder();
  const [out, db, effects] = [join(folder, 'out'), join(folder, 'out/runs.db'), join(folder, 'effects')];
  const lives: Promise<Life>[] = [];

  function live(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Life> {
    const started = performance.now();
    const child = spawn(process.execPath, ['--conditions=@prusik/source', PROGRAM, ...args, '--db', db, '--out', out], {
      env: { ...SHARED, KILL_MODEL_URL: server.url, KILL_EFFECTS: effects, KILL_SCENE: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    const life = once(child, 'exit').then(
      ([code, signal]) => ({ code, signal, output, ms: performance.now() - started }) as Life,
    );
    lives.push(life);
    return life;
  }

  return {
    folder,
    notes: () => readFileSync(join(out, 'RELEASE_NOTES.md'), 'utf8'),
    effects: () => (existsSync(effects) ? readFileSync(effects, 'utf8').split('\n').filter(Boolean) : []),
    release: (env?: Readonly<Record<string, string>>, ...more: readonly string[]) =>
      live(['--repo', repository.folder, '--run-id', 'r', '--yes', ...more], env),
    live,
    record: () => readRecord(db),
    leftovers: async () => [...(await processesOf(folder)), ...workspacesOf(folder)],
    async [Symbol.asyncDispose]() {
      await Promise.all(lives);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Journal {
  readonly run: RunSummary;
  readonly entries: readonly Entry[];
  readonly messages: readonly StoredMessage[];
  readonly made: readonly Artifact[];
}

async function readRecord(path: string): Promise<readonly Journal[]> {
  if (!existsSync(path)) return [];
  const store = sqliteStore({ path });
  try {
    const runs = (await store.listRuns({ tenant: 'default', limit: 1_000 })).items;
    return await Promise.all(
      runs.map(async (run) => ({
        run,
        entries: await store.entries(run.key, { after: 0, limit: 1_000 }),
        messages: await store.messages({ tenant: 'default', of: 'run', id: run.key.run }, { after: 0, limit: 1_000 }),
        made: await listArtifacts(store, run.key),
      })),
    );
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** What still runs of a scene: the program itself, its sandboxes (their working folder is a workspace), their commands. */
async function processesOf(folder: string): Promise<readonly string[]> {
  for (let patience = 40; ; patience -= 1) {
    const found = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && belongsTo(pid, folder));
    if (found.length === 0 || patience === 0) return found.map((pid) => `process ${pid}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function belongsTo(pid: string, folder: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder) ||
      readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder) ||
      readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(folder) ||
      readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
    );
  } catch {
    return false; // it ended meanwhile
  }
}

/** Finished workspaces and unfinished ones; the folders that hold them stay. */
function workspacesOf(folder: string): readonly string[] {
  return ['workspaces', 'unfinished'].flatMap((kind) => {
    const root = join(folder, 'out/runs.db.workspaces', kind);
    return existsSync(root) ? readdirSync(root).map((name) => `${kind}/${name}`) : [];
  });
}

const tally = { points: 0, inDoubt: 0, settledByCheck: 0, repeated: 0 };

/** Everything that must be true when a run that was killed has been taken to its end. */
function check(
  journals: readonly Journal[],
  effects: readonly string[],
  notes: string,
  marksBefore: ReadonlySet<string>,
): void {
  const entries = journals.flatMap((journal) => journal.entries.map((entry) => ({ run: journal.run.key.run, entry })));
  for (const { run, entries: own } of journals) {
    expect(run.status).toBe('completed');
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1));
    expect(own.filter(({ type }) => type === 'run-end')).toHaveLength(1);
    const outcomes = own.flatMap((entry) =>
      entry.type === 'step-end' || entry.type === 'wait-end' ? [entry.key] : [],
    );
    expect(new Set(outcomes).size).toBe(outcomes.length);
  }

  const made = journals.find(({ run }) => run.parent === undefined)?.made;
  expect(made?.map(({ name, hash }) => [name, hash])).toEqual([
    ['RELEASE_NOTES.md', `sha256:${createHash('sha256').update(notes).digest('hex')}`],
  ]);

  // Tools: once each, and a second time only where the kill left the first without an outcome.
  const [before, after] = splitAtKill(effects);
  const executed = [...before, ...after].filter((effect) => effect.startsWith('tool '));
  const twice = executed.filter((effect, index) => executed.indexOf(effect) !== index);
  expect(new Set(twice).size).toBe(twice.length);
  for (const effect of twice) expect(before).toContain(effect);
  tally.repeated += twice.length;
  const recorded = entries.filter(
    ({ entry }) => entry.type === 'step-end' && entry.kind === 'tool' && entry.key !== 'publish',
  );
  expect(new Set(executed).size).toBe(recorded.length);

  // The effect outside: once. In doubt only where the kill fell between its intent and its outcome; then its check settles it.
  expect([...before, ...after].filter((effect) => effect === 'published')).toHaveLength(1);
  const publish = entries.flatMap(({ entry }) => (entry.type === 'step-end' && entry.key === 'publish' ? [entry] : []));
  expect(publish).toHaveLength(1);
  if (publish[0]?.settledBy === 'check') tally.settledByCheck += 1;
  const intents = entries.filter(({ entry }) => entry.type === 'step-intent' && entry.key === 'publish').length;
  if (intents > 1 || publish[0]?.settledBy !== undefined) tally.inDoubt += 1;

  // Answers: what the notes say is what the journal has, worded once; an answer without a place in it was in flight at the kill.
  const kept = new Set(
    journals.flatMap(({ messages }) => messages.flatMap(({ message }) => marksOf(JSON.stringify(message)))),
  );
  for (const mark of marksOf(notes)) expect(kept).toContain(mark);
  expect(marksOf(notes).length).toBeGreaterThan(3);
  const modelSteps = entries.filter(({ entry }) => entry.type === 'step-end' && entry.kind === 'model').length;
  const spoken = server.answers.filter((mark) => !marksBefore.has(mark)).length;
  expect(spoken - modelSteps).toBeGreaterThanOrEqual(0);
  expect(spoken - modelSteps).toBeLessThanOrEqual(4);
}

const marksOf = (text: string): readonly string[] => text.match(/answer-\d+/g) ?? [];

function splitAtKill(effects: readonly string[]): readonly [readonly string[], readonly string[]] {
  const at = effects.findIndex((effect) => effect.startsWith('killed'));
  return at < 0 ? [[], effects] : [effects.slice(0, at), effects.slice(at + 1)];
}

/** Kills one run at a point, starts it again, and looks at everything. Says whether the point was reached. */
async function killAndRestart(env: Readonly<Record<string, string>>): Promise<boolean> {
  const scene = createScene();
  try {
    const marksBefore = new Set(server.answers);
    const first = await scene.release(env);
    if (first.signal !== 'SIGKILL') {
      if (first.code !== 0) throw new Error(first.output);
      return false;
    }
    const second = await scene.release();
    expect(second, second.output).toMatchObject({ code: 0 });
    expect(second.ms).toBeLessThan(RESTART_WITHIN_MS);
    const journals = await scene.record();
    check(journals, scene.effects(), scene.notes(), marksBefore);
    expect(await scene.leftovers()).toEqual([]);

    const notes = scene.notes();
    const again = await scene.release();
    expect(again, again.output).toMatchObject({ code: 0 });
    expect(scene.notes()).toBe(notes);
    expect(scene.effects().filter((effect) => effect === 'published')).toHaveLength(1);
    tally.points += 1;
    return true;
  } finally {
    await scene[Symbol.asyncDispose]();
  }
}

describe('kill -9', () => {
  it('I1, I4, TST-3: after any store commit, the run goes on in another process with nothing lost and nothing done twice', async () => {
    const whole = createScene();
    const calm = await whole.release();
    expect(calm, calm.output).toMatchObject({ code: 0 });
    const commits = Number(
      whole
        .effects()
        .findLast((effect) => effect.startsWith('commits '))
        ?.slice(8),
    );
    await whole[Symbol.asyncDispose]();

    const wanted = POINTS === 'all' ? commits : Math.min(commits, Number(POINTS));
    // One of each stretch of the run, so that a sample has its beginning and its end too.
    const { next } = seededRandom(SEED);
    const points = Array.from({ length: wanted }, (_, n) => 1 + Math.floor(((n + next()) * commits) / wanted));
    // Which commits share a transaction differs a little from life to life, so the last points may not be reached.
    for (const k of points) if (!(await killAndRestart({ KILL_AFTER_COMMIT: String(k) }))) break;

    console.log(`kill -9 after store commits: ${JSON.stringify({ commits, seed: SEED, ...tally })}`);
    expect(tally.points).toBeGreaterThan(points.length * 0.8);
  }, 1_200_000);

  it('DUR-5: between the effect outside and its outcome, the check settles the doubt and nothing is published twice', async () => {
    const before = tally.settledByCheck;
    expect(await killAndRestart({ KILL_BEFORE_OUTCOME: 'publish' })).toBe(true);
    expect(tally.settledByCheck).toBe(before + 1);
  }, 120_000);

  it.each([1, 4, 9])(
    'SBX-5, I8: during git call %i in the sandbox, no process and no workspace is left over',
    async (n) => {
      expect(await killAndRestart({ KILL_IN_EXEC: String(n) })).toBe(true);
    },
    120_000,
  );

  it('REQ-1: while it waits for approval, the decision of another process is carried out once', async () => {
    const scene = createScene();
    try {
      const waiting = await scene.live(['--repo', repository.folder, '--run-id', 'r']);
      expect(waiting, waiting.output).toMatchObject({ code: 0 });
      expect(waiting.output).toContain('approve r');
      const decided = await scene.live(['approve', 'r', '--no-drive']);
      expect(decided, decided.output).toMatchObject({ code: 0 });
      expect(scene.effects()).not.toContain('published');
      const killed = await scene.live(['--repo', repository.folder, '--run-id', 'r'], { KILL_AFTER_COMMIT: '1' });
      expect(killed.signal).toBe('SIGKILL');

      const ended = await scene.live(['--repo', repository.folder, '--run-id', 'r']);

      expect(ended, ended.output).toMatchObject({ code: 0 });
      expect(scene.effects().filter((effect) => effect === 'published')).toHaveLength(1);
      expect(await scene.leftovers()).toEqual([]);
    } finally {
      await scene[Symbol.asyncDispose]();
    }
  }, 120_000);

  it('two processes given the same run id at once: one effect, and both tell the same end', async () => {
    const scene = createScene();
    try {
      const [one, other] = await Promise.all([scene.release(), scene.release()]);

      expect(one, one.output).toMatchObject({ code: 0 });
      expect(other, other.output).toMatchObject({ code: 0 });
      expect(scene.effects().filter((effect) => effect === 'published')).toHaveLength(1);
      for (const { run } of await scene.record()) expect(isFinal(run.status)).toBe(true);
      expect(await scene.leftovers()).toEqual([]);
    } finally {
      await scene[Symbol.asyncDispose]();
    }
  }, 120_000);
});
