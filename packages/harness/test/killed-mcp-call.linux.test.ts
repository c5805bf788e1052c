import { killedMcpCall } from './killed-mcp-call.ts';

killedMcpCall('bubblewrap');
