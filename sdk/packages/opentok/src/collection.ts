/** What `find` and `where` look for: a rule, or what its fields must be; nothing is found everywhere. */
export type Wanted<T> = ((one: T) => unknown) | Partial<T> | undefined;

/** A list that pages may look at. */
export class Collection<T extends object> {
  readonly #all: T[] = [];

  /** The first one. */
  find(wanted?: Wanted<T>): T | undefined {
    return this.#all.find(rule(wanted));
  }

  where(wanted?: Wanted<T>): T[] {
    return this.#all.filter(rule(wanted));
  }

  forEach(run: (one: T, index: number) => void): void {
    this.where().forEach(run);
  }

  length(): number {
    return this.#all.length;
  }

  /** @internal */
  add(one: T): void {
    this.#all.push(one);
  }

  /** @internal Whether it was in. */
  remove(one: T): boolean {
    const place = this.#all.indexOf(one);
    return place >= 0 && !!this.#all.splice(place, 1);
  }

  /** @internal */
  clear(): void {
    this.#all.length = 0;
  }
}

function rule<T extends object>(wanted: Wanted<T>): (one: T) => unknown {
  if (typeof wanted === "function") return wanted;
  const fields = Object.entries(wanted ?? {});
  return (one) => fields.every(([name, value]) => one[name as keyof T] === value);
}
