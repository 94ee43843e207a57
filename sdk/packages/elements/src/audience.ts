/** Who may be chosen as the readers of a message. */
import type { Audience } from "@sidetalk/client";
import type { Words } from "./i18n/words.js";
import type { MenuItem } from "./menu.js";
import { cleanName } from "./names.js";
import { RANK, type Session } from "./session.js";

/** Everyone, my groups, and the people that the room's policy lets me write to. */
export function audienceItems(session: Session, words: Words, now: Audience, choose: (audience: Audience) => void): MenuItem[] {
  const items: MenuItem[] = [
    { label: words.text("everyone"), checked: now.type === "room", run: () => choose({ type: "room" }) },
  ];
  const state = session.room?.state;
  if (!state) return items;
  for (const group of state.me.groups) {
    const checked = now.type === "group" && now.group === group;
    items.push({ label: words.text("onlyGroup", { name: cleanName(group) }), checked, run: () => choose({ type: "group", group }) });
  }
  const chosen = session.others(now);
  for (const person of session.people) {
    if (person.own || !mayWhisper(session, person.role)) continue;
    const checked = chosen.includes(person.user);
    const users = checked ? chosen.filter((user) => user !== person.user) : [...chosen, person.user];
    items.push({
      label: person.name,
      hint: words.text("private"),
      checked,
      stay: true,
      run: () => {
        chosen.splice(0, chosen.length, ...users);
        choose(users.length ? { type: "users", users } : { type: "room" });
      },
    });
  }
  return items;
}

export function mayWhisper(session: Session, role: keyof typeof RANK): boolean {
  const policy = session.room?.state.settings.private_chat;
  return policy === "everyone" || (policy === "with_moderators" && (session.moderates || RANK[role] >= RANK.moderator));
}

/** Why nobody would get what is written for this audience now; empty if somebody would. */
export function unreachable(session: Session, words: Words, audience: Audience): string {
  const state = session.room?.state;
  if (!state || audience.type === "room") return "";
  if (audience.type === "group") return state.me.groups.includes(audience.group) ? "" : words.text("notAllowed");
  const others = session.others(audience);
  const here = session.people.filter(({ user }) => others.includes(user));
  if (state.settings.private_chat === "off") return words.text("privateOff");
  if (here.length) return here.some(({ role }) => mayWhisper(session, role)) ? "" : words.text("privateMods");
  // Of a very full room we do not know everybody.
  if (!others.length || state.presenceTotal > state.presence.size) return "";
  return words.text("away", { names: words.list(others.map((user) => session.nameOf(user))) });
}
