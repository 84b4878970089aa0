/**
 * `npm run proof`: the campaigns at their full sizes, and docs/proof.md from what came of it.
 *
 *     npm run proof                     all campaigns, a seed by chance
 *     npm run proof -- C1 C3            these alone; docs/proof.md stays as it is
 *     SEED=7 npm run proof -- C1        this seed
 *     SIZE=2000 npm run proof -- C1     this many units; SIZE=short: as many as `npm test` runs
 *     SHARE=0.2 npm run proof           a fifth of each full size; docs/proof.md says which sizes they were
 */
import { CAMPAIGNS } from "./campaigns/all.ts";
import { conduct, type Campaign, type Findings } from "./campaigns/campaign.ts";
import { onAllCores } from "./cores/all-cores.ts";
import { writeReport } from "./report/report.ts";

/** One campaign that has come to its end. */
export type Outcome = { readonly campaign: Campaign; readonly size: number; readonly seconds: number } & Findings;

const { SEED, SIZE, SHARE } = process.env;
const seed = SEED === undefined ? 1 + Math.floor(Math.random() * 1_000_000) : Number(SEED);
const names = process.argv.slice(2);
const chosen = names.length === 0 ? CAMPAIGNS : CAMPAIGNS.filter(({ name }) => names.includes(name));
if (chosen.length < names.length) throw new Error(`campaigns are ${CAMPAIGNS.map(({ name }) => name).join(", ")}`);

const sizeOf = ({ short, full }: Campaign): number =>
  SIZE === undefined ? Math.ceil(full * Number(SHARE ?? 1)) : SIZE === "short" ? short : Number(SIZE);

async function run(campaign: Campaign): Promise<Outcome> {
  const size = sizeOf(campaign);
  const { name, title, unit } = campaign;
  console.log(`${name} ${title}: ${grouped(size)} ${unit}, SEED=${seed}`);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let told = 0;
  const progress = (done: number): void => {
    if (seconds() < told + 5) return;
    told = seconds();
    console.log(`${name} ${grouped(done)} of ${grouped(size)} ${unit} after ${told.toFixed(0)} s`);
  };
  // What is small, and alone, is over before other threads have begun.
  const inThreads = chosen.length > 1 || size > campaign.short;
  const findings = await conduct(campaign, size, seed, progress, inThreads ? () => onAllCores(campaign) : undefined);
  const { counts, violations, again = { seed, size } } = findings;
  const seen = Object.entries(counts).map(([what, count]) => `${grouped(count)} ${what}`);
  console.log(`${name} ${seconds().toFixed(1)} s: ${seen.join(", ")}`);
  for (const violation of violations) console.log(`${name} VIOLATION ${violation}`);
  if (violations.length > 0)
    console.log(`${name} again: SEED=${again.seed} SIZE=${again.size} npm run proof -- ${name}`);
  return { campaign, size, seconds: seconds(), ...findings };
}

const grouped = (count: number): string => count.toLocaleString("en-US");

async function oneAfterTheOther(campaigns: readonly Campaign[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const campaign of campaigns) outcomes.push(await run(campaign));
  return outcomes;
}

const isPure = (campaign: Campaign): boolean => campaign.run === undefined;
const began = performance.now();
const alone = await oneAfterTheOther(chosen.filter(({ isTimed }) => isTimed));
// Whoever asks a running product mostly waits for it: meanwhile the rest of the machine computes.
const others = await Promise.all([
  oneAfterTheOther(chosen.filter((campaign) => !campaign.isTimed && !isPure(campaign))),
  oneAfterTheOther(chosen.filter(isPure)),
]);
const outcomes = [...alone, ...others.flat()].toSorted(
  (a, b) => CAMPAIGNS.indexOf(a.campaign) - CAMPAIGNS.indexOf(b.campaign),
);
if (names.length === 0 && SIZE === undefined) await writeReport(seed, performance.now() - began, outcomes);
const failed = outcomes.filter(({ violations }) => violations.length > 0);
console.log(
  failed.length === 0 ? "0 violations" : `violations in ${failed.map(({ campaign }) => campaign.name).join(", ")}`,
);
// Connections to what has been stopped would keep the process.
process.exit(failed.length === 0 ? 0 : 1);
