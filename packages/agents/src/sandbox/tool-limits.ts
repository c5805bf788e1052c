/** How much the tools of a sandbox take and show. */
export const SANDBOX_TOOL_LIMITS = {
  /** Bytes and lines of one page of `read`. */
  pageBytes: 49_152,
  pageLines: 2_000,
  /** Characters that are shown of one line by `read`. */
  lineCharacters: 2_000,
  /** Bytes of a file that `edit` takes, and of an image that `read` shows. */
  editBytes: 16_777_216,
  imageBytes: 3_750_000,
  /** Places that one `edit` changes. */
  editPlaces: 10_000,
  /** Files whose content a conversation has seen; of older ones `write` and `edit` ask for another `read`. */
  filesSeen: 500,
  /** Entries that `list`, and paths that `glob` shows. */
  entries: 1_000,
  paths: 500,
  /** Entries that one `glob` or `grep` looks at. */
  walked: 100_000,
  /** Lines that `grep` shows, those of one file, and the bytes of each that are looked at. */
  matches: 200,
  matchesOfFile: 100,
  matchBytes: 500,
  /** Bytes of a command's output that are shown, and that are kept. */
  outputBytes: 32_768,
  keptOutputBytes: 8_388_608,
} as const;
