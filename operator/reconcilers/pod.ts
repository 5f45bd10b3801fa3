// A pod: its interfaces and its annotations. Each interface stands on an assignment; asking for one is demand.ts.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { podRef } from '../api/refs.ts';
import type { PodRow } from '../api/tables.ts';
import { assignment } from './assignment.ts';
import { needsAddress } from './demand.ts';
import { identityOf } from './identity.ts';
import { nicsOf } from './nics.ts';
import { podPort } from './pod-port.ts';
import type { Annotations } from './pod-port.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';
import { unassigned } from './unassigned.ts';

export const pod: Reconciler<PodRow> = {
  kind: 'Pod',
  *desired(row, read) {
    if (!needsAddress(row)) return;
    const { namespace, name } = row.meta;
    const ref = podRef(namespace, name);
    const self = identityOf(row, read);
    const { nics, errors, missing } = nicsOf(row, self, read);
    const faults = new Set(errors);
    // One object for all: what one manager says of an object, it says at once.
    const told: Annotations[] = [];
    for (const nic of nics) {
      const { ip, isForeign, wish } = nic;
      const assigned = assignment({ ip, ref: podRef(namespace, self.name), uid: self.uid, isForeign }, read);
      if (assigned) told.push(yield* podPort(row, { nic, self, assigned }, read));
      else {
        // A pod that has the address of a Vip keeps it, whatever becomes of the Vip.
        if (wish?.invalid !== undefined) faults.add(wish.invalid);
        yield* unassigned(ip, ref, read);
      }
    }
    for (const error of faults) {
      yield problem(ref, 'ValidatePodNetworkFailed', `stage=validatePodNetwork error=${error}`);
    }
    for (const error of missing) {
      yield problem(ref, 'PodNetworkUpdateFailed', `stage=getPodKubeovnNets error=${error}`);
    }
    if (told.length > 0) yield annotated(row, Object.assign({}, ...told) as Annotations, self.owner);
  },
};

const annotated = (row: PodRow, values: Annotations, owner: Owner): Fact => ({
  object: podRef(row.meta.namespace, row.meta.name),
  uid: row.meta.uid,
  owner,
  manager,
  after: 'applied',
  generated: false,
  manifest: { metadata: { annotations: values } },
});
