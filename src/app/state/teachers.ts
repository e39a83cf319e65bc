/** Teachers as the page offers them: defaults, names, which models can be one, what is wrong with a rule. */
import { toHeadlightError } from '../../base';
import { compileRules, nliLabels, type EncoderEntry } from '../../engine';
import type {
  LabellingSettings,
  LabelRule,
  NliTeacher,
  RulesTeacher,
  SimilarityTeacher,
  TeacherSettings,
} from '../../learning/labelling';

/** As `DEFAULT_TEMPLATE` of the labelling room. */
export const TEMPLATE = 'This example is {}.';

export const TEACHER_WORDS: Readonly<
  Record<TeacherSettings['kind'], { readonly name: string; readonly about: string }>
> = {
  similarity: {
    name: 'Similarity',
    about:
      'Compares each text with the names, descriptions and examples of the classes. Answers in seconds; examples make it better.',
  },
  nli: {
    name: 'Zero-shot (NLI)',
    about:
      'Asks a model of natural language inference, of each class, whether the text entails it. Often better, much slower.',
  },
  rules: {
    name: 'Your rules',
    about: 'Words or expressions that give a class away. They vote where they match.',
  },
};

export function similarityTeacher({ info }: EncoderEntry): SimilarityTeacher {
  return {
    kind: 'similarity',
    encoder: info.reference,
    temperature: 0.05,
    max_length: info.defaults.maxTokens,
  };
}

export function nliTeacher({ info }: EncoderEntry): NliTeacher {
  return {
    kind: 'nli',
    encoder: info.reference,
    templates: [TEMPLATE],
    max_length: Math.min(info.maxTokens, 512),
  };
}

export function newRule(name: string): LabelRule {
  return { class: name, match: 'keywords', pattern: '', ignore_case: true };
}

/** Whether a model came with a classifier that tells entailment from contradiction. */
export function isNli({ info }: EncoderEntry): boolean {
  return nliLabels(info.classifier) !== null;
}

/** What is wrong with a rule, as the teacher itself would say it; null: nothing. */
export function ruleProblem(rule: LabelRule): string | null {
  try {
    compileRules([rule], [rule.class], false);
    return null;
  } catch (thrown) {
    const said = toHeadlightError(thrown).message.replace(/^Rule 1.*? for “.*?”: /s, '');
    return said.charAt(0).toUpperCase() + said.slice(1);
  }
}

export interface Sendable {
  /** Without rules that are not whole yet, and without a teacher that has no other. */
  readonly settings: LabellingSettings;
  /** Each teacher's place in it; -1: it is not in it. */
  readonly places: readonly number[];
  /** Whether nothing was left out. */
  readonly whole: boolean;
}

/** What of the settings, as they are edited, the engine can be told. */
export function sendable(settings: LabellingSettings): Sendable {
  const teachers: TeacherSettings[] = [];
  const places: number[] = [];
  let whole = true;
  for (const teacher of settings.teachers) {
    const sent = teacher.kind === 'rules' ? wholeRules(teacher) : teacher;
    if (sent !== teacher) whole = false;
    places.push(sent === null ? -1 : teachers.length);
    if (sent !== null) teachers.push(sent);
  }
  return { settings: { ...settings, teachers }, places, whole };
}

/** The same one when all of its rules are whole; null when none is. */
function wholeRules(teacher: RulesTeacher): RulesTeacher | null {
  const rules = teacher.rules.filter((rule) => ruleProblem(rule) === null);
  if (rules.length === teacher.rules.length && rules.length > 0) return teacher;
  return rules.length === 0 ? null : { ...teacher, rules };
}

/** How many texts each rule matches, as they are edited; null for one that is not whole, and where nobody has counted. */
export function matchesByRule(
  { rules }: RulesTeacher,
  matches: readonly number[] | undefined,
): readonly (number | null)[] {
  let at = 0;
  return rules.map((rule) => (ruleProblem(rule) === null ? (matches?.[at++] ?? null) : null));
}

/** null: nothing. */
export function templateProblem(template: string): string | null {
  return template.includes('{}') ? null : 'Put {} where the class comes.';
}
