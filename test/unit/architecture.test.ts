/** The house of DESIGN.md, kept: arrows point down, rooms are entered by their door, files stay small. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Lower may not know higher; rooms of the same height do not know each other. */
const HEIGHTS: Readonly<Record<string, number>> = {
  base: 0,
  platform: 1,
  data: 2,
  graph: 2,
  models: 3,
  learning: 4,
  project: 5,
  engine: 6,
  app: 7,
  workers: 7,
  companion: 7,
};
/** The page speaks to the engine; plain types of the rooms below may be named, their code not used. */
const APP_MAY_RUN = ['app', 'engine', 'base'];
const LONGEST_FILE = 400;
const LONGEST_WORKER = 20;
/** The egress policy is shared by everything that sends headers; it is free of the DOM and of Node. */
const SHARED_POLICY = 'src/platform/web/policy.ts';
/** What the page's main thread needs of its platform, without the runtimes that its worker loads. */
const PAGE_DOOR = 'src/platform/web/shell.ts';
/** What a classifier page needs of it: the one runtime that it carries, and none that is fetched. */
const STANDALONE_DOOR = 'src/platform/web/carried-runtime.ts';

/** Defaults and presets that the page reads without loading what trains: plain data, no import that runs. */
const PLAIN_DATA = 'src/learning/finetune/presets.ts';

interface Import {
  readonly from: string;
  /** Path in the repository, or the package's name. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const files = ['src', 'workers', 'companion'].flatMap((folder) => sourcesUnder(folder));
const contents = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
const imports = files.flatMap((file) => importsOf(file));
const inside = imports.filter(({ to }) => contents.has(to));

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && /\.(ts|svelte|js|mjs)$/.test(item.name))
    .map((item) => relative(ROOT, join(item.parentPath, item.name)).split(sep).join('/'));
}

function importsOf(file: string): Import[] {
  const text = contents.get(file) ?? '';
  // Of a component, its scripts.
  const code = file.endsWith('.svelte')
    ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, body]) => body).join('\n')
    : text;
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.ES2022, true);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    found.push({ from: file, to: resolveImport(file, specifier.text), isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function resolveImport(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const path = posix.join(dirname(from), specifier.replace(/\?.*$/, ''));
  const candidates = [path, `${path}.ts`, `${path}/index.ts`, path.replace(/\.js$/, '.ts')];
  return candidates.find((candidate) => contents.has(candidate)) ?? path;
}

/** `src/graph/onnx/read.ts` is in `graph`, `workers/ml.ts` in `workers`. */
function roomOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'src' ? second.replace(/\.(ts|svelte)$/, '') : first;
}

