import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { PLAIN_TEXT, type Lease, type Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const key = { tenant: 'acme', run: 'r' };

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;
let live: string;
let stores: Store[];

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'store.db');
  live = `${path}-live`;
  stores = [];
});

afterEach(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]();
  directory.remove();
});

function open(): Store {
  const store = sqliteStore({ path, pollMs: 20 });
  stores.push(store);
  return store;
}

async function hold(store: Store): Promise<Lease> {
  await store.start({
    key,
    kind: 'agent',
    definition: 'chat',
    version: '1',
    input: null,
    inputHash: 'sha256:none',
    context: null,
    priority: 0,
    messages: [],
    root: 'r',
    depth: 0,
  });
  const definitions = [{ name: 'chat', versions: ['1'] }];
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 600_000,
    limit: 1,
    suspects: { room: 1, alone: 30 },
    definitions,
  });
  return { run: key, epoch: claims[0]?.run.epoch ?? 0 };
}

const say = (store: Store, lease: Lease, text: string, offset = 0): Promise<void> =>
  store.writeLiveText([
    {
      ...lease,
      texts: [{ step: 'talk', kind: 'model', attempt: 1, block: PLAIN_TEXT, offset, text, head: offset + text.length }],
      ended: [],
    },
  ]);

const heard = async (store: Store): Promise<string | undefined> => (await store.liveText(key, []))[0]?.text;

