import { readFileSync, existsSync } from 'node:fs';
import { fitLogistic, DEFAULT_LOGISTIC, predictLabels } from '../src/learning/heads';
import { finish } from '../src/base';
import { useWasmTensors } from '../test/helpers/tfjs';
const name = process.argv[2]!;
const y = new Int32Array(readFileSync(`/tmp/probe/${name}.i32`).buffer.slice(0));
const raw = readFileSync(`/tmp/probe/${name}.f32`);
const data = new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4);
const labels = new Int32Array(readFileSync(`/tmp/probe/${name}.i32`).buffer, 0).slice(0);
const b = readFileSync(`/tmp/probe/${name}.i32`);
const lab = new Int32Array(b.buffer, b.byteOffset, b.length / 4);
void y;
void labels;
const k = Math.max(...lab) + 1;
const classes = Array.from({ length: k }, (_, i) => `c${i}`);
await useWasmTensors();
const m = { rows: lab.length, columns: 384, data };
for (const C of [1, 1, 10, ...(process.argv.includes('cv') ? ['cv' as const] : [])]) {
  let ev = 0;
  const c0 = process.cpuUsage();
  const f = await finish(
    fitLogistic(m, lab, classes, { ...DEFAULT_LOGISTIC, C }, { backend: 'wasm' }),
    () => ev++,
  );
  let err = '';
  const g = `/tmp/probe/${name}.${C}.gold`;
  if (existsSync(g)) {
    const r = readFileSync(g);
    const gold = new Float64Array(r.buffer.slice(r.byteOffset, r.byteOffset + r.length));
    let a = 0,
      q = 0,
      a2 = 0,
      q2 = 0;
    const n = f.head.coef.length;
    for (let i = 0; i < n; i++) {
      a += (f.head.coef[i]! - gold[i]!) ** 2;
      q += gold[i]! ** 2;
    }
    for (let i = 0; i < f.head.intercept.length; i++) {
      a2 += (f.head.intercept[i]! - gold[n + i]!) ** 2;
      q2 += gold[n + i]! ** 2;
    }
    const gl = predictLabels({ ...f.head, coef: gold.slice(0, n), intercept: gold.slice(n) }, m);
    const pl = predictLabels(f.head, m);
    err = `coef ${Math.sqrt(a / q).toExponential(2)} int ${Math.sqrt(a2 / q2).toExponential(2)} differ ${gl.filter((v, i) => v !== pl[i]).length}`;
  }
  const c1 = process.cpuUsage(c0);
  console.log(
    C,
    'cpu',
    Math.round((c1.user + c1.system) / 1000),
    'used',
    f.report.C,
    'ms',
    Math.round(f.report.seconds * 1000),
    'it',
    f.report.iterations,
    'ev',
    ev,
    'g',
    f.report.gradientNorm.toExponential(2),
    f.report.converged,
    err,
    f.report.crossValidation?.map((x) => x.mean.toFixed(5)).join(' ') ?? '',
  );
}
