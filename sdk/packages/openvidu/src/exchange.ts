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
  const answer = await fetch(`${server}/openvidu/exchange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, clientData }),
    signal,
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new OpenViduError(body.code ?? answer.status, body.message ?? `the server answered ${answer.status}`);
  return body;
}
