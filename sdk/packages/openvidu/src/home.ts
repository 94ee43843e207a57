import { addressOf, scriptHome } from "@sidetalk/dropin";
import { OpenViduError } from "./errors.js";

const home = scriptHome("openvidu");

/** The server's address, without a slash at its end: as the script tag says, else as the token does. */
export function serverOf(token: string): string {
  if (home !== undefined) return home;
  try {
    return addressOf(String(token).replace(/^ws/, "http"));
  } catch {
    throw new OpenViduError(401, "the token is not valid");
  }
}
