/** What a query is put together with whose conditions depend on who asks for what. */
export type Parameters = {
  /** In the order of their numbers, for `bind` of the statement. */
  readonly values: readonly (string | number)[];
  /** A parameter with this value, by the name that the query calls it. */
  readonly bind: (value: string | number) => string;
  /**
   * A column by which rows are looked for. The first one finds them by its index and the others are judged on what it
   * finds: `+` keeps SQLite from walking another index instead. So the one that leaves the fewest rows comes first.
   */
  readonly column: (name: string) => string;
};

export function parameters(): Parameters {
  const values: (string | number)[] = [];
  let isFound = false;
  return {
    values,
    bind: (value) => `?${values.push(value)}`,
    column: (name) => {
      const written = isFound ? `+${name}` : name;
      isFound = true;
      return written;
    },
  };
}

/** All conditions, behind `WHERE`; nothing where there are none. */
export const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
