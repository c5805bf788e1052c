/** Code that is to answer at once may still be `async`. Nobody waits for what it gave then, and a rejection of it is nobody's surprise. */
export function unawaited(given: unknown): boolean {
  if (!(given instanceof Promise)) return false;
  given.catch(() => {});
  return true;
}
