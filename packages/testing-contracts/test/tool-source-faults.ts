import {
  hashJson,
  PrusikError,
  type CallOutcome,
  type CallResult,
  type SourcedCall,
  type SourcedTool,
  type ToolCallScope,
  type ToolListing,
  type ToolListScope,
  type ToolSource,
} from '@prusik/core';
import type { ToolSourceUnderTest } from '../src/tool-source-test.ts';

/** What one that is broken does in another way. */
interface Ways {
  readonly hash: (name: string, description: string) => string;
  readonly list: (listing: ToolListing, asked: number) => ToolListing | Promise<ToolListing>;
  readonly unavailable: (scope: ToolListScope) => Promise<ToolListing>;
  readonly checks: boolean;
  readonly knows: boolean;
  readonly heedsList: boolean;
  readonly heedsBefore: boolean;
  readonly givenUp: (signal: AbortSignal) => Promise<never>;
  readonly lost: (again: () => Promise<CallResult>) => Promise<CallResult>;
  readonly away: () => PrusikError;
  readonly says: (outcome: CallOutcome) => CallResult | Promise<CallResult>;
  readonly times: number;
  readonly failed: (text: string) => CallResult;
  readonly closes: boolean;
  readonly asks: (result: CallResult) => CallResult;
  readonly answer: (call: SourcedCall) => string;
}

