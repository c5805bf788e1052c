import type { ExecResult } from '@prusik/core';
import { sandboxTool, type SandboxPlace, type SandboxTool } from './sandbox-tool.ts';
import { hashOf } from './scan-file.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { IGNORE_FILE } from './ignore-rules.ts';

const FIELDS = {
  command: { type: 'string', description: 'For bash, or sh where there is no bash.' },
  timeoutMs: {
    type: 'integer',
    minimum: 1,
    optional: true,
    description: 'Ends the command after this many milliseconds. Default: the limit of the sandbox, mostly 10000.',
  },
} as const;

/** Both streams in one, since what a program says to both is one text in its order. */
const SCRIPT = `exec 2>&1
if command -v bash >/dev/null; then exec bash -c "$1"; fi
exec /bin/sh -c "$1"`;

/** Where outputs are kept that were too long to be shown; git and the searches leave it out. */
const OUTPUTS = '.outputs';

export const bashTool: SandboxTool = sandboxTool({
  description: `Runs a shell command in the workspace and shows what it printed and its exit code. Each command begins in the workspace anew; processes that it leaves behind are ended with it. It gets no input. A long output is cut in its middle, and the whole of it is then in a file below ${OUTPUTS}/.`,
  fields: FIELDS,
  reads: false,
  reach: 'sandbox',
  async run({ command, timeoutMs: asked }, place) {
    const { session, signal, maxCommandMs } = place;
    const timeoutMs = Math.min(asked ?? session.limits.timeoutMs, maxCommandMs);
    const result = await session.exec('/bin/sh', ['-c', SCRIPT, 'bash', command], {
      timeoutMs,
      maxOutputBytes: SANDBOX_TOOL_LIMITS.keptOutputBytes,
      ...(signal ? { signal } : {}),
    });
    const output = await shownOutput(place, result);
    return [output, endOf(result, { timeoutMs, maxCommandMs })].filter((part) => part !== '').join('\n');
  },
});

function endOf(
  { exitCode, signal, exceeded }: ExecResult,
  { timeoutMs, maxCommandMs }: { readonly timeoutMs: number; readonly maxCommandMs: number },
): string {
  if (exceeded === 'timeoutMs') {
    const more =
      timeoutMs < maxCommandMs
        ? `say "timeoutMs" for longer, ${maxCommandMs} at most`
        : 'that is the longest: do it in parts';
    return `[ended after ${timeoutMs} ms with all its processes; ${more}]`;
  }
  if (exceeded !== null) return `[ended with all its processes: it went over the sandbox's limit ${exceeded}]`;
  return exitCode === null ? `[ended by the signal ${signal}]` : `[exit code ${exitCode}]`;
}

async function shownOutput(place: SandboxPlace, { stdout, stdoutOmitted }: ExecResult): Promise<string> {
  const text = plainText(Buffer.from(stdout).toString('utf8')).replace(/\n$/, '');
  const bytes = Buffer.from(text);
  const { outputBytes } = SANDBOX_TOOL_LIMITS;
  if (bytes.length <= outputBytes) return text;
  const half = outputBytes / 2;
  const head = wholeLines(bytes.subarray(0, half).toString('utf8'), 'head');
  const tail = wholeLines(bytes.subarray(-half).toString('utf8'), 'tail');
  const left = bytes.length - Buffer.byteLength(head) - Buffer.byteLength(tail);
  return `${head}\n[… ${left} bytes left out; ${await keep(place, stdout, stdoutOmitted)} …]\n${tail}`;
}

/** Cut between lines where there are any: then no character is cut either. */
function wholeLines(text: string, end: 'head' | 'tail'): string {
  const at = end === 'head' ? text.lastIndexOf('\n') : text.indexOf('\n');
  if (at === -1) return text.replaceAll('\uFFFD', '');
  return end === 'head' ? text.slice(0, at) : text.slice(at + 1);
}

/** Without what moves a terminal's cursor and colours its text. */
const plainText = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- control characters are what is removed
    .replaceAll(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])/g, '')
    // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '\uFFFD');

/** Named by its content, so that the same output is kept once. Where it cannot be kept, the command has run all the same. */
async function keep({ session, signal }: SandboxPlace, output: Uint8Array, omitted: number): Promise<string> {
  const path = `${OUTPUTS}/${hashOf(output)
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 12)}.txt`;
  const abort = signal ? { abortSignal: signal } : {};
  try {
    if ((await session.stat({ path: `${OUTPUTS}/${IGNORE_FILE}`, ...abort })) === null)
      await session.writeTextFile({ path: `${OUTPUTS}/${IGNORE_FILE}`, content: '*\n', ...abort });
    await session.writeBinaryFile({ path, content: output, ...abort });
    const whole = omitted === 0 ? 'all of it is' : `all but ${omitted} bytes of its middle is`;
    return `${whole} in ${path}: read or grep it`;
  } catch {
    signal?.throwIfAborted();
    return 'they could not be kept: send the output into a file to see all of it';
  }
}
