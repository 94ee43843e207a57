/** Takes a listener off again. Calling it twice is fine. */
export type Unsubscribe = () => void;

export type Listener<E, K extends keyof E> = (event: E[K], type: K) => void;
/** Hears everything, before the listeners of the single type. */
export type AnyListener<E> = (event: E[keyof E], type: keyof E) => void;

/**
 * Typed events. Listeners are called at once, in the order in which they came. One that throws disturbs nobody: its
 * error is thrown outside, as with DOM events.
 */
export class Emitter<E> {
  readonly #listeners = new Map<keyof E | "*", Set<AnyListener<E>>>();

  on<K extends keyof E>(type: K, listener: Listener<E, K>): Unsubscribe;
  on(type: "*", listener: AnyListener<E>): Unsubscribe;
  on(type: keyof E | "*", listener: (event: never, type: never) => void): Unsubscribe {
    // A wrapper of its own, so that the same function may listen twice.
    const entry: AnyListener<E> = (event, name) => listener(event as never, name as never);
    let entries = this.#listeners.get(type);
    if (!entries) this.#listeners.set(type, (entries = new Set()));
    entries.add(entry);
    return () => void entries.delete(entry);
  }

  /** For the owner of the emitter. */
  protected emit<K extends keyof E>(type: K, event: E[K]): void {
    for (const key of ["*", type] as const) {
      for (const listener of [...(this.#listeners.get(key) ?? [])]) {
        try {
          listener(event, type);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    }
  }
}
