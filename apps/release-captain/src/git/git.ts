import { PrusikError } from '@prusik/core';
import { decodeText } from './bytes.ts';
import type { Exec } from './exec.ts';

export interface GitOptions {
  /** @default 8 MiB */
  readonly maxOutputBytes?: number;
  /** Exit codes that are an answer, not a failure. @default [0] */
  readonly exitCodes?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly truncated: boolean;
}

/**
 * Runs git with the given arguments on one repository.
 *
 * @throws {PrusikError} `GIT_FAILED` with git's first line, `GIT_MISSING` when there is no git.
 */
export type Git = (args: readonly string[], options?: GitOptions) => Promise<GitResult>;

const DEFAULT_OUTPUT_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 120_000;

/** Nothing of the machine's, the person's or the repository's own settings decides what git does or starts. */
const NEUTRAL_ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_PAGER: 'cat',
  LC_ALL: 'C',
  TZ: 'UTC',
};

const NEUTRAL_SETTINGS = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.attributesFile=/dev/null',
  // Larger blobs count as binary: git then never loads two of them to compare their lines.
  'core.bigFileThreshold=16m',
  'protocol.allow=never',
  'log.showSignature=false',
  'diff.renameLimit=400',
  'i18n.logOutputEncoding=UTF-8',
].flatMap((setting) => ['-c', setting]);

/**
 * The only way this program runs git. `gitDir` is named explicitly, so git looks for no repository
 * (and asks nothing about who owns it).
 */
export function createGit(exec: Exec, gitDir: string): Git {
  return async (args, { maxOutputBytes = DEFAULT_OUTPUT_BYTES, exitCodes = [0], signal } = {}) => {
    const { exitCode, stdout, stderr, truncated } = await exec(
      ['git', '--no-pager', `--git-dir=${gitDir}`, ...NEUTRAL_SETTINGS, ...args],
      { env: NEUTRAL_ENVIRONMENT, maxOutputBytes, timeoutMs: TIMEOUT_MS, ...(signal ? { signal } : {}) },
    );
    // Output past a hard cap gets git killed; what is kept is then as good as any other cut output.
    if (exitCode === null && truncated) return { exitCode: 0, stdout, truncated };
    if (exitCode === 127) {
      throw new PrusikError('GIT_MISSING', 'There is no git program here; install git and start again');
    }
    if (exitCode === null || !exitCodes.includes(exitCode)) {
      const said = firstLine(decodeText(stderr));
      const how = exitCode === null ? 'was stopped' : `ended with ${exitCode}`;
      throw new PrusikError('GIT_FAILED', `git ${args[0] ?? ''} ${how}${said === '' ? '' : `: ${said}`}`);
    }
    return { exitCode, stdout, truncated };
  };
}

function firstLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- git's messages quote names of the repository, which may drive a terminal
  return (text.trim().split('\n')[0] ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 300);
}
