/** What moderators set for the whole room. */
import type { PrivateChat } from "@sidetalk/client";
import { h } from "./dom.js";
import type { Words } from "./i18n/words.js";
import type { Layer } from "./menu.js";
import type { PeopleEvents, SideView } from "./people.js";
import type { Session } from "./session.js";

/** The server takes two minutes at most. */
const PAUSES_S = [0, 5, 10, 30, 60, 120];

export function toolsView(session: Session, words: Words, layer: Layer, attempt: PeopleEvents["attempt"]): SideView {
  const room = session.room!;
  const chat = h("input", { type: "checkbox", role: "switch", onchange: () => attempt(chat.checked ? room.enableChat() : room.disableChat()) });
  const slow = h("select", { onchange: () => attempt(room.update({ slow_mode_s: Number(slow.value) || null })) });
  const privacy = h("select", { onchange: () => attempt(room.update({ private_chat: privacy.value as PrivateChat })) }, [
    h("option", { value: "everyone" }, words.text("toEveryone")),
    h("option", { value: "with_moderators" }, words.text("withModerators")),
    h("option", { value: "off" }, words.text("off")),
  ]);
  const clear = async (): Promise<void> => {
    if (await layer.ask(words.text("clearAsk"), words.text("clear"))) attempt(room.clearHistory());
  };
  const refresh = (): void => {
    const { chat_enabled, slow_mode_s, private_chat } = room.state.settings;
    const current = slow_mode_s ?? 0;
    const pauses = [...new Set([...PAUSES_S, current])].sort((a, b) => a - b);
    chat.checked = chat_enabled;
    slow.replaceChildren(...pauses.map((seconds) => h("option", { value: seconds }, seconds ? words.duration(seconds) : words.text("off"))));
    slow.value = String(current);
    privacy.value = private_chat;
  };
  refresh();
  const element = h(
    "div",
    "tools-view",
    setting(words.text("chat"), words.text("chatSwitchHint"), chat),
    setting(words.text("slowMode"), null, slow),
    setting(words.text("privateChat"), null, privacy),
    h("button", { class: "button danger", onclick: clear }, words.text("clear")),
  );
  return { element, refresh };
}

function setting(label: string, hint: string | null, control: HTMLElement): HTMLElement {
  return h("label", "setting", h("span", null, label, hint && h("small", null, hint)), control);
}
