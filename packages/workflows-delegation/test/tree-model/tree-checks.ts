import { addAmounts, NO_AMOUNT, type Amount, type Budget, type Run, type StepEnd, type StepPause } from '@prusik/core';
import { inspectStore } from '@prusik/testing-contracts';
import { expectationsOf, ledgerOf, NOT_STARTED } from './reference-model.ts';
import type { TreeLife } from './tree-life.ts';
import { endOf, playedOf, type Played } from './tree-record.ts';
import { wrongReplays } from './tree-replay.ts';
import { childrenOfNode, nodesOf, type NodeSpec, type TreeSpec } from './tree-spec.ts';

/** Everything that is wrong with how a tree has ended. */
export async function wrongWith(tree: TreeSpec, life: TreeLife): Promise<readonly string[]> {
  const played = await playedOf(tree, life);
  const { violations } = await inspectStore(life.store, { lines: life.lines });
  return [
    ...life.wrong,
    ...violations.map(({ rule, run, message }) => `${rule}: ${nameOf(played, run)}: ${message}`),
    ...wrongEnds(tree, life, played),
    ...played.flatMap((one) => wrongChildren(life, played, one).map((what) => `${one.node.name} ${what}`)),
    ...played.flatMap((one) => wrongJournal(one).map((what) => `${one.node.name} ${what}`)),
    ...(await wrongReplays(tree, life, played)),
    ...played.flatMap((one) => wrongLedger(played, one).map((what) => `the ledger of ${one.node.name} ${what}`)),
  ];
}

const nameOf = (played: readonly Played[], id: string): string =>
  played.find(({ run }) => run.key.run === id)?.node.name ?? id;

function wrongEnds(tree: TreeSpec, { heard, ended }: TreeLife, played: readonly Played[]): readonly string[] {
  const expected = expectationsOf(tree);
  const wrong: string[] = [];
  for (const name of nodesOf(tree.root).map((node) => node.name)) {
    const its = played.filter(({ node }) => node.name === name);
    if (its.length > 1) wrong.push(`${name} has ${its.length} runs`);
    const expectation = expected.get(name);
    for (const { node, run, entries } of its) {
      const { run: id } = run.key;
      if (expectation === undefined) {
        wrong.push(`${name} was started, and nobody may have called it`);
        continue;
      }
      const end = endOf(run);
      if (!expectation.ends.has(end))
        wrong.push(`${name} ended as ${end}, and not as ${[...expectation.ends].join(' or ')}`);
      if (ended.filter((one) => one === id).length !== 1) wrong.push(`${name} ended not once`);
      const told = heard.get(id) ?? [];
      const keys = told.map((what) => what.split(' ')[0] ?? '');
      if (new Set(keys).size !== keys.length) wrong.push(`${name} was told twice: ${told.join(', ')}`);
      for (const what of told) {
        const [key = '', ...rest] = what.split(' ');
        const may = expectation.hears.get(key);
        if (may?.has(rest.join(' ')) !== true)
          wrong.push(`${name} was told ${JSON.stringify(what)}, and not one of ${[...(may ?? [])].join(', ')}`);
      }
      // Its function came to its end, so it has made all of its calls; what was made when its time was up is not begun.
      const isTimedOut = entries.some(({ type }) => type === 'run-deadline');
      if (isTimedOut || !['completed', 'partial'].includes(end)) continue;
      for (const child of childrenOfNode(node)) {
        const may = [...(expectation.hears.get(child.name) ?? [])];
        const lanes = node.works.some((work) => 'lanes' in work && work.children.includes(child));
        const isThere = played.some((one) => one.node.name === child.name);
        if (!isThere && !lanes && !may.some((word) => NOT_STARTED.test(word)))
          wrong.push(`${name} has never started ${child.name}`);
      }
    }
  }
  return wrong;
}

function wrongChildren(
  { ended }: TreeLife,
  played: readonly Played[],
  { node, run, entries }: Played,
): readonly string[] {
  const wrong: string[] = [];
  const its = played.filter(({ run: child }) => child.parent?.run === run.key.run);
  const orderOf = (one: Run): number => ended.indexOf(one.key.run);
  let beside = 0;
  let most = 0;
  for (const entry of entries) {
    if (entry.type === 'wait-start' && entry.kind === 'child') most = Math.max(most, (beside += 1));
    if (entry.type !== 'wait-end' || entry.kind !== 'child') continue;
    if (entries.some((start) => start.type === 'wait-start' && start.key === entry.key)) beside -= 1;
    const child = its.find(({ run: one }) => one.parent?.key === entry.key);
    if (child === undefined) {
      if (entry.outcome.ok) wrong.push(`heard of ${entry.key}, which it has not`);
      continue;
    }
    const { status } = child.run;
    const { outcome } = entry;
    const same = outcome.ok
      ? status === 'completed' && JSON.stringify(outcome.value) === JSON.stringify(child.run.output)
      : status === 'cancelled'
        ? outcome.error.code === 'CHILD_CANCELLED'
        : status === 'completed'
          ? outcome.error.code === 'CHILD_RESULT_TOO_LARGE'
          : status === 'failed';
    if (!same) wrong.push(`was told of ${entry.key} ${JSON.stringify(outcome)}, which is ${status}`);
  }
  const { calls = Infinity, parallel = Infinity, depth = 1 } = node.policy ?? {};
  if (most > parallel) wrong.push(`had ${most} children at once of at most ${parallel}`);
  if (its.length > calls) wrong.push(`has ${its.length} children of at most ${calls}`);
  const below = treeOf(played, run.key.run).filter(({ run: one }) => one !== run);
  if (depth > 1 && below.length > calls) wrong.push(`has ${below.length} runs below it of at most ${calls}`);
  if (node.kind === 'workflow' && below.some(({ run: one }) => one.depth > run.depth + depth))
    wrong.push(`goes more than ${depth} levels down`);
  const { levels = Infinity, deadlineAt = Infinity } = run.rights ?? {};
  for (const child of its) {
    const { rights } = child.run;
    if (levels < Infinity && (rights?.levels ?? Infinity) >= levels)
      wrong.push(`gives ${child.node.name} more levels than it has`);
    if ((rights?.deadlineAt ?? Infinity) > deadlineAt) wrong.push(`gives ${child.node.name} more time than it has`);
    const isLeft = entries.some(
      (entry) => entry.type === 'wait-start' && entry.key === child.node.name && entry.onParentEnd === 'leave',
    );
    if (
      isLeft !== node.works.some((work) => work.does === 'call' && work.child === child.node && work.how === 'leaves')
    )
      wrong.push(`has ${child.node.name} on record as ${isLeft ? '' : 'not '}left`);
    if (!isLeft && orderOf(child.run) > orderOf(run)) wrong.push(`ended before ${child.node.name}`);
  }
  return wrong;
}

