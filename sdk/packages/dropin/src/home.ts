const script = globalThis.document?.currentScript as HTMLScriptElement | null | undefined;

/**
 * The server's address as the script tag says it, without a slash at its end: by its `data-server`, or by where the script
 * came from (`…/sdk/NAME.js`, below any path). A copy under another name, and a module, say nothing.
 */
export function scriptHome(name: string): string | undefined {
  if (!script) return undefined;
  const told = script.dataset["server"];
  return told ? addressOf(told, script.baseURI) : new RegExp(`^(.*)/sdk/${name}\\.js$`).exec(script.src.replace(/[?#].*/, ""))?.[1];
}

/** A server's address without a slash at its end. */
export function addressOf(address: string, base?: string): string {
  const { origin, pathname } = new URL(address, base);
  return (origin + pathname).replace(/\/+$/, "");
}
