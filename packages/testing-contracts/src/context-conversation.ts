import {
  compactionOf,
  contextView,
  createRuler,
  type ContextManager,
  type ContextPlan,
  type Message,
  type Ruler,
  type ToolResultPart,
} from '@prusik/core';
import type { SeededRandom } from './crash/seeded-random.ts';

export const RULER: Ruler = createRuler({ fixedChars: 400 });

const words = (count: number): string => 'rope '.repeat(Math.ceil(count / 5)).slice(0, count);

export const said = (id: string, role: 'user' | 'assistant', chars: number, more: Partial<Message> = {}): Message => ({
  v: 1,
  id,
  role,
  kind: role,
  content: [{ type: 'text', text: `${id} ${words(chars)}` }],
  ...more,
});

/** A reply that calls tools, and its results, each so many characters long. */
export function exchange(id: string, resultChars: readonly number[]): readonly Message[] {
  const calls = resultChars.map((_, index) => `${id}-call-${index}`);
  const result = (callId: string, chars: number): ToolResultPart => ({
    type: 'tool-result',
    callId,
    tool: 'look',
    output: { type: 'text', text: words(chars) },
  });
  return [
    {
      v: 1,
      id,
      role: 'assistant',
      kind: 'assistant',
      content: calls.map((callId) => ({ type: 'tool-call', callId, tool: 'look', input: { at: id } })),
    },
    ...resultChars.map((chars, index): Message => {
      const callId = calls[index] ?? '';
      return { v: 1, id: `${callId}-result`, role: 'tool', kind: 'tool', content: [result(callId, chars)] };
    }),
  ];
}

/** A conversation of every shape: parallel calls, results in any order, notes between them, calls that a lost run left open, pinned context. */
export function anyConversation(random: SeededRandom, turns: number): readonly Message[] {
  const thread: Message[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    thread.push(said(`user-${turn}`, 'user', random.int(5, 600)));
    if (random.next() < 0.2) thread.push(said(`context-${turn}`, 'user', 40, { kind: 'context', pinned: true }));
    for (let step = random.int(0, 4); step > 0; step -= 1) {
      const [reply, ...results] = exchange(
        `reply-${turn}-${step}`,
        Array.from({ length: random.int(1, 4) }, () => random.pick([20, 300, 4_000, 20_000])),
      );
      const stored = random.shuffle(results).filter(() => random.next() > 0.05);
      const note = random.next() < 0.2 ? [said(`note-${turn}-${step}`, 'user', 30, { kind: 'context' })] : [];
      thread.push(...(reply === undefined ? [] : [reply]), ...stored.slice(0, 1), ...note, ...stored.slice(1));
    }
    thread.push(said(`answer-${turn}`, 'assistant', random.int(5, 600)));
  }
  return thread;
}

/** What is planned for a thread. */
export const planFor = (
  manager: ContextManager,
  thread: readonly Message[],
  limit: number,
  { ruler = RULER, overflowed = false }: { readonly ruler?: Ruler; readonly overflowed?: boolean } = {},
): ContextPlan => manager.plan({ view: contextView(thread), ruler, limit, overflowed });

/** The thread once a plan is carried out; the summary is as long as it may be. */
export function carriedOut(thread: readonly Message[], plan: ContextPlan): readonly Message[] {
  if (plan.does === 'keep') return thread;
  const text = plan.does === 'summarise' ? words(Math.max(1, plan.maxTokens * 4 - 60)) : 'cut';
  const summary: Message = {
    v: 1,
    id: `summary-${thread.length}`,
    role: 'user',
    kind: 'summary',
    content: [{ type: 'text', text }],
    compaction: compactionOf(contextView(thread), plan),
  };
  return [...thread, summary];
}

export const tokensOf = (thread: readonly Message[]): number => RULER.tokens(contextView(thread).messages);
