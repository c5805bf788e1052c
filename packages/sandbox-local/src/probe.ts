import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { isPrusikError, type ExecResult, type SandboxSession } from '@prusik/core';
import { explainBubblewrap, unavailable } from './unavailable.ts';

/** All that is at the top of the sandbox's file system. */
const TOP_LEVEL: ReadonlySet<string> = new Set([
  'bin',
  'dev',
  'etc',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'proc',
  'sbin',
  'tmp',
  'usr',
  'workspace',
]);

/** The limit under which the probe's session runs; low, so that forking past it is cheap where nothing holds. */
export const PROBE_PROCESSES = 16;

/**
 * Attempts that succeed where nothing holds, and a command that must work: a sandbox that cannot run `echo` would seem to hold
 * everything. Platform and version say nothing about what a kernel, a container or AppArmor refuse, so this is run.
 *
 * @throws {PrusikError} `SANDBOX_UNAVAILABLE` naming the first one that failed.
 */
export async function probe(session: SandboxSession, outside: string): Promise<void> {
  const token = randomUUID();
  await writeFile(outside, token, { mode: 0o644 });
  const server = createServer().listen(0, '127.0.0.1');
  try {
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    const { port } = server.address() as AddressInfo;
    await attempt(session, { token, port, outside });
    await attemptForks(session);
  } finally {
    server.close();
  }
}

async function attempt(
  session: SandboxSession,
  { token, port, outside }: { readonly token: string; readonly port: number; readonly outside: string },
): Promise<void> {
  // The survivor names itself by an argument, so that it is found in /proc. The listener is seen, if at all, without any tool.
  const script = `
    echo works
    cat "$1" 2>/dev/null
    echo top: $(ls /)
    cat /proc/self/status
    cat /proc/net/tcp
    echo "connect:$(bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port} && echo reached' 2>/dev/null)"
    setsid sh -c 'sleep 30; : "$1"' sh "$2" </dev/null >/dev/null 2>&1 &
    echo done`;
  const survivor = `survivor-${randomUUID()}`;
  const text = await output(session, ['-c', script, 'sh', outside, survivor]);

  if (!text.startsWith('works') || !text.endsWith('done\n')) throw failed('a command did not run to its end');
  // The file may lie below a folder that the sandbox covers, such as /tmp, so that the host's other folders are looked for too.
  const top = /^top: (.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
  if (text.includes(token) || !top.includes('usr') || top.some((name) => !TOP_LEVEL.has(name)))
    throw failed('files of the host could be seen');
  if (session.level().syscalls === 'enforced' && !/^Seccomp:\t2$/m.test(text))
    throw failed('the system call filter is not in force');
  const listener = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  if (text.includes('connect:reached') || text.includes(listener))
    throw failed("the host's loopback network could be reached");
  if (isRunningWithArgument(survivor)) throw failed('a process outlived its command');
}

async function attemptForks(session: SandboxSession): Promise<void> {
  const script = `i=0; while [ $i -lt ${2 * PROBE_PROCESSES} ]; do sleep 5 & i=$((i+1)); done; echo all`;
  const text = await output(session, ['-c', script]);
  if (text.includes('all')) throw failed('the number of processes is not limited');
}

async function output(session: SandboxSession, args: readonly string[]): Promise<string> {
  let result: ExecResult;
  try {
    result = await session.exec('/bin/sh', args);
  } catch (error) {
    throw isPrusikError(error, 'SANDBOX_START_FAILED') ? explainBubblewrap(error.message) : error;
  }
  if (result.exceeded !== null) throw failed(`a command reached the limit ${result.exceeded}`);
  return Buffer.from(result.stdout).toString('utf8');
}

function isRunningWithArgument(argument: string): boolean {
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(argument);
    } catch {
      return false;
    }
  });
}

function failed(what: string) {
  return unavailable(`bubblewrap starts, but in a trial ${what}`, 'Please report it with your kernel and distribution');
}
