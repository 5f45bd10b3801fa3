// The plan for people: per object what changes, rows with their columns one below the other, then one line of counts.
import { styleText } from 'node:util';
import type { Atom, Value } from '../../lib/delta/fact.ts';
import { singletonId } from '../../lib/delta/ids.ts';
import type { Change, Verb } from './difference.ts';
import { tellingColumns } from './report.ts';
import { nameOf } from './traffic.ts';
import type { TrafficChange } from './traffic.ts';
import type { Group, Report } from './report.ts';
import { shown } from './value.ts';

const signs = { add: '+', change: '~', remove: '-' } as const;
const colours = { add: 'green', change: 'yellow', remove: 'red' } as const;

/** Keys that the differ adds to every row: they repeat the heading. */
const bookkeeping: ReadonlySet<string> = new Set(['vendor', 'kubeloom-owner', 'kubeloom-id']);

export interface TextOptions {
  readonly colour: boolean;
}

export function text(report: Report, { colour }: TextOptions): string {
  const paint = (format: Parameters<typeof styleText>[0], part: string): string =>
    colour ? styleText(format, part, { validateStream: false }) : part;
  const view = new View(report, paint);
  return `${[...report.groups.flatMap((group) => view.group(group)), ...view.traffic(), ...view.end()].join('\n')}\n`;
}

type Paint = (format: Parameters<typeof styleText>[0], part: string) => string;

class View {
  readonly #report: Report;
  readonly #paint: Paint;
  readonly #singleton = singletonId('NB_Global');

  constructor(report: Report, paint: Paint) {
    this.#report = report;
    this.#paint = paint;
  }

  group({ owner, changes, problems }: Group): string[] {
    const [kind = '', namespace = '', name = ''] = owner.split('/');
    return [
      this.#paint('bold', `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`),
      ...problems.map(({ reason, message, grave }) =>
        this.#paint(grave ? 'red' : 'yellow', `  ! ${reason}: ${message}`),
      ),
      ...changes.flatMap((change) => this.#change(change)),
      '',
    ];
  }

  /** Between classes of pods, what was denied and is allowed now, and the other way round. */
  traffic(): string[] {
    const { changes, left } = this.#report.traffic;
    if (changes.length === 0 && left === 0) return [];
    const byPair = Map.groupBy(changes, ({ from, to }) => `${nameOf(from)} -> ${nameOf(to)}`);
    return [
      this.#paint('bold', 'Connections'),
      ...[...byPair].flatMap(([pair, all]) => [`  ${pair}`, ...all.map((change) => this.#connection(change))]),
      ...(left > 0 ? [`  ${left} more pairs of workloads were not looked at`] : []),
      '',
    ];
  }

  #connection({ protocol, port, now }: TrafficChange): string {
    const what =
      port === undefined ? `every other ${protocol.toUpperCase()} port` : `${protocol.toUpperCase()} ${port}`;
    return this.#paint(
      now === 'allowed' ? 'green' : 'red',
      `    ${now === 'allowed' ? '+' : '-'} ${what} is ${now} now`,
    );
  }

  end(): string[] {
    const { counts, errors, remarks, groups } = this.#report;
    const wrong = groups.flatMap(({ problems }) => problems).length;
    const none = counts.add + counts.change + counts.remove === 0;
    const sum = none
      ? 'No row changes'
      : `Rows and elements: ${counts.add} to add, ${counts.change} to change, ${counts.remove} to remove`;
    return [
      ...errors.map((error) => this.#paint('red', `error: ${error}`)),
      ...remarks.map((remark) => `note: ${remark}`),
      this.#paint('bold', `${sum}; ${wrong === 1 ? '1 problem' : `${wrong} problems`}.`),
    ];
  }

  #change(change: Change): string[] {
    const { verb, table, id, member } = change;
    if (member !== undefined) {
      const value = member.value === undefined ? '' : `=${this.#name(member.value)}`;
      return [this.#line(verb, `${table} ${this.#label(id)}  ${member.column}: ${this.#name(member.element)}${value}`)];
    }
    const home = change.in === undefined ? '' : `  in ${change.in.row} ${this.#label(change.in.id)}`;
    return [this.#line(verb, `${table} ${this.#label(id)}${home}`), ...this.#columns(change)];
  }

  #line(verb: Verb, rest: string): string {
    return this.#paint(colours[verb], `  ${signs[verb]} ${rest}`);
  }

  #columns({ verb, table, before = {}, after = {} }: Change): string[] {
    if (verb === 'remove') return [];
    // What is added says these in its heading.
    const told = verb === 'add' ? tellingColumns(table) : ['name'];
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((name) => !told.includes(name))
      .sort();
    const texts = names
      .map((name) => [name, this.#value(before[name]), this.#value(after[name])] as const)
      .filter(([, old, now]) => old !== '' || now !== '');
    const width = Math.max(0, ...texts.map(([name]) => name.length));
    return texts.map(
      ([name, old, now]) =>
        `      ${name.padEnd(width)}  ${verb === 'change' ? `${old || '(none)'} -> ` : ''}${now || '(none)'}`,
    );
  }

  #value(value: Value | undefined): string {
    if (value === undefined) return '';
    if (!(value instanceof Map)) return shown(value, this.#name);
    const own = [...(value as ReadonlyMap<Atom, Atom>)].filter(([key]) => !bookkeeping.has(String(key)));
    return shown(new Map(own), this.#name);
  }

  readonly #name = (value: Atom): string => this.#report.names.get(String(value)) ?? String(value);

  /** A row's name, or what it is known by. */
  #label(id: string): string {
    return id === this.#singleton ? '(the one row)' : (this.#report.names.get(id) ?? id);
  }
}
