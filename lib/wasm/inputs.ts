// The declaration that a module carries: for which hook it is written, and what it reads of a subject. An administrator
// can read it before the module runs, and what is not declared is not handed over.
import { type Declaration, INPUTS_SECTION } from './abi.ts';
import { withSection } from './binary.ts';
import { ModuleRefused } from './module.ts';

/** What a caller takes: modules of one hook, and the inputs that it can give. */
export interface Offer {
  readonly hook: string;
  readonly inputs: readonly string[];
}

/** Reads and checks the declaration in a module's custom sections. Throws ModuleRefused. */
export function declarationOf(sections: readonly Uint8Array[], offer: Offer): Declaration {
  const [content, ...more] = sections;
  if (!content || more.length > 0)
    throw new ModuleRefused('Inputs', `exactly one section ${INPUTS_SECTION} is expected, found ${sections.length}`);
  const { hook, inputs } = parsed(content);
  if (hook !== offer.hook) throw new ModuleRefused('Inputs', `it is written for hook ${hook}, not for ${offer.hook}`);
  const unknown = inputs.filter((name) => !offer.inputs.includes(name));
  if (unknown.length > 0)
    throw new ModuleRefused(
      'Inputs',
      `hook ${hook} has no input ${unknown.join(', ')}; it has ${offer.inputs.join(', ')}`,
    );
  return { hook, inputs };
}

const longestName = 64;

function parsed(content: Uint8Array): Declaration {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content)) as Partial<Declaration> | null;
    const names = [value?.hook, ...(value?.inputs ?? [undefined])];
    if (names.every((name) => typeof name === 'string' && name.length <= longestName)) return value as Declaration;
  } catch {
    // Told below, as for any other text.
  }
  throw new ModuleRefused('Inputs', `section ${INPUTS_SECTION} is not {"hook": "name", "inputs": ["name", ...]}`);
}

/** The module with its declaration, as a build tool writes it. */
export function declared(bytes: Uint8Array, { hook, inputs }: Declaration): Uint8Array<ArrayBuffer> {
  return withSection(bytes, INPUTS_SECTION, new TextEncoder().encode(JSON.stringify({ hook, inputs })));
}
