// D. The rules that run.
import { asProblem, get, roleForLive } from "./api";
import { Form } from "./forms";
import { JsonObject, show } from "./json";
import { useChanges } from "./live";
import { Data, Panel, useLoaded } from "./parts";
import { go, href } from "./place";
import { isDelivered, stageText } from "./stage";
import { Column, Table } from "./table";
import { count, size } from "./text";

interface RuleRow {
  id: string;
  title: string;
  stage: string; // what it is now, and what holds it there
  isDelivered: boolean;
  owner: string;
  place: string;
  alerts: number;
  confirmed: number | undefined;
  dismissed: number | undefined;
  keys: number;
  bytes: number;
}
const PRECISION_MAX = 500; // rules whose labels are asked for: one request for each
const AT_ONCE = 4;

async function readRules(signal: AbortSignal): Promise<RuleRow[]> {
  // A token that is limited to some rules may not see the state of all.
  const kept = get("/v1/state", signal).catch((error: unknown): JsonObject => {
    if (asProblem(error).status === 403) return {};
    throw error;
  });
  const [rules, state] = await Promise.all([get("/v1/rules", signal), kept]);
  const memory = new Map(((state.rules as JsonObject[] | undefined) ?? []).map((one) => [show(one.rule), one]));
  const rows = (rules.rules as JsonObject[]).map((rule): RuleRow => {
    const found = memory.get(show(rule.id));
    return {
      id: show(rule.id),
      title: show(rule.title),
      stage: stageText(rule),
      isDelivered: isDelivered(rule),
      owner: show(rule.owner),
      place: `${show(rule.file)}:${show(rule.line)}`,
      alerts: Number(show(rule.alerts)) || 0,
      confirmed: undefined,
      dismissed: undefined,
      keys: Number(show(found?.keys)) || 0,
      bytes: Number(show(found?.bytes)) || 0,
    };
  });
  const waiting = rows.slice(0, PRECISION_MAX);
  const lane = async () => {
    for (let row = waiting.shift(); row; row = waiting.shift()) {
      const labels = await get(`/v1/rules/${encodeURIComponent(row.id)}/precision`, signal);
      row.confirmed = Number(show(labels.confirmed));
      row.dismissed = Number(show(labels.dismissed));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return rows;
}

/** The share of confirmed ones among those that people judged; undefined without any. */
export function precisionOf(row: { confirmed: number | undefined; dismissed: number | undefined }): number | undefined {
  const judged = (row.confirmed ?? 0) + (row.dismissed ?? 0);
  return judged > 0 ? (row.confirmed ?? 0) / judged : undefined;
}
const labelled = (value: number | undefined) => (value === undefined ? "…" : count(value));
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
  { title: "Confirmed", isNumber: true, by: (row) => row.confirmed ?? -1, cell: (row) => labelled(row.confirmed) },
  { title: "Dismissed", isNumber: true, by: (row) => row.dismissed ?? -1, cell: (row) => labelled(row.dismissed) },
  { title: "Precision", isNumber: true, by: (row) => precisionOf(row) ?? -1, cell: (row) => <Precision row={row} /> },
  { title: "Keys", isNumber: true, by: (row) => row.keys, cell: (row) => count(row.keys) },
  { title: "Memory", isNumber: true, by: (row) => row.bytes, cell: (row) => size(row.bytes) },
  { title: "Owner", by: (row) => row.owner, cell: (row) => <Data value={row.owner} /> },
];
function Precision({ row }: { row: RuleRow }) {
  const precision = precisionOf(row);
  if (precision === undefined) return <span class="quiet">no labels</span>;
  return (
    <>
      {Math.round(precision * 100)} % of {count((row.confirmed ?? 0) + (row.dismissed ?? 0))}
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
        {(rows) => (
          <Table label="Table of rules" columns={COLUMNS} rows={rows} sorts empty="There are no rules yet. `tocsin deploy` or `PUT /v1/pack` brings some." />
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
