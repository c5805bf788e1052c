import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPrusikError, type RunKey } from '@prusik/core';
import { flowchart, readFlow } from '@prusik/records';
import type { App } from '../app.ts';
import type { ReleaseOutput } from '../release/workflow.ts';
import { NOTES_FILE } from '../tools/publish-notes.ts';

/** What the notes were made by, as data. */
const RECORD_FILE = 'run.json';
/** The same as a picture, for whatever draws Mermaid. */
const FLOW_FILE = 'flow.mmd';
const RECORD_VERSION = 1;

type Published = Extract<ReleaseOutput, { readonly published: true }>;

/**
 * Writes beside the notes how they came about: no text of a model, a commit or a person, but for names that stand in the notes. It is about the release and no part of it, so a file of that name that is
 * somebody else's is left alone.
 *
 * @returns lines for a person, one for each file that could not be written.
 */
export async function writeRecord(
  { store }: App,
  key: RunKey,
  out: string,
  output: Published,
): Promise<readonly string[]> {
  const run = await store.run(key);
  const flow = await readFlow(store, key).catch((error: unknown) => {
    if (isPrusikError(error, 'RUN_COMPACTED')) return undefined;
    throw error;
  });
  // What it did is not on record any more, and was written when it was.
  if (flow === undefined) return [];
  const record = {
    v: RECORD_VERSION,
    run: {
      id: key.run,
      definition: run?.definition,
      status: run?.status,
      startedAt: run?.createdAt,
      endedAt: run?.endedAt,
    },
    notes: { file: NOTES_FILE, bytes: output.bytes, sha256: output.sha256, edited: output.edited },
    commits: output.commits,
    areas: output.areas,
    flow,
  };
  const problems = [
    await replaceOwn(join(out, RECORD_FILE), `${JSON.stringify(record, undefined, 2)}\n`, isRecord),
    await replaceOwn(join(out, FLOW_FILE), flowchart(flow), (text) => text.startsWith('flowchart ')),
  ];
  return problems.filter((problem) => problem !== undefined);
}

/** In one step, and only where there is none yet or one of ours. */
async function replaceOwn(file: string, text: string, isOurs: (text: string) => boolean): Promise<string | undefined> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const entry = await lstat(file).catch(() => undefined);
    if (entry !== undefined && !(entry.isFile() && isOurs(await readFile(file, 'utf8'))))
      return `${file} is not ours and was left as it is`;
    await writeFile(temporary, text, { flag: 'wx', mode: 0o644 });
    await rename(temporary, file);
    return undefined;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    return `${file} was not written: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
}

function isRecord(text: string): boolean {
  try {
    const { v, flow } = JSON.parse(text) as { readonly v?: unknown; readonly flow?: unknown };
    return v === RECORD_VERSION && typeof flow === 'object';
  } catch {
    return false;
  }
}
