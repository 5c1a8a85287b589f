// C. One key: what the rules keep of it, its alerts, its events.
import { get, part } from "./api";
import { readPage } from "./alerts";
import { Json, JsonObject, show } from "./json";
import { KeyEvents } from "./key_events";
import { KeyHistory } from "./key_history";
import { KeyLists } from "./key_lists";
import { Data, Panel, Severity, State, Time, useLoaded } from "./parts";
import { href } from "./place";
import { Column, Table, numberOf, objects } from "./table";
import { counted, span } from "./text";
import { Trace } from "./trace";

interface Match {
  rule: Json | undefined;
  match: JsonObject;
  watermark: string;
}
/** The time until which something may come, how long that is, and how much of it is over since it began. */
function Left({ since, now, until }: { since: Json | undefined; now: string; until: Json | undefined }) {
  const [begin, at, end] = [show(since), now, show(until)].map(Date.parse) as [number, number, number];
  return (
    <>
      <Time at={show(until ?? "")} />
      {end >= at && (
        <>
          <span class="quiet"> in {span(end - at)} of event time</span> <progress value={at - begin} max={Math.max(1, end - begin)} aria-label="Of its time" />
        </>
      )}
    </>
  );
}
/** When the newest event that a match took came. */
const lastOf = (match: JsonObject) => objects(match, "events").reduce((last, { last: own }) => (Date.parse(show(own)) > Date.parse(last) ? show(own) : last), show(match.since));
const MATCHES: readonly Column<Match>[] = [
  {
    title: "Rule",
    isHead: true,
    cell: ({ rule }) => (
      <a href={href(`/rules/${part(show(rule))}`)}>
        <Data value={rule} />
      </a>
    ),
  },
  { title: "Step", cell: ({ match }) => (match.complete === true ? "complete" : `${show(match.step)} of ${show(match.steps)}`) },
  {
    title: "What it took",
    cell: ({ match }) =>
      objects(match, "events").map((taken) => (
        <div>
          {show(taken.count)} <Data value={taken.name} />, <Time at={show(taken.first)} />
          {show(taken.last) !== show(taken.first) && (
            <>
              {" "}
              to <Time at={show(taken.last)} />
            </>
          )}
        </div>
      )),
  },
  {
    title: "Waits for",
    cell: ({ match, watermark }) => (
      <>
        <Data value={match.waits_for} />
        {objects(match, "awaited").map((one) => (
          <div>
            <code>
              <Data value={one.text} />
            </code>{" "}
            {one.line !== undefined && (
              <a href={href(`/pack/${part(show(one.file))}?line=${show(one.line)}`)}>
                <Data value={one.file} />, line {show(one.line)}
              </a>
            )}
            {one.until !== undefined && (
              <>
                {" "}
                until <Left since={lastOf(match)} now={watermark} until={one.until} />
              </>
            )}
          </div>
        ))}
      </>
    ),
  },
  { title: "Since", cell: ({ match }) => <Time at={show(match.since)} /> },
  {
    title: "Until",
    cell: ({ match, watermark }) => <Left since={match.since} now={watermark} until={match.deadline ?? match.expires} />,
  },
];

/** What else a rule keeps of the key, in words. */
export function otherSentences(rule: JsonObject): string[] {
  const said: string[] = [];
  const more = numberOf(rule, "more_matches");
  if (more > 0) said.push(`${counted(more, "further partial match", "further partial matches")}.`);
  const window = rule.window as JsonObject | undefined;
  if (window) said.push(`A window since ${show(window.begin)}${window.end ? ` until ${show(window.end)}` : ""} with ${counted(numberOf(window.events as JsonObject, "count"), "event")}.`);
  const quiet = rule.suppression as JsonObject | undefined;
  if (quiet?.quiet === true) said.push(`It keeps quiet${quiet.until ? ` until ${show(quiet.until)}` : ""}, and held back ${counted(numberOf(quiet, "held_back"), "match", "matches")}.`);
  const lost = numberOf(rule, "lost_runs");
  if (lost > 0) said.push(`${counted(lost, "partial match was", "partial matches were")} given up for a budget.`);
  return said;
}

