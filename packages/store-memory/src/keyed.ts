/** A map by tenant and id, never by the two joined: `a:b` + `c` is not `a` + `b:c`. */
export interface Keyed<T> {
  get(tenant: string, id: string): T | undefined;
  set(tenant: string, id: string, value: T): void;
  delete(tenant: string, id: string): void;
}

export function createKeyed<T>(): Keyed<T> {
  const tenants = new Map<string, Map<string, T>>();
  return {
    get: (tenant, id) => tenants.get(tenant)?.get(id),
    set(tenant, id, value) {
      const ids = tenants.get(tenant);
      if (ids === undefined) tenants.set(tenant, new Map([[id, value]]));
      else ids.set(id, value);
    },
    delete(tenant, id) {
      const ids = tenants.get(tenant);
      if (ids?.delete(id) === true && ids.size === 0) tenants.delete(tenant);
    },
  };
}
