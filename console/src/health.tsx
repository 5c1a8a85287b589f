// J. How the server is, in words first.
import { useRef } from "preact/hooks";
import { ask, get } from "./api";
import { Series } from "./figures";
import { JsonObject, show } from "./json";
import { useChanges } from "./live";
import { Metric, parseMetrics, valueOf } from "./metrics";
import { Data, Loaded, Panel, useLoaded } from "./parts";
import { href } from "./place";
import { Profile } from "./profile";
import { Checkpoints, Latencies, Settings } from "./server_facts";
import { server } from "./shell";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted, localTime, size, span } from "./text";

const EVERY_MS = 5000;

/** What stands first: whether events are taken, where time stands, and who holds it. */
export function sentences(word: string, why: string, state: JsonObject): string[] {
  const said = [word === "ready" ? "Events are accepted." : `Events are not accepted: ${why || word}.`];
  const watermark = show(state.watermark);
  if (Number.isNaN(Date.parse(watermark))) said.push("No event has moved time yet.");
  else {
    const holder = show(state.watermark_held_by);
    said.push(`Event time has reached ${localTime(watermark)}${holder ? `; the source ${holder} holds it` : ""}.`);
  }
  const waiting = Number(show(state.waiting_events)) || 0;
  if (waiting > 0) said.push(`${counted(waiting, "event")} ${waiting === 1 ? "waits" : "wait"} to be put in order.`);
  const runs = Number(show(state.runs)) || 0;
  said.push(`The rules keep ${counted(Number(show(state.keys)) || 0, "key")} with ${counted(runs, "partial match", "partial matches")}, ${size(Number(show(state.state_bytes)) || 0)}.`);
  return said;
}

interface Measured {
  at: number;
  metrics: Metric[];
}
const SHOWN: readonly { name: string; title: string; form: (value: number) => string }[] = [
  { name: "tocsin_intake_queue_requests", title: "Requests with events that wait", form: count },
  { name: "tocsin_watermark_seconds", title: "Event time is behind the clock by", form: (value) => (value > 0 ? span(Math.max(0, Date.now() - value * 1000)) : "no event yet") },
  { name: "tocsin_intake_late_total", title: "Late events that were set aside", form: count },
  { name: "tocsin_intake_invalid_total", title: "Dead letters", form: count },
  { name: "tocsin_engine_matches_lost_total", title: "Partial matches lost to a budget", form: count },
  { name: "tocsin_alerts_total", title: "Alerts of all rules", form: count },
  { name: "tocsin_checkpoint_age_seconds", title: "Age of the newest checkpoint", form: (value) => span(value * 1000) },
  { name: "tocsin_checkpoint_failed", title: "Last checkpoint", form: (value) => (value > 0 ? "failed" : "good") },
  { name: "tocsin_memory_resident_bytes", title: "Memory of the process", form: size },
  { name: "tocsin_disk_free_bytes", title: "Free space of the disk", form: size },
  { name: "tocsin_uptime_seconds", title: "Running for", form: (value) => span(value * 1000) },
];

function Figures() {
  const before = useRef<Measured | undefined>(undefined);
  const loaded = useLoaded(
    async (signal) => {
      const measured = { at: Date.now(), metrics: parseMetrics((await ask("GET", "/metrics", { signal })).text) };
      const last = before.current;
      before.current = measured;
      const [was, is] = [last && valueOf(last.metrics, "tocsin_intake_events_total"), valueOf(measured.metrics, "tocsin_intake_events_total")];
      const rate = last && was !== undefined && is !== undefined ? Math.max(0, is - was) / ((measured.at - last.at) / 1000) : undefined;
      return { ...measured, rate };
    },
    "metrics",
    EVERY_MS,
  );
  return (
    <Panel title="Figures" loaded={loaded}>
      {({ metrics, rate }) => (
        <>
          <dl class="facts">
            <dt>Events in a second</dt>
            <dd class="number">{rate === undefined ? "…" : count(Math.round(rate))}</dd>
            {SHOWN.map(({ name, title, form }) => {
              const value = valueOf(metrics, name);
              return (
                <>
                  <dt>{title}</dt>
                  <dd class="number">{value === undefined ? "not measured" : form(value)}</dd>
                </>
              );
            })}
          </dl>
          <Latencies metrics={metrics} />
        </>
      )}
    </Panel>
  );
}

const SOURCES = [member("Source", "name", "head"), member("State", "state"), member("Lines", "lines", "number"), member("Event time", "watermark", "time"), member("Waiting", "waiting", "number")];
function Sources({ state }: { state: JsonObject }) {
  const sources = objects(state, "sources");
  return <Table label="Sources" columns={SOURCES} rows={sources} empty="No source has sent anything." />;
}

function Notices() {
  const isTold = useChanges("notices", () => loaded.again());
  const loaded: Loaded<JsonObject> = useLoaded((signal) => get("/v1/notices", signal), "notices", isTold ? 0 : 6 * EVERY_MS);
  return (
    <Panel title="Notices" loaded={loaded}>
      {(document) => {
        const notices = (document.notices as JsonObject[] | undefined) ?? [];
        if (notices.length === 0) return <p class="quiet">There is nothing to report.</p>;
        return (
          <ul class="plain">
            {notices.map((notice) => (
              <li>
                {Object.entries(notice).map(([name, value]) => (
                  <span class="field">
                    <span class="quiet">{name}</span> <Data value={value} />
                  </span>
                ))}
              </li>
            ))}
          </ul>
        );
      }}
    </Panel>
  );
}

const CAUSES: readonly Column<JsonObject>[] = [
  { title: "How bad", cell: (cause) => <span class={cause.level === "critical" ? "severity critical" : "severity medium"}>{show(cause.level)}</span> },
  {
    title: "What is wrong",
    isHead: true,
    cell: (cause) => (
      <>
        <Data value={cause.detail} /> {cause.subject !== undefined && <span class="quiet"><Data value={cause.subject} /></span>}
      </>
    ),
  },
  member("Since", "since", "time"),
  member("What to do", "remedy"),
  { title: "Code", cell: (cause) => <code><Data value={cause.code} /></code> },
];
function Causes() {
  // The stream tells of other causes, and not of their details, such as how far a source is behind.
  const isTold = useChanges("health", () => loaded.again());
  const loaded: Loaded<JsonObject> = useLoaded((signal) => get("/v1/health", signal), "health", isTold ? 6 * EVERY_MS : EVERY_MS);
  return (
    <Panel title="What is wrong" loaded={loaded}>
      {(health) => (
        <>
          <Table label="Causes" columns={CAUSES} rows={objects(health, "causes")} empty="Nothing is wrong." />
          {numberOf(health, "hidden") > 0 && <p class="quiet">{counted(numberOf(health, "hidden"), "further cause")} of more than your token is limited to.</p>}
        </>
      )}
    </Panel>
  );
}

export function HealthScreen() {
  const loaded = useLoaded((signal) => get("/v1/state?rules=false", signal), "state", EVERY_MS);
  useChanges("health", loaded.again);
  const { word, why } = server.value;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Health</h1>
      <p>
        <a href={href("/set-aside")}>Late events, dead letters and savepoints</a> · <a href={href("/audit")}>Audit log</a> · <a href={href("/tokens")}>People and tokens</a>
      </p>
      <Panel title="Now" loaded={loaded}>
        {(state) => (
          <>
            <p class="message">{sentences(word, why, state).join(" ")}</p>
            <Sources state={state} />
          </>
        )}
      </Panel>
      <Causes />
      <Figures />
      <Series />
      <Profile />
      <Checkpoints />
      <Settings />
      <Notices />
    </main>
  );
}
