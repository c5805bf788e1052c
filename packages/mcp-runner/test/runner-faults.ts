import { isPrusikError, PrusikError, type CallResult, type ToolListing, type ToolSource } from '@prusik/core';
import type { McpRunnerUnderTest } from '@prusik/testing-contracts';
import type { McpLimits, McpServer } from '../src/index.ts';

/** A way to be broken, and a test of the suite that has to notice. */
export interface RunnerFault {
  readonly name: string;
  /** A part of the title of that test, and of no other. */
  readonly caughtBy: string;
  /** It is noticed by the time that it takes. */
  readonly hangs?: true;
  /** Our own runner, told to do worse. */
  readonly configure?: (server: McpServer) => McpServer;
  /** Something between our own runner and whoever uses it. @param another Makes one more of the same. */
  readonly change?: (runner: McpRunnerUnderTest, another: () => McpRunnerUnderTest) => McpRunnerUnderTest;
}

type Change = NonNullable<RunnerFault['change']>;
type Configure = NonNullable<RunnerFault['configure']>;

const changed = (name: string, caughtBy: string, change: Change): RunnerFault => ({ name, caughtBy, change });
const configured = (name: string, caughtBy: string, configure: Configure): RunnerFault => ({
  name,
  caughtBy,
  configure,
});
const hanging = (fault: RunnerFault): RunnerFault => ({ ...fault, hangs: true });

const inSource =
  (change: (source: ToolSource) => Partial<ToolSource>): Change =>
  (runner) => ({ ...runner, source: { ...runner.source, ...change(runner.source) } });
const inCall = (change: (call: ToolSource['call']) => ToolSource['call']): Change =>
  inSource((source) => ({ call: change(source.call) }));
const inResult = (change: (result: CallResult) => CallResult): Change =>
  inCall(
    (call) =>
      async (...made) =>
        change(await call(...made)),
  );
const inList = (change: (listing: ToolListing) => ToolListing): Change =>
  inSource((source) => ({ list: async (scope) => change(await source.list(scope)) }));
const inError = (change: (error: PrusikError) => unknown): Change =>
  inCall((call) => async (...made) => {
    try {
      return await call(...made);
    } catch (error) {
      throw isPrusikError(error) ? change(error) : error;
    }
  });

/** Calls once more what was lost. */
const again = inCall((call) => async (...made) => {
  try {
    return await call(...made);
  } catch {
    return call(...made);
  }
});
/** Says of what is in doubt that it did not happen. */
const certain = inError(
  ({ code, message, meta }) => new PrusikError(code, message, { meta: { ...meta, inDoubt: false } }),
);
const without = inError(
  ({ code, message, meta: { inDoubt } }) => new PrusikError(code, message, { meta: { inDoubt: inDoubt ?? null } }),
);
const coded = (code: string): Change => inError(({ message, meta }) => new PrusikError(code, message, { meta }));
const reasons = (change: (reason: string) => string): Change =>
  inList(({ tools, withheld }) => ({
    tools,
    withheld: withheld.map((one) => ({ ...one, reason: change(one.reason) })),
  }));
const withheldAs = (code: string): Change =>
  inList(({ tools, withheld }) => ({ tools, withheld: withheld.map((one) => ({ ...one, code })) }));
const said = (text: string): Change =>
  inResult((result) => (result.type === 'outcome' ? { ...result, parts: [text] } : result));
const limits =
  (less: Partial<McpLimits>): Configure =>
  (server) => ({ ...server, limits: { ...server.limits, ...less } });
const only =
  (protocol: NonNullable<McpServer['protocol']>): Configure =>
  (server) => ({ ...server, protocol });
/** Takes a listing from before for one of now. */
const remembers = (): Change =>
  inSource((source) => {
    let first: Promise<ToolListing> | undefined;
    return { list: (scope) => (first ??= source.list(scope)) };
  });
/** Answers each call with the answer of the one before. */
const mixed = (): Change =>
  inCall((call) => {
    let last: CallResult | undefined;
    return async (...made) => {
      const result = await call(...made);
      const before = last ?? result;
      last = result;
      return before;
    };
  });
