/** Codes that the server answers with; `docs/api/native.md` says what each means. */
export type ServerCode =
  | "malformed_json"
  | "invalid_request"
  | "unknown_method"
  | "invalid"
  | "unavailable"
  | "chat_disabled"
  | "muted"
  | "banned"
  | "role_too_low"
  | "role_not_below"
  | "not_author"
  | "private_chat_off"
  | "private_chat_with_moderators"
  | "slow_mode"
  | "rate_limited"
  | "not_found"
  | "conflict"
  | "message_deleted"
  | "too_many_reactions"
  | "too_large"
  | "wrong_room_kind"
  | "room_full"
  | "room_gone"
  | "unauthenticated"
  | "token_expired"
  | "not_joined";

/**
 * Codes of this client.
 *
 * - `aborted`: the caller's signal, or `discard()` of a pending message
 * - `offline_timeout`: no answer within the call's time, because there was no link or a dead one
 * - `connection_lost`: the link ended before the answer; whether the call took effect is unknown (signals only)
 * - `closed`: the client or the room was closed for good
 * - `queue_full`: too many messages wait to be sent
 * - `no_websocket`: this environment has no WebSocket and none was given
 * - `protocol`: the server said something that this client does not understand
 */
export type LocalCode =
  | "aborted"
  | "offline_timeout"
  | "connection_lost"
  | "closed"
  | "queue_full"
  | "no_websocket"
  | "protocol";

/** A newer server may know codes that this client does not; they pass through. */
export type ErrorCode = ServerCode | LocalCode | (string & {});

/** The only error that this package throws or rejects with. */
export class SidetalkError extends Error {
  override readonly name = "SidetalkError";
  /** Stable; made for `switch`. */
  readonly code: ErrorCode;
  /** How long to wait before trying again, if the server said so (`rate_limited`, `slow_mode`, `unavailable`). */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, more: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
  }

  static aborted(cause?: unknown): SidetalkError {
    return new SidetalkError("aborted", "the call was aborted", { cause });
  }

  static offlineTimeout(waitedMs: number): SidetalkError {
    return new SidetalkError("offline_timeout", `no answer within ${waitedMs} ms`);
  }

  static connectionLost(why = "before the answer came"): SidetalkError {
    return new SidetalkError("connection_lost", `the connection was lost: ${why}`);
  }

  static closed(reason: string, cause?: unknown): SidetalkError {
    return new SidetalkError("closed", `closed: ${reason}`, { cause });
  }

  static queueFull(limit: number): SidetalkError {
    return new SidetalkError("queue_full", `${limit} messages are waiting to be sent already`);
  }

  static tooLarge(what: string, limit: number): SidetalkError {
    return new SidetalkError("too_large", `${what} is too large: a frame has at most ${limit} bytes`);
  }

  static noWebSocket(): SidetalkError {
    return new SidetalkError(
      "no_websocket",
      "there is no WebSocket here: pass one, new SidetalkClient({ WebSocket })",
    );
  }

  static protocol(what: string, cause?: unknown): SidetalkError {
    return new SidetalkError("protocol", what, { cause });
  }

  /** The error of a JSON-RPC answer. */
  static answered(error: unknown): SidetalkError {
    const { message, data } = (error ?? {}) as { message?: unknown; data?: { code?: unknown; retry_after_ms?: unknown } };
    const code = typeof data?.code === "string" ? data.code : "protocol";
    const retryAfterMs = typeof data?.retry_after_ms === "number" ? data.retry_after_ms : undefined;
    return new SidetalkError(code, typeof message === "string" ? message : "the server refused", { retryAfterMs });
  }

  /** Whatever was thrown, as an error of this package. */
  static from(thrown: unknown): SidetalkError {
    if (thrown instanceof SidetalkError) return thrown;
    return SidetalkError.protocol(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
}
