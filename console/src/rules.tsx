// D. The rules that run.
import { asProblem, get, roleForLive } from "./api";
import { Form } from "./forms";
import { Json, JsonObject, show } from "./json";
import { stretchesOf } from "./lines";
import { useChanges } from "./live";
import { Data, Panel, Time, useLoaded } from "./parts";
import { go, href } from "./place";
import { isDelivered, stageText } from "./stage";
import { Column, Table, numberOf, objects } from "./table";
import { count, counted, size } from "./text";

interface RuleRow {
  id: string;
  title: string;
  stage: string; // what it is now, and what holds it there
  isDelivered: boolean;
  owner: string;
  place: string;
  alerts: number;
  days: number[] | undefined; // alerts on each of the last days; undefined: they may not be seen
  confirmed: number;
  dismissed: number;
  tests: number;
  changed: string; // when, empty: it is not known
  changedBy: string;
  keys: number;
  bytes: number;
}
interface Rules {
  rows: RuleRow[];
  notes: string[]; // what the alerts by day do not have
}
const whole = (value: Json | undefined) => Number(show(value)) || 0;
/** Alerts of a rule by day, live ones and those in shadow. */
export function daysOfRule(of: JsonObject | undefined, days: number): number[] {
  const [live, shadow] = ["alerts", "shadow"].map((name) => (Array.isArray(of?.[name]) ? (of[name] as Json[]) : []));
  return Array.from({ length: days }, (_, day) => whole(live?.[day]) + whole(shadow?.[day]));
}

async function readRules(signal: AbortSignal): Promise<Rules> {
  // A token that is limited to some rules may not see what there is of all.
  const ofAll = (path: string) =>
    get(path, signal).catch((error: unknown): JsonObject => {
      if (asProblem(error).status === 403) return {};
      throw error;
    });
  const [rules, state, byRule] = await Promise.all([get("/v1/rules", signal), ofAll("/v1/state"), ofAll("/v1/alerts/by-rule")]);
  const memory = new Map(objects(state, "rules").map((one) => [show(one.rule), one]));
  const raised = new Map(objects(byRule, "rules").map((one) => [show(one.rule), one]));
  const days = Array.isArray(byRule.days) ? byRule.days.length : 0;
  const rows = objects(rules, "rules").map((rule): RuleRow => {
    const id = show(rule.id);
    const found = memory.get(id);
    const labels = raised.get(id);
    const changed = rule.changed as JsonObject | undefined;
    return {
      id,
      title: show(rule.title),
      stage: stageText(rule),
      isDelivered: isDelivered(rule),
      owner: show(rule.owner),
      place: `${show(rule.file)}:${show(rule.line)}`,
      alerts: whole(rule.alerts),
      days: days > 0 ? daysOfRule(labels, days) : undefined,
      confirmed: whole(labels?.confirmed),
      dismissed: whole(labels?.dismissed),
      tests: whole(rule.tests),
      changed: show(changed?.at ?? ""),
      changedBy: show(changed?.who ?? "").replace(/^person:/, ""),
      keys: whole(found?.keys),
      bytes: whole(found?.bytes),
    };
  });
  const notes = [];
  if (byRule.complete === false) notes.push(`Alerts by day are of the newest ${count(numberOf(byRule, "examined"))} of all rules; there are older ones.`);
  if (numberOf(byRule, "left_out") > 0) notes.push(`Of ${count(numberOf(byRule, "left_out"))} rules or more, alerts by day and labels are not shown.`);
  return { rows, notes };
}

