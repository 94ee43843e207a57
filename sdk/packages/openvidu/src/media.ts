import { Dispatcher } from "./events.js";

const done = () => Promise.resolve();

/**
 * A publisher or a subscriber. There is no camera and no picture behind it; it is there so that a page which also wants
 * to show video goes on to its chat.
 */
export class Media extends Dispatcher {
  readonly stream = { streamId: "", hasAudio: false, hasVideo: false, audioActive: false, videoActive: false };
  readonly videos = [];
  readonly accessAllowed = false;
  publishAudio = done;
  publishVideo = done;
  replaceTrack = done;
  subscribeToAudio(): this { return this; }
  subscribeToVideo(): this { return this; }
  addVideoElement(): number { return 0; }
  createVideoElement(): undefined {}
}

/** The half of a session that is about media. */
export class MediaSession extends Dispatcher {
  publish = done;
  unpublish = done;
  forceUnpublish = done;
  subscribe(): Media { return new Media(); }
  subscribeAsync(): Promise<Media> { return Promise.resolve(new Media()); }
  unsubscribe = done;
}
