// The part of the graph's tables that policies are made of: who is selected, what is wanted of whom, and where.
import type { Owner, RowId } from '../../lib/delta/fact.ts';
import type { Labels, Selection } from '../../lib/graph/selector.ts';
import type { AdminPolicyRow } from './admin-policy-row.ts';
import type { DomainRow } from './domain-row.ts';
import type { Facet } from './facet.ts';
import type { LabelledRow, NamedPort, NetworkPolicyRow } from './policy-row.ts';
import type { SecurityGroupRow } from './security-row.ts';
import type { Translation } from './translation.ts';

/** A logical switch port of a pod, as policies see it. Computed with the port's row. */
export interface PortRow {
  /** Key of the pod. */
  readonly pod: string;
  readonly namespace: string;
  /** In whose groups it is; '' for one that is in none of a node. */
  readonly node: string;
  readonly id: RowId;
  readonly owner: Owner;
  readonly provider: string;
  readonly subnet: string;
  readonly vpc: string;
  /** It is on a physical network, where every VPC may reach it. */
  readonly underlay: boolean;
  readonly addresses: readonly string[];
  /** OVN answers it as a DHCP server. */
  readonly dhcp: boolean;
  /** Names of the SecurityGroups that it is to be in, whether or not there are such. */
  readonly groups: readonly string[];
  /** Addresses that it may send from as far as port security knows, else its own. */
  readonly sources: readonly string[];
}

/** A group or a set that users know by its name: it is there as long as anything fills it or any match names it. */
export interface NamedRow {
  readonly row: 'Port_Group' | 'Address_Set';
  readonly name: string;
}

/** The rows of a SecurityGroup. Computed; changes only with its name or that of another. */
export interface SecurityRows {
  /** Its name. */
  readonly sg: string;
  readonly group: NamedRow;
  readonly sets: { readonly 4: NamedRow; readonly 6: NamedRow };
  /** Another SecurityGroup has the name that the rows would have. */
  readonly taken: boolean;
}

/** A subnet in which a namespace has pods, whatever it is bound to. Computed. */
export interface Presence {
  readonly namespace: string;
  readonly subnet: string;
}

/** A VPC in which a namespace has pods or may get some, with the families that it has addresses of. Computed. */
export interface Place {
  readonly vpc: string;
  readonly families: readonly (4 | 6)[];
}

/** A family of which a VPC has addresses. Computed. */
export interface VpcFamily {
  readonly vpc: string;
  readonly family: 4 | 6;
}

/** That somebody wants to know which numbers a port's name has among the pods of a selection. Computed. */
export interface AskedName {
  readonly selection: string;
  readonly name: string;
}

/** A number that it has. Computed. */
export interface NamedNumber extends AskedName {
  readonly protocol: string;
  readonly number: number;
}

export interface PolicyTables {
  /** Labels and ports of pods; apart from `pod`, because they change for themselves. */
  labelled: LabelledRow;
  networkPolicy: NetworkPolicyRow;
  /** Policies of the administrator, by kind and name. */
  adminPolicy: AdminPolicyRow;
  /** DNSNameResolvers, by name. */
  domain: DomainRow;
  /** What a policy says, by its key. */
  translation: Translation;
  /** Labels of namespaces. */
  scope: { readonly labels: Labels };
  /** By canonical form. */
  selection: Selection;
  /** Labels of nodes; their scope is ''. */
  nodeLabels: { readonly scope: string; readonly labels: Labels };
  /** Of nodes, by canonical form. */
  nodeSelection: Selection;
  /** Keys of the selections that a node is in. */
  matchedNode: readonly string[];
  /** Keys of the selections that a pod is in. */
  matched: readonly string[];
  /** By name. */
  port: PortRow;
  presence: Presence;
  /** By namespace. */
  places: readonly Place[];
  /** Named ports of pods, by pod; those that have some. */
  namedPorts: readonly NamedPort[];
  vpcFamily: VpcFamily;
  askedName: AskedName;
  namedNumber: NamedNumber;
  facet: Facet;
  securityGroup: SecurityGroupRow;
  /** By name of the SecurityGroup. */
  security: SecurityRows;
  /** By `namedKey`. */
  named: NamedRow;
  /** Name of the IPPool that fills an address set, by the name of the set. */
  poolSet: string;
  /** Kinds of isolation that are in use, see operator/reconcilers/default-deny.ts. */
  isolation: string;
}

export interface PolicyIndexes {
  /** By namespace. */
  presencesByNamespace: Presence;
  /** By VPC, and all by ''. */
  familiesByVpc: VpcFamily;
  /** By selection. */
  namesBySelection: AskedName;
  /** By selection and name. */
  numbersByName: NamedNumber;
  /** By selection. */
  facetsBySelection: Facet;
  /** Sets that have ClusterIPs, too, by VPC. */
  facetsOfServices: Facet;
  /** By the plain name of the group. */
  securityGroupsByName: SecurityGroupRow;
  /** By name of the SecurityGroup's rows: `namedKey`. */
  securitiesByRow: SecurityRows;
  /** By kind, tier and priority. */
  adminsByPriority: AdminPolicyRow;
  /** Those that keep groups of their own, by the name of the group. */
  policiesByGroup: NetworkPolicyRow;
}
