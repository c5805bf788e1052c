import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Sandbox, SandboxMount, SandboxSession } from '@prusik/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporarySandbox } from './temporary.ts';

let sandbox: Sandbox;
let session: SandboxSession;
beforeAll(async () => {
  sandbox = await temporarySandbox();
  await sandbox.workspaces.create({ id: 'w' });
  session = await sandbox.open({ workspace: 'w', mounts: nodeMounts(), limits: { timeoutMs: 30_000 } });
});
afterAll(() => sandbox[Symbol.asyncDispose]());

/** Node.js and npm, where they are not below `/usr`, which commands see. */
function nodeMounts(): readonly SandboxMount[] {
  if (['/usr/bin', '/usr/local/bin'].some((folder) => ['node', 'npm'].every((name) => existsSync(join(folder, name)))))
    return [];
  const npm = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .find((path) => existsSync(path));
  if (npm === undefined) throw new Error('There is no npm in PATH');
  return [
    { source: dirname(process.execPath), target: '/opt/node' },
    { source: dirname(dirname(realpathSync(npm))), target: '/opt/npm' },
  ];
}

async function run(command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await session.run({
    command: `PATH="$PATH:/opt/node"; npm() { if [ -d /opt/npm ]; then node /opt/npm/bin/npm-cli.js "$@"; else command npm "$@"; fi; }; ${command}`,
  });
  if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

it('SBX-1: Node.js runs with WebAssembly, threads, child processes and a server of its own', async () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    // (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    const bytes = Buffer.from('0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b', 'hex');
    const { add } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    const child = require('node:child_process').execFileSync('echo', ['child']).toString().trim();
    const server = require('node:http').createServer((_, response) => response.end('served')).listen(0, async () => {
      const served = await (await fetch('http://127.0.0.1:' + server.address().port)).text();
      new Worker("require('node:worker_threads').parentPort.postMessage('thread')", { eval: true }).on('message', (thread) => {
        console.log(add(2, 3), child, served, thread);
        process.exit();
      });
    });`;
  await session.writeTextFile({ path: 'program.cjs', content: program });

  expect(await run('node program.cjs')).toBe('5 child served thread\n');
});

it('SBX-1: npm makes and packs a package without a network', async () => {
  const said = await run(
    'mkdir package && cd package && npm init -y >/dev/null && npm pack --silent && tar -tf package-1.0.0.tgz',
  );

  expect(said).toBe('package-1.0.0.tgz\npackage/package.json\n');
});

it('SBX-1: Python computes in several processes and shares memory between them', async () => {
  const program = `
import multiprocessing, os
def work(n):
    with total.get_lock():
        total.value += n
    return n * n
total = multiprocessing.Value('i', 0)
if __name__ == '__main__':
    with multiprocessing.get_context('fork').Pool(2) as pool:
        print(pool.map(work, range(5)), total.value)
`;
  await session.writeTextFile({ path: 'program.py', content: program });

  expect(await run('python3 program.py')).toBe('[0, 1, 4, 9, 16] 10\n');
});

it('SBX-1: make and a C compiler build a program that runs', async () => {
  await session.writeTextFile({
    path: 'c/hello.c',
    content: '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n',
  });
  await session.writeTextFile({ path: 'c/Makefile', content: 'hello: hello.c\n\tcc -o $@ $<\n' });

  expect(await run('make -s -C c && c/hello')).toBe('compiled\n');
});

it('SBX-1: tar packs and unpacks a tree with its modes and links', async () => {
  const said = await run(
    'mkdir -p tree/sub out && echo content > tree/sub/file && chmod 750 tree/sub/file && ln -s sub/file tree/link && tar -czf tree.tar.gz tree && tar -xzf tree.tar.gz -C out && cat out/tree/link && stat -c %a out/tree/sub/file',
  );

  expect(said).toBe('content\n750\n');
});
