import { beforeEach, expect, it } from 'vitest';
import { subnetRow } from '../../operator/api/project.ts';
import { ipPoolRef, subnetRef, vpcRef } from '../../operator/api/refs.ts';
import type { SubnetRow } from '../../operator/api/tables.ts';
import type { EventNote } from '../../operator/kube/events.ts';
import { SubnetNotes } from '../../operator/subnet-notes.ts';
import { build } from '../worlds/objects.ts';

const subnet = (fields: Record<string, string>): SubnetRow => subnetRow(build('Subnet', 's', fields));

let told: string[];
let notes: SubnetNotes;

beforeEach(() => {
  told = [];
  const record = ({ about, type, reason, message }: EventNote): void => {
    told.push(`${type} ${about.name} ${about.uid} ${reason}: ${message}`);
  };
  notes = new SubnetNotes({ record }, { Subnet: () => subnet({}), IPPool: () => undefined });
});

it('tells of another type of gateway and of other nodes, with the texts that people know', () => {
  notes.changed('s', subnet({ gatewayType: 'distributed' }));
  notes.changed('s', subnet({ gatewayType: 'centralized', gatewayNode: 'n1' }));
  expect(told).toEqual([
    'Normal s uid-s SubnetGatewayTypeChanged: subnet gateway type changes from "distributed" to "centralized"',
    'Normal s uid-s SubnetGatewayNodeChanged: gateway node changes from "" to "n1"',
  ]);
});

it('tells by which node a subnet leaves from now on, and that it leaves by all', () => {
  notes.changed('s', subnet({ gatewayType: 'centralized', activateGateway: 'n1' }));
  notes.changed('s', subnet({ gatewayType: 'centralized', activateGateway: 'n2' }));
  notes.changed('s', subnet({ gatewayType: 'distributed' }));
  expect(told).toEqual([
    'Normal s uid-s ReconcileCentralizedGatewaySuccess: subnet s leaves by node n2',
    'Normal s uid-s SubnetGatewayTypeChanged: subnet gateway type changes from "centralized" to "distributed"',
    'Normal s uid-s ChangeToDistributedGw: pods of subnet s leave by their own nodes',
  ]);
});

it('tells nothing at first sight, of what is filled in, and of what is the same', () => {
  notes.changed('s', subnet({ gatewayNode: 'n1' }));
  notes.changed('s', subnet({ gatewayType: 'distributed', gatewayNode: 'n1' }));
  notes.changed('s', subnet({ gatewayType: 'distributed', gatewayNode: 'n1', natOutgoing: 'true' }));
  notes.changed('s', undefined);
  notes.changed('s', subnet({ gatewayType: 'centralized' }));
  expect(told).toEqual([]);
});

it('tells of subnets and pools that are ready, and of no other kind', () => {
  notes.ready(subnetRef('s'), 'SetPrivateLogicalSwitchSuccess');
  notes.ready(vpcRef('v'), 'ResetLogicalSwitchAclSuccess');
  notes.ready(ipPoolRef('p'), 'UpdateIPAMSucceeded');
  expect(told).toEqual([
    'Normal s uid-s SetPrivateLogicalSwitchSuccess: subnet s is ready',
    'Normal p undefined UpdateIPAMSucceeded: ippool p is ready',
  ]);
});
