/** One call with its answer, as the document shows it and a test makes it. */
export type Example = {
  readonly operationId: string;
  /** Names the example within its operation. */
  readonly name: string;
  readonly summary: string;
  /** The credential of the key that asks, where an operation is the key's own; otherwise the admin asks. */
  readonly holder?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly status: number;
  /** Absent: the answer has no body. */
  readonly answer?: object;
};
