import { readFileSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { systemClock, type Clock, type Sandbox, type SandboxMount } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { connectStdio } from '../src/connect-stdio.ts';
import type { ClientSetup, Connection } from '../src/connection.ts';
import { createEraVerdicts } from '../src/era-verdicts.ts';
import { DEFAULT_LIMITS, type McpLimits } from '../src/limits.ts';
import type { StdioServer } from '../src/options.ts';

/** Where the place's folder is in a sandbox that isolates. */
const INSIDE = '/opt/place';

/** A sandbox, and a folder with Node.js and scripts that whoever it runs commands as can reach; wherever this repository is, that user may not pass. */
export interface Place extends AsyncDisposable {
  readonly root: string;
  readonly sandbox: Sandbox;
  readonly oddities: string[];
  readonly changes: string[];
  /** A fixture as a server. */
  server(fixture: string, args?: readonly string[], options?: Partial<StdioServer>): Promise<StdioServer>;
  connect(server: StdioServer, options?: ConnectIn): Promise<Connection>;
  /** Of a workspace with one file. */
  snapshotOf(path: string, content: string): Promise<string>;
}

export interface ConnectIn {
  readonly limits?: Partial<McpLimits>;
  readonly signal?: AbortSignal;
  readonly name?: string;
  readonly setup?: ClientSetup;
  /** @default the system's */
  readonly clock?: Clock;
}

export async function newPlace(isolation: 'none' | 'bubblewrap'): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'prusik-mcp-'));
  await chmod(root, 0o755);
  const programs = join(root, 'programs');
  await mkdir(programs, { mode: 0o755 });
  const node = join(programs, basename(process.execPath));
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
  const sandbox = createLocalSandbox({ root: join(root, 'sandbox'), isolation });
  const verdicts = createEraVerdicts(systemClock);
  const mounts: readonly SandboxMount[] = isolation === 'none' ? [] : [{ source: programs, target: INSIDE }];
  const path = (file: string): string => (isolation === 'none' ? join(programs, file) : `${INSIDE}/${file}`);
  const oddities: string[] = [];
  const changes: string[] = [];

  return {
    root,
    sandbox,
    oddities,
    changes,
    async server(fixture, args = [], options = {}) {
      // Without its types: to strip them takes a server longer than everything else that it does.
      const file = `${fixture}.mjs`;
      const source = await readFile(new URL(`./fixtures/${fixture}.ts`, import.meta.url), 'utf8');
      await writeFile(join(programs, file), stripTypeScriptTypes(source));
      return {
        transport: 'stdio',
        command: path(basename(process.execPath)),
        args: [path(file), ...args],
        mounts,
        ...(isolation === 'none' ? { require: { files: 'none', processes: 'none' } } : {}),
        ...options,
      };
    },
    connect(
      server,
      {
        limits,
        signal = new AbortController().signal,
        name = 'raw',
        setup = { capabilities: {}, prepare() {} },
        clock = systemClock,
      } = {},
    ) {
      const connect = connectStdio({
        name,
        instance: '',
        server,
        sandbox,
        limits: { ...DEFAULT_LIMITS, ...limits },
        verdicts,
        clock,
      });
      return connect({
        signal,
        events: { listChanged: (what) => changes.push(what), oddity: (text) => oddities.push(text) },
        setup,
      });
    },
    async snapshotOf(file, content) {
      await sandbox.workspaces.create({ id: content });
      const session = await sandbox.open({ workspace: content });
      await session.writeTextFile({ path: file, content });
      await session[Symbol.asyncDispose]();
      return (await sandbox.workspaces.snapshot(content)).snapshot;
    },
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Whether there is such a process, a zombie not counted: what has ended waits to be reaped by whoever is process 1. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
