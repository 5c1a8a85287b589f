// J. Which rules and features take the engine's time: measured when it is asked for.
import { get, mayWork } from "./api";
import { Actions } from "./forms";
import { JsonObject, show } from "./json";
import { Data } from "./parts";
import { href } from "./place";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted } from "./text";

const SECONDS = 10;
const SHOWN = 20;

const share = (one: JsonObject) => `${(Number(show(one.share)) * 100).toFixed(1)} %`;
const SHARE: Column<JsonObject> = { title: "Of the time", isNumber: true, cell: share };
const RULES: readonly Column<JsonObject>[] = [
  { title: "Rule", isHead: true, cell: (one) => <a href={href(`/rules/${encodeURIComponent(show(one.id))}`)}><Data value={one.id} /></a> },
  SHARE,
  { title: "For an event", isNumber: true, cell: (one) => (numberOf(one, "events") > 0 ? `${count(Math.round(numberOf(one, "ns") / numberOf(one, "events")))} ns` : "") },
  member("Events", "events", "number"),
  { title: "Its dearest steps", cell: (one) => <Data value={objects(one, "steps").slice(0, 3).map((step) => `${show(step.name).replaceAll("`", "")} ${share(step)}`).join(", ")} /> },
];
const FEATURES: readonly Column<JsonObject>[] = [
  { title: "Feature", isHead: true, cell: (one) => <Data value={one.feature ?? one.text} /> },
  SHARE,
  member("Asked", "asked", "number"),
];
async function measure() {
  const found = await get(`/v1/profile?seconds=${SECONDS}&limit=${SHOWN}`);
  return (
    <>
      {counted(numberOf(found, "events"), "event")} in {Number(show(found.seconds)).toFixed(1)} s.
      <Table label="Rules by their time" columns={RULES} rows={objects(found, "rules")} empty="No rule had anything to do." />
      {objects(found, "features").length > 0 && <Table label="Features by their time" columns={FEATURES} rows={objects(found, "features")} />}
    </>
  );
}
/** For who may measure. */
export function Profile() {
  if (!mayWork("analyst")) return null;
  return (
    <section class="panel" aria-label="What costs time">
      <h2>What costs time</h2>
      <p class="quiet">The rules and features with the most time of the engine, the dearest {SHOWN} of each.</p>
      <Actions role="analyst" actions={[{ text: `Measure for ${SECONDS} s`, run: measure }]} />
    </section>
  );
}
