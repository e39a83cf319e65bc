import { describe, expect, it } from 'vitest';
import { tell } from '../../../src/platform/web/service-worker-client';
import type { ToServiceWorker } from '../../../src/platform/web/service-worker-messages';

/** A service worker that answers by this, or not at all. */
function worker(answer: ((message: ToServiceWorker) => unknown) | null) {
  return {
    postMessage(message: ToServiceWorker, ports: unknown) {
      const [port] = ports as MessagePort[];
      if (answer !== null) port?.postMessage(answer(message));
    },
  };
}

describe('what the page says to its service worker', () => {
  it('is answered', async () => {
    const said = { ok: true, modelHost: 'https://models.example', kept: [] };
    expect(
      await tell(
        worker(() => said),
        { kind: 'model-host' },
      ),
    ).toEqual(said);
  });

  it('is an error with a way out when no answer comes in time, not a wait without end', async () => {
    await expect(tell(worker(null), { kind: 'kept' }, 20)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('has not answered') as unknown,
      hint: expect.stringContaining('Reload the page') as unknown,
    });
  });
});
