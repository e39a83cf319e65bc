/** Teachers as the page offers them: defaults, names, which models can be one, what of them can be sent. */
import { nliLabels, type EncoderEntry } from '../../engine';
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

export function rulesOf(settings: LabellingSettings | null): readonly LabelRule[] {
  return (settings?.teachers ?? []).flatMap((one) => (one.kind === 'rules' ? one.rules : []));
}

/** Whether a rule can be used does not depend on its class. */
export function ruleKey({ match, pattern, ignore_case: ignoreCase }: LabelRule): string {
  return JSON.stringify([match, pattern, ignoreCase]);
}

export interface Sendable {
  /** Without rules that are not whole yet, and without a teacher that has no other. */
  readonly settings: LabellingSettings;
  /** Each teacher's place in it; -1: it is not in it. */
  readonly places: readonly number[];
  /** Whether nothing was left out. */
  readonly whole: boolean;
}

/** What of the settings, as they are edited, the engine can be told. @param isWhole whether a rule can be used. */
export function sendable(
  settings: LabellingSettings,
  isWhole: (rule: LabelRule) => boolean,
): Sendable {
  const teachers: TeacherSettings[] = [];
  const places: number[] = [];
  let whole = true;
  for (const teacher of settings.teachers) {
    const sent = teacher.kind === 'rules' ? wholeRules(teacher, isWhole) : teacher;
    if (sent !== teacher) whole = false;
    places.push(sent === null ? -1 : teachers.length);
    if (sent !== null) teachers.push(sent);
  }
  return { settings: { ...settings, teachers }, places, whole };
}

/** The same one when all of its rules are whole; null when none is. */
function wholeRules(
  teacher: RulesTeacher,
  isWhole: (rule: LabelRule) => boolean,
): RulesTeacher | null {
  const rules = teacher.rules.filter(isWhole);
  if (rules.length === teacher.rules.length && rules.length > 0) return teacher;
  return rules.length === 0 ? null : { ...teacher, rules };
}

/** How many texts each rule matches, as they are edited; null for one that is not whole, and where nobody has counted. */
export function matchesByRule(
  { rules }: RulesTeacher,
  matches: readonly number[] | undefined,
  isWhole: (rule: LabelRule) => boolean,
): readonly (number | null)[] {
  let at = 0;
  return rules.map((rule) => (isWhole(rule) ? (matches?.[at++] ?? null) : null));
}

/** null: nothing. */
export function templateProblem(template: string): string | null {
  return template.includes('{}') ? null : 'Put {} where the class comes.';
}
