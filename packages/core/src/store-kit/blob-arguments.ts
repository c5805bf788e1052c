import type { BlobSweep } from '../blob.ts';
import { shown } from '../shown.ts';
import { checkList } from './argument-values.ts';
import { checkItems } from './copied.ts';
import { checkBlobHash } from './key-arguments.ts';
import { checkedLimit } from './page-arguments.ts';

export function checkBlobs(blobs: readonly string[] | undefined): void {
  checkList('blobs', blobs);
  checkItems('blobs', blobs);
  for (const hash of blobs ?? []) checkBlobHash(hash);
}

/** A sweep with its cursor read. Rows come first, then bytes that have none. */
export function checkedSweep({
  graceMs,
  limit,
  after = 'row-0',
}: BlobSweep & { readonly graceMs: number; readonly limit: number }): {
  readonly graceMs: number;
  readonly limit: number;
  readonly at: { readonly row: number } | { readonly portion: number };
} {
  if (!(Number.isFinite(graceMs) && graceMs >= 0)) throw new TypeError(`graceMs must be 0 or more, not ${graceMs}`);
  const [, stage, digits] = /^(row|bytes)-(\d{1,15})$/.exec(after) ?? [];
  if (stage === undefined) throw new TypeError(`${shown(after)} is no cursor of a sweep`);
  const number = Number(digits);
  return { graceMs, limit: checkedLimit(limit), at: stage === 'row' ? { row: number } : { portion: number } };
}
