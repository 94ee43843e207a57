/** Runs what is not ours: if it throws, the error is thrown outside, as with DOM events. */
export function aside(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The promise; if there is a callback it hears the end, `success` or the error, and a rejection counts as handled. */
export function told<R, S, E>(promise: Promise<R>, callback: ((end: S | E) => void) | undefined, success: S): Promise<R> {
  if (callback) promise.then(() => aside(() => callback(success)), (error: E) => aside(() => callback(error)));
  return promise;
}
