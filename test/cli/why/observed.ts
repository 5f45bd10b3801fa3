// What ovn-trace's detailed output tells of a packet: where it came out of switches, where connections were looked up and
// entered.
export type Side = 'ingress' | 'egress';

export interface Place {
  readonly side: Side;
  readonly port: string;
}

export interface Observed {
  /** Ports by which it left a switch, in order. */
  readonly outputs: readonly string[];
  readonly rejected: boolean;
  /** Where connection tracking was asked, in order. */
  readonly lookups: readonly Place[];
  /** Where the connection was entered: `side port`. */
  readonly entered: ReadonlySet<string>;
  /** Backends that it was given. */
  readonly backend: string | undefined;
  readonly hairpin: boolean;
  /** Where a router brings it into a switch, and for which MAC. */
  readonly onwards?: { readonly switch: string; readonly inport: string; readonly mac: string };
}

const header = /^(ingress|egress)\(dp="([^"]*)", inport="([^"]*)"(?:, outport="([^"]*)")?\)$/;

/** Up to the first router; `switches` are the names of logical switches. */
export function observed(trace: string, switches: ReadonlySet<string>): Observed {
  const [lines, onwards] = divided(trace, switches);
  // What follows is the packet that tells the sender.
  const rejection = lines.findIndex((line) => line.includes('reg8[18] == 1'));
  const own = rejection < 0 ? lines : lines.slice(0, rejection);
  const found = (pattern: RegExp): string[] => own.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  const placed = located(own);
  const entering = /^ {4}ct_lb_mark\(backends=|^ {4}ct_commit \{ ct_mark.blocked = 0/;
  const at = (pattern: RegExp): Place[] => placed.flatMap(({ line, place }) => (pattern.test(line) ? [place] : []));
  return {
    outputs: found(/\/\* output to "([^"]*)"/),
    rejected: rejection >= 0,
    lookups: at(/^ct_(?:next|lb_mark)\b/),
    entered: new Set(at(entering).map(({ side, port }) => `${side} ${port}`)),
    backend: found(/^ {4}ct_lb_mark\(backends=([^;)]*)/)[0],
    hairpin: own.some((line) => line.includes('outport = inport;')),
    ...(onwards && { onwards }),
  };
}

/** Lines with the side of the port where they happen. */
function located(lines: readonly string[]): { line: string; place: Place }[] {
  const placed: { line: string; place: Place }[] = [];
  let place: Place | undefined;
  for (const line of lines) {
    place = placeOf(line) ?? place;
    if (place !== undefined) placed.push({ line, place });
  }
  return placed;
}

function placeOf(line: string): Place | undefined {
  const [, side, , inport = '', outport = ''] = header.exec(line) ?? [];
  return side === undefined ? undefined : { side: side as Side, port: side === 'ingress' ? inport : outport };
}

/** The lines before the first router, and where the packet comes from it into a switch. */
function divided(trace: string, switches: ReadonlySet<string>): [string[], Observed['onwards']] {
  const lines = trace.split('\n');
  const datapaths = lines.map((line) => header.exec(line)?.[2]);
  const router = datapaths.findIndex((name) => name !== undefined && !switches.has(name));
  if (router < 0) return [lines, undefined];
  const next = datapaths.findIndex((name, at) => at > router && name !== undefined && switches.has(name));
  const macs = lines
    .slice(router, next < 0 ? undefined : next)
    .map((line) => /eth\.dst = ([0-9a-f:]{17});/.exec(line)?.[1]);
  const [, , name = '', inport = ''] = header.exec(lines[next] ?? '') ?? [];
  const mac = macs.findLast((found) => found !== undefined);
  return [lines.slice(0, router), next < 0 || mac === undefined ? undefined : { switch: name, inport, mac }];
}