describe('the file for text in progress', () => {
  it('EVT-4: there is none before the first text, nor for a reader; the text that comes makes it', async () => {
    const store = open();
    const lease = await hold(store);
    expect(await heard(store)).toBeUndefined();
    await store.writeLiveText([{ ...lease, texts: [], ended: ['talk'] }]);
    expect(existsSync(live)).toBe(false);

    await say(store, lease, 'hello');

    expect(await heard(open())).toBe('hello');
  });

  it('EVT-4: the text that makes it is no news of another process to whoever watches', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const store = open();
      const lease = await hold(store);
      let told = 0;
      store.watchLiveText({ tenant: 'acme', run: 'other' }, () => (told += 1));
      await say(store, lease, 'mine');
      vi.advanceTimersByTime(1_000);
      expect(told).toBe(0);

      await say(open(), lease, ' theirs', 4);
      vi.advanceTimersByTime(1_000);
      expect(told).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('I6: one that was overwritten is thrown away, while it is open and before; the text that comes is kept', async () => {
    const store = open();
    const lease = await hold(store);
    await say(store, lease, 'lost');
    writeFileSync(live, 'x'.repeat(20_000));
    writeFileSync(`${live}-wal`, 'x'.repeat(20_000));

    const other = open();
    expect(await heard(other)).toBeUndefined();
    await say(store, lease, 'new');

    expect(await heard(store)).toBe('new');
    expect(await heard(other)).toBe('new');
  });

  it('I6: one that was taken away is made again, and whoever had it open finds the new one', async () => {
    const store = open();
    const reader = open();
    const lease = await hold(store);
    await say(store, lease, 'lost');
    expect(await heard(reader)).toBe('lost');
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${live}${suffix}`, { force: true });

    expect(await heard(reader)).toBeUndefined();
    await say(store, lease, 'new');

    expect(await heard(reader)).toBe('new');
  });

  it('I6: what only looks like a database is thrown away when its pages turn out to be damaged', async () => {
    const store = open();
    const lease = await hold(store);
    await say(store, lease, 'lost');
    await store[Symbol.asyncDispose]();
    const pages = new Database(live);
    pages.pragma('journal_mode = delete');
    pages.unsafeMode();
    pages.pragma('writable_schema = on');
    pages.exec("update sqlite_schema set rootpage = 77 where name = 'blocks'");
    pages.close();

    const again = open();
    expect(await heard(again)).toBeUndefined();
    const { claims } = await again.claim({
      worker: 'w',
      leaseMs: 1_000,
      limit: 1,
      suspects: { room: 1, alone: 30 },
      definitions: [{ name: 'chat', versions: ['1'] }],
    });
    await say(again, { run: key, epoch: claims[0]?.run.epoch ?? 0 }, 'new');
    expect(await heard(again)).toBe('new');
  });

  it('I6: somebody else’s file, and that of a newer release, are left as they are: text is refused, and nothing else', async () => {
    const store = open();
    const lease = await hold(store);
    for (const [pragma, code] of [
      ['application_id = 7', 'STORE_FOREIGN'],
      ['user_version = 99', 'STORE_TOO_NEW'],
    ] as const) {
      rmSync(live, { force: true });
      const other = new Database(live);
      if (code === 'STORE_TOO_NEW') other.pragma(`application_id = ${0x5052534c}`);
      other.pragma(pragma);
      other.exec('create table theirs (x)');
      other.close();

      await expect(say(store, lease, 'hello')).rejects.toMatchObject({ code });

      const still = new Database(live, { readonly: true });
      expect(still.prepare("select name from sqlite_schema where name = 'theirs'").pluck().get()).toBe('theirs');
      still.close();
      expect((await store.run(key))?.status).toBe('running');
    }
  });

  it('EVT-4: a file of an earlier release makes room for text of this one', async () => {
    const earlier = new Database(live);
    earlier.pragma(`application_id = ${0x5052534c}`);
    earlier.pragma('user_version = 1');
    earlier.exec('create table steps (id integer); create table pieces (step integer, until integer, text text)');
    earlier.close();
    const store = open();
    const lease = await hold(store);
    await say(store, lease, 'hello');
    expect(await heard(store)).toBe('hello');
  });

  it('I9: what workers that died left behind is removed by who writes next, and an empty file is small again', async () => {
    const store = open();
    const lease = await hold(store);
    await say(store, lease, 'x'.repeat(60_000));
    await store[Symbol.asyncDispose]();
    expect(statSync(live).size).toBeGreaterThan(60_000);

    const next = open();
    const definitions = [{ name: 'chat', versions: ['1'] }];
    const { claims } = await next.claim({
      worker: 'w',
      leaseMs: 600_000,
      limit: 1,
      suspects: { room: 1, alone: 30 },
      definitions,
    });
    const held = { run: key, epoch: claims[0]?.run.epoch ?? 0 };
    for (let n = 0; n < 10; n += 1) {
      const texts = [
        {
          step: `s${n}`,
          kind: 'model',
          attempt: 1,
          block: PLAIN_TEXT,
          offset: 0,
          text: 'x'.repeat(60_000),
          head: 60_000,
        },
      ] as const;
      await next.writeLiveText([{ ...held, texts, ended: [] }]);
    }
    await next.commit({
      ...held,
      entries: [{ type: 'run-end', status: 'completed' }],
      progress: true,
      transition: { type: 'end', status: 'completed' },
    });
    const other = { ...key, run: 'other' };
    await next.start({
      key: other,
      kind: 'agent',
      definition: 'chat',
      version: '1',
      input: null,
      inputHash: 'sha256:none',
      context: null,
      priority: 0,
      messages: [],
      root: 'other',
      depth: 0,
    });
    await next[Symbol.asyncDispose]();

    const last = open();
    const taken = await last.claim({
      worker: 'w',
      leaseMs: 600_000,
      limit: 1,
      suspects: { room: 1, alone: 30 },
      definitions,
    });
    const mine = { run: other, epoch: taken.claims[0]?.run.epoch ?? 0 };
    const texts = [{ step: 's', kind: 'model', attempt: 1, block: PLAIN_TEXT, offset: 0, text: 'x', head: 1 }] as const;
    await last.writeLiveText([{ ...mine, texts, ended: [] }]);
    await last.writeLiveText([{ ...mine, texts: [], ended: ['s'] }]);
    await last[Symbol.asyncDispose]();

    expect(statSync(live).size).toBeLessThan(100_000);
  });

  it('REC-4: a removal that happened says so, whatever is wrong with the file or holds it just now', async () => {
    const store = open();
    const lease = await hold(store);
    await say(store, lease, 'hello');
    const other = new Database(live);
    const end = { entries: [{ type: 'run-end', status: 'completed' }] as const, progress: true };
    await store.commit({ ...lease, ...end, transition: { type: 'end', status: 'completed' } });
    other.exec('begin immediate');
    const removing = store.remove({ tenant: 'acme', run: 'r' });
    setTimeout(() => other.close(), 20);
    expect(await removing).toMatchObject({ outcome: 'removed', removed: { runs: 1, entries: 2 } });

    const again = await hold(store);
    expect(again.epoch).toBe(lease.epoch);
    expect(await heard(store)).toBeUndefined();
    await store.commit({ ...again, ...end, transition: { type: 'end', status: 'completed' } });
    await store[Symbol.asyncDispose]();
    const foreign = new Database(live);
    foreign.pragma('application_id = 1');
    foreign.close();
    expect(await open().remove({ tenant: 'acme', run: 'r' })).toMatchObject({
      outcome: 'removed',
      removed: { runs: 1 },
    });
  });
});
