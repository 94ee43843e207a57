/**
 * What stands in the list, in order: the start of the room, a line for each day, the line above the first unread
 * message, and the messages, of which consecutive ones of one sender are grouped. Pure. A row object that says the same
 * as before stays the same object, so that the list leaves its element alone.
 */
export interface RowMessage {
  key: string;
  seq: number | null;
  user: string | null;
  /** Who can read it, as one text: "room", "group:staff", "users:ada,bob". */
  audience: string;
  at: number;
}

export type Row<M extends RowMessage> =
  | { kind: "start"; key: string; loading: boolean }
  | { kind: "day"; key: string; at: number }
  | { kind: "unread"; key: string }
  | { kind: "message"; key: string; message: M; lead: boolean; tail: boolean };

const GROUP_MS = 5 * 60_000;

export class Rows<M extends RowMessage> {
  #before = new Map<string, Row<M>>();

  /** `unread`: the first message behind this seq gets the line above it. */
  build(messages: readonly M[], options: { loading: boolean; unread: number | null }): Row<M>[] {
    const out: Row<M>[] = [];
    const now = new Map<string, Row<M>>();
    const add = (row: Row<M>): void => {
      const old = this.#before.get(row.key);
      const kept = old && same(old, row) ? old : row;
      now.set(row.key, kept);
      out.push(kept);
    };
    add({ kind: "start", key: "start", loading: options.loading });
    let lined = options.unread === null;
    let day = Number.NaN;
    let dayEnd = Number.NEGATIVE_INFINITY;
    let previous: M | undefined;
    messages.forEach((message, at) => {
      if (!(message.at >= day && message.at < dayEnd)) {
        [day, dayEnd] = dayOf(message.at);
        add({ kind: "day", key: `day ${day}`, at: day });
        previous = undefined;
      }
      if (!lined && message.seq !== null && message.seq > options.unread!) {
        lined = true;
        add({ kind: "unread", key: "unread" });
        previous = undefined;
      }
      const lead = !previous || !grouped(previous, message);
      const next = messages[at + 1];
      const split = !lined && next?.seq != null && next.seq > options.unread!;
      const tail = !next || split || !grouped(message, next) || next.at >= dayEnd;
      add({ kind: "message", key: message.key, message, lead, tail });
      previous = message;
    });
    this.#before = now;
    return out;
  }
}

function same<M extends RowMessage>(a: Row<M>, b: Row<M>): boolean {
  if (a.kind === "message" && b.kind === "message") return a.message === b.message && a.lead === b.lead && a.tail === b.tail;
  if (a.kind === "start" && b.kind === "start") return a.loading === b.loading;
  return a.kind === b.kind;
}

function grouped(a: RowMessage, b: RowMessage): boolean {
  return a.user === b.user && a.audience === b.audience && Math.abs(b.at - a.at) < GROUP_MS;
}

/** Start and end of the local day around a time; days with a change of the clocks have 23 or 25 hours. */
export function dayOf(at: number): [number, number] {
  const date = new Date(at);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return [new Date(year, month, day).getTime(), new Date(year, month, day + 1).getTime()];
}
