import { canonicalJson, PrusikError, type SourcedTool, type ToolListing } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, listingsIn } from '../src/index.ts';
import { SOURCE_LIMITS } from '../src/source-limits.ts';
import { agentOf, call, listingsOf, namesIn } from './sourced.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf } from './support.ts';
import { listedTool, testSource } from './tool-source.ts';

const own = defineTool({ name: 'own', description: 'Own.', input: z.object({}), execute: () => 'own' });

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read).toString();
}

describe('AGT-16: what sources list', () => {
  it('AGT-9: is offered in the order of names behind the own tools, recorded once, and told the same as long as it is the same', async () => {
    const far = testSource('far', [listedTool('zeta'), listedTool('alpha')]);
    const { model, agent } = agentOf([call('alpha'), call('zeta', 'y'), 'Done.'], [far], { tools: [own] });
    const store = newStore();

    const result = await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(namesIn(model.requests[0]?.tools)).toEqual(['own', 'alpha', 'zeta']);
    expect(new Set(model.requests.map(({ tools }) => JSON.stringify(tools))).size).toBe(1);
    expect(far.asked).toBe(3);
    const [first = [], ...later] = await listingsOf(store, 'r');
    expect(later).toEqual([[], []]);
    expect(first).toMatchObject([{ source: 'far', tools: ['alpha', 'zeta'], withheld: [] }]);
    expect(await textOf(store.readBlob('default', first[0]?.blob ?? ''))).toBe(
      canonicalJson([listedTool('alpha'), listedTool('zeta')]),
    );
  });

  it('is called by name and hash, with the input that its schema takes; what it says is on record as of that source', async () => {
    const far = testSource('far', [listedTool('alpha')]);
    const { agent } = agentOf(
      [[call('alpha', 'x', 'c1'), call('alpha', 7, 'c2'), call('beta', 'x', 'c3')], 'Done.'],
      [far],
    );
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(far.calls).toEqual([{ name: 'alpha', hash: listedTool('alpha').hash, callId: 'c1', input: { q: 'x' } }]);
    expect(await resultsOf(store, 'r')).toEqual({
      c1: { type: 'text', text: 'alpha says x' },
      c2: { type: 'error', code: 'TOOL_INPUT_INVALID', text: expect.stringContaining('q: expected string') },
      c3: { type: 'error', code: 'TOOL_UNKNOWN', text: expect.stringContaining('There are: alpha.') },
    });
  });

  it('AGT-9: changes the prompt and the record where it changes, and nowhere else', async () => {
    const far = testSource('far', [listedTool('alpha')]);
    const near = testSource('near', [listedTool('near')]);
    const { model, agent } = agentOf(
      [call('alpha'), call('near'), call('near'), 'Done.'],
      [far, { source: near, required: false }],
    );
    far.executes = () => {
      far.listing = { tools: [listedTool('alpha', { description: 'Another.' }), listedTool('beta')], withheld: [] };
      return { type: 'outcome', parts: [] };
    };
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(model.requests.map(({ tools }) => namesIn(tools))).toEqual([
      ['alpha', 'near'],
      ['alpha', 'beta', 'near'],
      ['alpha', 'beta', 'near'],
      ['alpha', 'beta', 'near'],
    ]);
    expect(model.requests[1]?.tools?.[0]).toMatchObject({ description: 'Another.' });
    expect((await listingsOf(store, 'r')).map((listings) => listings.map(({ source }) => source))).toEqual([
      ['far', 'near'],
      ['far'],
      [],
      [],
    ]);
  });

  it('is one blob for all runs and sources that have it, and stays as long as they do', async () => {
    const store = newStore();
    const run = async (id: string, name: string) => {
      const { agent } = agentOf(['Done.'], [testSource(name, [listedTool('alpha')])]);
      await newEngine([agent], { store }).run('a', 'Go', { id });
      return (await listingsOf(store, id))[0]?.[0]?.blob ?? '';
    };

    const blobs = [await run('r1', 'far'), await run('r2', 'other')];

    expect(new Set(blobs).size).toBe(1);
    for (let after: string | undefined = 'row-0'; after !== undefined;)
      after = (await store.sweepBlobs({ after, graceMs: 0 })).next;
    expect(await textOf(store.readBlob('default', blobs[0] ?? ''))).toBe(canonicalJson([listedTool('alpha')]));
  });

  it('DEF-4: makes no other definition: its hash has the names of the sources, not what they have', () => {
    const hashOf = (...sources: Parameters<typeof agentOf>[1]) => agentOf([], sources).agent.hash;

    expect(hashOf(testSource('far', [listedTool('alpha')]))).toBe(hashOf(testSource('far')));
    expect(hashOf(testSource('far'))).not.toBe(hashOf(testSource('near')));
    expect(hashOf({ source: testSource('far'), required: true })).not.toBe(hashOf(testSource('far')));
    expect(hashOf()).toBe(defineAgent({ name: 'a', instructions: '', model: agentOf([], []).model }).hash);
  });
});

