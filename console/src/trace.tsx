// What the rules made of the events of a key, from the archive: why they alerted, or did not.
import { useRef, useState } from "preact/hooks";
import { get } from "./api";
import { JsonObject, show } from "./json";
import { AskedFor } from "./pages";
import { Data, Members, Panel, Said, Time, useLoaded } from "./parts";
import { href } from "./place";
import { Column, Table, numberOf, objects } from "./table";
import { count, counted } from "./text";
import { Timeline } from "./timeline";

function Note({ note }: { note: JsonObject }) {
  const silenced = note.silenced as JsonObject | undefined;
  return (
    <li>
      <strong>
        <Data value={note.rule} />
      </strong>
      : <Said text={show(note.text)} />
      {note.alert !== undefined && (
        <>
          {" "}
          <a href={href(`/alerts/${show(note.alert)}`)}>the alert</a>
        </>
      )}
      {silenced && (
        <>
          {" "}
          (silenced by <Data value={silenced.created_by} />: <Data value={silenced.reason} />)
        </>
      )}
    </li>
  );
}
const COLUMNS: readonly Column<JsonObject>[] = [
  { title: "Event time", cell: (entry) => <Time at={show(entry.time)} /> },
  {
    title: "Event",
    cell: (entry) => {
      const event = entry.event as JsonObject | null;
      if (!event) return <span class="quiet">time passed</span>;
      return (
        <>
          <Data value={event.type} /> <span class="quiet"><Data value={event.id} /></span>
          <br />
          <Members of={event.fields} />
        </>
      );
    },
  },
  {
    title: "What the rules made of it",
    cell: (entry) => (
      <ul class="notes">
        {objects(entry, "notes").map((note) => (
          <Note note={note} />
        ))}
      </ul>
    ),
  },
];

const LATER = [
  { minutes: 0, text: "the alert" },
  { minutes: 10, text: "10 minutes after it" },
  { minutes: 60, text: "an hour after it" },
  { minutes: 24 * 60, text: "a day after it" },
] as const;
/** The step that an event of a trace was taken for by an alert; empty where it was not. */
export function stepOf(event: JsonObject | null, alert: JsonObject): string {
  if (!event) return "";
  const at = Date.parse(show(event.time));
  const found = objects(alert, "events").find((one) => show(one.id) === show(event.id) && show(one.type) === show(event.type) && Math.floor(Number(show(one.ts)) / 1000) === at);
  return show(found?.as);
}
function Features({ trace }: { trace: JsonObject }) {
  const features = objects(trace, "state").flatMap((report) => Object.entries((report.features as JsonObject | undefined) ?? {}));
  if (features.length === 0) return null;
  return (
    <>
      <h3>
        Features at <Time at={show(trace.at)} />
      </h3>
      <dl class="facts">
        {features.map(([name, value]) => (
          <>
            <dt>
              <Data value={name} />
            </dt>
            <dd class="number">{value === null ? <span class="quiet">missing</span> : <Data value={value} />}</dd>
          </>
        ))}
      </dl>
    </>
  );
}

type Of = { [name: string]: string };
function Traced({ of, alert }: { of: Of; alert?: JsonObject }) {
  const [minutes, setMinutes] = useState(0);
  const raised = Date.parse(show(alert?.time));
  // As it is written, which may have microseconds.
  const at = !alert ? "" : minutes === 0 ? show(alert.time) : new Date(raised + minutes * 60_000).toISOString();
  const query = new URLSearchParams(at ? { ...of, at } : of).toString();
  const loaded = useLoaded((signal) => get(`/v1/trace?${query}`, signal), query);
  // While other events are read, what is chosen keeps its place, and the focus.
  const last = useRef<JsonObject | undefined>(undefined);
  last.current = loaded.value ?? last.current;
  const shown = { ...loaded, value: last.current };
  const step: Column<JsonObject> = { title: "Step", cell: (entry) => alert && <Data value={stepOf(entry.event as JsonObject | null, alert)} /> };
  const othersOf = (trace: JsonObject, of: JsonObject) =>
    objects(trace, "entries")
      .map((entry) => entry.event as JsonObject | null)
      .filter((event): event is JsonObject => event !== null && stepOf(event, of) === "")
      .map((event) => Date.parse(show(event.time)) * 1000);
  return (
    <Panel title={alert ? "Events of the key around it" : "What the rules made of its events"} loaded={shown}>
      {(trace) => (
        <>
          {alert && (
            <p>
              <label>
                Events up to{" "}
                <select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
                  {LATER.map((one) => (
                    <option key={one.minutes} value={one.minutes}>
                      {one.text}
                    </option>
                  ))}
                </select>
              </label>{" "}
              <span class="quiet" role="status">
                {!loaded.value && !loaded.problem && "They are read."}
              </span>
            </p>
          )}
          <p class="quiet">
            {counted(numberOf(trace, "events"), "event")}, {counted(numberOf(trace, "alerts"), "alert")}
            {numberOf(trace, "older") > 0 && `; the ${count(numberOf(trace, "older"))} older ones are left out`}.
          </p>
          {(Array.isArray(trace.missing) ? trace.missing : []).map((text) => (
            <p>
              <Data value={text} />
            </p>
          ))}
          {objects(trace, "not_traced").map((one) => (
            <p class="quiet">
              The rule <Data value={one.rule} /> is not traced: <Data value={one.reason} />
            </p>
          ))}
          {alert && <Timeline alert={alert} others={othersOf(trace, alert)} />}
          {alert && <Features trace={trace} />}
          <Table label="Events and what the rules made of them" columns={alert ? [step, ...COLUMNS] : COLUMNS} rows={objects(trace, "entries")} empty="The archive has no event of this key." />
        </>
      )}
    </Panel>
  );
}

/** A trace reads the archive, and one runs at a time: it is asked for. With an `alert` it is of the events around that. */
export function Trace({ of, alert }: { of: Of; alert?: JsonObject }) {
  const [heading, ask] = alert ? ["Events of the key around it", "Read them from the archive"] : ["What the rules made of its events", "Read it from the archive"];
  return (
    <AskedFor title="Trace" heading={heading} ask={ask}>
      <Traced of={of} {...(alert ? { alert } : {})} />
    </AskedFor>
  );
}
