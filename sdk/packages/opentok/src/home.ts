import { addressOf, scriptHome } from "@sidetalk/dropin";

let home = scriptHome("opentok");

/** The server's address: as the script tag says, or `OT.setProxyUrl()`; else it is the page's own. */
export function server(): string {
  return home ?? location.origin;
}

export function moveTo(address: string): void {
  home = addressOf(address, globalThis.location?.href);
}
