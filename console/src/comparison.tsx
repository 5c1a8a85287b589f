// What a rule in shadow raised, beside what live rules did.
import { useState } from "preact/hooks";
import { get, part } from "./api";
import { Form } from "./forms";
import { JsonObject, show } from "./json";
import { AlertLink, Data, Panel, Time, useLoaded } from "./parts";
import { href } from "./place";
import { shareText } from "./stats";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted } from "./text";

interface Part {
  what: string;
  of: JsonObject;
}
const PARTS: readonly { name: string; what: string }[] = [
  { name: "shadow", what: "In shadow" },
  { name: "both", what: "Of them, raised by a live rule too" },
  { name: "only_shadow", what: "Of them, in shadow alone" },
  { name: "live", what: "Live, by the same key" },
  { name: "only_live", what: "Of them, live alone" },
];
const COLUMNS: readonly Column<Part>[] = [
  { title: "Alerts", isHead: true, cell: ({ what }) => what },
  { title: "Number", isNumber: true, cell: ({ of }) => count(numberOf(of, "alerts")) },
  { title: "Confirmed of those judged", isNumber: true, cell: ({ of }) => shareText(numberOf(of, "confirmed"), numberOf(of, "confirmed") + numberOf(of, "dismissed")) },
];
const KEYS: readonly Column<JsonObject>[] = [
  member("Of both", "both", "number"),
  member("In shadow alone", "only_shadow", "number"),
  member("Live alone", "only_live", "number"),
];
const DAYS: readonly Column<JsonObject>[] = [member("Day", "day", "head"), ...KEYS];
const RULES: readonly Column<JsonObject>[] = [
  { title: "Live rule", isHead: true, cell: (one) => <a href={href(`/rules/${part(show(one.rule))}`)}><Data value={one.rule} /></a> },
  member("Nearest to one in shadow", "both", "number"),
  member("Live alone", "only_live", "number"),
];

/** What is not in the numbers, a sentence each. */
export function leftOut(answer: JsonObject): string[] {
  const said: string[] = [];
  if (answer.complete !== true) said.push(`Of the newest ${count(numberOf(answer, "examined"))} alerts of all rules; there are older ones.`);
  if (numberOf(answer, "labels_left_out") > 0) said.push(`The labels of ${count(numberOf(answer, "labels_left_out"))} closed alerts were not looked up.`);
  if (numberOf(answer, "days_left_out") > 0) said.push(`${counted(numberOf(answer, "days_left_out"), "earlier day")} with alerts left out.`);
  if (numberOf(answer, "rules_left_out") > 0) said.push(`${counted(numberOf(answer, "rules_left_out"), "live rule")} that met it less often left out.`);
  return said;
}
function Sample({ of }: { of: JsonObject }) {
  const alert = of.alert as JsonObject;
  return (
    <>
      <Time at={show(alert.time)} /> <AlertLink alert={alert} />
    </>
  );
}
function Samples({ title, of }: { title: string; of: readonly JsonObject[] }) {
  if (of.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {of.map((one) => (
          <li key={show(((one.shadow as JsonObject | undefined) ?? one).number)}>
            <Sample of={(one.shadow as JsonObject | undefined) ?? one} />
            {one.live !== undefined && typeof one.live === "object" && (
              <>
                {" "}
                beside <Sample of={one.live as JsonObject} />
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** The query of what was asked for: `from` and `to` are days, and `to` is within. */
export function comparisonQuery({ from = "", to = "", within = "", against = "" }: { [name: string]: string }): string {
  const asked = new URLSearchParams();
  if (from) asked.set("from", `${from}T00:00:00Z`);
  if (to) asked.set("to", new Date(Date.parse(`${to}T00:00:00Z`) + 86_400_000).toISOString());
  if (within) asked.set("within", within);
  if (against) asked.set("against", against);
  return asked.toString();
}

function Numbers({ of }: { of: JsonObject }) {
  const samples = of.samples as JsonObject;
  const raised = numberOf(of.shadow as JsonObject, "alerts") + numberOf(of.live as JsonObject, "alerts");
  const since = of.from === undefined ? null : <>Since <Time at={show(of.from)} />. </>;
  const notes = leftOut(of).map((text) => <p class="quiet" key={text}>{text}</p>);
  if (raised === 0)
    return (
      <>
        <p class="quiet">{since}Neither this rule in shadow nor a live rule by the same key raised an alert.</p>
        {notes}
      </>
    );
  return (
    <>
      <Table label="Alerts in shadow and live" columns={COLUMNS} rows={PARTS.map(({ name, what }) => ({ what, of: of[name] as JsonObject }))} />
      <p class="quiet">{since}The same finding: an equal key, and times at most {show(of.within)} apart. An alert in shadow that nobody judged has the label of the live one nearest to it.</p>
      {notes}
      <h3>Keys</h3>
      <Table label="Keys in shadow and live" columns={KEYS} rows={[of.keys as JsonObject]} />
      {objects(of, "rules").length > 0 && (
        <>
          <h3>Live rules beside it</h3>
          <Table label="Live rules beside it" columns={RULES} rows={objects(of, "rules")} />
        </>
      )}
      <h3>By day</h3>
      <Table label="In shadow and live by day" columns={DAYS} rows={[...objects(of, "days")].reverse()} />
      <Samples title="Both" of={objects(samples, "both")} />
      <Samples title="In shadow alone" of={objects(samples, "only_shadow")} />
      <Samples title="Live alone" of={objects(samples, "only_live")} />
    </>
  );
}

export function Comparison({ id }: { id: string }) {
  const [asked, setAsked] = useState("");
  const at = `/v1/rules/${part(id)}/comparison${asked ? `?${asked}` : ""}`;
  const loaded = useLoaded((signal) => get(at, signal), at);
  return (
    <>
      <Panel title="In shadow and live" loaded={loaded}>
        {(answer) => <Numbers of={answer} />}
      </Panel>
      <section class="panel" aria-label="Compare otherwise">
        <Form
          title="Compare otherwise"
          role="reader"
          fields={[
            { name: "from", label: "From", kind: "date", hint: "The beginning of that day, in UTC; empty: with its first alert in shadow." },
            { name: "to", label: "To", kind: "date", hint: "The end of that day, in UTC." },
            { name: "within", label: "At most apart", hint: "Such as 1h; empty: 10m." },
            { name: "against", label: "One live rule", hint: "Its id; empty: all but this one." },
          ]}
          submit="Compare"
          run={async (fields) => setAsked(comparisonQuery(fields))}
        />
      </section>
    </>
  );
}
