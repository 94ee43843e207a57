/**
 * `<sidetalk-chat server="https://chat.example.org" room="standup" token="…">`
 *
 * Attributes: `server` (default: where the page is), `room`, `token`, `lang`, `theme` (auto, light, dark), `title`. For
 * tokens that end, set the property `tokenProvider` instead of `token`. Changing what decides about the connection
 * connects anew, once per task.
 *
 * Events: `sidetalk-ready` {room}, `sidetalk-ended` {reason}, `sidetalk-message` {id, own}, `sidetalk-people` {count}.
 */
import type { TokenProvider } from "@sidetalk/client";
import { Panel } from "./panel.js";
import { Words } from "./i18n/words.js";
import { sheets } from "./styles/index.js";

// On a server there are no elements; importing this module there must not fail.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export class SidetalkChat extends Base {
  static observedAttributes = ["server", "room", "token", "lang", "title"];
  #panel: Panel | null = null;
  #provider: TokenProvider | null = null;
  #planned = false;
  #turn = 0;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = sheets();
  }

  get tokenProvider(): TokenProvider | null {
    return this.#provider;
  }

  set tokenProvider(provider: TokenProvider | null) {
    this.#provider = provider;
    this.#plan();
  }

  connectedCallback(): void {
    // A property that was set before the element was known hides the accessor of the class.
    if (Object.hasOwn(this, "tokenProvider")) {
      const { tokenProvider } = this;
      delete (this as Partial<this>).tokenProvider;
      this.tokenProvider = tokenProvider;
    }
    this.#plan();
  }

  disconnectedCallback(): void {
    this.#plan();
  }

  /** Moved by `moveBefore`, it goes on as it was. */
  connectedMoveCallback(): void {}

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === "title") this.#panel?.setTitle(after);
    else this.#plan();
  }

  /** The writing field gets the focus. */
  override focus(): void {
    this.#panel?.focus();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      void this.#restart();
    });
  }

  async #restart(): Promise<void> {
    const turn = ++this.#turn;
    this.#panel?.dispose();
    this.#panel?.element.remove();
    this.#panel = null;
    const room = this.getAttribute("room");
    const token = this.#provider ?? this.getAttribute("token");
    if (!this.isConnected || !room || !token) return;
    const words = await Words.of(this.getAttribute("lang") ?? (this.closest("[lang]")?.getAttribute("lang") || navigator.language));
    if (turn !== this.#turn) return;
    const server = new URL(this.getAttribute("server") || ".", document.baseURI).href;
    this.#panel = new Panel({ server, room, token, title: this.getAttribute("title") }, words, (type, detail) =>
      this.dispatchEvent(new CustomEvent(`sidetalk-${type}`, { detail, bubbles: true, composed: true })),
    );
    this.shadowRoot!.append(this.#panel.element);
  }
}
