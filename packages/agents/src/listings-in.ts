import type { Entry } from '@prusik/core';
import type { ReplyRecord } from './loop-types.ts';
import { NO_LISTINGS, withChanged, type RecordedListing } from './recorded-listing.ts';

/**
 * What sources offered to an agent's run last, and what they kept back, as the entries of the run say: which of their tools a model could call, and why it
 * could not call the others.
 */
export function listingsIn(entries: readonly Entry[]): readonly RecordedListing[] {
  return entries.reduce((known, entry) => withChanged(known, changedIn(entry)), NO_LISTINGS);
}

function changedIn(entry: Entry): readonly RecordedListing[] | undefined {
  if (entry.type !== 'step-end' || entry.kind !== 'model' || !entry.outcome.ok) return undefined;
  return (entry.outcome.value as Partial<ReplyRecord> | null | undefined)?.listings;
}
