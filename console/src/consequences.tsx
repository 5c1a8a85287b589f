// What a change that waits would do: what becomes of running state, whether the tests pass, and how to try it on the past.
import { askPatiently, get } from "./api";
import { BacktestForm } from "./backtests";
import { Files } from "./checked";
import { Fates } from "./difference";
import { Json, JsonObject, show } from "./json";
import { Panel, useLoaded } from "./parts";
import { objects } from "./table";
import { Failures, resultText } from "./tested";

type Stages = { [rule: string]: readonly string[] };
const runs = (stage: string | undefined) => /^(shadow|live)/.test(stage ?? "");

/** The files that the change leaves otherwise; null: it removes one. */
export function changedFiles(change: JsonObject): { [path: string]: string | null } {
  return Object.fromEntries(objects(change, "files").map((file) => [show(file.path), file.change === "removed" ? null : show(file.after ?? "")]));
}
/** All files as they would be. */
export function filesAfter(now: Files, change: JsonObject): Files {
  const all = Object.entries({ ...now, ...changedFiles(change) });
  return Object.fromEntries(all.filter((file): file is [string, string] => file[1] !== null));
}
/**
 * What becomes of state: `plan` is of the files alone, as if each rule kept its stage. A rule that begins to run has none, and one that
 * runs no more loses it. Where only stages change there is no plan: then it is of the rules that change theirs.
 */
export function fatesOf(plan: JsonObject | undefined, stages: Stages): JsonObject {
  const changed = Object.entries(stages);
  const [begins, ends] = [
    changed.filter(([, [before, after]]) => !runs(before) && runs(after)),
    changed.filter(([, [before, after]]) => runs(before) && !runs(after)),
  ].map((rules) => rules.map(([rule]) => rule));
  const still = plan ? [] : changed.filter(([, [before, after]]) => runs(before) && runs(after)).map(([rule]) => rule);
  const settled = new Set(changed.filter(([, [before, after]]) => !runs(before) || !runs(after)).map(([rule]) => rule));
  const with_ = (list: string, more: readonly string[] = []): Json => [
    ...objects(plan, list).filter((fate) => fate.rule === undefined || !settled.has(show(fate.rule))),
    ...more.map((rule): JsonObject => ({ rule })),
  ];
  return { kept: with_("kept", still), started: with_("started", begins), replayed: with_("replayed"), lost: with_("lost", ends) };
}

interface Foreseen {
  fates: JsonObject;
  hasPlan: boolean; // of all rules and features
  tests: JsonObject;
}
async function foresee(change: JsonObject, signal: AbortSignal): Promise<Foreseen> {
  const now = (await get("/v1/pack", signal)).files as Files;
  const files = filesAfter(now, change);
  const hasPlan = objects(change, "files").length > 0;
  // The tests are run once, and all that fail are said.
  const plan = hasPlan ? await askPatiently("/v1/pack/plan?ignore_tests=true", { files }, signal) : undefined;
  const tests = await askPatiently("/v1/rules/test", { files }, signal);
  return { fates: fatesOf(plan, (change.stages ?? {}) as Stages), hasPlan, tests };
}

export function Consequences({ of }: { of: JsonObject }) {
  const loaded = useLoaded((signal) => foresee(of, signal), `consequences of ${show(of.change)}`);
  return (
    <Panel title="What it would do" loaded={loaded}>
      {({ fates, hasPlan, tests }) => {
        const failed = objects(tests, "tests").filter((test) => test.outcome === "failed");
        return (
          <>
            <Fates of={fates} />
            {!hasPlan && <p class="quiet">All other rules keep their state.</p>}
            <h3>Tests</h3>
            <p class={failed.length === 0 ? "good" : undefined}>{resultText(tests)}</p>
            <Failures of={failed} />
            <BacktestForm files={changedFiles(of)} submit="Start a backtest of it against the active rules" />
          </>
        );
      }}
    </Panel>
  );
}
