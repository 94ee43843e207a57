import { mulberry } from "./chance.js";
import { Peer, entry, joinResult, message, sender, welcome } from "./server.js";
import type { Request } from "./server.js";
import type { Message } from "../types.js";

type Logged = { method: string; params: any };

/**
 * A server in bad weather, drawn from a seed: links break before a request is read, after it was done and before it is
 * answered, or in the middle of what is told; posts are refused for now; sometimes a client has been away for too long.
 * It keeps its promises: a `client_id` is stored once, and what is told is told in order.
 */
export class Storm {
  readonly messages: Message[] = [];
  readonly #log: Logged[] = [];
  readonly #random: () => number;
  readonly #peers: Peer[];
  /** Up to which entry each link that has joined was told. */
  readonly #told = new Map<Peer, number>();
  calm = false;

  constructor(seed: number, peers: Peer[]) {
    this.#random = mulberry(seed);
    this.#peers = peers;
  }

  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** Somebody else writes. */
  write(): void {
    this.#post("bob", {});
  }

  /** Does something on the newest link: opens it, reads a request, tells an entry, or breaks it. */
  async step(): Promise<void> {
    const peer = this.#peers.at(-1);
    if (!peer || peer.readyState === 3) return;
    if (peer.readyState === 0) return this.#lucky(10) ? peer.open() : peer.drop();
    if (!this.#lucky(12)) return this.#break(peer);
    const request = peer.inbox.shift();
    if (request) return this.#read(peer, request);
    return this.#tell(peer);
  }

  #lucky(oneIn: number): boolean {
    return this.calm || this.below(oneIn) > 0;
  }

  async #break(peer: Peer): Promise<void> {
    this.#told.delete(peer);
    await peer.drop(this.below(2) ? 1006 : 4000);
  }

  async #read(peer: Peer, request: Request): Promise<void> {
    const { method, params } = request;
    if (method === "message.post" && !this.#lucky(5)) return peer.refuse(request, this.below(2) ? "rate_limited" : "unavailable", 100);
    if (method === "room.join" && !this.#lucky(8)) return peer.refuse(request, "unavailable");
    const result = method === "connect" ? welcome() : method === "room.join" ? this.#join(peer, params) : this.#stored(params);
    // Done, but the answer is lost with the link.
    if (!this.#lucky(6)) return this.#break(peer);
    // The notification may overtake the answer.
    if (method === "message.post" && this.below(2)) while (this.#behind(peer)) await this.#tell(peer);
    await peer.answer(request, result);
  }

  #join(peer: Peer, { position }: { position?: string }): object {
    const head = this.#log.length;
    const from = position === undefined ? undefined : Number(position.split("-")[1]);
    this.#told.set(peer, head);
    const place = { position: `e-${head}` };
    if (from !== undefined && this.#lucky(6)) {
      return joinResult({ ...place, resume: "ok", history: null, events: this.#log.slice(from) });
    }
    const messages = this.messages.slice(-3);
    const history = { messages, more_before: this.messages.length > 3 };
    return joinResult({ ...place, resume: from === undefined ? "none" : "too_old", history });
  }

  #stored(params: Record<string, any>): object {
    const known = this.messages.find((one) => one.client_id === params["client_id"]);
    const { id, seq, posted_at } = known ?? this.#post("alice", params);
    return { id, seq, posted_at, position: `e-${seq}`, repeated: !!known };
  }

  #post(user: string, { text = "by bob", client_id = null }: Record<string, any>): Message {
    const seq = this.#log.length + 1;
    const one = message(seq, user, { client_id, parts: [{ type: "text", text, format: "plain" }] });
    this.messages.push(one);
    this.#log.push({ ...entry(seq, "message.posted", { message: one, by: sender(user) }) });
    return one;
  }

  #behind(peer: Peer): boolean {
    return (this.#told.get(peer) ?? Infinity) < this.#log.length;
  }

  async #tell(peer: Peer): Promise<void> {
    if (!this.#behind(peer)) return;
    const at = this.#told.get(peer)!;
    this.#told.set(peer, at + 1);
    await peer.say({ jsonrpc: "2.0", ...this.#log[at] });
  }
}
