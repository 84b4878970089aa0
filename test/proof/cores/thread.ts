import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { CAMPAIGNS } from "../campaigns/all.ts";
import type { Message, Share } from "./all-cores.ts";

/** One of the threads of `onAllCores`. */
// Of this thread alone, as far as the system can tell threads apart: what waits for others goes first.
setPriority(constants.priority.PRIORITY_LOW);
const { name, size, seed } = workerData as Share;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is for windows, which have an origin
const say = (message: Message): void => parentPort!.postMessage(message);
const { compute } = CAMPAIGNS.find((campaign) => campaign.name === name)!;
say({ findings: await compute!(size, seed, (done) => say({ done })) });
