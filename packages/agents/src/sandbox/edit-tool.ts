import { PrusikError } from '@prusik/core';
import { describeMiss } from './edit-miss.ts';
import { apart, findText, lineAt, numbered, replaceSpans, type Span } from './edit-text.ts';
import { loadFile } from './find-file.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { sandboxTool, type SandboxPlace, type SandboxTool } from './sandbox-tool.ts';
import { hashOf } from './scan-file.ts';
import type { ToolInputOf } from './tool-input.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { plainPath } from './workspace-path.ts';

const FIELDS = {
  path: { type: 'string', description: 'The file, relative to the workspace.' },
  old: {
    type: 'string',
    description:
      'The text to replace, exactly as it stands in the file, with its indentation and without line numbers.',
  },
  new: { type: 'string', description: 'What stands there afterwards.' },
  all: {
    type: 'boolean',
    optional: true,
    description: 'Replaces each place where the text stands. Default: false, it must stand in one place.',
  },
} as const;

type Input = ToolInputOf<typeof FIELDS>;

/** Lines that are shown around a change, and characters of them. */
const AROUND = 3;
const SHOWN = 4_000;
/** An error tells less than a result may. */
const SHOWN_IN_ERROR = 1_000;
const LINES_NAMED = 10;

export const editTool: SandboxTool = sandboxTool({
  description:
    'Replaces a text in a file that was read before. The text must stand in exactly one place: give enough lines around it, or say "all". Everything else in the file stays as it is.',
  fields: FIELDS,
  reads: false,
  async run(input, place) {
    const path = plainPath(input.path, place.session.directory);
    return oneAtATime(place.session, path, () => edit(path, input, place));
  },
});

async function edit(path: string, { old, new: text, all = false }: Input, place: SandboxPlace): Promise<string> {
  const { session, signal, seen } = place;
  if (old === '')
    throw new PrusikError('EDIT_NOT_FOUND', '"old" is empty. Say what to replace; a new file is made with write.');
  const { bytes, hash, seen: known } = await loadFile(place, path, SANDBOX_TOOL_LIMITS.editBytes);
  if (known === undefined)
    throw new PrusikError('TOOL_FILE_UNREAD', `${path} was not read yet. Read it, then edit it.`);
  const { editBytes, editPlaces } = SANDBOX_TOOL_LIMITS;
  const spans = findText(bytes, old, editPlaces + 1);
  const [first] = spans;
  if (hash !== known) throw await changed(path, { bytes, hash }, spans, place);
  if (first === undefined)
    throw new PrusikError('EDIT_NOT_FOUND', `The text does not stand in ${path}. ${describeMiss(bytes, old)}`);
  if (spans.length > (all ? editPlaces : 1)) throw ambiguous(path, bytes, spans);
  const places = apart(spans);
  const edited = replaceSpans(bytes, places, text, editBytes);
  if (edited === undefined)
    throw new PrusikError(
      'TOOL_FILE_TOO_LARGE',
      `${path} would have more than ${editBytes} bytes, the most for this tool. Use a command, such as sed or a script.`,
      { meta: { limit: editBytes } },
    );
  if (edited.equals(bytes))
    throw new PrusikError('EDIT_NOT_FOUND', `${path} would stay as it is: "old" and "new" are the same.`);

  await session.writeBinaryFile({ path, content: edited, ...(signal ? { abortSignal: signal } : {}) });
  await seen.set(path, hashOf(edited));
  const from = lineAt(bytes, first.start);
  const to = from + text.split('\n').length - 1;
  const where = places.length > 1 ? `in ${places.length} places, the first` : 'there now';
  return `Edited ${path}; ${where}:\n${numbered(edited, from - AROUND, to + AROUND, SHOWN)}`;
}

/**
 * A model that is told to read again often tries again instead, for ever. So it is shown the place as it is now where there is one, which counts as having
 * read: the same call then does what the model has seen.
 */
async function changed(
  path: string,
  now: { readonly bytes: Buffer; readonly hash: string },
  spans: readonly Span[],
  { seen }: SandboxPlace,
): Promise<PrusikError> {
  const [only] = spans;
  const said = `${path} was changed since it was read, and nothing was edited.`;
  if (only === undefined || spans.length > 1)
    return new PrusikError('TOOL_FILE_CHANGED', `${said} Read it again, then edit what is there now.`);
  await seen.set(path, now.hash);
  const from = lineAt(now.bytes, only.start);
  const to = lineAt(now.bytes, only.end);
  return new PrusikError(
    'TOOL_FILE_CHANGED',
    `${said} If it is still right beside what stands there now, edit again; if not, read it again:\n${numbered(now.bytes, from - AROUND, to + AROUND, SHOWN_IN_ERROR)}`,
  );
}

function ambiguous(path: string, bytes: Buffer, spans: readonly Span[]): PrusikError {
  const lines = spans.slice(0, LINES_NAMED).map(({ start }) => lineAt(bytes, start));
  const more = spans.length > LINES_NAMED ? ' and more' : '';
  const { editPlaces } = SANDBOX_TOOL_LIMITS;
  const [count, instead] =
    spans.length > editPlaces
      ? [`more than ${editPlaces}`, 'change all of them with a command, such as sed or a script']
      : [String(spans.length), 'say "all": true'];
  return new PrusikError(
    'EDIT_AMBIGUOUS',
    `The text stands in ${count} places of ${path}: lines ${lines.join(', ')}${more}. Give more of the lines around the one that is meant, or ${instead}.`,
    { meta: { places: spans.length } },
  );
}
