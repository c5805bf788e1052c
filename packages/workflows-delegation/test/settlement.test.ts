import { describe, expect, it } from 'vitest';
import {
  CHILD_ENDS,
  CHILDREN,
  INSTANTS,
  OWNER_ENDS,
  OWNERS,
  settle,
  type Ordering,
  type Settlement,
} from './settlement-scene.ts';
import { everyFor, STORAGES } from './storages.ts';

const orderings = OWNERS.flatMap((owner) =>
  CHILDREN.flatMap((child) =>
    OWNER_ENDS.flatMap((ownerEnd) =>
      CHILD_ENDS.flatMap((childEnd) =>
        INSTANTS.map((instant): Ordering => ({ owner, child, ownerEnd, childEnd, instant })),
      ),
    ),
  ),
);
const leaving = orderings.filter(({ instant }) => instant === 'after').map((one) => ({ ...one, left: true }) as const);
const named = orderings.map((one) => [`${one.owner} with a ${one.child} child`, one] as const);

const OWNER_STATUS = {
  returns: 'completed',
  throws: 'failed',
  'is cancelled': 'cancelled',
  'times out': 'failed',
} as const;
const CHILD_STATUS = {
  completes: 'completed',
  fails: 'failed',
  'is cancelled': 'cancelled',
  'times out': 'failed',
  blocks: 'failed',
} as const;
const HEARD = {
  completes: 'completed',
  fails: 'CHILD_BROKE',
  'is cancelled': 'CHILD_CANCELLED',
  'times out': 'RUN_DEADLINE',
  blocks: 'STEP_IN_DOUBT',
} as const;

/**
 * The rule: an owner ends as its function did, whatever its children do. A child ends as it does by itself, as long as its owner has not
 * thrown and is not cancelled; from then on it is cancelled, and so is one that is blocked: no person has to decide for nobody. The owner's
 * journal has every end of a child, but for those that it learns of when it is cancelled.
 */
function expected({ ownerEnd, childEnd, instant }: Ordering): Record<string, unknown> {
  const stops = ownerEnd !== 'returns' && (instant === 'after' || childEnd === 'blocks');
  const how = stops ? 'is cancelled' : childEnd;
  const hears = ownerEnd !== 'is cancelled' || (instant === 'before' && !stops);
  return {
    owner: OWNER_STATUS[ownerEnd],
    child: CHILD_STATUS[how],
    heard: hears ? HEARD[how] : undefined,
    order: ['child', 'owner'],
    violations: [],
    late: 0,
  };
}

/** What the table compares of what came of an ordering. */
function summary({ owner, child, heard, order, inspection, late }: Settlement): Record<string, unknown> {
  const violations = inspection.violations.map(({ rule, message }) => `${rule}: ${message}`);
  const names = order.map((run) => (run === owner.key.run ? 'owner' : 'child'));
  return { owner: owner.status, child: child.status, heard, order: names, violations, late };
}

describe.each(named)('a %s', (_, ordering) => {
  const { ownerEnd, childEnd, instant } = ordering;

  it(`WFL-7, DUR-14: ${ownerEnd}, and the child ${childEnd} ${instant}: one end each, the child's first, as the rule says`, async () => {
    expect(summary(await settle(ordering, STORAGES['memory']!(), undefined))).toEqual(expected(ordering));
  });

  it(`WFL-7, DUR-2, DUR-12: ${ownerEnd}, and the child ${childEnd} ${instant}: the same whichever commit a process is stopped before, and it writes nothing when it goes on`, async () => {
    for (let stopAt = 1; ; stopAt += 1) {
      const found = await settle(ordering, STORAGES['memory']!(), stopAt);
      if (!found.stopped) break;
      expect(summary(found), `stopped before commit ${stopAt}`).toEqual(expected(ordering));
    }
  });
});

/** Neither waits for the other, and nobody is told. */
const expectedOfLeft = ({ ownerEnd, childEnd }: Ordering): Record<string, unknown> => ({
  owner: OWNER_STATUS[ownerEnd],
  child: CHILD_STATUS[childEnd],
  heard: undefined,
  order: ['owner', 'child'],
  violations: [],
  late: 0,
});

it.each(leaving)(
  'WFL-7, DUR-2: a $owner $ownerEnd, and the $child child that it has left $childEnd after: each ends by itself, whichever commit a process is stopped before',
  async (ordering) => {
    for (let stopAt = 0; ; stopAt += 1) {
      const found = await settle(ordering, STORAGES['memory']!(), stopAt);
      expect(summary(found), `stopped before commit ${stopAt}`).toEqual(expectedOfLeft(ordering));
      if (stopAt > 0 && !found.stopped) break;
    }
  },
);

const timed = OWNERS.flatMap((owner) =>
  CHILDREN.map((child) => ({ owner, child, ownerEnd: 'times out', childEnd: 'completes', instant: 'after' }) as const),
);

it.each(timed)(
  'WFL-7, DUR-7: a $owner times out, and with it the $child child, whose time is no longer: both fail, the child first, whichever commit a process is stopped before',
  async (ordering) => {
    for (let stopAt = 0; ; stopAt += 1) {
      const found = await settle(ordering, STORAGES['memory']!(), stopAt);
      const { child, heard: _, ...rest } = summary(found);
      // Its own time is up at the same instant as its owner's, which cancels it: whichever is first.
      expect(['failed', 'cancelled'], `stopped before commit ${stopAt}`).toContain(child);
      expect(rest, `stopped before commit ${stopAt}`).toEqual({
        owner: 'failed',
        order: ['child', 'owner'],
        violations: [],
        late: 0,
      });
      expect(found.owner.error).toMatchObject({ code: 'RUN_DEADLINE' });
      if (stopAt > 0 && !found.stopped) break;
    }
  },
);

// The file decides by the same code: of each kind of ordering one, and it is another process that takes over.
it.each(orderings.filter((_, index) => index % everyFor('SQLite', 7) === 0))(
  'WFL-7, DUR-2: in a file, a $owner with a $child child $ownerEnd, and it $childEnd $instant: the same, with a process that is stopped and without',
  async (ordering) => {
    for (const stopAt of [undefined, 3, 6])
      expect(summary(await settle(ordering, STORAGES['SQLite']!(), stopAt))).toEqual(expected(ordering));
  },
);
