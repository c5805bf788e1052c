import {
  CHARS_PER_TOKEN,
  charsOf,
  cutPoints,
  type ContextInput,
  type ContextManager,
  type ContextPlan,
} from '@prusik/core';
import { contextManager } from '../src/index.ts';

/** A way for a context manager to be broken, and the test of the suite that has to notice. */
export interface ContextFault {
  readonly name: string;
  /** Part of the title of that test, and of no other. */
  readonly caughtBy: string;
  readonly create: () => ContextManager;
}

/** The default manager, with another plan made of its own. */
const fault = (
  name: string,
  caughtBy: string,
  plan: (input: ContextInput, sound: ContextManager) => ContextPlan,
): ContextFault => ({
  name,
  caughtBy,
  create() {
    const sound = contextManager();
    return { name: 'broken', plan: (input) => plan(input, sound) };
  },
});

const used = ({ ruler, view }: ContextInput): number => ruler.tokens(view.messages);

function summariseAt(input: ContextInput, place: number, maxTokens = 100): ContextPlan {
  const last = input.view.rest[place];
  return last === undefined ? { does: 'keep' } : { does: 'summarise', covers: last.id, maxTokens };
}

let calls = 0;

export const CONTEXT_FAULTS: readonly ContextFault[] = [
  fault('it always summarises', 'takes a tenth of what it may', (input) =>
    summariseAt(input, cutPoints(input.view.rest).lastIndexOf(true)),
  ),
  fault('chance decides', 'the same view, ruler and limit', (input, sound) =>
    (calls += 1) % 2 === 0 ? { does: 'keep' } : sound.plan(input),
  ),
  fault('it writes into the messages', 'the same view, ruler and limit', (input, sound) => {
    for (const message of input.view.rest) Object.assign(message, { seen: true });
    return sound.plan(input);
  }),
  fault('it never does anything', 'twice as long as it may be', () => ({ does: 'keep' })),
  fault('it only cuts results', 'twice as long as it may be', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'summarise' ? { does: 'keep' } : plan;
  }),
  fault('it summarises where cutting is enough', 'before anything is summarised', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'trim' ? summariseAt(input, cutPoints(input.view.rest).lastIndexOf(true), 200) : plan;
  }),
  fault('a summary may be longer than what it covers', 'makes a conversation longer', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'summarise' ? { ...plan, maxTokens: used(input) * 2 } : plan;
  }),
  fault('it cuts anywhere', 'parts a call from its result', (input, sound) => {
    const plan = sound.plan(input);
    const place = cutPoints(input.view.rest).indexOf(false);
    return plan.does === 'summarise' ? { ...plan, covers: input.view.rest[place]?.id ?? plan.covers } : plan;
  }),
  fault('it covers calls that nobody closed yet', 'that are open stay in view', (input) =>
    summariseAt(input, input.view.rest.length - 1),
  ),
  fault('it summarises the summary again', 'comes to rest', (input, sound) => {
    const plan = sound.plan(input);
    const place = cutPoints(input.view.rest).indexOf(true);
    return plan.does === 'keep' ? summariseAt(input, place, 1) : plan;
  }),
  fault('it makes just enough room', 'leaves room for the steps that follow', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'summarise' ? summariseAt(input, cutPoints(input.view.rest).indexOf(true, 1)) : plan;
  }),
  fault('it believes its ruler more than the provider', 'that the provider refuses', (input, sound) =>
    sound.plan({ ...input, overflowed: false }),
  ),
  fault('it gives up on what it does not know the limit of', 'that the provider refuses', (input, sound) =>
    Number.isFinite(input.limit) ? sound.plan(input) : { does: 'keep' },
  ),
  fault('it covers a message in vain', 'nothing can be made shorter', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'keep' && used(input) > input.limit ? summariseAt(input, 0) : plan;
  }),
  fault('summaries are as long as it likes', 'fits into what the prompt may take', (input, sound) => {
    const plan = sound.plan(input);
    return plan.does === 'summarise' ? { ...plan, maxTokens: input.limit } : plan;
  }),
  fault('it has a ruler of its own', 'the ruler that is given', (input, sound) =>
    sound.plan({
      ...input,
      ruler: { tokens: (messages) => Math.ceil(charsOf(messages, 0) / CHARS_PER_TOKEN) },
    }),
  ),
  fault('it measures every beginning of the conversation', 'a bounded number of times', (input, sound) => {
    for (let place = 0; place < input.view.rest.length; place += 1) input.ruler.tokens(input.view.rest.slice(0, place));
    return sound.plan(input);
  }),
];
