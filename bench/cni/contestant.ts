// What a side of the contest can do.

/** One operation, ready to be timed. */
export type Job = () => Promise<void>;

export interface Contestant {
  /** ADDs of pods whose address is there: everything up to ADD is done and OVN has settled when this resolves. */
  assigned(count: number): Promise<Job[]>;
  /** Pods that do not exist yet; a job makes one, and attaches it. `writes`: the raw side makes an assignment's API writes. */
  bound(count: number, writes: boolean): Promise<Job[]>;
  /** Takes everything away that jobs have made, and returns when OVN has settled again. */
  clean(): Promise<void>;
}
