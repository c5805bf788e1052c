import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAboutDraft, type Verdict } from '../src/cli/decide-prompt.ts';
import { temporaryFolder } from './git-fixture.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Types one line at each question, then ends the input. */
async function answer(
  lines: readonly string[],
  env: NodeJS.ProcessEnv = {},
  /** Ctrl-C where the next line would be typed. */
  interrupt?: AbortController,
): Promise<{ verdict: Verdict; shown: string }> {
  const input = new PassThrough();
  const left = [...lines];
  let shown = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      shown += chunk.toString();
      if (/[:?] $/.test(shown)) {
        setImmediate(() => {
          if (left.length > 0) input.write(`${left.shift()}\n`);
          else if (interrupt) interrupt.abort();
          else input.end();
        });
      }
      done();
    },
  });
  const verdict = await askAboutDraft({
    draft: '# Draft\u001b[2J\n',
    file: '/out/RELEASE_NOTES.md',
    replaces: true,
    input,
    output: { write: (text) => void (shown += text), isTTY: true, columns: 80, rows: 24, colors: false, stream },
    env,
    folder,
    signal: (interrupt ?? new AbortController()).signal,
  });
  return { verdict, shown };
}

describe('the question about a draft', () => {
  it.each([
    [['a'], { type: 'approve' }],
    [['what?', 'A'], { type: 'approve' }],
    [['r', 'too early'], { type: 'reject', reason: 'too early' }],
    [['reject', ''], { type: 'reject' }],
    [['l'], { type: 'leave' }],
    [['r'], { type: 'leave' }],
    [[], { type: 'leave' }],
  ] as const)('answered with %j is %o', async (lines, verdict) => {
    expect((await answer(lines)).verdict).toEqual(verdict);
  });

  it.each([[[]], [['r']]])('interrupted after %j is left for later', async (lines) => {
    expect((await answer(lines, {}, new AbortController())).verdict).toEqual({ type: 'leave' });
  });

  it('shows the draft without what would drive the terminal, and what it would replace', async () => {
    const { shown } = await answer(['l']);

    expect(shown).toContain('# Draft[2J');
    expect(shown).not.toContain('\u001b');
    expect(shown).toContain('replace /out/RELEASE_NOTES.md');
  });

  it('takes the text that the editor leaves, and asks again when nothing changed or the editor failed', async () => {
    const editor = join(folder, 'editor.mjs');
    writeFileSync(editor, `import { appendFileSync } from 'node:fs'; appendFileSync(process.argv.at(-1), 'more');`);
    const failing = join(folder, 'failing.mjs');
    writeFileSync(
      failing,
      `import { writeFileSync } from 'node:fs'; writeFileSync(process.argv.at(-1), ''); process.exit(1);`,
    );
    chmodSync(folder, 0o755);

    const edited = await answer(['e'], { EDITOR: `${process.execPath} ${editor}` });
    const kept = await answer(['e', 'a'], { VISUAL: `${process.execPath} ${failing}` });

    expect(edited.verdict).toEqual({ type: 'edit', markdown: '# Draft\u001b[2J\nmore' });
    expect(kept.verdict).toEqual({ type: 'approve' });
    expect(kept.shown).toContain('Nothing changed');
    expect(readdirSync(folder).toSorted()).toEqual(['editor.mjs', 'failing.mjs']);
  });
});
