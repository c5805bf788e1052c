import { seededRandom } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { createSlots } from '../src/slots.ts';
import { drainMicrotasks } from '../src/wake-up.ts';

const DRIVES = 8;

it.each([1, 3])(
  'DUR-11: of %i places never more are held, and who waits is served first come first served, in 10,000 random interleavings',
  async (size) => {
    const seed = 7;
    const random = seededRandom(seed);
    const slots = createSlots(size, () => {});
    const drives = Array.from({ length: DRIVES }, (_, name) => {
      slots.take(1);
      const ticket = slots.ticket();
      ticket.leave();
      return { name, ticket, holds: false };
    });
    let waiting: (typeof drives)[number][] = [];
    let taken = 0;
    let most = 0;

    for (let n = 0; n < 10_000; n += 1) {
      // What happens within one turn, before anybody who was woken runs, is where a place could be given twice.
      for (let actions = random.int(1, 4); actions > 0; actions -= 1) {
        const drive = drives[random.int(0, DRIVES - 1)];
        if (drive?.holds) {
          drive.holds = false;
          drive.ticket.leave();
        } else if (drive !== undefined && !waiting.includes(drive)) {
          waiting.push(drive);
          void drive.ticket.enter().then(() => (drive.holds = true));
        }
        if (random.next() < 0.3 && taken === 0) taken = slots.take(1);
        if (random.next() < 0.3) {
          slots.give(taken);
          taken = 0;
        }
      }
      await drainMicrotasks();

      const held = taken + drives.filter((drive) => drive.holds).length;
      most = Math.max(most, held);
      expect(held, `seed ${seed}, turn ${n}`).toBeLessThanOrEqual(size);
      const first = waiting.findIndex((drive) => !drive.holds);
      const passed = first < 0 ? [] : waiting.slice(first).filter((drive) => drive.holds);
      expect(passed, `seed ${seed}, turn ${n}: served before an older one`).toEqual([]);
      waiting = waiting.filter((drive) => !drive.holds);
      expect(waiting.length === 0 || held === size, `seed ${seed}, turn ${n}: one waits beside a free place`).toBe(
        true,
      );
    }
    expect(most).toBe(size);
  },
);

it('DUR-11: a drive that is over while it stands in line gives no place, and does not take one when its turn would come', async () => {
  const slots = createSlots(1, () => {});
  slots.take(1);
  const holder = slots.ticket();
  const over = slots.ticket();
  over.leave();
  expect(slots.take(1)).toBe(1);
  const third = slots.ticket();
  third.leave();
  expect(slots.take(1)).toBe(1);

  let entered = false;
  void third.enter().then(() => (entered = true));
  const left = over.enter();
  over.leave();
  await left;
  expect(entered, 'in a place that the first one holds').toBe(false);

  slots.give(1);
  await drainMicrotasks();
  expect(entered).toBe(true);
  holder.leave();
  expect(slots.take(2)).toBe(1);
});
