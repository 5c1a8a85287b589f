// What a backtest found otherwise than before: alerts that came and went, and what labels say of both.
import { keyPlace, keyText } from "./alerts";
import { Json, JsonObject, show } from "./json";
import { Data, Severity } from "./parts";
import { href } from "./place";
import { shareText } from "./stats";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, digitGroups, span } from "./text";

export const SAMPLES: readonly Column<JsonObject>[] = [
  member("Event time", "time", "time"),
  { title: "Severity", cell: (alert) => <Severity name={show(alert.severity)} /> },
  { title: "Key", cell: (alert) => <a href={href(keyPlace(alert))}><Data value={keyText(alert)} /></a> },
  member("Message", "message"),
];
const SHOWN_MAX = 5; // of each kind

function Kind({ title, found, all }: { title: string; found: readonly JsonObject[]; all: number }) {
  if (all === 0) return null;
  const shown = found.slice(0, SHOWN_MAX);
  return (
    <>
      <h3>
        {title}: {count(all)}
      </h3>
      {shown.length > 0 ? (
        <Table label={title} columns={SAMPLES} rows={shown} />
      ) : (
        <p class="quiet">The report has none of them.</p>
      )}
    </>
  );
}
export interface Sides {
  rule: JsonObject; // now
  before: JsonObject | undefined;
  change: JsonObject | undefined; // where both have the rule
}
/** Examples of alerts of a rule that only one of both sets of rules raised. */
export function Changed({ rule, before, change }: Sides) {
  const added = change ? numberOf(change, "added") : numberOf(rule, "alerts");
  const gone = change ? numberOf(change, "gone") : numberOf(before, "alerts");
  return (
    <>
      <Kind title={`Added, of ${show(rule.rule)}`} found={objects(change ?? rule, change ? "added_samples" : "samples")} all={added} />
      <Kind title={`Gone, of ${show(rule.rule)}`} found={objects(change ?? before, change ? "gone_samples" : "samples")} all={gone} />
    </>
  );
}

const sumsOf = (of: JsonObject | undefined) => of?.sums as JsonObject | undefined;
/** A column of sums, with all their digits. */
export function sumColumn<T>(title: string, of: (row: T) => Json | undefined): Column<T> {
  return { title, isNumber: true, cell: (row) => digitGroups(show((of(row) as JsonObject | undefined)?.sum ?? "")) };
}
/** What the alerts of each rule add up to, and those that came and went, and what was caught. */
export function Sums({ report, results }: { report: JsonObject; results: readonly Sides[] }) {
  if (report.value === undefined) return null;
  const all = (set: string) => ({ rule: "All rules", ...(report[set] as JsonObject | undefined) });
  const now = all("backtest");
  const columns: Column<Sides>[] = [{ title: "Rule", isHead: true, cell: ({ rule }) => <Data value={rule.rule} /> }, sumColumn("Now", ({ rule }) => rule.sums)];
  if (report.against)
    columns.push(
      sumColumn("Before", ({ before }) => before?.sums),
      ...["Same", "Added", "Gone"].map((title) => sumColumn<Sides>(title, ({ change }) => sumsOf(change)?.[title.toLowerCase()])),
    );
  if (sumsOf(now)?.caught) columns.push(sumColumn("Caught", ({ rule }) => sumsOf(rule)?.caught));
  if (sumsOf(now)?.caught && report.against) columns.push(sumColumn("Caught before", ({ before }) => sumsOf(before)?.caught));
  columns.push({ title: "Alerts without a number", isNumber: true, cell: ({ rule }) => count(numberOf(sumsOf(rule), "without")) });
  const title = `Sums of ${show(report.value)}`;
  return (
    <>
      <h3>{title}</h3>
      <Table label={title} columns={columns} rows={[...results, { rule: now, before: all("against"), change: undefined }]} />
    </>
  );
}

interface Line {
  title: string;
  of: (labels: JsonObject) => string;
}
const figure = (title: string, name: string): Line => ({ title, of: (labels) => count(numberOf(labels, name)) });
export const LABEL_LINES: readonly Line[] = [
  figure("Alerts on fraud", "alerts_fraud"),
  figure("Alerts on what was in order", "alerts_ok"),
  figure("Alerts without a label", "alerts_unlabelled"),
  figure("Frauds found", "frauds_found"),
  { title: "Frauds missed", of: (labels) => count(numberOf(labels, "frauds") - numberOf(labels, "frauds_found")) },
  { title: "Precision, of labelled alerts", of: (labels) => shareText(numberOf(labels, "alerts_fraud"), numberOf(labels, "alerts_fraud") + numberOf(labels, "alerts_ok")) },
  { title: "Recall", of: (labels) => shareText(numberOf(labels, "frauds_found"), numberOf(labels, "frauds")) },
];
/** Where frauds that were found say when they began. */
export const DELAY_LINES: readonly Line[] = [
  { title: "From its beginning to the first alert, of half of the frauds", of: (labels) => delayText(labels, "half_us") },
  { title: "From its beginning to the first alert, of all", of: (labels) => delayText(labels, "most_us") },
];
function delayText(labels: JsonObject, name: string): string {
  const delay = labels.delay as JsonObject | undefined;
  return delay ? `${span(numberOf(delay, name) / 1000)} at most, of ${count(numberOf(delay, "frauds"))}` : "not known";
}
/** What was right and wrong by the labels, now and before. */
export function Labels({ title, now, before }: { title: string; now: JsonObject | undefined; before: JsonObject | undefined }) {
  if (!now) return null;
  const columns: Column<Line>[] = [
    { title: "By the labels", isHead: true, cell: (line) => line.title },
    { title: "Now", isNumber: true, cell: (line) => line.of(now) },
  ];
  if (before) columns.push({ title: "Before", isNumber: true, cell: (line) => line.of(before) });
  return <Table label={title} columns={columns} rows={now.delay || before?.delay ? [...LABEL_LINES, ...DELAY_LINES] : LABEL_LINES} />;
}
const SCENARIOS: readonly Column<JsonObject>[] = [member("Scenario", "scenario", "head"), member("Frauds", "frauds", "number"), member("Found", "found", "number")];
/** Of all rules together, and of each scenario of fraud. */
export function AllLabels({ report }: { report: JsonObject }) {
  const labels = (set: string) => (report[set] as JsonObject | undefined)?.labels as JsonObject | undefined;
  const scenarios = objects(report, "scenarios");
  const elsewhere = numberOf(report, "frauds_of_another_time");
  if (!labels("backtest")) return null;
  return (
    <>
      <h3>All rules, by the labels</h3>
      <Labels title="All rules, by the labels" now={labels("backtest")} before={labels("against")} />
      {elsewhere > 0 && <p class="quiet">{count(elsewhere)} frauds of another time than the events are left out.</p>}
      {scenarios.length > 1 && (
        <Table label="Scenarios of fraud" columns={report.against ? [...SCENARIOS, member("Found before", "found_by_against", "number")] : SCENARIOS} rows={scenarios} />
      )}
    </>
  );
}
