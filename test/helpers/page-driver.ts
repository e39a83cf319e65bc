/**
 * The page as a person uses it: by what is on the screen, with mouse and keyboard. Works in Chromium and,
 * over WebDriver BiDi, in Firefox.
 */
import type { ElementHandle, Page } from 'puppeteer-core';

const TRAINING_MILLISECONDS = 480_000;
const USUAL_MILLISECONDS = 120_000;
const POLL_MILLISECONDS = 200;

export class PageDriver {
  readonly page: Page;
  readonly #address: string;

  constructor(page: Page, address: string) {
    this.page = page;
    this.#address = address;
    page.setDefaultTimeout(USUAL_MILLISECONDS);
  }

  async open(): Promise<void> {
    // tsx (the benchmarks) wraps named functions in a helper that the page does not have.
    await this.page.evaluateOnNewDocument('globalThis.__name ??= (named) => named');
    await this.page.goto(this.#address);
    await this.see('drop-zone');
  }

  /** Waits until something is there, by its test id. @throws with the page's own error, if it shows one. */
  async see(id: string, timeout = USUAL_MILLISECONDS): Promise<ElementHandle> {
    const end = Date.now() + timeout;
    for (;;) {
      const found = await this.page
        .waitForSelector(`[data-testid="${id}"], [data-testid="error"]`, {
          timeout: Math.max(1, end - Date.now()),
        })
        .catch(() => null);
      const shown = await this.page.$(`[data-testid="${id}"]`);
      if (shown !== null) return shown;
      // What was there may be gone again by now, as a page draws itself anew.
      if (found !== null && !(await this.isThere('error'))) continue;
      const error = found === null ? 'nothing came' : await this.text('error');
      throw new Error(`Waited for ${id}: ${error}`);
    }
  }

  async text(id: string): Promise<string> {
    const text = await this.page.$eval(`[data-testid="${id}"]`, (element) => element.textContent);
    return text.replace(/\s+/g, ' ').trim();
  }

  async isThere(id: string): Promise<boolean> {
    return (await this.page.$(`[data-testid="${id}"]`)) !== null;
  }

  async click(id: string): Promise<void> {
    const element = await this.see(id);
    await element.scrollIntoView();
    await element.click();
  }

  /** Opens a step that is folded. */
  async unfold(step: string): Promise<void> {
    const button = await this.see(`step-${step}`);
    const open = await button.evaluate((element) => element.getAttribute('aria-expanded'));
    // Where it stands moves while what is above it loads: the locator waits until it has come to rest.
    if (open !== 'true') await this.page.locator(`[data-testid="step-${step}"]`).click();
  }

  /** Chooses the companion in an open step, and waits until what would be sent can be read. */
  async workThere(step: string): Promise<void> {
    const option = `#step-${step} [data-testid="place-companion"]`;
    // What is said of a place may move it: who reads it first does not miss it.
    await this.page.waitForFunction(
      (at) => {
        const why = document.querySelector(at)?.getAttribute('aria-describedby') ?? '';
        return (document.getElementById(why)?.textContent.trim() ?? '') !== '';
      },
      {},
      option,
    );
    await this.page.locator(option).click();
    await this.page.waitForSelector(`${option}:checked`);
    await this.see('sending');
  }

  async #upload(input: string, paths: readonly string[]): Promise<void> {
    const element = await this.page.waitForSelector(`input[data-testid="${input}"]`);
    if (element === null) throw new Error(`no file input ${input}`);
    await element.uploadFile(...paths);
  }

  /** Hands files to the page without waiting for what it makes of them. */
  async pick(...paths: readonly string[]): Promise<void> {
    await this.#upload('file-input', paths);
  }

  async dropFiles(...paths: readonly string[]): Promise<void> {
    await this.#upload('file-input', paths);
    await this.see('label-column');
  }

  /** Hands more files to the open project without waiting. */
  async pickMore(...paths: readonly string[]): Promise<void> {
    await this.#upload('add-file-input', paths);
  }

