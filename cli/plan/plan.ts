// `kubeloom plan`: reads, computes both sides, and says what differs. Writes nothing, anywhere.
import { clusterRow } from '../../operator/cluster-row.ts';
import { objectOf, textOf } from '../../operator/api/json.ts';
import type { Cluster as ClusterTable } from '../../operator/api/tables.ts';
import { isTaken } from '../../operator/intake.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { settingsOf } from '../../operator/settings.ts';
import type { Modules } from '../../operator/world.ts';
import type { ClusterOptions } from '../kube.ts';
import { modules } from '../modules.ts';
import { Cluster } from './cluster.ts';
import { Outlook, type Desired } from './desired.ts';
import { readManifests } from './manifests.ts';
import { idOf, keyOf, type Manifest } from './object.ts';
import { configMapsOf } from './policy-modules.ts';
import { report, type Report } from './report.ts';

export interface PlanOptions {
  readonly paths: readonly string[];
  readonly recursive: boolean;
  /** Namespace of objects that name none. */
  readonly namespace: string;
  /** Compare with this cluster; without it, with nothing at all. */
  readonly cluster?: ClusterOptions;
}

const nothing: Desired = { facts: [], problems: [], failures: [], workloads: [] };

/** Throws for a cluster that cannot be reached; what is wrong with manifests is in the report. */
export async function plan({ paths, recursive, namespace, cluster }: PlanOptions): Promise<Report> {
  const { manifests, errors } = readManifests(paths, { recursive, namespace });
  const [kept, twice] = unique(manifests);
  const wrong = [...errors, ...twice];
  const decisions = await modules();
  return cluster === undefined
    ? offline(kept, wrong, decisions)
    : await online(kept, wrong, { cluster: new Cluster(cluster), decisions });
}

async function offline(manifests: readonly Manifest[], errors: readonly string[], decisions: Modules): Promise<Report> {
  const outlook = new Outlook(clusterOf(filesOf(manifests), manifests, []), decisions);
  try {
    const after = await outlook.take(manifests);
    return report({ before: nothing, after, errors, remarks: remarksOf(manifests, after) });
  } finally {
    await outlook.stop();
  }
}

interface Online {
  readonly cluster: Cluster;
  readonly decisions: Modules;
}

async function online(
  manifests: readonly Manifest[],
  errors: readonly string[],
  { cluster, decisions }: Online,
): Promise<Report> {
  const [live, { files, apiServer }] = await Promise.all([cluster.objects(), cluster.settings()]);
  const applied = await cluster.apply(manifests.filter(isTaken));
  // Of the cluster's ConfigMaps those are read that a module names or will name.
  const named = configMapsOf([...live, ...applied.objects]);
  const isNamed = (manifest: Manifest): boolean => manifest.kind === 'ConfigMap' && named.has(keyOf(manifest));
  const maps = await cluster.configMaps(named);
  const outlook = new Outlook(clusterOf(files, live, apiServer), decisions);
  try {
    const before = await outlook.take([...live, ...maps]);
    const after = await outlook.take([...applied.objects, ...manifests.filter(isNamed)]);
    return report({
      before,
      after,
      errors: [...errors, ...applied.errors],
      remarks: remarksOf(manifests, after),
    });
  } finally {
    await outlook.stop();
  }
}

/** The UID of kube-system salts the MACs of routers; without a cluster they are those of an empty salt. */
function clusterOf(
  files: ReadonlyMap<string, string>,
  objects: readonly Manifest[],
  apiServer: readonly string[],
): ClusterTable {
  const system = objects.find(({ kind, name }) => kind === 'Namespace' && name === 'kube-system');
  const salt = textOf(objectOf(system?.object['metadata'])['uid']);
  return clusterRow(settingsOf(files, []).settings, salt, apiServer);
}

/** Settings come from the ConfigMap when it is among the manifests. */
function filesOf(manifests: readonly Manifest[]): ReadonlyMap<string, string> {
  const map = manifests.find(({ kind, name }) => kind === 'ConfigMap' && name === 'kube-ovn-config');
  const data = Object.entries(objectOf(map?.object['data']));
  return new Map(data.map(([name, value]) => [name, textOf(value)]));
}

/** The last manifest of an object is the one that an apply would leave; an earlier one is told as an error. */
function unique(manifests: readonly Manifest[]): [Manifest[], string[]] {
  const last = new Map<string, Manifest>();
  const twice: string[] = [];
  for (const manifest of manifests) {
    const id = `${manifest.apiVersion} ${idOf(manifest)}`;
    const before = last.get(id);
    if (before !== undefined) twice.push(`${manifest.from}: ${idOf(manifest)} is also at ${before.from}`);
    last.set(id, manifest);
  }
  return [[...last.values()], twice];
}

function remarksOf(manifests: readonly Manifest[], { facts }: Desired): string[] {
  const owners = new Set<string>(facts.map(({ owner }) => owner));
  const ours = manifests.filter((manifest) => manifest.apiVersion.startsWith('kubeovn.io/') && !isTaken(manifest));
  const note = (manifest: Manifest, text: string): string => `${manifest.from}: ${idOf(manifest)}: ${text}`;
  return [
    ...ours.map((manifest) => note(manifest, 'no such kind is known, so nothing is planned for it')),
    ...manifests
      .filter((manifest) => manifest.kind in inTime && !owners.has(ownerOf(manifest)) && !isWithout(manifest))
      .map((manifest) => note(manifest, inTime[manifest.kind] ?? '')),
  ];
}

/** A pod that uses its node's network has no rows at any time, nor has a Service without an address. */
function isWithout({ object }: Manifest): boolean {
  const { hostNetwork, clusterIP, type } = objectOf(object['spec']);
  return hostNetwork === true || clusterIP === 'None' || type === 'ExternalName';
}

/** Kinds whose rows are not in the plan of a manifest, since they depend on what the cluster then does. */
const inTime: Readonly<Record<string, string>> = {
  Pod: 'a pod has rows when it is scheduled to a node and has its address',
  StatefulSet: 'its pods have rows when they are scheduled to nodes and have their addresses',
  Service: 'a Service has rows when the API server has given it an address',
  SwitchLBRule: 'a rule has rows when the Service is there that is made for it',
  RouterLBRule: 'a rule has rows when the Service is there that is made for it',
  Vip: 'a Vip has a row when it has its address',
};
