import { AREA_LIMIT, OTHER_AREA, ROOT_AREA } from '../notes/areas.ts';
import type { Areas } from '../notes/draft.ts';
import {
  changedFilesSchema,
  historianTaskSchema,
  LIST_PAGE,
  listedCommitsSchema,
  type ChangedFolder,
} from '../tools/results.ts';
import type { Answer } from './answer.ts';
import { resultsOf, type Conversation } from './conversation.ts';

/** Reads the whole list of commits and of folders, then names an area for each folder that matters. */
export function historian(conversation: Conversation): Answer {
  const task = historianTaskSchema.parse(conversation.task);
  const asked = new Set(conversation.calls.map(({ tool, input }) => `${tool}:${JSON.stringify(input)}`));
  const pages = Array.from({ length: Math.ceil(task.commits / LIST_PAGE) }, (_, page) => page * LIST_PAGE);
  const calls = [
    { tool: 'list_changed_files', input: {} },
    ...pages.map((start) => ({ tool: 'list_commits', input: { start } })),
  ].filter(({ tool, input }) => !asked.has(`${tool}:${JSON.stringify(input)}`));
  if (calls.length > 0) return { calls };

  const folders = resultsOf(conversation, 'list_changed_files').flatMap(
    (result) => changedFilesSchema.parse(result).folders,
  );
  const listed = resultsOf(conversation, 'list_commits').flatMap((result) => listedCommitsSchema.parse(result).commits);
  if (listed.length < task.commits) throw new Error(`list_commits told ${listed.length} of ${task.commits} commits`);
  return { json: nameAreas(folders) };
}

/** The busiest folders are areas of their own; the rest share one. */
function nameAreas(folders: readonly ChangedFolder[]): Areas {
  const ranked = folders.toSorted(
    (a, b) => b.commits - a.commits || b.added + b.removed - (a.added + a.removed) || (a.folder < b.folder ? -1 : 1),
  );
  const own = ranked.length <= AREA_LIMIT ? ranked : ranked.slice(0, AREA_LIMIT - 1);
  const rest = ranked.slice(own.length);
  const areas = own.map(({ folder }) => ({ name: folder === '' ? ROOT_AREA : folder, folders: [folder] }));
  if (rest.length > 0) areas.push({ name: OTHER_AREA, folders: rest.map(({ folder }) => folder) });
  return { areas: areas.length > 0 ? areas : [{ name: ROOT_AREA, folders: [''] }] };
}
