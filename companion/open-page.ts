/** Shows the page: prints its address, opens it in the browser where there is one, waits for Ctrl-C. */
import open from 'open';
import { servePage, type ServeOptions } from './serve';

export interface OpenPageOptions extends ServeOptions {
  readonly open: boolean;
  readonly signal: AbortSignal;
}

export async function openPage(options: OpenPageOptions): Promise<void> {
  const page = await servePage(options);
  process.stderr.write('Headlight runs at:\n');
  process.stdout.write(`${page.address}\n`);
  if (options.open && canShow()) {
    // A browser that does not start is no reason to stop serving: the address stands above.
    await open(page.address).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      process.stderr.write(`No browser could be opened (${message}). Open the address yourself.\n`);
    });
  }
  process.stderr.write('Press Ctrl-C to stop.\n');
  await new Promise<void>((resolve) => {
    if (options.signal.aborted) resolve();
    options.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await page.close();
}

/** `HEADLIGHT_NO_OPEN=1` says no; so do Linux without a display, and CI. */
function canShow(): boolean {
  const { HEADLIGHT_NO_OPEN, CI, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if ((HEADLIGHT_NO_OPEN ?? '') !== '' || (CI ?? '') !== '') return false;
  return process.platform !== 'linux' || (DISPLAY ?? WAYLAND_DISPLAY ?? '') !== '';
}
