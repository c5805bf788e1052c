import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Set while a step's body runs. A call on the context from there would be recorded before the step that made it, and a replay,
 * which does not run the body, would never ask for it.
 */
export const insideStep: AsyncLocalStorage<true> = new AsyncLocalStorage();
