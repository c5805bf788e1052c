/** `name`, or `prefix*`. */
function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesName(pattern, name));

/** What is said for a name: by itself, else by the longest prefix of it. */
export function firstMatch<T>(said: Readonly<Record<string, T>>, name: string): T | undefined {
  if (!name.endsWith('*') && Object.hasOwn(said, name)) return said[name];
  const fitting = Object.keys(said).filter((pattern) => pattern.endsWith('*') && matchesName(pattern, name));
  const longest = fitting.toSorted((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : said[longest];
}
