// F. Rules tried on the past.
import { ComponentChildren } from "preact";
import { Problem, ask, get, part } from "./api";
import { Days, daysOf } from "./chart";
import { AllLabels, Changed, Labels, SAMPLES, Sides, Sums, sumColumn } from "./differences";
import { Actions, Field, Form, Values } from "./forms";
import { Json, JsonObject, parseJson, show } from "./json";
import { useChanges } from "./live";
import { Data, Loaded, Panel, Time, useLoaded } from "./parts";
import { go, href } from "./place";
import { shareText } from "./stats";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted, size, span } from "./text";

const EVERY_MS = 5000;
const RUNNING_MS = 1000;
const SAMPLES_MAX = 5; // of each rule, and of those that only now or only before were raised

/** Starts one, and goes to it. */
export async function startBacktest(request: { [name: string]: unknown }): Promise<void> {
  const answer = await ask("POST", "/v1/backtests", { body: request });
  go(`/backtests/${show((answer.json as JsonObject).id)}`);
}

/** The past that rules are tried on, and what is known of it. */
const PAST: readonly Field[] = [
  { name: "from", label: "From", kind: "date", hint: "The beginning of that day, in UTC. Empty: all that the archive has." },
  { name: "to", label: "To", kind: "date" },
  { name: "version", label: "Compare with version", kind: "number", hint: "Of the rules, such as 3." },
  { name: "labels", label: "Use confirmed and dismissed alerts as labels", kind: "check" },
  { name: "value", label: "Add up this field of alerts", hint: "Such as amount; with labels also what was caught." },
  { name: "known", label: "Or events known as fraud, an id in each line", kind: "area", fromFile: true, hint: "Or labels, a JSON object in each line." },
];
/** Labels of a text: ids of events, or what `tocsin backtest --labels` takes. Throws Problem. */
export function knownLabels(text: string): Json[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.flatMap((line, at): Json[] => {
    if (line === "") return [];
    if (!line.startsWith("{")) return [{ event: line }];
    try {
      return [parseJson(line)];
    } catch (error) {
      throw new Problem(0, "These are no labels", `line ${at + 1} is no JSON: ${error instanceof Error ? error.message : ""}`, "");
    }
  });
}
const filesOf = async (version: string) => (await get(`/v1/versions/${part(version)}`)).files;
async function pastOf({ from, to, version, labels, value, known = "" }: Values): Promise<{ [name: string]: unknown }> {
  const ids = knownLabels(known);
  return {
    from: from || undefined,
    to: to || undefined,
    labels: ids.length > 0 ? ids : labels === "true" ? "triage" : undefined,
    value: value || undefined,
    samples: SAMPLES_MAX,
    ...(version ? { against: await filesOf(version) } : {}),
  };
}

/** Runs rules that are not active over the past; `files` are those that differ from the active ones, null where one is gone. */
export function BacktestForm({ files, submit, children }: { files: { [path: string]: string | null | undefined }; submit: string; children?: ComponentChildren }) {
  return (
    <Form
      title="Run it over the past"
      role="analyst"
      fields={PAST}
      submit={submit}
      run={async (values) => startBacktest({ files, patch: true, against: "live", ...(await pastOf(values)) })}
    >
      {children}
    </Form>
  );
}

function askedOf(one: JsonObject): string {
  const request = one.request as JsonObject;
  const files = (Array.isArray(request.files) ? request.files : []).map(show);
  const rules = files.length > 0 ? `${files.join(", ")}${request.patch === true ? " and the other active files" : ""}` : "the active rules";
  const against = request.against === undefined ? "" : `, against ${Array.isArray(request.against) ? request.against.map(show).join(", ") : show(request.against)}`;
  const times = `${request.from === undefined ? "" : `, from ${show(request.from)}`}${request.to === undefined ? "" : `, to ${show(request.to)}`}`;
  return `${rules}${against}${times}${request.labels === undefined ? "" : ", with labels"}${request.value === undefined ? "" : `, adding up ${show(request.value)}`}`;
}
function Progress({ of }: { of: JsonObject }) {
  if (of.state !== "running") return <Data value={of.state} />;
  const share = Math.round(Number(show(of.progress)) * 100);
  return (
    <>
      running, {share} %{of.seconds_left !== null && `, ${span(Number(show(of.seconds_left)) * 1000)} left`} <progress value={share} max={100} aria-label="Progress" />
    </>
  );
}
const BACKTESTS: readonly Column<JsonObject>[] = [
  { title: "Backtest", isHead: true, cell: (one) => <a href={href(`/backtests/${show(one.id)}`)}>{show(one.id)}</a> },
  { title: "State", cell: (one) => <Progress of={one} /> },
  { title: "Rules", cell: (one) => <Data value={askedOf(one)} /> },
  member("Asked for by", "who"),
  member("At", "asked", "time"),
];

