import { PrusikError } from '@prusik/core';
import { scanPath } from './find-file.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { sandboxTool, type SandboxPlace, type SandboxTool } from './sandbox-tool.ts';
import { hashOf, type ScannedFile } from './scan-file.ts';
import { plainPath } from './workspace-path.ts';

const FIELDS = {
  path: { type: 'string', description: 'The file, relative to the workspace. Missing folders are made.' },
  content: { type: 'string', description: 'All that the file holds afterwards, exactly.' },
} as const;

export const writeTool: SandboxTool = sandboxTool({
  description:
    'Writes a whole file of the workspace, exactly as given. One that exists must have been read before; use edit to change a part of it.',
  fields: FIELDS,
  reads: false,
  async run(input, place) {
    const path = plainPath(input.path, place.session.directory);
    return oneAtATime(place.session, path, () => write(path, input.content, place));
  },
});

async function write(path: string, text: string, place: SandboxPlace): Promise<string> {
  const { session, signal, seen } = place;
  const before = await scanPath(place, path);
  // Of an empty file nothing is lost.
  if (before !== null && before.bytes > 0) await checkSeen(path, before, place);
  const content = Buffer.from(text.toWellFormed());
  const hash = hashOf(content);
  if (before?.hash !== hash)
    await session.writeBinaryFile({ path, content, ...(signal ? { abortSignal: signal } : {}) });
  await seen.set(path, hash);
  const size = `${content.length} bytes`;
  if (before === null) return `Created ${path} (${size}).`;
  return before.hash === hash ? `${path} holds that already.` : `Replaced ${path} (${size}).${lost(before, text)}`;
}

async function checkSeen(path: string, { hash }: ScannedFile, { seen }: SandboxPlace): Promise<void> {
  const known = await seen.get(path);
  if (known === undefined)
    throw new PrusikError(
      'TOOL_FILE_UNREAD',
      `${path} exists and was not read yet; nothing was written. Read it, then write it, or edit a part of it.`,
    );
  if (known !== hash)
    throw new PrusikError(
      'TOOL_FILE_CHANGED',
      `${path} was changed since it was read; nothing was written. Read it again, and write what keeps that change.`,
    );
}

function lost({ crlf, bom }: ScannedFile, text: string): string {
  const forms = [
    ...(crlf && text.includes('\n') && !text.includes('\r\n') ? ['its lines ended with CRLF'] : []),
    ...(bom && !text.startsWith('\uFEFF') ? ['it began with a byte order mark'] : []),
  ];
  return forms.length === 0 ? '' : ` Before, ${forms.join(', and ')}; now that is gone.`;
}
