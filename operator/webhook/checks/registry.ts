// The checks of each kind. A kind that is not here is let pass, as far as these checks go.
import type { Checks } from './check.ts';
import { ip } from './ip.ts';
import { ippool } from './ippool.ts';
import { iptablesDnat, iptablesEip, iptablesFip, iptablesSnat } from './iptables-nat.ts';
import { natGateway } from './nat-gateway.ts';
import { ovnDnat, ovnEip, ovnFip, ovnSnat } from './ovn-nat.ts';
import { pod, workload } from './pod.ts';
import { subnet } from './subnet.ts';
import { vip } from './vip.ts';
import { vpc } from './vpc.ts';

/** By `group/Kind`; the core group is ''. */
export const checks: Readonly<Record<string, Checks>> = {
  '/Pod': pod,
  'apps/DaemonSet': workload(),
  'apps/Deployment': workload(),
  'apps/StatefulSet': workload(),
  'batch/CronJob': workload('jobTemplate', 'spec'),
  'batch/Job': workload(),
  'kubeovn.io/IP': ip,
  'kubeovn.io/IPPool': ippool,
  'kubeovn.io/IptablesDnatRule': iptablesDnat,
  'kubeovn.io/IptablesEIP': iptablesEip,
  'kubeovn.io/IptablesFIPRule': iptablesFip,
  'kubeovn.io/IptablesSnatRule': iptablesSnat,
  'kubeovn.io/OvnDnatRule': ovnDnat,
  'kubeovn.io/OvnEip': ovnEip,
  'kubeovn.io/OvnFip': ovnFip,
  'kubeovn.io/OvnSnatRule': ovnSnat,
  'kubeovn.io/Subnet': subnet,
  'kubeovn.io/Vip': vip,
  'kubeovn.io/Vpc': vpc,
  'kubeovn.io/VpcNatGateway': natGateway,
};