export default function BacktestsScreen() {
  const loaded: Loaded<JsonObject> = useLoaded((signal) => get("/v1/backtests", signal), "backtests", useChanges("backtests", () => loaded.again()) ? 0 : EVERY_MS);
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Backtests</h1>
      <Panel title="Rules tried on the past" loaded={loaded}>
        {(document) => <Table label="Backtests" columns={BACKTESTS} rows={objects(document, "backtests")} empty="There are none yet." />}
      </Panel>
      <section class="panel" aria-label="Start one">
        <h2>Start one</h2>
        <Form
          title="Run rules over the server's archive"
          role="analyst"
          isOpen
          fields={[
            { name: "rules", label: "Rules of version", kind: "number", hint: "Empty: the active ones." },
            { name: "against", label: "Compare with the rules as they are staged", kind: "check" },
            ...PAST,
            { name: "vary", label: "Also try neighbouring bounds", kind: "check" },
          ]}
          submit="Start"
          run={async ({ rules, against, vary, ...past }) =>
            startBacktest({
              ...(rules ? { files: await filesOf(rules) } : { files: {}, patch: true }),
              against: against === "true" ? "live" : undefined,
              vary: vary === "true" ? true : undefined,
              ...(await pastOf(past)),
            })
          }
        >
          <p class="quiet">To try rules that are not active yet, edit them, and start the backtest from the editor.</p>
        </Form>
      </section>
    </main>
  );
}

/** The rules of a report, each beside what it did before. */
export function resultsOf(report: JsonObject): Sides[] {
  const before = new Map(objects(report.against as JsonObject | undefined, "rules").map((rule) => [show(rule.rule), rule]));
  const changes = new Map(objects(report.comparison as JsonObject | undefined, "changes").map((change) => [show(change.rule), change]));
  const rules = objects(report.backtest as JsonObject, "rules").map((rule) => ({ rule, before: before.get(show(rule.rule)), change: changes.get(show(rule.rule)) }));
  const names = new Set(rules.map(({ rule }) => show(rule.rule)));
  const gone = [...before.values()].filter((rule) => !names.has(show(rule.rule)));
  return [...rules, ...gone.map((rule) => ({ rule: { rule: rule.rule, title: rule.title, alerts: 0 } as JsonObject, before: rule, change: changes.get(show(rule.rule)) }))];
}
const labelsOf = (rule: JsonObject | undefined) => rule?.labels as JsonObject | undefined;
function judged(labels: JsonObject | undefined): string {
  if (!labels) return "";
  const fraud = numberOf(labels, "alerts_fraud");
  return shareText(fraud, fraud + numberOf(labels, "alerts_ok"));
}
const DAY_MS = 86_400_000;
/** How many days (UTC) have some of the time of the events; 1 at least. */
export function daysIn(report: JsonObject): number {
  const day = (name: string) => Math.floor(Date.parse(show(report[name] ?? "")) / DAY_MS);
  return Math.max(1, day("last_event") - day("first_event") + 1) || 1;
}
function columnsOf(report: JsonObject): Column<Sides>[] {
  const columns: Column<Sides>[] = [
    {
      title: "Rule",
      isHead: true,
      by: ({ rule }) => show(rule.rule),
      cell: ({ rule }) => (
        <>
          <Data value={rule.rule} /> <span class="quiet"><Data value={rule.title} /></span>
        </>
      ),
    },
    { title: "Alerts", isNumber: true, by: ({ rule }) => numberOf(rule, "alerts"), cell: ({ rule }) => count(numberOf(rule, "alerts")) },
  ];
  const change = (title: string, name: string): Column<Sides> => ({ title, isNumber: true, by: (row) => numberOf(row.change, name), cell: (row) => count(numberOf(row.change, name)) });
  if (report.against)
    columns.push({ title: "Before", isNumber: true, by: ({ before }) => numberOf(before, "alerts"), cell: ({ before }) => count(numberOf(before, "alerts")) }, change("Same", "same"), change("Added", "added"), change("Gone", "gone"));
  if (labelsOf(report.backtest as JsonObject)) {
    const label = (title: string, name: string): Column<Sides> => ({ title, isNumber: true, by: ({ rule }) => numberOf(labelsOf(rule), name), cell: ({ rule }) => count(numberOf(labelsOf(rule), name)) });
    columns.push(label("Fraud", "alerts_fraud"), label("In order", "alerts_ok"), label("Unlabelled", "alerts_unlabelled"));
    columns.push({ title: "Precision", isNumber: true, cell: ({ rule }) => judged(labelsOf(rule)) });
    columns.push({ title: "Frauds found", isNumber: true, cell: ({ rule }) => shareText(numberOf(labelsOf(rule), "frauds_found"), numberOf(labelsOf(rule), "frauds")) });
  }
  const days = daysIn(report);
  columns.push(
    { title: "A day", isNumber: true, by: ({ rule }) => numberOf(rule, "alerts"), cell: ({ rule, before }) => `${(numberOf(rule, "alerts") / days).toFixed(1)}${before ? `, before ${(numberOf(before, "alerts") / days).toFixed(1)}` : ""}` },
    { title: "Share of time", isNumber: true, cell: ({ rule }) => (rule.cost ? `${Math.round(Number(show((rule.cost as JsonObject).share)) * 100)} %` : "") },
    { title: "State", isNumber: true, cell: ({ rule }) => (rule.cost ? size(numberOf(rule.cost as JsonObject, "bytes")) : "") },
  );
  return columns;
}

