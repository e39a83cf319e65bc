/** The engine in a worker: web platform + engine, over comlink. */
import { createEngine, serveEngine } from '../src/engine';
import { createWebPlatform } from '../src/platform/web';

serveEngine(createWebPlatform().then(createEngine));
