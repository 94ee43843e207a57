/** Who is there, what they are, and what a moderator can do about them. */
import { again, fill, h, iconButton } from "./dom.js";
import type { Key, Words } from "./i18n/words.js";
import { mayWhisper } from "./audience.js";
import type { Layer, MenuItem } from "./menu.js";
import { avatar } from "./message.js";
import type { Person, Session } from "./session.js";

export interface PeopleEvents {
  whisper(user: string): void;
  /** Runs a call and tells the user if it was refused. */
  attempt(call: Promise<unknown>): void;
}

/** What slides over the list. */
export interface SideView {
  element: HTMLElement;
  /** People, settings or rights have changed. */
  refresh(): void;
}

export function peopleView(session: Session, words: Words, layer: Layer, events: PeopleEvents): SideView {
  const room = session.room!;
  const element = h("ul", "people");

  const items = ({ user, name, role, own, muted }: Person): MenuItem[] => {
    if (own) return [];
    const items: MenuItem[] = [];
    if (mayWhisper(session, role)) items.push({ label: words.text("whisper"), run: () => events.whisper(user) });
    if (!session.outranks(role)) return items;
    const act = (key: Key, call: () => Promise<unknown>, danger = false): MenuItem => ({ label: words.text(key), danger, run: () => events.attempt(call()) });
    if (muted) items.push(act("unmute", () => room.unmute(user)));
    else items.push(act("mute", () => room.mute(user)), act("mute5", () => room.mute(user, { durationS: 300 })));
    items.push(role === "moderator" ? act("demote", () => room.setRole(user, "member")) : act("promote", () => room.setRole(user, "moderator")));
    items.push(act("kick", () => room.kick(user), true));
    items.push({
      label: words.text("ban"),
      danger: true,
      run: () => void layer.ask(words.text("banAsk", { name }), words.text("ban")).then((yes) => yes && events.attempt(room.ban(user))),
    });
    return items;
  };

  const row = (person: Person): HTMLElement => {
    const { user, name, role } = person;
    const label = words.text("actions", { name });
    const more = items(person).length ? iconButton("more", label, () => layer.menu(more!, label, () => items(person)), { "aria-haspopup": "menu" }) : null;
    return h(
      "li",
      { "data-key": user },
      avatar(user, name, person.avatar),
      h("span", "who", h("bdi", null, name), person.own && h("small", null, ` ${words.text("you")}`)),
      person.muted && h("span", "badge quiet", words.text("isMuted")),
      role !== "member" && h("span", "badge", words.text(role === "viewer" ? "viewerRole" : role)),
      more,
    );
  };

  const refresh = (): void => {
    const focused = (element.getRootNode() as ShadowRoot).activeElement;
    fill(element, session.people.map(row));
    again(element, focused)?.focus();
  };
  if (session.moderates) void session.askMembers();
  refresh();
  return { element, refresh };
}
