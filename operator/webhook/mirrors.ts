// The kinds that checks ask about, mirrored from the API server, and read from it one by one where a refusal depends on
// them. Nothing is written.
import { eipRow } from '../api/eip-row.ts';
import { objectOf } from '../api/json.ts';
import { metaOf } from '../api/meta.ts';
import type { JsonObject } from '../api/fact.ts';
import { attachmentRow, ipPoolRow, ipRow, namespaceRow, nodeRow, subnetRow, vlanRow, vpcRow } from '../api/project.ts';
import { kubeOvn } from '../api/refs.ts';
import { vipRow } from '../api/vip-row.ts';
import type { KubeClient } from '../kube/client.ts';
import { NotFoundError } from '../kube/errors.ts';
import { into, type Projection } from '../kube/mirror.ts';
import type { KubeObject } from '../kube/object.ts';
import { Partition } from '../kube/partition.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from '../kube/reflector.ts';
import { type Resource, resourceOf, resources } from '../kube/resources.ts';
import type { NatKind, NatRow } from './checks/check.ts';
import { natKinds } from './checks/check.ts';
import type { Origin, Reading } from './sight.ts';
import type { Input, State } from './state.ts';

export type MirrorsOptions = Pick<ReflectorOptions, 'client' | 'clock' | 'log' | 'enter'> & {
  readonly inputs: State['inputs'];
};

interface Source {
  readonly resource: Resource;
  readonly project: (object: unknown) => unknown;
  /** A cluster need not have it. */
  readonly optional: boolean;
}

const source = (resource: Resource, project: Source['project'], optional = false): Source => ({
  resource,
  project,
  optional,
});

const natRow =
  (kind: NatKind) =>
  (object: unknown): NatRow => ({
    kind,
    meta: metaOf(object as JsonObject),
    spec: objectOf(objectOf(object)['spec']),
  });

const natSource = (kind: NatKind): Source => source(resourceOf({ apiVersion: kubeOvn, kind }), natRow(kind), true);

const sources: Readonly<Record<Exclude<Input, 'nat'>, Source>> = {
  attachment: source(resources.NetworkAttachmentDefinition, attachmentRow, true),
  eip: source(resources.OvnEip, eipRow, true),
  ip: source(resources.IP, ipRow),
  ippool: source(resources.IPPool, ipPoolRow),
  namespace: source(resources.Namespace, namespaceRow),
  node: source(resources.Node, nodeRow),
  subnet: source(resources.Subnet, subnetRow),
  vip: source(resources.Vip, vipRow, true),
  vlan: source(resources.Vlan, vlanRow),
  vpc: source(resources.Vpc, vpcRow),
};

/** A kind and the table that it fills. */
export interface Filling extends Pick<Source, 'resource' | 'optional'> {
  readonly projection: Projection;
}

/** Every kind that is listed and watched. */
export function fillings(inputs: State['inputs']): Filling[] {
  const filling = ({ resource, optional, project }: Source, table: State['inputs'][Input]): Filling => ({
    resource,
    optional,
    projection: into<unknown>(table, project),
  });
  return [
    ...Object.entries(sources).map(([name, from]) => filling(from, inputs[name as Input])),
    ...natKinds.map((kind) => filling(natSource(kind), new Partition(inputs.nat, `${kind}/`))),
  ];
}

export class Mirrors {
  readonly #reflectors: ReadonlyMap<string, Reflector>;
  #synced = false;

  constructor({ inputs, ...options }: MirrorsOptions) {
    const reflectors = fillings(inputs).map(({ resource, optional, projection }) => {
      const reflector = new Reflector({ ...options, resource, optional, projections: [projection] });
      return [resource.kind, reflector] as const;
    });
    this.#reflectors = new Map(reflectors);
  }

  /** Every kind has been listed once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Kinds that cannot be read at the moment, and why. */
  get troubles(): Readonly<Record<string, RestartReason>> {
    const waiting = [...this.#reflectors].flatMap(([kind, { state }]) =>
      state.at === 'waiting' && state.reason !== 'absent' ? [[kind, state.reason] as const] : [],
    );
    return Object.fromEntries(waiting);
  }

  /** Resolves when every kind has been listed once. */
  async whenSynced(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map(({ synced }) => synced));
    this.#synced = true;
  }

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }
}

/** Objects as the API server has them now, in one turn; `deadlineMs` for each. Rejects when one cannot be told. */
export async function readings(
  client: KubeClient,
  origins: readonly Origin[],
  deadlineMs: number,
): Promise<readonly Reading[]> {
  return Promise.all(origins.map((origin) => reading(client, origin, deadlineMs)));
}

async function reading(client: KubeClient, origin: Origin, deadlineMs: number): Promise<Reading> {
  const { resource, project, namespace, name } = placeOf(origin);
  try {
    const { apiVersion, kind } = resource;
    const object: KubeObject = await client.get({ apiVersion, kind, namespace, name }, deadlineMs);
    return { ...origin, row: project(object) };
  } catch (error) {
    if (error instanceof NotFoundError) return { ...origin, row: undefined };
    throw error;
  }
}

function placeOf({ table, key }: Origin): Source & { readonly namespace: string; readonly name: string } {
  const [first = '', rest = ''] = key.split('/');
  if (table === 'nat') {
    const kind = natKinds.find((known) => known === first);
    if (!kind) throw new Error(`${key} is no key of an object that translates addresses`);
    return { ...natSource(kind), namespace: '', name: rest };
  }
  return rest === ''
    ? { ...sources[table], namespace: '', name: first }
    : { ...sources[table], namespace: first, name: rest };
}
