import { C1 } from "./campaigns/c1-linearizability.ts";
import { C2 } from "./campaigns/c2-quotas.ts";
import { C3 } from "./campaigns/c3-kill.ts";
import { C7 } from "./campaigns/c7-lost-answers.ts";
import { C4 } from "./campaigns/c4-abort.ts";
import { C5 } from "./campaigns/c5-core.ts";
const t = Date.now();
const seed = Number(process.env["SEED"] ?? 1);
const c = [C1, C2, C3, C4, C5, C7].find((c) => c.name === process.argv[2])!;
const f = await c.run(Number(process.argv[3] ?? c.short), seed, (n) => {
  console.log(n, Date.now() - t);
});
console.log(f, Date.now() - t);
process.exit(0);
