/** That a run or a session was not lived through in this store. */
export interface Imported {
  /** The store's clock when it was imported; its other times are those of the store that it comes from. */
  readonly at: number;
  /** Of what was imported of it. The same import again finds it by this. */
  readonly digest: string;
  /** Its content is not what it was. */
  readonly redacted?: true;
  /** Of a run that was imported without its session: the id of that one. */
  readonly session?: string;
}
