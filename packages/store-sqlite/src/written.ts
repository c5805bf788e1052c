/** A transaction's time, and what it has written so far. */
export interface Written {
  now: number;
  anything: boolean;
  /** Time of the last row of the lists, where it is of this transaction: it shows the file's, unless it is a record's. Who deletes such rows may have taken it. */
  lastAt: number | undefined;
}