function say({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

test('the test sees the house', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(inside.length).toBeGreaterThan(100);
  const rooms = new Set(files.map(roomOf));
  for (const room of ['base', 'platform', 'data', 'graph', 'models', 'learning', 'engine']) {
    expect(rooms).toContain(room);
  }
});

test('every file stands in a room of the house', () => {
  expect(files.filter((file) => HEIGHTS[roomOf(file)] === undefined)).toEqual([]);
});

test('arrows only point down', () => {
  const up = inside.filter(({ from, to }) => {
    const [a, b] = [roomOf(from), roomOf(to)];
    return a !== b && (HEIGHTS[a] ?? 0) <= (HEIGHTS[b] ?? 0);
  });
  expect(up.map(say)).toEqual([]);
});

test('the page runs nothing below the engine', () => {
  const below = inside.filter(
    ({ from, to, isTypeOnly }) =>
      roomOf(from) === 'app' &&
      !isTypeOnly &&
      !APP_MAY_RUN.includes(roomOf(to)) &&
      to !== PLAIN_DATA &&
      !to.startsWith('src/platform/web/'),
  );
  expect(below.map(say)).toEqual([]);
});

test('the plain data that the page reads brings nothing along', () => {
  expect(imports.filter(({ from, isTypeOnly }) => from === PLAIN_DATA && !isTypeOnly)).toEqual([]);
});

test('rooms are entered by their door', () => {
  const past = inside.filter(({ from, to }) => {
    if (
      [SHARED_POLICY, PAGE_DOOR, STANDALONE_DOOR, PLAIN_DATA].includes(to) ||
      roomOf(to) === 'app'
    )
      return false;
    let up = dirname(from);
    while (!to.startsWith(`${up}/`) && up !== '.') up = dirname(up);
    const down = up === '.' ? to : to.slice(up.length + 1);
    // A file beside or above the importing one is of the same room; deeper ones have a door.
    return down.includes('/') && !down.endsWith('/index.ts');
  });
  expect(past.map(say)).toEqual([]);
});

test('only entry points know where they run', () => {
  const entries = ['workers', 'companion'];
  const knowing = inside.filter(({ from, to }) => {
    const room = /^src\/platform\/(web|node)\//.exec(to)?.[0];
    if (room === undefined || from.startsWith(room) || to === SHARED_POLICY) return false;
    // The page may use what is the page's; the command line what is Node's.
    if (roomOf(from) === 'app') return room !== 'src/platform/web/';
    return !entries.includes(roomOf(from));
  });
  expect(knowing.map(say)).toEqual([]);
});

test('Node is imported in the companion and in platform/node only', () => {
  const node = imports.filter(
    ({ from, to }) =>
      (to.startsWith('node:') || builtinModules.includes(to)) &&
      !from.startsWith('companion/') &&
      !from.startsWith('src/platform/node/'),
  );
  expect(node.map(say)).toEqual([]);
  const runtimes = imports.filter(
    ({ from, to }) => /^onnxruntime-/.test(to) && !from.startsWith('src/platform/'),
  );
  expect(runtimes.map(say)).toEqual([]);
});

describe('no globals of a page or of Node', () => {
  /** What pages, workers and Node all have. */
  const SHARED = new Set(
    `AbortController AbortSignal Blob BroadcastChannel BufferSource CompressionStream
     DecompressionStream DOMException Event EventTarget File FormData Headers MessageChannel
     MessageEvent MessagePort ReadableStream ReadableStreamDefaultReader Request RequestInfo
     RequestInit Response TextDecoder TextEncoder Transferable TransformStream URL URLSearchParams
     WebAssembly WritableStream atob btoa clearInterval clearTimeout crypto performance
     queueMicrotask setInterval setTimeout structuredClone`.split(/\s+/),
  );

  test('the rooms below the page run anywhere', () => {
    const covered = files.filter(
      (file) => /^src\/(?!app\/|platform\/(web|node)\/|main)/.test(file) && file.endsWith('.ts'),
    );
    const config = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
      ts.sys,
      ROOT,
    );
    const program = ts.createProgram(
      covered.map((file) => join(ROOT, file)),
      config.options,
    );
    const checker = program.getTypeChecker();
    const found: string[] = [];
    for (const file of covered) {
      const source = program.getSourceFile(join(ROOT, file));
      if (source === undefined) throw new Error(`${file} was not compiled`);
      const visit = (node: ts.Node): void => {
        if (ts.isIdentifier(node) && isForeign(node, checker)) {
          const { line } = source.getLineAndCharacterOfPosition(node.getStart());
          found.push(`${file}:${line + 1} uses ${node.text}`);
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(found).toEqual([]);
  });

  /** Whether it names something that only the DOM's or Node's type files declare. */
  function isForeign(node: ts.Identifier, checker: ts.TypeChecker): boolean {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      const { expression } = parent;
      if (!ts.isIdentifier(expression) || expression.text !== 'globalThis') return false;
    }
    if (ts.isQualifiedName(parent) && parent.right === node) return false;
    const symbol = checker.getSymbolAtLocation(node);
    const declarations = symbol?.declarations ?? [];
    if (declarations.length === 0 || SHARED.has(node.text)) return false;
    // Type files add to JavaScript's own (Node to Uint8Array); those are everywhere.
    const isLanguage = declarations.some((declaration) =>
      /\/lib\.(es\d+|esnext|decorators)[.\w]*\.d\.ts$/.test(declaration.getSourceFile().fileName),
    );
    if (isLanguage) return false;
    return declarations.some((declaration) => {
      const { fileName } = declaration.getSourceFile();
      const isGlobal = /\/lib\.(dom|webworker)[.\w]*\.d\.ts$|\/@types\/node\/|\/@webgpu\/types\//;
      // A property of an object of these types is reached through the object, which is looked at itself.
      const isTopLevel = !ts.isPropertySignature(declaration) && !ts.isMethodSignature(declaration);
      return isTopLevel && isGlobal.test(fileName);
    });
  }
});

test('a file is one idea', () => {
  const long = [...contents]
    .map(([file, text]) => `${file}: ${text.split('\n').length - 1} lines`)
    .filter((line) => Number(/: (\d+) lines$/.exec(line)?.[1]) > LONGEST_FILE);
  expect(long).toEqual([]);
});

test('a worker file only joins platform and engine', () => {
  const long = [...contents].filter(
    ([file, text]) => file.startsWith('workers/') && text.split('\n').length - 1 > LONGEST_WORKER,
  );
  expect(long.map(([file]) => file)).toEqual([]);
});

test('no file excuses itself from types, lint or work', () => {
  // Put together, so that this file is not the one that is found.
  const types = ['ignore', 'nocheck', 'expect-error'].map((name) => `@ts-${name}`);
  const lint = ['es', 'ox'].map((name) => `${name}lint-disable`);
  const excuses = new RegExp([...types, ...lint].join('|'));
  const work = /\b(TODO|FIXME|XXX)\b/;
  const others = ['test', 'bench', 'tools'].flatMap((folder) => sourcesUnder(folder));
  const atTheTop = readdirSync(ROOT).filter((name) => /\.(js|ts)$/.test(name));
  const found = [...others, ...atTheTop].filter((file) =>
    excuses.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  const own = [...contents].filter(([, text]) => excuses.test(text) || work.test(text));
  expect([...found, ...own.map(([file]) => file)]).toEqual([]);
});

test('the lock file names no private registry', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string }>;
  };
  const elsewhere = Object.values(lock.packages)
    .map(({ resolved }) => resolved)
    .filter((url) => url !== undefined && !url.startsWith('https://registry.npmjs.org/'));
  expect(elsewhere).toEqual([]);
});
