/** The queue on disk: what it keeps, for how long, and what it does when the disk is full, damaged, or was cut off. */
import { expect, test } from 'vitest';
import { abortedError, HeadlightError } from '../../../src/base';
import { EngineCrash, JobQueue, type EngineRunner } from '../../../src/engine/remote';
import { encodeMessage } from '../../../src/engine/remote/codec';
import { memoryStorage } from '../../helpers/memory-storage';
import { simulatedClock } from '../../helpers/simulated-clock';

const DAY = 24 * 3_600_000;
const call: EngineRunner['call'] = () => Promise.resolve(null);
/** Ends each job with what it was asked. */
const quick: EngineRunner = { run: (_method, args) => Promise.resolve(args), call };

function submission(number: number, project: string | null = null) {
  return {
    job: `dddddddd-0000-4000-8000-00000000000${number}`,
    method: 'runReport',
    args: [project, `run-${number}`],
    title: `Report ${number}`,
    project,
  };
}

async function openQueue(runner = quick, storage = memoryStorage(), clock = simulatedClock()) {
  const log: string[] = [];
  const queue = await JobQueue.open({ storage, runner, clock, log: (line) => log.push(line) });
  const kept = async () =>
    (await storage.entries('settings', 'companion/jobs/')).map(({ key }) =>
      key.split('/').slice(2).join('/'),
    );
  return { queue, storage, clock, log, kept };
}

test('an outcome waits thirty days to be taken; what was asked is deleted at once', async () => {
  const { queue, clock, kept } = await openQueue();
  const { job } = submission(1);
  await queue.submit('me', submission(1));
  await clock.run(1000);
  expect(await kept()).toEqual([`${job}/job`, `${job}/outcome`]);
  await clock.run(29 * DAY);
  await queue.submit('you', submission(2));
  expect(await queue.outcome('me', job)).toEqual({ state: 'done', value: [null, 'run-1'] });
  await clock.run(2 * DAY);
  await queue.submit('you', submission(3));
  await expect(queue.outcome('me', job)).rejects.toMatchObject({ code: 'not-found' });
  expect((await kept()).filter((key) => key.startsWith(job))).toEqual([]);
});

test('what waits too long goes even where nobody asks for anything more, and what was taken leaves its name', async () => {
  const { queue, clock, kept, storage } = await openQueue();
  const [one, two] = [submission(1), submission(2)];
  await queue.submit('me', one);
  await queue.submit('me', two);
  await clock.run(1000);
  await queue.taken('me', two.job);
  const name = await storage.read('settings', `companion/jobs/${two.job}/job`);
  expect(new TextDecoder().decode(name ?? undefined)).not.toContain(two.title);
  await clock.run(29 * DAY);
  await queue.sweep();
  expect(await kept()).toEqual([`${one.job}/job`, `${one.job}/outcome`]);
  await clock.run(2 * DAY);
  await queue.sweep();
  expect(await kept()).toEqual([]);
});

test('a job that is stopped while it is put back after a crash ends, and is not run again', async () => {
  const storage = memoryStorage();
  const clock = simulatedClock();
  const write = storage.write.bind(storage);
  let crashes = 0;
  const crashing: EngineRunner = {
    run() {
      crashes++;
      return Promise.reject(new EngineCrash('no memory'));
    },
    call,
  };
  const { queue } = await openQueue(crashing, storage, clock);
  const { job } = submission(1);
  await queue.submit('me', submission(1));
  // A slow disk: the record says for half a second that it still runs.
  storage.write = async (...args) => {
    await new Promise<void>((resolve) => clock.after(500, resolve));
    await write(...args);
  };
  await clock.run(1000, () => crashes === 1);
  expect(queue.line('me', job)).toMatchObject({ state: 'queued' });
  const stopped = queue.stop('me', job);
  await clock.run(60_000);
  await stopped;
  expect(queue.line('me', job)).toMatchObject({ state: 'stopped' });
  expect(await queue.outcome('me', job)).toMatchObject({ error: { code: 'aborted' } });
  expect(crashes).toBe(1);
});

