// The modules that the operator decides with. In an image they are there; in a clone they are built when something has
// changed, which needs the compiler.
import { readFile } from 'node:fs/promises';
import { translator } from '../operator/policy/translator.ts';
import type { Modules } from '../operator/world.ts';

export async function modules(): Promise<Modules> {
  await built('networkpolicy');
  const bytes = await readFile(new URL('../policies/networkpolicy/build/networkpolicy.wasm', import.meta.url));
  return { translate: translator(bytes) };
}

async function built(name: string): Promise<void> {
  try {
    const { ensureBuilt } = await import('../policies/build.ts');
    await ensureBuilt(name);
  } catch (error) {
    const isImage = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    if (!isImage) throw error;
  }
}
