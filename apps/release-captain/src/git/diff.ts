import { decodeText } from './bytes.ts';
import type { Git } from './git.ts';

export interface DiffText {
  /** Untrusted text; where something is left out a line says so. */
  readonly text: string;
  readonly truncated: boolean;
}

export interface DiffLimits {
  readonly maxBytes: number;
  readonly maxLines: number;
  readonly signal?: AbortSignal | undefined;
}

const PATCH = ['--patch', '--root', '--no-commit-id', '-r', '-M', '--no-ext-diff', '--no-textconv', '--no-color'];

/** What one commit changed against its first parent, as a unified diff, cut where it is too long. */
export async function readDiff(
  git: Git,
  hash: string,
  paths: readonly string[],
  { maxBytes, maxLines, signal }: DiffLimits,
): Promise<DiffText> {
  const { stdout, truncated } = await git(['diff-tree', ...PATCH, '--end-of-options', hash, '--', ...paths], {
    maxOutputBytes: maxBytes,
    signal,
  });
  const lines = decodeText(stdout).split('\n');
  if (lines.length <= maxLines) return { text: lines.join('\n'), truncated };
  const kept = lines.slice(0, maxLines);
  return { text: [...kept, `[… ${lines.length - maxLines} more lines left out …]`].join('\n'), truncated: true };
}
