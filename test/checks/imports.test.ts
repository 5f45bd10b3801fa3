import { describe, expect, it } from 'vitest';
import { breach, specifiers } from './imports.ts';

describe('import rules', () => {
  it.each([
    ['operator/reconcilers/subnet.ts', '../api/fact.ts', true],
    ['operator/reconcilers/subnet.ts', '../kube/client.ts', false],
    ['operator/reconcilers/subnet.ts', '../nb/apply.ts', false],
    ['operator/reconcilers/subnet.ts', '@kubernetes/client-node', false],
    ['operator/kube/reflector.ts', '../plan/stream.ts', false],
    ['operator/kube/reflector.ts', '../../lib/graph/index.ts', true],
    ['lib/ovsdb/session.ts', '../delta/ids.ts', false],
    ['lib/delta/differ.ts', '../ovsdb/types.ts', true],
    ['lib/net/ip.ts', '../ovsdb/types.ts', false],
    ['agent/plan.ts', '../operator/plan/item.ts', false],
    ['cli/plan.ts', '../operator/reconcilers/subnet.ts', true],
    ['cli/plan.ts', '../operator/kube/client.ts', false],
    ['elsewhere/x.ts', './y.ts', false],
  ])('%s importing %s is allowed: %s', (file, specifier, allowed) => {
    expect(breach(file, specifier) === undefined).toBe(allowed);
  });

  it('sees static, type-only, re-exported and dynamic imports', () => {
    const source = `import a from './a.ts';\nimport type { B } from './b.ts';\nexport { c } from './c.ts';\nconst d = await import('./d.ts');`;
    expect(specifiers('x.ts', source).toSorted()).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts']);
  });
});
