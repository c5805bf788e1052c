import { z } from 'zod';

/** One line of `list_commits`. */
const listedCommitSchema = z.object({
  commit: z.string(),
  author: z.string(),
  date: z.string(),
  subject: z.string(),
  merge: z.boolean(),
});

export const listedCommitsSchema = z.object({
  total: z.number(),
  commits: z.array(listedCommitSchema),
  /** Start of the next page; missing on the last. */
  next: z.number().optional(),
});

/** What `list_changed_files` tells about one folder. */
export const changedFolderSchema = z.object({
  /** `''` is the root's own files. */
  folder: z.string(),
  package: z.boolean(),
  commits: z.number(),
  files: z.number(),
  added: z.number(),
  removed: z.number(),
});

export const changedFilesSchema = z.object({
  folders: z.array(changedFolderSchema),
  /** Folders that did not fit; their commits belong to no listed folder. */
  omitted: z.number(),
});

/** One commit of `read_commits`. */
export const readCommitSchema = z.object({
  commit: z.string(),
  author: z.string(),
  message: z.string(),
  files: z.array(z.string()),
  moreFiles: z.number(),
  added: z.number(),
  removed: z.number(),
});

export const readCommitsSchema = z.object({ commits: z.array(readCommitSchema) });

export const diffSchema = z.object({ commit: z.string(), diff: z.string(), truncated: z.boolean() });

/** What the workflow asks of a writer. */
export const writerTaskSchema = z.object({
  area: z.string(),
  /** Short hashes, newest first. */
  commits: z.array(z.string()),
});

/** What the workflow asks of the historian. */
export const historianTaskSchema = z.object({ from: z.string().nullable(), to: z.string(), commits: z.number() });

export type ListedCommits = z.infer<typeof listedCommitsSchema>;
export type ChangedFiles = z.infer<typeof changedFilesSchema>;
export type ChangedFolder = z.infer<typeof changedFolderSchema>;
export type ReadCommit = z.infer<typeof readCommitSchema>;
export type ReadCommits = z.infer<typeof readCommitsSchema>;
export type CommitDiff = z.infer<typeof diffSchema>;

/** Commits of one `list_commits` page. */
export const LIST_PAGE = 100;
/** Commits of one `read_commits` call. */
export const READ_PAGE = 20;
