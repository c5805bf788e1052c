import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ioErrors, powerLoss, smallDisk } from '../src/index.ts';

const shared = process.env['TMPDIR'];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prusik-disk-test-'));
  // What is left over is looked for where nobody else leaves anything.
  process.env['TMPDIR'] = folder;
});
afterEach(() => {
  if (shared === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = shared;
  rmSync(folder, { recursive: true, force: true });
});

const leftovers = (): readonly string[] => readdirSync(tmpdir()).filter((name) => /^prusik-(faults|trace)-/.test(name));
const mounts = (): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('prusik-disk '));
const inNode = (source: string): [string, ...string[]] => [process.execPath, '-e', source];

describe('smallDisk', () => {
  it('TST-5: is full when it is filled, has room when it is emptied, and is gone when it is removed', () => {
    const disk = smallDisk({ bytes: 200_000 });
    try {
      writeFileSync(join(disk.path, 'a'), 'x'.repeat(50_000));
      disk.fill(20_000);
      expect(disk.freeBytes()).toBeLessThanOrEqual(20_480);
      disk.fill();
      expect(() => writeFileSync(join(disk.path, 'b'), 'x'.repeat(5_000))).toThrow(
        expect.objectContaining({ code: 'ENOSPC' }),
      );
      disk.empty();
      writeFileSync(join(disk.path, 'b'), 'x'.repeat(50_000));
      disk.makeReadOnly();
      expect(() => writeFileSync(join(disk.path, 'c'), '')).toThrow(expect.objectContaining({ code: 'EROFS' }));
    } finally {
      disk.remove();
      disk.remove();
    }
    expect(existsSync(disk.path)).toBe(false);
    expect(mounts().some((line) => line.includes(disk.path))).toBe(false);
  });

  it('TST-5: what cannot be mounted leaves nothing behind', () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('prusik-disk-')).length;
    expect(() => smallDisk({ bytes: Number.NaN })).toThrow(/mount/);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('prusik-disk-'))).toHaveLength(before);
  });
});

