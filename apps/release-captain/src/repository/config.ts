import { PrusikError } from '@prusik/core';

export type ObjectFormat = 'sha1' | 'sha256';

/**
 * What of a repository's own settings decides how its files are to be read. Everything else in them (hooks, filters,
 * programs, remotes) stays where it is.
 *
 * @throws {PrusikError} `UNSUPPORTED_REPOSITORY` naming what cannot be read and what to do.
 */
export function readFormat(configText: string): ObjectFormat {
  const settings = parseConfig(configText);
  const version = Number(settings.get('core.repositoryformatversion') ?? '0');
  if (version !== 0 && version !== 1) {
    throw new PrusikError('UNSUPPORTED_REPOSITORY', `The repository has format version ${version}; 0 and 1 are known`);
  }
  // Version 0 knows no other extension: git ignores them there, and so do we.
  if (version === 0) return 'sha1';
  for (const [key, value] of settings) if (key.startsWith('extensions.')) checkExtension(key, value);
  return settings.get('extensions.objectformat')?.toLowerCase() === 'sha256' ? 'sha256' : 'sha1';
}

const HARMLESS = new Set(['noop', 'noop-v1', 'partialclone', 'preciousobjects', 'worktreeconfig', 'relativeworktrees']);

function checkExtension(key: string, value: string): void {
  const name = key.slice('extensions.'.length);
  if (HARMLESS.has(name)) return;
  if (name === 'objectformat' && ['sha1', 'sha256'].includes(value.toLowerCase())) return;
  if (name === 'refstorage') {
    if (value.toLowerCase() === 'files') return;
    throw new PrusikError(
      'UNSUPPORTED_REPOSITORY',
      `The repository keeps its refs as ${value}: run git refs migrate --ref-format=files and try again`,
    );
  }
  throw new PrusikError(
    'UNSUPPORTED_REPOSITORY',
    `The repository uses git's extension ${name}=${value}, which is not known here`,
  );
}

/** `section.key` to its last value, names in lower case. Subsections and includes are not looked at. */
function parseConfig(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*([\w.-]+)\s*("(?:[^"\\]|\\.)*")?\s*\]\s*(.*)$/.exec(line);
    if (header !== null) section = header[2] === undefined ? (header[1] ?? '').toLowerCase() : '';
    const pair = /^\s*([a-z][\w-]*)\s*(?:=\s*(.*))?$/i.exec(header === null ? line : (header[3] ?? ''));
    if (pair === null || section === '') continue;
    const value =
      pair[2] === undefined
        ? 'true'
        : pair[2]
            .replace(/\s*[#;].*$/, '')
            .trim()
            .replace(/^"(.*)"$/, '$1');
    settings.set(`${section}.${(pair[1] ?? '').toLowerCase()}`, value);
  }
  return settings;
}
