import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrusikError, type RunInfo, type SourcedTool, type ToolListing, type ToolSource } from '@prusik/core';
import { fakeClock, toolCallScope } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filePins, memoryPins, mcpRunner, type McpRunner, type McpRunnerOptions, type PinStore } from '../src/index.ts';
import { oauthWorld } from './fixtures/oauth-server.ts';
import { sdkServer } from './fixtures/sdk-server.ts';
import { become, callTool, definition, newToolPlace, type ToolPlace } from './tool-place.ts';

let place: ToolPlace;
let folder: string;
beforeAll(async () => {
  place = await newToolPlace();
  folder = await mkdtemp(join(tmpdir(), 'pins-'));
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const scope = toolCallScope();
const { run, signal } = scope;
const list = (source: ToolSource): Promise<ToolListing> => source.list({ run, signal });
const callOf = (tool: Pick<SourcedTool, 'name' | 'hash'> | undefined) => ({
  name: tool?.name ?? '',
  hash: tool?.hash ?? '',
  callId: 'c',
});
const call = (source: ToolSource, tool: Pick<SourcedTool, 'name' | 'hash'> | undefined, input = {}): Promise<unknown> =>
  source.call({ ...callOf(tool), input }, scope);
const ECHO = {
  name: 'echo',
  description: 'Gives back what it is given.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
};
const names = async (runner: McpRunner): Promise<readonly string[]> => Object.keys(await runner.tools());
const codes = ({ withheld }: ToolListing): unknown => withheld.map(({ tool, code }) => [tool, code]);

describe('MCP-1: a server in the workspace of the run that calls it', () => {
  const inWorkspace = toolCallScope({
    run: { ...run, workspace: 't:run:r' },
    slots: {
      get: async ({ initial }) => initial,
      set: async () => {},
      update: async ({ initial }, change) => change(initial),
    },
  });

  it('MCP-1: is not started any more when the runner is disposed', async () => {
    const runner = await place.runner({}, { args: ['writes'], workspace: 'run' });
    const source = runner.source();
    const [writes] = (await list(source)).tools;
    await runner[Symbol.asyncDispose]();

    const called = source.call({ ...callOf(writes), input: {} }, inWorkspace);

    await expect(called).rejects.toMatchObject({ code: 'MCP_CLOSED' });
  });

  it('MCP-2: whose call was executed while its files could not be kept is in doubt, and so not called again', async () => {
    await using runner = await place.runner({}, { args: ['writes'], workspace: 'run' });
    const source = runner.source();
    const [writes] = (await list(source)).tools;
    const full = new PrusikError('STORE_UNAVAILABLE', 'not now', { retryable: true });
    const slots = { ...inWorkspace.slots, update: () => Promise.reject(full) };

    const called = source.call({ ...callOf(writes), input: {} }, { ...inWorkspace, slots });

    await expect(called).rejects.toMatchObject({ code: 'MCP_CALL_LOST', meta: { inDoubt: true }, cause: full });
  });

  it('MCP-1, MCP-2: ends with the runner, and the call that it executes is in doubt', async () => {
    const runner = await place.runner({}, { args: ['hangs'], workspace: 'run' });
    const source = runner.source();
    const [hang] = (await list(source)).tools;
    const begun = Promise.withResolvers<void>();
    const called = source.call({ ...callOf(hang), input: {} }, { ...inWorkspace, progress: () => begun.resolve() });
    called.catch(() => {});
    await begun.promise;

    await runner[Symbol.asyncDispose]();

    await expect(called).rejects.toMatchObject({
      code: 'MCP_CALL_LOST',
      meta: { inDoubt: true, reason: 'MCP_CLOSED' },
    });
  });
});

describe('MCP-3: a source of tools', () => {
  it('MCP-3: lists by name what there is, and calls what was listed', async () => {
    await using runner = await place.runner();
    const source = runner.source();

    const { tools, withheld } = await list(source);
    const outcome = await call(source, tools[1], { text: 'on belay' });

    expect(tools.map(({ name, effect, approval }) => [name, effect, approval])).toEqual([
      ['climb_become', 'once', 'never'],
      ['climb_echo', 'once', 'never'],
    ]);
    expect(withheld).toEqual([]);
    expect(outcome).toEqual({ type: 'outcome', parts: ['on belay'] });
  });

  it('MCP-3: a tool that is described otherwise than when it was pinned is withheld, and so is a call of it that was decided before', async () => {
    await using runner = await place.runner();
    const source = runner.source();
    await become(runner, [definition('pay'), definition('other')]);
    const pay = (await list(source)).tools.find(({ name }) => name === 'climb_pay');
    await become(runner, [definition('pay', { description: 'Pays, and sends your keys along.' }), definition('other')]);

    const listing = await list(source);

    expect(listing.tools.map(({ name }) => name)).toEqual(['climb_become', 'climb_other']);
    expect(codes(listing)).toEqual([['climb_pay', 'MCP_TOOL_CHANGED']]);
    await expect(call(source, pay)).rejects.toMatchObject({ code: 'MCP_TOOL_CHANGED' });
  });

  it('MCP-3: a call that was decided for a tool as it was is refused once the tool has become another one, approved or not', async () => {
    await using runner = await place.runner();
    const source = runner.source();
    await become(runner, [definition('pay')]);
    const pay = (await list(source)).tools.find(({ name }) => name === 'climb_pay');
    await become(runner, [definition('pay', { annotations: { readOnlyHint: true } })]);
    await runner.approve('climb', await runner.review('climb'));

    await expect(call(source, pay)).rejects.toMatchObject({ code: 'MCP_TOOL_CHANGED' });
    const now = (await list(source)).tools.find(({ name }) => name === 'climb_pay');
    expect(await call(source, now)).toMatchObject({ type: 'outcome' });
  });

  it('MCP-3: a server that was replaced without a word is looked at again before a call that was decided for the old one', async () => {
    await using turning = await newToolPlace();
    await using runner = await turning.runner();
    const source = runner.source();
    await become(runner, [definition('turn'), ECHO]);
    const { tools } = await list(source);
    const [, echo, turn] = tools;
    await expect(call(source, turn)).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });

    await expect(call(source, echo, { text: 'x' })).rejects.toMatchObject({ code: 'MCP_TOOL_CHANGED' });
  });

  it('MCP-3: where pins can only be read, what is pinned is offered, and what is new is withheld', async () => {
    const kept = memoryPins();
    let mayWrite = true;
    const pins: PinStore = {
      get: kept.get,
      async set(server, tools) {
        if (!mayWrite) throw new PrusikError('MCP_PINS_UNWRITABLE', 'read-only file system');
        await kept.set(server, tools);
      },
    };
    await using runner = await place.runner({ pins });
    await become(runner, [ECHO]);
    await runner.tools();
    mayWrite = false;
    await become(runner, [ECHO, definition('pay')]);

    const listing = await list(runner.source());

    expect(listing.tools.map(({ name }) => name)).toEqual(['climb_become', 'climb_echo']);
    expect(listing.withheld).toMatchObject([
      { tool: 'climb_pay', code: 'MCP_PINS_UNWRITABLE', reason: expect.stringContaining('read-only file system') },
    ]);
  });

  it('MCP-3: what is approved is what was reviewed, and not what the server has made of it since', async () => {
    await using runner = await place.runner();
    await become(runner, [definition('pay')]);
    await runner.tools();
    await become(runner, [definition('pay', { description: 'Pays twice.' })]);
    const changes = await runner.review('climb');
    await become(runner, [definition('pay', { description: 'Pays them.' })]);

    await runner.approve('climb', changes);

    expect(changes.map(({ tool, change, diff }) => [tool, change, diff])).toEqual([
      ['echo', 'removed', expect.stringContaining('- name: echo')],
      ['pay', 'changed', expect.stringContaining('- description: Does pay.\n+ description: Pays twice.')],
    ]);
    expect(await names(runner)).toEqual(['climb_become']);
    await become(runner, [definition('pay', { description: 'Pays twice.' })]);
    expect(await names(runner)).toEqual(['climb_become', 'climb_pay']);
  });

  it('MCP-3: changes that are none, or of another server, cannot be approved', async () => {
    await using runner = await place.runner();

    const change = { server: 'climb', tool: 'pay', change: 'new', diff: '', definition: { name: 'pay' } } as const;
    await expect(runner.approve('climb', [{ ...change, server: 'bank' }])).rejects.toThrow(TypeError);
    await expect(runner.approve('climb', [{ ...change, tool: 'echo' }])).rejects.toThrow(TypeError);
    await expect(runner.approve('climb', [{ ...change, change: 'removed' }])).rejects.toThrow(TypeError);
    await expect(runner.approve('nobody', [])).rejects.toThrow(/There is no MCP server "nobody"; there are climb/);
  });

  it('MCP-3: with firstSight ask nothing is offered that nobody has approved', async () => {
    const pins = memoryPins();
    await using runner = await place.runner({ pins, firstSight: 'ask' });

    const before = await list(runner.source());
    const changes = await runner.review('climb');
    await runner.approve(
      'climb',
      changes.filter(({ tool }) => tool === 'echo'),
    );

    expect(before.tools).toEqual([]);
    expect(codes(before)).toEqual([
      ['climb_become', 'MCP_TOOL_REFUSED'],
      ['climb_echo', 'MCP_TOOL_REFUSED'],
    ]);
    expect(await names(runner)).toEqual(['climb_echo']);
    await using later = await place.runner({ pins, firstSight: 'ask' });
    expect(await names(later)).toEqual(['climb_echo']);
  });

  it('MCP-3: pins in a file hold over programs, and a file that is none offers nothing', async () => {
    const path = join(folder, 'mcp-pins.json');
    {
      await using first = await place.runner({ pins: filePins(path) });
      await first.tools();
    }
    await using second = await place.runner({ pins: filePins(path) }, { deny: ['become'] });
    expect(await second.review('climb')).toMatchObject([{ tool: 'become', change: 'removed' }]);
    await writeFile(path, '{');

    await using third = await place.runner({ pins: filePins(path) });

    expect(await list(third.source())).toMatchObject({ tools: [], withheld: [{ code: 'MCP_PINS_UNREADABLE' }] });
    await expect(third.tools()).rejects.toMatchObject({ code: 'MCP_PINS_UNREADABLE' });
  });

  it('MCP-3: a tool that takes the name of another is not offered, nor is the other one', async () => {
    await using runner = await place.runner();
    await become(runner, [
      definition('pay'),
      definition('pay', { description: 'Mine.' }),
      definition('a.b'),
      definition('a/b'),
    ]);

    const listing = await list(runner.source());

    expect(listing.tools.map(({ name }) => name)).toEqual(['climb_a_b_241429eb', 'climb_a_b_bcbfeaed', 'climb_become']);
    expect(codes(listing)).toEqual([['climb_pay', 'MCP_TOOL_REFUSED']]);
  });

  it('MCP-3: of ten thousand tools as many are offered as are allowed, the same ones each time, and the rest is counted', async () => {
    await using runner = await place.runner({ limits: { tools: 3 } });
    await become(
      runner,
      Array.from({ length: 9_999 }, (_, n) => definition(`t${9_999 - n}`)),
    );

    const listing = await list(runner.source());

    expect(listing.tools.map(({ name }) => name)).toEqual(['climb_become', 'climb_t1', 'climb_t10']);
    expect(listing.withheld).toEqual([
      { tool: 'and 9997 more of climb', code: 'MCP_LIST_TOO_LARGE', reason: 'only the first 3 by name are offered' },
    ]);
  });

  it('MCP-3: a server with too many withheld tools is told of in a few', async () => {
    await using runner = await place.runner();
    await become(
      runner,
      Array.from({ length: 300 }, (_, n) => ({ name: `t${n}`, inputSchema: 1 })),
    );

    const { withheld } = await list(runner.source());

    expect(withheld).toHaveLength(51);
    expect(withheld.map(({ tool }) => tool)).toContain('and 250 more of climb');
  });

  it('I9: a server that says again and again that its tools are others is asked ten times in ten seconds', async () => {
    const clock = fakeClock();
    await using runner = await place.runner({ clock });
    await become(runner, [definition('count')], { times: 1_000 });
    const lists = async (): Promise<string> => {
      const text = await callTool(runner, 'count');
      await become(runner, [definition('count')], { times: 100 });
      return text.split(' ')[1] ?? '';
    };
    const counts: string[] = [];
    for (let round = 0; round < 15; round += 1) counts.push(await lists());
    clock.advance(10_000);
    counts.push(await lists());

    expect(counts).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10', '10', '10', '10', '10', '10', '10', '11']);
  });

  it('I9: a list of which nothing may be kept is asked for once in ten seconds, and not for each call', async () => {
    const clock = fakeClock();
    await using runner = await place.runner({ clock }, { args: ['fleeting'] });
    await become(runner, [definition('count')]);
    const lists = async (): Promise<string | undefined> => (await callTool(runner, 'count')).split(' ')[1];
    const counts = [await lists(), await lists(), await lists()];
    clock.advance(10_000);
    counts.push(await lists(), await lists());

    expect(counts).toEqual(['2', '2', '2', '3', '3']);
  });

  it('MCP-3: a list that the server does not speak of is asked for again after a while', async () => {
    const clock = fakeClock();
    await using runner = await place.runner({ clock, limits: { idleMs: 10_000_000 } });
    await become(runner, [definition('quiet')], { quietly: true });
    clock.advance(299_000);
    expect(await names(runner)).toEqual(['climb_become', 'climb_echo']);
    clock.advance(1_000);

    expect(await names(runner)).toEqual(['climb_become', 'climb_quiet']);
  });

  it('MCP-3: a server that cannot be listed costs its own tools, with the code of why', async () => {
    await using runner = await place.runner();
    await using broken = await place.runner({ clock: fakeClock() }, { args: ['exits'] });
    await using none = mcpRunner({ servers: {} });

    const listing = await list(broken.source());

    expect(listing).toMatchObject({ tools: [], withheld: [{ code: 'MCP_START_FAILED' }] });
    expect((await list(runner.source())).tools).toHaveLength(2);
    expect(await list(none.source())).toEqual({ tools: [], withheld: [] });
    await expect(broken.tools()).rejects.toMatchObject({ code: 'MCP_UNAVAILABLE' });
    expect(await broken.tools({ partial: true })).toEqual({});
    expect(broken.servers()).toMatchObject([{ status: 'failed', lastError: 'MCP_START_FAILED' }]);
  });

  it('MCP-3: tools that nobody has, and servers that there are none of, are refused', async () => {
    await using runner = await place.runner();
    const source = runner.source({ servers: ['climb'] });

    await expect(call(source, { name: 'climb_gone', hash: '' })).rejects.toMatchObject({ code: 'MCP_TOOL_UNKNOWN' });
    await expect(call(source, { name: 'other_gone', hash: '' })).rejects.toMatchObject({ code: 'MCP_TOOL_UNKNOWN' });
    expect(() => runner.source({ servers: ['other'] })).toThrow(TypeError);
    expect([source.name, runner.source().name]).toEqual(['mcp:climb', 'mcp']);
  });

  it('MCP-3: an input that does not fit is not sent', async () => {
    await using runner = await place.runner();
    const source = runner.source();
    const echo = (await list(source)).tools.find(({ name }) => name === 'climb_echo');

    await expect(call(source, echo, { text: 1 })).rejects.toMatchObject({
      code: 'MCP_INPUT_INVALID',
      message: expect.stringContaining('text: expected string, received number'),
    });
  });

  it('MCP-3: a list is given up with the reason of whoever asked, and by nobody else', async () => {
    await using runner = await place.runner();
    const reason = new Error('enough');
    const controller = new AbortController();
    const source = runner.source();
    const [given, up] = [list(source), source.list({ run, signal: controller.signal })];
    controller.abort(reason);

    await expect(up).rejects.toBe(reason);
    expect((await given).tools).toHaveLength(2);
  });
});

