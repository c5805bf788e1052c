import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

/** What attacks aim at: things of the host that every user of it may reach. */
export interface AttackedHost {
  /** A folder that anybody may write. */
  readonly folder: string;
  /** A file that anybody may read and write, and what is in it. */
  readonly secretFile: string;
  readonly secret: string;
  /** Of this machine, besides loopback; undefined where there is none. */
  readonly address: string | undefined;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly socketPath: string;
  readonly abstractSocket: string;
  /** Waits for the first connection or packet to any of them; false after a grace. */
  wasReached(): Promise<boolean>;
  close(): Promise<void>;
}

/** Long enough for a packet on loopback on a busy machine; only attempts that fail wait this long. */
const GRACE_MS = 500;

export async function openAttackedHost(): Promise<AttackedHost> {
  const folder = await mkdtemp(join(tmpdir(), 'prusik-attacked-'));
  await chmod(folder, 0o777);
  const secret = randomUUID();
  const secretFile = join(folder, 'secret');
  await writeFile(secretFile, secret);
  await chmod(secretFile, 0o666);

  const reached = new AbortController();
  const onReach = (): void => reached.abort();
  const serve = async (listen: (server: Server) => Server): Promise<Server> => {
    const server = createServer((socket) => {
      onReach();
      socket.destroy();
    });
    await once(listen(server), 'listening');
    return server;
  };
  const socketPath = join(folder, 'socket');
  const abstractSocket = `prusik-${randomUUID()}`;
  const tcp = await serve((server) => server.listen(0, '0.0.0.0'));
  const servers = [
    tcp,
    await serve((server) => server.listen({ path: socketPath, readableAll: true, writableAll: true })),
    ...(process.platform === 'linux' ? [await serve((server) => server.listen(`\0${abstractSocket}`))] : []),
  ];
  const udp = createSocket('udp4', onReach);
  await once(udp.bind(0, '0.0.0.0'), 'listening');

  return {
    folder,
    secretFile,
    secret,
    address: outsideAddress(),
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    socketPath,
    abstractSocket,
    async wasReached() {
      if (!reached.signal.aborted)
        await Promise.race([once(reached.signal, 'abort'), new Promise((resolve) => setTimeout(resolve, GRACE_MS))]);
      return reached.signal.aborted;
    },
    async close() {
      udp.close();
      for (const server of servers) server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An IPv4 address of this machine besides loopback. */
export function outsideAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && address.family === 'IPv4' && !address.internal)?.address;
}

/** Pids of the host's processes whose arguments hold `marker`. */
export async function findProcesses(marker: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const commandLine = await readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => '');
    if (commandLine.includes(marker)) found.push(Number(entry));
  }
  return found;
}
