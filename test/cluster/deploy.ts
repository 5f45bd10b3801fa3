/** Kubeloom onto a cluster that runs: labels of nodes, `kubectl apply -k`, and the wait until the nodes are Ready. */
import { join } from 'node:path';
import { repoRoot } from './cache.ts';
import type { Cluster } from './cluster.ts';
import { dnsObjects } from './dns.ts';
import { CommandFailed } from './exec.ts';
import type { Progress } from './progress.ts';
import { waitForNodes } from './ready.ts';
import { nodeName, nodeNumbers } from './spec.ts';
import { waitFor } from './wait.ts';

/** Overlay by members of OVN's databases and by family. */
const OVERLAYS = {
  1: { ipv4: 'demo', ipv6: 'demo-ipv6', dual: 'demo-dual' },
  3: { ipv4: 'demo-ha', ipv6: 'demo-ha-ipv6', dual: 'demo-ha-dual' },
} as const;

/** A kubelet may not give itself these; they say where OVN's databases and the operator run. */
const MASTER = { 'node-role.kubernetes.io/control-plane': '', 'kube-ovn/role': 'master' };

/** Labels the first node, or one for each member of OVN's databases. Bare clusters, too: somebody may deploy by hand. */
export async function labelMasters(cluster: Cluster): Promise<void> {
  const body = JSON.stringify({ metadata: { labels: MASTER } });
  for (const name of nodeNumbers(cluster.record.ovnMembers).map(nodeName)) {
    const path = `/api/v1/nodes/${name}`;
    const answer = await cluster.request('PATCH', path, { type: 'application/merge-patch+json', body });
    if (answer.status !== 200) throw new Error(`labels of ${name}: ${answer.status} ${answer.body}`);
  }
}

/** Applies the overlay and CoreDNS, and waits until all nodes are Ready. */
export async function deploy(cluster: Cluster, progress: Progress): Promise<void> {
  const { ovnMembers, family } = cluster.record;
  const overlay = OVERLAYS[ovnMembers][family];
  await progress.step(`kubectl apply -k config/overlays/${overlay}`, async () => {
    await apply(cluster, join(repoRoot, 'config', 'overlays', overlay));
  });
  const items = dnsObjects(family);
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await progress.step('kubectl apply of CoreDNS', async () => {
    await cluster.kubectl(['apply', '-f', '-'], { stdin: list });
  });
  await progress.step('nodes Ready', () => waitForNodes(cluster, 'Ready', 120_000));
}

/** Objects of a kind whose definition comes with them are refused until that is established: once more, then. */
async function apply(cluster: Cluster, overlay: string): Promise<void> {
  let refusal = '';
  const look = async (): Promise<boolean> => {
    try {
      await cluster.kubectl(['apply', '-k', overlay]);
      return true;
    } catch (error) {
      if (!(error instanceof CommandFailed) || !/no matches for kind/.test(error.stderr)) throw error;
      refusal = error.stderr;
      return false;
    }
  };
  await waitFor(look, {
    what: 'the custom resource definitions',
    limitMs: 30_000,
    everyMs: 200,
    explain: () => refusal,
  });
}
