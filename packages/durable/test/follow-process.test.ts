import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { emptyView, foldEvents, type RunEvent, type Store, type TreeView } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../src/index.ts';
import { entriesOf, key } from './support.ts';

const TALKER = fileURLToPath(new URL('fixtures/talker.ts', import.meta.url));

let directory: string;
let path: string;
let store: Store;
let engine: Engine;
let children: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'prusik-follow-'));
  path = join(directory, 'store.db');
  store = sqliteStore({ path });
  engine = createEngine({ store, definitions: [] });
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await engine[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** Drives run `r` in a process of its own; `said` resolves to when it said the text. */
function talker(text: string) {
  const child = spawn(process.execPath, ['--conditions=@prusik/source', TALKER, path, 'r', text], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const said = once(createInterface({ input: child.stdout }), 'line').then(([line]) => Number(line));
  return {
    said,
    finish: () => child.stdin.write('go\n'),
    kill: () => child.kill('SIGKILL'),
    gone: once(child, 'close'),
  };
}

/** What a reader in this process is told, until its events end. */
function reader() {
  const seen: RunEvent[] = [];
  const at: number[] = [];
  let look = (): void => undefined;
  const reading = (async () => {
    for await (const event of engine.events(key('r'))) {
      seen.push(event);
      at.push(Date.now());
      look();
    }
  })();
  return {
    seen,
    reading,
    /** Resolves to when the text of the step, as the view has it, was this. */
    async heard(text: string): Promise<number> {
      await new Promise<void>((resolve) => {
        look = () => {
          if (viewOf(seen).runs['r']?.live['talk']?.text === text) resolve();
        };
        look();
      });
      return at.at(-1) ?? 0;
    },
  };
}

const viewOf = (events: readonly RunEvent[]): TreeView => foldEvents(emptyView(key('r')), events);

async function journalView(): Promise<TreeView> {
  const entries = await entriesOf(store, key('r'));
  return viewOf(entries.map((entry) => ({ run: key('r'), live: false, entry })));
}

const told = (events: readonly RunEvent[]): readonly string[] =>
  events.map((event) => (event.live ? event.event.type : event.entry.type));

describe('a reader in another process than the run’s', () => {
  it('EVT-4: hears the text while it is said, within a second, and then what was committed', async () => {
    const follows = reader();
    const child = talker('once upon a time');

    const heardAt = await follows.heard('once upon a time');
    expect(heardAt - (await child.said)).toBeLessThan(1_000);
    expect(told(follows.seen).slice(0, 4)).toEqual(['run-start', 'run-claim', 'step-end', 'step-start']);

    // One that comes in the middle of the text is told all of it.
    const late = reader();
    await late.heard('once upon a time');
    child.finish();
    await Promise.all([follows.reading, late.reading, child.gone]);

    expect(viewOf(follows.seen)).toEqual(await journalView());
    expect(viewOf(late.seen)).toEqual(await journalView());
    expect(await store.liveText(key('r'), [])).toEqual([]);
  }, 30_000);

  it('EVT-5: when the process dies in the middle of a text and another takes over, hears a reset and then the right text', async () => {
    const follows = reader();
    const dies = talker('words of the dead');
    await follows.heard('words of the dead');
    dies.kill();
    await dies.gone;

    const lives = talker('words of the living');
    await follows.heard('words of the living');
    lives.finish();
    await Promise.all([follows.reading, lives.gone]);

    const live = follows.seen.flatMap((event) => (event.live ? [event.event] : []));
    const reset = live.findIndex(({ type }) => type === 'step-reset');
    expect(live[reset]).toMatchObject({ key: 'talk', epoch: 2 });
    const textOf = (events: typeof live): string =>
      events.map((event) => (event.type === 'step-delta' && event.key === 'talk' ? event.text : '')).join('');
    expect(textOf(live.slice(0, reset))).toBe('words of the dead');
    expect(textOf(live.slice(reset))).toMatch(/^words of the living/);
    expect(live.filter(({ type }) => type === 'gap')).toEqual([]);
    expect(viewOf(follows.seen)).toEqual(await journalView());
    expect(viewOf(follows.seen).runs['r']).toMatchObject({
      status: 'completed',
      output: 'words of the living, the end',
    });
  }, 30_000);
});
