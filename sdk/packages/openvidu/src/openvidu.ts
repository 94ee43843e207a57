import { aside } from "@sidetalk/dropin";
import { Media } from "./media.js";
import { Session } from "./session.js";

/** The entry: `new OpenVidu().initSession()`. All else is there for pages that ask before they go on. */
export class OpenVidu {
  /** Some old pages name a key first. */
  initSession(sessionId?: string, orSessionId?: string): Session {
    return new Session(orSessionId ?? sessionId);
  }

  checkSystemRequirements(): boolean {
    return true;
  }

  checkScreenSharingCapabilities(): boolean {
    return false;
  }

  enableProdMode(): void {}

  setAdvancedConfiguration(): void {}

  /** No camera is asked for, and nothing is sent. */
  initPublisher(_target?: unknown, ...more: unknown[]): Media {
    const callback = more.find((one) => typeof one === "function") as ((error?: unknown) => void) | undefined;
    if (callback) queueMicrotask(() => aside(callback));
    return new Media();
  }

  initPublisherAsync(): Promise<Media> {
    return Promise.resolve(new Media());
  }

  getDevices(): Promise<never[]> {
    return Promise.resolve([]);
  }
}
