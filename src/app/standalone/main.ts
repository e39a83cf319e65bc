/** The entry of the page in a classifier file: facts first, then the worker with what the file carries. */
import { mount } from 'svelte';
import { toHeadlightError } from '../../base';
import { connectEngine } from '../../engine';
import '../app.css';
import CannotRun from '../CannotRun.svelte';
import { readFacts, startWorker, takeContent } from './content';
import Standalone from './Standalone.svelte';

const target = document.getElementById('app');
if (target === null) throw new Error('the template has no #app');
target.replaceChildren();
try {
  const facts = readFacts();
  const worker = startWorker();
  worker.postMessage(takeContent(facts));
  mount(Standalone, { target, props: { facts, engine: connectEngine(worker) } });
} catch (error) {
  mount(CannotRun, { target, props: { error: toHeadlightError(error) } });
}
