/**
 * Things that open above the panel: menus, pickers and questions. All close with Escape or a press elsewhere, and give
 * the focus back to where it was. Under a thumb they come up from the lower edge of a narrow panel.
 */
import { again, h, type Icon, icon } from "./dom.js";
import type { Words } from "./i18n/words.js";

export interface MenuItem {
  label: string;
  hint?: string;
  icon?: Icon;
  danger?: boolean;
  /** Shown as a check mark; such an item leaves the menu open and is asked again with `refresh`. */
  checked?: boolean;
  stay?: boolean;
  run: () => void;
}

const NARROW_PX = 480;

export class Layer {
  readonly #root: HTMLElement;
  readonly #words: Words;
  #open: { box: HTMLElement; scrim: HTMLElement; back: HTMLElement } | null = null;

  constructor(root: HTMLElement, words: Words) {
    this.#root = root;
    this.#words = words;
    root.addEventListener("pointerdown", (event) => {
      if (this.#open && !event.composedPath().includes(this.#open.box)) {
        event.preventDefault();
        this.close();
      }
    }, true);
    root.addEventListener("keydown", (event) => {
      // What is open is one stop; nothing in it is reached by Tab.
      if (!this.#open || !/^(Escape|Tab)$/.test(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }, true);
  }

  close(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = null;
    open.box.remove();
    open.scrim.remove();
    again(this.#root, open.back)?.focus({ preventScroll: true });
  }

  /** Shows a box beside its anchor and moves the focus into it. */
  show(anchor: HTMLElement, box: HTMLElement, back = anchor): void {
    this.close();
    const scrim = h("div", "scrim");
    box.classList.add("popover");
    this.#root.append(scrim, box);
    this.#open = { box, scrim, back };
    this.#place(anchor, box);
    (box.querySelector<HTMLElement>("[data-first]") ?? box.querySelector<HTMLElement>("button"))?.focus({ preventScroll: true });
  }

  #place(anchor: HTMLElement, box: HTMLElement): void {
    const frame = this.#root.getBoundingClientRect();
    if (frame.width <= NARROW_PX && matchMedia("(pointer: coarse)").matches) return void box.classList.add("sheet");
    const at = anchor.getBoundingClientRect();
    const rtl = this.#words.dir === "rtl";
    const below = at.bottom - frame.top + 4;
    const above = at.top - frame.top - box.offsetHeight - 4;
    const left = rtl ? at.left - frame.left : at.right - frame.left - box.offsetWidth;
    const y = below + box.offsetHeight < frame.height - 8 ? below : Math.max(8, above);
    box.style.top = `${y}px`;
    box.style.left = `${Math.max(8, Math.min(left, frame.width - box.offsetWidth - 8))}px`;
  }

  menu(anchor: HTMLElement, label: string, items: () => MenuItem[], extra?: HTMLElement, back?: HTMLElement): void {
    const box = h("div", { class: "menu", role: "menu", "aria-label": label });
    const draw = (): void => {
      const at = [...box.querySelectorAll("[role^=menuitem]")].indexOf((box.getRootNode() as ShadowRoot).activeElement!);
      const rows = items().map((item) => this.#row(item, draw));
      box.replaceChildren(...(extra ? [extra] : []), ...rows);
      rows[at]?.focus();
    };
    draw();
    box.addEventListener("keydown", (event) => roam(event, [...box.querySelectorAll<HTMLElement>("[role^=menuitem]")], 1));
    this.show(anchor, box, back);
  }

  #row(item: MenuItem, redraw: () => void): HTMLElement {
    const onclick = (): void => {
      if (!item.stay) this.close();
      item.run();
      if (item.stay) redraw();
    };
    const checkable = item.checked !== undefined;
    return h(
      "button",
      {
        role: checkable ? "menuitemcheckbox" : "menuitem",
        "aria-checked": checkable ? String(item.checked) : null,
        class: item.danger ? "danger" : null,
        tabindex: -1,
        onclick,
      },
      checkable ? h("span", "tick", item.checked && icon("check")) : item.icon && icon(item.icon),
      h("span", "menu-label", h("bdi", null, item.label), item.hint && h("small", null, item.hint)),
    );
  }

  /** A grid of symbols; arrows move in two directions. */
  grid(anchor: HTMLElement, label: string, symbols: readonly string[], columns: number, pick: (symbol: string) => void, back?: HTMLElement): void {
    const buttons = symbols.map((symbol) =>
      h("button", { class: "symbol", tabindex: -1, onclick: () => (this.close(), pick(symbol)) }, symbol),
    );
    const box = h("div", { class: "grid", role: "group", "aria-label": label }, buttons);
    box.addEventListener("keydown", (event) => roam(event, buttons, columns));
    this.show(anchor, box, back);
  }

  /** Asks before something that cannot be taken back. */
  ask(question: string, yes: string): Promise<boolean> {
    return new Promise((resolve) => {
      const words = this.#words;
      const back = (this.#root.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
      const dialog = h("dialog", { class: "ask", "aria-label": yes, dir: words.dir }, h("p", null, question));
      const answer = (value: string): void => dialog.close(value);
      dialog.append(
        h(
          "div",
          "actions",
          h("button", { class: "button", onclick: () => answer("") }, words.text("cancel")),
          h("button", { class: "button danger", onclick: () => answer("yes") }, yes),
        ),
      );
      dialog.addEventListener("close", () => {
        dialog.remove();
        again(this.#root, back)?.focus({ preventScroll: true });
        resolve(dialog.returnValue === "yes");
      });
      this.#root.append(dialog);
      dialog.showModal();
    });
  }
}

/** Moves the focus among elements by arrows, Home and End. */
function roam(event: KeyboardEvent, elements: HTMLElement[], columns: number): void {
  const active = (elements[0]?.getRootNode() as ShadowRoot | undefined)?.activeElement;
  const at = elements.indexOf(active as HTMLElement);
  const rtl = elements[0] && getComputedStyle(elements[0]).direction === "rtl" ? -1 : 1;
  const steps: Record<string, number> = { ArrowDown: columns, ArrowUp: -columns };
  if (columns > 1) Object.assign(steps, { ArrowRight: rtl, ArrowLeft: -rtl });
  let to: number;
  if (event.key === "Home") to = 0;
  else if (event.key === "End") to = elements.length - 1;
  else if (steps[event.key] === undefined) return;
  else if (columns === 1) to = (at + steps[event.key]! + elements.length) % elements.length;
  else to = Math.max(0, Math.min(elements.length - 1, at + steps[event.key]!));
  event.preventDefault();
  elements[to]?.focus();
}
