import { SidetalkError } from "@sidetalk/client";

/** The names that pages compare with. */
export type OpenViduErrorName = "OPENVIDU_NOT_CONNECTED" | "OPENVIDU_PERMISSION_DENIED" | "GENERIC_ERROR";

/** `null` is success. */
export type Callback = (error: OpenViduError | null) => void;

/** What is not listed is a "generic user error": slow mode, a mute, a lost connection. */
const codes: Record<string, number> = {
  unauthenticated: 401,
  token_expired: 401,
  role_too_low: 401,
  role_not_below: 401,
  too_large: 600,
  invalid: 600,
  not_found: 601,
  unavailable: 999,
};

/** The only error that this package rejects with. `code` is one of OpenVidu's numbers. */
export class OpenViduError extends Error {
  override readonly name: OpenViduErrorName;
  readonly code: number;

  constructor(code: number, message: string, name: OpenViduErrorName = code === 401 ? "OPENVIDU_PERMISSION_DENIED" : "GENERIC_ERROR") {
    super(message);
    this.code = code;
    this.name = name;
  }

  static notConnected(): OpenViduError {
    return new OpenViduError(803, "there is no connection to the session: call connect() first", "OPENVIDU_NOT_CONNECTED");
  }

  /** Whatever was thrown, as an error of this package. */
  static from(thrown: unknown): OpenViduError {
    if (thrown instanceof OpenViduError) return thrown;
    const { message } = thrown as Error;
    if (!(thrown instanceof SidetalkError)) return new OpenViduError(999, message);
    if (thrown.code === "closed") return OpenViduError.notConnected();
    return new OpenViduError(codes[thrown.code] ?? 10, message);
  }
}
