import { aside } from "@sidetalk/dropin";
import { Collection } from "./collection.js";
import { Emitter } from "./events.js";

// Media is not served: what would do something with it does nothing, and does not fail.

export interface Stream {
  readonly streamId: string;
  readonly name: string;
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  readonly [more: string]: unknown;
}

export type Completion = (error?: Error) => void;

/** A publisher or a subscriber without a camera and a picture, for pages that also want video. */
export interface Media {
  readonly id: string | undefined;
  readonly element: HTMLElement | undefined;
  readonly stream: Stream | undefined;
  publishAudio(on?: boolean): void;
  publishVideo(on?: boolean): void;
  subscribeToAudio(on?: boolean): this;
  subscribeToVideo(on?: boolean): this;
  setAudioVolume(percent?: number): this;
  setStyle(style?: unknown, value?: unknown): this;
  getImgData(): string | undefined;
  getStats(callback?: (error: Error | undefined, stats: never[]) => void): void;
  cycleVideo(): Promise<void>;
  setAudioSource(source?: unknown): Promise<void>;
  setVideoSource(source?: unknown): Promise<void>;
}

export class Media extends Emitter<Record<string, any>> {
  destroy(): this {
    if (publishers.remove(this)) this.say("destroyed", { reason: "clientDisconnected" });
    return this;
  }
}

/** The same under all these names. */
function stubs(target: object, names: string, stub: (this: any, ...args: any[]) => unknown): void {
  for (const name of names.split(" ")) (target as Record<string, unknown>)[name] = stub;
}

const done = () => Promise.resolve();

stubs(Media.prototype, "subscribeToAudio subscribeToVideo setAudioVolume setStyle", function () {
  return this;
});
stubs(Media.prototype, "publishAudio publishVideo getImgData", () => {});
stubs(Media.prototype, "getStats", (callback?: (error: undefined, stats: never[]) => void) => void (callback && later(() => callback(undefined, []))));
stubs(Media.prototype, "cycleVideo setAudioSource setVideoSource", done);

export type Publisher = Media;
export type Subscriber = Media;

export const publishers = new Collection<Publisher>();
export const subscribers = new Collection<Subscriber>();

/** Wherever it stands among the arguments. */
export function callbackOf(args: readonly unknown[]): Completion | undefined {
  return args.find((one) => typeof one === "function") as Completion | undefined;
}

export function later(run: () => void): void {
  queueMicrotask(() => aside(run));
}

/** A function with a second one, which gives a promise. */
export function promising<F extends (...args: any[]) => any, P>(now: F, promise: (...args: any[]) => P): F & { promise: (...args: any[]) => P } {
  return Object.assign(now, { promise });
}

/** What gives `made`, and calls back without an error. */
function stub<T>(made: (...args: unknown[]) => T): any {
  const now = (...args: unknown[]) => {
    const callback = callbackOf(args);
    if (callback) later(callback);
    return made(...args);
  };
  return promising(now, async (...args) => now(...args));
}

type InitPublisher = {
  (target?: unknown, properties?: unknown, callback?: Completion): Publisher;
  promise(target?: unknown, properties?: unknown): Promise<Publisher>;
};
type Publish = InitPublisher & ((publisher: Publisher, callback?: Completion) => Publisher);
type Subscribe = {
  (stream: Stream, target?: unknown, properties?: unknown, callback?: Completion): Subscriber;
  promise(stream: Stream, target?: unknown, properties?: unknown): Promise<Subscriber>;
};

const published = () => {
  const publisher = new Media();
  publishers.add(publisher);
  return publisher;
};

/** Asks for no camera and sends nothing. */
export const initPublisher: InitPublisher = stub(published);
const publish: Publish = stub((given) => (given instanceof Media ? given : published()));
const subscribe: Subscribe = stub(() => new Media());

/** The half of a session that is about media. */
export interface MediaSession<Events> {
  unpublish(publisher?: Publisher): Promise<void>;
  unsubscribe(subscriber?: Subscriber): Promise<void>;
  forceUnpublish(stream?: Stream, callback?: Completion): Promise<void>;
  forceMuteStream(stream?: Stream): Promise<void>;
  forceMuteAll(excluded?: readonly Stream[]): Promise<void>;
  disableForceMute(): Promise<void>;
  setEncryptionSecret(secret?: string): Promise<void>;
  setIceConfig(config?: unknown): Promise<void>;
  getPublisherForStream(stream?: Stream): Publisher | undefined;
  getSubscribersForStream(stream?: Stream): Subscriber[];
}

export class MediaSession<Events> extends Emitter<Events> {
  readonly streams = new Collection<Stream>();
  readonly publish = publish;
  readonly subscribe = subscribe;
}

const names = "unpublish unsubscribe forceUnpublish forceMuteStream forceMuteAll disableForceMute setEncryptionSecret setIceConfig";
stubs(MediaSession.prototype, names, stub(done));
stubs(MediaSession.prototype, "getPublisherForStream", () => {});
stubs(MediaSession.prototype, "getSubscribersForStream", () => []);
