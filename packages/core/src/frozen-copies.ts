// oxlint-disable-next-line no-extraneous-class -- a private field can be put on an object by a constructor alone
class Returned {
  constructor(object: object) {
    // oxlint-disable-next-line no-constructor-return -- the fields of the class below are put on it
    return object;
  }
}

/** A private field of any object. In a map beside it an entry takes ten times as long to make, and the collector looks at each of them. */
class FrozenCopy extends Returned {
  readonly #characters: number;

  constructor(object: object, characters: number) {
    super(object);
    this.#characters = characters;
  }

  static charactersOf(object: object): number | undefined {
    return #characters in object ? object.#characters : undefined;
  }
}

/** Says of an object that it is JSON throughout and so many characters of text, and freezes it. */
export function freezeCopy<T extends object>(object: T, characters: number): T {
  // Before it is frozen: a frozen object may take no more fields, private ones neither.
  return Object.freeze(new FrozenCopy(object, characters) as object as T);
}

/** Length of the text of what {@link freezeCopy} has frozen; missing for anything else. */
export const charactersOfCopy = (object: object): number | undefined => FrozenCopy.charactersOf(object);
