import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { PrusikError } from '@prusik/core';
import { NOTES_FILE } from '../tools/publish-notes.ts';
import { paint, printable, type Output } from './terminal.ts';

/** What a person said about a draft. */
export type Verdict =
  | { readonly type: 'approve' }
  | { readonly type: 'edit'; readonly markdown: string }
  | { readonly type: 'reject'; readonly reason?: string }
  /** Later, or in another process. */
  | { readonly type: 'leave' };

export interface PromptOptions {
  readonly draft: string;
  readonly file: string;
  readonly replaces: boolean;
  readonly input: NodeJS.ReadableStream;
  readonly output: Output & { readonly stream: NodeJS.WritableStream };
  readonly env: NodeJS.ProcessEnv;
  /** Where the draft lies while it is edited. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Shows the draft and asks until there is an answer. The end of the input, and Ctrl-C, are `leave`: nothing is decided by accident. */
export async function askAboutDraft(options: PromptOptions): Promise<Verdict> {
  const { draft, file, replaces, input, output, signal } = options;
  output.write(`\n${printable(draft)}\n`);
  const what = replaces ? `replace ${file}` : `write ${file}`;
  for (;;) {
    const prompt = `${paint(output, 'bold', what)}? [a]pprove, [e]dit, [r]eject, [l]eave for later: `;
    const answer = await question(input, output.stream, prompt, signal);
    switch (answer?.trim().toLowerCase()) {
      case 'a':
      case 'approve':
        return { type: 'approve' };
      case 'e':
      case 'edit': {
        const markdown = await edit(options);
        if (markdown === draft) output.write('Nothing changed.\n');
        else return { type: 'edit', markdown };
        break;
      }
      case 'r':
      case 'reject': {
        const reason = await question(input, output.stream, 'Why (may be empty)? ', signal);
        if (reason === undefined) return { type: 'leave' };
        return { type: 'reject', ...(reason.trim() === '' ? {} : { reason: reason.trim() }) };
      }
      case undefined:
      case 'l':
      case 'leave':
        return { type: 'leave' };
      default:
        output.write('a, e, r or l\n');
    }
  }
}

/** One line, or undefined at the end of the input or when `signal` fires. */
async function question(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  prompt: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const lines = createInterface({ input, output, terminal: false });
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      lines.once('close', () => resolve(undefined));
      lines.question(prompt, { signal }).then(resolve, (error: unknown) => {
        if (!signal.aborted) return reject(error);
        // What follows must not stand behind the question and `^C`.
        output.write('\n');
        resolve(undefined);
      });
    });
  } finally {
    lines.close();
  }
}

/** Opens the person's editor on a copy, and reads it back. */
async function edit({ draft, env, folder, signal }: PromptOptions): Promise<string> {
  const [editor = 'vi', ...args] = (env['VISUAL'] || env['EDITOR'] || 'vi').split(/\s+/).filter(Boolean);
  const place = await mkdtemp(join(folder, 'draft-'));
  const path = join(place, NOTES_FILE);
  try {
    await writeFile(path, draft, { mode: 0o600 });
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(editor, [...args, path], { stdio: 'inherit', signal });
      child.on('error', (cause) => {
        if (signal.aborted) resolve(null);
        else reject(new PrusikError('USAGE', `The editor ${editor} cannot be started; set EDITOR`, { cause }));
      });
      child.on('close', resolve);
    });
    // An editor that failed (`:cq`) took the edit back.
    return code === 0 ? await readFile(path, 'utf8') : draft;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
