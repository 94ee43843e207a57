/** What was typed and not sent, per room, user and audience. The browser may forbid storage; then it lasts as long as the page. */
export class Drafts {
  readonly #prefix: string;
  #memory = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get(key: string): string {
    try {
      // What did not fit into the storage is in memory only.
      return this.#memory.get(key) ?? sessionStorage.getItem(this.#prefix + key) ?? "";
    } catch {
      // Storage is forbidden.
      return "";
    }
  }

  set(key: string, text: string): void {
    this.#memory.set(key, text);
    try {
      if (text) sessionStorage.setItem(this.#prefix + key, text);
      else sessionStorage.removeItem(this.#prefix + key);
    } catch {
      // Storage is forbidden or full.
    }
  }
}