const SOUND: Ways = {
  hash: (name, description) => hashJson([name, description]),
  list: (listing) => listing,
  unavailable: async () => ({ tools: [], withheld: [{ code: 'DESK_AWAY', reason: 'Nobody is at the desk.' }] }),
  checks: true,
  knows: true,
  heedsList: true,
  heedsBefore: true,
  givenUp: (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  lost: () => Promise.reject(new PrusikError('DESK_CALL_LOST', 'The desk said no more.', { meta: { inDoubt: true } })),
  away: () => new PrusikError('DESK_AWAY', 'Nobody is at the desk.', { retryable: true }),
  says: (outcome) => outcome,
  times: 1,
  failed: (text) => ({ type: 'outcome', parts: [text], failed: 'DESK_REFUSED' }),
  closes: true,
  asks: (result) => result,
  answer: ({ continues }) => {
    const answer = continues?.answers['what'];
    return answer?.status === 'answered' ? String(answer.value) : 'nothing';
  },
};

const NAMES = ['ask', 'echo', 'fail', 'vanish', 'wait'] as const;

/** A source whose tools this process executes. */
export function deskSource(ways: Partial<Ways> = {}): ToolSourceUnderTest {
  const way: Ways = { ...SOUND, ...ways };
  const executed = new Map<string, number>();
  let echoes = 'Says a text.';
  let here = true;
  let closed = false;
  let asked = 0;

  const toolOf = (name: string): SourcedTool => {
    const description = name === 'echo' ? echoes : `The tool ${name}.`;
    return {
      name,
      description,
      inputSchema: { type: 'object' },
      hash: way.hash(name, description),
      effect: name === 'vanish' ? 'once' : 'repeatable',
      approval: 'never',
      timeoutMs: 60_000,
      maxOutputBytes: 10_000,
    };
  };

  async function execute(call: SourcedCall, { signal }: ToolCallScope): Promise<CallResult> {
    const { name, input } = call;
    executed.set(name, (executed.get(name) ?? 0) + way.times);
    switch (name) {
      case 'fail':
        return way.failed('No such thing.');
      case 'wait':
        return way.givenUp(signal);
      case 'vanish':
        return way.lost(() => execute(call, { signal } as ToolCallScope));
      case 'ask':
        if (call.continues === undefined)
          return way.asks({
            type: 'needs',
            needs: { what: { kind: 'question', body: { text: 'What?' }, schema: { type: 'string' } } },
            state: { at: 1 },
          });
        return { type: 'outcome', parts: [way.answer(call)] };
      default:
        return way.says({ type: 'outcome', parts: [String(input['text'])] });
    }
  }

  const source: ToolSource = {
    name: 'desk',
    async list(scope) {
      if (way.heedsList) scope.signal.throwIfAborted();
      asked += 1;
      if (!here || (closed && way.closes)) return way.unavailable(scope);
      return way.list({ tools: NAMES.map(toolOf), withheld: [] }, asked);
    },
    async call(call, scope) {
      if (way.heedsBefore) scope.signal.throwIfAborted();
      if (!here || (closed && way.closes)) throw way.away();
      if (way.knows && !(NAMES as readonly string[]).includes(call.name))
        throw new PrusikError('DESK_TOOL_UNKNOWN', 'There is no such tool.');
      if (way.checks && call.hash !== toolOf(call.name).hash)
        throw new PrusikError('DESK_TOOL_CHANGED', 'It is another tool by now.');
      return execute(call, scope);
    },
  };
  return {
    source,
    tools: { echo: 'echo', fail: 'fail', wait: 'wait', vanish: 'vanish', ask: 'ask' },
    executions: (name) => executed.get(name) ?? 0,
    change: () => void (echoes = 'Says a text, and sends it to somebody.'),
    lose: () => void (here = false),
    async [Symbol.asyncDispose]() {
      closed = true;
    },
  };
}

export interface ToolSourceFault {
  readonly name: string;
  /** Part of the title of one test. */
  readonly caughtBy: string;
  readonly create: () => ToolSourceUnderTest;
}

const fault = (name: string, caughtBy: string, ways: Partial<Ways>): ToolSourceFault => ({
  name,
  caughtBy,
  create: () => deskSource(ways),
});

/** Every tool of a listing as `change` makes it. */
const each =
  (change: (tool: SourcedTool) => unknown): Ways['list'] =>
  ({ tools, withheld }) => ({ tools: tools.map(change) as readonly SourcedTool[], withheld });

const CALLABLE = 'list() gives tools that a model can call';
const SAME = 'list() gives the same to the byte';
const CHANGED = 'a tool that says another thing of itself';
const HASH = 'call() refuses a hash';
const ONCE = 'call() executes a call once';
const BESIDE = 'calls beside each other';
const GIVEN_UP = 'a call that is given up rejects';
const DOUBT = 'a call of which nobody knows';
const LOST = 'a source that has lost what it lives on';
const CLOSED = 'a source that is closed';
const ASKS = 'a call that needs something';

/** Results that are handed to whoever asks next. */
function crossed(): Ways['says'] {
  let last: CallOutcome | undefined;
  return async (outcome) => {
    last = outcome;
    await Promise.resolve();
    return last;
  };
}

export const TOOL_SOURCE_FAULTS: readonly ToolSourceFault[] = [
  fault('names have a dot', CALLABLE, { list: each((tool) => ({ ...tool, name: `desk.${tool.name}` })) }),
  fault('a name is there twice', CALLABLE, {
    list: ({ tools, withheld }) => ({ tools: [...tools, tools[0] as SourcedTool], withheld }),
  }),
  fault('schemas are left out', CALLABLE, {
    list: each((tool) => ({ ...tool, inputSchema: {} })),
  }),
  fault('an effect is what the tool says of itself', CALLABLE, {
    list: each((tool) => ({ ...tool, effect: 'readOnly' })),
  }),
  fault('a limit is infinite', CALLABLE, { list: each((tool) => ({ ...tool, timeoutMs: Infinity })) }),
  fault('a tool brings its function along', CALLABLE, { list: each((tool) => ({ ...tool, execute: () => null })) }),
  fault('hashes are empty', CALLABLE, { hash: () => '' }),
  fault('a listing tells when it was made', SAME, {
    list: ({ tools, withheld }, asked) => ({
      tools: tools.map((tool) => ({ ...tool, description: `${tool.description} (${asked})` })),
      withheld,
    }),
  }),
  fault('tools are in the order in which they came', 'list() gives the tools in the order of their names', {
    list: ({ tools, withheld }) => ({ tools: tools.toReversed(), withheld }),
  }),
  fault('the hash is that of the name', CHANGED, { hash: (name) => hashJson(name) }),
  fault('one hash for all tools', CHANGED, {
    hash: (() => {
      let calls = 0;
      return () => String((calls += 1));
    })(),
  }),
  fault('a tool that has changed is gone without a word', CHANGED, {
    list: ({ tools, withheld }) => ({
      tools: tools.filter(({ description }) => !description.includes('somebody')),
      withheld,
    }),
  }),
  fault('the hash of a call is not looked at', HASH, { checks: false }),
  fault('a tool that there is not says nothing', 'call() refuses a tool that there is not', {
    knows: false,
    checks: false,
  }),
  fault('a call is sent twice', ONCE, { times: 2 }),
  fault('texts are cut to ASCII', ONCE, {
    says: ({ type, parts }) => ({ type, parts: parts.map((part) => String(part).replaceAll(/[^ -~]/g, '?')) }),
  }),
  fault('every result is a failure', ONCE, { says: (outcome) => ({ ...outcome, failed: 'DESK' }) }),
  fault('the last result is handed to everybody', BESIDE, { says: crossed() }),
  fault('a failure is thrown', 'what a tool says of its failure', {
    failed: (text) => {
      throw new PrusikError('DESK_REFUSED', text);
    },
  }),
  fault('a failure looks like a result', 'what a tool says of its failure', {
    failed: (text) => ({ type: 'outcome', parts: [text] }),
  }),
  fault('a call that is given up rejects with an error of its own', GIVEN_UP, {
    givenUp: (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new PrusikError('DESK_ABORTED', 'aborted'))),
      ),
  }),
  fault('a call that is given up ends as if it were done', GIVEN_UP, {
    givenUp: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined as never))),
  }),
  fault('a call that was given up is sent all the same', 'a call that was given up before it began', {
    heedsBefore: false,
  }),
  fault('a listing hears no signal', 'a listing that was given up', { heedsList: false }),
  fault('a call whose end nobody knows is a failure', DOUBT, {
    lost: () => Promise.reject(new PrusikError('DESK_CALL_LOST', 'The desk said no more.')),
  }),
  fault('a call whose end nobody knows is sent again', DOUBT, {
    lost: (() => {
      let times = 0;
      return (again: () => Promise<CallResult>) => ((times += 1) % 2 === 1 ? again() : SOUND.lost(again));
    })(),
  }),
  fault('a source without its desk rejects', LOST, {
    unavailable: () => Promise.reject(new PrusikError('DESK_AWAY', 'Nobody is at the desk.')),
  }),
  fault('a source without its desk says nothing', LOST, { unavailable: async () => ({ tools: [], withheld: [] }) }),
  fault('what was not sent is in doubt', LOST, {
    away: () => new PrusikError('DESK_AWAY', 'Nobody is at the desk.', { meta: { inDoubt: true } }),
  }),
  fault('what was not sent has no code', LOST, { away: () => new Error('away') as PrusikError }),
  fault('a source that is closed goes on', CLOSED, { closes: false }),
  fault('an answer is thrown away', ASKS, { answer: () => 'nothing' }),
  fault('a call goes on without what it needs', ASKS, { asks: () => ({ type: 'outcome', parts: ['nothing'] }) }),
  fault('the state holds what is no JSON', ASKS, {
    asks: (result) => ({ ...result, state: { since: new Date(0) } }) as unknown as CallResult,
  }),
];
