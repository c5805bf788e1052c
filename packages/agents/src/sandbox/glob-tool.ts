import { literalFolders, matchesPath, parseGlob } from './glob-pattern.ts';
import { sandboxTool, type SandboxTool } from './sandbox-tool.ts';
import { firstLines } from './shown-list.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { walkFiles, walkNotes } from './walk-files.ts';
import { plainPath, shownName } from './workspace-path.ts';

export const IGNORED_FIELD = {
  type: 'boolean',
  optional: true,
  description: 'Also what .gitignore names, and .git and node_modules. Default: false.',
} as const;

const FIELDS = {
  pattern: {
    type: 'string',
    description:
      'With *, ?, [a-z], {a,b} and ** for any depth, relative to "path". Without "/" it is about names in any folder.',
  },
  path: { type: 'string', optional: true, description: 'The folder to look in. Default: the workspace.' },
  ignored: IGNORED_FIELD,
} as const;

export const globTool: SandboxTool = sandboxTool({
  description: 'Finds files of the workspace by the pattern of their path, in the order of their paths.',
  fields: FIELDS,
  reads: true,
  async run({ pattern: given, path = '.', ignored = false }, place) {
    const { directory } = place.session;
    const pattern = given.startsWith(`${directory}/`) ? given.slice(directory.length + 1) : given;
    const top = namesOf(plainPath(path, directory));
    const globs = parseGlob(pattern);
    const { paths } = SANDBOX_TOOL_LIMITS;
    const walked = await walkFiles(place, {
      base: [...top, ...literalFolders(pattern)],
      ignored,
      wants: (names, work) => globs.some((glob) => matchesPath(names.slice(top.length), glob, work)),
      most: paths,
    });
    const lines = firstLines(
      walked.found.map(({ path: one, link }) => `${shownName(one)}${link ? ' (link)' : ''}`),
      paths,
    );
    const left = walked.found.length - lines.length;
    const notes = [...(left > 0 ? [`${left} more`] : []), ...walkNotes(walked, walked.found.length)];
    const shown = lines.length > 0 ? lines : ['[no file matches]'];
    return [...shown, ...notes.map((note) => `[${note}]`)].join('\n');
  },
});

export const namesOf = (path: string): readonly string[] => (path === '.' ? [] : path.split('/'));