/** The share of confirmed ones among those that people judged; undefined without any. */
export function precisionOf(row: { confirmed: number; dismissed: number }): number | undefined {
  const judged = row.confirmed + row.dismissed;
  return judged > 0 ? row.confirmed / judged : undefined;
}
const sumOf = (days: readonly number[] | undefined) => (days ?? []).reduce((sum, day) => sum + day, 0);
/** Alerts a day as a line; pointing at it, and who cannot see it, has the same in words. */
function ByDay({ days }: { days: readonly number[] | undefined }) {
  if (sumOf(days) === 0 || !days) return <span class="quiet">{days ? "none" : ""}</span>;
  const said = `${counted(sumOf(days), "alert")} in ${days.length} days, ${count(Math.max(...days))} on one day at most, ${count(days.at(-1) ?? 0)} today`;
  return (
    <span class="line">
      <svg class="spark" viewBox="0 0 90 20" preserveAspectRatio="none" role="img" aria-label={said}>
        <title>{said}</title>
        {stretchesOf([...days.keys()], days, 90, 20).map((points) => (
          <polyline points={points} />
        ))}
      </svg>
    </span>
  );
}
const COLUMNS: readonly Column<RuleRow>[] = [
  {
    title: "Rule",
    isHead: true,
    by: (row) => row.id,
    cell: (row) => (
      <>
        <a href={href(`/rules/${encodeURIComponent(row.id)}`)}>
          <Data value={row.id} />
        </a>
        <br />
        <span class="quiet">
          <Data value={row.title} /> · <Data value={row.place} />
        </span>
      </>
    ),
  },
  { title: "Stage", by: (row) => row.stage, cell: (row) => <span class={`stage ${row.stage.split(" ")[0]}`}>{row.stage}</span> },
  { title: "Alerts", isNumber: true, by: (row) => row.alerts, cell: (row) => <a href={href(`/alerts?rule=${encodeURIComponent(row.id)}${row.isDelivered ? "" : "&shadow=true"}`)}>{count(row.alerts)}</a> },
  { title: "By day", by: (row) => sumOf(row.days), cell: (row) => <ByDay days={row.days} /> },
  { title: "Confirmed", isNumber: true, by: (row) => row.confirmed, cell: (row) => count(row.confirmed) },
  { title: "Dismissed", isNumber: true, by: (row) => row.dismissed, cell: (row) => count(row.dismissed) },
  { title: "Precision", isNumber: true, by: (row) => precisionOf(row) ?? -1, cell: (row) => <Precision row={row} /> },
  { title: "Tests", isNumber: true, by: (row) => row.tests, cell: (row) => count(row.tests) },
  {
    title: "Last change",
    by: (row) => row.changed,
    cell: (row) =>
      row.changed && (
        <>
          <Time at={row.changed} />
          <br />
          <span class="quiet">
            <Data value={row.changedBy} />
          </span>
        </>
      ),
  },
  { title: "Keys", isNumber: true, by: (row) => row.keys, cell: (row) => count(row.keys) },
  { title: "Memory", isNumber: true, by: (row) => row.bytes, cell: (row) => size(row.bytes) },
  { title: "Owner", by: (row) => row.owner, cell: (row) => <Data value={row.owner} /> },
];
function Precision({ row }: { row: RuleRow }) {
  const precision = precisionOf(row);
  if (precision === undefined) return <span class="quiet">no labels</span>;
  return (
    <>
      {Math.round(precision * 100)} % of {count(row.confirmed + row.dismissed)}
    </>
  );
}

export function RulesScreen() {
  const loaded = useLoaded(readRules, "rules");
  const pack = useLoaded((signal) => get("/v1/pack", signal), "pack");
  useChanges("rules", () => {
    loaded.again();
    pack.again();
  });
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Rules</h1>
      <Panel title="Rules that are deployed" loaded={loaded}>
        {({ rows, notes }) => (
          <>
            <Table label="Table of rules" columns={COLUMNS} rows={rows} sorts empty="There are no rules yet. `tocsin deploy` or `PUT /v1/pack` brings some." />
            {notes.map((note) => (
              <p class="quiet">{note}</p>
            ))}
          </>
        )}
      </Panel>
      <section class="panel" aria-label="New rule">
        <h2>New rule</h2>
        <Form
          title="Write a new rule"
          role="analyst"
          fields={[{ name: "name", label: "Name", needed: true, hint: "A word, such as card_testing. It begins in shadow." }]}
          submit="Begin it"
          run={async ({ name = "" }) => go(`/rules/${encodeURIComponent(name)}/edit?new`)}
        />
      </section>
      <Panel title="Files" loaded={pack}>
        {(document) => (
          <>
            <ul>
              {Object.keys(document.files as JsonObject).map((path) => (
                <li key={path}>
                  <a href={href(`/pack/${encodeURIComponent(path)}`)}>
                    <Data value={path} />
                  </a>
                </li>
              ))}
            </ul>
            <Form
              title="New file"
              role={roleForLive("author")}
              fields={[{ name: "path", label: "Name", needed: true, hint: "Such as cards.tocsin; it exists once it is saved." }]}
              submit="Begin it"
              run={async ({ path = "" }) => go(`/pack/${encodeURIComponent(path)}`)}
            />
          </>
        )}
      </Panel>
    </main>
  );
}
