/** Somebody in the session, yourself included. There is one object for each `connectionId`. */
export class Connection {
  declare connectionId: string;
  /** The same. */
  declare id: string;
  /** Milliseconds since 1970 by the server's clock, with a fraction: no two in a session have the same. */
  declare creationTime: number;
  /** What the application said of it in the token; of people of other dialects what their client says. */
  declare data: string;

  /** @internal */
  constructor(connectionId: string, creationTime: number, data: string) {
    this.connectionId = this.id = connectionId;
    this.creationTime = creationTime;
    this.data = data;
  }
}

/** A time of the wire, which has microseconds. */
export function millisecondsOf(time: string): number {
  return Date.parse(time) + Number(/\.\d{3}(\d{3})/.exec(time)?.[1] ?? 0) / 1_000;
}
