import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { numbersOf, stringsOf, type SystemCall } from './system-calls.ts';

/** A file or folder, whatever it is called just now. */
type Node = { readonly number: number } & ({ readonly is: 'folder' } | { readonly is: 'file'; readonly bytes: Buffer });

/** One change or sync of the disk, in the order of the calls. */
type Change =
  | { readonly type: 'write'; readonly node: Node; readonly at: number; readonly bytes: Buffer }
  | { readonly type: 'resize'; readonly node: Node; readonly size: number }
  /** Names that come and go together; a name is on the disk when its folder is. */
  | { readonly type: 'names'; readonly names: readonly { readonly path: string; readonly node?: Node }[] }
  | { readonly type: 'sync'; readonly path: string; readonly node: Node };

/** What a program did to one folder, and what a loss of power leaves of it. */
export interface RecordedDisk {
  /** Takes in the next call of the program. */
  add(call: SystemCall): void;
  readonly changes: number;
  /** Writes what is on the disk after so many changes: what was synced, and of the rest what `survives` says. */
  write(into: string, changes: number, survives: () => boolean): void;
}

/** Writes reach a disk a page at a time, so one of them can be torn there. */
const PAGE = 4_096;
/** Calls that change files in ways that are not followed. */
const UNKNOWN = new Set(['fallocate', 'pwritev2']);

export function recordDisk(folder: string): RecordedDisk {
  const changes: Change[] = [];
  const names = new Map<string, Node>();
  const open = new Map<number, { readonly path: string; readonly node: Node; at: number; readonly appends: boolean }>();
  /** Files outside, from which bytes may be copied. */
  const outside = new Map<number, string>();
  /** What each file holds just now. */
  const contents = new Map<number, Buffer>();
  let numbers = 0;

  function addTree(path: string): void {
    names.set(path, { number: (numbers += 1), is: 'folder' });
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) addTree(inside);
      else if (entry.isFile()) names.set(inside, { number: (numbers += 1), is: 'file', bytes: readFileSync(inside) });
    }
  }
  if (existsSync(folder)) addTree(folder);
  const start = new Map(names);
  const isInside = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);

  function rename(changed: readonly { readonly path: string; readonly node?: Node }[]): void {
    const inside = changed.filter(({ path }) => isInside(path));
    if (inside.length === 0) return;
    for (const { path, node } of inside) {
      if (node === undefined) names.delete(path);
      else names.set(path, node);
    }
    changes.push({ type: 'names', names: inside });
  }

  function opened(call: SystemCall): void {
    const path = String(stringsOf(call)[0]);
    if (!isInside(path)) return void outside.set(call.result, path);
    let node = names.get(path);
    if (node === undefined) {
      node = { number: (numbers += 1), is: 'file', bytes: Buffer.alloc(0) };
      rename([{ path, node }]);
    } else if (/O_TRUNC/.test(call.args)) change({ type: 'resize', node, size: 0 });
    open.set(call.result, { path, node, at: 0, appends: /O_APPEND/.test(call.args) });
  }

  function written(call: SystemCall): void {
    const [descriptor = -1, ...numbersLeft] = numbersOf(call);
    const file = open.get(descriptor);
    if (file === undefined) return;
    if (file.appends) throw new Error(`Appending to ${file.path} is not followed`);
    const bytes = Buffer.concat([...stringsOf(call)]).subarray(0, call.result);
    const positioned = call.name.startsWith('p');
    const at = positioned ? (numbersLeft.at(-1) ?? 0) : file.at;
    if (!positioned) file.at += bytes.length;
    write(file.node, at, bytes);
  }

  function write(node: Node, at: number, bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      const to = Math.min(bytes.length, from + PAGE - ((at + from) % PAGE));
      change({ type: 'write', node, at: at + from, bytes: bytes.subarray(from, to) });
      from = to;
    }
  }

  function change(made: Extract<Change, { type: 'write' | 'resize' }>): void {
    changes.push(made);
    contents.set(made.node.number, contentAfter(contentOf(made.node), made));
  }

  function contentOf(node: Node): Buffer {
    return contents.get(node.number) ?? Buffer.from('bytes' in node ? node.bytes : []);
  }

  /** A copy within the kernel, of which the trace shows no bytes. */
  function copied(from: number, offset: number, to: number, length: number): void {
    const file = open.get(to);
    if (file === undefined) return;
    const source = open.get(from);
    const path = outside.get(from);
    if (source === undefined && path === undefined) throw new Error(`It is not known what was copied to ${file.path}`);
    const bytes = source === undefined ? readFileSync(path ?? '') : contentOf(source.node);
    write(file.node, file.at, Buffer.from(bytes.subarray(offset, offset + length)));
    file.at += length;
  }

  return {
    add(call) {
      if (call.result < 0) return;
      const [descriptor = -1, second = 0] = numbersOf(call);
      const file = open.get(descriptor);
      const paths = (): readonly string[] => stringsOf(call).map(String);
      switch (call.name) {
        case 'open':
        case 'openat':
          return opened(call);
        case 'close':
          outside.delete(descriptor);
          return void open.delete(descriptor);
        case 'write':
        case 'writev':
        case 'pwrite64':
        case 'pwritev':
          return written(call);
        case 'copy_file_range':
          return copied(descriptor, offsetOf(call), second, call.result);
        case 'sendfile':
          return copied(second, offsetOf(call), descriptor, call.result);
        case 'lseek':
          if (file !== undefined) file.at = call.result;
          return undefined;
        case 'ftruncate':
          return file && change({ type: 'resize', node: file.node, size: second });
        case 'fsync':
        case 'fdatasync':
          return void (file && changes.push({ type: 'sync', path: file.path, node: file.node }));
        case 'unlink':
        case 'unlinkat':
        case 'rmdir':
          return rename(paths().map((path) => ({ path })));
        case 'mkdir':
        case 'mkdirat':
          return rename(paths().map((path) => ({ path, node: { number: (numbers += 1), is: 'folder' } })));
        case 'link':
        case 'linkat': {
          const [from = '', to = ''] = paths();
          if (isInside(to)) rename([{ path: to, ...nodeAt(from) }]);
          return undefined;
        }
        case 'rename':
        case 'renameat':
        case 'renameat2': {
          const [from = '', to = ''] = paths();
          return rename([{ path: from }, isInside(to) ? { path: to, ...nodeAt(from) } : { path: to }]);
        }
        default:
          if (UNKNOWN.has(call.name) && (file !== undefined || open.has(second)))
            throw new Error(`A call of ${call.name} is not followed`);
      }
    },
    get changes() {
      return changes.length;
    },
    write: (into, count, survives) => writeTree(into, folder, start, changes.slice(0, count), survives),
  };

  function nodeAt(path: string): { readonly node: Node } {
    const node = names.get(path);
    if (node === undefined) throw new Error(`${path} came from outside of the folder, which is not followed`);
    return { node };
  }
}

