import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { memoryStore } from '@prusik/store-memory';
import { checkStore, sqliteStore } from '@prusik/store-sqlite';
import { seededRandom } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPrusikError, listArtifacts, type Store } from '@prusik/core';
import { exportRun, exportSession, importRecords } from '../src/index.ts';
import { climb, closed, linesOf, talk, tree, waits } from './some-records.ts';

/** The digest of a bundle that was changed on purpose is made right again, so that what is behind it is looked at. */
function sealed(lines: readonly string[]): string[] {
  const body = lines.slice(0, -1).map((line) => (line.endsWith('\n') ? line : `${line}\n`));
  const counts = Object.fromEntries(
    [
      'session',
      'run',
      'entry',
      'signal',
      'message',
      'request',
      'grant',
      'ledger',
      'note',
      'slot',
      'uses',
      'blob',
      'piece',
    ].map((kind) => [kind, body.slice(1).filter((line) => line.startsWith(`{"${kind}":`)).length]),
  );
  return [
    ...body,
    JSON.stringify({ end: { counts, sha256: createHash('sha256').update(body.join('')).digest('hex') } }),
  ];
}

/** What a second export of the same rows may say otherwise: whose tenant it is. */
const rowsOf = (lines: readonly string[]): readonly string[] => lines.slice(1, -1);

const STORES = { 'store-memory': memoryHome, 'store-sqlite': sqliteHome } as const;

interface Home {
  readonly store: Store;
  problems(): Promise<readonly unknown[]>;
  remove(): Promise<void>;
}

function memoryHome(): Home {
  const store = memoryStore();
  return { store, problems: () => Promise.resolve([]), remove: async () => store[Symbol.asyncDispose]() };
}

function sqliteHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-records-'));
  const path = join(folder, 'store.db');
  const store = sqliteStore({ path });
  return {
    store,
    async problems() {
      const found: unknown[] = [];
      for await (const problem of checkStore({ path })) found.push(problem);
      return found;
    },
    async remove() {
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

describe.each(Object.entries(STORES))('an import (%s)', (_name, make) => {
  let home: Home;
  let store: Store;
  beforeEach(() => ({ store } = home = make()));
  afterEach(() => home.remove());

  const runs = async (tenant: string): Promise<number> => (await store.listRuns({ tenant, limit: 100 })).items.length;

  it('REC-1: export, import, export gives the same rows', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));

    const answer = await importRecords(store, lines, { into: 'away' });
    const again = await linesOf(exportRun(store, tree('r', 'away'), { redact: 'none' }));

    expect(answer).toEqual({
      outcome: 'imported',
      key: tree('r', 'away'),
      runs: { imported: 2, existing: 0 },
      blobs: 2,
      redacted: false,
    });
    expect(rowsOf(again)).toEqual(rowsOf(lines));
    expect(await home.problems()).toEqual([]);
  });

  it('REC-1: so it is with a session and all of its runs', async () => {
    for (const id of ['one', 'two']) await climb(store, id, 'talk');
    await store.remove(tree('one'));
    const lines = await linesOf(exportSession(store, await closed(store, 'talk'), { redact: 'none' }));

    const answer = await importRecords(store, lines, { into: 'away' });

    expect(answer).toMatchObject({ outcome: 'imported', key: talk('talk', 'away'), runs: { imported: 2 } });
    expect(rowsOf(await linesOf(exportSession(store, talk('talk', 'away'), { redact: 'none' })))).toEqual(
      rowsOf(lines),
    );
    expect((await store.session(talk('talk', 'away')))?.state).toBe('closed');
    expect(await home.problems()).toEqual([]);
  });

  it('REC-5: what runs of a session have made comes with them, is theirs and not the session’s, and goes with them', async () => {
    await climb(store, 'one', 'talk');
    const lines = await linesOf(exportSession(store, await closed(store, 'talk'), { redact: 'none' }));
    await importRecords(store, lines, { into: 'away' });

    const [route, ...more] = await listArtifacts(store, tree('one', 'away'));
    expect(more).toEqual([]);
    expect(route).toMatchObject({ name: 'route.md', type: 'text/markdown', run: tree('one', 'away') });
    let text = '';
    for await (const piece of store.readBlob('away', route?.hash ?? '')) text += Buffer.from(piece).toString();
    expect(text).toContain('route');
    await store.remove(tree('one', 'away'));
    await store.sweepBlobs({ graceMs: 0 });
    expect(await store.blob('away', route?.hash ?? '')).toBeUndefined();
    expect(await store.blob(tree('one').tenant, route?.hash ?? '')).toBeDefined();
  });

  it('REC-1: a run of a session is imported without it, keeps its name and its messages, and is exported as it came', async () => {
    for (const id of ['one', 'two']) await climb(store, id, 'talk');
    const lines = await linesOf(exportRun(store, tree('two'), { redact: 'none' }));

    await importRecords(store, lines, { into: 'away' });

    const run = await store.run(tree('two', 'away'));
    expect(run?.session).toBeUndefined();
    expect(run?.imported?.session).toBe('talk');
    expect(await store.session(talk('talk', 'away'))).toBeUndefined();
    expect(rowsOf(await linesOf(exportRun(store, tree('two', 'away'), { redact: 'none' })))).toEqual(rowsOf(lines));
  });

  it('REC-1: a redacted bundle is imported as a record, and is exported with what it says of itself', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r')));
    await importRecords(store, lines, { into: 'away' });

    const again = await linesOf(exportRun(store, tree('r', 'away'), { redact: 'none' }));
    const rows = rowsOf(again).map((line) => line.replace(',"redacted":true', ''));
    expect(rows).toEqual(rowsOf(lines));
    expect(await importRecords(store, again, { into: 'further' })).toMatchObject({ outcome: 'imported' });
    expect((await store.run(tree('r', 'further')))?.imported?.redacted).toBe(true);
  });

  it('REC-1: the same bundle again is existing, also where it was lived, and one that was cut off is finished', async () => {
    const key = await climb(store, 'r');
    const lines = await linesOf(exportRun(store, key, { redact: 'none' }));

    expect(await importRecords(store, lines)).toMatchObject({ outcome: 'existing', runs: { existing: 2 } });
    const stop = new AbortController();
    const dying = {
      ...store,
      importRun: async (record: Parameters<Store['importRun']>[0]) => {
        const answer = await store.importRun(record);
        if (answer.outcome === 'imported') stop.abort(new Error('killed'));
        return answer;
      },
    };
    await expect(importRecords(dying, lines, { into: 'away', signal: stop.signal })).rejects.toThrow('killed');
    expect(await runs('away')).toBe(1);
    expect(await importRecords(store, lines, { into: 'away' })).toMatchObject({
      outcome: 'imported',
      runs: { imported: 1, existing: 1 },
    });
    expect(await importRecords(store, lines, { into: 'away' })).toMatchObject({ outcome: 'existing', blobs: 0 });
  });

  it('REC-1, REC-4: what is removed while it is imported is told as that, and is written by the same import again', async () => {
    const run = await linesOf(exportRun(store, await climb(store, 'r')));
    await climb(store, 's', 'talk');
    const session = await linesOf(exportSession(store, await closed(store, 'talk')));
    for (const [lines, removal, code] of [
      [run, { run: 'r' }, 'RUN_UNKNOWN'],
      [session, { session: 'talk' }, 'SESSION_UNKNOWN'],
    ] as const) {
      const remove = () => store.remove({ tenant: 'other', ...removal });
      const pruned: Store = {
        ...store,
        async importRun(record) {
          const answer = await store.importRun(record);
          if (code === 'RUN_UNKNOWN') await remove();
          return answer;
        },
        async importSession(record) {
          const answer = await store.importSession(record);
          await remove();
          return answer;
        },
      };

      await expect(importRecords(pruned, lines, { into: 'other' })).rejects.toMatchObject({ code, retryable: true });
      expect(await importRecords(store, lines, { into: 'other' })).toMatchObject({ outcome: 'imported' });
    }
  });

  it('REC-1: one text, and a name of a file, are no lines', async () => {
    await expect(importRecords(store, 'run.jsonl')).rejects.toThrow(/a list or a stream, not one text/);
  });

  it('REC-1: where another run or session stands nothing is written', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));
    const other = memoryStore();
    const others = await linesOf(exportRun(other, await climb(other, 'r'), { redact: 'none' }));
    await climb(other, 'one', 'talk');
    const session = await linesOf(exportSession(other, await closed(other, 'talk')));
    await climb(store, 'two', 'talk');
    await other[Symbol.asyncDispose]();

    await expect(importRecords(store, others)).rejects.toMatchObject({ code: 'RUN_EXISTS', meta: { run: 'r' } });
    await importRecords(store, lines, { into: 'away' });
    await expect(importRecords(store, others, { into: 'away' })).rejects.toMatchObject({ code: 'RUN_EXISTS' });
    await expect(importRecords(store, session)).rejects.toMatchObject({ code: 'SESSION_EXISTS' });
    expect(await runs('home')).toBe(4);
    expect(await runs('away')).toBe(2);
  });

  it('REC-1: where a child’s id is taken its root is not written either', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));
    const [child] = (await store.listRuns({ tenant: 'home', parent: 'r', limit: 1 })).items;
    await waits(store, child?.key.run ?? '', 'away');

    await expect(importRecords(store, lines, { into: 'away' })).rejects.toMatchObject({
      code: 'RUN_EXISTS',
      meta: { run: child?.key.run },
    });
    expect(await store.run(tree('r', 'away'))).toBeUndefined();
  });

  it('REC-1: what an entry names has to be in the bundle, and the refusal says which line names it', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none', blobs: false }));
    const second = lines.findLastIndex((line) => line.startsWith('{"run":'));
    const last = lines.length - 1;
    const naming = (text: string): number => lines.findIndex((line) => line.includes(text)) + 1;
    const missing: readonly (readonly [line: number, left: readonly string[]])[] = [
      [naming('"child":"'), [...lines.slice(0, second), lines[last] ?? '']],
      [naming('"kind":"request"'), lines.filter((line) => !line.startsWith('{"request":'))],
      [naming('"messages":{'), lines.filter((line) => !line.startsWith('{"message":'))],
    ];

    for (const [line, left] of missing) {
      const head = lines[0] ?? '';
      const count = left.filter((one) => one.startsWith('{"entry":')).length;
      const runCount = left.filter((one) => one.startsWith('{"run":')).length;
      const header = head.replace(/"counts":\{.*?\}/, `"counts":{"runs":${runCount},"entries":${count}}`);
      await expect(importRecords(store, sealed([header, ...left.slice(1)]), { into: 'away' })).rejects.toMatchObject({
        code: 'IMPORT_INVALID',
        meta: { line },
      });
    }
    expect(await runs('away')).toBe(0);
  });

  it('REC-1: a child that its parent did not call, and an outcome whose bytes nobody uses, are refused', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));
    const child = lines.findLastIndex((line) => line.startsWith('{"run":'));
    const blobs = lines.findIndex((line) => line.startsWith('{"blob":'));
    const [row = '', ...rows] = lines.slice(child, blobs);
    const journal = rows.filter((line) => line.startsWith('{"entry":'));
    const forged = [row.replace(/"id":"[^"]+"/, '"id":"forged"'), ...rows];
    const counted = (line: string): string =>
      line.replace(/"counts":\{.*?\}/, (counts) =>
        counts
          .replace(/"runs":(\d+)/, (_all, n: string) => `"runs":${Number(n) + 1}`)
          .replace(/"entries":(\d+)/, (_all, n: string) => `"entries":${Number(n) + journal.length}`),
      );
    const hostile = [
      [counted(lines[0] ?? ''), ...lines.slice(1, blobs), ...forged, ...lines.slice(blobs)],
      lines.filter((line) => !line.startsWith('{"uses":')),
    ];

    for (const bundle of hostile)
      await expect(importRecords(store, sealed(bundle), { into: 'away' })).rejects.toMatchObject({
        code: 'IMPORT_INVALID',
        message: expect.stringMatching(/not called by its parent|a blob that no run/),
      });
    expect(await runs('away')).toBe(0);
  });

  it('REC-1: an open session and a time of tomorrow are refused, and no byte of a blob is kept', async () => {
    await climb(store, 'one', 'talk');
    const open = await linesOf(exportSession(store, talk('talk'), { redact: 'none' }));
    await expect(importRecords(store, open, { into: 'away' })).rejects.toMatchObject({ code: 'SESSION_NOT_CLOSED' });

    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));
    const tomorrow = sealed(
      lines.map((line) =>
        line.replaceAll(
          /"(at|createdAt|endedAt|openedAt)":(\d{13})/g,
          (_all, name: string, at: string) => `"${name}":${Number(at) + 86_400_000}`,
        ),
      ),
    );
    await expect(importRecords(store, tomorrow, { into: 'away' })).rejects.toMatchObject({ code: 'IMPORT_INVALID' });
    const [hash] = lines.join('').match(/sha256:[0-9a-f]{64}(?=","size")/) ?? [];
    expect(await store.blob('away', hash ?? '')).toBeUndefined();
    expect(await store.blob('home', hash ?? '')).toBeDefined();
  });

  it('REC-1: too large a bundle is refused, and options that cannot be are a TypeError', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r')));

    await expect(importRecords(store, lines, { into: 'away', maxBytes: 1_000 })).rejects.toMatchObject({
      code: 'IMPORT_TOO_LARGE',
    });
    for (const options of [{ into: '' }, { maxBytes: 0 }, { tenant: 'away' }])
      await expect(importRecords(store, lines, options as object)).rejects.toThrow(TypeError);
    expect(await runs('away')).toBe(0);
  });

  it('REC-1: a bundle that another program damaged is one clear error, and the store is as it was', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));
    for (let seed = 1; seed <= 300; seed += 1) {
      const damaged = damage(lines, seed);
      if (damaged.join('') === lines.join('')) continue;
      const refused: unknown = await importRecords(store, damaged, { into: 'away' }).catch((error: unknown) => error);
      expect(isPrusikError(refused), `seed ${seed}: ${String(refused)}`).toBe(true);
      expect(['IMPORT_INVALID', 'RUN_LIVE', 'IMPORT_TOO_LARGE'], `seed ${seed}`).toContain(
        (refused as { code: string }).code,
      );
      expect((refused as { meta: { line?: unknown } }).meta.line, `seed ${seed}`).toEqual(expect.any(Number));
    }
    expect(await runs('away')).toBe(0);
    expect(await runs('home')).toBe(2);
    expect(await home.problems()).toEqual([]);
  });

  it('REC-1: one that was changed with its digest made right is a record that can be read, or refused by code', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none', blobs: false }));
    const became: string[] = [];
    const left: number[] = [];
    for (let seed = 1; seed <= 300; seed += 1) {
      const into = `away-${seed}`;
      const answer: unknown = await importRecords(store, sealed(damage(lines, seed)), { into }).catch(
        (error: unknown) => error,
      );
      became.push(isPrusikError(answer) ? answer.code : ((answer as { outcome?: string }).outcome ?? String(answer)));
      if (isPrusikError(answer)) left.push(await runs(into));
    }

    expect(new Set(became)).toEqual(new Set(['imported', 'IMPORT_INVALID']));
    expect(left.filter((count) => count > 0)).toEqual([]);
    expect(await home.problems()).toEqual([]);
  }, 60_000);
});

/** What a bad disk, an editor or somebody's script does to lines. */
function damage(lines: readonly string[], seed: number): string[] {
  const random = seededRandom(seed);
  const changed = [...lines];
  const at = random.int(0, lines.length - 1);
  const line = changed[at] ?? '';
  const inside = random.int(0, Math.max(0, line.length - 2));
  switch (random.int(0, 6)) {
    case 0:
      return changed.slice(0, at);
    case 1:
      changed.splice(at, 1);
      return changed;
    case 2: {
      const other = random.int(0, lines.length - 1);
      [changed[at], changed[other]] = [changed[other] ?? '', line];
      return changed;
    }
    case 3:
      changed[at] =
        `${line.slice(0, inside)}${String.fromCharCode(line.charCodeAt(inside) ^ (1 << random.int(0, 6)))}${line.slice(inside + 1)}`;
      return changed;
    case 4:
      changed[at] = line.slice(0, inside);
      return changed;
    case 5:
      changed[at] = line.replace(/\d+(?=[,}])/, () =>
        random.pick(['1e999', '-1', '9007199254740993', '0.5', '99999999999999999999']),
      );
      return changed;
    default:
      changed.splice(at, 0, line);
      return changed;
  }
}
