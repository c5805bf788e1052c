import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { emptyView, foldEvents, type EventCursor, type RunEvent, type Store, type TreeView } from '@prusik/core';
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
function reader(after: EventCursor = {}) {
  const seen: RunEvent[] = [];
  const at: number[] = [];
  let look = (): void => undefined;
  const reading = (async () => {
    for await (const event of engine.events(key('r'), { after })) {
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
          if (textOf(seen) === text) resolve();
        };
        look();
      });
      return at.at(-1) ?? 0;
    },
  };
}

/** What the last execution of the step has said. */
function textOf(events: readonly RunEvent[]): string {
  const live = events.flatMap((event) => (event.live ? [event.event] : []));
  const begun = live.findLastIndex(({ type }) => type === 'step-start');
  return live
    .slice(Math.max(0, begun))
    .map((event) => (event.type === 'step-delta' ? event.text : ''))
    .join('');
}

const viewOf = (events: readonly RunEvent[]): TreeView => foldEvents(emptyView(key('r')), events);

async function journalView(): Promise<TreeView> {
  const entries = await entriesOf(store, key('r'));
  return viewOf(entries.map((entry) => ({ run: key('r'), live: false, entry })));
}

const told = (events: readonly RunEvent[]): readonly string[] =>
  events.map((event) => (event.live ? event.event.type : event.entry.type));

describe('a reader in another process than the run’s', () => {
  it('EVT-4, DUR-16: hears the text while it is said, within a second, also when it re-attaches with a cursor, and then what was committed', async () => {
    const follows = reader();
    const child = talker('once upon a time');

    const heardAt = await follows.heard('once upon a time');
    expect(heardAt - (await child.said)).toBeLessThan(1_000);
    expect(told(follows.seen).slice(0, 4)).toEqual(['run-start', 'run-claim', 'step-end', 'step-start']);

    // One that comes back in the middle of the text is told all of it, and no entry again.
    const kept = JSON.parse(JSON.stringify(viewOf(follows.seen))) as TreeView;
    const late = reader(kept.cursor);
    await late.heard('once upon a time');
    child.finish();
    await Promise.all([follows.reading, late.reading, child.gone]);

    expect(viewOf(follows.seen)).toEqual(await journalView());
    expect(foldEvents(kept, late.seen)).toEqual(await journalView());
    expect(told(late.seen)[0]).toBe('step-start');
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
    const textIn = (events: typeof live): string =>
      events.map((event) => (event.type === 'step-delta' && event.key === 'talk' ? event.text : '')).join('');
    expect(textIn(live.slice(0, reset))).toBe('words of the dead');
    expect(textIn(live.slice(reset))).toMatch(/^words of the living/);
    expect(live.filter(({ type }) => type === 'gap')).toEqual([]);
    expect(viewOf(follows.seen)).toEqual(await journalView());
    expect(viewOf(follows.seen).runs['r']).toMatchObject({
      status: 'completed',
      output: 'words of the living, the end',
    });
  }, 30_000);
});
