/** The classifier inside its HTML file: opened when the page hands it over, served over comlink. */
import { openStandalone, serveEngine, type StandaloneContent } from '../src/engine';
import { createCarriedRuntime } from '../src/platform/web/carried-runtime';

const content = new Promise<StandaloneContent>((resolve) => {
  self.addEventListener('message', ({ data }: MessageEvent<Partial<StandaloneContent>>) => {
    if (data.kind === 'headlight.open') resolve(data as StandaloneContent);
  });
});

serveEngine(content.then((handed) => openStandalone(handed, createCarriedRuntime)));
