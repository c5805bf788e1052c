import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PrusikError, type Json, type JsonObject } from '@prusik/core';
import { messageOf } from './errors.ts';
import { isObject } from './plain.ts';
import { fingerprintOf } from './server-tool.ts';

/** Definitions of tools that were seen or approved, by the server's names for them. What is not among them is new. */
export type ToolPins = Readonly<Record<string, JsonObject>>;

/** Keeps what each server's tools were like when somebody began to rely on them. */
export interface PinStore {
  /** Without members for a server that is not known. */
  get(server: string): Promise<ToolPins>;
  /** Replaces what was kept of the server; durable when it resolves. */
  set(server: string, pins: ToolPins): Promise<void>;
}

/** Pins that live as long as the program: a server that changes its tools while it runs is noticed. */
export function memoryPins(): PinStore {
  const servers = new Map<string, ToolPins>();
  return {
    get: async (server) => servers.get(server) ?? {},
    set: async (server, pins) => void servers.set(server, pins),
  };
}

const VERSION = 1;
const MOST_CHARS = 64 * 1024 * 1024;

/**
 * Pins in a JSON file that is meant to be committed and read, like a lock file: sorted, one member a line. It is replaced in one step; where several programs
 * write at once, one of them counts.
 *
 * @throws {PrusikError} `MCP_PINS_UNREADABLE`, from each method, for a file that is there and is not one of these: nothing is offered by it, and it is left as it is.
 * @throws {PrusikError} `MCP_PINS_UNWRITABLE` from `set`, with the file as it was.
 */
export function filePins(path: string): PinStore {
  if (typeof path !== 'string' || path === '') throw new TypeError('filePins: path must name a file');
  const file = resolve(path);
  return {
    async get(server) {
      const servers = await readPins(path);
      return Object.hasOwn(servers, server) ? (servers[server] ?? {}) : {};
    },
    set(server, pins) {
      const write = async (): Promise<void> => writePins(path, { ...(await readPins(path)), [server]: pins });
      const written = (writing.get(file) ?? Promise.resolve()).then(write);
      const over = written
        .catch(() => undefined)
        .finally(() => {
          if (writing.get(file) === over) writing.delete(file);
        });
      writing.set(file, over);
      return written;
    },
  };
}

/** By path: what several runners of a program keep in one file is not lost between them. */
const writing = new Map<string, Promise<unknown>>();

async function readPins(path: string): Promise<Readonly<Record<string, ToolPins>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw unreadable(path, cause);
  }
  try {
    // Editors of some systems begin a file with a mark.
    const read: unknown = text.length > MOST_CHARS ? undefined : JSON.parse(text.replace(/^\ufeff/, ''));
    const { version = VERSION, servers } = isObject(read) ? read : {};
    if (version !== VERSION) throw new TypeError('It is of another version of this package');
    if (!isObject(servers)) throw new TypeError('It does not have the form of pins');
    return Object.fromEntries(Object.entries(servers).map(([server, tools]) => [server, readTools(tools)]));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function readTools(tools: Json): ToolPins {
  if (!isObject(tools)) throw new TypeError('The tools of a server are no object');
  const entries = Object.entries(tools).map(([name, pin]) => {
    if (!isObject(pin) || !isObject(pin['definition'])) throw new TypeError('A tool has no definition');
    // Whoever merges two files by hand gets a definition that nobody has approved.
    if (pin['hash'] !== fingerprintOf(pin['definition'])) throw new TypeError('A definition is not that of its hash');
    return [name, pin['definition']] as const;
  });
  return Object.fromEntries(entries);
}

async function writePins(path: string, servers: Readonly<Record<string, ToolPins>>): Promise<void> {
  const pinned = Object.entries(servers).map(([server, tools]) => [
    server,
    Object.fromEntries(
      Object.entries(tools).map(([name, definition]) => [name, { hash: fingerprintOf(definition), definition }]),
    ),
  ]);
  const text = `${JSON.stringify(sorted({ version: VERSION, servers: Object.fromEntries(pinned) as JsonObject }), null, 2)}\n`;
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(beside, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    throw new PrusikError('MCP_PINS_UNWRITABLE', `The pins in ${path} cannot be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isObject(value)) return value;
  const names = Object.keys(value).toSorted();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] ?? null)]));
}

function unreadable(path: string, cause: unknown): PrusikError {
  return new PrusikError(
    'MCP_PINS_UNREADABLE',
    `The pins in ${path} cannot be read (${messageOf(cause).slice(0, 300)}): put back the file as it was, or remove it and approve the tools again`,
    { cause },
  );
}
