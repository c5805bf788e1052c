import { callTool } from '@prusik/agents';
import { isPrusikError, PrusikError, type DurableContext, type JsonObject } from '@prusik/core';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';
import { RANGE_LIMIT, resolveRange, type Range } from '../git/range.ts';
import { AREA_LIMIT, assignCommits, type AreaCommits } from '../notes/areas.ts';
import type { Draft } from '../notes/draft.ts';
import { oneLine } from '../notes/markdown.ts';
import { mergeDrafts, uncited } from '../notes/merge.ts';
import { renderNotes } from '../notes/render.ts';
import type { GitDeps } from '../tools/git-tools.ts';
import { NOTES_FILE, publishedText, standingNotes, type Receipt } from '../tools/publish-notes.ts';
import type { Wording } from '../models.ts';
import { publishInputSchema, publishNotesTool, type PublishInput } from '../tools/publish-tool.ts';
import { readRange, type Repository } from '../tools/queries.ts';
import type { ImportedRepository } from '../repository/import.ts';
import { createHistorian, createWriter, type WrapTool } from './agents.ts';

/** What a release is started with; paths are absolute, so that any process can take it further. */
export const releaseInputSchema = z.object({
  repo: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  out: z.string(),
  /** Who words the notes, as it was named; the offline model where nobody is. */
  model: z.string().optional(),
  baseUrl: z.string().optional(),
});

export type ReleaseInput = z.infer<typeof releaseInputSchema>;

/** How a release ended. */
export type ReleaseOutput =
  | ({ readonly published: true; readonly edited: boolean } & Receipt & ReleaseCounts)
  | ({ readonly published: false; readonly reason?: string } & ReleaseCounts);

export type ReleaseCounts = { readonly commits: number; readonly areas: number };

/** What the workflow needs of the process that drives it. */
export interface ReleaseDeps extends GitDeps {
  /** Copies the repository into this tree's workspace. */
  importRepository(folder: string, signal: AbortSignal): Promise<ImportedRepository>;
  removeWorkspace(): Promise<void>;
}

const textSchema = publishInputSchema.pick({ markdown: true });
const editSchema = z.toJSONSchema(textSchema, { target: 'draft-07', io: 'input' }) as JsonObject;

/** One writer's commits, at most; an area with more has several writers. */
const WRITER_COMMITS = 300;
const WRITERS_AT_ONCE = 4;
/** The historian, and writers for as many areas and full parts as there can be. */
const MAX_CALLS = 1 + AREA_LIMIT + Math.ceil(RANGE_LIMIT / WRITER_COMMITS);

