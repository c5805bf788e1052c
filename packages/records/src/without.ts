/** A copy without some of its fields. */
export function without<T extends object, Name extends keyof T>(value: T, ...names: readonly Name[]): Omit<T, Name> {
  const copy: Partial<T> = { ...value };
  for (const name of names) delete copy[name];
  // Every other field was copied.
  return copy as Omit<T, Name>;
}
