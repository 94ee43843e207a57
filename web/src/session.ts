/** Asks the server for a place in a demo room. `sidetalk dev` offers this; other servers answer 404. */
export interface DemoSession {
  room: string;
  user: string;
  name: string;
  token: string;
}

/** Where this page came from is where the server is, below whatever path. */
export const server = new URL(".", document.baseURI).href;

export class DemoOff extends Error {}

export interface Wish {
  room?: string;
  user?: string;
  name?: string;
  as?: "moderator" | "member";
}

export async function askSession(wish: Wish): Promise<DemoSession> {
  const answer = await fetch("demo/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wish),
  });
  if (answer.status === 404) throw new DemoOff("the demo is off");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()) as DemoSession;
}

/** `#/r/quiet-otter-42` names the room. */
export function roomOfAddress(): string | null {
  const match = /^#\/r\/([^/?]+)/.exec(location.hash);
  try {
    return match ? decodeURIComponent(match[1]!) : null;
  } catch {
    return null;
  }
}

export function addressOf(room: string): string {
  const address = new URL(location.href);
  address.search = "";
  address.hash = `/r/${encodeURIComponent(room)}`;
  return address.href;
}

/** Who I am in this tab: another tab is another person, and a reload is the same one. */
export const remembered = {
  get(room: string): Wish | null {
    try {
      return JSON.parse(sessionStorage.getItem(`sidetalk demo ${room}`) ?? "null") as Wish | null;
    } catch {
      return null;
    }
  },
  set(room: string, wish: Wish): void {
    try {
      sessionStorage.setItem(`sidetalk demo ${room}`, JSON.stringify(wish));
    } catch {
      // Without storage a reload makes a new person.
    }
  },
};
