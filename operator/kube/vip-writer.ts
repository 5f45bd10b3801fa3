// The address of a Vip, which stands in the object itself: it is given by a write to its status and taken back by another,
// and the object is its user's all the time.
import type { Ref } from '../api/fact.ts';
import { ConflictError, NotFoundError } from './errors.ts';
import { finalizer } from './finalizer.ts';
import { type Created, ipManager, type IpWriterOptions, KubeIpWriter } from './ip-writer.ts';
import { asObject, type KubeObject } from './object.ts';
import { assertMayWrite } from './writer.ts';

export interface VipWriterOptions<Ip, Row> extends IpWriterOptions<Ip, Row> {
  /** The Vip that is meant. */
  readonly refOf: (name: string) => Ref;
}

export class KubeVipWriter<Ip extends { readonly name: string; readonly ownerUid: string }, Row> {
  readonly #options: VipWriterOptions<Ip, Row>;
  readonly #objects: KubeIpWriter<Ip, Row>;

  constructor(options: VipWriterOptions<Ip, Row>) {
    this.#options = options;
    this.#objects = new KubeIpWriter(options);
  }

  /** Gives the Vip its address, unless it has one: then that is the answer. One that is gone has none. */
  async create(ip: Ip): Promise<Created<Row>> {
    assertMayWrite(this.#options);
    const { client, row, refOf } = this.#options;
    const ref = refOf(ip.name);
    try {
      const object = await client.get(ref);
      const { v4ip, v6ip } = object.status ?? {};
      const isTaken = [v4ip, v6ip].some((text) => typeof text === 'string' && text !== '');
      if (isTaken || object.metadata.uid !== ip.ownerUid) return { outcome: 'exists', row: row(object) };
      return { outcome: 'created', row: row(await this.#given(ip, object.metadata.resourceVersion)) };
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw this.#objects.named(error);
      return { outcome: 'exists', row: row(nobody(ref)) };
    }
  }

  /** Says again what the Vip has. */
  async adopt(ip: Ip, uid: string): Promise<void> {
    await this.#objects.adopt(ip, uid);
  }

  /** Takes the address back from this very Vip, which stays. What its user wrote of it stays too. */
  async remove(name: string, uid: string): Promise<void> {
    assertMayWrite(this.#options);
    const { client, onWritten, refOf } = this.#options;
    const ref = refOf(name);
    const { apiVersion, kind } = ref;
    const body = { apiVersion, kind, metadata: { name: ref.name, uid, finalizers: [finalizer] } };
    const status = { v4ip: null, v6ip: null, mac: null };
    try {
      // What we wrote of the spec goes with the first; the status may be Kube-OVN's.
      await client.patch(ref, { type: 'apply', body, manager: ipManager });
      onWritten?.(await client.patch(ref, { type: 'merge', body: { metadata: { uid }, status } }));
    } catch (error) {
      if (!(error instanceof NotFoundError || error instanceof ConflictError)) throw this.#objects.named(error);
    }
  }

  async dropFinalizer(name: string, uid: string): Promise<void> {
    await this.#objects.dropFinalizer(name, uid);
  }

  // Refused when the Vip has changed since it was read.
  async #given(ip: Ip, resourceVersion: string): Promise<KubeObject> {
    const { client, manifest, onWritten, refOf } = this.#options;
    const wanted = manifest(ip);
    const body = { ...wanted, metadata: { ...asObject(wanted.metadata), uid: ip.ownerUid, resourceVersion } };
    const written = await client.patch(refOf(ip.name), { type: 'apply', body, manager: ipManager });
    onWritten?.(written);
    return written;
  }
}

/** Stands for an object that is gone. */
const nobody = ({ apiVersion, kind, name }: Ref): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, uid: '', resourceVersion: '' },
});
