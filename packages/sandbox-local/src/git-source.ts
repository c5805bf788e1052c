import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { PrusikError } from '@prusik/core';

const run = promisify(execFile);

/** No configuration but the repository's own, which for the checkout is one that was made here: no hook, filter or helper of anybody runs. */
const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
};

/** Reading a repository runs nothing of it: what serves a fetch takes neither hooks nor programs from the configuration that lies beside. */
const SERVE = 'git -c uploadpack.allowAnySHA1InWant=true upload-pack';

/**
 * Checks the commit that `ref` names out into a new folder, with a repository of its own that knows this commit alone, and not where it came from.
 *
 * @throws {TypeError} for a path that is not absolute, and for a ref that is none.
 */
export async function checkOut(
  { repository, ref }: { readonly repository: string; readonly ref: string },
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!isAbsolute(repository))
    throw new TypeError(`The repository must be an absolute path, not ${JSON.stringify(repository)}`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (ref === '' || ref.startsWith('-') || /[\u0000-\u001f\u007f]/.test(ref))
    throw new TypeError(`${JSON.stringify(ref)} is no ref`);
  const git = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run('git', args, { env: ENVIRONMENT, ...(signal === undefined ? {} : { signal }) });
    return stdout.trim();
  };

  const commit = await git(
    '-C',
    repository,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${ref}^{commit}`,
  ).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw failure(error, repository, ref);
  });
  try {
    await mkdir(folder, { mode: 0o700 });
    const here = ['-C', folder, '-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false'];
    await git(...here, 'init', '--quiet', '--template=');
    await git(
      ...here,
      'fetch',
      '--quiet',
      '--depth=1',
      '--no-tags',
      `--upload-pack=${SERVE}`,
      `file://${encodeURI(repository)}`,
      commit,
    );
    await git(...here, 'checkout', '--quiet', '--detach', commit);
    await rm(join(folder, '.git/FETCH_HEAD'), { force: true });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new PrusikError(
      'WORKSPACE_SOURCE_REFUSED',
      `git could not check ${ref} of ${repository} out: ${lastWords(cause)}`,
      { cause },
    );
  }
}

function failure(cause: unknown, repository: string, ref: string): PrusikError {
  const { code } = cause as { readonly code?: unknown };
  if (code === 'ENOENT')
    return new PrusikError('WORKSPACE_SOURCE_REFUSED', 'A git ref as a source takes git on the host', { cause });
  // It says nothing where the ref is what is missing, and whose repository it is, or that there is none, where that stands in the way.
  const why = lastWords(cause);
  return why === '' || why.includes('not a git repository') || why.includes('cannot change to')
    ? new PrusikError('WORKSPACE_SOURCE_NOT_FOUND', `There is no commit ${ref} in ${repository}`, { cause })
    : new PrusikError('WORKSPACE_SOURCE_REFUSED', `git refuses ${repository}: ${why}`, { cause });
}

function lastWords(error: unknown): string {
  const { stderr } = error as { readonly stderr?: unknown };
  return typeof stderr === 'string' ? stderr.trim().slice(-500) : String(error);
}
