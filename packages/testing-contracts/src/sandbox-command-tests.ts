import assert from 'node:assert/strict';
import type { SandboxTest } from './sandbox-test.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const CONTROL = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code + 1)).join('') + '\u007F\u001B[31m';
const AWKWARD = ['', ' ', '$HOME', '`id`', '$(id)', '; exit 3', "'", '"', '\\', '*', '-n', '--', 'a\nb', 'ä𝄞', CONTROL];

/** How commands run, whatever isolates them. */
export const SANDBOX_COMMAND_TESTS: readonly SandboxTest[] = [
  {
    title: 'SBX-1: exec() hands every argument over as it is, with no shell in between',
    async run(session) {
      const { stdout } = await session.exec('printf', ['[%s]', ...AWKWARD]);

      assert.equal(text(stdout), AWKWARD.map((argument) => `[${argument}]`).join(''));
    },
  },
  {
    title: 'SBX-6: no shell reads the names of folders and files, nor the values of variables',
    async run(session) {
      for (const evil of ['$(touch planted)', '; touch planted', '`touch planted`', '\ntouch planted\n', '-e touch']) {
        await session.writeTextFile({ path: `${evil}/${evil}`, content: evil });

        const listed = await session.exec('ls', ['-N'], { cwd: evil });
        const given = await session.exec('printenv', ['EVIL'], { env: { EVIL: evil } });

        assert.deepEqual([text(listed.stdout), text(given.stdout)], [`${evil}\n`, `${evil}\n`]);
        assert.equal(await session.readTextFile({ path: `${evil}/${evil}` }), evil);
        assert.equal(await session.stat({ path: `${evil}/planted` }), null);
      }
      assert.equal(await session.stat({ path: 'planted' }), null);
    },
  },
  {
    title: 'SBX-1: exec() never takes a shell builtin for a program',
    async run(session) {
      const { exitCode, stdout } = await session.exec('eval', ['echo evaluated']);

      assert.equal(text(stdout), '');
      assert.notEqual(exitCode, 0);
    },
  },
  {
    title: 'SBX-1: exec() passes standard input and output through byte by byte',
    async run(session) {
      const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);

      const { stdout, stderr, exitCode } = await session.exec('cat', [], { stdin: bytes });

      // Not deepEqual: its report of the difference between so many bytes takes gigabytes.
      assert.ok(Buffer.from(stdout).equals(bytes), 'The bytes came back changed');
      assert.deepEqual([stderr.length, exitCode], [0, 0]);
    },
  },
  {
    title: 'SBX-1: exec() reports the exit code, and keeps the two outputs apart',
    async run(session) {
      const result = await session.exec('/bin/sh', ['-c', 'echo out; echo err >&2; exit 7']);

      assert.deepEqual(
        { ...result, stdout: text(result.stdout), stderr: text(result.stderr) },
        {
          exitCode: 7,
          signal: null,
          stdout: 'out\n',
          stderr: 'err\n',
          stdoutOmitted: 0,
          stderrOmitted: 0,
          timedOut: false,
          exceeded: null,
        },
      );
    },
  },
  {
    title: 'SBX-1: exec() starts in the workspace, or in the folder that is named',
    async run(session) {
      await session.writeTextFile({ path: 'folder/file', content: '' });

      const root = await session.exec('pwd');
      const folder = await session.exec('ls', [], { cwd: 'folder' });

      assert.deepEqual([text(root.stdout), text(folder.stdout)], [`${session.directory}\n`, 'file\n']);
    },
  },
  {
    title: 'SBX-6: the environment holds what was given and nothing of the host',
    async run(session, sandbox) {
      process.env['PRUSIK_CONTRACT_SECRET'] = 'secret';
      try {
        await sandbox.workspaces.create({ id: 'environment' });
        const given = await sandbox.open({ workspace: 'environment', env: { A: '1', B: '2' } });

        const own = await given.exec('env', [], { env: { B: 'b\nc' } });
        const other = await session.exec('env');

        assert.match(text(own.stdout), /^A=1$/m);
        assert.match(text(own.stdout), /^B=b\nc$/m);
        assert.doesNotMatch(text(own.stdout) + text(other.stdout), /PRUSIK_CONTRACT_SECRET/);
        assert.doesNotMatch(text(other.stdout), /^A=/m);
      } finally {
        delete process.env['PRUSIK_CONTRACT_SECRET'];
      }
    },
  },
  {
    title: 'SBX-5: a command that ignores polite signals is ended at its deadline',
    async run(session) {
      const result = await session.exec(
        '/bin/sh',
        ['-c', "trap '' TERM INT HUP; echo begun; while :; do sleep 1; done"],
        { timeoutMs: 500 },
      );

      assert.deepEqual(
        [result.timedOut, result.exceeded, result.exitCode, result.signal],
        [true, 'timeoutMs', null, 'SIGKILL'],
      );
      assert.equal(text(result.stdout), 'begun\n');
    },
  },
  {
    title:
      'SBX-5: of a long output the head and the tail are kept, cut between characters, and what is missing is counted',
    async run(session) {
      const { stdout, stdoutOmitted, exceeded } = await session.exec(
        '/bin/sh',
        ['-c', 'echo first; i=0; while [ $i -lt 2000 ]; do echo ääääääää; i=$((i+1)); done; echo last'],
        {
          maxOutputBytes: 1_001,
        },
      );

      const kept = text(stdout);
      assert.match(kept, /^first\n/);
      assert.match(kept, /\nlast\n$/);
      assert.ok(!kept.includes('\uFFFD'), 'A character was cut');
      assert.ok(stdout.length < 1_100, `${stdout.length} bytes were kept`);
      const marker = `\n[... ${stdoutOmitted} bytes omitted ...]\n`;
      assert.ok(kept.includes(marker), 'The gap is not marked');
      assert.equal(stdout.length - marker.length + stdoutOmitted, 2000 * 17 + 'first\nlast\n'.length);
      assert.equal(exceeded, null);
    },
  },
  {
    title: 'SBX-5: an endless output ends its command',
    limits: { hardOutputBytes: 1024 * 1024 },
    async run(session) {
      const { exceeded, stdout, stdoutOmitted } = await session.exec('yes', [], { maxOutputBytes: 100 });

      assert.equal(exceeded, 'hardOutputBytes');
      assert.ok(stdout.length < 200);
      assert.ok(stdoutOmitted < 16 * 1024 * 1024, `It was ended after ${stdoutOmitted} bytes`);
    },
  },
  {
    title: 'SBX-5: exec() resolves at the exit, though a background process keeps its output open',
    async run(session) {
      const started = performance.now();

      const { exitCode } = await session.exec('/bin/sh', ['-c', 'sleep 8 & exit 5']);

      assert.equal(exitCode, 5);
      assert.ok(performance.now() - started < 6_000, 'It waited for the background process');
    },
  },
  {
    title: 'SBX-1: an aborted exec() rejects with the reason, as it is',
    async run(session) {
      const abort = new AbortController();
      const reason = new Error('changed my mind');

      const result = session.exec('sleep', ['60'], { signal: abort.signal });
      abort.abort(reason);

      await assert.rejects(result, (error) => error === reason);
      await assert.rejects(session.exec('true', [], { signal: abort.signal }), (error) => error === reason);
    },
  },
  {
    title: 'SBX-1: arguments that cannot be passed are refused before anything starts',
    async run(session) {
      await assert.rejects(session.exec('echo', ['a\0b']), TypeError);
      await assert.rejects(session.exec('', []), TypeError);
      await assert.rejects(session.exec('true', [], { timeoutMs: 0 }), TypeError);
      await assert.rejects(session.exec('true', [], { env: { 'A=B': '' } }), TypeError);
      for (const tooLarge of [['x'.repeat(131_072)], Array.from({ length: 11 }, () => 'x'.repeat(100_000))])
        await assert.rejects(session.exec('echo', tooLarge), { code: 'SANDBOX_ARGUMENTS_TOO_LARGE' });
      const largest = await session.exec('/bin/sh', [
        '-c',
        'echo ${#1} $#',
        'sh',
        ...Array.from({ length: 7 }, () => 'x'.repeat(131_071)),
      ]);
      assert.equal(text(largest.stdout), '131071 7\n');
    },
  },
  {
    title: 'SBX-1: run() runs a shell command and answers in text; at a limit with exit code 124 and a note',
    limits: { timeoutMs: 1_000 },
    async run(session) {
      const done = await session.run({ command: 'echo "$A" && exit 4', env: { A: 'ä' } });
      const late = await session.run({ command: 'echo begun; sleep 60' });

      assert.deepEqual(done, { exitCode: 4, stdout: 'ä\n', stderr: '', exceeded: null });
      assert.deepEqual([late.exitCode, late.stdout, late.exceeded], [124, 'begun\n', 'timeoutMs']);
      assert.match(late.stderr, /timeoutMs = 1000/);
    },
  },
  {
    title: 'SBX-1: spawn() talks to a process while it runs',
    async run(session) {
      const process = await session.spawn({
        command: 'while read line; do echo "got $line"; done; exit 6',
        stdin: true,
      });
      const writer = process.stdin.getWriter();
      const reader = process.stdout.getReader();

      await writer.write(Buffer.from('a\n'));
      const first = await reader.read();
      await writer.write(Buffer.from('b\n'));
      const second = await reader.read();
      await writer.close();

      assert.deepEqual(
        [first, second].map(({ value }) => text(value ?? new Uint8Array())),
        ['got a\n', 'got b\n'],
      );
      assert.deepEqual(await process.wait(), { exitCode: 6 });
    },
  },
  {
    title: 'SBX-1: a spawned process is killed once or more, and then waits no longer',
    async run(session) {
      const process = await session.spawn({ command: 'sleep 60' });

      await Promise.all([process.kill(), process.kill()]);
      await process.kill();

      assert.deepEqual(await process.wait(), { exitCode: 137 });
    },
  },
  {
    title: 'SBX-5: a spawned process ends with its signal, also one that fires while it starts, and its exit is told',
    async run(session) {
      const abort = new AbortController();
      const reason = new Error('the run has ended');
      const command = 'sleep 2 & sleep 2';

      const running = await session.spawn({ command, abortSignal: abort.signal });
      const starting = session.spawn({ command, abortSignal: abort.signal });
      abort.abort(reason);

      const started = await starting.catch((error: unknown) => error);
      for (const process of [running, ...(started === reason ? [] : [await starting])]) {
        assert.deepEqual(await process.exit, { exitCode: 137, exceeded: null });
        await assert.rejects(process.wait(), (error) => error === reason);
      }
    },
  },
  {
    title: 'SBX-5: kill() with a grace asks all processes to end, and ends those that do not',
    async run(session) {
      const polite = await session.spawn({
        command: `sh -c 'trap "echo ended > by-child; exit" TERM; echo; while :; do sleep 0.05; done' & trap 'wait; exit 3' TERM; wait`,
      });
      await polite.stdout.getReader().read();
      const deaf = await session.spawn({ command: `trap '' TERM; echo; while :; do sleep 0.05; done` });
      await deaf.stdout.getReader().read();

      await Promise.all([polite.kill({ graceMs: 10_000 }), deaf.kill({ graceMs: 200 })]);

      assert.deepEqual(await polite.exit, { exitCode: 3, exceeded: null });
      assert.equal(await session.readTextFile({ path: 'by-child' }), 'ended\n');
      assert.deepEqual(await deaf.exit, { exitCode: 137, exceeded: null });
      await assert.rejects(deaf.kill({ graceMs: -1 }), TypeError);
    },
  },
  {
    title: 'SBX-5: disposing a session ends its commands, and it takes no more',
    async run(session) {
      const outcome = session.exec('sleep', ['60'], { timeoutMs: 60_000 }).then(
        () => 'resolved',
        (error: { code?: string }) => error.code,
      );
      const process = await session.spawn({ command: 'sleep 60' });

      await session[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();

      assert.equal(await outcome, 'SANDBOX_CLOSED');
      assert.deepEqual(await process.wait(), { exitCode: 137 });
      await assert.rejects(session.exec('true'), { code: 'SANDBOX_CLOSED' });
      await assert.rejects(session.readTextFile({ path: 'a' }), { code: 'SANDBOX_CLOSED' });
    },
  },
  {
    title: 'SBX-2: a session says what is held, and is refused where more is required',
    async run(session, sandbox) {
      const level = session.level();
      assert.deepEqual(level, await sandbox.level());
      await sandbox.workspaces.create({ id: 'level' });

      const held = await sandbox.open({ workspace: 'level', require: level });
      await held[Symbol.asyncDispose]();
      const short = Object.entries(level).filter(([, enforcement]) => enforcement !== 'enforced');
      for (const [name] of short)
        await assert.rejects(sandbox.open({ workspace: 'level', require: { [name]: 'enforced' } }), {
          code: 'SANDBOX_LEVEL_UNMET',
        });
      await assert.rejects(sandbox.open({ workspace: 'level', require: { files: 'perhaps' as 'none' } }), TypeError);
    },
  },
  {
    title: 'SBX-1: many sessions run at once, each in its own workspace',
    async run(_session, sandbox) {
      const names = Array.from({ length: 8 }, (_, index) => `parallel-${index}`);

      const outputs = await Promise.all(
        names.map(async (id) => {
          await sandbox.workspaces.create({ id });
          const session = await sandbox.open({ workspace: id });
          await Promise.all([1, 2, 3].map((n) => session.exec('/bin/sh', ['-c', `echo ${id} > file${n}`])));
          const { stdout } = await session.exec('/bin/sh', ['-c', 'cat file*']);
          return text(stdout);
        }),
      );

      assert.deepEqual(
        outputs,
        names.map((id) => `${id}\n`.repeat(3)),
      );
    },
  },
];
