import type { Sandbox } from '@prusik/core';
import { attackSandbox, SANDBOX_ATTACKS, sandboxContainment, sandboxContract } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { temporarySandbox } from './temporary.ts';

vi.setConfig({ testTimeout: 30_000, maxConcurrency: 4 });

/** Of the attacks on what no session may reach: those that are no more than the use of a network. */
const IS_THE_NETWORK = /loopback|address of the network|packet to the host|name server/;

describe('bubblewrap', () => {
  sandboxContract({ test: it, create: () => temporarySandbox() });
});

describe('bubblewrap, attacked', () => {
  let sandbox: Sandbox;
  let control: Sandbox;
  beforeAll(async () => {
    sandbox = await temporarySandbox();
    control = await temporarySandbox({ isolation: 'none' });
  });
  afterAll(() => Promise.all([sandbox, control].map((opened) => opened[Symbol.asyncDispose]())));

  sandboxContainment({ test: it.concurrent, sandbox: () => sandbox, control: () => control });
});

describe("bubblewrap with the host's network", () => {
  let sandbox: Sandbox & { readonly root: string };
  beforeAll(async () => {
    sandbox = await temporarySandbox();
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const online: Sandbox = {
    get workspaces() {
      return sandbox.workspaces;
    },
    open: (options) => sandbox.open({ ...options, network: 'host' }),
    level: () => sandbox.level(),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };

  const possible = SANDBOX_ATTACKS.filter(
    ({ title, uncontrolled }) => title.startsWith('SBX-6') && uncontrolled?.() === undefined,
  );
  for (const attack of possible.filter(({ title }) => IS_THE_NETWORK.test(title)))
    it.concurrent(`${attack.title}, but with the host's network it can`, async () => {
      expect(await attackSandbox(attack, online)).toBe(true);
    });
  for (const attack of possible.filter(({ title }) => !IS_THE_NETWORK.test(title)))
    it.concurrent(`${attack.title}, nor with the host's network`, async () => {
      expect(await attackSandbox(attack, online)).toBe(false);
    });

  it('SBX-6: it finds other hosts by name, and says what it does not hold', async () => {
    await sandbox.workspaces.create({ id: 'w' });
    const session = await online.open({ workspace: 'w' });

    const { exitCode } = await session.exec('/bin/sh', ['-c', 'test -r /etc/resolv.conf']);

    expect(exitCode).toBe(0);
    expect(session.level()).toMatchObject({ files: 'enforced', processes: 'enforced', network: 'none' });
    expect(session.description).not.toContain('no network');
    await expect(online.open({ workspace: 'w', require: { network: 'enforced' } })).rejects.toMatchObject({
      code: 'SANDBOX_LEVEL_UNMET',
    });
  });
});