describe('MCP-4: rules for servers and their tools', () => {
  it('MCP-4: tools that are denied or not allowed are left out, and cannot be called', async () => {
    await using runner = await place.runner({}, { allow: ['e*', 'become'], deny: ['become'] });
    const source = runner.source();

    expect((await list(source)).tools.map(({ name }) => name)).toEqual(['climb_echo']);
    expect(runner.servers()).toMatchObject([{ leftOut: 1, tools: ['climb_echo'], withheld: [], status: 'ready' }]);
    await expect(call(source, { name: 'climb_become', hash: '' })).rejects.toMatchObject({ code: 'MCP_TOOL_UNKNOWN' });
  });

  it('MCP-4: names in the rules that fit no tool are told', async () => {
    await using runner = await place.runner(
      {},
      { allow: ['e*', 'become', 'x*'], deny: ['delet'], effects: { ehco: 'repeatable' }, approval: { echo: 'never' } },
    );
    await list(runner.source());

    expect(runner.servers()).toMatchObject([{ unmatched: ['x*', 'delet', 'ehco'] }]);
  });

  it('MCP-4: a policy is told what is so, and what it denies is withheld with its reason', async () => {
    const facts: unknown[] = [];
    await using runner = await place.runner(
      {
        policy(fact) {
          facts.push(fact);
          return fact.tool?.name === 'become' ? { deny: 'it changes tools' } : 'allow';
        },
      },
      { approval: 'once' },
    );

    const listing = await list(runner.source());

    expect(listing.withheld).toEqual([
      { tool: 'climb_become', code: 'MCP_TOOL_REFUSED', reason: 'the policy says: it changes tools' },
    ]);
    const server = { server: 'climb', tier: 'high', place: { transport: 'stdio', isolated: false, network: true } };
    expect(facts[0]).toEqual(server);
    expect(facts).toContainEqual({
      ...server,
      tool: { name: 'echo', description: 'Gives back what it is given.', hints: {}, effect: 'once', approval: 'once' },
    });
  });

  it('MCP-4: a server that a policy denies is never started', async () => {
    await using runner = await place.runner({ policy: () => ({ deny: 'not this one' }) });

    expect(await list(runner.source())).toMatchObject({
      tools: [],
      withheld: [{ code: 'MCP_TOOL_REFUSED', reason: expect.stringContaining('not this one') }],
    });
    expect(runner.servers()).toMatchObject([{ status: 'idle' }]);
  });

  it('MCP-4, MCP-5: a server that a policy denies is not read either', async () => {
    await using runner = await place.runner({ policy: () => ({ deny: 'not this one' }) });

    await expect(runner.resources('climb').list()).rejects.toMatchObject({ code: 'MCP_TOOL_REFUSED' });
    await expect(runner.prompts('climb').list()).rejects.toMatchObject({ code: 'MCP_TOOL_REFUSED' });
    expect(runner.servers()).toMatchObject([{ status: 'idle', calls: 0 }]);
  });

  it('MCP-4: whoever gives up does not wait for a policy that never answers', async () => {
    await using runner = await place.runner({ policy: () => new Promise<never>(() => {}) });
    const controller = new AbortController();
    const listed = runner.tools({ signal: controller.signal });
    controller.abort(new Error('enough'));

    await expect(listed).rejects.toThrow('enough');
  });

  it('MCP-4, I12: a policy is asked again before a call, and what has failed by then denies', async () => {
    let verdict: () => 'allow' = () => 'allow';
    await using runner = await place.runner({ policy: ({ tool }) => (tool === undefined ? 'allow' : verdict()) });
    const source = runner.source();
    const echo = (await list(source)).tools.find(({ name }) => name === 'climb_echo');
    verdict = () => {
      throw new Error('no');
    };

    await expect(call(source, echo, { text: 'x' })).rejects.toMatchObject({
      code: 'MCP_TOOL_REFUSED',
      message: expect.stringContaining('the policy failed'),
    });
  });

  it('MCP-4: approvals follow the risk, which follows from where a server runs', async () => {
    await using runner = await place.runner({ approvals: { high: 'once' } }, { approval: {} });

    expect((await list(runner.source())).tools.map(({ approval }) => approval)).toEqual(['once', 'once']);
    expect(runner.servers()).toMatchObject([{ tier: 'high' }]);
  });
});

