// The northbound database of a cluster, read once: where it is, how it is reached, and what is in it at this moment.
import type { KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { connect, type Row, type Tls } from '../lib/ovsdb/index.ts';
import { objectOf, textOf, textsOf } from '../operator/api/json.ts';
import { read, type Nb } from './why/rows.ts';

export interface Northbound {
  readonly remotes: readonly string[];
  readonly tls?: Tls | undefined;
}

const namespace = 'kube-system';
const port = 6641;

/** The members of ovn-central, by the nodes that they run on, as the API server says. Throws an Error when there are none. */
export async function northboundOf(api: KubernetesObjectApi): Promise<Northbound> {
  const pods = await api.list('v1', 'Pod', namespace, undefined, undefined, undefined, undefined, 'app=ovn-central');
  const hosts = pods.items.map((pod) => textOf(objectOf((pod as { status?: unknown }).status)['hostIP']));
  const found = [...new Set(hosts.filter((host) => host !== ''))].sort();
  if (found.length === 0) throw new Error('no pod of ovn-central is on a node; name the northbound database with --nb');
  const settings = objectOf(((await api.read(ref('ConfigMap', 'kube-ovn-config'))) as { data?: unknown }).data);
  const secure = textOf(settings['enable-ssl']) === 'true';
  const remotes = found.map((host) => `${secure ? 'ssl' : 'tcp'}:${host.includes(':') ? `[${host}]` : host}:${port}`);
  return secure ? { remotes, tls: await certificates(api) } : { remotes };
}

/** Cluster addresses of a Service. Rejects with what the API server says. */
export async function serviceAddresses(
  api: KubernetesObjectApi,
  place: { namespace: string; name: string },
): Promise<string[]> {
  const service = await api.read({ apiVersion: 'v1', kind: 'Service', metadata: place });
  return [...textsOf(objectOf((service as { spec?: unknown }).spec)['clusterIPs'])];
}

/** All rows that `why` reads. The connection ends with the call. */
export async function snapshot({ remotes, tls }: Northbound, timeout: number): Promise<Nb> {
  const database = await connect(remotes, {
    database: 'OVN_Northbound',
    tables: read,
    allowAbsent: true,
    timeout,
    ...(tls && { tls }),
  });
  try {
    const { replica } = database;
    const tables = new Map(Object.keys(read).map((table) => [table, new Map<string, Row>(replica.rows(table))]));
    return { row: (table, uuid) => tables.get(table)?.get(uuid), rows: (table) => tables.get(table) ?? [] };
  } finally {
    await database.close();
  }
}

async function certificates(api: KubernetesObjectApi): Promise<Tls> {
  const data = objectOf(((await api.read(ref('Secret', 'kube-ovn-tls'))) as { data?: unknown }).data);
  const pem = (key: string): string => Buffer.from(textOf(data[key]), 'base64').toString();
  const texts = { ca: pem('cacert'), cert: pem('cert'), key: pem('key') };
  return () => Promise.resolve(texts);
}

const ref = (kind: string, name: string): KubernetesObject & { metadata: { name: string; namespace: string } } => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace },
});
