/** What the build writes into the scripts (`vite.config.ts`, `define`). */
declare const __HEADLIGHT_VERSION__: string;
declare const __ORT_VERSION__: string;
declare const __TFJS_VERSION__: string;