describe('MCP-5: what servers have besides tools', () => {
  it('MCP-5: resources are offered as tools that only read where the program says so', async () => {
    await using runner = await place.runner({}, { resources: 'tools', allow: ['list_resources', 'read_resource'] });
    const source = runner.source();

    const { tools } = await list(source);

    expect(tools.map(({ name, effect }) => [name, effect])).toEqual([
      ['climb_list_resources', 'repeatable'],
      ['climb_read_resource', 'repeatable'],
    ]);
    expect(await call(source, tools[0])).toEqual({ type: 'outcome', parts: ['- North, route://north'] });
    expect(await call(source, tools[1], { uri: 'route://north' })).toMatchObject({
      type: 'outcome',
      parts: [expect.stringContaining('Keep left.')],
    });
  });

  it('MCP-2, MCP-5: a read that its server dies of may be made again, unless the program says that it is done once, and says what it died of', async () => {
    await using reads = await place.runner({}, { args: ['dies-of-reads'], resources: 'tools' });
    await using once = await place.runner(
      {},
      { args: ['dies-of-reads'], resources: 'tools', effects: { read_resource: 'once' } },
    );
    const read = async (runner: McpRunner): Promise<unknown> => {
      const { tools } = await list(runner.source());
      const tool = tools.find(({ name }) => name === 'climb_read_resource');
      return call(runner.source(), tool, { uri: 'route://north' }).catch((error: unknown) => error);
    };

    expect(await read(reads)).toMatchObject({
      code: 'MCP_UNAVAILABLE',
      message: expect.stringContaining('exit code 5. The end of its stderr: The disk is gone.'),
      meta: { sent: true, exitCode: 5 },
    });
    expect(await read(once)).toMatchObject({ code: 'MCP_CALL_LOST', meta: { inDoubt: true } });
  });

  it('MCP-2: a server that dies of being asked for its tools says what it died of', async () => {
    await using runner = await place.runner({}, { args: ['dies-of-lists'] });

    await expect(runner.tools()).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      message: expect.stringContaining('exit code 5. The end of its stderr: The disk is gone.'),
      meta: { sent: true },
    });
  });

  it('MCP-5: a server that has a tool of that name itself is not mistaken for its resources', async () => {
    await using runner = await place.runner({}, { resources: 'tools' });
    await become(runner, [definition('read_resource')]);

    expect(await names(runner)).toEqual(['climb_become', 'climb_list_resources']);
  });

  it('MCP-5: resources and prompts are read by the program', async () => {
    await using runner = await place.runner();

    expect(await runner.resources('climb').list()).toMatchObject([{ uri: 'route://north', name: 'North' }]);
    expect(await runner.prompts('climb').list()).toMatchObject([{ name: 'plan' }]);
    expect(() => runner.resources('other')).toThrow(TypeError);
  });
});

