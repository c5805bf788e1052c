import type { WithheldTool } from '@prusik/core';

/** What one source has offered to a run, from the record that has it to the next one of the same source. */
export interface RecordedListing {
  /** Name of the source. */
  readonly source: string;
  /** Names of its tools, in their order. */
  readonly tools: readonly string[];
  /** Hash of the blob that has the tools, as canonical JSON: the same for the same tools in every run. Missing where there are none. */
  readonly blob?: string;
  /** What the tools add to a prompt. */
  readonly chars: number;
  readonly withheld: readonly WithheldTool[];
}

export const NO_LISTINGS: readonly RecordedListing[] = [];

/** The listings of a run once `changed` are on record. */
export function withChanged(
  known: readonly RecordedListing[],
  changed: readonly RecordedListing[] = NO_LISTINGS,
): readonly RecordedListing[] {
  if (changed.length === 0) return known;
  const again = new Set(changed.map(({ source }) => source));
  return [...known.filter(({ source }) => !again.has(source)), ...changed];
}

/** Reasons may tell of seconds and attempts: they alone make no other listing. */
export const isSameListing = (a: RecordedListing, b: RecordedListing): boolean =>
  a.blob === b.blob &&
  a.withheld.length === b.withheld.length &&
  a.withheld.every(({ tool, code }, index) => tool === b.withheld[index]?.tool && code === b.withheld[index]?.code);

/** Length of what every prompt holds besides the messages, as far as it is known. */
export const fixedCharsOf = (
  { fixedChars }: { readonly fixedChars: number },
  { listings }: { readonly listings: readonly RecordedListing[] },
): number => listings.reduce((sum, { chars }) => sum + chars, fixedChars);