  /** The files of the open project, once there are so many and nothing is read any more. */
  async fileNames(count: number): Promise<string[]> {
    await this.page.waitForFunction(
      (wanted) =>
        document.querySelectorAll('[data-testid="file"]').length === wanted &&
        document.querySelector('input[data-testid="add-file-input"]:not(:disabled)') !== null,
      {},
      count,
    );
    return this.page.$$eval('[data-testid="file"]', (all) =>
      all.map((one) => (one as HTMLElement).dataset['file'] ?? ''),
    );
  }

  async addFiles(...paths: readonly string[]): Promise<void> {
    const before = (await this.page.$$('[data-testid="file"]')).length;
    await this.pickMore(...paths);
    await this.fileNames(before + paths.length);
  }

  async roleOf(file: string): Promise<string> {
    return this.page.$eval(
      `[data-file="${file}"] select[data-testid="file-role"]`,
      (select) => select.value,
    );
  }

  async chooseRole(file: string, role: string): Promise<void> {
    await this.#select(`[data-file="${file}"] select[data-testid="file-role"]`, role);
  }

  /** Sets how the shown file is read; the page may refuse it. */
  async chooseReading(id: string, value: string): Promise<void> {
    await this.#select(`select[data-testid="${id}"]`, value);
  }

  /** Chooses, and waits until the page has done what follows: until then the field is locked. */
  async #select(selector: string, value: string): Promise<void> {
    await this.page.waitForSelector(`${selector}:not(:disabled)`);
    await this.page.select(selector, value);
    await this.page.waitForFunction(
      (at) => {
        const select = document.querySelector<HTMLSelectElement>(at);
        return select === null || !select.disabled;
      },
      {},
      selector,
    );
  }

  /** Opens a `details` that is folded, by its test id. */
  async openDetails(id: string): Promise<void> {
    const details = await this.see(id);
    if (await details.evaluate((one) => (one as HTMLDetailsElement).open)) return;
    await (await details.$('summary'))?.click();
  }

  /** Leaves the open project for a fresh page, by the list of projects. */
  async newProject(): Promise<void> {
    await (await this.page.waitForSelector('.switcher'))?.click();
    const fresh = await this.page.waitForSelector('dialog[open] ::-p-text(New project)');
    await fresh?.click();
    await this.see('sample-button');
  }

  async trySample(): Promise<void> {
    await this.click('sample-button');
    await this.see('label-column');
  }

  async choose(id: string, value: string): Promise<void> {
    await this.see(id);
    const selector = `select[data-testid="${id}"]`;
    if (
      (await this.page.$eval(selector, (element) => (element as HTMLSelectElement).value)) === value
    )
      return;
    await this.page.select(selector, value);
    // The page reads the data anew; until then the choice is locked.
    await this.page.waitForFunction(
      (at, wanted) => {
        const select = document.querySelector<HTMLSelectElement>(at);
        return select !== null && !select.disabled && select.value === wanted;
      },
      {},
      selector,
      value,
    );
  }

  async value(id: string): Promise<string> {
    await this.see(id);
    return this.page.$eval(
      `[data-testid="${id}"]`,
      (element) => (element as HTMLSelectElement).value,
    );
  }

  /** `instant` for speed where the encoder does not matter; its test id ends in the encoder's id. */
  async chooseEncoder(id: string): Promise<void> {
    await this.unfold('encoder');
    await this.click(`encoder-${id}`);
  }

  /** Pins the device, which spares the measurement: a software WebGPU adapter takes minutes over it. */
  async chooseDevice(device: 'auto' | 'wasm' | 'webgpu'): Promise<void> {
    await this.unfold('encoder');
    const select = 'select[aria-labelledby="device-title"]';
    await this.page.waitForSelector(`${select} option[value="${device}"]`);
    await this.page.select(select, device);
  }

  /** Done and total, as the progress panel says it: `1,234 of 5,900 texts`; null when it says nothing. */
  async progress(): Promise<{ phase: string; done: number; total: number } | null> {
    return this.page.evaluate(() => {
      const panel = document.querySelector('[data-testid="progress"]');
      const words = panel?.querySelector('.figures span')?.textContent ?? '';
      const said = /^([\d,.\s]+) of ([\d,.\s]+) texts$/.exec(words.trim());
      if (panel === null || said === null) return null;
      const number = (digits = ''): number => Number(digits.replace(/\D/g, ''));
      return {
        phase: panel.querySelector('.phase')?.textContent ?? '',
        done: number(said[1]),
        total: number(said[2]),
      };
    });
  }

  /** Starts training without waiting for it. */
  async startTraining(): Promise<void> {
    await this.unfold('train');
    await this.click('train-button');
    await this.page.waitForSelector('[data-testid="stop-button"], [data-testid="error"]');
  }

  /** Trains, and waits for the chosen encoder's report. */
  async train(): Promise<void> {
    await this.startTraining();
    await this.waitForReport();
  }

  /** Chooses to fine-tune, and a preset. */
  async chooseFinetune(preset?: string): Promise<void> {
    await this.unfold('train');
    await this.click('way-finetune');
    if (preset !== undefined) await this.click(`preset-${preset}`);
  }

  /** Opens all settings of the fine-tune and gives them values, as a person types them. */
  async setFinetune(values: Readonly<Record<string, string>>): Promise<void> {
    if (!(await this.isThere('finetune-settings'))) {
      await (await this.page.waitForSelector('details ::-p-text(All settings)'))?.click();
    }
    for (const [name, value] of Object.entries(values)) {
      const id = `setting-${name}`;
      const field = await this.see(id);
      await field.scrollIntoView();
      if ((await field.evaluate(({ tagName }) => tagName)) === 'SELECT') {
        await this.page.select(`[data-testid="${id}"]`, value);
      } else {
        await field.click({ count: 3 });
        await field.press('Backspace');
        await field.type(value);
        await field.press('Tab');
      }
    }
  }

  /** Starts the fine-tune; the estimate comes first, and is overridden when it warns. */
  async startFinetune(): Promise<void> {
    await this.unfold('train');
    await this.click('finetune-button');
    const started = '[data-testid="finetune-progress"]';
    await this.page.waitForSelector(`${started}, [data-testid="error"], .warned`, {
      timeout: TRAINING_MILLISECONDS,
    });
    if ((await this.page.$(started)) === null && !(await this.isThere('error'))) {
      await this.click('finetune-button');
    }
    await this.see('finetune-progress', TRAINING_MILLISECONDS);
  }

  /** Where the fine-tune is, as its panel says it; null when none runs or it says nothing yet. */
  async finetuneStep(): Promise<{ step: number; steps: number; saved: number | null } | null> {
    return this.page.evaluate(() => {
      const panel = document.querySelector('[data-testid="finetune-progress"]');
      const at = /^([\d,]+) of ([\d,]+)$/.exec(
        panel?.querySelector('[data-testid="finetune-step"]')?.textContent.trim() ?? '',
      );
      const number = (digits = ''): number => Number(digits.replace(/\D/g, ''));
      const saved = panel?.querySelector<HTMLElement>('[data-saved]')?.dataset['saved'];
      if (at === null) return null;
      return {
        step: number(at[1]),
        steps: number(at[2]),
        saved: saved === undefined ? null : Number(saved),
      };
    });
  }

  /** Waits until the fine-tune has made so many steps. @throws with what the page shows instead. */
  async finetuneReaches(
    enough: (at: { step: number; steps: number; saved: number | null }) => boolean,
  ): Promise<{ step: number; steps: number; saved: number | null }> {
    const deadline = Date.now() + TRAINING_MILLISECONDS;
    for (;;) {
      const at = await this.finetuneStep();
      if (at !== null && enough(at)) return at;
      const gone = at === null && (await this.isThere('finetune-button'));
      if (gone || (await this.isThere('error')) || Date.now() > deadline) {
        const shown = (await this.isThere('error')) ? await this.text('error') : JSON.stringify(at);
        throw new Error(`The fine-tune did not get there; the page shows: ${shown}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS / 4));
    }
  }

  /** The step of the checkpoint that an unfinished fine-tune goes on from. */
  async unfinishedStep(): Promise<number> {
    const said = /([\d,]+) of [\d,]+ steps/.exec(await this.text('unfinished'))?.[1] ?? '';
    return Number(said.replaceAll(',', ''));
  }

  /** Shows the newest run whose name in the list of runs begins so. */
  async showRun(name: string): Promise<void> {
    const shown = await this.page.$$eval(
      '[data-testid="runs"] tbody tr',
      (rows, wanted) => {
        const row = rows.find((one) =>
          one.querySelector('th')?.textContent.trim().startsWith(wanted),
        );
        const button = row?.querySelector<HTMLButtonElement>('button[aria-label^="Show"]');
        button?.click();
        return row !== undefined;
      },
      name,
    );
    if (!shown) throw new Error(`There is no run ${name}.`);
  }

  /** Waits for the report of the fine-tuned encoder. */
  async waitForFinetune(): Promise<void> {
    const deadline = Date.now() + TRAINING_MILLISECONDS;
    while (!(await this.isThere('finetune-button')) || !(await this.isThere('how-it-learned'))) {
      if (await this.isThere('error'))
        throw new Error(`The page says: ${await this.text('error')}`);
      if (Date.now() > deadline) throw new Error('The fine-tune did not end.');
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  }

  /** Adds an encoder from files, as if its folder were dropped; it is then the chosen one. */
  async addEncoder(...paths: readonly string[]): Promise<void> {
    await this.unfold('encoder');
    if (!(await this.isThere('encoder-file-input'))) {
      await (await this.page.waitForSelector('details ::-p-text(Bring your own)'))?.click();
    }
    const before = (await this.page.$$('input[name="encoder"]')).length;
    await this.#upload('encoder-file-input', paths);
    await this.page.waitForFunction(
      (count) =>
        document.querySelectorAll('input[name="encoder"]').length > count ||
        document.querySelector('[data-testid="error"]') !== null,
      {},
      before,
    );
    if (await this.isThere('error')) throw new Error(`The page says: ${await this.text('error')}`);
  }

  /** Waits until nothing trains any more: the report of the chosen encoder, not of the first look. */
  async waitForReport(): Promise<void> {
    const deadline = Date.now() + TRAINING_MILLISECONDS;
    // Asked from here: a promise that waits for minutes in a Firefox page does not always come back.
    while (!(await this.#hasReport())) {
      if (Date.now() > deadline) {
        const shown = (await this.isThere('progress'))
          ? await this.text('progress')
          : 'no progress';
        throw new Error(`The report did not come; the page shows: ${shown}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
    if (await this.isThere('error')) throw new Error(`The page says: ${await this.text('error')}`);
  }

  #hasReport(): Promise<boolean> {
    return this.page.evaluate(() => {
      const [error, figure, train, stop] = [
        '[data-testid="error"]',
        '[data-testid="test-accuracy"], [data-testid="micro-f1"]',
        '[data-testid="train-button"]',
        '[data-testid="stop-button"]',
      ].map((selector) => document.querySelector(selector) !== null);
      return error === true || (figure === true && train === true && stop === false);
    });
  }

  /** Presses a button by keyboard. */
  async press(id: string): Promise<void> {
    const element = await this.see(id);
    await element.focus();
    await this.page.keyboard.press('Enter');
  }

  /** Replaces what stands in a field, and leaves it. */
  async type(id: string, text: string): Promise<void> {
    const field = await this.see(id);
    await field.click({ count: 3 });
    await field.press('Backspace');
    await field.type(text);
    await field.press('Tab');
  }

  /** Ticks a box of the data step, or takes the tick away, by the words beside it. */
  async tick(words: string): Promise<void> {
    const box = await this.page.waitForSelector(`#step-data label.check ::-p-text(${words})`);
    await box?.scrollIntoView();
    await box?.click();
    await this.settled();
  }

  /** Waits until the data step has read the data anew: its choices can be changed again. */
  async settled(): Promise<void> {
    await this.page.waitForFunction(
      () =>
        document.querySelector<HTMLSelectElement>('select[data-testid="text-column"]')?.disabled ===
        false,
    );
  }

  /** What the audit says, from above: kind and weight. */
  async findings(): Promise<{ id: string; severity: string }[]> {
    await this.see('audit');
    if (await this.isThere('audit-more')) await this.click('audit-more');
    return this.page.$$eval('[data-testid="finding"]', (all) =>
      all.map((one) => {
        const { id = '', severity = '' } = (one as HTMLElement).dataset;
        return { id, severity };
      }),
    );
  }

  /** Rows of each part that there is. */
  async partRows(): Promise<Record<string, number>> {
    await this.see('parts');
    return this.page.$$eval('[data-testid="parts"] [data-testid^="rows-"]', (cells) =>
      Object.fromEntries(
        cells.map((cell) => [
          ((cell as HTMLElement).dataset['testid'] ?? '').slice('rows-'.length),
          Number(cell.textContent.replace(/\D/g, '')),
        ]),
      ),
    );
  }

  /** Share of the test texts that are right, as the headline says it, in [0, 1]. */
  async testAccuracy(): Promise<number> {
    return parseFloat((await this.text('test-accuracy')).replace(',', '.')) / 100;
  }

  /** Types a text and reads the likeliest label. */
  async typeText(text: string): Promise<string> {
    await this.unfold('use');
    const box = await this.see('try-text');
    await box.scrollIntoView();
    await box.click();
    await box.type(text);
    await this.page.waitForSelector('[data-testid="prediction"][data-state="ready"]');
    return this.page.$eval('[data-testid="prediction"] .label', (element) => element.textContent);
  }

  /** Drops a file of new texts and waits for its predictions. */
  async predictFile(path: string): Promise<string> {
    await this.unfold('use');
    await this.#upload('predict-file-input', [path]);
    await this.see('predicted-file', TRAINING_MILLISECONDS);
    return this.text('predicted-file');
  }

  /** Saves something; returns name and bytes of the download. */
  async export(kind: string): Promise<{ name: string; bytes: Buffer }> {
    await this.unfold('use');
    return this.download(() => this.click(`export-${kind}`));
  }

  /**
   * What the page hands to the browser to save: the click on a link with a blob address is caught, so that
   * no browser's download folder is needed.
   */
  async download(action: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
    await this.page.evaluate(() => {
      const caught = window as unknown as { caught?: Promise<{ name: string; base64: string }> };
      caught.caught = new Promise((resolve, reject) => {
        const blobs = new Map<string, Blob>();
        const create = URL.createObjectURL.bind(URL);
        // Its own or inherited from HTMLElement: deleting ours brings back what was there.
        const own = Object.getOwnPropertyDescriptor(HTMLAnchorElement.prototype, 'click');
        URL.createObjectURL = (blob: Blob) => {
          const url = create(blob);
          blobs.set(url, blob);
          return url;
        };
        HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
          Reflect.deleteProperty(HTMLAnchorElement.prototype, 'click');
          if (own !== undefined) Object.defineProperty(HTMLAnchorElement.prototype, 'click', own);
          URL.createObjectURL = create;
          const blob = blobs.get(this.href);
          if (blob === undefined) {
            reject(new Error(`no blob behind ${this.href}`));
            return;
          }
          const reader = new FileReader();
          reader.onload = () => {
            const url = typeof reader.result === 'string' ? reader.result : '';
            resolve({ name: this.download, base64: url.replace(/^data:[^,]*,/, '') });
          };
          reader.readAsDataURL(blob);
        };
      });
    });
    await action();
    const { name, base64 } = await this.page.evaluate(
      () => (window as unknown as { caught: Promise<{ name: string; base64: string }> }).caught,
    );
    return { name, bytes: Buffer.from(base64, 'base64') };
  }
}
