// Files of the node, as the agent reads and writes them.
import { access, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Replaces a file in one step: a reader, or a machine that loses its power, sees the old or the new one. */
export async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const scratch = `${path}.new`;
  const file = await open(scratch, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(scratch, path);
}
