// The import rules of the layout: which folder may know which. Parsed from the sources, since no linter at hand
// restricts imports by folder. Run as a program it lists every breach and exits with 1.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSync } from 'oxc-parser';

interface Rule {
  /** The first matching rule decides; a folder prefix or a file. */
  readonly from: string;
  /** Prefixes of ours that it may import besides its own folder. */
  readonly to: readonly string[];
  /** Packages of npm and of Node: all unless a list is given. */
  readonly packages?: readonly string[];
}

const anything = [''];

export const rules: readonly Rule[] = [
  { from: 'lib/ovsdb/', to: [], packages: ['node:'] },
  { from: 'lib/delta/', to: ['lib/ovsdb/', 'lib/graph/'], packages: ['node:'] },
  { from: 'lib/wasm/', to: [], packages: ['node:', '@assemblyscript/loader'] },
  { from: 'lib/log/', to: [], packages: ['pino', 'prom-client'] },
  { from: 'lib/graph/', to: [], packages: ['node:'] },
  { from: 'lib/net/', to: [], packages: ['node:'] },
  { from: 'operator/main.ts', to: anything },
  { from: 'operator/world.ts', to: anything },
  { from: 'operator/api/', to: ['lib/', 'operator/plan/item.ts'], packages: ['node:'] },
  {
    from: 'operator/reconcilers/',
    to: [
      'lib/graph/selector.ts',
      'lib/graph/types.ts',
      'lib/delta/fact.ts',
      'lib/delta/ids.ts',
      'lib/net/',
      'operator/api/',
      'operator/nb/names.ts',
      'operator/nb/priorities.ts',
      'operator/nb/rows/',
      'operator/nb/schema.gen.ts',
      'operator/plan/item.ts',
    ],
    packages: [],
  },
  {
    from: 'operator/webhook/checks/',
    to: ['lib/graph/types.ts', 'lib/net/', 'operator/api/', 'operator/reconcilers/'],
    packages: ['node:util'],
  },
  { from: 'operator/nb/', to: ['lib/', 'operator/api/'], packages: ['node:'] },
  { from: 'operator/kube/', to: ['lib/', 'operator/api/'] },
  { from: 'operator/plan/', to: ['lib/', 'operator/api/', 'proto/'] },
  { from: 'operator/policy/', to: ['lib/', 'operator/api/'] },
  { from: 'operator/ipam/', to: ['lib/', 'operator/api/'] },
  { from: 'operator/', to: ['lib/', 'operator/', 'proto/'] },
  { from: 'agent/main.ts', to: ['lib/', 'agent/', 'proto/'] },
  { from: 'agent/', to: ['lib/', 'proto/'] },
  { from: 'proto/', to: [] },
  { from: 'policies/', to: ['policies/'] },
  { from: 'cli/', to: ['lib/', 'operator/', 'policies/'] },
  { from: 'config/', to: ['config/', 'test/cluster/', 'policies/', 'operator/'] },
  { from: 'test/', to: anything },
  { from: 'bench/', to: anything },
];

/** Parts of the operator that act and that nothing but the composition root may import from the command line. */
const cliMayNot = ['operator/kube/', 'operator/main.ts', 'operator/nb/apply.ts'];

/** Specifiers of all static imports and re-exports of a source, and of dynamic imports of a literal. */
export function specifiers(file: string, source: string): string[] {
  const { module } = parseSync(file, source);
  const dynamic = module.dynamicImports.map((entry) =>
    source.slice(entry.moduleRequest.start, entry.moduleRequest.end).replace(/^['"`]|['"`]$/g, ''),
  );
  const exported = module.staticExports.flatMap((entry) => entry.entries.map((item) => item.moduleRequest?.value));
  return [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...exported.filter((value) => value !== undefined),
    ...dynamic,
  ];
}

/** Whether a rule lets a file of its folder import the source at `target`. */
function reaches(rule: Rule, file: string, target: string): boolean {
  if (file.startsWith('cli/') && cliMayNot.some((prefix) => target.startsWith(prefix))) return false;
  const own = rule.from.endsWith('/') && target.startsWith(rule.from);
  return own || rule.to.some((prefix) => target.startsWith(prefix));
}

/** Why `file` may not import `specifier`, or undefined when it may. */
export function breach(file: string, specifier: string): string | undefined {
  const rule = rules.find((candidate) => file.startsWith(candidate.from));
  if (rule === undefined) return `${file}: no import rule for this folder`;
  if (!specifier.startsWith('.')) {
    const allowed = rule.packages?.some((prefix) => specifier.startsWith(prefix)) ?? true;
    return allowed ? undefined : `${file}: may not import the package ${specifier}`;
  }
  const target = normalize(join(dirname(file), specifier));
  return reaches(rule, file, target) ? undefined : `${file}: may not import ${target}`;
}

/** Every breach in the repository at `root`. */
export function breaches(root: string): string[] {
  const files = globSync('{lib,operator,agent,proto,policies,cli,config,test,bench}/**/*.ts', {
    cwd: root,
    exclude: (name) => name.includes('node_modules') || name.includes('assembly'),
  });
  return files.flatMap((file) =>
    specifiers(file, readFileSync(join(root, file), 'utf8'))
      .map((specifier) => breach(file, specifier))
      .filter((found) => found !== undefined),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = breaches(join(import.meta.dirname, '../..'));
  for (const line of found) process.stderr.write(`${line}\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
