// Priorities of everything that OVN orders by priority, highest first. Kube-OVN's numbers: users read them.

/** Logical_Router_Policy. */
export const routerPolicy = {
  /** To a subnet of the VPC: routed as usual, whatever the source. */
  subnet: 31000,
  /** To a node, from what its peers reach by a node port: by the node of the pod. */
  nodePort: 30500,
  /** To a node's own address: by the join port of that node. */
  node: 30000,
  /** From a pod that names a gateway to anywhere else. */
  northGateway: 29250,
  /** From a subnet to anywhere else: by its gateway. */
  gateway: 29000,
} as const;

/** Logical_Router_Policy of underlay subnets that are interconnected with overlay ones. */
export const interconnectionPolicy = {
  /** To nodes. */
  nodes: 31000,
  /** Where only overlay subnets are reached by the router: inside of the subnet, and from it to everywhere else. */
  insideSubnet: 30060,
  servicesAtOnce: 30060,
  fromSubnetAtOnce: 30050,
  /** To the subnet, and to Services by a node. */
  toSubnet: 29400,
  services: 29400,
  /** From it to everywhere else. */
  fromSubnet: 29000,
} as const;

/** ACL tiers (OVN has 0 to 3): one that passes a packet on asks the next. */
export const aclTier = {
  /** AdminNetworkPolicy, and ClusterNetworkPolicy of tier Admin. */
  admin: 0,
  /** Policy modules of users. */
  module: 1,
  /** NetworkPolicy, security groups, subnets, nodes. */
  namespace: 2,
  /** BaselineAdminNetworkPolicy, ClusterNetworkPolicy of tier Baseline, and what SecurityGroups pass on. */
  baseline: 3,
} as const;

/** ACLs of the administrator's policies. */
export const adminAcl = {
  /** Above all of them: what a pod needs to live, DHCP and its own node's kubelet. */
  alive: 30001,
  /** Of the first rule of a policy of priority 0. */
  first: 30000,
  /** Below the last rule of the last priority. */
  lowest: 20000,
  /** Of the first rule of the BaselineAdminNetworkPolicy, of which there is one. */
  baseline: 1800,
  /** Priorities of ACLs from one priority of a policy to the next: as many rules as a policy may have. */
  stride: { AdminNetworkPolicy: 100, ClusterNetworkPolicy: 25 },
  /** The last priority of a policy that there is room for. */
  last: { AdminNetworkPolicy: 99, ClusterNetworkPolicy: 399 },
} as const;

/** ACLs of NetworkPolicies, in the groups of their subjects. */
export const networkPolicyAcl = {
  /** To a pod's own node, of a pod that no NetworkPolicy isolates: left to tier Baseline. */
  baseline: 3002,
  /** A sender that says he were the pod itself. */
  forged: 3001,
  /** Between a pod and its own node, whose kubelet probes. */
  node: 3000,
  /** What a policy allows, and what keeps a pod alive: answers of DHCP, itself behind a Service. */
  allow: 2001,
  /** Everything else of an isolated pod. */
  deny: 2000,
} as const;

/** ACLs of policy modules, in groups of their subjects. */
export const moduleAcl = {
  /** Of the module's priority 0; each further one has the three levels below those of the one before. */
  highest: 4000,
  /** Within a priority: what refuses wins against what passes on, and that against what allows. */
  levels: { drop: 0, reject: 0, pass: 1, allow: 2 },
  /** Everything, while there is no answer. */
  closed: 1000,
} as const;

/** Tiers of SecurityGroups, by `spec.tier`. */
export const securityTiers = [aclTier.namespace, aclTier.baseline] as const;

/** ACLs of SecurityGroups. */
export const securityAcl = {
  /** A sender that says he were the pod itself: above everything that users may say. */
  forged: 18_485,
  /** A rule of a user, less its own priority (1 to 16384). */
  rules: 18_484,
  /** What keeps a pod alive: DHCP, VRRP, itself behind a Service. */
  base: 2005,
  /** Members of the same group. */
  sameGroup: 2004,
  /** Everything else. */
  deny: 2003,
} as const;

/** ACLs on the switch of a subnet. */
export const subnetAcl = {
  /** From nodes, whose kubelets probe. */
  fromNodes: 3000,
  /** With rules of the user: inside of the subnet. */
  insideDespiteRules: 1900,
  /** What a private subnet lets in, and out. */
  allow: 1001,
  /** Everything else that is IP. */
  deny: 1000,
} as const;
