/** Lets so many bytes through and breaks off at the first one beyond: for bodies that do not say how long they are. */
export class BodyLimit {
  readonly through: TransformStream<Uint8Array, Uint8Array>;
  #exceeded = false;

  constructor(maxBytes: number) {
    let passed = 0;
    this.through = new TransformStream({
      transform: (chunk, controller) => {
        passed += chunk.byteLength;
        this.#exceeded = passed > maxBytes;
        if (this.#exceeded) throw new Error(`the body has more than ${maxBytes} bytes`);
        controller.enqueue(chunk);
      },
    });
  }

  /** Asked here, because the error itself loses its identity on its way through the runtime's streams. */
  get exceeded(): boolean {
    return this.#exceeded;
  }
}

/** Whether a body says of itself that it is too large: then nobody needs to be asked. */
export function saysTooLarge(headers: Headers, maxBytes: number | null): boolean {
  const length = headers.get("content-length");
  return maxBytes !== null && length !== null && Number(length) > maxBytes;
}
