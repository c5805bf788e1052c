/** The object with other methods; all else of it is as it was, since one may look at its own fields. */
export function overriding<T extends object>(object: T, methods: Readonly<Record<string, unknown>>): T {
  // Not over the object itself: what is frozen may not be told differently by a proxy.
  return new Proxy(Object.create(Object.getPrototypeOf(object) as object | null) as T, {
    get(_, property) {
      if (typeof property === 'string' && Object.hasOwn(methods, property)) return methods[property];
      const value: unknown = Reflect.get(object, property, object);
      return typeof value === 'function' ? value.bind(object) : value;
    },
    has: (_, property) => Reflect.has(object, property),
  });
}