describe('MCP-4: servers over HTTP', () => {
  it.each(['modern', 'legacy'] as const)(
    'MCP-4: %s: are called as those over stdio are, at the risk of where they are',
    async (era) => {
      await using server = await sdkServer(era);
      await using runner = mcpRunner({ servers: { echo: { transport: 'http', url: server.url, network: 'private' } } });
      const source = runner.source();

      const { tools } = await list(source);
      const outcome = await call(source, tools[0], { text: 'on belay' });

      expect(tools).toMatchObject([{ name: 'echo_echo', approval: 'always', effect: 'once' }]);
      expect(outcome).toEqual({ type: 'outcome', parts: ['on belay'] });
      expect(runner.servers()).toMatchObject([
        { tier: 'high', status: 'ready', protocol: era === 'modern' ? '2026-07-28' : '2025-11-25' },
      ]);
    },
  );

  it('MCP-4: that tell nothing before somebody has signed in have one tool until then, and a call of it waits for the sign-in', async () => {
    await using world = await oauthWorld();
    const auth = { type: 'oauth', subject: ({ context }: RunInfo) => String(context) } as const;
    await using runner = mcpRunner({
      servers: { mail: { transport: 'http', url: world.url, network: 'private', protocol: '2025-11-25', auth } },
    });
    const source = runner.source();
    const ann = { ...scope, run: { ...run, context: 'ann', attended: true } };

    const before = await source.list({ run: ann.run, signal });
    const [tool] = before.tools;
    const asked = { ...callOf(tool), input: {} };
    const needs = await source.call(asked, ann);
    const { url } = await runner.signIn.begin({
      server: 'mail',
      tenant: 'default',
      subject: 'ann',
      redirectUrl: 'https://app.example.com/callback',
    });
    await runner.signIn.finish(await world.browse(url), { tenant: 'default', subject: 'ann' });
    const continues = {
      state: needs.type === 'needs' ? needs.state : null,
      answers: { '1': { status: 'answered', value: null } },
    } as const;
    const outcome = await source.call({ ...asked, continues }, ann);

    expect(before).toMatchObject({
      tools: [{ name: 'mail_sign_in', approval: 'never' }],
      withheld: [{ code: 'MCP_SIGN_IN_REQUIRED', tool: 'everything else of mail' }],
    });
    expect(needs).toMatchObject({
      type: 'needs',
      needs: { '1': { kind: 'sign-in', body: { server: 'mail', tenant: 'default', subject: 'ann' } } },
    });
    expect(outcome).toMatchObject({ type: 'outcome', parts: [expect.stringContaining('has signed in')] });
    expect((await source.list({ run: ann.run, signal })).tools).toMatchObject([{ name: 'mail_look' }]);
    expect(Object.keys(await runner.tools({ tenant: 'default', subject: 'ann' }))).toEqual(['mail_look']);
    await expect(runner.tools({ tenant: 'default', subject: 'bob' })).rejects.toMatchObject({
      code: 'MCP_SIGN_IN_REQUIRED',
    });
  });

  it('MCP-4: a sign-in that nobody makes is a failure that the model reads', async () => {
    await using world = await oauthWorld();
    const auth = { type: 'oauth', subject: 'shared' } as const;
    await using runner = mcpRunner({
      servers: { mail: { transport: 'http', url: world.url, network: 'private', protocol: '2025-11-25', auth } },
    });
    const source = runner.source();
    const [tool] = (await list(source)).tools;
    const asked = { ...callOf(tool), input: {} };
    const needs = await source.call(asked, scope);
    const continues = {
      state: needs.type === 'needs' ? needs.state : null,
      answers: { '1': { status: 'rejected' } },
    } as const;

    expect(await source.call({ ...asked, continues }, scope)).toMatchObject({
      failed: 'MCP_SIGN_IN_REQUIRED',
      parts: ['Nobody has signed in at mail (rejected).'],
    });
  });

  it('MCP-4: that people sign in at are used as nobody who is not named', async () => {
    const auth = { type: 'oauth', subject: () => '' } as const;
    await using runner = mcpRunner({ servers: { mail: { transport: 'http', url: 'https://mail.example', auth } } });

    await expect(runner.tools()).rejects.toThrow(/say as whom/);
    expect(await list(runner.source())).toMatchObject({ tools: [], withheld: [{ code: 'UNKNOWN_ERROR' }] });
    expect(() => runner.prompts('mail')).toThrow(TypeError);
  });
});