function wrongJournal({ run, entries }: Played): readonly string[] {
  const over = entries.findIndex(({ type }) => type === 'run-cancel' || type === 'run-deadline');
  const wrong: string[] = [];
  if (run.status === 'cancelled' && !entries.some(({ type }) => type === 'run-cancel'))
    wrong.push('was cancelled by nobody');
  if (over < 0) return wrong;
  for (const entry of entries.slice(over))
    if (entry.type === 'step-intent') wrong.push(`began ${entry.key} after its end`);
  return wrong;
}

/** What each ledger has to say, entry by entry: what was told is used, what was reserved and never told is charged in full. */
function wrongLedger(played: readonly Played[], { node, run, ledger }: Played): readonly string[] {
  const limits = ledgerOf(node);
  if ((limits === undefined) !== (ledger === undefined))
    return [limits === undefined ? 'is one of nothing' : 'is missing'];
  if (ledger === undefined || limits === undefined) return [];
  const below = treeOf(played, run.key.run);
  const spent = below
    .map(spentIn)
    .reduce<Spending>((sum, some) => ({ used: addAmounts(sum.used, some.used), over: sum.over + some.over }), {
      used: { ...NO_AMOUNT, runs: below.length - 1 },
      over: 0,
    });
  const wrong: string[] = [];
  for (const dimension of ['calls', 'tokens', 'runs'] as const) {
    if (ledger.limits[dimension] !== limits[dimension])
      wrong.push(`limits ${dimension} to ${ledger.limits[dimension]}, not ${limits[dimension]}`);
    if (ledger.used[dimension] !== spent.used[dimension])
      wrong.push(`has ${ledger.used[dimension]} ${dimension}, and ${spent.used[dimension]} were used`);
    if (ledger.reserved[dimension] !== 0) wrong.push(`still holds ${ledger.reserved[dimension]} ${dimension}`);
    const most = (limits[dimension] ?? Infinity) + (dimension === 'tokens' ? spent.over : 0);
    if (ledger.used[dimension] > most) wrong.push(`has ${ledger.used[dimension]} ${dimension} of at most ${most}`);
  }
  return wrong;
}

interface Spending {
  readonly used: Required<Budget>;
  /** Tokens that calls said they used beyond what they had reserved. */
  readonly over: number;
}

function spentIn({ node, entries }: Played): Spending {
  let used: Required<Budget> = NO_AMOUNT;
  let over = 0;
  const open = new Map<string, Budget>();
  for (const entry of entries) {
    if (entry.type === 'step-intent') {
      // The one before it was lost.
      used = addAmounts(used, open.get(entry.key) ?? {});
      if (entry.reserved === undefined) open.delete(entry.key);
      else open.set(entry.key, entry.reserved);
    }
    if (entry.type !== 'step-end' && entry.type !== 'step-pause') continue;
    if (entry.type === 'step-pause' && entry.error.code === 'RUN_RELEASED') {
      // It was not begun when its run was given back.
      open.delete(entry.key);
      continue;
    }
    const reserved = open.get(entry.key) ?? unlimited(node, entry);
    const told =
      entry.usage === undefined ? undefined : (entry.usage.inputTokens ?? 0) + (entry.usage.outputTokens ?? 0);
    open.delete(entry.key);
    const tokens = told ?? reserved?.tokens ?? 0;
    over += Math.max(0, tokens - (reserved?.tokens ?? 0));
    used = addAmounts(used, { calls: reserved?.calls ?? 0, tokens });
  }
  return { used, over };
}

/** Where nobody limits what it uses it reserves nothing, and is charged as if it had. */
function unlimited({ works }: NodeSpec, entry: StepEnd | StepPause): Amount {
  const work = works[Number(entry.key)];
  const isRefused =
    entry.type === 'step-pause' || (!entry.outcome.ok && entry.outcome.error.code.startsWith('BUDGET_'));
  return work?.does === 'model' && !isRefused ? (work.reserve ?? {}) : {};
}

function treeOf(played: readonly Played[], top: string): readonly Played[] {
  const inside = new Set([top]);
  for (let before = 0; before < inside.size;) {
    before = inside.size;
    for (const { run } of played) if (run.parent !== undefined && inside.has(run.parent.run)) inside.add(run.key.run);
  }
  return played.filter(({ run }) => inside.has(run.key.run));
}
