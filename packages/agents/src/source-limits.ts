/** What sources may make of an agent. What is more is withheld, with a code. */
export const SOURCE_LIMITS = {
  /** Of one agent. */
  sources: 16,
  nameCharacters: 64,
  /** One listing, in milliseconds. */
  listMs: 30_000,
  /** Of one source. */
  tools: 256,
  /** The tools of one source as JSON. */
  listingBytes: 524_288,
  /** How many that are withheld are told of. */
  withheld: 100,
  /** Of a reason. */
  textCharacters: 500,
  /** Executions of a call that may be repeated. */
  attempts: 3,
} as const;
