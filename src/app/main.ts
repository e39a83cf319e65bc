/** The page's entry: the shell first (it may reload once for isolation), then the engine, then the page. */
import { mount } from 'svelte';
import { HeadlightError } from '../base';
import { connectEngine } from '../engine';
import {
  allowedModelHost,
  egressStatus,
  pageRequests,
  setModelHost,
  startShell,
  storageMayBeEvicted,
} from '../platform/web/shell';
import Page from './Page.svelte';
import './app.css';
import { App } from './state/app.svelte';
import type { Shell } from './state/shell';
import { Theme } from './state/theme.svelte';

const SAMPLE = 'samples/support-inbox.csv';
/** Kept in the background, so that a whole job runs offline after the first load; the others once used. */
const OFFLINE = ['models/headlight-instant-en/'];

const theme = new Theme((scheme) => {
  if (scheme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = scheme;
});

let offer: (reload: () => Promise<void>) => void = () => undefined;
await startShell({ updateAvailable: (reload) => offer(reload), offline: OFFLINE });

const shell: Shell = {
  egressStatus,
  allowedModelHost,
  setModelHost,
  storageMayBeEvicted,
  requests: pageRequests,
  onUpdate: (listener) => (offer = listener),
  async sample() {
    const response = await fetch(new URL(SAMPLE, document.baseURI));
    if (!response.ok) {
      throw new HeadlightError('network', `The sample could not be loaded (${response.status}).`, {
        hint: 'Reload the page and try again, or drop a file of your own.',
      });
    }
    return { name: 'support-inbox.csv', bytes: new Uint8Array(await response.arrayBuffer()) };
  },
};

const worker = new Worker(new URL('../../workers/engine.worker.ts', import.meta.url), {
  type: 'module',
  name: 'engine',
});
const app = new App(connectEngine(worker), shell, theme);
const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');
target.replaceChildren();
mount(Page, { target, props: { app } });
const named = /^#project=(.+)$/.exec(location.hash)?.[1];
void app.start(named === undefined ? null : decodeURIComponent(named));
