/** The user that commands and workspace files belong to. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** True when this process is root and has to change to it. */
  readonly drop: boolean;
}

/**
 * In the range that Debian reserves and systemd's dynamic users leave free, so that no service of the host runs as it.
 */
const UNPRIVILEGED_ID = 65_530;

/**
 * Root never runs a command: a sandbox started by root maps root into it, and then files that belong to root, `/proc/sys`
 * among them, are writable by ownership whatever capabilities were dropped. Undefined where there are no user ids.
 *
 * @throws {TypeError} when `user` is root.
 */
export function resolveIdentity(
  user: { readonly uid: number; readonly gid: number } | undefined,
): Identity | undefined {
  const { uid, gid } = user ?? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID };
  for (const id of [uid, gid])
    if (!Number.isInteger(id) || id < 1) throw new TypeError(`The sandbox's user must not be root, nor ${id}`);
  const own = process.geteuid?.();
  if (own === undefined) return undefined;
  return own === 0 ? { uid, gid, drop: true } : { uid: own, gid: process.getegid?.() ?? own, drop: false };
}