const NONSENSE: readonly (readonly [string, () => unknown, string])[] = [
  ['throws', () => Promise.reject(new Error('no network, Bearer abcdefghijklmnop')), 'no network'],
  ['hangs', () => new Promise<never>(() => {}), '30000 ms'],
  ['gives nothing', () => undefined, 'no lists'],
  ['gives a list that is none', () => ({ tools: 'alpha', withheld: [] }), 'no lists'],
];

describe('AGT-9, AGT-2: tools of sources take room in a prompt', () => {
  const long = listedTool('alpha', { description: 'x'.repeat(40_000) });

  it('in the first one: a call that they make too long does not start', async () => {
    const limits = { limits: { tokens: 9_000 }, settings: { maxOutputTokens: 100 } };
    const { model, agent } = agentOf(['Done.'], [testSource('far', [long])], limits);

    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_TOKEN_LIMIT' },
    });
    expect(model.requests).toEqual([]);
  });

  it('in a later one, where there are more of them', async () => {
    const far = testSource('far', [listedTool('alpha')]);
    far.executes = () => {
      far.listing = { tools: [long], withheld: [] };
      return { type: 'outcome', parts: [] };
    };
    const limits = { limits: { tokens: 9_000 }, settings: { maxOutputTokens: 100 } };
    const { model, agent } = agentOf([call('alpha'), 'Done.'], [far], limits);

    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({ error: { code: 'AGENT_TOKEN_LIMIT' } });
    expect(model.requests).toHaveLength(1);
  });

  it('and count for when a conversation is made shorter, and are on record before it is', async () => {
    const far = testSource('far', [long]);
    const context = { context: { limit: 8_000 }, settings: { maxOutputTokens: 100 } };
    const { model, agent } = agentOf(['Done.'], [far], context);
    const store = newStore();

    expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { code: 'CONTEXT_OVERFLOW' },
    });

    expect(model.requests).toEqual([]);
    expect((await listingsOf(store, 'r')).map((listings) => listings.length)).toEqual([1, 0, 0]);
  });
});

