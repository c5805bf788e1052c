import { PrusikError, type SandboxSession } from '@prusik/core';
import { hashOf, scanFile, type Page, type ScannedFile } from './scan-file.ts';
import type { SandboxPlace } from './sandbox-tool.ts';
import { shownName } from './workspace-path.ts';

/** Names of the folder that a missing file is told with. */
const NEIGHBOURS = 20;

/** `null` when there is no such file. */
export async function scanPath(
  { session, signal }: SandboxPlace,
  path: string,
  page?: Page,
): Promise<ScannedFile | null> {
  const content = await session.readFile({ path, ...(signal ? { abortSignal: signal } : {}) });
  return content && scanFile(content, page);
}

/**
 * The file's content, its hash and what the conversation has seen of it.
 *
 * @throws {PrusikError} `TOOL_FILE_NOT_FOUND`, `TOOL_FILE_TOO_LARGE` past `most` bytes.
 */
export async function loadFile(
  place: SandboxPlace,
  path: string,
  most: number,
): Promise<{ readonly bytes: Buffer; readonly hash: string; readonly seen: string | undefined }> {
  const { session, signal, seen } = place;
  const abort = signal ? { abortSignal: signal } : {};
  const size = (await session.stat({ path, ...abort }))?.size ?? 0;
  if (size > most)
    throw new PrusikError(
      'TOOL_FILE_TOO_LARGE',
      `${path} has ${size} bytes; ${most} are the most for this tool. Use a command, such as sed or a script.`,
      { meta: { bytes: size, limit: most } },
    );
  const content = await session.readBinaryFile({ path, ...abort });
  if (content === null) throw await notFound(session, path);
  return { bytes: Buffer.from(content), hash: hashOf(content), seen: await seen.get(path) };
}

/** Names what is there instead. */
export async function notFound(session: SandboxSession, path: string): Promise<PrusikError> {
  const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
  const entries = await session.listDirectory({ path: parent }).catch(() => null);
  const folder = parent === '.' ? 'The workspace' : `The folder ${parent}`;
  const names = (entries ?? []).map(({ name, type }) => shownName(name) + (type === 'directory' ? '/' : ''));
  const near = names.toSorted().slice(0, NEIGHBOURS);
  const more = names.length > NEIGHBOURS ? ` and ${names.length - NEIGHBOURS} more` : '';
  const hint =
    entries === null
      ? `${folder} is not there either: find it with glob or list.`
      : near.length === 0
        ? `${folder} is empty.`
        : `${folder} has: ${near.join(', ')}${more}.`;
  return new PrusikError('TOOL_FILE_NOT_FOUND', `There is no file ${path}. ${hint}`);
}
