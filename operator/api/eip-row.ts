// What is known of ways to physical networks: OvnEips, and the ports that VPCs want there.
import { objectOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

/** An OvnEip. */
export interface EipRow {
  readonly meta: Meta;
  /** As written; parsed at the place of use. */
  readonly spec: JsonObject;
}

/** That a VPC is to have a port on an external subnet. Computed from `vpc`. */
export interface Uplink {
  readonly vpc: string;
  /** Of the VPC. */
  readonly uid: string;
  readonly subnet: string;
  /** The gateway there is watched by BFD. */
  readonly watched: boolean;
}

/** What is made of an OvnEip is compared with what it is, so its labels are kept. */
export function eipRow(source: unknown): EipRow {
  const object = objectOf(source);
  return { meta: metaOf(object, { labels: () => true }), spec: objectOf(object['spec']) };
}
