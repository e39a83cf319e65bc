/** The person's own rules as a teacher: no model, so it is done in seconds, and votes only where a rule matches. */
import { ProgressMeter, throwIfAborted, type Job } from '../../base';
import { stopping } from '../../learning/heads';
import { compileRules, type RulesTeacher } from '../../learning/labelling';
import type { OpenTeacher, TeacherRun } from './teacher';

/** A second or two with a hundred rules. */
const SHARD_ROWS = 20_000;
const REPORTED_ROWS = 1000;

/** @throws HeadlightError `bad-setting` naming the rule that cannot be used. */
export async function* openRules(
  { settings }: TeacherRun,
  { rules }: RulesTeacher,
  signal?: AbortSignal,
): Job<OpenTeacher> {
  throwIfAborted(signal);
  const names = settings.classes.map(({ name }) => name);
  const compiled = await compileRules(rules, names, settings.several);
  return {
    name: 'Your rules',
    shard: SHARD_ROWS,
    async *vote(texts, stop) {
      const meter = new ProgressMeter('Your rules', 'texts', texts.length);
      const pause = stopping(stop);
      const votes = new Float32Array(texts.length * compiled.classes);
      for (const [row, text] of texts.entries()) {
        compiled.vote(text, votes, row * compiled.classes);
        // After each text: a long one takes a while.
        await pause();
        if (row % REPORTED_ROWS === 0) yield meter.at(row);
      }
      yield meter.at(texts.length);
      return votes;
    },
    close: () => Promise.resolve(),
  };
}
