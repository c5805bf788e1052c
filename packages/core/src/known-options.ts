/** Every option of a definition, and what the same is called elsewhere. Made with `satisfies`, so that none is forgotten. */
export interface KnownOptions {
  readonly names: Readonly<Record<string, true>>;
  /** Names that other libraries have for the same, and ours. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/**
 * The type checker sees misspelt options only where they are written in place, and programs without types have none. Passed over, `approvals: 'always'`
 * would let every call through.
 *
 * @throws {TypeError} for what is no object, and naming the option that is none, and what is meant or there is.
 */
export function checkOptions(where: string, options: object, { names, elsewhere = {} }: KnownOptions): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${where} takes an object of ${Object.keys(names).join(', ')}`);
  for (const option of Object.keys(options)) {
    if (Object.hasOwn(names, option) || (options as Readonly<Record<string, unknown>>)[option] === undefined) continue;
    const ours = Object.hasOwn(elsewhere, option) ? elsewhere[option] : undefined;
    const fix = ours === undefined ? `there are ${Object.keys(names).join(', ')}` : `use ${ours}`;
    throw new TypeError(`${where} has no option ${option}: ${fix}`);
  }
}