const neverDisposed: Change = (runner) => ({ ...runner, [Symbol.asyncDispose]: async () => {} });
const slowlyDisposed: Change = (runner) => ({
  ...runner,
  async [Symbol.asyncDispose]() {
    setTimeout(() => void runner[Symbol.asyncDispose](), 300);
  },
});
const LONG = 60_000;

export const RUNNER_FAULTS: readonly RunnerFault[] = [
  changed(
    'every call is made twice',
    'MCP-1: a well-behaved server is called, over stdio',
    inCall((call) => async (...made) => {
      await call(...made);
      return call(...made);
    }),
  ),
  configured('the newer revision alone is spoken', 'server of 2025-11-25 is called, over stdio', only('2026-07-28')),
  configured('the older revision alone is spoken', 'server of 2026-07-28 is called, over stdio', only('2025-11-25')),
  configured(
    'a server over HTTP is looked for where it is not',
    'MCP-1: a well-behaved server is called, over HTTP',
    (server) => (server.transport === 'http' ? { ...server, url: 'http://127.0.0.1:9/mcp' } : server),
  ),
  configured(
    'the newer revision alone is spoken over HTTP',
    'server of 2025-11-25 is called, over HTTP',
    only('2026-07-28'),
  ),
  changed(
    'who calls has another server than who lists',
    'MCP-1: a server is started when it is needed',
    (runner, another) => {
      const other = another();
      return {
        source: {
          ...runner.source,
          async call(call, scope) {
            await other.source.list({ run: scope.run, signal: scope.signal });
            return other.source.call(call, scope);
          },
        },
        async [Symbol.asyncDispose]() {
          await Promise.all([runner, other].map(async (one) => one[Symbol.asyncDispose]()));
        },
      };
    },
  ),
  changed(
    'what a server wrote to stderr is not told',
    'MCP-2: of a server that dies at its start',
    reasons((reason) => reason.replace(/settings.*/s, '')),
  ),
  changed(
    'the exit code is not told',
    'MCP-2: a server that exits at the first message',
    reasons((reason) => reason.replaceAll(/\d/g, '')),
  ),
  configured(
    'a server that dies of the first question is not asked another',
    'MCP-2: a server that exits because',
    only('2026-07-28'),
  ),
  configured(
    'a server that is silent is not asked another question',
    'MCP-2: a server that does not answer the question',
    only('2026-07-28'),
  ),
  hanging(
    configured('`startMs` is ignored', 'MCP-2: a server that answers nothing is given up', limits({ startMs: LONG })),
  ),
  hanging(
    configured(
      '`startMs` is ignored over HTTP',
      'MCP-2: a server over HTTP that answers nothing',
      limits({ startMs: LONG }),
    ),
  ),
  configured('one line that is no message ends a server', 'MCP-2: a server that greets', limits({ garbageLines: 1 })),
  configured(
    'lines that are no messages are not counted',
    'MCP-2: a server that writes no messages',
    limits({ garbageLines: 1_000_000, startMs: 1_000 }),
  ),
  changed(
    'a handshake that is none is somebody else’s fault',
    'MCP-2: a handshake that is none',
    withheldAs('MCP_UNAVAILABLE'),
  ),
  changed(
    'an unknown revision is a matter of time',
    'MCP-2: a server of a revision that nobody knows',
    withheldAs('MCP_START_TIMEOUT'),
  ),
  changed('who lies is told to be down', 'MCP-2: a server that names one revision', withheldAs('MCP_UNAVAILABLE')),

  changed(
    'a call that was lost is made again',
    'I4: a call whose server dies before the effect',
    inCall((call) => async (...made) => {
      try {
        return await call(...made);
      } catch {
        return { type: 'outcome', parts: [] };
      }
    }),
  ),
  changed('a call that was lost is made once more', 'I4: a call whose server dies after the effect', again),
  changed('a call that was lost is told not to have happened', 'I4: a call whose server of 2025-11-25 dies', certain),
  changed(
    'a call that was lost over HTTP is told to be down',
    'I4: a call whose server over HTTP dies',
    coded('MCP_UNAVAILABLE'),
  ),
  changed('a call without an answer is made once more', 'I4: a call whose answer over HTTP ends', again),
  changed(
    'a call without an answer waits for its time',
    'I4: a call whose answer over HTTP of 2025-11-25',
    coded('MCP_CALL_TIMEOUT'),
  ),
  changed('calls beside a lost one are made again', 'MCP-2: calls that are under way beside', again),
  changed(
    'the end of a server overtakes its answer',
    'MCP-2: an answer that a server gave before',
    inCall((call) => async (made, scope) => {
      const result = await call(made, scope);
      if (made.name === 'bad_act') throw new PrusikError('MCP_CALL_LOST', 'It is gone', { meta: { inDoubt: true } });
      return result;
    }),
  ),
  hanging(
    configured(
      '`callMs` is ignored',
      'MCP-2: a call that gives no sign of life',
      limits({ callMs: LONG, totalMs: LONG }),
    ),
  ),
  changed('a call that timed out is made again', 'MCP-2: a call over HTTP that gives no sign of life', again),
  changed(
    'who gives a call up is told something else',
    'I9: a call that is given up',
    inCall((call) => async (...made) => {
      try {
        return await call(...made);
      } catch (cause) {
        throw new Error('It was aborted', { cause });
      }
    }),
  ),
  changed(
    'the last answer counts',
    'MCP-2: of two answers',
    inResult((result) =>
      result.type === 'outcome' && result.parts[0] === 'first' ? { ...result, parts: ['second'] } : result,
    ),
  ),
  changed('an answer is whatever comes next', 'MCP-2: answers to what nobody has asked', said('stray')),
  changed(
    'an id is compared as text',
    'MCP-2: an answer under another id',
    inCall(
      (call) =>
        async (...made) =>
          call(...made).catch(() => ({ type: 'outcome', parts: ['done'] })),
    ),
  ),
  changed('answers are given out as they come', 'MCP-2: answers in another order', mixed()),
  changed(
    'a result that is none is an empty one',
    'MCP-2: an answer that is none',
    inCall(
      (call) =>
        async (...made) =>
          call(...made).catch(() => ({ type: 'outcome', parts: [] })),
    ),
  ),
  changed(
    'a part that is not known costs all',
    'MCP-2: a part of a result',
    inResult((result) => (result.type === 'outcome' && result.parts.length > 1 ? { ...result, parts: [] } : result)),
  ),
  changed(
    'what is too deep is an empty result',
    'MCP-2: a result that is too deep',
    inResult((result) => (result.type === 'outcome' ? { type: 'outcome', parts: result.parts } : result)),
  ),
  hanging(
    configured(
      'bytes are signs of life without end',
      'MCP-2: an answer that comes a byte at a time',
      limits({ totalMs: LONG, callMs: LONG }),
    ),
  ),
  configured(
    '`messageBytes` is ignored',
    'MCP-2: an answer of more than messageBytes',
    limits({ messageBytes: 256 * 1024 * 1024 }),
  ),
  configured(
    '`messageBytes` is ignored over HTTP',
    'MCP-2: an answer over HTTP of more',
    limits({ messageBytes: 256 * 1024 * 1024 }),
  ),
  changed('why it was cut off is not told', 'MCP-2: a message that never ends', without),
  configured('one broken line ends a server', 'MCP-2: lines that are no messages', limits({ garbageLines: 1 })),
  changed('of many calls at once some get the answer of others', 'MCP-2: a hundred calls at once', mixed()),

  configured('progress is no sign of life', 'MCP-2: progress is a sign of life', limits({ totalMs: 400 })),
  changed('who logs is waited for', 'MCP-2: messages for the log', said('')),
  changed('who floods gets no answer', 'MCP-2: a server that says without end that its tools', said('')),
  changed(
    'who floods in the older revision gets no answer',
    'MCP-2: a server of 2025-11-25 that says without end',
    said(''),
  ),
  changed('who asks much gets no answer', 'MCP-2: hundreds of requests', said('')),
  changed('why a server was stopped is not told', 'MCP-2: a server that asks without end', without),
  changed(
    'every question is asked',
    'MCP-2: of thousands of questions',
    inResult((result) =>
      result.type !== 'needs'
        ? result
        : {
            ...result,
            needs: Object.fromEntries(
              Array.from({ length: 100 }, (_, index) => [`${index}`, { kind: 'question', body: {} }]),
            ),
          },
    ),
  ),
  changed('who writes much to stderr gets no answer', 'MCP-2: what is written to stderr', said('')),
  configured(
    'lines that are no messages are not counted in a call',
    'MCP-2: a server that begins to write lines',
    limits({ garbageLines: 1_000_000, callMs: 1_000, totalMs: 1_000 }),
  ),
  changed(
    'a call is sent again as often as the server asks for it',
    'MCP-2: a server over HTTP that asks to be asked again',
    again,
  ),

  hanging(changed('a listing is taken for good', 'MCP-3: a tool whose description changes', remembers())),
  changed(
    'a changed tool is refused for another reason',
    'MCP-3: a tool of a server of 2025-11-25 whose description',
    withheldAs('MCP_TOOL_REFUSED'),
  ),
  changed(
    'what was approved is not looked at again',
    'MCP-3: a tool whose schema changes',
    inCall(
      (call) =>
        async (...made) =>
          call(...made).catch(() => ({ type: 'outcome', parts: ['done'] })),
    ),
  ),
  changed(
    'the first of a name is offered',
    'MCP-3: of tools of one name',
    inList(({ tools, withheld }) => ({
      tools: [
        ...tools,
        ...tools.filter(({ name }) => name === 'bad_echo').map((tool) => ({ ...tool, name: 'bad_act' })),
      ],
      withheld,
    })),
  ),
  changed(
    'names are the server’s',
    'MCP-3: every name that is offered',
    inList(({ tools, withheld }) => ({
      tools: tools.map((tool, index) => (index === 0 ? { ...tool, name: 'bad_a b' } : tool)),
      withheld,
    })),
  ),
  configured('`tools` is ignored', 'MCP-3: of thousands of tools', limits({ tools: 9_000 })),
  configured('`pages` is ignored', 'MCP-3: a list without an end', limits({ pages: 100_000, startMs: 1_000 })),
  changed(
    'a list that begins again is one that is too long',
    'MCP-3: a list that begins again',
    withheldAs('MCP_LIST_TOO_LARGE'),
  ),
  changed(
    'a list that is none is an empty one',
    'MCP-3: a list that is none',
    inList(({ tools }) => ({ tools, withheld: [] })),
  ),
  changed(
    'one wrong definition costs all',
    'MCP-3: a definition that is none',
    inList(({ tools, withheld }) => ({ tools: tools.filter(({ name }) => !name.startsWith('bad_')), withheld })),
  ),
  changed(
    'a schema is understood at once, whatever it takes',
    'MCP-3: a schema that refers to elsewhere',
    inList((listing) => {
      // Nothing else runs meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
      return listing;
    }),
  ),
  changed(
    'texts are passed on as they are',
    'MCP-3: characters that a person',
    inList(({ tools, withheld }) => ({
      tools: tools.map((tool) => ({ ...tool, description: `${tool.description}\u202E` })),
      withheld,
    })),
  ),

  changed('servers are left when their runner goes', 'I8: a server that ignores the end', neverDisposed),
  changed(
    'servers are ended when somebody has time for it',
    'I8: the child of a server is ended with it',
    slowlyDisposed,
  ),
  changed('servers whose output is open are left', 'I8: the child of a server that keeps', neverDisposed),
  { name: 'the sandbox holds no processes', caughtBy: 'I8: the child of a server in a session of its own' },
];
