import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { hashOf, projectInHash } from '../../../src/app/state/address';
import { App } from '../../../src/app/state/app.svelte';
import type { Shell } from '../../../src/app/state/shell';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';

function made(shell: Partial<Shell> = {}, engine = new FakeEngine()) {
  const app = new App(engine, { ...fakeShell(), ...shell }, new Theme(() => undefined));
  return { app, engine };
}

const silent = new HeadlightError('internal', 'The service worker has not answered.');
const fails = () => Promise.reject(silent);
const never = () => new Promise<never>(() => undefined);

describe('the page can be used, whatever fails while it starts', () => {
  it('a service worker that does not answer is told, and what could be found out is shown', async () => {
    const { app } = made({ allowedModelHost: fails });
    await app.start(null);
    expect(app.ready).toBe(true);
    expect(app.egress.work.error).toBe(silent);
    expect(app.egress.status).toBe('enforced');
    expect(app.egress.total).toBeGreaterThan(0);
    await app.takeSample();
    expect(app.project).not.toBeNull();
  });

  it('nothing waits for what the browser never answers', async () => {
    const { app } = made({ egressStatus: never, storageMayBeEvicted: never });
    void app.start(null);
    await expect.poll(() => app.ready).toBe(true);
  });

  it('a list of projects that cannot be read is told, and a file can still be dropped', async () => {
    const { app, engine } = made();
    engine.listProjects = () => Promise.reject(new HeadlightError('storage', 'No list.'));
    await app.start('some-project');
    expect(app.ready).toBe(true);
    expect(app.list.error?.message).toBe('No list.');
  });

  it('a worker that has stopped is told once, with the first reason', () => {
    const { app } = made();
    expect(app.stopped).toBeNull();
    app.engineStopped(new HeadlightError('internal', 'It could not be loaded.'));
    app.engineStopped(new Error('and then something else'));
    expect(app.stopped?.message).toBe('It could not be loaded.');
  });

  it('a worker that no longer answers is said in the line of requests, which goes on', async () => {
    const { app, engine } = made();
    await app.start(null);
    expect(app.egress.complete).toBe(true);
    engine.requests = fails;
    await app.egress.count();
    expect(app.egress.complete).toBe(false);
    expect(app.egress.total).toBeGreaterThan(0);
  });

  it('an update that fails is told, and can be tried again', async () => {
    let offer: (reload: () => Promise<void>) => void = () => undefined;
    const { app } = made({ onUpdate: (listener) => (offer = listener) });
    offer(fails);
    await app.switchToUpdate();
    expect(app.surroundings.error).toBe(silent);
    expect(app.hasUpdate).toBe(true);
  });
});

describe('a project that cannot be opened', () => {
  it('is listed with what is wrong, is not opened by itself, and can be deleted', async () => {
    const { app, engine } = made();
    await app.takeSample();
    const id = app.project?.id ?? '';
    engine.unreadable.set(id, 'Its document is damaged.');
    const again = made({}, engine).app;
    await again.start(id);
    expect(again.project).toBeNull();
    expect(again.opening.error).toBeNull();
    expect(again.projects.map(({ problem }) => problem)).toEqual(['Its document is damaged.']);
    await again.delete(id);
    expect(again.projects).toEqual([]);
  });
});

describe('the address', () => {
  it('names the open project, whatever its id', () => {
    for (const id of ['a b', 'Größe/1%', '#?&']) expect(projectInHash(hashOf(id))).toBe(id);
    expect(hashOf(null)).toBe('');
  });

  it('that is cut or wrong names none', () => {
    for (const hash of ['', '#', '#project=', '#project=%', '#project=%E0%A4%A', '#other=1']) {
      expect(projectInHash(hash)).toBeNull();
    }
  });
});

describe('what has left this device', () => {
  it('includes what the service worker fetches by itself and what threads load', async () => {
    const { app } = made({
      requests: () => [{ origin: 'self', count: 10 }],
      backgroundRequests: () => [
        { by: 'service worker', origin: 'self', count: 4 },
        { by: 'threads', origin: 'https://elsewhere.example', count: 2 },
      ],
    });
    await app.start(null);
    const workers = app.egress.workers.reduce((sum, { count }) => sum + count, 0);
    expect(app.egress.total).toBe(10 + 4 + 2 + workers);
    expect(app.egress.others).toEqual([{ origin: 'https://elsewhere.example', count: 2 }]);
  });

  it('names everything that a chosen host lets through', async () => {
    const sources = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];
    const { app } = made({
      allowedModelHost: async () => 'https://huggingface.co',
      modelHostSources: () => sources,
    });
    expect(app.egress.sources).toEqual([]);
    await app.start(null);
    expect(app.egress.sources).toEqual(sources);
  });
});

describe('what is kept, and forgetting it', () => {
  const files = [
    { path: 'models/instant/model.onnx', bytes: 100 },
    { path: 'models/instant/vocab.txt', bytes: 20 },
    { path: 'runtime/ort/ort.wasm', bytes: 3000 },
    { path: 'runtime/tfjs/tfjs.wasm', bytes: 400 },
  ];

  it('lists the models that ship one by one, and the runtimes together', async () => {
    const { app } = made({ keptFiles: async () => files });
    await app.stored.read();
    expect(app.stored.shipped).toEqual([
      { encoder: null, bytes: 3400 },
      { encoder: 'instant', bytes: 120 },
    ]);
    const added = (app.stored.items ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(app.stored.bytes).toBe(3520 + added);
  });

  function recording(host: string | null) {
    const done: string[] = [];
    const engine = new FakeEngine();
    const forget = engine.forgetEverything.bind(engine);
    engine.forgetEverything = async () => {
      done.push('engine');
      await forget();
    };
    const { app } = made(
      {
        allowedModelHost: async () => host,
        setModelHost: async (to) => void done.push(`host ${String(to)}`),
        clearKeptFiles: async () => void done.push('files'),
      },
      engine,
    );
    return { app, done };
  }

  it('everything: projects, kept files, and last the host that was let through', async () => {
    const { app, done } = recording('https://huggingface.co');
    app.theme.choose('dark');
    expect(await app.forgetEverything()).toBe(true);
    expect(done).toEqual(['engine', 'files', 'host null']);
    expect(app.theme.scheme).toBe('system');
  });

  it('where no host was let through the page need not be loaded anew', async () => {
    const { app, done } = recording(null);
    await app.forgetEverything();
    expect(done).toEqual(['engine', 'files']);
  });

  it('says so when something could not be forgotten', async () => {
    const { app } = made({ clearKeptFiles: fails });
    expect(await app.forgetEverything()).toBe(false);
    expect(app.stored.work.error).toBe(silent);
  });

  it('clearing models clears the copies of those that ship too', async () => {
    const { app, done } = recording(null);
    await app.clearModels();
    expect(done).toEqual(['files']);
  });
});
