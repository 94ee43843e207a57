/**
 * The demo: a newcomer has a room and an invite link at once. `session.ts` asks the server for a place, `stage.ts` draws
 * the call that the chat stands beside, `code.ts` says how to have it elsewhere. All addresses are relative, so that
 * it works below any path.
 */
import type { Room } from "@sidetalk/client";
import type { SidetalkChat } from "@sidetalk/elements";
import "@sidetalk/elements";
import { codeView } from "./code.js";
import "./demo.css";
import { copyButton, h, icon } from "./page.js";
import { addressOf, askSession, DemoOff, type DemoSession, remembered, roomOfAddress, server, type Wish } from "./session.js";
import { Stage } from "./stage.js";
import { logo, themeButton } from "./top.js";

const app = document.getElementById("app")!;

async function start(): Promise<void> {
  const room = roomOfAddress();
  const wish = (room && remembered.get(room)) || (room ? { room } : { as: "moderator" as const });
  try {
    show(await askSession(wish), wish.as);
  } catch (error) {
    if (error instanceof DemoOff) return message("The demo is switched off here", off());
    message("The server cannot be reached", h("p", {}, "It may be starting. "), h("button", { type: "button", class: "button primary", onclick: () => location.reload() }, "Try again"));
  }
}

function show(session: DemoSession, as: Wish["as"]): void {
  const { room } = session;
  const again = { room, user: session.user, name: session.name, ...(as ? { as } : {}) };
  remembered.set(room, again);
  if (roomOfAddress() !== room) history.replaceState(null, "", addressOf(room));
  document.title = `${room} – Sidetalk`;

  const chat = h("sidetalk-chat" as "div", { server, room, title: room }) as unknown as SidetalkChat;
  let first: string | null = session.token;
  chat.tokenProvider = async () => {
    const token = first ?? (await askSession(again)).token;
    first = null;
    return token;
  };

  const invitation = inviteTile(room);
  const stage = new Stage(invitation);
  let joined: Room | null = null;
  chat.addEventListener("sidetalk-ready", (event) => {
    joined = (event as CustomEvent<{ room: Room }>).detail.room;
    stage.show(joined);
  });
  chat.addEventListener("sidetalk-people", () => joined && stage.show(joined));

  const views: Record<string, HTMLElement> = {
    Chat: h("div", { class: "view chat-view", id: "view-Chat" }, chat as unknown as HTMLElement),
    Stage: h("div", { class: "view stage-view", id: "view-Stage" }, stage.element, h("p", { class: "caption" }, "Your video call goes here. This page has only the talk beside it.")),
    Code: h("div", { class: "view", id: "view-Code" }, codeView(room)),
  };
  const main = h("main", { class: "main" }, ...Object.values(views));
  const nav = tabs(main, Object.keys(views));
  app.replaceChildren(
    h(
      "header",
      { class: "top" },
      logo(),
      nav,
      h("div", { class: "spring" }),
      nameButton(session.name, async (name) => show(await askSession({ ...again, name }), as)),
      h("a", { class: "button second", href: addressOf(room), target: "_blank", rel: "noopener", title: "Opens this room in a new tab, as somebody else" }, icon("person"), h("span", {}, "Open a second person")),
      copyButton("Copy invite link", () => addressOf(room), { class: "button primary invite" }),
      themeButton(() => chat),
    ),
    main,
  );
}

/** On a wide page the chat is always there and the tabs choose what stands beside it; on a phone they choose all. */
function tabs(main: HTMLElement, names: string[]): HTMLElement {
  const narrow = matchMedia("(max-width: 899px)");
  const buttons = names.map((name) => h("button", { type: "button", "data-view": name, onclick: () => choose(name) }, name));
  let chosen = narrow.matches ? "Chat" : "Stage";
  const choose = (name: string): void => {
    chosen = !narrow.matches && name === "Chat" ? "Stage" : name;
    main.dataset["view"] = chosen;
    for (const button of buttons) {
      if (button.dataset["view"] === chosen) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  };
  narrow.addEventListener("change", () => choose(chosen));
  choose(chosen);
  return h("nav", { class: "tabs", "aria-label": "Views" }, ...buttons);
}

function inviteTile(room: string): HTMLElement {
  return h(
    "div",
    { class: "tile invitation" },
    h("h2", {}, "You have the room to yourself"),
    h("p", {}, "Send this link to somebody, or be two people at once in two tabs."),
    h("code", { class: "address", dir: "ltr" }, addressOf(room).replace(/^https?:\/\//, "")),
    h("div", { class: "row" }, copyButton("Copy invite link", () => addressOf(room), { class: "button primary" }), h("a", { class: "button", href: addressOf(room), target: "_blank", rel: "noopener" }, icon("person"), "Open a second person")),
  );
}

/** The name stands in the token, so a new one means a new token and a new connection. */
function nameButton(own: string, rename: (name: string) => Promise<void>): HTMLElement {
  const box = h("div", { class: "me" });
  const shown = (): void => {
    box.replaceChildren(h("button", { type: "button", class: "button quiet", title: "Change your name", "aria-label": `Your name: ${own}. Change it`, onclick: () => edit(own) }, h("bdi", {}, own), icon("edit")));
  };
  const refocus = (): void => document.querySelector<HTMLElement>(".me button")?.focus();
  const edit = (value: string, trouble = ""): void => {
    const input = h("input", { value, maxlength: "60", "aria-label": "Your name", autocomplete: "nickname", enterkeyhint: "done" });
    let over = false;
    const leave = async (done?: () => void): Promise<void> => {
      // The field loses the focus when it goes, and would leave a second time.
      if (over) return;
      over = true;
      const name = input.value.trim();
      shown();
      done?.();
      if (!name || name === own) return;
      await rename(name).then(done, () => edit(name, "The server cannot be reached. Try again."));
    };
    input.addEventListener("blur", () => void leave());
    input.addEventListener("keydown", (event) => {
      // The key belongs to an input method.
      if (event.keyCode === 229) return;
      if (event.key === "Escape") input.value = own;
      if (event.key === "Enter" || event.key === "Escape") void leave(refocus);
    });
    box.replaceChildren(input);
    input.select();
    input.focus();
    input.setCustomValidity(trouble);
    input.reportValidity();
  };
  shown();
  return box;
}

function off(): HTMLElement {
  return h(
    "div",
    {},
    h("p", {}, "This server runs for real work, so it gives nobody a room for the asking. To try Sidetalk on your own machine, start it with"),
    h("pre", { tabindex: "0" }, h("code", {}, "sidetalk dev")),
    h("p", {}, "and open the address that it prints."),
    h("p", { class: "more" }, h("a", { href: "docs" }, "Read the documents"), " · ", h("a", { href: "openapi.json" }, "OpenAPI")),
  );
}

function message(title: string, ...content: HTMLElement[]): void {
  app.replaceChildren(h("header", { class: "top" }, logo(), h("div", { class: "spring" }), themeButton(() => null)), h("main", { class: "plain" }, h("h1", {}, title), ...content));
}

window.addEventListener("hashchange", () => location.reload());
void start();
