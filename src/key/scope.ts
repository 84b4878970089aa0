/**
 * Scopes say where a key may be used: segments joined by `:`, at most 128 characters. A granted scope may contain `*`.
 *
 * `*` stands for exactly one segment; as the last segment it stands for one or more.
 */
const GRANTED = /^(?:\*|[A-Za-z0-9._-]+)(?::(?:\*|[A-Za-z0-9._-]+))*$/;
const REQUIRED = /^[A-Za-z0-9._-]+(?::[A-Za-z0-9._-]+)*$/;
const MAX_LENGTH = 128;

/** Whether a key may be given this scope. */
export const isGrantableScope = (text: string): boolean => text.length <= MAX_LENGTH && GRANTED.test(text);

/** Whether a request may require this scope: no `*`. */
export const isRequirableScope = (text: string): boolean => text.length <= MAX_LENGTH && REQUIRED.test(text);

/** The namespace of control keys. A wildcard reaches into it only behind a literal `rekey`. */
const RESERVED = "rekey";

/**
 * Whether a granted scope covers a required one, or everything that another granted one covers: a `*` is covered only
 * by a `*`, an open end only by an open end. So it is also the rule by which authority may be passed on.
 */
export function covers(granted: string, other: string): boolean {
  if (granted === other) return true;
  const have = granted.split(":");
  const need = other.split(":");
  // A customer's `*` must never turn into authority over keys.
  if (need[0] === RESERVED && have[0] !== RESERVED) return false;
  const open = have.at(-1) === "*";
  if (open ? need.length < have.length : need.length !== have.length) return false;
  return have.every((segment, at) => segment === "*" || segment === need[at]);
}

/** Whether the granted scopes cover every scope in `all` and, if `any` names some, at least one of `any`. */
export function satisfies(granted: readonly string[], all: readonly string[], any: readonly string[]): boolean {
  const has = (required: string) => granted.some((scope) => covers(scope, required));
  return all.every(has) && (any.length === 0 || any.some(has));
}

/** Whether a granted scope reaches into the namespace of control keys. */
export const isControlScope = (granted: string): boolean => granted.split(":")[0] === RESERVED;
