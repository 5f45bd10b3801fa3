// Identity by derivation: who wants a row and what the row is called decide its UUID, so references are computed,
// retries are idempotent and a restart finds what it made. Text of a brand is built here and nowhere else.
import { createHash } from 'node:crypto';
import type { Owner, RowId } from './fact.ts';

/** The object of the API that a row is wanted for; `namespace` is '' for cluster-scoped kinds. */
export interface OwnerRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Namespace of all our name-based UUIDs (RFC 9562 section 5.5). A change of it renames every row ever written. */
const NAMESPACE = Buffer.from('6f0b5d3c1f6e4c0a9d0e6b7562656c6f', 'hex');

/** `Kind/namespace/name`. None of the three can hold a slash in Kubernetes. */
export function owner({ kind, namespace, name }: OwnerRef): Owner {
  return `${kind}/${namespace}/${name}` as Owner;
}

/** The UUID of a row: a name-based one (version 5) of owner, table and a name that is local to both. */
export function rowId(owner: Owner, table: string, name: string): RowId {
  return uuidOf(`${owner}\0${table}\0${name}`);
}

/** Stands for the one row of a table that holds at most one (`NB_Global`, `Open_vSwitch`), whoever made it. */
export function singletonId(table: string): RowId {
  return uuidOf(`\0${table}`);
}

/** Whether `text` is a UUID as OVSDB prints it. */
export function isRowId(text: string): text is RowId {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}

function uuidOf(name: string): RowId {
  const digest = createHash('sha1').update(NAMESPACE).update(name, 'utf8').digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as RowId;
}
