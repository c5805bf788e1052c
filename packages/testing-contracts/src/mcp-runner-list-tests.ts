import assert from 'node:assert/strict';
import { isPrusikError, type ToolListing } from '@prusik/core';
import type { McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';

const namesOfBad = ({ tools }: ToolListing): readonly string[] =>
  tools.map(({ name }) => name).filter((name) => name.startsWith('bad_'));
const codes = ({ withheld }: ToolListing): readonly string[] => [...new Set(withheld.map(({ code }) => code))];

/** Hidden characters and such as move the cursor; the newline and the tab are text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;
const unseen = (text: string): readonly string[] =>
  (text.match(UNSEEN) ?? []).filter((one) => one !== '\n' && one !== '\t');

/** After one call the tool is another: it is withheld, and who would call the one that was approved is refused. */
async function noticesChange(bed: McpRunnerTestBed): Promise<void> {
  const before = await bed.list();
  const approved = before.tools.find(({ name }) => name === 'bad_act');
  assert.ok(approved);
  await bed.call('act', 'before', { tool: approved });

  const after = await listUntil(bed, (listing) => listing.withheld.length > 0);

  assert.deepEqual(namesOfBad(after), ['bad_echo']);
  assert.deepEqual(codes(after), ['MCP_TOOL_CHANGED']);
  const thrown: unknown = await bed.call('act', 'after', { tool: approved }).catch((error: unknown) => error);
  assert.ok(isPrusikError(thrown, 'MCP_TOOL_CHANGED'), String(thrown));
  assert.deepEqual(bed.effects(), ['before']);
}

/** A server says when it likes that its tools are others; each list is a message after which it may have. */
async function listUntil(bed: McpRunnerTestBed, fits: (listing: ToolListing) => boolean): Promise<ToolListing> {
  for (;;) {
    const listing = await bed.list();
    if (fits(listing)) return listing;
    await bed.call('echo', 'turn');
  }
}

/** How tools are listed. */
export const MCP_LIST_TESTS: readonly McpRunnerTest[] = [
  {
    title:
      'MCP-3: a tool whose description changes is withheld with MCP_TOOL_CHANGED, and a call of the one before is refused',
    kind: 'changed-description',
    withinMs: 8_000,
    run: noticesChange,
  },
  {
    title:
      'MCP-3: a tool of a server of 2025-11-25 whose description changes is withheld with MCP_TOOL_CHANGED, and a call of the one before is refused',
    kind: 'changed-description',
    withinMs: 8_000,
    speaks: '2025-11-25',
    run: noticesChange,
  },
  {
    title:
      'MCP-3: a tool whose schema changes is withheld with MCP_TOOL_CHANGED, and a call of the one before is refused',
    kind: 'changed-schema',
    withinMs: 8_000,
    run: noticesChange,
  },
  {
    title: 'MCP-3: of tools of one name none is offered, and the others are',
    kind: 'duplicate-names',
    async run(bed) {
      const listing = await bed.list();

      assert.deepEqual(namesOfBad(listing), ['bad_echo']);
      assert.deepEqual(codes(listing), ['MCP_TOOL_REFUSED']);
    },
  },
  {
    title: 'MCP-3: every name that is offered is one that models take, and no two are the same',
    kind: 'impossible-names',
    async run(bed) {
      const listing = await bed.list();
      const names = namesOfBad(listing);

      assert.ok(names.includes('bad_echo'));
      for (const name of names) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
      assert.deepEqual([...new Set(names)].toSorted(), names.toSorted());
      assert.deepEqual(codes(listing), ['MCP_TOOL_REFUSED']);
      for (const tool of listing.tools.filter(({ name }) => name.startsWith('bad_')))
        assert.deepEqual(await bed.call('echo', tool.name, { tool }), { type: 'outcome', parts: [tool.name] });
    },
  },
  {
    title: 'MCP-3: of thousands of tools as many are offered as `tools` says, and it is told that there are more',
    kind: 'thousands-of-tools',
    limits: { messageBytes: 4 * 1024 * 1024 },
    async run(bed) {
      const listing = await bed.list();

      assert.ok(namesOfBad(listing).length <= bed.limits.tools);
      assert.deepEqual(codes(listing), ['MCP_LIST_TOO_LARGE']);
      assert.ok(listing.withheld.length <= 100, `${listing.withheld.length} are told one by one`);
    },
  },
  {
    title: 'MCP-3: a list without an end is left at `pages`, with MCP_LIST_TOO_LARGE',
    kind: 'endless-pages',
    async run(bed) {
      const listing = await bed.list();

      assert.deepEqual(namesOfBad(listing), []);
      assert.deepEqual(codes(listing), ['MCP_LIST_TOO_LARGE']);
    },
  },
  {
    title: 'MCP-3: a list that begins again is left, with MCP_PROTOCOL_ERROR',
    kind: 'repeating-cursor',
    async run(bed) {
      const listing = await bed.list();

      assert.deepEqual(namesOfBad(listing), []);
      assert.deepEqual(codes(listing), ['MCP_PROTOCOL_ERROR']);
    },
  },
  {
    title: 'MCP-3: a list that is none costs the tools of its server, with MCP_PROTOCOL_ERROR',
    kind: 'wrong-list',
    async run(bed) {
      const listing = await bed.list();

      assert.deepEqual(namesOfBad(listing), []);
      assert.deepEqual(codes(listing), ['MCP_PROTOCOL_ERROR']);
    },
  },
  {
    title: 'MCP-3: a definition that is none costs its tool, with MCP_TOOL_REFUSED, and the others are offered',
    kind: 'wrong-tools',
    async run(bed) {
      const listing = await bed.list();

      assert.ok(namesOfBad(listing).includes('bad_echo'));
      for (const refused of ['no-schema', 'text-schema', 'array-schema', 'wrong-description'])
        assert.ok(!namesOfBad(listing).includes(`bad_${refused}`), `${refused} is offered`);
      assert.deepEqual(codes(listing), ['MCP_TOOL_REFUSED']);
    },
  },
  {
    title:
      'MCP-3: a schema that refers to elsewhere, is too deep or too large costs its tool, and nobody waits for a schema to be understood',
    kind: 'hostile-schemas',
    limits: { messageBytes: 4 * 1024 * 1024 },
    async run(bed) {
      let last = performance.now();
      let longest = 0;
      const watch = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 10);
      try {
        const listing = await bed.list();

        const names = namesOfBad(listing);
        assert.ok(names.includes('bad_echo'));
        for (const refused of ['remote-ref', 'file-ref', 'deep-schema', 'many-properties'])
          assert.ok(!names.includes(`bad_${refused}`), `${refused} is offered`);
        assert.deepEqual(codes(listing), ['MCP_TOOL_REFUSED']);
        for (const tool of listing.tools.filter(({ name }) => name.startsWith('bad_')))
          await bed
            .call('echo', `${'a'.repeat(40)}!`, { tool })
            .catch((error: unknown) => assert.ok(isPrusikError(error), String(error)));
      } finally {
        clearInterval(watch);
      }
      assert.ok(longest < 2_000, `Nothing else could be done for ${longest} ms`);
    },
  },
  {
    title: 'MCP-3: characters that a person does not see reach neither the model nor a person',
    kind: 'hidden-characters',
    async run(bed) {
      const { tools } = await bed.list();
      const act = tools.find(({ name }) => name === 'bad_act');
      assert.ok(act);
      const result = await bed.call('act', 'one', { tool: act });

      assert.deepEqual(unseen(act.description), []);
      assert.ok(result.type === 'outcome');
      assert.match(String(result.parts[0]), /^done/);
      assert.deepEqual(unseen(result.parts.join('')), []);
    },
  },
];
