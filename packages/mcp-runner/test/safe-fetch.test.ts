import { rootCertificates } from 'node:tls';
import { systemClock } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { authoritiesWith, safeFetch, type SafeFetch, type SafeFetchOptions } from '../src/safe-fetch.ts';
import { rawServer, type RawServer } from './fixtures/raw-server.ts';
import { TLS } from './fixtures/tls.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function server(answer: Parameters<typeof rawServer>[0]): Promise<RawServer> {
  const raw = await rawServer(answer);
  open.push(raw.close);
  return raw;
}

function fetchFor(own: string, options: Partial<SafeFetchOptions> = {}): SafeFetch {
  const safe = safeFetch({
    own: new URL(own),
    network: 'private',
    messageBytes: 1_000,
    requestMs: 60_000,
    clock: systemClock,
    ca: undefined,
    ...options,
  });
  open.push(() => safe.close());
  return safe;
}

const resolvesTo = (...addresses: string[]) => {
  const asked: string[] = [];
  return {
    asked,
    resolve: async (name: string) => {
      asked.push(name);
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  };
};

describe('MCP-4: nothing is dialled', () => {
  it.each([
    ['127.1', 'http://127.1:PORT/'],
    ['2130706433', 'http://2130706433:PORT/'],
    ['0x7f.1', 'http://0x7f.1:PORT/'],
    ['0', 'http://0:PORT/'],
    ['circled digits', 'http://①②⑦.⓪.⓪.①:PORT/'],
    ['an IPv4-mapped address', 'http://[::ffff:127.0.0.1]:PORT/'],
    ['an address with a dot at its end', 'http://127.0.0.1.:PORT/'],
    ['a name of loopback', 'http://localhost:PORT/'],
    ['a name with a dot at its end', 'http://localhost.:PORT/'],
    ['a name in circled letters', 'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/'],
    ['a user in the address', 'http://example.com@127.0.0.1:PORT/'],
    ['loopback with TLS', 'https://127.0.0.1:PORT/'],
    ['a name of loopback with TLS', 'https://localhost:PORT/'],
    ['a name that is not ASCII and resolves to loopback', 'https://bücher.example:PORT/'],
  ])('of a server in the public internet: %s', async (_, url) => {
    const raw = await server((__, response) => response.end('inside'));
    const safe = fetchFor('https://mcp.example.com', { network: 'public', ...resolvesTo('127.0.0.1') });

    await expect(safe.fetch(url.replace('PORT', String(raw.port)))).rejects.toMatchObject({
      code: 'MCP_ADDRESS_REFUSED',
      // Whoever sent us there does not get us to let more be dialled.
      message: expect.not.stringContaining("'private'"),
      meta: { sent: false },
    });

    expect(raw.requests).toEqual([]);
  });

  it.each([
    ['credentials in the address', 'http://user:secret@127.0.0.1/'],
    ['another scheme', 'file:///etc/passwd'],
    ['a port of another protocol', 'http://127.0.0.1:22/'],
    ['the metadata of a cloud', 'https://169.254.169.254/'],
    ['a private address without TLS', 'http://10.0.0.1/'],
    ['a public name without TLS', 'http://example.com/'],
  ])('of a private server: %s', async (_, url) => {
    const safe = fetchFor('https://mcp.internal', resolvesTo('93.184.216.34'));

    const error: unknown = await safe.fetch(url).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'MCP_ADDRESS_REFUSED' });
    expect(String(error)).not.toContain('secret');
  });
});

it('MCP-4: a name is resolved once, and what was looked at is what is dialled', async () => {
  const raw = await server((_, response) => response.end('well'));
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const asked: string[] = [];
  const safe = fetchFor('https://mcp.internal', {
    resolve: async (name) => {
      asked.push(name);
      return (answers.shift() ?? []).map((address) => ({ address, family: 4 }));
    },
  });

  const response = await safe.fetch(`http://rebinding.example:${raw.port}/`);

  expect(await response.text()).toBe('well');
  expect(asked).toEqual(['rebinding.example']);
  expect(raw.requests[0]?.headers.host).toBe(`rebinding.example:${raw.port}`);
});

it('MCP-4: of the addresses of a name only those are dialled that are allowed', async () => {
  const raw = await server((_, response) => response.end('well'));
  const safe = fetchFor('https://mcp.internal', resolvesTo('169.254.169.254', '127.0.0.1'));

  expect(await (await safe.fetch(`http://both.example:${raw.port}/`)).text()).toBe('well');
});