test('a crashed job is tried again where timers fire a moment before the clock says so, as those of Node may', async () => {
  const exact = simulatedClock();
  const clock = {
    ...exact,
    after: (milliseconds: number, what: () => void) => exact.after(milliseconds - 1, what),
  };
  let runs = 0;
  const once: EngineRunner = {
    run: () => (++runs === 1 ? Promise.reject(new EngineCrash('it fell')) : Promise.resolve('up')),
    call,
  };
  const { queue } = await openQueue(once, memoryStorage(), clock);
  await queue.submit('me', submission(1));
  await clock.run(60_000);
  expect(await queue.outcome('me', submission(1).job)).toEqual({ state: 'done', value: 'up' });
});

test('what a kill has left of jobs is cleared away, and what was taken is not started again', async () => {
  const storage = memoryStorage();
  const put = (key: string, value: unknown) =>
    storage.write('settings', `companion/jobs/${key}`, encodeMessage(value));
  const record = (number: number, state: string) => {
    const { job, method, title, project } = submission(number);
    return {
      id: job,
      owner: 'me',
      method,
      title,
      project,
      state,
      rank: number,
      submitted: 0,
      changed: Date.UTC(2026, 0, 1),
      crashes: 0,
      stopping: false,
    };
  };
  const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((number) => submission(number).job);
  // Killed after it was taken, but before its outcome was deleted.
  await put(`${one}/job`, record(1, 'taken'));
  await put(`${one}/outcome`, { state: 'done', value: 1 });
  // Killed after the outcome, but before anything else.
  await put(`${two}/job`, record(2, 'running'));
  await put(`${two}/args`, ['mine', 'run-2']);
  await put(`${two}/outcome`, { state: 'done', value: 2 });
  // Killed before it was whole.
  await put(`${three}/args`, [3]);
  // Damaged.
  await storage.write('settings', `companion/jobs/${four}/job`, new Uint8Array([1, 2, 3]));
  // Running.
  await put(`${five}/job`, record(5, 'running'));
  await put(`${five}/args`, ['mine', 'run-5']);
  const { queue, kept, log, clock } = await openQueue(quick, storage);
  await clock.run(1000);
  expect(await kept()).toEqual([
    `${one}/job`,
    `${two}/job`,
    `${two}/outcome`,
    `${five}/job`,
    `${five}/outcome`,
  ]);
  expect(await queue.outcome('me', two ?? '')).toEqual({ state: 'done', value: 2 });
  expect(await queue.outcome('me', five ?? '')).toEqual({
    state: 'done',
    value: ['mine', 'run-5'],
  });
  await expect(queue.submit('me', submission(1))).rejects.toMatchObject({ code: 'not-found' });
  expect(log).toEqual([expect.stringContaining(four ?? '?'), expect.stringContaining('goes on')]);
});

test('a companion that leaves lets a job commit, and goes on with it when it is back', async () => {
  const leaving: EngineRunner = {
    run: (_method, _args, _tell, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(abortedError()))),
    call,
  };
  const { queue, storage, clock } = await openQueue(leaving);
  await queue.submit('me', submission(1));
  await clock.run(1000);
  expect(queue.counts()).toMatchObject({ running: 1 });
  const closed = queue.close();
  await clock.run(1000);
  await closed;
  const back = await openQueue(quick, storage, clock);
  await clock.run(1000);
  expect(await back.queue.outcome('me', submission(1).job)).toMatchObject({ state: 'done' });
});

test('a job at which the whole companion is killed again and again is given up, and says why', async () => {
  const endless: EngineRunner = { run: () => new Promise(() => undefined), call };
  const { queue, storage, clock } = await openQueue(endless);
  await queue.submit('me', submission(1));
  await queue.submit('me', submission(2));
  // Killed: nothing is closed, the next one finds what is on the disk.
  let now = queue;
  for (let kill = 1; kill <= 5; kill++) {
    await clock.run(1000);
    expect(now.line('me', submission(1).job)).toMatchObject({ state: 'running' });
    ({ queue: now } = await openQueue(endless, storage, clock));
  }
  await clock.run(1000);
  expect(now.line('me', submission(1).job)).toMatchObject({ state: 'failed' });
  expect(await now.outcome('me', submission(1).job)).toMatchObject({
    error: { code: 'device', message: expect.stringContaining('killed 5 times') as string },
  });
  // The one behind it has its turn.
  expect(now.line('me', submission(2).job)).toMatchObject({ state: 'running' });
});

