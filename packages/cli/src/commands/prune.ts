import { FINAL_STATUSES, type FinalStatus } from '@prusik/core';
import { planRetention, prune as letGo, type RetentionPolicy, type RetentionRule } from '@prusik/records';
import type { Call, Command, Option } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { timeText } from '../tell.ts';
import { numberOf, sizeOf, spanOf, usage, wordsOf } from '../values.ts';

/** Trees of a plan that are shown to a person; a program gets all. */
const SHOWN = 200;

const limitsOf = (part: string, what: string): Readonly<Record<string, Option>> => ({
  [`${part}-age`]: { type: 'string', value: 'TIME', help: `${what} of runs that ended longer ago: 30d, 12h` },
  [`${part}-count`]: {
    type: 'string',
    value: 'N',
    help: `${what} of all but the last N runs to end, with their trees`,
  },
  [`${part}-size`]: { type: 'string', value: 'SIZE', help: `${what} past so much, longest ended first: 500MiB, 2GiB` },
});

export const prune: Command = {
  summary: 'Let go of what has ended, by age, number and size',
  operands: [],
  options: {
    ...limitsOf('records', 'everything'),
    ...limitsOf('resume', 'journals and messages (results and decisions stay)'),
    'sessions-age': { type: 'string', value: 'TIME', help: 'closed sessions whose last run ended longer ago' },
    definition: { type: 'string', value: 'NAME', help: 'only runs of this definition' },
    status: { type: 'string', multiple: true, value: 'STATUS', help: `only ${FINAL_STATUSES.join(', ')} ones` },
    'dry-run': { type: 'boolean', help: 'say what would go, and why; nothing goes' },
  },
  notes: [
    'Runs that are live, and open sessions, are never touched. Workers may be at work. Stopped in the middle it has let go less.',
    'Blobs that nobody uses any more go with it, an hour after they were put. Workspaces are their sandbox’s: prune() of @prusik/records takes them.',
  ],
  async run(call) {
    const policy = policyOf(call);
    const { io, tell, open, values } = call;
    const { store } = open();
    if (values.has('dry-run')) return plan(call, policy);
    const done = await letGo(store, policy, { signal: io.signal });
    const { removed, compacted, blobs } = done;
    tell.thing('prune', done, [
      `Removed ${removed.runs} runs, ${removed.sessions} sessions, ${removed.entries} entries, ${removed.messages} messages`,
      `Compacted ${compacted.runs} runs, ${compacted.entries} entries`,
      `Swept ${blobs.blobs} blobs`,
    ]);
    return EXIT.ok;
  },
};

async function plan({ io, tell, open }: Call, policy: RetentionPolicy): Promise<typeof EXIT.ok> {
  let trees = 0;
  for await (const page of planRetention(open().store, policy, { signal: io.signal })) {
    for (const { root, definition, status, endedAt, because } of page.trees) {
      trees += 1;
      if (tell.json || trees <= SHOWN)
        tell.thing(
          'tree',
          { of: page.of, session: page.session, run: root.run, definition, status, endedAt, because },
          [`${page.of}  ${root.run}  ${definition}  ${status}  ${timeText(endedAt)}  ${because}`],
        );
    }
    await tell.drained(io.signal);
  }
  if (trees > SHOWN) tell.hint(`and ${trees - SHOWN} more`);
  tell.thing('plan', { trees }, [`Trees of runs that would go: ${trees}. Nothing was changed.`]);
  return EXIT.ok;
}

function policyOf(call: Pick<Call, 'values' | 'tenant'>): RetentionPolicy {
  const { values, tenant } = call;
  const [records, resume] = [ruleOf(call, 'records'), ruleOf(call, 'resume')];
  const sessionsAge = spanOf(values, 'sessions-age');
  if (records === undefined && resume === undefined && sessionsAge === undefined)
    throw usage('prusik prune needs a limit, such as --records-age 90d; see prusik prune --help');
  for (const filter of ['definition', 'status'])
    if (sessionsAge !== undefined && (values.text(filter) !== undefined || values.texts(filter).length > 0))
      throw usage(`--${filter} narrows no sessions: call prusik prune once for each`);
  return {
    ...(records === undefined ? {} : { records: [records] }),
    ...(resume === undefined ? {} : { resume: [resume] }),
    ...(sessionsAge === undefined ? {} : { sessions: [{ tenant, maxAgeMs: sessionsAge }] }),
  };
}

function ruleOf({ values, tenant }: Pick<Call, 'values' | 'tenant'>, part: string): RetentionRule | undefined {
  const maxAgeMs = spanOf(values, `${part}-age`);
  const maxCount = numberOf(values, `${part}-count`);
  const maxBytes = sizeOf(values, `${part}-size`);
  if (maxAgeMs === undefined && maxCount === undefined && maxBytes === undefined) return undefined;
  const definition = values.text('definition');
  const status = wordsOf<FinalStatus>(values, 'status', FINAL_STATUSES as readonly FinalStatus[]);
  return {
    tenant,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(definition === undefined ? {} : { definition }),
    ...(status === undefined ? {} : { status }),
  };
}
