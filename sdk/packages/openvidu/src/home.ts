import { OpenViduError } from "./errors.js";

const script = globalThis.document?.currentScript as HTMLScriptElement | null | undefined;

/** Where this script says that the server is, with its base path; a copy under another name says nothing. */
const home = script && (script.dataset["server"] || /^(.*)\/sdk\/openvidu\.js$/.exec(script.src.replace(/[?#].*/, ""))?.[1]);

/** The server's address, without a slash at its end: as the script tag says, else as the token does. */
export function serverOf(token: string, told: string | null | undefined = home): string {
  const address = told ? [told, script?.baseURI] : [String(token).replace(/^ws/, "http")];
  try {
    const url = new URL(...(address as [string, string?]));
    return (url.origin + url.pathname).replace(/\/+$/, "");
  } catch {
    throw new OpenViduError(401, "the token is not valid");
  }
}
