/**
 * What is ended by `dispose`, which is called as often as it is disposed. It is given its name by nobody: a method under a computed name, or a function that is
 * written there, takes ten times as long to make, and every step makes some.
 */
export const disposable = (dispose: () => void): Disposable => ({ [Symbol.dispose]: dispose });
