/** Whoever is not let in gets nothing, is logged, and leaves the companion alive: real sockets against a real server. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Access } from '../../../companion/serve/access';
import { CompanionScene, type Knock } from '../../helpers/companion-scene';
import { encodeMessage } from '../../../src/engine/remote/codec';
import { CLOSE, LIMITS, PROTOCOL } from '../../../src/engine/remote/protocol';

let scene: CompanionScene;
beforeAll(async () => {
  scene = await CompanionScene.start();
});
afterAll(() => scene.running.close());

/** It answers to a page that is let in. */
async function isAlive(): Promise<boolean> {
  const { knock } = await scene.page();
  const answer = await knock.call(1, 'about', 'echo');
  knock.end();
  return 'value' in answer || 'error' in answer;
}

describe('before the handshake', () => {
  test.each([
    'https://evil.example',
    'http://localhost:1',
    'http://localhost.evil.example',
    'null',
    'http://127.0.0.1.evil.example',
    'file://',
  ])('a page of %s is refused', async (origin) => {
    expect(await scene.knock({ origin })).toBe(403);
    expect(scene.lines.at(-1)).toContain('a page of another origin');
  });

  test('the same port by https is another origin', async () => {
    expect(await scene.knock({ origin: `https://localhost:${scene.running.port}` })).toBe(403);
  });

  test('no origin is refused', async () => {
    const { answer } = scene.bare(
      `GET /engine HTTP/1.1\r\nHost: localhost:${scene.running.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(scene.logged('no origin')).toBe(1);
  });

  test.each(['evil.example', '10.0.0.1', 'localhost.evil.example', 'localhost@evil.example', ''])(
    'the name "%s" is refused, whatever the origin says (DNS rebinding)',
    async (host) => {
      expect(await scene.knock({ host, origin: `http://${host}` })).toBe(403);
      const { answer } = scene.bare(
        `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      const said = await answer;
      expect(said).toMatch(/^HTTP\/1\.1 403 /);
      expect(said).not.toContain('"ok"');
    },
  );

  test('only /engine is a socket', async () => {
    expect(await scene.knock({}, '/')).toBe(404);
    expect(await scene.knock({}, '/engine/../secret.txt')).toBe(404);
  });

  test('compression is not taken up', async () => {
    const { socket, answer } = scene.bare(
      `GET /engine HTTP/1.1\r\nHost: localhost:${scene.running.port}\r\nOrigin: ${scene.origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    setTimeout(() => socket.destroy(), 200);
    const said = await answer;
    expect(said).toMatch(/^HTTP\/1\.1 101 /);
    expect(said.toLowerCase()).not.toContain('permessage-deflate');
  });
});

describe('at the door', () => {
  async function refusedWith(
    what: { token?: string; key?: string },
    reason: string,
  ): Promise<void> {
    const knock = await scene.stranger();
    knock.hello(what);
    const { code, reason: said } = await knock.closed;
    expect([code, knock.messages]).toEqual([CLOSE.unauthorised, []]);
    expect(scene.logged(`"reason":"${reason}"`), reason).toBeGreaterThan(0);
    // Nobody learns which of it was wrong.
    expect(said).not.toContain(reason);
  }

  test('no token', () => refusedWith({}, 'no token'));
  test('a guessed token', () =>
    refusedWith({ token: randomBytes(41).toString('base64url') }, 'unknown token'));
  test('a token with the right name and another value', async () => {
    const token = await scene.token();
    const other = token.slice(0, 12) + randomBytes(32).toString('base64url');
    await refusedWith({ token: other }, 'unknown token');
    // It is still good for whoever has it.
    const knock = await scene.stranger();
    knock.hello({ token });
    expect(await knock.heard('welcome')).not.toBeNull();
    knock.end();
  });
  test('a token that was used', async () => {
    const token = await scene.token();
    const first = await scene.stranger();
    first.hello({ token });
    expect(await first.heard('welcome')).toMatchObject({ protocol: PROTOCOL });
    await refusedWith({ token }, 'used token');
    first.end();
  });
  test('a token that is too old', async () => {
    const before = new Access(`${scene.home}/companion`, () => Date.now() - 11 * 60_000);
    await refusedWith({ token: await before.makeLink() }, 'expired token');
  });
  test('a token where a key belongs, a key where a token belongs', async () => {
    await refusedWith({ key: await scene.token() }, 'unknown key');
    const { knock, key } = await scene.page();
    await refusedWith({ token: key }, 'unknown token');
    knock.end();
  });
  test('a token that names a file', async () => {
    const knock = await scene.stranger();
    knock.hello({ token: '../../secret.txt/aaaaaaaaaaaaaaaa' });
    expect((await knock.closed).code).toBe(CLOSE.malformed);
  });

  test('of twelve that come at once with one token, one is let in', async () => {
    const token = await scene.token();
    const knocks = await Promise.all(Array.from({ length: 12 }, () => scene.stranger()));
    for (const knock of knocks) knock.hello({ token });
    const welcomes = await Promise.all(knocks.map((knock) => knock.heard('welcome')));
    expect(welcomes.filter((welcome) => welcome !== null)).toHaveLength(1);
    for (const knock of knocks) knock.end();
  });

  test('a call before hello, and hello of another version', async () => {
    const early = await scene.stranger();
    early.send({ kind: 'call', id: 1, method: 'about', args: [] });
    expect((await early.closed).code).toBe(CLOSE.unauthorised);
    await expect.poll(() => scene.logged('"reason":"no hello"')).toBe(1);
    const other = await scene.stranger();
    other.send({ kind: 'hello', protocol: 99, page: randomUUID(), token: await scene.token() });
    expect((await other.closed).code).toBe(CLOSE.version);
  });

  test('whoever only stands there gives way, and keeps nobody out', async () => {
    const silent = await Promise.all(Array.from({ length: 16 }, () => scene.stranger()));
    const { knock } = await scene.page();
    expect((await (silent[0] as Knock).closed).code).toBe(CLOSE.tooMany);
    for (const one of [...silent, knock]) one.end();
  });

  test('more pages than there is room for are refused', async () => {
    const pages: Awaited<ReturnType<typeof scene.page>>[] = [];
    while (pages.length < LIMITS.connections) {
      pages.push(...(await Promise.all(Array.from({ length: 8 }, () => scene.page()))));
    }
    expect(await scene.knock()).toBe(503);
    for (const { knock } of pages) knock.end();
    await Promise.all(pages.map(({ knock }) => knock.closed));
    await expect.poll(isAlive).toBe(true);
  });
});

describe('frames', () => {
  const malformed: readonly (readonly [string, Uint8Array | string])[] = [
    ['text', '{"kind":"ping"}'],
    ['nothing', new Uint8Array()],
    ['a header longer than the frame', Uint8Array.of(255, 255, 255, 127, 1, 2)],
    ['a header that is no JSON', Uint8Array.of(3, 0, 0, 0, 1, 2, 3)],
    ['no object', encodeMessage([1, 2, 3])],
    ['an unknown kind', encodeMessage({ kind: 'sudo' })],
    ['a field too many', encodeMessage({ kind: 'ping', as: 'root' })],
    [
      'a job whose name is a path',
      encodeMessage({ kind: 'watch', id: 1, job: '../../etc/passwd' }),
    ],
  ];
  test.each(malformed)('%s ends the connection, of strangers and of pages', async (_, frame) => {
    const stranger = await scene.stranger();
    stranger.raw(frame);
    expect((await stranger.closed).code).toBeGreaterThanOrEqual(4400);
    const { knock } = await scene.page();
    knock.raw(frame);
    expect((await knock.closed).code).toBeGreaterThanOrEqual(4400);
    await expect.poll(() => scene.logged('a broken message')).toBeGreaterThan(0);
  });

  test('too large a frame ends it before it is read; a stranger may send less', async () => {
    const { knock } = await scene.page();
    knock.raw(new Uint8Array(LIMITS.frame + 1));
    expect([1009, CLOSE.tooLarge]).toContain((await knock.closed).code);
    const stranger = await scene.stranger();
    stranger.raw(
      encodeMessage({ kind: 'hello', protocol: 1, page: randomUUID(), key: 'k'.repeat(100_000) }),
    );
    expect([CLOSE.tooLarge, CLOSE.malformed]).toContain((await stranger.closed).code);
  });

  test('a frame of many pieces that never ends is bounded as one is', async () => {
    const { socket, answer } = scene.bare(
      `GET /engine HTTP/1.1\r\nHost: localhost:${scene.running.port}\r\nOrigin: ${scene.origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    // A binary frame, not the last, of 64 KiB; then continuations of the same, masked with zeros.
    const piece = (opcode: number): Buffer => {
      const head = Buffer.alloc(14);
      head[0] = opcode;
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(65_536n, 2);
      return Buffer.concat([head, Buffer.alloc(65_536)]);
    };
    await wait(50);
    socket.write(piece(2));
    for (let n = 0; n < 32 && !socket.destroyed; n++) socket.write(piece(0));
    expect((await answer).length).toBeGreaterThan(0);
    expect(socket.destroyed).toBe(true);
  });

  test('10,000 random messages, from strangers and from pages, leave it alive and small', async () => {
    const before = process.memoryUsage().rss;
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed % below;
    };
    const { key } = await scene.page();
    const good = encodeMessage({ kind: 'call', id: 1, method: 'mirror.list', args: ['abc'] });
    const message = (): Uint8Array | string => {
      switch (random(4)) {
        case 0:
          return Uint8Array.from({ length: random(300) }, () => random(256));
        case 1:
          return String.fromCharCode(...Array.from({ length: random(40) }, () => random(0xd000)));
        case 2: {
          const changed = Uint8Array.from(good);
          changed[random(changed.length)] = random(256);
          return changed;
        }
        default:
          return encodeMessage({
            kind: ['call', 'submit', 'stop', 'credit', 'taken', 'piece', 'hello'][random(7)],
            id: random(5),
            method: ['mirror.write', 'train', 'forgetEverything', 'constructor', '__proto__'][
              random(5)
            ],
            job: random(2) === 0 ? randomUUID() : 'x'.repeat(random(90)),
            args: [
              ['files', '__proto__', 1e300, null][random(4)],
              '../../x',
              random(9),
              new Uint8Array(random(99)),
            ],
            title: 't',
            project: random(2) === 0 ? null : '../p',
            bytes: random(1000),
          });
      }
    };
    let [sent, refused] = [0, 0];
    while (sent < 10_000) {
      const knocks = await Promise.all(Array.from({ length: 8 }, () => scene.stranger()));
      await Promise.all(
        knocks.map(async (knock, at) => {
          if (at % 2 === 0) {
            knock.hello({ key });
            await knock.heard('welcome');
          }
          for (let n = 0; n < 40; n++, sent++) knock.raw(message());
          await Promise.race([knock.closed.then(() => refused++), wait(2_000)]);
          knock.end();
        }),
      );
    }
    expect(refused).toBeGreaterThan(200);
    expect(await isAlive()).toBe(true);
    // Of both sides in this one process.
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});

describe('what a page may not', () => {
  test.each([
    ['files', '../../secret.txt'],
    ['files', 'p/../../../secret.txt'],
    ['files', '..'],
    ['files', '/etc/hostname'],
    ['files', 'p/a\u0000b'],
    ['settings', 'companion/owners/p'],
    ['features', 'p/x'],
    ['companion', 'identity.json'],
    ['models', '../companion/keys'],
    ['__proto__', 'p'],
  ])('mirror keys stay where they belong: %s %s', async (area, key) => {
    const { knock } = await scene.page();
    const content = new TextEncoder().encode('x');
    const hash = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    for (const [id, method, args] of [
      [1, 'mirror.write', [area, key, 0, content, 1, hash]],
      [2, 'mirror.read', [area, key, 0, 10]],
      [3, 'mirror.delete', [area, key]],
    ] as const) {
      const answer = await knock.call(id, method, ...args);
      expect(answer, method).not.toHaveProperty('value');
      expect(JSON.stringify(answer)).not.toContain(scene.home);
    }
    knock.end();
    expect(await scene.kept()).toContain('secret');
  });

  test('a name that a web server would decode stays a name', async () => {
    const { knock } = await scene.page();
    const content = new TextEncoder().encode('x');
    const hash = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    await knock.call(1, 'mirror.write', 'files', 'pq/..%2f..%2fsecret.txt', 0, content, 1, hash);
    expect(await readFile(join(scene.home, 'secret.txt'), 'utf8')).toBe('secret');
    knock.end();
  });

  test.each(['forgetEverything', 'setHubToken', 'listProjects', 'constructor', '__proto__'])(
    'the method %s',
    async (method) => {
      const { knock } = await scene.page();
      const answer = await knock.call(1, method);
      if ('closed' in answer) expect(answer).toMatchObject({ closed: { code: CLOSE.malformed } });
      else expect(answer).toMatchObject({ error: { code: 'refused' } });
      knock.end();
    },
  );
});

describe('HTTP', () => {
  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '/companion/identity.json',
    '//127.0.0.1/secret.txt',
    'http://evil.example/secret.txt',
  ])('%s gives nothing away', async (path) => {
    const { answer } = scene.bare(
      `GET ${path} HTTP/1.1\r\nHost: localhost:${scene.running.port}\r\nConnection: close\r\n\r\n`,
    );
    const said = await answer;
    expect(said).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(said).not.toMatch(/\bsecret\r?\n?$/);
  });

  test('connections that say nothing, or a byte at a time, are ended', async () => {
    const silent = scene.bare('');
    const slow = scene.bare('GET / HTTP/1.1\r\n');
    const drip = setInterval(() => slow.socket.write('X'), 100);
    const begun = Date.now();
    await Promise.all([silent.answer, slow.answer]);
    clearInterval(drip);
    expect(Date.now() - begun).toBeLessThan(3_000);
  });
});

test('no secret stands in the log or on the disk', async () => {
  const token = await scene.token();
  const knock = await scene.stranger();
  knock.hello({ token });
  const key = String((await knock.heard('welcome'))?.['key']);
  expect(key).toMatch(/^[\w-]{55}$/);
  knock.end();
  const again = await scene.stranger();
  again.hello({ token });
  await again.closed;
  const kept = await scene.kept();
  for (const secret of [token, key]) {
    expect(scene.lines.join('\n')).not.toContain(secret.slice(12));
    expect(kept).not.toContain(secret.slice(12));
  }
  expect(scene.lines.length).toBeGreaterThan(10);
});
