// The kinds of crds/, all of them: the operator watches every one.
import { readdir, readFile } from 'node:fs/promises';
import type { ApiServer } from './kube-apiserver.ts';

const folder = new URL('../crds/', import.meta.url);

/** Makes an API server serve them. */
export async function applyCrds(api: ApiServer): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
  await api.apply(texts.join('\n---\n'));
}
