// Labels on the pods of ovn-central that the Services ovn-nb, ovn-sb and ovn-northd select by: who leads which role.
// The label is absent, not "false", on the others, as Kube-OVN's leader checker leaves it.
import type { Json, Ref } from '../api/fact.ts';
import { isAnotherUid, messageOf } from './errors.ts';
import { KeyedQueue } from './queue.ts';
import { assertMayWrite, type WriterOptions } from './writer.ts';

export const roles = ['nb', 'sb', 'northd'] as const;
export type Role = (typeof roles)[number];

export interface Member {
  readonly namespace: string;
  readonly pod: string;
  /** Labels are written to this very pod, never to one that has its name. */
  readonly uid: string;
  readonly ready: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export const roleLabel = (role: Role): string => `ovn-${role}-leader`;

/** Pod that leads each role; a role that is not named is led by the only member, if there is only one. */
export type Leaders = Readonly<Partial<Record<Role, string>>>;

/** The change of a member's labels, RFC 7386 (null removes); undefined when they are right. Pure. */
export function labelChange(
  member: Member,
  members: readonly Member[],
  leaders: Leaders,
): Record<string, string | null> | undefined {
  const change: Record<string, string | null> = {};
  for (const role of roles) {
    const leader = leaders[role] ?? (members.length === 1 ? member.pod : undefined);
    if (leader === undefined) continue;
    const wanted = leader === member.pod && member.ready ? 'true' : undefined;
    const label = roleLabel(role);
    if (member.labels[label] !== wanted) change[label] = wanted ?? null;
  }
  return Object.keys(change).length === 0 ? undefined : change;
}

export class LeaderLabels {
  readonly #options: WriterOptions;
  readonly #queue: KeyedQueue;
  #members: ReadonlyMap<string, Member> = new Map();
  #leaders: Leaders = {};

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      run: (pod) => this.#label(pod),
      onFailure: (pod, error, attempt) =>
        options.log.warn({ pod, attempt, error: messageOf(error) }, 'leader labels could not be written'),
    });
  }

  /** The members as they are now, and who leads. */
  update(members: readonly Member[], leaders: Leaders = {}): void {
    this.#members = new Map(members.map((member) => [member.pod, member]));
    this.#leaders = leaders;
    for (const pod of this.#members.keys()) this.#queue.add(pod);
  }

  start(): void {
    this.#queue.start();
    for (const pod of this.#members.keys()) this.#queue.add(pod);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #label(pod: string): Promise<void> {
    const member = this.#members.get(pod);
    const labels = member && labelChange(member, [...this.#members.values()], this.#leaders);
    if (member === undefined || labels === undefined) return;
    assertMayWrite(this.#options);
    const ref: Ref = { apiVersion: 'v1', kind: 'Pod', namespace: member.namespace, name: pod };
    try {
      const body = { metadata: { uid: member.uid, labels: labels as Record<string, Json> } };
      const written = await this.#options.client.patch(ref, { type: 'merge', body });
      this.#options.onWritten?.(written);
    } catch (error) {
      if (!isAnotherUid(error)) throw error;
    }
  }
}