describe('AGT-16, MCP-2: a source that cannot be listed', () => {
  it.each(NONSENSE)(
    'costs its tools and not the run where it %s, and the record says why',
    async (_what, list, why) => {
      const far = testSource('far', [listedTool('alpha')]);
      const near = testSource('near', [listedTool('near')]);
      far.listing = list as never;
      near.executes = () => {
        far.listing = { tools: [listedTool('alpha')], withheld: [] };
        return { type: 'outcome', parts: ['ok'] };
      };
      const clock = fakeClock();
      const { model, agent } = agentOf([call('near'), 'Done.'], [far, near], { clock });
      const store = newStore();

      const result = await hurried(clock, newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' }));

      expect(result).toMatchObject({ status: 'completed' });
      expect(model.requests.map(({ tools }) => namesIn(tools))).toEqual([['near'], ['alpha', 'near']]);
      const [first, second] = await listingsOf(store, 'r');
      expect(first?.[0]).toEqual({
        source: 'far',
        tools: [],
        chars: 0,
        withheld: [{ code: 'TOOL_SOURCE_UNAVAILABLE', reason: expect.stringContaining(why) }],
      });
      expect(JSON.stringify(first)).not.toContain('abcdefghijklmnop');
      expect(second).toMatchObject([{ source: 'far', tools: ['alpha'] }]);
      expect(listingsIn(await entriesOf(store, 'r'))).toEqual([first?.[1], second?.[0]]);
    },
  );

  it('I7: hears that its run is cancelled, and nothing of it is recorded', async () => {
    const far = testSource('far');
    const begun = Promise.withResolvers<void>();
    let heard: unknown;
    const hanging = {
      ...far,
      list: ({ signal }: { signal: AbortSignal }) =>
        new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject((heard = signal.reason)));
          begun.resolve();
        }),
    };
    const { agent, model } = agentOf(['Done.'], [hanging]);
    const store = newStore();
    const engine = newEngine([agent], { store });
    await engine.start('a', 'Go', { id: 'r' });
    const driving = engine.drive(keyOf('r'));
    await begun.promise;
    await engine.cancel(keyOf('r'), 'enough');

    expect(await driving).toMatchObject({ status: 'cancelled' });
    expect(heard).toMatchObject({ code: 'RUN_CANCELLED' });
    expect(model.requests).toEqual([]);
    expect(await listingsOf(store, 'r')).toEqual([]);
  });

  it('hears that its time is over', async () => {
    const far = testSource('far');
    let heard: unknown;
    const clock = fakeClock();
    const hanging = {
      ...far,
      list: ({ signal }: { signal: AbortSignal }) =>
        new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject((heard = signal.reason)));
        }),
    };
    const { agent } = agentOf(['Done.'], [hanging], { clock });

    await hurried(clock, newEngine([agent], { clock }).run('a', 'Go'));

    expect(heard).toMatchObject({ code: 'TIMED_OUT' });
  });

  it('is recorded once for one reason, however its words change', async () => {
    const far = testSource('far');
    far.listing = () => ({ tools: [], withheld: [{ code: 'FAR_DOWN', reason: `for ${far.asked} s` }] });
    const near = testSource('near', [listedTool('near')]);
    const { agent } = agentOf([call('near'), call('near'), 'Done.'], [far, near]);
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect((await listingsOf(store, 'r')).map((listings) => listings.map(({ source }) => source))).toEqual([
      ['far', 'near'],
      [],
      [],
    ]);
  });

  it('is recorded again for another reason', async () => {
    const far = testSource('far');
    far.listing = () => ({
      tools: [],
      withheld: [{ code: far.asked < 3 ? 'FAR_DOWN' : 'FAR_DENIED', reason: '401: Bearer abcdefghijklmnop' }],
    });
    const near = testSource('near', [listedTool('near')]);
    const { agent } = agentOf([call('near'), call('near'), 'Done.'], [far, near]);
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    const listings = await listingsOf(store, 'r');
    expect(listings.map((changed) => changed.map(({ withheld }) => withheld.map(({ code }) => code)))).toEqual([
      [['FAR_DOWN'], []],
      [],
      [['FAR_DENIED']],
    ]);
    expect(JSON.stringify(listings)).not.toContain('abcdefghijklmnop');
  });

  it.each([
    ['that is back in time lets the run go on', 2, { status: 'completed' }],
    [
      'that stays away fails the run with its code',
      9,
      { status: 'failed', error: { code: 'FAR_DOWN', retryable: true } },
    ],
  ])('ERR-1: one that is required and %s', async (_what, downFor, expected) => {
    const far = testSource('far');
    far.listing = () =>
      far.asked <= downFor
        ? { tools: [], withheld: [{ code: 'FAR_DOWN', reason: 'no answer' }] }
        : { tools: [listedTool('alpha')], withheld: [] };
    const clock = fakeClock();
    const { model, agent } = agentOf(['Done.'], [{ source: far, required: true }], { clock });

    expect(await hurried(clock, newEngine([agent], { clock }).run('a', 'Go'))).toMatchObject(expected);

    expect(far.asked).toBe(3);
    expect(model.requests.map(({ tools }) => namesIn(tools))).toEqual(downFor < 3 ? [['alpha']] : []);
  });

  it('that keeps back a tool by its name is not lacking, even if it is required', async () => {
    const far = testSource('far');
    far.listing = { tools: [], withheld: [{ tool: 'alpha', code: 'FAR_DENIED', reason: 'not allowed' }] };
    const { agent } = agentOf(['Done.'], [{ source: far, required: true }]);

    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({ status: 'completed' });
  });
});

