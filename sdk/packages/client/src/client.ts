import { Emitter } from "./emitter.js";
import type { Room } from "./room.js";
import type { CallOptions, ClientEvents, ClientOptions, ClientState, JoinOptions, RoomSummary, Welcome } from "./types.js";

/** A connection to a Sidetalk server that stays up by itself. */
export class SidetalkClient extends Emitter<ClientEvents> {
  constructor(_options: ClientOptions) {
    super();
  }
  /** Where the connection stands. */
  get state(): ClientState {
    throw new Error("not written yet");
  }
  /** The rooms that are joined, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    throw new Error("not written yet");
  }
  /** Resolves when the server has welcomed us; goes on trying until then. Aborting it closes the client. */
  connect(_options?: { signal?: AbortSignal }): Promise<Welcome> {
    throw new Error("not written yet");
  }
  /** Ends the connection for good. `connect()` starts again; rooms have to be joined again. */
  close(): void {
    throw new Error("not written yet");
  }
  /** Joins a room and keeps it joined over reconnects. Joining twice gives the same room. */
  join(_room: string, _options?: JoinOptions): Promise<Room> {
    throw new Error("not written yet");
  }
  /** The `direct` and `group` rooms that you are in or invited to. */
  listRooms(_options?: CallOptions): Promise<RoomSummary[]> {
    throw new Error("not written yet");
  }
  /** Any request of the native API by name. */
  request<T = unknown>(_method: string, _params?: object, _options?: CallOptions): Promise<T> {
    throw new Error("not written yet");
  }
}