const VARIANTS: readonly Column<JsonObject>[] = [
  member("Rule", "rule", "head"),
  member("Place", "place"),
  member("Bound", "written"),
  { title: "With", cell: (one) => <><Data value={one.value} />{one.is_as_written === true && " as it is"}</> },
  member("Alerts", "alerts", "number"),
  member("Keys", "keys", "number"),
  { title: "Precision", isNumber: true, cell: (one) => judged(labelsOf(one)) },
];
const SUMS = [sumColumn<JsonObject>("Sum", (one) => one.sums), sumColumn<JsonObject>("Caught", (one) => (one.sums as JsonObject).caught)];
const whole = (days: Json | undefined) => Object.fromEntries(Object.entries((days as JsonObject | undefined) ?? {}).map(([day, value]) => [day, Number(show(value))]));

function Report({ report }: { report: JsonObject }) {
  const results = resultsOf(report);
  const variation = report.variation as JsonObject | undefined;
  return (
    <>
      <p>
        {counted(numberOf(report, "events"), "event")}
        {report.first_event !== undefined && (
          <>
            {" "}
            from <Time at={show(report.first_event)} /> to <Time at={show(report.last_event)} />
          </>
        )}
        , {counted(numberOf(report.backtest as JsonObject, "alerts"), "alert")}, in {Number(show(report.seconds)).toFixed(2)} s
        {numberOf(report, "late") > 0 && `; ${counted(numberOf(report, "late"), "late event")} set aside`}
        {numberOf(report, "rejected") > 0 && `; ${counted(numberOf(report, "rejected"), "line")} rejected`}.
      </p>
      <Table label="Rules" columns={columnsOf(report)} rows={results} sorts />
      <Sums report={report} results={results} />
      <AllLabels report={report} />
      {results.map(({ rule, before, change }) => {
        const samples = objects(rule, "samples");
        const days = daysOf(whole(rule.by_day), before ? whole(before.by_day) : undefined);
        if (samples.length === 0 && days.length === 0) return null;
        return (
          <details class="form">
            <summary>
              <Data value={rule.rule} />: days and examples
            </summary>
            <Days days={days} label="Alerts by day (UTC)" />
            <Labels title={`${show(rule.rule)} by the labels`} now={labelsOf(rule)} before={labelsOf(before)} />
            {report.against && <Changed rule={rule} before={before} change={change} />}
            {samples.length > 0 && (
              <>
                <h3>Examples</h3>
                <Table label={`Examples of ${show(rule.rule)}`} columns={SAMPLES} rows={samples} />
              </>
            )}
          </details>
        );
      })}
      {variation && (
        <>
          <h3>Neighbouring bounds</h3>
          <Table label="Neighbouring bounds" columns={report.value === undefined ? VARIANTS : [...VARIANTS, ...SUMS]} rows={objects(variation, "variants")} />
        </>
      )}
    </>
  );
}

function Reported({ id }: { id: string }) {
  const at = `/v1/backtests/${part(id)}/report`;
  const loaded = useLoaded((signal) => get(at, signal), at);
  return (
    <Panel title="What the rules would have raised" loaded={loaded}>
      {(report) => <Report report={report} />}
    </Panel>
  );
}

const hasEnded = (one: JsonObject) => one.state !== "queued" && one.state !== "running";
export function BacktestScreen({ id }: { id: string }) {
  const at = `/v1/backtests/${part(id)}`;
  const isTold = useChanges("backtests", () => loaded.again(), (change) => String(change.id) === id);
  const loaded: Loaded<JsonObject> = useLoaded((signal) => get(at, signal), at, isTold ? 0 : RUNNING_MS, (one) => !hasEnded(one));
  const one = loaded.value;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Backtest {id}</h1>
      <Panel title="What was asked for" loaded={loaded}>
        {(one) => (
          <>
            <p role="status">
              <Progress of={one} />
            </p>
            <p>
              <Data value={askedOf(one)} />; <Data value={one.who} />, <Time at={show(one.asked)} />
            </p>
            {one.failure !== undefined && (
              <p>
                <Data value={one.failure} />
              </p>
            )}
            {(Array.isArray(one.notes) ? one.notes : []).map((note) => (
              <p>
                <Data value={note} />
              </p>
            ))}
            <Actions
              role="analyst"
              actions={[
                hasEnded(one)
                  ? {
                      text: "Remove it",
                      ask: "Its report is gone then.",
                      run: async () => {
                        await ask("DELETE", at);
                        go("/backtests");
                      },
                    }
                  : {
                      text: "Cancel it",
                      run: async () => {
                        await ask("DELETE", at);
                        loaded.again();
                        return "It is cancelled.";
                      },
                    },
              ]}
            />
          </>
        )}
      </Panel>
      {one?.state === "done" && <Reported id={id} />}
    </main>
  );
}
