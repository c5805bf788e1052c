const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** How long to wait before the next start, after so many that failed in a row: twice as long each time, and never the same for two who failed together. */
export function backoffMs(failures: number, random: () => number): number {
  if (failures <= 0) return 0;
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(longest / 2 + (random() * longest) / 2);
}
