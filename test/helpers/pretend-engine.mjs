/**
 * An engine process for tests of what is around it: says what the real one says, computes nothing. What a run does
 * stands in its first argument.
 */
import { existsSync, writeFileSync } from 'node:fs';

const running = new Map();

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.kind === 'stop') running.get(message.run)?.();
  else void start(message);
});

async function start({ run, method, args, revision }) {
  const [what, value] = args;
  process.send({
    kind: 'progress',
    run,
    progress: {
      phase: String(what),
      done: 1,
      total: 2,
      unit: 'texts',
      rate: null,
      secondsLeft: null,
    },
  });
  switch (what) {
    case 'segfault':
      return process.kill(process.pid, 'SIGSEGV');
    case 'segfault-once': {
      // A file of its home stands once it has happened.
      const mark = `${JSON.parse(process.argv[2]).home}/crashed`;
      if (existsSync(mark)) return process.send({ kind: 'done', run, value: 'done' });
      writeFileSync(mark, '');
      return process.kill(process.pid, 'SIGSEGV');
    }
    case 'killed':
      return process.kill(process.pid, 'SIGKILL');
    case 'exit':
      process.stderr.write('a library gave up\n');
      return setTimeout(() => process.exit(3), 50);
    case 'heap':
      process.stderr.write(
        'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n',
      );
      return setTimeout(() => process.abort(), 50);
    case 'memory': {
      const held = [];
      for (;;) {
        held.push(Buffer.alloc(16 << 20, 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (held.length > 100) break;
      }
      return;
    }
    case 'wait':
      // Ends when it is stopped, and then as jobs do.
      await new Promise((resolve) => running.set(run, resolve));
      return process.send({
        kind: 'failed',
        run,
        error: { code: 'aborted', message: 'Stopped.', hint: null, cause: null },
      });
    case 'hang':
      // A driver that never comes back: it hears nothing any more.
      while (running.size >= 0);
      break;
    case 'refuse':
      return process.send({
        kind: 'failed',
        run,
        error: { code: 'bad-setting', message: 'No.', hint: 'Ask again.', cause: null },
      });
    default:
      return process.send({
        kind: 'done',
        run,
        value: { method, value: value ?? null, revision, pid: process.pid },
      });
  }
}

const late = Number(process.env['PRETEND_LATE_MS'] ?? 0);
if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
process.send({
  kind: 'ready',
  machine: {
    devices: [{ device: 'cpu', label: 'CPU, 2 threads', threads: 2 }],
    memoryBytes: 8e9,
    gpuMemoryBytes: null,
    versions: { headlight: '0.0.0' },
  },
});
