// Manifests from files, folders and standard input, as `kubectl apply -f` takes them: YAML or JSON, several documents in
// a file, lists unfolded. What cannot be read is told with its file and line, all of it at once.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { isObject, listOf, textOf } from '../../operator/api/json.ts';
import { manifestOf, type Manifest } from './object.ts';

const extensions = /\.(?:ya?ml|json)$/;

/** What was read, and one sentence for each thing that could not be. */
export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly errors: readonly string[];
}

/** `paths` are files, folders (their manifests, and with `recursive` those of their folders), and `-` for standard input. */
export function readManifests(
  paths: readonly string[],
  { recursive, namespace }: { readonly recursive: boolean; readonly namespace: string },
): Manifests {
  const manifests: Manifest[] = [];
  const errors: string[] = [];
  for (const path of paths) {
    for (const file of filesOf(path, recursive, errors)) {
      const text = readText(file, errors);
      if (text === undefined) continue;
      for (const { value, from } of documents(text, file, errors))
        collect(value, { from, namespace }, manifests, errors);
    }
  }
  return { manifests, errors };
}

function filesOf(path: string, recursive: boolean, errors: string[]): string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    const found = readdirSync(path, { withFileTypes: true, recursive })
      .filter((entry) => entry.isFile() && extensions.test(entry.name) && !/^kustomization\.ya?ml$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    if (found.length === 0) errors.push(`${path}: no .yaml, .yml or .json file in this folder`);
    return found;
  } catch (error) {
    errors.push(`${path}: ${messageOf(error)}`);
    return [];
  }
}

function readText(file: string, errors: string[]): string | undefined {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    errors.push(`${file}: ${messageOf(error)}`);
    return undefined;
  }
}

function documents(text: string, file: string, errors: string[]): { value: unknown; from: string }[] {
  const lines = new LineCounter();
  const shown = file === '-' ? 'standard input' : file;
  const out: { value: unknown; from: string }[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines, merge: true })) {
    const bad = document.errors[0];
    if (bad !== undefined) {
      errors.push(`${shown}:${lines.linePos(bad.pos[0]).line}: ${bad.message.split('\n')[0] ?? ''}`);
      continue;
    }
    const value: unknown = document.toJS();
    const start = document.contents?.range?.[0] ?? 0;
    if (value !== null && value !== undefined) out.push({ value, from: `${shown}:${lines.linePos(start).line}` });
  }
  return out;
}

/** Unfolds lists (`kind: List`, and what `kubectl get -o yaml` prints). */
function collect(
  value: unknown,
  { from, namespace }: { readonly from: string; readonly namespace: string },
  manifests: Manifest[],
  errors: string[],
): void {
  if (isObject(value) && textOf(value['kind']).endsWith('List') && Array.isArray(value['items'])) {
    for (const item of listOf(value['items'])) collect(item, { from, namespace }, manifests, errors);
    return;
  }
  try {
    manifests.push(manifestOf(value, { from, fallback: namespace }));
  } catch (error) {
    errors.push(messageOf(error));
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