test('kills between which a job ran on for long are not counted together, nor is being told to leave', async () => {
  const patient: EngineRunner = {
    run: (_method, _args, _tell, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(abortedError()))),
    call,
  };
  const { queue, storage, clock } = await openQueue(patient);
  await queue.submit('me', submission(1));
  let now = queue;
  for (let kill = 1; kill <= 20; kill++) {
    await clock.run(11 * 60_000);
    ({ queue: now } = await openQueue(patient, storage, clock));
  }
  for (let leave = 1; leave <= 20; leave++) {
    await clock.run(1000);
    const closed = now.close();
    await clock.run(1000);
    await closed;
    ({ queue: now } = await openQueue(patient, storage, clock));
  }
  await clock.run(1000);
  expect(now.line('me', submission(1).job)).toMatchObject({ state: 'running' });
});

test('an outcome for which the disk has no room ends the job with the reason', async () => {
  const storage = memoryStorage();
  const large: EngineRunner = { run: () => Promise.resolve(new Uint8Array(10_000)), call };
  const { queue, clock } = await openQueue(large, storage);
  storage.quota = 5000;
  await queue.submit('me', submission(1));
  await clock.run(1000);
  expect(await queue.outcome('me', submission(1).job)).toMatchObject({
    state: 'failed',
    error: { code: 'storage-full' },
  });
});

test('a job with a file for which the disk has no room is refused, and leaves nothing', async () => {
  const storage = memoryStorage();
  storage.quota = 252e6;
  const { queue, kept } = await openQueue(quick, storage);
  const large = { ...submission(1), args: [new Uint8Array(4e6)] };
  await expect(queue.submit('me', large)).rejects.toMatchObject({ code: 'storage-full' });
  expect(await kept()).toEqual([]);
  await expect(queue.submit('me', submission(2))).resolves.toMatchObject({ own: true });
});

test('jobs of one project wait for each other, those of others do not; slots can be added', async () => {
  const running = new Set<unknown>();
  const ends: (() => void)[] = [];
  const runner: EngineRunner = {
    run(_method, [, name]) {
      running.add(name);
      return new Promise((resolve) =>
        ends.push(() => {
          running.delete(name);
          resolve(null);
        }),
      );
    },
    call,
  };
  const { queue, clock } = await openQueue(runner);
  queue.slots = 2;
  await queue.submit('me', submission(1, 'a'));
  await queue.submit('me', submission(2, 'a'));
  await queue.submit('me', submission(3, 'b'));
  await queue.submit('you', submission(4, 'c'));
  await clock.run(10);
  expect([...running]).toEqual(['run-1', 'run-3']);
  queue.slots = 3;
  await clock.run(10);
  expect([...running]).toEqual(['run-1', 'run-3', 'run-4']);
  ends[0]?.();
  await clock.run(10);
  expect([...running]).toEqual(['run-3', 'run-4', 'run-2']);
});

test('a page that is forgotten leaves nothing, and its jobs stop', async () => {
  const { queue, clock, kept, log } = await openQueue({
    run: (_method, _args, _tell, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new HeadlightError('aborted', 'Stopped.'))),
      ),
    call,
  });
  await queue.submit('me', submission(1));
  await queue.submit('me', submission(2));
  await queue.submit('you', submission(3));
  await clock.run(10);
  const forgotten = queue.forget('me');
  await clock.run(10);
  await forgotten;
  expect((await kept()).every((key) => key.startsWith(submission(3).job))).toBe(true);
  expect(queue.lines('you')).toMatchObject([{ state: 'running' }]);
  expect(log).toEqual([]);
});
