import { C5 } from "./campaigns/c5-core.ts";
const t = Date.now();
const seed = Number(process.env["SEED"] ?? 1);
const f = await C5.run(Number(process.argv[2] ?? 20000), seed, () => {});
console.log(f, Date.now() - t);
