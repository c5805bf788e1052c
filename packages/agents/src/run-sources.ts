import {
  canonicalJson,
  hashJson,
  isPrusikError,
  PrusikError,
  type DurableContext,
  type SourcedTool,
  type StepScope,
  type ToolListing,
} from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { AgentSource } from './agent-source.ts';
import { checkListing } from './check-listing.ts';
import { shownAs, shownChars } from './model-facing.ts';
import { isSameListing, NO_LISTINGS, type RecordedListing } from './recorded-listing.ts';
import { describeError } from './redact.ts';
import { SOURCE_LIMITS } from './source-limits.ts';
import { sourcedTool } from './sourced-tool.ts';
import { within } from './within.ts';

/** The sources of an agent in one drive of a run. */
export interface RunSources {
  /**
   * Asks each source what it has now, in the body of a step, and gives the listings that are not as `known` has them; the step keeps what they name.
   *
   * @throws {PrusikError} with the code of what a source that is required keeps back.
   */
  list(
    known: readonly RecordedListing[],
    step: Pick<StepScope, 'signal' | 'putBlob' | 'keepBlob'>,
  ): Promise<readonly RecordedListing[]>;
  /** The agent with what these listings add to it. Sources are not asked: what is recorded is read. */
  agentWith(listings: readonly RecordedListing[]): AgentCore | Promise<AgentCore>;
}

/** What cannot be recorded for good is not offered: a replay could not go on from it. */
const NO_ROOM: ReadonlySet<string> = new Set(['BLOB_TOO_LARGE', 'STORE_FULL']);

export function runSources(agent: AgentCore, ctx: DurableContext): RunSources {
  const { sources, clock } = agent;
  /** By the blobs that hold them. */
  const tools = new Map<string, readonly SourcedTool[]>();
  let made: { readonly of: readonly RecordedListing[]; readonly agent: AgentCore } | undefined;

  async function ask({ source }: AgentSource, signal: AbortSignal): Promise<ToolListing> {
    const late = new AbortController();
    try {
      const scope = { run: ctx.run, signal: AbortSignal.any([signal, late.signal]) };
      return await within(clock, SOURCE_LIMITS.listMs, async () => source.list(scope));
    } catch (cause) {
      signal.throwIfAborted();
      late.abort(cause);
      return unavailable(describeError(cause));
    }
  }

  function checked(given: ToolListing, taken: ReadonlySet<string>): ToolListing {
    try {
      return checkListing(given, taken);
    } catch (error) {
      return unavailable(describeError(error));
    }
  }

  async function record(
    source: string,
    listing: ToolListing,
    known: RecordedListing | undefined,
    step: Pick<StepScope, 'putBlob' | 'keepBlob'>,
  ): Promise<RecordedListing> {
    const { withheld } = listing;
    if (listing.tools.length === 0) return { source, tools: [], chars: 0, withheld };
    const blob = hashJson(listing.tools);
    try {
      if (blob !== known?.blob) step.keepBlob((await step.putBlob(Buffer.from(canonicalJson(listing.tools)))).hash);
    } catch (error) {
      if (!isPrusikError(error) || !NO_ROOM.has(error.code)) throw error;
      return { source, tools: [], chars: 0, withheld: [{ code: error.code, reason: describeError(error) }] };
    }
    tools.set(blob, listing.tools);
    return {
      source,
      tools: listing.tools.map(({ name }) => name),
      blob,
      chars: shownChars(listing.tools.map(({ description, inputSchema }) => [description, inputSchema])),
      withheld,
    };
  }

  async function toolsIn(blob: string): Promise<readonly SourcedTool[]> {
    const have = tools.get(blob);
    if (have !== undefined) return have;
    const read = JSON.parse(Buffer.from(await ctx.readBlob(blob)).toString()) as readonly SourcedTool[];
    tools.set(blob, read);
    return read;
  }

  async function withListed(listings: readonly RecordedListing[]): Promise<AgentCore> {
    const all = new Map(agent.tools);
    // In the order of the definition, whatever was recorded first: equal listings are equal prompts.
    for (const { source } of sources) {
      const blob = listings.find((listing) => listing.source === source.name)?.blob;
      if (blob === undefined) continue;
      for (const tool of await toolsIn(blob))
        if (!agent.taken.has(tool.name) && !all.has(tool.name)) all.set(tool.name, sourcedTool(source, tool));
    }
    const named = new Set(listings.map(({ blob }) => blob));
    for (const blob of tools.keys()) if (!named.has(blob)) tools.delete(blob);
    const listed = [...all.values()].filter(({ source }) => source !== undefined);
    const offers = { names: new Set(all.keys()), shown: [...agent.offers.shown, ...listed.map(shownAs)] };
    made = { of: listings, agent: { ...agent, tools: all, offers } };
    return made.agent;
  }

  return {
    async list(known, step) {
      if (sources.length === 0) return NO_LISTINGS;
      const asked = await Promise.all(sources.map(async (one) => ({ ...one, given: await ask(one, step.signal) })));
      const taken = new Set(agent.taken);
      const changed: RecordedListing[] = [];
      for (const { source, required, given } of asked) {
        const before = known.find((listing) => listing.source === source.name);
        const listing = checked(given, taken);
        const recorded = await record(source.name, listing, before, step);
        if (required) failWithout(recorded);
        for (const name of recorded.tools) taken.add(name);
        if (before === undefined || !isSameListing(before, recorded)) changed.push(recorded);
      }
      return changed;
    },
    agentWith(listings) {
      if (listings.length === 0) return agent;
      if (made?.of === listings) return made.agent;
      return withListed(listings);
    },
  };
}

const unavailable = (why: string): ToolListing => ({
  tools: [],
  withheld: [{ code: 'TOOL_SOURCE_UNAVAILABLE', reason: `It could not be listed: ${why}` }],
});

function failWithout({ source, withheld }: RecordedListing): void {
  const lacking = withheld.find(({ tool }) => tool === undefined);
  if (lacking === undefined) return;
  throw new PrusikError(lacking.code, `The tools of ${source}, which the agent needs: ${lacking.reason}`, {
    retryable: true,
    meta: { source },
  });
}
