import type { SignalTarget } from "./types.js";

/** The same text for the same audience, whatever the order of its users. */
export function audienceKey(audience: SignalTarget | undefined): string {
  if (!audience || audience.type === "room") return "room";
  if (audience.type === "group") return `group:${encodeURIComponent(audience.group)}`;
  const members = audience.type === "users" ? audience.users : audience.connections;
  return `${audience.type}:${[...new Set(members)].sort().map(encodeURIComponent).join()}`;
}
