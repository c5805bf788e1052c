import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import type { SandboxSession, WritableSandboxProcess } from '@prusik/core';

/** Real processes without a sandbox, for servers made of this repository's packages: its folders may be closed to the user that a sandbox runs commands as. */
export const plainSession: Pick<SandboxSession, 'spawn' | 'directory'> = {
  directory: process.cwd(),
  spawn: (async ({ command, env = {} }: { readonly command: string; readonly env?: Record<string, string> }) => {
    const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const exit = once(child, 'exit').then(([code]) => ({ exitCode: Number(code ?? 137), exceeded: null }));
    const plain: WritableSandboxProcess = {
      stdin: Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
      stdout: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      stderr: Readable.toWeb(child.stderr) as ReadableStream<Uint8Array>,
      exit,
      wait: () => exit,
      async kill() {
        child.kill('SIGKILL');
        await exit;
      },
    };
    return plain;
  }) as SandboxSession['spawn'],
};
