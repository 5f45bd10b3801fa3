// Identity by derivation: who wants a row and what the row is called decide its UUID, so references are computed,
// retries are idempotent and a restart finds what it made. Text of a brand is built here and nowhere else.
import { hash } from 'node:crypto';
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

/**
 * A part of what an owner wants that may wait or fail by itself: a row that waits for another holds up everything of its
 * owner, and here that is the part alone.
 */
export const partOf = (whole: Owner, part: string): Owner => `${whole}/${part}` as Owner;

/** The UUID of a row: a name-based one (version 5) of owner, table and a name that is local to both. */
export function rowId(owner: Owner, table: string, name: string): RowId {
  return uuidOf(`${owner}\0${table}\0${name}`);
}

/** Stands for the one row of a table that holds at most one (`NB_Global`, `Open_vSwitch`), whoever made it. */
export function singletonId(table: string): RowId {
  return uuidOf(`\0${table}`);
}

/** A text to order things by that is the same everywhere and says nothing of them: SHA-256 in hexadecimal. */
export const rankOf = (text: string): string => hash('sha256', text);

/** Whether `text` is a UUID as OVSDB prints it. */
export function isRowId(text: string): text is RowId {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}

/** The namespace, and room for what is hashed behind it: names of OVN and Kubernetes are much shorter. */
const text = Buffer.alloc(4096);
NAMESPACE.copy(text);

function bytesOf(name: string): Buffer {
  // No character takes more than three bytes per unit of UTF-16.
  if (name.length * 3 > text.length - NAMESPACE.length) return Buffer.concat([NAMESPACE, Buffer.from(name, 'utf8')]);
  return text.subarray(0, NAMESPACE.length + text.write(name, NAMESPACE.length, 'utf8'));
}

function uuidOf(name: string): RowId {
  const hex = hash('sha1', bytesOf(name), 'hex');
  // Version 5 in the place of the version, and the two bits of the variant.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const [low, mid, high] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(13, 16)];
  return `${low}-${mid}-5${high}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}` as RowId;
}
