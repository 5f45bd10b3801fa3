// Hook `acl`: rules for the workloads of a namespace that are alike to the module.
//
//   export function evaluate(input: Value, settings: Value, rules: Rules): void
//   export function validate(settings: Value): string        // "" or what is wrong
import { Value } from './json';

export { Value } from './json';
export { refuse } from './abi';

export namespace Direction {
  export const Ingress: string = 'ingress';
  export const Egress: string = 'egress';
}

/** One rule. Without peers it is about everybody, without ports about everything. */
export class Rule {
  readonly fields: Value = Value.object();

  constructor(action: string, direction: string) {
    this.fields.set('direction', Value.text(direction));
    this.fields.set('action', Value.text(action));
    this.fields.set('priority', Value.number(500));
  }

  /** The connection may pass, whatever NetworkPolicy says. */
  static allow(direction: string): Rule {
    return new Rule('allow', direction);
  }

  static drop(direction: string): Rule {
    return new Rule('drop', direction);
  }

  /** As drop, and the sender is told. */
  static reject(direction: string): Rule {
    return new Rule('reject', direction);
  }

  /** NetworkPolicy decides; rules of lower precedence do not. */
  static pass(direction: string): Rule {
    return new Rule('pass', direction);
  }

  /** 0 to 999, the lower number wins; 500 unless it is set. At one number drop and reject win, then pass. */
  priority(priority: i32): Rule {
    this.fields.set('priority', Value.number(<f64>priority));
    return this;
  }

  /** Addresses at the other end. */
  cidr(prefix: string): Rule {
    return this.peer(Value.object().set('cidr', Value.text(prefix)));
  }

  /** Pods at the other end, by selectors as NetworkPolicy has them; null leaves one out. */
  pods(podSelector: Value, namespaceSelector: Value): Rule {
    const peer = Value.object();
    if (!podSelector.isNull) peer.set('podSelector', podSelector);
    if (!namespaceSelector.isNull) peer.set('namespaceSelector', namespaceSelector);
    return this.peer(peer);
  }

  /** Pods of the own namespace with this label. */
  podsWith(label: string, value: string): Rule {
    return this.pods(labelled(label, value), new Value());
  }

  /** All pods of namespaces with this label. */
  namespacesWith(label: string, value: string): Rule {
    return this.pods(new Value(), labelled(label, value));
  }

  /** Ports from `port` to `end`; without a port the whole protocol. */
  tcp(port: i32 = 0, end: i32 = 0): Rule {
    return this.port('TCP', port, end);
  }

  udp(port: i32 = 0, end: i32 = 0): Rule {
    return this.port('UDP', port, end);
  }

  sctp(port: i32 = 0, end: i32 = 0): Rule {
    return this.port('SCTP', port, end);
  }

  private peer(peer: Value): Rule {
    return this.into('peers', peer);
  }

  private port(protocol: string, port: i32, end: i32): Rule {
    const entry = Value.object().set('protocol', Value.text(protocol));
    if (port > 0) entry.set('port', Value.number(<f64>port));
    if (end > 0) entry.set('endPort', Value.number(<f64>end));
    return this.into('ports', entry);
  }

  private into(list: string, entry: Value): Rule {
    if (!this.fields.has(list)) this.fields.set(list, Value.list());
    this.fields.get(list).add(entry);
    return this;
  }
}

function labelled(label: string, value: string): Value {
  return Value.object().set('matchLabels', Value.object().set(label, Value.text(value)));
}

export class Rules {
  private readonly list: Value = Value.list();

  add(rule: Rule): void {
    this.list.add(rule.fields);
  }

  /** The answer, for the generated entry. */
  toString(): string {
    return Value.object().set('rules', this.list).toString();
  }
}
