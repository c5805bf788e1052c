export { within } from '@prusik/core';

/** How long a policy, a schema or instructions may take: what an agent asks its author's code before it acts. */
export const AUTHOR_TIMEOUT_MS = 10_000;
