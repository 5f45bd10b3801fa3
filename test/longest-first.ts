// The order of test files: those that take longest begin first, so that no worker is left with a long one at the end while
// the others have nothing to do. Vitest knows how long files took only where they have run before, not in a new clone.
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than twenty seconds, longest first. */
export const longest: readonly string[] = [
  'test/bench/soak.server.test.ts',
  'test/operator/ipam/modules.server.test.ts',
  'test/worlds/delta-even.server.test.ts',
  'test/worlds/delta-odd.server.test.ts',
  'test/policy/mutants/mutants.test.ts',
  'test/operator/lives.server.test.ts',
  'test/operator/webhook/webhook.server.test.ts',
  'test/lib/ovsdb/faults/leader.server.test.ts',
  'test/policies/sdk/readme.server.test.ts',
  'test/policy/worlds.test.ts',
  'test/operator/lb-rules.server.test.ts',
  'test/operator/uplinks.server.test.ts',
  'test/operator/fencing.server.test.ts',
  'test/agent/agent.server.test.ts',
  'test/operator/kube/reflector-faults.server.test.ts',
  'test/lib/delta/property.server.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const place = ({ moduleId }: TestSpecification): number => {
      const at = longest.indexOf(relative(root, moduleId));
      return at === -1 ? longest.length : at;
    };
    // Those that are not named keep the order that they had.
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
