// Records a call to the file of its argument, says so, and writes it when it is told to: for tests that end it before or while it does.
import { createRecorder, scriptedModel } from '../../src/index.ts';

const [, , file = '', said = ''] = process.argv;
const recorder = createRecorder({ file, mode: 'record', env: {} });
const model = recorder.model('m', scriptedModel([[said]]));
const { stream } = await model.doStream({ prompt: [] });
for await (const chunk of stream) void chunk;
console.log('recorded');
if (process.argv[4] === 'wait') setInterval(() => {}, 1_000);
else await recorder[Symbol.asyncDispose]();
