import { SidetalkError } from "./errors.js";
import type { Notification } from "./types.js";

/** How a request ended: exactly one of the two is called, once, while the answer's frame is being read. */
export interface Answer {
  done(result: any): void;
  failed(error: SidetalkError): void;
}

/**
 * JSON-RPC 2.0 over somebody else's frames: gives requests their ids and finds the request of an answer. Answers are
 * callbacks, not promises, because a notification may follow its answer in the same turn of the event loop.
 */
export class Rpc {
  readonly #send: (frame: string) => void;
  readonly #waiting = new Map<number, Answer>();
  #lastId = 0;
  /** What the other side reads at most. */
  frameBytes = Infinity;

  constructor(send: (frame: string) => void) {
    this.#send = send;
  }

  request(method: string, params: object, answer: Answer): void {
    const id = ++this.#lastId;
    const frame = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    // Too long a frame would end the link, and be sent again on the next one, and end that.
    if (this.#tooLong(frame)) return answer.failed(SidetalkError.tooLarge(method, this.frameBytes));
    this.#waiting.set(id, answer);
    this.#send(frame);
  }

  /** Asks for no answer. */
  notify(method: string, params: object): void {
    const frame = JSON.stringify({ jsonrpc: "2.0", method, params });
    if (!this.#tooLong(frame)) this.#send(frame);
  }

  /** Reads one frame; gives the notification back if it is one. Fails with `protocol` on anything else than JSON-RPC. */
  receive(frame: unknown): Notification | undefined {
    const message = parse(frame);
    if (typeof message.method === "string") return { method: message.method, params: message.params ?? {} };
    // A frame that could not be read is answered without an id. Answers come in order: it is that of the oldest request.
    const id = message.error && message.id == null ? this.#waiting.keys().next().value : (message.id as number);
    const answer = this.#waiting.get(id!);
    if (!answer) return undefined;
    this.#waiting.delete(id!);
    if (message.error) answer.failed(SidetalkError.answered(message.error));
    else answer.done(message.result ?? {});
    return undefined;
  }

  /** The quick look first: a character is at most three bytes. */
  #tooLong(frame: string): boolean {
    return frame.length * 3 > this.frameBytes && new TextEncoder().encode(frame).length > this.frameBytes;
  }

  /** No answer will come any more. */
  fail(error: SidetalkError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of waiting) answer.failed(error);
  }
}

interface Frame {
  method?: unknown;
  params?: Record<string, unknown>;
  id?: unknown;
  result?: unknown;
  error?: unknown;
}

function parse(frame: unknown): Frame {
  let cause: unknown;
  try {
    const message: unknown = JSON.parse(frame as string);
    if (typeof message === "object" && message) return message;
  } catch (error) {
    cause = error;
  }
  throw SidetalkError.protocol("the server sent a frame that is not a JSON object", cause);
}
