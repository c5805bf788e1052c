/** @throws {TypeError} for anything but a finite number of milliseconds, zero or more. */
export function checkMs(what: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) throw new TypeError(`${what}: ${value} is not a number of milliseconds`);
}

/** @throws {TypeError} naming the member that is not a finite number, zero or more. Missing ones are unknown, which is allowed. */
export function checkCounts(what: string, counts: Readonly<Record<string, number | undefined>>): void {
  for (const name of Object.keys(counts)) {
    const value = counts[name];
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      throw new TypeError(`${what}.${name}: ${value} is not a count`);
  }
}
