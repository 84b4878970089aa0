import { C1 } from "./campaigns/c1-linearizability.ts";
import { C5 } from "./campaigns/c5-core.ts";
const t = Date.now();
const seed = Number(process.env["SEED"] ?? 1);
const c = [C1, C5].find((c) => c.name === process.argv[2])!;
const f = await c.run(Number(process.argv[3] ?? c.short), seed, (n) => {
  console.log(n, Date.now() - t);
});
console.log(f, Date.now() - t);
process.exit(0);
