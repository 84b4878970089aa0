import { connect, type Socket } from "node:net";
import { endOfAnswer } from "./answer.ts";

/** How much of an answer is kept for a judgement, in bytes. */
const KEPT = 4 * 1024;

/**
 * One keep-alive connection that sends the next request when the answer to the last has arrived. Nothing is pipelined.
 * The rest of a large answer is counted and not kept.
 *
 * Reads into one buffer of its own, because on a small machine the generator must cost less than what it measures.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #answered: (answer: string) => void;
  #partial = "";
  /** Bytes that are still to come of an answer of which enough is kept. */
  #uncounted = 0;

  private constructor(socket: Socket, answered: (answer: string) => void) {
    this.#socket = socket;
    this.#answered = answered;
  }

  /** @param answered is told every answer, whole; it may send the next request at once. */
  static open(port: number, answered: (answer: string) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let connection: Connection | null = null;
      const socket = connect({
        port,
        host: "127.0.0.1",
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(64 * 1024),
          callback: (length, buffer) => {
            if (connection !== null) connection.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
            return true;
          },
        },
      });
      socket.once("error", reject);
      socket.once("connect", () => {
        connection = new Connection(socket, answered);
        resolve(connection);
      });
    });
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  /** Calls back if the other side closes or resets the connection before `close` was called. */
  onLost(lost: (cause: Error) => void): void {
    this.#socket.once("error", lost);
    this.#socket.once("end", () => lost(new Error("the server closed a connection under load")));
  }

  close(): void {
    this.#socket.removeAllListeners("end");
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    if (this.#uncounted > 0) {
      // Nothing follows before the next request: all of it belongs to this answer.
      this.#uncounted -= bytes.length;
      if (this.#uncounted <= 0) this.#finish(this.#partial.length);
      return;
    }
    const text = bytes.toString("latin1");
    this.#partial = this.#partial === "" ? text : this.#partial + text;
    const end = endOfAnswer(this.#partial);
    if (end === -1) return;
    if (end <= this.#partial.length) this.#finish(end);
    else if (this.#partial.length >= KEPT) this.#uncounted = end - this.#partial.length;
  }

  #finish(end: number): void {
    const answer = this.#partial.slice(0, end);
    this.#partial = this.#partial.slice(end);
    this.#answered(answer);
  }
}
