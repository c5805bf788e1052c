import { describe } from 'vitest';
import { sandboxToolTests } from './sandbox-tool-tests.ts';

describe("isolation: 'none'", () => {
  sandboxToolTests('none');
});
