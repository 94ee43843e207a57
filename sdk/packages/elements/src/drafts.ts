/** What was typed and not sent, per room and audience. The browser may forbid storage; then it lasts as long as the page. */
export class Drafts {
  readonly #prefix: string;
  #memory = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get(key: string): string {
    let kept: string | null | undefined;
    try {
      kept = sessionStorage.getItem(this.#prefix + key);
    } catch {
      // Storage is forbidden.
    }
    return kept ?? this.#memory.get(key) ?? "";
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
