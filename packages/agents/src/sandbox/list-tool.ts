import { PrusikError } from '@prusik/core';
import { sandboxTool, type SandboxTool } from './sandbox-tool.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { isNamable, plainPath, shownName } from './workspace-path.ts';

const FIELDS = {
  path: {
    type: 'string',
    optional: true,
    description: 'The folder, relative to the workspace. Default: the workspace.',
  },
} as const;

const KINDS = { file: '', directory: '/', symlink: ' (link)', other: ' (special file)' } as const;

export const listTool: SandboxTool = sandboxTool({
  description: 'Lists one folder of the workspace, hidden files too; names of folders end with "/".',
  fields: FIELDS,
  reads: true,
  async run({ path: given = '.' }, { session, signal }) {
    const path = plainPath(given, session.directory);
    const found = await session.listDirectory({ path, ...(signal ? { abortSignal: signal } : {}) });
    if (found === null)
      throw new PrusikError('TOOL_FILE_NOT_FOUND', `There is no folder ${path}. Find it with glob or list.`);
    if (found.length === 0) return `[${path} is empty]`;
    const lines = found
      .map(({ name, type }) => ({ folder: type === 'directory', text: `${shownName(name)}${KINDS[type]}`, name }))
      .toSorted((a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1))
      .map(({ text, name }) => (isNamable(name) ? text : `${text} (its name is not UTF-8: only commands can use it)`));
    const { entries } = SANDBOX_TOOL_LIMITS;
    const left = lines.length - entries;
    return [...lines.slice(0, entries), ...(left > 0 ? [`[… ${left} more; use glob to find names …]`] : [])].join('\n');
  },
});
