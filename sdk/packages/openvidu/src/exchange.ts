import { post } from "@sidetalk/dropin";
import type { Role } from "./connection.js";
import { OpenViduError } from "./errors.js";

/** What the server gives for a token of OpenVidu's form, which is used up by it. */
export interface Admission {
  /** A token of the native API. */
  readonly token: string;
  readonly room: string;
  readonly session: string;
  readonly connectionId: string;
  readonly role: Role;
  readonly serverData?: string;
  /** The type under which messages of others come while nobody in the room has used one. */
  readonly chatType: string;
  /** How many of the newest messages to show. */
  readonly replayHistory?: number;
}

export async function exchange(server: string, token: string, clientData: string, signal: AbortSignal): Promise<Admission> {
  const { ok, status, body } = await post(`${server}/openvidu/exchange`, { token, clientData }, signal);
  if (!ok) throw new OpenViduError(body["code"] ?? status, body["message"] ?? `the server answered ${status}`);
  return body as Admission;
}
