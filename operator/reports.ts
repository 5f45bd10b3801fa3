// What agents tell and the operator writes for them: a node's token may change nothing in the API by itself.
import type { JsonObject, Ref } from './api/fact.ts';
import { nodeRef } from './api/refs.ts';
import type { Meta } from './api/tables.ts';
import type { EventRecorder } from './kube/events.ts';
import type { KubeClient } from './kube/client.ts';
import { isoSeconds, type Clock } from './kube/clock.ts';
import { messageOf } from './kube/errors.ts';
import { KeyedQueue } from './kube/queue.ts';
import type { Log } from './kube/log.ts';
import type { KubeObject } from './kube/object.ts';
import { assertMayWrite } from './kube/writer.ts';
import type { ConditionReport, EventReport, NodeReport } from './plan/report.ts';

/** Those that become objects of the API. */
export type WrittenReport = Exclude<NodeReport, { readonly reach: unknown }>;

const chassisAnnotation = 'ovn.kubernetes.io/chassis';

export interface ReportsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly mayWrite: () => boolean;
  readonly onWritten: (object: KubeObject) => void;
  /** The node as the API shows it; undefined when it is gone. */
  readonly metaOf: (node: string) => Pick<Meta, 'uid' | 'annotations'> | undefined;
}

/** Takes reports at any rate; per node, one write at a time with the latest of each. */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #queue: KeyedQueue;
  readonly #chassis = new Map<string, string>();
  readonly #conditions = new Map<string, ConditionReport>();

  constructor(options: ReportsOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      run: (node) => this.#write(node),
      onFailure: (node, error, attempt) =>
        options.log.warn({ node, attempt, error: messageOf(error) }, 'report of an agent could not be written'),
    });
  }

  take(node: string, report: WrittenReport): void {
    if ('event' in report) this.#event(report.event);
    else if ('chassis' in report) this.#noteChassis(node, report.chassis.systemId);
    else this.#noteCondition(node, report.condition);
  }

  start(): void {
    this.#queue.start();
  }

  /** What was not written is forgotten: the agents tell it to the next leader. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    this.#chassis.clear();
    this.#conditions.clear();
  }

  #event({ apiVersion, kind, namespace, name, uid, type, reason, message }: EventReport): void {
    const about: Ref & { uid?: string } = { apiVersion: apiVersion || 'v1', kind, namespace, name };
    this.#options.events.record({ about: uid === '' ? about : { ...about, uid }, type, reason, message });
  }

  #noteChassis(node: string, chassis: string): void {
    if (chassis === '' || this.#options.metaOf(node)?.annotations[chassisAnnotation] === chassis) return;
    this.#chassis.set(node, chassis);
    this.#queue.add(node);
  }

  #noteCondition(node: string, condition: ConditionReport): void {
    this.#conditions.set(node, condition);
    this.#queue.add(node);
  }

  async #write(node: string): Promise<void> {
    const uid = this.#options.metaOf(node)?.uid;
    if (uid === undefined) {
      this.#chassis.delete(node);
      this.#conditions.delete(node);
      return;
    }
    const chassis = this.#chassis.get(node);
    if (chassis !== undefined) {
      assertMayWrite(this.#options);
      const body: JsonObject = { metadata: { uid, annotations: { [chassisAnnotation]: chassis } } };
      this.#options.onWritten(await this.#options.client.patch(nodeRef(node), { type: 'merge', body }));
      if (this.#chassis.get(node) === chassis) this.#chassis.delete(node);
    }
    const condition = this.#conditions.get(node);
    if (condition === undefined) return;
    await this.#condition(node, uid, condition);
    if (this.#conditions.get(node) === condition) this.#conditions.delete(node);
  }

  /** Conditions of a node are merged by type, so others' stay. */
  async #condition(node: string, uid: string, told: ConditionReport): Promise<void> {
    assertMayWrite(this.#options);
    const now = isoSeconds(this.#options.clock.wall());
    const condition = { ...told, lastHeartbeatTime: now, lastTransitionTime: now };
    const body: JsonObject = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node, uid },
      status: { conditions: [condition] },
    };
    await this.#options.client.patch(nodeRef(node), { type: 'apply', body, manager: 'kube-ovn-cni' }, 'status');
  }
}
