import { PrusikError } from '@prusik/core';
import { imageType } from '../image-type.ts';
import { toolContent, type ToolContent } from '../tool-content.ts';
import { loadFile, notFound, scanPath } from './find-file.ts';
import { sandboxTool, type SandboxPlace, type SandboxTool } from './sandbox-tool.ts';
import type { ScannedFile } from './scan-file.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { plainPath } from './workspace-path.ts';

const { pageLines, imageBytes } = SANDBOX_TOOL_LIMITS;
const FIELDS = {
  path: { type: 'string', description: 'The file, relative to the workspace.' },
  from: { type: 'integer', minimum: 1, optional: true, description: 'The first line, counted from 1. Default: 1.' },
  lines: {
    type: 'integer',
    minimum: 1,
    maximum: pageLines,
    optional: true,
    description: `How many lines at most. Default: ${pageLines}.`,
  },
} as const;

export const readTool: SandboxTool = sandboxTool({
  description:
    'Reads a text file of the workspace, or shows an image. Each line begins with its number and a tab, which are not in the file. A long file comes in parts: go on with "from".',
  fields: FIELDS,
  reads: true,
  async run({ path: given, from = 1, lines = pageLines }, place) {
    const path = plainPath(given, place.session.directory);
    const scanned = await scanPath(place, path, { from, lines });
    if (scanned === null) throw await notFound(place.session, path);
    if (scanned.binary) return shownImage(place, path, scanned);
    if (from > 1 && from > scanned.lines)
      throw new PrusikError('TOOL_LINES_NOT_FOUND', `${path} has ${scanned.lines} lines; there is none ${from}.`);
    await place.seen.set(path, scanned.hash);
    return shownPage(path, from, scanned);
  },
});

function shownPage(path: string, from: number, { page, lines, bytes, bom, crlf, ended }: ScannedFile): string {
  if (bytes === 0) return `[${path} is empty]`;
  const to = from + page.length - 1;
  const notes = [
    ...(from > 1 || to < lines ? [`lines ${from} to ${to} of ${lines}`] : []),
    ...(to < lines ? [`go on with "from": ${to + 1}`] : []),
    ...(crlf ? ['lines end with CRLF'] : []),
    ...(bom ? ['it begins with a byte order mark'] : []),
    ...(ended || to < lines ? [] : ['the last line has no line end']),
  ];
  const text = page.map((line, index) => `${from + index}\t${line}`).join('\n');
  return notes.length === 0 ? text : `${text}\n[${notes.join('; ')}]`;
}

async function shownImage(place: SandboxPlace, path: string, { bytes: size }: ScannedFile): Promise<ToolContent> {
  const refused = (what: string): PrusikError =>
    new PrusikError('TOOL_FILE_NOT_TEXT', `${path} is ${what} (${size} bytes). Look at it with a command.`);
  if (size > imageBytes) throw refused('no text, and too large to be shown');
  const { bytes } = await loadFile(place, path, imageBytes);
  const mediaType = imageType(bytes);
  if (mediaType === undefined) throw refused('no text, and no image that can be shown');
  return toolContent(`${path} (${mediaType}, ${bytes.length} bytes):`, {
    type: 'file',
    mediaType,
    data: bytes,
    name: path.slice(path.lastIndexOf('/') + 1),
  });
}
