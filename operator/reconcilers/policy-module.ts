// A PolicyModule as its user sees it: in force, refused, or failing. What it decides is done elsewhere.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact, Ref } from '../api/fact.ts';
import { policyModuleRef } from '../api/refs.ts';
import type { ModuleState, PolicyModuleRow } from '../api/policy-module.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';

export const policyModule: Reconciler<PolicyModuleRow> = {
  kind: 'PolicyModule',
  *desired({ meta, faults }, read) {
    const ref = policyModuleRef(meta.name);
    const state = read.get('moduleState', meta.name);
    const report = read.get('moduleReport', meta.name);
    if (faults.length === 0) yield* troubles(ref, state);
    for (const fault of faults) yield problem(ref, 'ModuleInvalid', fault);
    if (report && report.failing > 0)
      yield problem(ref, 'ModuleFailing', `${report.failing} without an answer: ${report.lastError}`);
    const loaded = state?.at === 'ready' ? { digest: state.digest, inputs: state.inputs } : {};
    yield { status: ref, generation: meta.generation, owner: ownerOf(ref), fields: { ...loaded, ...report } };
  },
};

function* troubles(ref: Ref, state: ModuleState | undefined): Generator<Fact> {
  if (!state) yield problem(ref, 'Waiting', 'the module is being loaded');
  else if (state.at === 'refused') yield problem(ref, 'ModuleInvalid', state.message);
}
