import type { SandboxSession } from '@prusik/core';
import type { Experimental_SandboxSession } from 'ai';
import { expectTypeOf, it } from 'vitest';

it("SBX-1: a session is one of the AI SDK's", () => {
  expectTypeOf<SandboxSession>().toExtend<Experimental_SandboxSession>();
});
