/** Networks that pods are attached to beside the default one: the kind of their definitions, and the definitions. */
import { apply, cluster } from './shared.ts';

/** The kind as the Network Plumbing Working Group's standard describes it (version 1.3, section 3). */
const definitionKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'network-attachment-definitions.k8s.cni.cncf.io' },
  spec: {
    group: 'k8s.cni.cncf.io',
    scope: 'Namespaced',
    names: {
      kind: 'NetworkAttachmentDefinition',
      plural: 'network-attachment-definitions',
      singular: 'network-attachment-definition',
      shortNames: ['net-attach-def'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { config: { type: 'string' } } } },
          },
        },
      },
    ],
  },
};

/** Makes the kind known to the API server. */
export async function takeDefinitions(): Promise<void> {
  await apply(definitionKind);
  await cluster().kubectl(['wait', '--for=condition=Established', 'crd', definitionKind.metadata.name]);
}

/** A network: its definition, its subnet, and the interface that pods have of it. */
export interface Net {
  readonly name: string;
  readonly provider: string;
  readonly cidrBlock: string;
  readonly ifname: string;
  readonly config: { readonly type: string } & Readonly<Record<string, unknown>>;
}

export const definition = (namespace: string, { name, config }: Net): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name, namespace },
  spec: { config: JSON.stringify(config) },
});

/** The annotation by which a pod asks for networks. */
export const networks = 'k8s.v1.cni.cncf.io/networks';