describe('AGT-16, MCP-3: a tool that a source lists is withheld', () => {
  const withheldOf = async (listing: ToolListing, more: object = {}, ...others: ReturnType<typeof testSource>[]) => {
    const far = testSource('far');
    far.listing = listing;
    const { model, agent } = agentOf(['Done.'], [far, ...others], more);
    const store = newStore();
    expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });
    const listings = (await listingsOf(store, 'r'))[0] ?? [];
    return {
      offered: namesIn(model.requests[0]?.tools),
      withheld: listings.flatMap(({ withheld }) => withheld),
      listings,
    };
  };
  const plain = listedTool('alpha');

  it('where the agent, another source or itself has one of its name: nothing is shadowed', async () => {
    const { offered, withheld } = await withheldOf(
      { tools: [plain, listedTool('own'), { ...plain, description: 'Twice.' }], withheld: [] },
      { tools: [own] },
      testSource('near', [plain, listedTool('near')]),
    );

    expect(offered).toEqual(['own', 'alpha', 'near']);
    expect(withheld.map(({ tool, code }) => [tool, code])).toEqual([
      ['alpha', 'TOOL_NAME_TAKEN'],
      ['own', 'TOOL_NAME_TAKEN'],
      ['alpha', 'TOOL_NAME_TAKEN'],
    ]);
  });

  const WRONG: readonly (readonly [string, unknown])[] = [
    ['no tool', null],
    ['a name that providers refuse', { ...plain, name: 'a b' }],
    ['no name', { ...plain, name: undefined }],
    ['no description', { ...plain, description: undefined }],
    ['a schema of something else', { ...plain, inputSchema: { type: 'string' } }],
    ['no schema', { ...plain, inputSchema: undefined }],
    ['no hash', { ...plain, hash: '' }],
    ['another effect', { ...plain, effect: 'maybe' }],
    ['another approval', { ...plain, approval: 'policy' }],
    ['no time', { ...plain, timeoutMs: 0 }],
    ['no room for results', { ...plain, maxOutputBytes: Number.NaN }],
    ['a word for parallel', { ...plain, parallel: 'no' }],
    ['what no JSON can hold', { ...plain, inputSchema: { type: 'object', default: 1n } }],
  ];
  it.each(WRONG)('that has %s, and the others are offered', async (_what, tool) => {
    const { offered, withheld } = await withheldOf({
      tools: [tool as SourcedTool, listedTool('beta')],
      withheld: [],
    });

    expect(offered).toEqual(['beta']);
    expect(withheld).toMatchObject([{ code: 'TOOL_INVALID', reason: expect.any(String) }]);
  });

  it('for reasons that are none, and the others are offered', async () => {
    const { offered, withheld } = await withheldOf({
      tools: [plain],
      withheld: [null, 5, { code: 5, reason: Object.create(null) }, { tool: 'beta', code: 'FAR_DENIED', reason: 'no' }],
    } as unknown as ToolListing);

    expect(offered).toEqual(['alpha']);
    expect(withheld.map(({ tool, code }) => [tool, code])).toEqual([
      [undefined, 'TOOL_SOURCE_UNAVAILABLE'],
      [undefined, 'TOOL_SOURCE_UNAVAILABLE'],
      [undefined, 'TOOL_SOURCE_UNAVAILABLE'],
      ['beta', 'FAR_DENIED'],
    ]);
  });

  it('unread, where it is behind the most that one may have', async () => {
    let read = 0;
    const many = Array.from({ length: SOURCE_LIMITS.tools + 50 }, (_, n) => ({
      ...listedTool(`t${String(n).padStart(3, '0')}`),
      get description() {
        read += 1;
        return 'Counts.';
      },
    }));

    await withheldOf({ tools: many, withheld: [] });

    expect(read).toBe(SOURCE_LIMITS.tools);
  });

  it('behind the most that one may have, by number and by size', async () => {
    const many = Array.from({ length: SOURCE_LIMITS.tools + 2 }, (_, n) =>
      listedTool(`t${String(n).padStart(3, '0')}`),
    );
    const large = ['a', 'b', 'c'].map((name) =>
      listedTool(name, { description: 'x'.repeat(SOURCE_LIMITS.listingBytes * 0.4) }),
    );

    const [byNumber, bySize] = [
      await withheldOf({ tools: many, withheld: [] }),
      await withheldOf({ tools: large, withheld: [] }),
    ];

    expect(byNumber.offered).toEqual(many.slice(0, SOURCE_LIMITS.tools).map(({ name }) => name));
    expect(byNumber.withheld.map(({ tool, code }) => [tool, code])).toEqual([
      ['t256', 'TOOL_LISTING_TOO_LARGE'],
      ['t257', 'TOOL_LISTING_TOO_LARGE'],
    ]);
    expect(bySize.offered).toEqual(['a', 'b']);
    expect(bySize.withheld).toMatchObject([{ tool: 'c', code: 'TOOL_LISTING_TOO_LARGE' }]);
  });

  it('and what is told of it is bounded, too', async () => {
    const told = Array.from({ length: 150 }, (_, n) => ({
      tool: `t${n}`,
      code: 'FAR_DENIED',
      reason: 'x'.repeat(9_000),
    }));

    const { withheld } = await withheldOf({ tools: [], withheld: told });

    expect(withheld).toHaveLength(SOURCE_LIMITS.withheld + 1);
    expect(withheld.at(-1)).toMatchObject({ tool: 'and 50 more', code: 'TOOL_LISTING_TOO_LARGE' });
    expect(Math.max(...withheld.map(({ reason }) => reason.length))).toBeLessThan(700);
  });

  it('where the store has no room for the list', async () => {
    const inner = newStore();
    const full = { ...inner, putBlob: () => Promise.reject(new PrusikError('STORE_FULL', 'no room')) };
    const { model, agent } = agentOf(['Done.'], [testSource('far', [plain])]);

    expect(await newEngine([agent], { store: full }).run('a', 'Go', { id: 'r' })).toMatchObject({
      status: 'completed',
    });

    expect(namesIn(model.requests[0]?.tools)).toEqual([]);
    expect(await listingsOf(inner, 'r')).toMatchObject([[{ tools: [], withheld: [{ code: 'STORE_FULL' }] }]]);
  });
});

