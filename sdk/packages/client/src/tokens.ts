import { SidetalkError } from "./errors.js";
import type { TokenProvider, TokenReason } from "./types.js";

/** Keeps the token and knows when to ask the application for another one. */
export class Tokens {
  readonly #source: string | TokenProvider;
  #token: string | undefined;
  /** Why the kept token is of no use, if it is not. */
  #stale: TokenReason | undefined = "connect";

  constructor(source: string | TokenProvider) {
    this.#source = source;
  }

  /** Whether asking again can bring another token. */
  get renewable(): boolean {
    return typeof this.#source !== "string";
  }

  /** The kept token is not to be used again. */
  discard(reason: TokenReason): void {
    this.#stale = reason;
  }

  /** The kept token, or a new one if there is none that could be of use. */
  async current(): Promise<string> {
    return this.#stale ? this.renew(this.#stale) : this.#token!;
  }

  async renew(reason: TokenReason): Promise<string> {
    const token = typeof this.#source === "string" ? this.#source : await this.#source(reason);
    if (typeof token !== "string" || !token) {
      // The next answer of a provider may be better.
      throw this.renewable ? Error("the token provider gave no token") : SidetalkError.protocol("there is no token");
    }
    this.#token = token;
    this.#stale = undefined;
    return token;
  }
}
