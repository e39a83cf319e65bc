/** The build: what any static host takes, and what no script may name. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const dist = join(import.meta.dirname, '../../dist');
const MEBIBYTE = 1 << 20;
let files: string[];

beforeAll(() => {
  files = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)));
  expect(files).toContain('index.html');
});

const read = (path: string): string => readFileSync(join(dist, path), 'utf8');

describe('the built page', () => {
  test('has no file over 25 MiB', () => {
    const large = files.filter((path) => statSync(join(dist, path)).size > 25 * MEBIBYTE);
    expect(large).toEqual([]);
  });

  test('has no script that names a content delivery network', () => {
    const hosts = /jsdelivr|unpkg|cdnjs|esm\.sh|googleapis|skypack|tfhub\.dev|gstatic/i;
    const scripts = files.filter((path) => /\.(?:m?js|html|css)$/.test(path));
    expect(scripts.length).toBeGreaterThan(5);
    expect(scripts.filter((path) => hosts.test(read(path)))).toEqual([]);
  });

  test('names its own files relatively, so that it works from any sub-path', () => {
    const addresses = [...read('index.html').matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, at]) => at,
    );
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(address).toMatch(/^\.\//);
  });

  test('needs no inline script or style, which the policy refuses', () => {
    const html = read('index.html');
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/i);
    expect(
      [...html.matchAll(/<script\b([^>]*)>/g)].every(([, attributes]) =>
        /\ssrc=/.test(attributes ?? ''),
      ),
    ).toBe(true);
  });

  test('carries the service worker, the licence, the notice and every third-party licence', () => {
    expect(files).toEqual(
      expect.arrayContaining(['sw.js', 'LICENSE', 'NOTICE', 'THIRD-PARTY-LICENSES.txt']),
    );
    expect(read('LICENSE')).toMatch(/Apache License\s+Version 2\.0/);
    const licences = read('THIRD-PARTY-LICENSES.txt');
    for (const name of [
      'onnxruntime-web',
      '@tensorflow/tfjs-core',
      'comlink',
      'idb',
      'svelte',
      'papaparse',
    ]) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
    expect(licences).toMatch(/Permission is hereby granted/);
  });

  test('the service worker knows every file of the build by its content', () => {
    const worker = read('sw.js');
    for (const path of files.filter((file) => file !== 'sw.js')) expect(worker).toContain(path);
  });
});
