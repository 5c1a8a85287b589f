// What an alert says, and the events that it rests on: beside its row in the queue, and on a page of its own.
import { get, mayWork, part } from "./api";
import { Row, fieldsOf, keyPlace, keyQuery, keyText } from "./alerts";
import { valuesIn } from "./conditions";
import { Actions } from "./forms";
import { JsonObject, show } from "./json";
import { Data, Members, Severity, State, Time } from "./parts";
import { href } from "./place";
import { Stood } from "./stood";
import { Column, Table, member, objects } from "./table";
import { counted, visibleLines } from "./text";

export function Head({ row }: { row: Row }) {
  const alert = row.alert;
  const heldBack = Number(show(alert.held_back)) || 0;
  return (
    <>
      <p class="message">
        <Data value={alert.message} />
      </p>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <State name={row.state} /> {row.assignee && <Data value={row.assignee} />}
        </dd>
        <dt>Severity</dt>
        <dd>
          <Severity name={show(alert.severity)} /> {show(alert.score) !== "0" && <>score {show(alert.score)}</>}
        </dd>
        <dt>Rule</dt>
        <dd>
          <a href={href(`/rules/${encodeURIComponent(show(alert.rule))}`)}>
            <Data value={alert.rule} />
          </a>
          , version {show(alert.version)}
          <br />
          <span class="quiet">
            <Data value={alert.title} />
          </span>
        </dd>
        <dt>Key</dt>
        <dd>
          {keyQuery(alert) ? (
            <a href={href(keyPlace(alert))}>
              <Data value={keyText(alert)} />
            </a>
          ) : (
            keyText(alert) ? <Members of={alert.key} /> : <span class="quiet">none</span>
          )}
        </dd>
        <dt>Event time</dt>
        <dd>
          <Time at={show(alert.time)} />
        </dd>
        <dt>Stored</dt>
        <dd>
          <Time at={row.storedAt} />
        </dd>
        {heldBack > 0 && (
          <>
            <dt>Suppressed</dt>
            <dd>{counted(heldBack, "earlier match", "earlier matches")}</dd>
          </>
        )}
      </dl>
    </>
  );
}

export function Fields({ alert }: { alert: JsonObject }) {
  const fields = fieldsOf(alert.fields);
  if (fields.length === 0) return null;
  return (
    <dl class="facts">
      {fields.map(([name, value]) => (
        <>
          <dt>
            <Data value={name} />
          </dt>
          <dd class="number">
            <Data value={value} />
          </dd>
        </>
      ))}
    </dl>
  );
}

/** A condition, and the values that met it. */
function Condition({ text, events, at }: { text: string; events: readonly JsonObject[]; at: number }) {
  const met = valuesIn(text, events, at);
  return (
    <li>
      <code>
        <Data value={text} />
      </code>
      {met.map(({ name, values }) => (
        <>
          {" "}
          <span class="field">
            <span class="quiet">
              <Data value={name} /> was
            </span>{" "}
            {values.slice(0, VALUES_MAX).map((value, i) => (
              <>
                {i > 0 && ", "}
                {value === null ? "missing" : <Data value={value} />}
              </>
            ))}
            {values.length > VALUES_MAX && ` and ${values.length - VALUES_MAX} others`}
          </span>
        </>
      ))}
    </li>
  );
}
const VALUES_MAX = 5;
const NONE: ReadonlyMap<string, readonly string[]> = new Map();
const EVIDENCE: readonly Column<JsonObject>[] = [
  member("Step", "as"),
  { title: "Event time", cell: (event) => <Time at={eventTime(event)} /> },
  {
    title: "Event",
    cell: (event) => (
      <>
        <Data value={event.type} /> <span class="quiet"><Data value={event.id} /></span>
      </>
    ),
  },
  { title: "Fields", cell: (event) => <Members of={event.fields} /> },
];
interface EvidenceProps {
  alert: JsonObject;
  conditions?: ReadonlyMap<string, readonly string[]>; // by step
  stood?: readonly (readonly JsonObject[])[]; // by event, of a replay
}
/** The events that the rule took, in order, each with the step it was taken for, and with the conditions of the step where they are known. */
export function Evidence({ alert, conditions = NONE, stood = [] }: EvidenceProps) {
  const events = objects(alert, "events");
  const met: Column<JsonObject> = {
    title: "Conditions that it met",
    cell: (event) => {
      const at = events.indexOf(event);
      const replayed = stood[at] ?? [];
      if (replayed.length === 0) {
        return (
          <ul class="notes">
            {(conditions.get(show(event.as)) ?? []).map((text) => (
              <Condition text={text} events={events} at={at} />
            ))}
          </ul>
        );
      }
      return (
        <ul class="notes">
          {replayed.map((one) =>
            one.known === true ? (
              <li>
                <Stood of={one} />
              </li>
            ) : (
              <Condition text={show(one.condition)} events={events} at={at} />
            ),
          )}
        </ul>
      );
    },
  };
  const has = events.some((event, at) => conditions.has(show(event.as)) || (stood[at]?.length ?? 0) > 0);
  const columns = has ? [...EVIDENCE, met] : EVIDENCE;
  return <Table label="The events that matched" columns={columns} rows={events} empty="The rule keeps no events with its alerts." />;
}
function eventTime(event: JsonObject): string {
  const microseconds = Number(show(event.ts));
  const at = new Date(microseconds / 1000);
  return Number.isNaN(at.getTime()) ? show(event.ts) : at.toISOString();
}

/** A test in the language of rules: in the editor for who may write, else to be copied. */
export function TestOf({ row }: { row: Row }) {
  const what = "Make a test of this alert";
  if (mayWork("analyst"))
    return (
      <p>
        <a class="button" href={href(`/rules/${part(show(row.alert.rule))}/edit?test=${row.id}`)}>
          {what}
        </a>
      </p>
    );
  const run = async () => (
    <pre tabIndex={0} aria-label="The test">
      {visibleLines(show((await get(`/v1/alerts/${row.id}/test`)).text))}
    </pre>
  );
  return <Actions role="reader" actions={[{ text: what, run }]} />;
}

/** Beside the queue: enough for most decisions. */
export function Aside({ row }: { row: Row }) {
  return (
    <article aria-label="The current alert">
      <h2 class="hidden">The current alert</h2>
      <Head row={row} />
      <Fields alert={row.alert} />
      <h3>Events</h3>
      <Evidence alert={row.alert} />
      <p>
        <a href={href(`/alerts/${row.id}`)}>Open this alert</a>
      </p>
      <TestOf key={row.id} row={row} />
    </article>
  );
}
