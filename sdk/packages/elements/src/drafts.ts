/** What was typed and not sent, per room and audience. The browser may forbid storage; then it lasts as long as the page. */
export class Drafts {
  readonly #prefix: string;
  #memory = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get(key: string): string {
    try {
      return sessionStorage.getItem(this.#prefix + key) ?? this.#memory.get(key) ?? "";
    } catch {
      return this.#memory.get(key) ?? "";
    }
  }

  set(key: string, text: string): void {
    if (text) this.#memory.set(key, text);
    else this.#memory.delete(key);
    try {
      if (text) sessionStorage.setItem(this.#prefix + key, text);
      else sessionStorage.removeItem(this.#prefix + key);
    } catch {
      // Storage is forbidden or full.
    }
  }
}
