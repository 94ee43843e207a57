import { post } from "@sidetalk/dropin";
import { OTError, connectFailed } from "./errors.js";
import type { Rates } from "./queue.js";

export type Role = "subscriber" | "publisher" | "publisheronly" | "moderator";

/** What the server gives for a token of OpenTok's form. */
export interface Admission {
  /** A token of the native API. */
  readonly token: string;
  readonly room: string;
  readonly role: Role;
  /** What the application says of this connection. */
  readonly data: string;
  readonly dataBytesMax: number;
  readonly typeBytesMax: number;
  /** How many of the newest messages to show. */
  readonly replayHistory: number;
  /** Signals of these types to everybody are stored. */
  readonly chatTypes: readonly string[];
  readonly rates: Rates;
}

export async function exchange(server: string, asked: { apiKey: string; sessionId: string; token: string }, signal: AbortSignal): Promise<Admission> {
  const { ok, status, body } = await post(`${server}/opentok/exchange`, asked, signal);
  if (ok) return body as Admission;
  throw new OTError(body["code"] ?? 1006, body["name"] ?? connectFailed, body["message"] ?? `the server answered ${status}`);
}