function Kept({ state }: { state: JsonObject }) {
  const watermark = show(state.watermark ?? "");
  const reports = objects(state, "reports");
  const rules = reports.flatMap((report) => objects(report, "rules"));
  const matches = rules.flatMap((rule) => objects(rule, "matches").map((match) => ({ rule: rule.rule, match, watermark })));
  const others = rules.flatMap((rule) => otherSentences(rule).map((text) => ({ rule: show(rule.rule), text })));
  const features = reports.flatMap((report) => Object.entries((report.features as JsonObject | undefined) ?? {}));
  const isKnown = reports.some((report) => report.known === true);
  return (
    <>
      {!isKnown && <p>No rule keeps anything of this key now. Its events and alerts, further below, say whether it was ever seen.</p>}
      {watermark && (
        <p class="quiet">
          At <Time at={watermark} /> of event time.
        </p>
      )}
      {isKnown && <Table label="What the rules wait for" columns={MATCHES} rows={matches} empty="No rule waits for anything." />}
      {others.length > 0 && (
        <ul>
          {others.map(({ rule, text }) => (
            <li>
              <Data value={rule} />: {text}
            </li>
          ))}
        </ul>
      )}
      {features.length > 0 && (
        <>
          <h3>Features</h3>
          <dl class="facts">
            {features.map(([name, value]) => (
              <>
                <dt>
                  <Data value={name} />
                </dt>
                <dd class="number">
                  {value === null ? <span class="quiet">missing</span> : <Data value={value} />}
                </dd>
              </>
            ))}
          </dl>
        </>
      )}
    </>
  );
}

const ALERTS: readonly Column<JsonObject>[] = [
  { title: "Event time", cell: (hit) => <Time at={show((hit.alert as JsonObject).time)} /> },
  { title: "Severity", cell: (hit) => <Severity name={show((hit.alert as JsonObject).severity)} /> },
  { title: "State", cell: (hit) => <State name={show(hit.state)} /> },
  { title: "Rule", cell: (hit) => <Data value={(hit.alert as JsonObject).rule} /> },
  {
    title: "Message",
    isHead: true,
    cell: (hit) => (
      <a href={href(`/alerts/${show((hit.alert as JsonObject).id)}`)}>
        <Data value={(hit.alert as JsonObject).message} />
      </a>
    ),
  },
];
function AlertsOf({ id }: { id: string }) {
  const query = new URLSearchParams({ key: id, shadow: "true" }).toString();
  const loaded = useLoaded((signal) => readPage(query, "", 50, signal), query);
  return (
    <Panel title="Its alerts" loaded={loaded}>
      {(page) => (
        <>
          <Table label="Alerts of this key" columns={ALERTS} rows={page.rows.map((row): JsonObject => ({ state: row.state, alert: row.alert }))} empty="It has no alert, of live rules or in shadow." />
          {page.next && <a href={href(`/alerts?${query}`)}>All of them, in the queue</a>}
        </>
      )}
    </Panel>
  );
}

export default function KeyScreen({ id }: { id: string }) {
  const loaded = useLoaded((signal) => get(`/v1/keys/${part(id)}`, signal), id); // each reading is in the audit log: not again and again
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>
        Key <Data value={id} />
      </h1>
      <p>
        <a href={href("/keys")}>Find other keys</a>
      </p>
      <Panel title="What the rules keep of it" loaded={loaded}>
        {(state) => (
          <>
            <Kept state={state} />
            <button type="button" onClick={loaded.again}>
              Read it again
            </button>
          </>
        )}
      </Panel>
      {loaded.value && (
        <>
          <KeyHistory key={`history of ${id}`} id={id} watermark={show(loaded.value.watermark ?? "")} />
          <AlertsOf id={id} />
          <Trace key={id} of={{ key: id, limit: "100" }} />
          <KeyLists key={`lists of ${id}`} id={id} />
        </>
      )}
      {(loaded.value || loaded.problem) && <KeyEvents key={`events of ${id}`} id={id} />}
    </main>
  );
}
