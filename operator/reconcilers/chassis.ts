// The nodes on whose chassis variables have values. Of several nodes that say they are one chassis (a node that was set up
// anew under another name) the first is it.
import { only } from '../api/refs.ts';
import type { Host } from '../api/tables.ts';
import type { WorldRead } from './reconciler.ts';

/** Keys of the index `hosts`: all whose chassis is known, and by chassis. */
export const hostKeys = ({ chassis }: Host): string[] => (chassis === '' ? [] : [only, ofChassis(chassis)]);

const ofChassis = (chassis: string): string => `chassis ${chassis}`;

/** Whether the node is its chassis. */
export const isFirst = ({ name, chassis }: Host, read: WorldRead): boolean =>
  chassis !== '' && read.at('hosts', ofChassis(chassis)).every((other) => other.name >= name);

/** All that are, in order. */
export const chassisHosts = (read: WorldRead): Host[] =>
  read
    .at('hosts', only)
    .filter((host) => isFirst(host, read))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
