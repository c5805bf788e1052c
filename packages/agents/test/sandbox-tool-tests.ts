import type { Sandbox } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { SANDBOX_TOOL_LIMITS, sandboxTools } from '../src/sandbox/index.ts';
import { caller, newSession, sandboxOf, sh, type Isolation } from './sandbox-place.ts';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A session with these files, and its tools. */
async function withFiles(sandbox: () => Promise<Sandbox>, files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const session = await newSession(await sandbox());
  for (const [path, content] of Object.entries(files))
    await session.writeBinaryFile({ path, content: Buffer.from(content) });
  const bytesOf = async (path: string): Promise<Buffer> => Buffer.from((await session.readBinaryFile({ path })) ?? []);
  return { session, call: caller(session), bytesOf };
}

/** What the tools of a sandbox do, on a real one. */
export function sandboxToolTests(isolation: Isolation): void {
  const sandbox = sandboxOf(isolation);

  describe('SBX-8: read', () => {
    it('numbers lines, and tells of forms that a model cannot see', async () => {
      const { call } = await withFiles(sandbox, { a: 'one\ntwo\n', b: '\uFEFFone\r\ntwo', empty: '' });

      expect(await call('read', { path: './a' })).toBe('1\tone\n2\ttwo');
      expect(await call('read', { path: 'b' })).toBe(
        '1\tone\n2\ttwo\n[lines end with CRLF; it begins with a byte order mark; the last line has no line end]',
      );
      expect(await call('read', { path: 'empty' })).toBe('[empty is empty]');
      expect(await call('read', { path: 'a', from: 3 })).toMatch(/^TOOL_LINES_NOT_FOUND: a has 2 lines/);
    });

    it('gives a long file in pages of which nothing is lost, and cuts a long line', async () => {
      const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n} ä`);
      const { call } = await withFiles(sandbox, {
        long: `${lines.join('\n')}\n`,
        wide: `${'ö'.repeat(3_000_000)}\nx\n${'y'.repeat(2_001)}\n`,
        paragraphs: `${'p'.repeat(1_500)}\n`.repeat(100),
      });
      const seen: string[] = [];
      let from: number | undefined = 1;
      let pages = 0;

      while (from !== undefined) {
        const page: string = await call('read', { path: 'long', from });
        expect(Buffer.byteLength(page)).toBeLessThan(51_200);
        seen.push(...page.split('\n').flatMap((line) => (/^\d+\t/.test(line) ? [line.replace(/^\d+\t/, '')] : [])));
        from = /go on with "from": (\d+)/.exec(page)?.slice(1).map(Number)[0];
        pages += 1;
      }

      expect(seen).toEqual(lines);
      expect(pages).toBe(15);
      const wide = await call('read', { path: 'paragraphs' });
      expect(Buffer.byteLength(wide)).toBeLessThan(51_200);
      expect(wide).toMatch(/\n\[lines 1 to \d\d of 100; go on with "from": \d\d\]$/);
      const { lineCharacters } = SANDBOX_TOOL_LIMITS;
      expect(await call('read', { path: 'wide' })).toBe(
        `1\t${'ö'.repeat(lineCharacters)}[… ${6_000_000 - 2 * lineCharacters} bytes more on this line …]\n2\tx\n3\t${'y'.repeat(lineCharacters)}[… 1 bytes more on this line …]`,
      );
    });

    it('shows an image by what it is, and says what other bytes are good for', async () => {
      const png = Buffer.from(PNG, 'base64');
      const { call } = await withFiles(sandbox, {
        'picture.txt': png,
        binary: Buffer.from([1, 0, 2]),
        huge: Buffer.concat([png, Buffer.alloc(SANDBOX_TOOL_LIMITS.imageBytes)]),
      });

      expect(await call('read', { path: 'picture.txt' })).toBe(
        `picture.txt (image/png, ${png.length} bytes):\n<image/png ${PNG}>`,
      );
      expect(await call('read', { path: 'binary' })).toMatch(/^TOOL_FILE_NOT_TEXT: .*Look at it with a command/);
      expect(await call('read', { path: 'huge' })).toMatch(/^TOOL_FILE_NOT_TEXT: huge is no text, and too large/);
    });

    it('SBX-4: stays in the workspace, and tells what is there instead of a file that is not', async () => {
      const { session, call } = await withFiles(sandbox, { 'src/a.ts': '', 'src/b.ts': '' });
      await sh(session, 'ln -s /etc/passwd link; mkfifo pipe');

      for (const path of ['/etc/passwd', '../x', 'link', 'pipe', 'src', '.'])
        expect(await call('read', { path }), path).toMatch(/^SANDBOX_PATH_REFUSED: .*Paths are inside the workspace/);
      expect(await call('read', { path: `${session.directory}/src/c.ts` })).toBe(
        'TOOL_FILE_NOT_FOUND: There is no file src/c.ts. The folder src has: a.ts, b.ts.',
      );
      expect(await call('read', { path: 'no/c.ts' })).toMatch(/^TOOL_FILE_NOT_FOUND: .*no is not there either/);
      expect(await call('read', {})).toBe('invalid: path: expected a string');
    });
  });

  describe('SBX-8: edit', () => {
    it('replaces exactly what it was given, and no other byte', async () => {
      const latin = Buffer.concat([Buffer.from('\uFEFFa\r\nb\nf'), Buffer.from([0xfc]), Buffer.from('r $x\r\nlast')]);
      const { call, bytesOf } = await withFiles(sandbox, { latin });
      await call('read', { path: 'latin' });

      expect(await call('edit', { path: 'latin', old: '$x', new: "$& $$ $` $' $1" })).toMatch(
        /^Edited latin; there now:/,
      );

      expect(await bytesOf('latin')).toEqual(
        Buffer.concat([Buffer.from('\uFEFFa\r\nb\nf'), Buffer.from([0xfc]), Buffer.from("r $& $$ $` $' $1\r\nlast")]),
      );
      expect(await call('edit', { path: 'latin', old: 'last', new: 'last\n' })).toMatch(/^Edited/);
      expect((await bytesOf('latin')).subarray(-6)).toEqual(Buffer.from('last\r\n'));
    });

    it('takes LF for the line ends of a file, and ends new lines as those around them', async () => {
      const { call, bytesOf } = await withFiles(sandbox, {
        crlf: 'a\r\nb\r\nc\r\n',
        lf: 'a\nb\nc\n',
        mixed: 'a\r\nb\nc\r\n',
      });
      for (const path of ['crlf', 'lf', 'mixed']) await call('read', { path });

      await call('edit', { path: 'crlf', old: 'a\nb\n', new: 'A\nx\nB\n' });
      await call('edit', { path: 'crlf', old: 'c', new: 'c\nd' });
      await call('edit', { path: 'lf', old: 'a\r\nb', new: 'A\nB' });
      await call('edit', { path: 'mixed', old: 'b\nc\n', new: 'x\n' });

      expect((await bytesOf('crlf')).toString()).toBe('A\r\nx\r\nB\r\nc\r\nd\r\n');
      expect((await bytesOf('lf')).toString()).toBe('A\nB\nc\n');
      expect((await bytesOf('mixed')).toString()).toBe('a\r\nx\n');
    });

    it('SBX-8: places that overlap are several, and all of them are changed from the first on', async () => {
      const { call, bytesOf } = await withFiles(sandbox, { f: '}\n}\n}\n' });
      await call('read', { path: 'f' });

      expect(await call('edit', { path: 'f', old: '}\n}\n', new: '' })).toMatch(
        /^EDIT_AMBIGUOUS: The text stands in 2 places of f: lines 1, 2\./,
      );
      await call('edit', { path: 'f', old: '}\n}\n', new: 'x\n', all: true });
      expect((await bytesOf('f')).toString()).toBe('x\n}\n');
    });

    it('SBX-5: changes so many places of a file, and makes none larger than it takes', async () => {
      const { editBytes, editPlaces } = SANDBOX_TOOL_LIMITS;
      const { call, bytesOf } = await withFiles(sandbox, {
        many: 'a'.repeat(editPlaces + 1),
        most: 'a'.repeat(editPlaces),
      });
      for (const path of ['many', 'most']) await call('read', { path });
      const edit = (path: string, text: string) => call('edit', { path, old: 'a', new: text, all: true });

      expect(await edit('many', 'b')).toMatch(/^EDIT_AMBIGUOUS: .* more than 10000 places of many.* with a command/);
      expect(await edit('most', 'b'.repeat(editBytes / editPlaces + 1))).toMatch(
        /^TOOL_FILE_TOO_LARGE: most would have more than 16777216 bytes.* Use a command/,
      );
      expect((await bytesOf('most')).toString()).toBe('a'.repeat(editPlaces));
      expect(await edit('most', 'b')).toMatch(/^Edited most; in 10000 places/);
      expect((await bytesOf('most')).toString()).toBe('b'.repeat(editPlaces));
    });

    it('SBX-5: a text of empty lines that is not there costs no more than its length', async () => {
      const { call } = await withFiles(sandbox, { f: 'x\n' });
      await call('read', { path: 'f' });
      const start = performance.now();

      expect(await call('edit', { path: 'f', old: `${'\n'.repeat(150_000)}q`, new: '' })).toMatch(/^EDIT_NOT_FOUND/);
      // Each line looked at from each line before it would take 20 s.
      expect(performance.now() - start).toBeLessThan(5_000);
    });

    it('says what it found where the text is in several places or in none, and changes nothing', async () => {
      const source = 'if (a) {\n    go();\n}\nif (b) {\n    go();\n}\nsay(“x”);\n';
      const { call, bytesOf } = await withFiles(sandbox, { f: source });
      await call('read', { path: 'f' });
      const edit = (old: string) => call('edit', { path: 'f', old, new: 'y' });

      expect(await edit('go();')).toMatch(
        /^EDIT_AMBIGUOUS: The text stands in 2 places of f: lines 2, 5\. .*"all": true/,
      );
      expect(await edit('if (b) {\n\tgo();')).toMatch(
        /^EDIT_NOT_FOUND: .*copy them exactly:\n4\tif \(b\) \{\n5\t {4}go\(\);$/s,
      );
      expect(await edit('say("x");')).toMatch(/^EDIT_NOT_FOUND: .*copy them exactly:\n7\tsay\(“x”\);$/s);
      expect(await edit('4\tif (b) {')).toMatch(/^EDIT_NOT_FOUND: .*without the line numbers/);
      expect(await edit('if (b) {\n    stop();')).toMatch(
        /^EDIT_NOT_FOUND: .*what follows is another:\n4\tif \(b\) \{\n5/s,
      );
      expect(await edit('while')).toMatch(/^EDIT_NOT_FOUND: .*Nothing like it/);
      expect(await edit('')).toMatch(/^EDIT_NOT_FOUND: "old" is empty/);
      expect(await call('edit', { path: 'f', old: '}', new: '}', all: true })).toMatch(/^EDIT_NOT_FOUND: f would stay/);
      expect((await bytesOf('f')).toString()).toBe(source);

      expect(await call('edit', { path: 'f', old: 'go();', new: 'halt();', all: true })).toMatch(/in 2 places/);
      expect((await bytesOf('f')).toString()).toBe(source.replaceAll('go', 'halt'));
    });

    it('wants a file read first, as it is now; one that changed is shown, and edited when that was seen', async () => {
      const { session, call, bytesOf } = await withFiles(sandbox, { f: 'one\ntwo\n' });
      const edit = () => call('edit', { path: 'f', old: 'two', new: '2' });

      expect(await edit()).toMatch(/^TOOL_FILE_UNREAD: .*Read it, then edit it/);
      await call('read', { path: 'f' });
      await sh(session, 'touch f');
      await sh(session, 'sed -i s/one/uno/ f');
      expect(await edit()).toMatch(/^TOOL_FILE_CHANGED: .*nothing was edited.*\n1\tuno\n2\ttwo$/s);
      expect((await bytesOf('f')).toString()).toBe('uno\ntwo\n');
      expect(await edit()).toMatch(/^Edited f/);
      expect((await bytesOf('f')).toString()).toBe('uno\n2\n');

      await sh(session, 'echo three > f');
      expect(await edit()).toMatch(/^TOOL_FILE_CHANGED: .*Read it again/);
      expect(await edit()).toMatch(/^TOOL_FILE_CHANGED: .*Read it again/);
    });

    it('does calls on one file one after the other, so that none undoes another', async () => {
      const names = Array.from({ length: 20 }, (_, n) => `name${n};`);
      const { call, bytesOf } = await withFiles(sandbox, { f: names.join('\n') });
      await call('read', { path: 'f' });

      const said = await Promise.all(names.map((name) => call('edit', { path: 'f', old: name, new: `${name}!` })));

      expect(said.every((one) => one.startsWith('Edited'))).toBe(true);
      expect((await bytesOf('f')).toString()).toBe(names.map((name) => `${name}!`).join('\n'));
    });

    it('SBX-5: refuses a file that is too large for it, and a command does it', async () => {
      const { call } = await withFiles(sandbox, { f: Buffer.alloc(SANDBOX_TOOL_LIMITS.editBytes + 1, 'x\n') });
      await call('read', { path: 'f' });
      expect(await call('edit', { path: 'f', old: 'x', new: 'y' })).toMatch(/^TOOL_FILE_TOO_LARGE: .*Use a command/);
    });
  });

  describe('SBX-8: write', () => {
    it('makes files and folders, replaces what was read, and says which form is gone', async () => {
      const { session, call, bytesOf } = await withFiles(sandbox, { f: '\uFEFFa\r\nb\r\n', empty: '' });
      const write = (path: string, content: string) => call('write', { path, content });

      expect(await write('new/folder/f', 'x\ny')).toBe('Created new/folder/f (3 bytes).');
      expect(await write('empty', 'x')).toBe('Replaced empty (1 bytes).');
      expect(await write('f', 'x')).toMatch(/^TOOL_FILE_UNREAD: .*nothing was written/);
      await call('read', { path: `${session.directory}/f`, lines: 1 });
      expect(await write('f', 'c\nd\n')).toBe(
        'Replaced f (4 bytes). Before, its lines ended with CRLF, and it began with a byte order mark; now that is gone.',
      );
      expect(await write('f', 'e\n')).toBe('Replaced f (2 bytes).');
      expect(await write('f', 'e\n')).toBe('f holds that already.');
      await sh(session, 'echo other > f');
      expect(await write('f', 'g\n')).toMatch(/^TOOL_FILE_CHANGED: .*nothing was written.*Read it again/);
      expect((await bytesOf('f')).toString()).toBe('other\n');
      expect(await write('../f', 'x')).toMatch(/^SANDBOX_PATH_REFUSED/);
      expect(await write('.git/config', 'x')).toMatch(/^SANDBOX_PATH_REFUSED/);
    });
  });

  describe('SBX-8: list and glob', () => {
    it('lists a folder, and shows names that are no plain text on one line', async () => {
      const { session, call } = await withFiles(sandbox, { 'src/a': '', '.hidden': '', b: '' });
      await sh(session, `ln -s b link; mkfifo pipe; touch "$(printf 'new\\nline')" "$(printf 'latin\\374')"`);

      expect(await call('list', {})).toBe(
        [
          'src/',
          '.hidden',
          'b',
          'latin\uFFFD (its name is not UTF-8: only commands can use it)',
          'link (link)',
          '"new\\nline"',
          'pipe (special file)',
        ].join('\n'),
      );
      expect(await call('list', { path: 'no' })).toMatch(/^TOOL_FILE_NOT_FOUND/);
      expect(await call('list', { path: '..' })).toMatch(/^SANDBOX_PATH_REFUSED/);
      expect(await call('glob', { pattern: '*' })).toBe(
        '.hidden\nb\nlink (link)\n"new\\nline"\nsrc/a\n[1 names are not UTF-8 and were left out: look at them with a command]',
      );
    });

    it('finds by names and paths, below a folder too, without what is ignored', async () => {
      const { call } = await withFiles(sandbox, {
        '.gitignore': 'dist/\n*.log\n!keep.log\n/only-here\n',
        'a.ts': '',
        'dist/a.ts': '',
        'src/a.ts': '',
        'src/.gitignore': 'deep/*.js\n',
        'src/deep/b.js': '',
        'src/deep/b.ts': '',
        'src/x.log': '',
        'src/keep.log': '',
        'src/only-here': '',
        'only-here': '',
        'node_modules/x/a.ts': '',
      });
      const glob = (pattern: string, more: object = {}) => call('glob', { pattern, ...more });

      expect(await glob('*.ts')).toBe('a.ts\nsrc/a.ts\nsrc/deep/b.ts');
      expect(await glob('src/*.ts')).toBe('src/a.ts');
      expect(await glob('a.t')).toMatch(/^\[no file matches\]/);
      expect(await glob('a.ts')).toBe('a.ts\nsrc/a.ts');
      expect(await glob('./src/**/[!a].{js,ts}')).toBe('src/deep/b.ts');
      expect(await glob('**/*.log')).toBe('src/keep.log');
      expect(await glob('*here')).toBe('src/only-here');
      expect(await glob('*.ts', { path: 'src/deep' })).toBe('src/deep/b.ts');
      expect(await glob('*.js')).toMatch(/^\[no file matches\]\n\[.*left out by ignore rules: say "ignored": true/);
      expect(await glob('*.{js,ts}', { ignored: true })).toBe(
        'a.ts\ndist/a.ts\nnode_modules/x/a.ts\nsrc/a.ts\nsrc/deep/b.js\nsrc/deep/b.ts',
      );
      expect(await glob('no/**')).toMatch(/^TOOL_FILE_NOT_FOUND/);
      expect(await glob('{a,b}'.repeat(10))).toMatch(/^SEARCH_PATTERN_INVALID: .*braces/);
    });

    it('SBX-8: braces without a comma stand for themselves, and those after them do not', async () => {
      const { call } = await withFiles(sandbox, { '{x}/a.ts': '', '{x}/a.js': '', '{a': '', '{b': '' });

      expect(await call('glob', { pattern: '{x}/*.{ts,js}' })).toBe('{x}/a.js\n{x}/a.ts');
      expect(await call('glob', { pattern: '{{a,b}' })).toBe('{a\n{b');
    });

    it('SBX-5: shows so many, and says that there are more', async () => {
      const { session, call } = await withFiles(sandbox);
      await sh(session, 'mkdir many; cd many; seq 1 1200 | xargs touch');
      const { paths, entries } = SANDBOX_TOOL_LIMITS;

      const found = (await call('glob', { pattern: 'many/*' })).split('\n');
      const listed = (await call('list', { path: 'many' })).split('\n');

      expect(found).toHaveLength(paths + 1);
      expect(found.at(-1)).toBe(`[these are the first ${paths}: narrow "path" or the pattern for others]`);
      expect(listed).toHaveLength(entries + 1);
      expect(listed.at(-1)).toBe('[… 200 more; use glob to find names …]');
    });
  });

  describe('SBX-8: grep', () => {
    it('shows lines with their numbers, of files that it names, and says what it could not show', async () => {
      const { session, call } = await withFiles(sandbox, {
        '-n': 'needle\n',
        'src/a.ts': 'x\nneedle one\r\ny\n',
        'src/b.js': 'Needle\n',
        binary: 'a\0needle\n',
        'dist/x': 'needle\n',
        '.gitignore': 'dist\n',
        wide: `needle${'w'.repeat(2_000_000)}\nneedle two\n`,
      });
      await sh(session, `ln -s src/a.ts link; echo needle > "$(printf 'new\\nline')"`);
      const grep = (pattern: string, more: object = {}) => call('grep', { pattern, ...more });

      expect((await grep('need\\w+')).split('\n')).toEqual([
        '-n',
        '1: needle',
        'src/a.ts',
        '2: needle one',
        'wide',
        expect.stringMatching(/^1: needlew{400,} \[…\]$/),
        '2: needle two',
        expect.stringMatching(/^\[.*binary.*\]$/i),
        '[1 files whose names have line breaks were not searched]',
      ]);
      expect(await grep('needle', { path: 'src/a.ts', context: 1 })).toBe('src/a.ts\n1- x\n2: needle one\n3- y');
      expect(await grep('needle', { glob: '*.js', ignoreCase: true })).toBe('src/b.js\n1: Needle');
      expect(await grep('needle', { path: 'src', glob: '*.{ts,js}', filesOnly: true })).toBe('src/a.ts');
      expect(await grep('needle', { path: 'dist' })).toBe('dist/x\n1: needle');
      expect(await grep('-n', { path: 'src' })).toBe('[no line matches]');
      expect(await grep('(one')).toMatch(/^SEARCH_PATTERN_INVALID: .*"literal": true/);
      expect(await grep('(one', { literal: true, path: 'src' })).toBe('[no line matches]');
      expect(await grep('x', { path: 'nowhere' })).toMatch(/^TOOL_FILE_NOT_FOUND/);
      expect(await grep('x', { path: '/etc' })).toMatch(/^SANDBOX_PATH_REFUSED/);
    });

    it('SBX-8: names each file that matches where only names are asked for, however many', async () => {
      const { session, call } = await withFiles(sandbox);
      await sh(session, 'for n in $(seq -w 1 150); do echo needle > "a-file-with-a-name-$n"; done');

      const told = await call('grep', { pattern: 'needle', filesOnly: true });

      expect(told.split('\n')).toEqual(
        Array.from({ length: 150 }, (_, n) => `a-file-with-a-name-${String(n + 1).padStart(3, '0')}`),
      );
    });

    it('says so where the sandbox has no grep', async () => {
      const session = await newSession(await sandbox(), { env: { PATH: '/nowhere' } });
      await session.writeTextFile({ path: 'f', content: 'x' });
      expect(await caller(session)('grep', { pattern: 'x' })).toMatch(/^SEARCH_UNAVAILABLE: .*Find files with glob/);
    });

    it('SBX-5: an expression that takes for ever is ended in the sandbox, and this process goes on meanwhile', async () => {
      const session = await newSession(await sandbox(), { limits: { timeoutMs: 1_000 } });
      await session.writeTextFile({ path: 'long/f', content: `${'x'.repeat(20)}!\n`.repeat(50_000) });
      await session.writeTextFile({ path: 'hard/a', content: `${'x'.repeat(60)}!\n` });
      await session.writeTextFile({ path: 'hard/b', content: 'xx\n' });
      const call = caller(session);
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 20);

      const said = await call('grep', { pattern: '^(x+)+$', path: 'long' });
      clearInterval(timer);

      expect(said).toContain('[the search was ended after 1000 ms: narrow "path" or the pattern]');
      expect(turns).toBeGreaterThan(5);
      expect(await call('grep', { pattern: '^(x+)+$', path: 'hard' })).toMatch(
        /backtracking limit\]\n\[files after that one were not searched: make the pattern simpler\]$/,
      );
    });
  });

  describe('SBX-8: bash', () => {
    it('shows what was printed in its order, and how it ended', async () => {
      const { call } = await withFiles(sandbox, { f: 'x\n' });
      const bash = (command: string, more: object = {}) => call('bash', { command, ...more });

      expect(await bash('cat f; echo oops >&2; echo out; exit 3')).toBe('x\noops\nout\n[exit code 3]');
      expect(await bash('cd /; FOO=1')).toBe('[exit code 0]');
      expect(await bash(`printf '\\033[1;31mred\\033[0m \\001'`)).toBe('red \uFFFD\n[exit code 0]');
      expect(await bash('cat; echo no input')).toBe('no input\n[exit code 0]');
      expect(await bash('sleep 30', { timeoutMs: 200 })).toMatch(
        /^\[ended after 200 ms with all its processes; say "timeoutMs"/,
      );
      expect(await bash(`echo "$0" '$&' "a  b" \\\\`)).toMatch(/ a  b \\\n\[exit code 0\]$/);
    });

    it('cuts a long output in its middle, and keeps the whole where read finds it and no search trips over it', async () => {
      const { session, call } = await withFiles(sandbox);
      const said = await call('bash', { command: 'seq 1 20000; exit 1' });

      const lines = said.split('\n');
      expect(Buffer.byteLength(said)).toBeLessThan(SANDBOX_TOOL_LIMITS.outputBytes + 300);
      expect([lines[0], ...lines.slice(-2)]).toEqual(['1', '20000', '[exit code 1]']);
      const path = /all of it is in (\S+): read or grep it/.exec(said)?.[1] ?? '';
      expect(await session.readTextFile({ path })).toBe(await sh(session, 'seq 1 20000'));
      expect(await call('read', { path, from: 12_345, lines: 1 })).toMatch(/^12345\t12345\n/);
      expect(await call('grep', { pattern: '^12345$', path })).toBe(`${path}\n12345: 12345`);
      expect(await call('grep', { pattern: '^12345$' })).toMatch(/^\[no file to search\]/);
    });

    it('takes no longer than its tools allow, whatever the model says', async () => {
      const session = await newSession(await sandbox());
      const call = caller(session, sandboxTools(session, { maxCommandMs: 200 }));

      expect(await call('bash', { command: 'sleep 30', timeoutMs: 60_000 })).toBe(
        '[ended after 200 ms with all its processes; that is the longest: do it in parts]',
      );
    });
  });
}
