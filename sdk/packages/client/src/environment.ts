import type { Environment, NetworkEvents } from "./types.js";

/** The outside world as it is here. Reads globals when called, never at import. */
export function systemEnvironment(): Environment {
  const network = globalThis as Partial<NetworkEvents>;
  return {
    now: () => performance.now(),
    date: Date.now,
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    random: Math.random,
    id: randomId,
    network: network.addEventListener ? (network as NetworkEvents) : undefined,
  };
}

/** A UUID v4. Not `crypto.randomUUID`, which browsers offer to pages over https only. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
