import type { LanguageModelV4, LanguageModelV4FunctionTool, LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { Git } from '../src/git/git.ts';
import type { Commit } from '../src/git/log.ts';
import { resolveRange } from '../src/git/range.ts';
import { assignCommits } from '../src/notes/areas.ts';
import { areasSchema, draftSchema, type Draft } from '../src/notes/draft.ts';
import { mergeDrafts, type Notes } from '../src/notes/merge.ts';
import { createOfflineModel, OFFLINE_NOTICE } from '../src/offline/offline-model.ts';
import { listChangedFiles, listCommits, readCommitDiff, readCommits, readRange } from '../src/tools/queries.ts';

type Tools = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** The loop of an agent in its simplest form: what the model asks for is looked up, until it hands in. */
async function ask(model: LanguageModelV4, task: unknown, tools: Tools): Promise<unknown> {
  const prompt: LanguageModelV4Prompt = [{ role: 'user', content: [{ type: 'text', text: JSON.stringify(task) }] }];
  const described = Object.keys(tools).map((name): LanguageModelV4FunctionTool => ({
    type: 'function',
    name,
    inputSchema: { type: 'object' },
  }));
  for (let step = 0; step < 8; step += 1) {
    const { content } = await model.doGenerate({ prompt, tools: described });
    const [text] = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    if (text !== undefined) return JSON.parse(text);
    for (const part of content) {
      if (part.type !== 'tool-call') continue;
      const { toolCallId, toolName } = part;
      const input: unknown = JSON.parse(part.input);
      const value = await tools[toolName]?.(input as never);
      prompt.push(
        { role: 'assistant', content: [{ type: 'tool-call', toolCallId, toolName, input }] },
        {
          role: 'tool',
          content: [{ type: 'tool-result', toolCallId, toolName, output: { type: 'json', value: value as never } }],
        },
      );
    }
  }
  throw new Error('No answer within 8 steps');
}

interface Written {
  readonly notes: Notes;
  readonly commits: readonly Commit[];
}

/** The whole job but for its durability: range, historian, writers, merge. */
export async function writeNotes(git: Git, query: { from?: string; to?: string } = {}): Promise<Written> {
  const model = createOfflineModel();
  const range = await resolveRange(git, { ...query, shallow: [] });
  const repository = { git, range };
  const { areas } = areasSchema.parse(
    await ask(
      model,
      { from: range.from?.name ?? null, to: range.to.name, commits: range.commits },
      {
        list_commits: ({ start }: { start: number }) => listCommits(repository, start),
        list_changed_files: () => listChangedFiles(repository),
      },
    ),
  );
  const commits = await readRange(repository);
  const assigned = assignCommits(areas, commits);
  const drafts = new Map<string, readonly Draft[]>();
  for (const area of assigned) {
    if (area.commits.length === 0) continue;
    const draft = await ask(
      model,
      { area: area.name, commits: area.commits },
      {
        read_commits: (input: { commits: string[] }) => readCommits(repository, input.commits),
        read_diff: (input: { commit: string }) => readCommitDiff(repository, input.commit, []),
      },
    );
    drafts.set(area.name, [draftSchema.parse(draft)]);
  }
  return { notes: mergeDrafts({ range, commits, areas: assigned, drafts, writtenBy: OFFLINE_NOTICE }), commits };
}
