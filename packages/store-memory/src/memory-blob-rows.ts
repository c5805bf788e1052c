import type { BlobInfo, BlobState } from '@prusik/core';
import { createKeyed } from './keyed.ts';
import { createSortedIndex } from './sorted-index.ts';

interface BlobRecord {
  readonly number: number;
  readonly tenant: string;
  info: BlobInfo;
  /** The runs and sessions that use it. */
  readonly users: Set<object>;
}

/** Which tenant has which blob, and who uses it. */
export interface MemoryBlobRows {
  get(tenant: string, hash: string): BlobInfo | undefined;
  has(hash: string): boolean;
  usedBy(user: object): readonly BlobInfo[];
  /** Different ones, and their bytes. */
  total(): { readonly count: number; readonly bytes: number };
  save(tenant: string, info: BlobInfo): void;
  use(user: object, tenant: string, hashes: readonly string[]): void;
  isUser(user: object): boolean;
  /** It uses no others any more. */
  keep(user: object, hashes: readonly string[]): void;
  /** This run or session is gone. */
  release(user: object): void;
  after(number: number, limit: number): readonly BlobState[];
  remove(blob: BlobState): void;
}

export function memoryBlobRows(): MemoryBlobRows {
  const byHash = createKeyed<BlobRecord>();
  const byNumber = new Map<number, BlobRecord>();
  const order = createSortedIndex<number>((a, b) => a - b);
  const tenantsOf = new Map<string, number>();
  const usedBy = new Map<object, Set<BlobRecord>>();
  let count = 0;

  return {
    get: (tenant, hash) => byHash.get(tenant, hash)?.info,
    has: (hash) => tenantsOf.has(hash),
    usedBy: (user) => Array.from(usedBy.get(user) ?? [], ({ info }) => info),
    total() {
      const sizes = new Map(Array.from(byNumber.values(), ({ info }) => [info.hash, info.size]));
      return { count: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
    },
    save(tenant, info) {
      const found = byHash.get(tenant, info.hash);
      if (found !== undefined) {
        found.info = Object.freeze({ ...info });
        return;
      }
      count += 1;
      const added: BlobRecord = { number: count, tenant, info: Object.freeze({ ...info }), users: new Set() };
      byHash.set(tenant, info.hash, added);
      byNumber.set(count, added);
      order.add(count);
      tenantsOf.set(info.hash, (tenantsOf.get(info.hash) ?? 0) + 1);
    },
    use(user, tenant, hashes) {
      const used = usedBy.get(user) ?? new Set();
      for (const hash of hashes) {
        const row = byHash.get(tenant, hash);
        if (row === undefined) continue;
        row.users.add(user);
        used.add(row);
      }
      usedBy.set(user, used);
    },
    isUser: (user) => (usedBy.get(user)?.size ?? 0) > 0,
    keep(user, hashes) {
      for (const row of usedBy.get(user) ?? [])
        if (!hashes.includes(row.info.hash)) {
          row.users.delete(user);
          usedBy.get(user)?.delete(row);
        }
    },
    release(user) {
      for (const { users } of usedBy.get(user) ?? []) users.delete(user);
      usedBy.delete(user);
    },
    after(number, limit) {
      const found: BlobState[] = [];
      for (const candidate of order.from(number + 1)) {
        const row = byNumber.get(candidate);
        if (row !== undefined) found.push({ ...row.info, number: candidate, used: row.users.size > 0 });
        if (found.length === limit) break;
      }
      return found;
    },
    remove({ number }) {
      const row = byNumber.get(number);
      if (row === undefined) return;
      const { hash } = row.info;
      byHash.delete(row.tenant, hash);
      byNumber.delete(number);
      order.remove(number);
      const others = (tenantsOf.get(hash) ?? 1) - 1;
      if (others === 0) tenantsOf.delete(hash);
      else tenantsOf.set(hash, others);
    },
  };
}
