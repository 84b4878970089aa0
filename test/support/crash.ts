import { runInDurableObject } from "cloudflare:test";

/** Where in its next write an instance of an object ends, as if its process had been killed there. */
export type CrashPoint = "before the write" | "after the write, before it is durable" | "when it is durable";

/**
 * Ends the instance at a point of its next write: whoever waits for an answer gets none. The object lives on in the
 * next instance, with what storage has by then; a stub of the one that ended is of no use any more.
 */
export async function crashAt(stub: DurableObjectStub, point: CrashPoint): Promise<Disposable> {
  return runInDurableObject(stub, (_object, state) => {
    const storage = Object.getPrototypeOf(state.storage) as DurableObjectStorage;
    /* oxlint-disable typescript/unbound-method -- each is called with the storage it is called on */
    const { sync, transactionSync } = storage;
    /* oxlint-enable typescript/unbound-method */
    const undo = () => Object.assign(storage, { sync, transactionSync });
    const crash = (): never => {
      undo();
      state.abort("crashed on purpose");
      throw new Error("crashed on purpose");
    };
    if (point === "before the write") storage.transactionSync = crash;
    else {
      storage.sync = async function (this: DurableObjectStorage) {
        if (point === "when it is durable") await sync.call(this);
        crash();
      };
    }
    return { [Symbol.dispose]: undo };
  });
}