it('MCP-4: a redirect is an answer, and nothing goes where it points', async () => {
  const inside = await server((_, response) => response.end('inside'));
  const raw = await server((_, response) => response.writeHead(302, { location: inside.origin }).end());
  const safe = fetchFor(raw.origin);

  const response = await safe.fetch(raw.origin, { redirect: 'follow' });

  expect(response.status).toBe(302);
  expect(inside.requests).toEqual([]);
});

it('MCP-4: no proxy and no cookie of the environment or the server has a say', async () => {
  const proxy = await server((_, response) => response.end('proxied'));
  const raw = await server((_, response) => response.setHeader('set-cookie', 'a=b').end('direct'));
  const said = { HTTP_PROXY: proxy.origin, http_proxy: proxy.origin, NODE_USE_ENV_PROXY: '1' };
  for (const [name, value] of Object.entries(said)) {
    const before = process.env[name];
    open.push(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)));
    process.env[name] = value;
  }
  const safe = fetchFor(raw.origin);

  await (await safe.fetch(raw.origin)).text();
  await (await safe.fetch(raw.origin)).text();

  expect(proxy.requests).toEqual([]);
  expect(raw.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
});

describe('I9: there is a bound', () => {
  it('of a body, of which no more is read', async () => {
    const raw = await server((_, response) => {
      response.on('close', () => clearInterval(timer));
      const timer = setInterval(() => response.write('x'.repeat(500)), 1);
    });
    const safe = fetchFor(raw.origin);

    const response = await safe.fetch(raw.origin);

    await expect(response.text()).rejects.toMatchObject({ code: 'MCP_MESSAGE_TOO_LARGE', meta: { bytes: 1_000 } });
    await raw.quiet();
  });

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('of each event of a stream, with lines that end in %s', async (_, end) => {
    const event = `data: ${'x'.repeat(600)}${end}${end}`;
    const raw = await server(({ path }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (path === '/many') response.end(event.repeat(5));
      else response.write(`data: ${'x'.repeat(600)}${end}data: ${'x'.repeat(600)}`);
    });
    const safe = fetchFor(raw.origin);

    expect(await (await safe.fetch(`${raw.origin}/many`)).text()).toBe(event.repeat(5));
    await expect((await safe.fetch(`${raw.origin}/one`)).text()).rejects.toMatchObject({
      code: 'MCP_MESSAGE_TOO_LARGE',
    });
  });

  it('of a stream in all', async () => {
    const raw = await server((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${'x'.repeat(500)}\n\n`.repeat(40));
    });

    const response = await fetchFor(raw.origin).fetch(raw.origin);

    await expect(response.text()).rejects.toMatchObject({ code: 'MCP_MESSAGE_TOO_LARGE', meta: { bytes: 16_000 } });
  });

  it('of headers', async () => {
    const raw = await server((_, response) => response.setHeader('x-large', 'x'.repeat(40_000)).end());

    await expect(fetchFor(raw.origin).fetch(raw.origin)).rejects.toMatchObject({
      code: 'MCP_CALL_LOST',
      meta: { reason: 'HPE_HEADER_OVERFLOW', sent: true },
    });
  });

  it('of the time until an answer begins', async () => {
    const clock = fakeClock();
    const begun = Promise.withResolvers<void>();
    const raw = await server(() => begun.resolve());
    const asking = fetchFor(raw.origin, { clock }).fetch(raw.origin, { method: 'POST', body: '{}' });
    const told = asking.catch((error: unknown) => error);
    await begun.promise;

    clock.advance(60_000);

    expect(await told).toMatchObject({ code: 'MCP_CALL_TIMEOUT', meta: { sent: true } });
    await raw.quiet();
  });

  it('of the time until an answer ends, though a stream that was asked for with GET may stay', async () => {
    const clock = fakeClock();
    let say: (text: string) => void = () => {};
    const raw = await server(({ method }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      if (method === 'GET') say = (text) => response.end(text);
    });
    const safe = fetchFor(raw.origin, { clock });
    const listening = await safe.fetch(raw.origin);
    const answered = await safe.fetch(raw.origin, { method: 'POST', body: '{}' });

    clock.advance(60_000);

    await expect(answered.text()).rejects.toMatchObject({ code: 'MCP_CALL_TIMEOUT' });
    say(': still here\n\n');
    expect(await listening.text()).toBe(': hello\n\n: still here\n\n');
  });
});

it('I8: an abort closes the socket, before the answer and within it, with the reason as it is', async () => {
  const begun = Promise.withResolvers<void>();
  const raw = await server(({ path }, response) => {
    if (path === '/never') return begun.resolve();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return response.write('data: 1\n\n');
  });
  const safe = fetchFor(raw.origin);
  const [before, within] = [new AbortController(), new AbortController()];
  const reason = new Error('enough');

  const asking = safe.fetch(`${raw.origin}/never`, { signal: before.signal });
  const told = asking.catch((error: unknown) => error);
  await begun.promise;
  before.abort(reason);
  expect(await told).toBe(reason);
  const answer = await safe.fetch(raw.origin, { signal: within.signal });
  within.abort(reason);

  await expect(answer.text()).rejects.toBe(reason);
  await expect(safe.fetch(raw.origin, { signal: within.signal })).rejects.toBe(reason);
  await raw.quiet();
  expect(raw.requests).toHaveLength(2);
});

it('MCP-2: what was sent and not answered is lost, what was not sent may be sent again', async () => {
  const raw = await server(({ path }, response) => {
    if (path === '/half') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
    }
    response.socket?.destroy();
  });
  const gone = await rawServer(() => {});
  await gone.close();
  const safe = fetchFor(raw.origin);

  await expect(safe.fetch(raw.origin, { method: 'POST', body: '{}' })).rejects.toMatchObject({
    code: 'MCP_CALL_LOST',
    retryable: false,
    meta: { sent: true },
  });
  await expect(safe.fetch(`${raw.origin}/half`).then(async (answer) => answer.text())).rejects.toMatchObject({
    code: 'MCP_CALL_LOST',
  });
  await expect(safe.fetch(gone.origin)).rejects.toMatchObject({
    code: 'MCP_UNAVAILABLE',
    retryable: true,
    meta: { sent: false, reason: 'ECONNREFUSED' },
  });
});

it('MCP-2: what waited for a socket and went over one that was handed on is lost like any other', async () => {
  const held: (() => void)[] = [];
  const raw = await server(({ path }, response) => {
    if (path === '/lost') return response.socket?.destroy();
    return held.push(() => response.end());
  });
  const safe = fetchFor(raw.origin);
  const holding = Array.from({ length: 64 }, async () => (await safe.fetch(raw.origin)).text());
  await expect.poll(() => held.length).toBe(64);
  const asking = safe.fetch(`${raw.origin}/lost`, { method: 'POST', body: '{}' }).catch((error: unknown) => error);

  for (const release of held) release();

  await Promise.all(holding);
  expect(await asking).toMatchObject({ code: 'MCP_CALL_LOST', meta: { sent: true } });
});

it('MCP-2: what is packed is not unpacked, and what is no answer is told', async () => {
  const raw = await server(({ path }, response) => {
    if (path === '/packed') response.setHeader('content-encoding', 'gzip').end('x');
    else response.socket?.end('HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n');
  });
  const safe = fetchFor(raw.origin);

  await expect(safe.fetch(`${raw.origin}/packed`)).rejects.toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  await expect(safe.fetch(raw.origin)).rejects.toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  expect(raw.requests[0]?.headers['accept-encoding']).toBe('identity');
});

it('I8: closing ends the sockets that were kept', async () => {
  const raw = await server((_, response) => response.end('well'));
  const safe = fetchFor(raw.origin);
  await (await safe.fetch(raw.origin)).text();
  await (await safe.fetch(raw.origin)).text();
  expect(raw.sockets()).toBe(1);

  safe.close();

  await raw.quiet();
});

describe('MCP-4: a server with TLS', () => {
  const dial = async (name: string, options: Partial<SafeFetchOptions>) => {
    const raw = await rawServer((_, response) => response.end('well'), TLS);
    open.push(raw.close);
    const url = `https://${name}:${raw.port}/`;
    const safe = fetchFor(url, { ...resolvesTo('127.0.0.1'), ...options });
    return safe.fetch(url).then(async (response) => response.text());
  };

  it('is at the name that somebody vouches for, while its address is what was looked at', async () => {
    expect(await dial('mcp.example.test', { ca: TLS.cert })).toBe('well');
  });

  it('is vouched for by the public authorities too, where it names one more', () => {
    expect(authoritiesWith(TLS.cert)).toEqual([...rootCertificates, TLS.cert]);
  });

  it('is not dialled any more by a fetch that was closed', async () => {
    const raw = await rawServer((_, response) => response.end('well'));
    open.push(raw.close);
    const safe = fetchFor(raw.origin, {});
    safe.close();

    await expect(safe.fetch(raw.origin)).rejects.toMatchObject({ code: 'MCP_CLOSED', meta: { sent: false } });
  });

  it('is not spoken to where nobody does, whatever the environment says', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    open.push(() =>
      before === undefined
        ? delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
        : (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before),
    );
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';

    await expect(dial('mcp.example.test', {})).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { sent: false, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
    await expect(dial('other.example.test', { ca: TLS.cert })).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { sent: false, reason: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
  });
});
