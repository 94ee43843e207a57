export type Role = "SUBSCRIBER" | "PUBLISHER" | "MODERATOR";

/** The digits of a name; the first digit is one of the capital letters among them. */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const nameDigits = 9;

/** Somebody in the session, yourself included. There is one object for each, from `connectionCreated` on. */
export class Connection {
  /** `con_…`, the same for everybody. */
  readonly connectionId: string;
  /** What the client has said of itself and what the application has, with `%/%` between if there is both. */
  readonly data: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly creationTime: number;
  /** Only of your own connection. */
  readonly role: Role | undefined;
  /** @internal The server's own id of it. */
  readonly uuid: string;

  /** @internal */
  constructor(uuid: string, data: string, creationTime: number, connectionId = nameOf(uuid), role?: Role) {
    this.connectionId = connectionId;
    this.data = data;
    this.creationTime = creationTime;
    this.role = role;
    this.uuid = uuid;
  }
}

/** A connection's name is the number in the last 60 bits of its id, written with other digits. */
export function nameOf(uuid: string): string {
  let number = BigInt(`0x${uuid.replace(/-/g, "").slice(-15)}`) % (26n * 62n ** BigInt(nameDigits));
  const digit = (base: bigint, first = 0) => {
    const at = Number(number % base) + first;
    number /= base;
    return alphabet[at];
  };
  let name = `con_${digit(26n, 10)}`;
  for (let i = 0; i < nameDigits; i++) name += digit(62n);
  return name;
}

export function dataOf(clientData: string, serverData: string | undefined): string {
  return [clientData, serverData].filter(Boolean).join("%/%");
}
