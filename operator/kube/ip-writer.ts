// IP objects: the API server's word on who has which address. An assignment is real once it is accepted here, and an
// address is free once its object is gone; so nothing here may report success before the API server has. What an
// object looks like, and what a row of it is, belong to the allocator and are given.
import type { JsonObject, Ref } from '../api/fact.ts';
import { ipRef } from '../api/refs.ts';
import { AlreadyExistsError, ApiError, ConflictError, InvalidError, isTransient, NotFoundError } from './errors.ts';
import { finalizer, finalizerPatch, oldFinalizer } from './finalizer.ts';
import { asObject, type KubeObject } from './object.ts';
import { resources } from './resources.ts';
import { assertMayWrite, type WriterOptions } from './writer.ts';

export interface IpWriterOptions<Ip, Row> extends Pick<WriterOptions, 'client' | 'mayWrite' | 'onWritten'> {
  /** The whole object to write, finalizer included. */
  readonly manifest: (ip: Ip) => JsonObject;
  /** The row of an object as the API server has it. */
  readonly row: (object: KubeObject) => Row;
  /** What to throw when the API server has refused for good (4xx); anything else may have been carried out. */
  readonly refused: (message: string, cause: unknown) => Error;
  /** The object of a name; the IP object unless stated. */
  readonly refOf?: (name: string) => Ref;
}

/** `exists`: the name was taken; `row` is the object that has it. */
export interface Created<Row> {
  readonly outcome: 'created' | 'exists';
  readonly row: Row;
}

/** The field manager of what `adopt` writes. */
export const ipManager = 'kubeloom-ipam';

/** Tries of a patch whose tests fail because others change the same list. */
const maxRaces = 5;

export class KubeIpWriter<Ip extends { readonly name: string }, Row> {
  readonly #options: IpWriterOptions<Ip, Row>;
  readonly #refOf: (name: string) => Ref;

  constructor(options: IpWriterOptions<Ip, Row>) {
    this.#options = options;
    this.#refOf = options.refOf ?? ipRef;
  }

  /** One POST. */
  async create(ip: Ip): Promise<Created<Row>> {
    assertMayWrite(this.#options);
    const { client, manifest, onWritten, row } = this.#options;
    try {
      const object = await client.create(resources.IP, manifest(ip));
      onWritten?.(object);
      return { outcome: 'created', row: row(object) };
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw this.named(error);
      return {
        outcome: 'exists',
        row: row(await client.get(this.#refOf(ip.name)).catch((cause) => this.#fail(cause))),
      };
    }
  }

  /** Makes the object of this name and UID what `manifest` says; finalizers and labels of others stay. */
  async adopt(ip: Ip, uid: string): Promise<void> {
    assertMayWrite(this.#options);
    const { client, manifest, onWritten } = this.#options;
    const wanted = manifest(ip);
    const body = { ...wanted, metadata: { ...asObject(wanted.metadata), uid } };
    try {
      const written = await client.patch(this.#refOf(ip.name), { type: 'apply', body, manager: ipManager });
      onWritten?.(written);
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Asks for deletion of this very object; its finalizer keeps it until `dropFinalizer`. Gone already is success. */
  async remove(name: string, uid: string): Promise<void> {
    assertMayWrite(this.#options);
    try {
      await this.#options.client.delete(this.#refOf(name), { uid });
    } catch (error) {
      if (!(error instanceof NotFoundError || error instanceof ConflictError)) throw this.named(error);
    }
  }

  /**
   * Lets an object go whose address is free now. Gone already, or a namesake in its place, is success. One request when
   * the finalizer is the only one, as it is unless someone added theirs.
   */
  async dropFinalizer(name: string, uid: string): Promise<void> {
    let finalizers: readonly string[] | undefined = [finalizer];
    for (let attempt = 1; finalizers !== undefined; attempt += 1) {
      const others = finalizers.filter((other) => other !== finalizer && other !== oldFinalizer);
      const operations = finalizerPatch({ uid, finalizers }, others);
      if (operations === undefined || (await this.#patched(name, operations, attempt === maxRaces))) return;
      finalizers = await this.#finalizers(name, uid);
    }
  }

  // False when a test did not hold: others changed the list since we looked.
  async #patched(name: string, operations: readonly JsonObject[], last: boolean): Promise<boolean> {
    assertMayWrite(this.#options);
    try {
      await this.#options.client.patch(this.#refOf(name), { type: 'json', operations });
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return true;
      const raced = error instanceof InvalidError || error instanceof ConflictError;
      if (raced && !last) return false;
      throw this.named(error);
    }
  }

  async #finalizers(name: string, uid: string): Promise<readonly string[] | undefined> {
    try {
      const { metadata } = await this.#options.client.get(this.#refOf(name));
      return metadata.uid === uid ? (metadata.finalizers ?? []) : undefined;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw this.named(error);
    }
  }

  #fail(error: unknown): never {
    throw this.named(error);
  }

  /** The error to throw: a refusal for good is told apart. */
  named(error: unknown): unknown {
    const refusal = error instanceof ApiError && !isTransient(error);
    return refusal ? this.#options.refused(error.message, error) : error;
  }
}
