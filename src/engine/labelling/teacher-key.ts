/** What a teacher is called, and the key under which its votes are kept. */
import { canonicalJson, sha256 } from '../../base';
import type { LabellingSettings, TeacherSettings } from '../../learning/labelling';

/** Changes when votes are computed otherwise: votes under another version are not used. */
const VERSION = 1;

/** `Zero-shot: deberta-large-mnli`, `Similarity: all-MiniLM-L6-v2`, `Your rules`. */
export function teacherName(teacher: TeacherSettings): string {
  if (teacher.kind === 'rules') return 'Your rules';
  const { id } = teacher.encoder;
  const model =
    id
      .split('/')
      .filter((part) => part !== '')
      .at(-1) ?? id;
  return `${teacher.kind === 'nli' ? 'Zero-shot' : 'Similarity'}: ${model}`;
}

/** Of its settings, its model's revision, and what it is told of the classes, in their order. */
export async function teacherKey(
  teacher: TeacherSettings,
  { classes, several }: Pick<LabellingSettings, 'classes' | 'several'>,
): Promise<string> {
  const told = classes.map(({ name, description, examples }) => {
    if (teacher.kind === 'rules') return { name };
    return teacher.kind === 'nli' ? { name, description } : { name, description, examples };
  });
  const asked = { version: VERSION, teacher, classes: told, several };
  return (await sha256(canonicalJson(asked))).slice(0, 32);
}
