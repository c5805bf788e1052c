import type { Box } from './drawing.ts';

/** From one box to another, by their places in the list. */
export type Edge = readonly [from: number, to: number];

/** Boxes one after the other, and those that ran at once side by side between the same two. */
export interface Order {
  /** Groups in their order: each is over before the next begins. */
  readonly groups: readonly (readonly number[])[];
  /** Within groups: who was over before whom began, and nobody between them. */
  readonly edges: readonly Edge[];
}

/**
 * What came after what, by their times alone: a box comes after another that was over when it began. Those that overlap have no edge between them: they ran at once. The list is by beginnings.
 */
export function orderOf(boxes: readonly Box[]): Order {
  const groups: number[][] = [];
  let over = Number.NEGATIVE_INFINITY;
  for (const [place, { from, to }] of boxes.entries()) {
    const group = groups.at(-1);
    const isNew = group === undefined || from >= over;
    if (isNew) groups.push([place]);
    else group.push(place);
    over = isNew ? to : Math.max(over, to);
  }
  return { groups, edges: groups.flatMap((group) => edgesWithin(boxes, group)) };
}

function edgesWithin(boxes: readonly Box[], group: readonly number[]): readonly Edge[] {
  const box = (place: number): Box => boxes[place] as Box;
  const isBefore = (a: number, b: number): boolean =>
    a !== b && box(a).to <= box(b).from && (box(a).from < box(b).from || a < b);
  return group.flatMap((later) => {
    const before = group.filter((earlier) => isBefore(earlier, later));
    // Boxes are by their beginnings, so whoever has something between has this one between.
    const last = before.at(-1);
    if (last === undefined) return [];
    return before.filter((earlier) => !isBefore(earlier, last)).map((earlier): Edge => [earlier, later]);
  });
}
