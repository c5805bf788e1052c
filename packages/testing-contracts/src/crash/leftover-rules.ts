import { isFinal, reconcile, type Message } from '@prusik/core';
import { BUDGET_RULE } from './budget-rule.ts';
import { perRun, type Found, type Rule } from './rule.ts';

/** What must be settled, free and gone when every run has ended. */
export const LEFTOVER_RULES: readonly Rule[] = [
  perRun('not-ended', function* ({ run }) {
    if (!isFinal(run.status) && run.status !== 'running')
      yield `it is ${run.status}${run.blocked === undefined ? '' : ` with ${run.blocked.code}`}`;
  }),
  perRun('lease-left', function* ({ run }) {
    if (run.status === 'running') yield 'somebody holds it who is gone';
  }),
  {
    name: 'request-left',
    *broken({ runs, openRequests }) {
      const ended = new Set(runs.filter(({ run }) => isFinal(run.status)).map(({ run }) => run.key.run));
      for (const { run, id } of openRequests)
        if (ended.has(run.run)) yield { run: run.run, message: `request ${id} is open, and its run has ended` };
    },
  },
  BUDGET_RULE,
  {
    name: 'thread-broken',
    *broken(found) {
      for (const { key, messages, session } of found.threads) {
        const run = key.id;
        const isHidden = (n: number): boolean => session?.cuts.some(({ from, to }) => from <= n && n <= to) ?? false;
        const gap = messages.findIndex(({ n }, index) => {
          let next = (messages[index - 1]?.n ?? n - 1) + 1;
          while (next < n && isHidden(next)) next += 1;
          return next !== n;
        });
        if (gap >= 0) yield { run, message: 'its thread has a gap' };
        const plain = messages.map(({ message }) => message);
        if (!isConversation(plain)) yield { run, message: 'its thread is no valid conversation' };
        const owned = rangesOf(found, key.of, key.id);
        if (new Set(owned).size !== owned.length) yield { run, message: 'two entries name the same message' };
        if (owned.some((n) => n > (messages.at(-1)?.n ?? 0) && !isHidden(n)))
          yield { run, message: 'an entry names a message that is not there' };
      }
    },
  },
  {
    name: 'session-held',
    *broken({ threads }) {
      for (const { session } of threads) {
        if (session === undefined) continue;
        const run = session.key.session;
        if (session.activeRun !== undefined) yield { run, message: `the session is held by ${session.activeRun}` };
        if (session.queue.length > 0) yield { run, message: `${session.queue.join(', ')} stand in its queue` };
      }
    },
  },
];

/** Results stand as they came; whoever is shown them gets them in the order of their calls. */
function isConversation(messages: readonly Message[]): boolean {
  const told = reconcile(messages);
  const texts = (list: readonly Message[]): string => JSON.stringify(list.map((one) => JSON.stringify(one)).toSorted());
  return told === messages || texts(told) === texts(messages);
}

/** Numbers of the messages that the entries of a thread's runs name. */
function rangesOf({ runs }: Found, of: 'run' | 'session', id: string): readonly number[] {
  return runs
    .filter(({ run }) => (of === 'session' ? run.session === id : run.session === undefined && run.key.run === id))
    .flatMap(({ entries }) =>
      entries.flatMap((entry) =>
        (entry.type === 'step-end' || entry.type === 'run-start') && entry.messages !== undefined
          ? Array.from({ length: entry.messages.count }, (_, index) => (entry.messages?.from ?? 0) + index)
          : [],
      ),
    );
}
