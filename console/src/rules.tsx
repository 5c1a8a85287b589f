// D. The rules that run.
import { useState } from "preact/hooks";
import { asProblem, get } from "./api";
import { JsonObject, show } from "./json";
import { Data, Panel, useLoaded } from "./parts";
import { href } from "./place";
import { count, size } from "./text";

interface RuleRow {
  id: string;
  title: string;
  stage: string;
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
      stage: show(rule.stage),
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

type Column = "id" | "stage" | "alerts" | "confirmed" | "dismissed" | "precision" | "keys" | "bytes" | "owner";
const COLUMNS: readonly { name: Column; title: string; isNumber: boolean }[] = [
  { name: "id", title: "Rule", isNumber: false },
  { name: "stage", title: "Stage", isNumber: false },
  { name: "alerts", title: "Alerts", isNumber: true },
  { name: "confirmed", title: "Confirmed", isNumber: true },
  { name: "dismissed", title: "Dismissed", isNumber: true },
  { name: "precision", title: "Precision", isNumber: true },
  { name: "keys", title: "Keys", isNumber: true },
  { name: "bytes", title: "Memory", isNumber: true },
  { name: "owner", title: "Owner", isNumber: false },
];
/** The share of confirmed ones among those that people judged; undefined without any. */
export function precisionOf(row: { confirmed: number | undefined; dismissed: number | undefined }): number | undefined {
  const judged = (row.confirmed ?? 0) + (row.dismissed ?? 0);
  return judged > 0 ? (row.confirmed ?? 0) / judged : undefined;
}
function valueOf(row: RuleRow, column: Column): string | number {
  if (column === "precision") return precisionOf(row) ?? -1;
  return row[column] ?? -1;
}

export function RulesScreen() {
  const loaded = useLoaded(readRules, "rules");
  const [order, setOrder] = useState<{ column: Column; isDown: boolean }>({ column: "id", isDown: false });
  const sorted = (rows: RuleRow[]) =>
    [...rows].sort((a, b) => {
      const [left, right] = [valueOf(a, order.column), valueOf(b, order.column)];
      const by = left < right ? -1 : left > right ? 1 : 0;
      return order.isDown ? -by : by;
    });
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Rules</h1>
      <Panel title="Rules that are deployed" loaded={loaded}>
        {(rows) =>
          rows.length === 0 ? (
            <p class="quiet">There are no rules yet. `tocsin deploy` or `PUT /v1/pack` brings some.</p>
          ) : (
            <div class="scroll" tabIndex={0} role="group" aria-label="Table of rules">
              <table>
                <thead>
                  <tr>
                    {COLUMNS.map(({ name, title, isNumber }) => (
                      <th
                        key={name}
                        scope="col"
                        class={isNumber ? "number" : undefined}
                        aria-sort={order.column === name ? (order.isDown ? "descending" : "ascending") : "none"}
                      >
                        <button
                          type="button"
                          class="plain"
                          onClick={() => setOrder({ column: name, isDown: order.column === name ? !order.isDown : isNumber })}
                        >
                          {title}
                        </button>
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {sorted(rows).map((row) => {
                    const precision = precisionOf(row);
                    return (
                      <tr key={row.id}>
                        <th scope="row">
                          <a href={href(`/alerts?rule=${encodeURIComponent(row.id)}`)}>
                            <Data value={row.id} />
                          </a>
                          <br />
                          <span class="quiet">
                            <Data value={row.title} /> · <Data value={row.place} />
                          </span>
                        </th>
                        <td>
                          <span class={`stage ${row.stage.split(" ")[0]}`}>{row.stage}</span>
                        </td>
                        <td class="number">{count(row.alerts)}</td>
                        <td class="number">{row.confirmed === undefined ? "…" : count(row.confirmed)}</td>
                        <td class="number">{row.dismissed === undefined ? "…" : count(row.dismissed)}</td>
                        <td class="number">
                          {precision === undefined ? (
                            <span class="quiet">no labels</span>
                          ) : (
                            `${Math.round(precision * 100)} % of ${count((row.confirmed ?? 0) + (row.dismissed ?? 0))}`
                          )}
                        </td>
                        <td class="number">{count(row.keys)}</td>
                        <td class="number">{size(row.bytes)}</td>
                        <td>
                          <Data value={row.owner} />
                        </td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          )
        }
      </Panel>
    </main>
  );
}
