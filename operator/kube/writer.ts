// What every writer to the API is given, and how it knows that it may write.
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { KubeObject } from './object.ts';
import type { QueueMeter } from './queue.ts';

export interface WriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this process leads, by its own clock; asked right before each request. */
  readonly mayWrite: () => boolean;
  /** Given every object that a write returned, so that the reflector need not wait for the watch. */
  readonly onWritten?: (object: KubeObject) => void;
  /** Of the queue with this name. */
  readonly meter?: (queue: string) => QueueMeter;
}

/** The option `meter` of a queue; nothing for one that nobody measures. */
export function metered({ meter }: Pick<WriterOptions, 'meter'>, queue: string): { readonly meter?: QueueMeter } {
  return meter ? { meter: meter(queue) } : {};
}

/** This process does not lead (any more): nothing was sent. */
export class DeposedError extends Error {
  constructor() {
    super('this process does not lead');
    this.name = 'DeposedError';
  }
}

/** Throws DeposedError unless this process may write now. */
export function assertMayWrite({ mayWrite }: Pick<WriterOptions, 'mayWrite'>): void {
  if (!mayWrite()) throw new DeposedError();
}
