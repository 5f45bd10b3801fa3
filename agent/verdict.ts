// Whether something that is pinged once a second can be reached, from what `ping -O` says. Down is said fast, up slowly, and
// the slower the more often it went down: traffic that moves to and fro is worse off than traffic that stays away.
//
//   unknown --answer--> reached --3 unanswered--> lost --5 answered in a row (10, 20, ... 60)--> reached
//      `------------------------3 unanswered------^

/** Echo requests in a row without an answer. */
const MISSES = 3;
const FIRST_ANSWERS = 5;
const MOST_ANSWERS = 60;
/** Answers after which going down is forgotten. */
const FORGIVEN = 300;

export interface Echo {
  readonly seq: number;
  readonly answered: boolean;
}

/** What a line of ping (iputils) tells of an echo request, undefined for other lines. */
export function echoOf(line: string): Echo | undefined {
  const [, seq] = /icmp_seq=(\d+)/.exec(line) ?? [];
  if (seq === undefined) return undefined;
  return { seq: Number(seq), answered: / bytes from /.test(line) };
}

export class Verdict {
  #state: 'unknown' | 'reached' | 'lost' = 'unknown';
  /** Sequence number of the last one answered, of this run of ping. */
  #answered = 0;
  #inRow = 0;
  #needed = FIRST_ANSWERS / 2;

  /** Undefined until it is known. */
  get lost(): boolean | undefined {
    return this.#state === 'unknown' ? undefined : this.#state === 'lost';
  }

  /** The latest echo request has been answered, as far as is known. */
  get fresh(): boolean {
    return this.#inRow > 0;
  }

  hear({ seq, answered }: Echo): void {
    if (answered) this.#up(seq);
    else this.#down(seq);
  }

  /** ping counts from 1 again. */
  restarted(): void {
    this.#answered = 0;
    this.#inRow = 0;
  }

  /** Who was lost must show it once more: whoever was cut off itself is likely to be wrong about the others. */
  doubt(): void {
    if (this.#state === 'lost') this.#state = 'unknown';
  }

  #up(seq: number): void {
    this.#answered = Math.max(seq, this.#answered);
    this.#inRow += 1;
    if (this.#inRow >= FORGIVEN) this.#needed = FIRST_ANSWERS / 2;
    if (this.#state === 'unknown' || this.#inRow >= this.#needed) this.#state = 'reached';
  }

  #down(seq: number): void {
    // An answer that comes late is told after the complaint that there is none yet.
    if (seq <= this.#answered) return;
    this.#inRow = 0;
    if (seq - this.#answered < MISSES || this.#state === 'lost') return;
    if (this.#state === 'reached') this.#needed = Math.min(this.#needed * 2, MOST_ANSWERS);
    this.#state = 'lost';
  }
}
