// J. What a server is set to, which checkpoints it keeps, and how long things take.
import { useState } from "preact/hooks";
import { get, mayWork } from "./api";
import { JsonObject, show } from "./json";
import { Metric, quantileOf } from "./metrics";
import { Data, Panel, useLoaded } from "./parts";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, size, span } from "./text";

const EVERY_MS = 30_000;

/** Seconds as people read them: 1.2 ms, 3.4 s, 5 min. */
export function secondsText(seconds: number): string {
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : span(seconds * 1000);
}
interface Latency {
  title: string;
  metric: string;
}
const LATENCIES: readonly Latency[] = [
  { title: "Events to their answer", metric: "tocsin_intake_answer_seconds" },
  { title: "An event to its alert that is stored", metric: "tocsin_alert_stored_seconds" },
  { title: "A stored alert to its endpoint", metric: "tocsin_delivery_arrival_seconds" },
  { title: "A write of the journal", metric: "tocsin_journal_commit_seconds" },
];
/** How long things took since the server began: what half of them, and 99 of 100, stayed below. */
export function Latencies({ metrics }: { metrics: readonly Metric[] }) {
  const of = (metric: string, share: number) => {
    const found = quantileOf(metrics, metric, share);
    if (found === undefined) return "";
    return found.isMore ? `over ${secondsText(found.value)}` : secondsText(found.value);
  };
  const rows = LATENCIES.filter(({ metric }) => quantileOf(metrics, metric, 0.5) !== undefined);
  const columns: readonly Column<Latency>[] = [
    { title: "From, to", isHead: true, cell: ({ title }) => title },
    { title: "Half took at most", isNumber: true, cell: ({ metric }) => of(metric, 0.5) },
    { title: "99 % at most", isNumber: true, cell: ({ metric }) => of(metric, 0.99) },
    { title: "Of", isNumber: true, cell: ({ metric }) => count(metrics.find(({ name }) => name === `${metric}_count`)?.value ?? 0) },
  ];
  return <Table label="How long things took since the server began" columns={columns} rows={rows} empty="Nothing was timed since the server began." />;
}

const CHECKPOINTS: readonly Column<JsonObject>[] = [
  member("Number", "number", "head"),
  { title: "", cell: (one) => (one.last_good === true ? "a start goes on from it" : one.damage === undefined ? "" : <>damaged: <Data value={one.damage} /></>) },
  member("Made", "made", "time"),
  member("Event time", "watermark", "time"),
  { title: "Size", isNumber: true, cell: (one) => (one.bytes === undefined ? "" : size(numberOf(one, "bytes"))) },
];
export function Checkpoints() {
  const loaded = useLoaded((signal) => get("/v1/checkpoints", signal), "checkpoints", EVERY_MS);
  return (
    <Panel title="Checkpoints" loaded={loaded}>
      {(document) => <Table label="Table of checkpoints" columns={CHECKPOINTS} rows={objects(document, "checkpoints")} empty="There is no checkpoint yet: a start reads the whole journal." />}
    </Panel>
  );
}

const SETTINGS: readonly Column<JsonObject>[] = [
  { title: "Setting", isHead: true, cell: (one) => <code title={show(one.description)}><Data value={one.name} /></code> },
  { title: "Value", cell: (one) => (one.value === null ? <span class="quiet">none</span> : <Data value={one.value} />) },
  { title: "From", cell: (one) => (one.source === "default" ? <span class="quiet">default</span> : <Data value={one.origin} />) },
];
function SettingsTable() {
  const [isAll, setAll] = useState(false);
  const loaded = useLoaded((signal) => get(`/v1/settings?set=${!isAll}`, signal), `settings ${isAll}`);
  return (
    <Panel title="Settings" loaded={loaded}>
      {(document) => (
        <>
          <p>
            <label>
              <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} /> also those that are the default
            </label>
          </p>
          <Table label="Table of settings" columns={SETTINGS} rows={objects(document, "settings")} empty="Every setting is the default." />
        </>
      )}
    </Panel>
  );
}
/** For who may see them. */
export function Settings() {
  return mayWork("operator") ? <SettingsTable /> : null;
}
