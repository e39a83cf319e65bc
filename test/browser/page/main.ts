/** The real page over an engine in memory: what is looked at and checked here is only the page. */
import { mount } from 'svelte';
import Page from '../../../src/app/Page.svelte';
import '../../../src/app/app.css';
import { App } from '../../../src/app/state/app.svelte';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';

const asked = new URLSearchParams(location.search);
const many = Number(asked.get('classes') ?? 0);
const engine = new FakeEngine({
  delay: Number(asked.get('delay') ?? 20),
  ...(many > 0
    ? { classes: Array.from({ length: many }, (_, at) => `intent_number_${at + 1}_of_many`) }
    : {}),
});
const theme = new Theme((scheme) => {
  if (scheme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = scheme;
});
const app = new App(engine, fakeShell({ evicted: asked.has('evicted') }), theme);
const target = document.getElementById('app');
if (target === null) throw new Error('no #app');
mount(Page, { target, props: { app } });
void app.start(null);
