// An IP object that somebody makes or edits by hand: a reservation.
import { canonicalMac } from '../../../lib/net/index.ts';
import { usedKey } from '../../api/keys.ts';
import { textOf } from '../../api/json.ts';
import { ipRow } from '../../api/project.ts';
import type { Checks } from './check.ts';
import { nameOf, specOf } from './check.ts';
import { addressFaults, fixedFields, subnetFaults } from './fields.ts';

const podTypes: readonly string[] = ['', 'StatefulSet', 'VirtualMachine'];

const fixed = ['subnet', 'namespace', 'podName', 'podType', 'v4IpAddress', 'v6IpAddress', 'macAddress'];

export const ip: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    const [subnet, podType, mac] = [textOf(spec['subnet']), textOf(spec['podType']), textOf(spec['macAddress'])];
    yield* subnetFaults('subnet', subnet, view);
    yield* addressFaults({ field: 'v4IpAddress', text: textOf(spec['v4IpAddress']), family: 4, subnet }, view);
    yield* addressFaults({ field: 'v6IpAddress', text: textOf(spec['v6IpAddress']), family: 6, subnet }, view);
    if (mac !== '' && canonicalMac(mac) === undefined) yield `macAddress ${mac} is not a MAC`;
    if (!podTypes.includes(podType)) yield `podType ${podType} is none of StatefulSet, VirtualMachine`;
    for (const address of ipRow(object).addresses) {
      const rival = view.at('ipsByAddress', usedKey(subnet, address)).find(({ meta }) => meta.name !== nameOf(object));
      if (rival) yield `address ${address} of subnet ${subnet} is that of IP ${rival.meta.name}`;
    }
  },
  *changes(before, after) {
    yield* fixedFields(before, after, [fixed, 'once it is set']);
  },
};