describe('ioErrors', () => {
  const program = `
    const fs = require('node:fs');
    const file = fs.openSync(process.env.FILE, 'w+');
    const acts = { write: () => fs.writeSync(file, 'x', 0), sync: () => fs.fsyncSync(file), read: () => fs.readSync(file, Buffer.alloc(1), 0, 1, 0),
      truncate: () => fs.ftruncateSync(file, 0), open: () => fs.openSync(process.env.FILE), unlink: () => fs.unlinkSync(process.env.FILE) };
    console.log('ready');
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      try { acts[line](); console.log('done'); } catch ({ code }) { console.log(code); }
    });`;

  it('TST-5: a call fails once, or until it is healed, and no other does', async () => {
    const faulty = await ioErrors({ command: inNode(program), env: { FILE: join(folder, 'file') } });
    const lines = createInterface({ input: faulty.process.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const act = async (what: string): Promise<unknown> => {
      faulty.process.stdin?.write(`${what}\n`);
      return (await lines.next()).value;
    };
    try {
      expect((await lines.next()).value).toBe('ready');
      for (const call of ['write', 'sync', 'read', 'truncate', 'open', 'unlink'] as const) {
        faulty.fail(call, { code: call === 'write' ? 'ENOSPC' : 'EIO' });
        const expected = call === 'write' ? 'ENOSPC' : 'EIO';
        expect([await act(call), await act(call)]).toEqual([expected, expected]);
        expect(await act(call === 'sync' ? 'write' : 'sync')).toBe('done');
        faulty.heal();
        faulty.fail(call, { once: true });
        expect(await act(call)).toBe('EIO');
        expect(await act(call)).toBe('done');
      }
    } finally {
      await faulty.end();
      await faulty.end();
    }
    expect(faulty.process.signalCode).toBe('SIGKILL');
    expect(leftovers()).toEqual([]);
  });

  it('TST-5: a program that does not start is told, and leaves nothing behind', async () => {
    await expect(ioErrors({ command: [join(folder, 'none')] })).rejects.toThrow(/cannot be started/);
    expect(leftovers()).toEqual([]);
  });
});

describe('powerLoss', () => {
  const contents = (path: string): unknown =>
    Object.fromEntries(
      readdirSync(path, { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          join(entry.parentPath, entry.name).slice(path.length + 1),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );
  /** Runs this with `file(name)`, `sync(path)` and `say` at hand, and gives what each acknowledged line finds on the disk. */
  async function run(source: string): Promise<{ after(line: string, chance?: () => number): unknown }> {
    const written = join(folder, 'written');
    mkdirSync(written, { recursive: true });
    const helpers = `const fs = require('node:fs'); const root = ${JSON.stringify(written)}; const at = (name) => root + '/' + name;
      const sync = (path) => { const file = fs.openSync(path, 'r'); fs.fsyncSync(file); fs.closeSync(file); }; const say = console.log;`;
    const record = await powerLoss({ command: inNode(helpers + source), folder: written });
    let copies = 0;
    return {
      after(line, chance) {
        for (let instant = 0; instant < record.instants; instant += 1) {
          const into = join(folder, String((copies += 1)));
          if (record.leave(instant, into, chance).includes(line)) return contents(into);
        }
        throw new Error(`${line} was never said`);
      },
    };
  }

  it('TST-5: keeps of a file what it held when it was last synced, and of a folder the names', async () => {
    const { after } = await run(`
      fs.writeFileSync(at('a'), 'one'); say('written');
      sync(at('a')); say('file synced');
      sync(root); say('folder synced');
      const file = fs.openSync(at('a'), 'r+'); fs.writeSync(file, 'TWO', 1); say('written again');
      fs.fsyncSync(file); say('synced again');
      fs.ftruncateSync(file, 2); say('cut'); fs.fsyncSync(file); say('cut and synced');
      fs.renameSync(at('a'), at('b')); say('renamed'); sync(root); say('renamed and synced');
      fs.mkdirSync(at('sub')); fs.writeFileSync(at('sub/c'), 'deep'); sync(at('sub/c')); sync(at('sub')); say('in a folder that is not there');
      sync(root); say('in a folder'); fs.unlinkSync(at('b')); say('removed'); sync(root); say('removed and synced'); fs.writeFileSync(at('z'), ''); say('end');`);
    expect(after('written')).toEqual({});
    expect(after('file synced')).toEqual({});
    expect(after('folder synced')).toEqual({ a: 'one' });
    expect(after('written again')).toEqual({ a: 'one' });
    expect(after('synced again')).toEqual({ a: 'oTWO' });
    expect(after('cut')).toEqual({ a: 'oTWO' });
    expect(after('cut and synced')).toEqual({ a: 'oT' });
    expect(after('renamed')).toEqual({ a: 'oT' });
    expect(after('renamed and synced')).toEqual({ b: 'oT' });
    expect(after('in a folder that is not there')).toEqual({ b: 'oT' });
    expect(after('in a folder')).toEqual({ b: 'oT', 'sub/c': 'deep' });
    expect(after('removed')).toEqual({ b: 'oT', 'sub/c': 'deep' });
    expect(after('removed and synced')).toEqual({ 'sub/c': 'deep' });
  });

  it('TST-5: what a program does outside of the folder is not its business', async () => {
    const outside = JSON.stringify(join(folder, 'outside'));
    const { after } = await run(`
      fs.mkdirSync(${outside}); fs.writeFileSync(${outside} + '/a', 'x'); fs.renameSync(${outside} + '/a', ${outside} + '/b');
      fs.linkSync(${outside} + '/b', ${outside} + '/c'); fs.writeFileSync(at('a'), 'one'); sync(at('a')); sync(root); say('synced');
      fs.renameSync(at('a'), ${outside} + '/d'); sync(root); say('moved away'); fs.writeFileSync(at('z'), ''); say('end');`);
    expect(after('synced')).toEqual({ a: 'one' });
    expect(after('moved away')).toEqual({});
  });

  it('TST-5: with chance, what was not synced may be there in part, and what was synced always is', async () => {
    const { after } = await run(`
      fs.writeFileSync(at('a'), 'x'.repeat(8192)); sync(at('a')); sync(root);
      const file = fs.openSync(at('a'), 'r+'); fs.writeSync(file, 'y'.repeat(8192), 0); say('torn');`);
    let calls = 0;
    expect(after('torn', () => (calls += 1) % 2)).toEqual({
      a: expect.stringMatching(/^(x{4096}y{4096}|y{4096}x{4096})$/),
    });
    expect(after('torn', () => 0)).toEqual({ a: 'y'.repeat(8_192) });
    expect(after('torn')).toEqual({ a: 'x'.repeat(8_192) });
  });

  it('TST-5: follows copies within the kernel, from inside and outside', async () => {
    const outside = join(folder, 'outside');
    writeFileSync(outside, 'from outside');
    const { after } = await run(`
      fs.writeFileSync(at('a'), 'xxxxxxxx'); fs.copyFileSync(at('a'), at('b')); fs.copyFileSync(${JSON.stringify(outside)}, at('c'));
      say('copied'); sync(root); say('names'); for (const name of ['a', 'b', 'c']) sync(at(name)); say('bytes'); fs.writeFileSync(at('z'), '');`);
    expect(after('copied')).toEqual({});
    expect(after('names')).toEqual({ a: '', b: '', c: '' });
    expect(after('bytes')).toEqual({ a: 'xxxxxxxx', b: 'xxxxxxxx', c: 'from outside' });
  });

  it('TST-5: what was there before counts as synced', async () => {
    mkdirSync(join(folder, 'written/sub'), { recursive: true });
    writeFileSync(join(folder, 'written/sub/old'), 'old');
    const { after } = await run(`fs.writeFileSync(at('sub/old'), 'new'); say('over it');`);
    expect(after('over it')).toEqual({ 'sub/old': 'old' });
  });

  it('TST-5: what cannot be followed, and a program that fails, are told, and leave nothing behind', async () => {
    await expect(run(`fs.appendFileSync(at('a'), 'more')`)).rejects.toThrow(/[Aa]ppending/);
    await expect(run(`process.exit(3)`)).rejects.toThrow(/ended with 3/);
    expect(leftovers()).toEqual([]);
  });
});
