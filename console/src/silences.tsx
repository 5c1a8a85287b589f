// H. Silences: alerts of which nobody is told for a while.
import { ask, get, part } from "./api";
import { FILTER_FIELDS, FilterText, PREVIEW, filterOf, previewOf } from "./alert_filter";
import { Actions, Form, Values, outcomeOf, timeOf } from "./forms";
import { JsonObject, show } from "./json";
import { Data, Panel, useLoaded } from "./parts";
import { Column, Table, member, objects } from "./table";

const SPANS: readonly { value: string; text: string; ms: number }[] = [
  { value: "1h", text: "1 hour", ms: 3_600_000 },
  { value: "8h", text: "8 hours", ms: 8 * 3_600_000 },
  { value: "1d", text: "1 day", ms: 86_400_000 },
  { value: "7d", text: "7 days", ms: 7 * 86_400_000 },
];
export const SPAN_FIELDS = [
  { name: "span", label: "For", kind: "choice", choices: [...SPANS, { value: "", text: "until the time below" }] },
  { name: "until", label: "Until", kind: "time" },
  { name: "from", label: "Begins", kind: "time", hint: "Without a time, now." },
  { name: "reason", label: "Reason", needed: true },
] as const;
/** Makes one from the fields above; says what came of it. */
export async function silence(filter: { [name: string]: unknown } | undefined, values: Values) {
  const ms = SPANS.find(({ value }) => value === values.span)?.ms;
  const from = timeOf(values.from);
  const until = ms === undefined ? timeOf(values.until) : new Date((from ? Date.parse(from) : Date.now()) + ms).toISOString();
  const answer = await ask("POST", "/v1/silences", { body: { filter: filter ?? {}, from: from || undefined, until, reason: values.reason } });
  return outcomeOf(answer, `Nobody is told of them ${from && `from ${from} `}until ${until}.`);
}

function columnsOf(again: () => void): Column<JsonObject>[] {
  return [
    { title: "Which alerts", isHead: true, cell: (one) => <><FilterText filter={one.filter as JsonObject} /> {one.condition_error !== undefined && <Data value={one.condition_error} />}</> },
    member("State", "state"),
    member("From", "from", "time"),
    member("Until", "until", "time"),
    member("Reason", "reason"),
    { title: "By", cell: (one) => <><Data value={one.created_by} />{one.ended_by !== undefined && <>, ended by <Data value={one.ended_by} /></>}</> },
    {
      title: "",
      cell: (one) =>
        one.state !== "ended" && (
          <Actions
            role="analyst"
            actions={[
              {
                text: "End it",
                ask: "Alerts are sent again then.",
                run: async () => {
                  await ask("DELETE", `/v1/silences/${part(show(one.id))}`);
                  again();
                },
              },
            ]}
          />
        ),
    },
  ];
}
export function Silences() {
  const loaded = useLoaded((signal) => get("/v1/silences", signal), "silences", 10_000);
  return (
    <Panel title="Silences" loaded={loaded}>
      {(document) => (
        <>
          <Table label="Table of silences" columns={columnsOf(loaded.again)} rows={objects(document, "silences")} empty="There is no silence." />
          <Form
            title="New silence"
            role="analyst"
            fields={[...FILTER_FIELDS, ...SPAN_FIELDS]}
            submit="Silence them"
            run={async (values) => {
              const said = await silence(filterOf(values), values);
              loaded.again();
              return said;
            }}
            more={[{ text: PREVIEW, isFree: true, run: (values) => previewOf("silences", filterOf(values)) }]}
          >
            <p class="quiet">Alerts are stored and shown as ever; they are sent to nobody.</p>
          </Form>
        </>
      )}
    </Panel>
  );
}
