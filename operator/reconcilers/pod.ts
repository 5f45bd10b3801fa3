// A pod: its interfaces and its annotations. Each interface stands on an assignment; asking for one is demand.ts.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { portWish } from '../api/port-wish.ts';
import { podRef } from '../api/refs.ts';
import type { PodRow } from '../api/tables.ts';
import { assignment } from './assignment.ts';
import { needsAddress, podWish } from './demand.ts';
import { identityOf } from './identity.ts';
import { podPort } from './pod-port.ts';
import type { Annotations } from './pod-port.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';
import { unassigned } from './unassigned.ts';
import { lentAddress } from './vip-holding.ts';

export const pod: Reconciler<PodRow> = {
  kind: 'Pod',
  *desired(row, read) {
    if (!needsAddress(row)) return;
    const { namespace, name, annotations } = row.meta;
    const ref = podRef(namespace, name);
    const self = identityOf(row, read);
    const wish = portWish(annotations, 'ovn');
    const assigned = assignment({ ip: self.ip, ref: podRef(namespace, self.name), uid: self.uid }, read);
    // A pod that has the address of a Vip keeps it, whatever becomes of the Vip.
    const invalid = podWish(row)?.invalid ?? (assigned ? undefined : lentAddress(row, read)?.wish.invalid);
    for (const error of [...(invalid === undefined ? [] : [invalid]), ...wish.errors]) {
      yield problem(ref, 'ValidatePodNetworkFailed', `stage=ValidatePodNetwork error=${error}`);
    }
    if (!assigned) {
      yield* unassigned(self.ip, ref, read);
      return;
    }
    const values = yield* podPort(row, { provider: 'ovn', self, assigned, wish }, read);
    yield annotated(row, values, self.owner);
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
