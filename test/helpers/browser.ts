/**
 * Real browsers for the tests: Chromium with its software WebGPU adapter, and Firefox. Found on the
 * machine, else installed: from Debian when this runs as root there, else from where the driver's own
 * tool gets them, into `.browsers/`. A test that finds no browser fails.
 */
import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import puppeteer, { type Browser, type LaunchOptions } from 'puppeteer-core';

const run = promisify(execFile);
const INSTALL_MILLISECONDS = 600_000;
/** What a browser of our own is installed into; ignored by git. */
const OWN_BROWSERS = resolve(dirname(fileURLToPath(import.meta.url)), '../../.browsers');

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // Containers give /dev/shm 64 MB, less than one model.
  '--disable-dev-shm-usage',
];

/**
 * WebGPU gives each kernel memory full of zeros, which takes the software adapter two thirds of a training step. Kernels
 * that are held to a reference without them are right with them, too; some of ONNX Runtime's other kernels need them.
 */
export const WITHOUT_ZEROS = ['--enable-dawn-features=disable_workgroup_init'];

const CHROMIUM_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];
const FIREFOX_PLACES = [
  '/usr/bin/firefox',
  '/usr/bin/firefox-esr',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
  'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
];

export interface LaunchSettings {
  /** Kept after the browser closes, so that a second one finds what the first one stored. */
  readonly userDataDir?: string;
  readonly extraArguments?: readonly string[];
}

let chromium: Promise<string> | null = null;
let firefox: Promise<string> | null = null;

/** Path of a Chromium or Chrome; installs one when there is none. */
export function findChromium(): Promise<string> {
  return (chromium ??= findOrInstallChromium());
}

/** Path of a Firefox; installs one when there is none. */
export function findFirefox(): Promise<string> {
  return (firefox ??= findOrInstallFirefox());
}

/** Headless Chromium with WebGPU on its software adapter, and a profile of its own. */
export async function launchChromium(settings: LaunchSettings = {}): Promise<Browser> {
  return launch(settings, {
    executablePath: await findChromium(),
    // Puppeteer's `true` is Chromium's `--headless=new`.
    headless: true,
    args: [...CHROMIUM_FLAGS, ...(settings.extraArguments ?? [])],
  });
}

/** Headless Firefox over WebDriver BiDi, with a profile of its own. */
export async function launchFirefox(settings: LaunchSettings = {}): Promise<Browser> {
  return launch(settings, {
    browser: 'firefox',
    executablePath: await findFirefox(),
    headless: true,
    args: [...(settings.extraArguments ?? [])],
    extraPrefsFirefox: {
      // No request that the page did not make.
      'app.update.enabled': false,
      'browser.safebrowsing.downloads.remote.enabled': false,
      'datareporting.policy.dataSubmissionEnabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
    },
  });
}

async function launch(settings: LaunchSettings, options: LaunchOptions): Promise<Browser> {
  const own = settings.userDataDir === undefined;
  const userDataDir = settings.userDataDir ?? (await mkdtemp(join(tmpdir(), 'headlight-browser-')));
  const browser = await puppeteer.launch({
    ...options,
    userDataDir,
    // One call may wait for a whole training job.
    protocolTimeout: INSTALL_MILLISECONDS,
  });
  if (own) {
    browser.once('disconnected', () => {
      void rm(userDataDir, { recursive: true, force: true, maxRetries: 5 });
    });
  }
  return browser;
}

async function findOrInstallChromium(): Promise<string> {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const asked = process.env['CHROME_PATH'];
  const find = (): Promise<string | null> => firstExecutable(asked, names, CHROMIUM_PLACES);
  const found =
    (await find()) ??
    (await installFromDebian('chromium', find)) ??
    (await ownChromium()) ??
    (await installOwnChromium());
  if (found !== null) return found;
  throw new Error(
    'No Chromium was found and none could be installed. Install Chromium or Chrome, or set CHROME_PATH.',
  );
}

async function findOrInstallFirefox(): Promise<string> {
  const asked = process.env['FIREFOX_PATH'];
  const find = (): Promise<string | null> =>
    firstExecutable(asked, ['firefox', 'firefox-esr'], FIREFOX_PLACES);
  const found =
    (await find()) ?? (await installFromDebian('firefox-esr', find)) ?? (await installOwnFirefox());
  if (found !== null) return found;
  throw new Error(
    'No Firefox was found and none could be installed. Install Firefox, or set FIREFOX_PATH.',
  );
}

async function firstExecutable(
  asked: string | undefined,
  names: readonly string[],
  places: readonly string[],
): Promise<string | null> {
  if (asked !== undefined && asked !== '') {
    if (await isExecutable(asked)) return asked;
    throw new Error(`${asked}, which the environment names as the browser, cannot be run.`);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const inPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  for (const path of [...inPath, ...places]) if (await isExecutable(path)) return path;
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns null where this is not Debian, not root, or the installation failed (it says so). */
async function installFromDebian(
  name: string,
  find: () => Promise<string | null>,
): Promise<string | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  // Ubuntu's packages of the same names only install a snap, which does not run in containers.
  if (!/^ID=debian$/m.test(release)) return null;
  const options = {
    timeout: INSTALL_MILLISECONDS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  return attempt(`apt-get install ${name}`, async () => {
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', name], options);
    return find();
  });
}

/** A Chromium that an earlier run installed into `.browsers/`. */
async function ownChromium(): Promise<string | null> {
  const inside = ['chrome-linux64/chrome', 'chrome-linux/chrome', 'chrome-win64/chrome.exe'];
  for (const folder of await readdir(OWN_BROWSERS).catch(() => [])) {
    if (!folder.startsWith('chromium-')) continue;
    for (const path of inside) {
      const candidate = join(OWN_BROWSERS, folder, path);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

async function installOwnChromium(): Promise<string | null> {
  return attempt('playwright-core install chromium', async () => {
    process.env['PLAYWRIGHT_BROWSERS_PATH'] = OWN_BROWSERS;
    const require = createRequire(import.meta.url);
    const command = join(dirname(require.resolve('playwright-core/package.json')), 'cli.js');
    await run(process.execPath, [command, 'install', 'chromium'], {
      timeout: INSTALL_MILLISECONDS,
    });
    const { chromium: installed } = await import('playwright-core');
    const path = installed.executablePath();
    return (await isExecutable(path)) ? path : ownChromium();
  });
}

async function installOwnFirefox(): Promise<string | null> {
  return attempt('@puppeteer/browsers install firefox', async () => {
    const {
      Browser: Kind,
      detectBrowserPlatform,
      install,
      resolveBuildId,
    } = await import('@puppeteer/browsers');
    const platform = detectBrowserPlatform();
    if (platform === undefined) return null;
    const buildId = await resolveBuildId(Kind.FIREFOX, platform, 'stable');
    const installed = await install({ browser: Kind.FIREFOX, buildId, cacheDir: OWN_BROWSERS });
    return installed.executablePath;
  });
}

/** The next way is tried when one fails, and the failure is said. */
async function attempt(what: string, work: () => Promise<string | null>): Promise<string | null> {
  try {
    return await work();
  } catch (error) {
    process.stderr.write(
      `${what} failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return null;
  }
}
