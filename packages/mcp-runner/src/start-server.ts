import { bareError, isPrusikError, PrusikError, type Clock, type ErrorMeta, type SandboxSession } from '@prusik/core';
import type { Connection, ConnectOptions } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { notStarted, startTimeout, unavailable } from './errors.ts';
import { preloadClient, shakeHands } from './handshake.ts';
import type { McpLimits } from './limits.ts';
import type { StdioServer } from './options.ts';
import { execCommand } from './shell-command.ts';
import { resolveEnvironment } from './stdio-environment.ts';
import { createStdioTransport, type StdioEnd } from './stdio-transport.ts';
import { visibleText } from './visible-text.ts';
import { abortable } from './wait.ts';

/** Of stderr, in an error's message; the whole of what is kept is in its cause. */
const TOLD_CHARACTERS = 1_000;
/** That are told of one connection: a server may make them as fast as it can write. */
const ODDITIES = 100;
/** How a shell says that it could not start a program. */
const NOT_FOUND: ReadonlySet<number> = new Set([126, 127]);

export interface StartOptions extends ConnectOptions {
  readonly name: string;
  readonly server: StdioServer;
  readonly limits: McpLimits;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
  /** Where it runs. Whoever opened it disposes it, after the connection is closed. */
  readonly session: Pick<SandboxSession, 'spawn' | 'directory'>;
}

/**
 * Starts a server in a session and shakes hands with it.
 *
 * @throws {PrusikError} `MCP_START_FAILED`, `MCP_START_TIMEOUT`, `MCP_PROTOCOL_ERROR`, `MCP_MESSAGE_TOO_LARGE`; no process is left then.
 * @throws the reason of `signal`, unwrapped.
 */
export async function startServer(options: StartOptions): Promise<Connection> {
  const { name, server, limits, verdicts, clock, signal } = options;
  const late = new AbortController();
  const timer = clock.after(limits.startMs, () => late.abort(startTimeout(name, limits)));
  const until = AbortSignal.any([signal, late.signal]);
  const legacy = verdicts.isLegacy(name);
  try {
    return await attempt(options, legacy, until);
  } catch (error) {
    // A server that dies of a question it does not know is one of those that know only `initialize`.
    const asked = !legacy && (server.protocol ?? 'auto') === 'auto';
    if (!asked || until.aborted || !(isPrusikError(error, 'MCP_START_FAILED') && 'exitCode' in error.meta)) throw error;
    return await attempt(options, true, until);
  } finally {
    timer[Symbol.dispose]();
  }
}

async function attempt(options: StartOptions, legacy: boolean, signal: AbortSignal): Promise<Connection> {
  const { name, server, limits, verdicts, clock, session, events, setup } = options;
  preloadClient();
  const { env, conceal, redact } = await abortable(resolveEnvironment(name, server.env), signal);
  const spawning = spawn(name, session, server, env, redact);
  const process = await abortable(spawning, signal).catch((error: unknown) => {
    spawning.then((late) => late.kill()).catch(() => {});
    throw error;
  });
  let oddities = 0;
  const oddity = (text: string): void => {
    oddities += 1;
    if (oddities <= ODDITIES) events.oddity(redact(text));
    else if (oddities === ODDITIES + 1) events.oddity(`More than ${ODDITIES} oddities; the others are not told`);
  };
  const transport = createStdioTransport(process, {
    server: name,
    limits,
    clock,
    oddity,
    ...(conceal === undefined ? {} : { conceal }),
  });
  const onAbort = (): void => void transport.close();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const shaken = await shakeHands({
      transport,
      protocol: server.protocol ?? 'auto',
      legacy,
      probeMs: limits.startMs / 2,
      timeoutMs: limits.startMs,
      setup,
      directory: session.directory,
      events: { ...events, oddity },
    });
    signal.throwIfAborted();
    verdicts.note(name, shaken.protocol.era);
    return {
      ...shaken,
      ended: transport.ended.then((end) => endOf(name, end, redact(transport.stderrText()).slice(-TOLD_CHARACTERS))),
      heardAt: transport.heardAt,
      close: transport.close,
    };
  } catch (error) {
    await transport.close();
    signal.throwIfAborted();
    const end = await transport.ended;
    if (end.kind === 'killed') throw end.error;
    throw startFailed(name, bareError(error, redact), end, redact(transport.stderrText()));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function spawn(
  name: string,
  session: Pick<SandboxSession, 'spawn'>,
  { command, args }: StdioServer,
  env: Readonly<Record<string, string>>,
  redact: (text: string) => string,
) {
  try {
    return await session.spawn({ command: execCommand(command, args), env: { ...env }, stdin: true });
  } catch (cause) {
    throw cause instanceof TypeError ? cause : notStarted(name, cause, redact);
  }
}

/** What requests in flight are told when a server that was ready has ended. */
function endOf(name: string, end: StdioEnd, stderr: string): PrusikError {
  if (end.kind === 'killed') return end.error;
  if (end.kind === 'closed')
    return new PrusikError('MCP_CLOSED', `The MCP server ${JSON.stringify(name)} was stopped`, {
      meta: { server: name },
    });
  return unavailable(name, `${happened(end)}${said(stderr)}`, { meta: exitOf(end) });
}

/** `error` and `stderr` are without secrets. */
function startFailed(name: string, error: Error, end: StdioEnd, stderr: string): PrusikError {
  // Closed by us: it has answered, but what is no handshake.
  const why =
    end.kind === 'exit' || end.kind === 'deaf'
      ? happened(end)
      : `it did not shake hands: ${error.message.slice(0, TOLD_CHARACTERS)}`;
  const isThere = end.kind !== 'exit' || !NOT_FOUND.has(end.exit.exitCode);
  const hint = isThere ? '' : '. Its `command` has to be a program inside the sandbox, where `mounts` can bring it';
  return new PrusikError(
    'MCP_START_FAILED',
    `The MCP server ${JSON.stringify(name)} was not ready: ${why}${hint}${said(stderr.slice(-TOLD_CHARACTERS))}`,
    {
      retryable: end.kind === 'exit' && isThere,
      meta: { server: name, ...exitOf(end) },
      cause: stderr === '' ? error : new Error(stderr, { cause: error }),
    },
  );
}

const happened = (end: StdioEnd): string => {
  if (end.kind !== 'exit') return 'it closed its output, and goes on';
  const { exitCode, exceeded } = end.exit;
  return `it ended with exit code ${exitCode}${exceeded === null ? '' : `, because it reached the limit ${exceeded}`}`;
};

const exitOf = (end: StdioEnd): ErrorMeta => (end.kind === 'exit' ? { exitCode: end.exit.exitCode } : {});

const said = (stderr: string): string =>
  stderr.trim() === '' ? '' : `. The end of its stderr: ${visibleText(stderr).trim()}`;