describe('AGT-11: a choice of tools', () => {
  it('is told what sources have, and hides what it does not name', async () => {
    const far = testSource('far', [listedTool('alpha'), listedTool('beta')]);
    const { model, agent } = agentOf([[call('beta', 'x', 'c1')], 'Done.'], [far], {
      tools: [own],
      activeTools: ({ listed }: { listed: readonly { name: string; source: string }[] }) => [
        'own',
        ...listed.filter(({ name, source }) => source === 'far' && name !== 'beta').map(({ name }) => name),
      ],
    });
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(namesIn(model.requests[0]?.tools)).toEqual(['own', 'alpha']);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { code: 'TOOL_NOT_OFFERED' } });
    expect(far.calls).toEqual([]);
  });
});

describe('DEF-1: sources that cannot work are refused where the agent is defined', () => {
  const far = testSource('far');
  const WRONG: readonly (readonly [string, unknown, RegExp])[] = [
    ['no list', far, /must be a list/],
    ['what is no source', [{ name: 'far' }], /no list\(\) or no call\(\)/],
    ['nothing', [null], /no list\(\) or no call\(\)/],
    ['one without a name', [{ ...far, name: '' }], /must have a name/],
    ['two of one name', [far, { source: testSource('far') }], /two of its sources are named far/],
    ['an option that is none', [{ source: far, optional: true }], /has no option optional/],
    ['too many', Array.from({ length: 17 }, (_, n) => testSource(`s${n}`)), /17 sources; 16 are the most/],
  ];
  it.each(WRONG)('%s', (_what, sources, message) => {
    expect(() => agentOf([], sources as never)).toThrow(message);
  });

  it('and what was given stands at the definition', () => {
    const { agent } = agentOf([], [far, { source: testSource('near'), required: true }]);

    expect(agent.sources.map(({ source, required }) => [source.name, required])).toEqual([
      ['far', false],
      ['near', true],
    ]);
  });
});
