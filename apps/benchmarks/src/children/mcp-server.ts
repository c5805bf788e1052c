// A server by the official SDK, which speaks both revisions over stdio.
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

serveStdio(() => {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds two numbers.', inputSchema: z.object({ a: z.number(), b: z.number() }) },
    ({ a, b }) => ({
      content: [{ type: 'text', text: `${a + b}` }],
    }),
  );
  server.registerTool(
    'repeat',
    { description: 'Says x so many times.', inputSchema: z.object({ times: z.number() }) },
    ({ times }) => ({
      content: [{ type: 'text', text: 'x'.repeat(times) }],
    }),
  );
  return server;
});