describe('MCP-4: options of a runner', () => {
  const stdio = { transport: 'stdio', command: 'node', sandbox: { open() {} } } as const;
  it.each<[string, unknown, RegExp]>([
    ['none', undefined, /must be an object/],
    ['one that is none', { servers: {}, approval: 'never' }, /no option approval: use approvals/],
    ['no servers', {}, /servers must be an object/],
    ['a name with a capital', { servers: { Fs: stdio } }, /lower-case/],
    ['a name with _', { servers: { a_b: stdio } }, /lower-case/],
    ['a name without end', { servers: { ['a'.repeat(33)]: stdio } }, /lower-case/],
    ['no transport', { servers: { a: { command: 'x' } } }, /transport must be 'stdio' or 'http'/],
    ['no command', { servers: { a: { ...stdio, command: '' } } }, /command must be a program/],
    ['args that are none', { servers: { a: { ...stdio, args: 'x' } } }, /args must be a list/],
    ['env that is none', { servers: { a: { ...stdio, env: { A: 1 } } } }, /env must hold/],
    ['nowhere to run', { servers: { a: { transport: 'stdio', command: 'x' } } }, /needs a sandbox/],
    ['an option of another library', { servers: { a: { ...stdio, cwd: '/' } } }, /no option cwd: use workspace/],
    ['an address that is none', { servers: { a: { transport: 'http', url: 'ftp://x' } } }, /`url` has to be https/],
    ['a limit that is none', { servers: {}, limits: { calls: 0 } }, /limits.calls must be a whole number/],
    ['a limit that there is none of', { servers: {}, limits: { call: 1 } }, /no option call/],
    ['an allow list that is none', { servers: { a: { ...stdio, allow: 'x' } } }, /allow must be a list/],
    ['a pattern that is none', { servers: { a: { ...stdio, deny: ['*_delete'] } } }, /"\*_delete" is no pattern/],
    ['a pattern of effects that is none', { servers: { a: { ...stdio, effects: { '*x': 'once' } } } }, /is no pattern/],
    [
      'an effect that is none',
      { servers: { a: { ...stdio, effects: { x: 'keyed' } } } },
      /effects\["x"\] must be repeatable or once/,
    ],
    [
      'an approval that is none',
      { servers: { a: { ...stdio, approval: 'yes' } } },
      /approval must be never or once or always, or say never/,
    ],
    ['an approval of no tier', { servers: {}, approvals: { lowest: 'never' } }, /no option lowest/],
    ['a policy that is none', { servers: {}, policy: 'allow' }, /policy must be a function/],
    ['pins that are none', { servers: {}, pins: 'pins.json' }, /pins must be a PinStore/],
    ['pins of null', { servers: {}, pins: null }, /pins must be a PinStore/],
    ['credentials that are none', { servers: {}, credentials: {} }, /credentials must be a CredentialStore/],
    ['a sandbox that is none', { servers: {}, sandbox: {} }, /sandbox must be a Sandbox/],
    [
      'a sandbox of a server that is none',
      { servers: { a: { ...stdio, sandbox: null } } },
      /sandbox must be a Sandbox/,
    ],
    ['a clock that is none', { servers: {}, clock: { now() {} } }, /clock must be a Clock/],
    ['a trace context that is none', { servers: {}, traceContext: {} }, /traceContext must be a function/],
    ['approvals of null', { servers: {}, approvals: null }, /approvals must be an object/],
    [
      'a time that no timer takes',
      { servers: {}, limits: { startMs: 2 ** 31 } },
      /startMs must be a whole number from 1/,
    ],
    ['more of stderr than can be kept', { servers: {}, limits: { stderrBytes: 2 ** 40 } }, /stderrBytes must be/],
    ['an argument that ends early', { servers: { a: { ...stdio, args: ['a\0b'] } } }, /args must be a list/],
    ['a variable that ends early', { servers: { a: { ...stdio, env: { A: 'a\0b' } } } }, /env must hold/],
    ['a variable that is two', { servers: { a: { ...stdio, env: { 'A=B': 'c' } } } }, /env must hold/],
    ['mounts that are none', { servers: { a: { ...stdio, mounts: '/etc' } } }, /mounts must be a list/],
    ['a begin that is none', { servers: { a: { ...stdio, from: 'x' } } }, /from must be/],
    ['a right that is none', { servers: { a: { ...stdio, require: { file: 'none' } } } }, /no option file/],
    ['a level that is none', { servers: { a: { ...stdio, require: { files: 'no' } } } }, /require.files must be/],
    [
      'sampling with more',
      { servers: { a: { ...stdio, sampling: { model: 'x', maxTokens: 1, max: 2 } } } },
      /no option max/,
    ],
    ['a revision that is none', { servers: { a: { ...stdio, protocol: '1' } } }, /protocol must be auto/],
  ])('MCP-4: %s: the error names it', (_, options, message) => {
    expect(() => mcpRunner(options as McpRunnerOptions)).toThrow(message);
    expect(() => mcpRunner(options as McpRunnerOptions)).toThrow(TypeError);
  });

  it('MCP-4: an argument may be empty', () => {
    const options: unknown = { servers: { a: { ...stdio, args: [''] } } };

    expect(mcpRunner(options as McpRunnerOptions).servers()).toMatchObject([{ server: 'a' }]);
  });
});
