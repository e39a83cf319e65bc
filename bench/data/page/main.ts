/** The page of the measurement: hands a Blob to the worker and watches its own event loop meanwhile. */
export interface PageFigures {
  readonly rows: number;
  readonly seconds: number;
  readonly longestStallMs: number;
  readonly events: number;
}

async function measure(address: string): Promise<PageFigures> {
  const blob = await (await fetch(address)).blob();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  let longestStallMs = 0;
  let events = 0;
  let last = performance.now();
  let running = true;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    longestStallMs = Math.max(longestStallMs, now - last);
    last = now;
    if (running) setTimeout(() => channel.port2.postMessage(0), 1);
  };
  channel.port2.postMessage(0);
  const started = performance.now();
  const rows = await new Promise<number>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ rows?: number; error?: string }>) => {
      events++;
      if (data.error !== undefined) reject(new Error(data.error));
      if (data.rows !== undefined) resolve(data.rows);
    };
    worker.postMessage(blob);
  });
  running = false;
  return { rows, seconds: (performance.now() - started) / 1000, longestStallMs, events };
}

Object.assign(window, { measure });