/** Where a copy begins in its source: libuv always says. */
function offsetOf({ name, args }: SystemCall): number {
  const offset = /\[(\d+)\]/.exec(args)?.[1];
  if (offset === undefined || args.indexOf('[') !== args.lastIndexOf('['))
    throw new Error(`A call of ${name} with these offsets is not followed`);
  return Number(offset);
}

function writeTree(
  into: string,
  folder: string,
  start: ReadonlyMap<string, Node>,
  changes: readonly Change[],
  survives: () => boolean,
): void {
  const lasting = lastingOf(changes, survives);
  const names = new Map(start);
  const contents = new Map<number, Buffer>();
  for (const change of lasting) {
    if (change.type === 'names')
      for (const { path, node } of change.names) {
        if (node === undefined) names.delete(path);
        else names.set(path, node);
      }
    else if (change.type !== 'sync') {
      const { number } = change.node;
      const before = contents.get(number) ?? Buffer.from('bytes' in change.node ? change.node.bytes : []);
      contents.set(number, contentAfter(before, change));
    }
  }
  mkdirSync(into, { recursive: true });
  for (const [path, node] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const target = join(into, relative(folder, path));
    if (node.is === 'folder') mkdirSync(target, { recursive: true });
    // A file is lost with its folder.
    else if (existsSync(dirname(target)))
      writeFileSync(target, contents.get(node.number) ?? node.bytes, { mode: 0o600 });
  }
}

/** Those that a sync has followed, and those of the rest that survive. Names come to the disk in their order, as journals of file systems keep it. */
function lastingOf(changes: readonly Change[], survives: () => boolean): readonly Change[] {
  const synced = new Set<Change>();
  const waiting = new Map<number | string, Change[]>();
  for (const change of changes) {
    if (change.type === 'sync') {
      const key = change.node.is === 'folder' ? change.path : change.node.number;
      for (const done of waiting.get(key) ?? []) synced.add(done);
      waiting.delete(key);
      continue;
    }
    const keys = change.type === 'names' ? change.names.map(({ path }) => dirname(path)) : [change.node.number];
    for (const key of keys) waiting.set(key, [...(waiting.get(key) ?? []), change]);
  }
  let namesLast = true;
  return changes.filter((change) => {
    if (synced.has(change)) return true;
    if (change.type === 'sync') return false;
    if (change.type !== 'names') return survives();
    namesLast &&= survives();
    return namesLast;
  });
}

function contentAfter(before: Buffer, change: Extract<Change, { type: 'write' | 'resize' }>): Buffer {
  const size = change.type === 'resize' ? change.size : Math.max(before.length, change.at + change.bytes.length);
  const after = size === before.length ? before : Buffer.concat([before.subarray(0, size)], size);
  if (change.type === 'write') change.bytes.copy(after, change.at);
  return after;
}