export function createReleaseWorkflow({ model, writtenBy }: Wording, wrapTool: WrapTool) {
  return defineWorkflow({
    name: 'release',
    input: releaseInputSchema,
    agents: { historian: createHistorian(model, wrapTool), writer: createWriter(model, wrapTool) },
    delegation: { agents: ['historian', 'writer'], calls: MAX_CALLS, parallel: WRITERS_AT_ONCE, depth: 1 },
    types: {} as { deps: ReleaseDeps },
    async run(ctx, { repo, from, to, out }): Promise<ReleaseOutput> {
      const draft = await withWorkspace(ctx, async () => {
        const range = await ctx.step('snapshot', async ({ signal }): Promise<Range> => {
          const { shallow, partial } = await ctx.deps.importRepository(repo, signal);
          const git = await ctx.deps.git();
          const found = await resolveRange(git, { from, to, shallow, signal });
          if (partial) await checkComplete({ git, range: found }, signal);
          return found;
        });
        const context = { range } as const;
        const { areas } = await ctx.agents.historian.run(
          'historian',
          { from: range.from?.name ?? null, to: range.to.name, commits: range.commits },
          { context },
        );
        const assigned = await ctx.step('plan', async ({ signal }): Promise<AreaCommits[]> => {
          const commits = await readRange({ git: await ctx.deps.git(), range }, signal);
          return [...assignCommits(areas, commits)];
        });
        const jobs = jobsOf(assigned);
        const drafts = await ctx.fanOut(
          jobs,
          ({ area, commits }, { key }) => ctx.agents.writer.run(key, { area, commits: [...commits] }, { context }),
          { key: ({ key }) => key },
        );
        return ctx.step('merge', async ({ signal }) => {
          const commits = await readRange({ git: await ctx.deps.git(), range }, signal);
          const notes = mergeDrafts({ range, commits, areas: assigned, drafts: draftsOf(jobs, drafts), writtenBy });
          const missing = uncited(notes, commits);
          if (missing.length > 0)
            throw new PrusikError('NOTES_INCOMPLETE', `The notes leave out ${missing.join(', ')}`);
          return {
            markdown: renderNotes(notes),
            replaces: (await standingNotes(out))?.sha256 ?? null,
            commits: range.commits,
            areas: assigned.length,
          };
        });
      });

      const { markdown, replaces, commits, areas } = draft;
      const input: PublishInput = { markdown, out, replaces };
      const published = await callTool(ctx, 'publish', publishNotesTool, input, {
        // A person may change the text, and nothing of where it goes.
        edit: { schema: editSchema, apply: (value) => ({ ...input, ...textSchema.parse(value) }) },
      });
      if (published.status === 'refused') {
        return {
          published: false,
          commits,
          areas,
          ...(published.reason === undefined ? {} : { reason: published.reason }),
        };
      }
      await ctx.step('keep', async ({ artifact }) => {
        // A step of its own: a publication of which a check has found out makes nothing.
        const text = await publishedText(published.output);
        if (text !== undefined) await artifact(NOTES_FILE, text, { type: 'text/markdown', title: 'Release notes' });
      });
      return { published: true, edited: published.edited, ...published.output, commits, areas };
    },
  });
}

/**
 * Nothing is fetched here, so a clone with a filter serves only where it has what the range needs.
 *
 * @throws {PrusikError} `UNSUPPORTED_REPOSITORY`.
 */
async function checkComplete(repository: Repository, signal: AbortSignal): Promise<void> {
  try {
    await readRange(repository, signal);
  } catch (cause) {
    if (!isPrusikError(cause, 'GIT_FAILED')) throw cause;
    throw new PrusikError(
      'UNSUPPORTED_REPOSITORY',
      'The repository is a partial clone, and objects of this range are missing: run git fetch --refetch --no-filter and try again',
      { cause },
    );
  }
}

/** The workspace is gone when nothing needs it any more: before a person is waited for, and when the work fails. */
async function withWorkspace<T>(
  ctx: Pick<DurableContext<ReleaseDeps>, 'deps' | 'step'>,
  work: () => Promise<T>,
): Promise<T> {
  const remove = (): Promise<void> => ctx.step('remove-workspace', () => ctx.deps.removeWorkspace());
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // What cannot be removed now is swept by the next process; the first error is the one to tell.
    await remove().catch(() => undefined);
    throw error;
  }
  await remove().catch(() => undefined);
  return result;
}

interface Job {
  readonly key: string;
  readonly area: string;
  readonly commits: readonly string[];
}

/** Areas without a commit of their own have nothing to write. */
function jobsOf(areas: readonly AreaCommits[]): readonly Job[] {
  const parts = areas.flatMap(({ name, commits }) =>
    Array.from({ length: Math.ceil(commits.length / WRITER_COMMITS) }, (_, part) => ({
      area: name,
      commits: commits.slice(part * WRITER_COMMITS, (part + 1) * WRITER_COMMITS),
    })),
  );
  // The number keeps keys apart whose names are the same once they are cut.
  return parts.map((job, index) => ({ ...job, key: `writer ${index + 1}/${parts.length} ${oneLine(job.area, 80)}` }));
}

function draftsOf(jobs: readonly Job[], drafts: readonly Draft[]): ReadonlyMap<string, readonly Draft[]> {
  const byArea = new Map<string, Draft[]>();
  for (const [index, { area }] of jobs.entries()) {
    const draft = drafts[index];
    if (draft !== undefined) byArea.set(area, [...(byArea.get(area) ?? []), draft]);
  }
  return byArea;
}
