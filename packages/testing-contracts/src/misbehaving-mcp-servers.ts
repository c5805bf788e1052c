import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { posix } from 'node:path';
import type { SandboxMount } from '@prusik/core';
import { mcpEffects } from './mcp-effects.ts';
import { processesWith } from './mcp-processes.ts';
import { mcpPrograms } from './mcp-programs.ts';
import type { McpServerKind } from './mcp-server/behaviours.ts';
import type { Speaks } from './mcp-server/serve.ts';

export type { McpServerKind } from './mcp-server/behaviours.ts';

/** The revisions of the protocol that a server speaks. */
export type McpServerSpeaks = Speaks;

/** What {@link misbehavingMcpServers} takes. */
export interface MisbehavingMcpServersOptions {
  /** Where they run: `sandbox` where nothing of the host can be read but what is mounted. */
  readonly place: 'host' | 'sandbox';
}

/** How a server is to be. */
export interface MisbehavingMcpServerOptions {
  /** @default 'both' */
  readonly speaks?: McpServerSpeaks;
}

/** How a server over stdio is started. */
export interface McpProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** Empty on the host. */
  readonly mounts: readonly SandboxMount[];
}

/** A server over HTTP, on a port of this machine. */
export interface McpListener extends AsyncDisposable {
  readonly url: string;
}

/** Servers of one test. */
export interface MisbehavingMcpServers extends AsyncDisposable {
  /** One over stdio: a program, that whoever is under test starts. */
  program(kind: McpServerKind, options?: MisbehavingMcpServerOptions): McpProgram;
  /** One over HTTP, started here. */
  listen(kind: McpServerKind, options?: MisbehavingMcpServerOptions): Promise<McpListener>;
  /** What was done to the world so far by all of them, in order: the `text` of every `act` that had its effect. */
  effects(): readonly string[];
  /** Ids of the processes that are there, of servers and of what they have started. */
  processes(): readonly number[];
}

/** Where programs and effects are in a sandbox. */
const INSIDE = { programs: '/mcp/programs', effects: '/mcp/effects' };

/**
 * Servers of MCP that misbehave, each in one way, over stdio and over HTTP, in both revisions of the protocol. They offer two tools that take a `text`: `echo`, which is well
 * in every kind that gets so far, and `act`, which has an effect that is counted, and does what the kind is named after. Processes that are left are killed when they are disposed.
 */
export function misbehavingMcpServers({ place }: MisbehavingMcpServersOptions): MisbehavingMcpServers {
  const marker = `prusik-mcp-${randomUUID()}`;
  const effects = mcpEffects(place);
  const programs = mcpPrograms();
  const program = (
    kind: McpServerKind,
    where: 'host' | 'sandbox',
    { speaks = 'both' }: MisbehavingMcpServerOptions,
  ): McpProgram => {
    const at = where === 'host' ? { programs: programs.folder, effects: effects.folder } : INSIDE;
    const [node, script] = [posix.join(at.programs, programs.node), posix.join(at.programs, programs.script)];
    return {
      command: node,
      args: [script, kind, speaks, marker, posix.join(at.effects, effects.name)],
      mounts:
        where === 'host'
          ? []
          : [
              { source: programs.folder, target: INSIDE.programs },
              { source: effects.folder, target: INSIDE.effects },
            ],
    };
  };
  return {
    program: (kind, options = {}) => program(kind, place, options),
    async listen(kind, options = {}) {
      const { command, args } = program(kind, 'host', options);
      const child = spawn(command, [...args, '--http'], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
      const ended = once(child, 'exit');
      return {
        url: await firstLine(child),
        async [Symbol.asyncDispose]() {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
    effects: effects.read,
    processes: () => processesWith(marker),
    async [Symbol.asyncDispose]() {
      for (const pid of processesWith(marker)) kill(pid);
      effects[Symbol.dispose]();
    },
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('The server has no output');
  const lines = createInterface({ input: stdout });
  const [line] = await once(lines, 'line');
  stdout.resume();
  return String(line);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
