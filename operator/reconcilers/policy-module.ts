// A PolicyModule as its user sees it: in force, refused, or failing. What it decides is done elsewhere.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { policyModuleRef } from '../api/refs.ts';
import type { PolicyModuleRow } from '../api/policy-module.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';

export const policyModule: Reconciler<PolicyModuleRow> = {
  kind: 'PolicyModule',
  *desired({ meta, faults }, read) {
    const ref = policyModuleRef(meta.name);
    const state = read.get('moduleState', meta.name);
    const report = read.get('moduleReport', meta.name);
    for (const fault of faults) yield problem(ref, 'ModuleInvalid', fault);
    if (!state) yield problem(ref, 'Waiting', 'the module is being loaded');
    else if (state.at === 'refused') yield problem(ref, 'ModuleInvalid', state.message);
    if (report && report.failing > 0)
      yield problem(ref, 'ModuleFailing', `${report.failing} without an answer: ${report.lastError}`);
    yield {
      status: ref,
      generation: meta.generation,
      owner: ownerOf(ref),
      fields: {
        ...(state?.at === 'ready' && { digest: state.digest, inputs: state.inputs }),
        ...(report && { ...report }),
      },
    };
  },
};
