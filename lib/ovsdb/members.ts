// Who leads a raft cluster, by the word of every member. A leader that is paused, or cut off from the others, goes on saying
// that it leads: only the other members know better.
//
// `_Server` shows no term, but it orders two claims all the same: what a leader commits first in its term is an entry of its
// own, so once it has, its index is above everything that an earlier leader can show (seen on 3.1: the claim comes with the
// old index, and within milliseconds with the next one). Until a rival's index is higher, the one that stands is kept.
import { systemClock } from './clock.ts';
import { Member } from './member.ts';
import type { MemberOptions } from './member.ts';
import { dialReusing } from './remote.ts';
import type { MemberStatus } from './server.ts';

/** A member that is known to lead by other means than its light connection, and the newest entry seen of it. */
export interface Incumbent {
  readonly cid: string;
  readonly sid: string;
  readonly index: number;
}

/** Where to watch, and who is told; the remotes come by `setRemotes`. */
export interface MembersOptions extends Partial<Omit<MemberOptions, 'database' | 'changed'>> {
  readonly database: string;
  /** Told when `leader` became another. */
  readonly changed: () => void;
  readonly incumbent?: () => Incumbent | undefined;
}

/** Milliseconds from a second claim to the decision, at least and at most; doubled for as long as the two claims stand. */
const CONTEST = { first: 50, most: 1000 };

interface Claim {
  readonly member: Member;
  readonly status: MemberStatus;
}

/** Holds one connection to each remote. */
export class Members {
  readonly #options: MembersOptions & MemberOptions & Required<Pick<MembersOptions, 'incumbent'>>;
  #members: ReadonlyMap<string, Member> = new Map();
  #remotes: readonly string[] = [];
  #running = false;
  #leader: Claim | undefined;
  /** Who was in the contest that the timer will decide, and how often it was put off. */
  #rivals = '';
  #rounds = 0;
  #timer: unknown;

  constructor(options: MembersOptions) {
    this.#options = {
      clock: systemClock,
      random: Math.random,
      probeInterval: 5000,
      connectTimeout: 5000,
      dial: dialReusing,
      tls: undefined,
      incumbent: () => undefined,
      ...options,
    };
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.setRemotes(this.#remotes);
  }

  stop(): void {
    this.#running = false;
    for (const member of this.#members.values()) member.stop();
    this.#members = new Map();
    this.#settle(undefined);
  }

  /** Connections to remotes that stay are kept. */
  setRemotes(remotes: readonly string[]): void {
    this.#remotes = [...new Set(remotes)];
    if (!this.#running) return;
    const before = this.#members;
    this.#members = new Map(
      this.#remotes.map((remote) => [remote, before.get(remote) ?? new Member(remote, this.#memberOptions())]),
    );
    for (const [remote, member] of before) if (!this.#members.has(remote)) member.stop();
    for (const [remote, member] of this.#members) if (!before.has(remote)) member.start();
    this.review();
  }

  /** The remote of the member that leads; undefined while none says so, or when the database is in no cluster. */
  get leader(): string | undefined {
    return this.#leader?.member.remote;
  }

  /** Whether the member says that it does not lead. */
  follows(remote: string): boolean {
    const status = this.#members.get(remote)?.status;
    return status !== undefined && status.clustered && !status.leader;
  }

  /** Asks every member how far it is, for `mayHave`. */
  ask(): void {
    for (const member of this.#members.values()) member.ask();
  }

  /** False when every member has said that it is in that cluster and not as far as this entry. */
  mayHave(cid: string, index: number): boolean {
    return [...this.#members.values()].some(
      (member) => member.status?.cid !== cid || member.index === undefined || member.index >= index,
    );
  }

  /** Judges again, because the incumbent is another. */
  review(): void {
    const claims = this.#claims();
    const standing = this.#standing(claims);
    const rivals = claims.filter(({ status }) => status.sid !== standing?.sid);
    const [only] = claims;
    if (rivals.length === 0 || (standing === undefined && claims.length === 1)) {
      this.#settle(only);
      return;
    }
    const sids = rivals.map(({ status }) => status.sid).join();
    if (sids === this.#rivals) return;
    this.#rivals = sids;
    this.#rounds = 0;
    this.#contest(claims);
  }

  #memberOptions(): MemberOptions {
    return {
      ...this.#options,
      changed: () => {
        if (this.#running) this.review();
      },
    };
  }

  /** The members that say they lead, of one cluster. */
  #claims(): readonly Claim[] {
    const claims = [...this.#members.values()].flatMap((member) => {
      const { status } = member;
      return status?.clustered && status.connected && status.leader ? [{ member, status }] : [];
    });
    const cid = this.#options.incumbent()?.cid ?? this.#leader?.status.cid;
    const same = claims.filter(({ status }) => status.cid === cid);
    return same.length > 0 ? same : claims.filter(({ status }) => status.cid === claims[0]?.status.cid);
  }

  /** Whom a rival has to be ahead of, and how far he is known to be. */
  #standing(claims: readonly Claim[]): { readonly sid: string; readonly index: number } | undefined {
    const incumbent = this.#options.incumbent();
    if (incumbent !== undefined) return incumbent;
    const claim = claims.find(({ status }) => status.sid === this.#leader?.status.sid);
    return claim && { sid: claim.status.sid, index: claim.member.index ?? -1 };
  }

  /** A healthy member has answered when the pause is over; a paused one has not, and its silence counts against it. */
  #contest(claims: readonly Claim[]): void {
    const { clock, random } = this.#options;
    for (const { member } of claims) member.ask();
    const pause = Math.min(CONTEST.most, CONTEST.first * 2 ** this.#rounds);
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#decide(), pause * (1 + random()));
  }

  #decide(): void {
    this.#rounds += 1;
    const claims = this.#claims();
    const standing = this.#standing(claims);
    const index = ({ member }: Claim): number => member.index ?? -1;
    const rivals = claims.filter(({ status }) => status.sid !== standing?.sid);
    const best = rivals.toSorted((a, b) => index(b) - index(a))[0];
    const ahead = best !== undefined && index(best) > (standing?.index ?? -1);
    // Two claims may stand for as long as one member is silent: it is asked again, and ever less often.
    this.#contest(claims);
    if (ahead) this.#lead(best);
    this.review();
  }

  #settle(claim: Claim | undefined): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#rivals = '';
    this.#lead(claim);
  }

  #lead(claim: Claim | undefined): void {
    const before = this.leader;
    this.#leader = claim;
    if (this.leader !== before) this.#options.changed();
  }
}
