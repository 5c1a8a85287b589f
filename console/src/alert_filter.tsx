// Which alerts a subscription or a silence is for, as people fill it in and read it.
import { ask } from "./api";
import { SEVERITIES } from "./filters";
import { Field, Values } from "./forms";
import { JsonObject, jsonText, show } from "./json";
import { AlertLink, Data } from "./parts";
import { href } from "./place";
import { numberOf, objects } from "./table";
import { count, counted, localTime } from "./text";

export const PREVIEW = "What would it have matched?"; // the button
const PREVIEW_DAYS = 7;

export const FILTER_FIELDS: readonly Field[] = [
  { name: "rules", label: "Of rules", hint: "Names, with commas between; empty: of all." },
  { name: "tags", label: "With tags", hint: "With commas between." },
  { name: "least_severity", label: "At least as severe as", kind: "choice", choices: ["", ...SEVERITIES] },
  { name: "key", label: "Of the key", hint: "Such as card=c1." },
  { name: "condition", label: "Where", hint: "A condition on the alert's fields, such as amount > 200." },
];
function words(text: string | undefined): string[] | undefined {
  const list = (text ?? "").split(",").map((word) => word.trim()).filter((word) => word !== "");
  return list.length > 0 ? list : undefined;
}
/** `card=c1,shop=7` as the key of a filter. */
export function keyOf(text: string): { [name: string]: unknown } | undefined {
  const parts = text.split(/,(?=[\w.]+=)/).filter((one) => one.includes("="));
  if (parts.length === 0) return undefined;
  return Object.fromEntries(parts.map((one) => [one.slice(0, one.indexOf("=")).trim(), one.slice(one.indexOf("=") + 1)]));
}
/** The fields with what a filter has now. */
export function filledFields(filter: JsonObject | undefined): Field[] {
  const list = (name: string) => (Array.isArray(filter?.[name]) ? (filter[name] as string[]) : []).map(show).join(", ");
  const now: Values = {
    rules: list("rules"),
    tags: list("tags"),
    least_severity: show(filter?.least_severity ?? ""),
    key: Object.entries((filter?.key as JsonObject | undefined) ?? {})
      .map(([name, value]) => `${name}=${show(value)}`)
      .join(","),
    condition: show(filter?.condition ?? ""),
  };
  return FILTER_FIELDS.map((field) => ({ ...field, value: now[field.name] ?? "" }));
}
export function filterOf(values: Values): { [name: string]: unknown } | undefined {
  const filter = {
    rules: words(values.rules),
    tags: words(values.tags),
    least_severity: values.least_severity || undefined,
    key: keyOf(values.key ?? ""),
    condition: values.condition || undefined,
  };
  return Object.values(filter).some((value) => value !== undefined) ? filter : undefined;
}
type Filter = { [name: string]: unknown };
/** The queue with the alerts of a filter. */
function queueOf(filter: Filter): string {
  const query = new URLSearchParams({ from: new Date(Date.now() - PREVIEW_DAYS * 86_400_000).toISOString() });
  for (const [name, parameter] of [["rules", "rule"], ["tags", "tag"], ["least_severity", "least_severity"], ["key", "key"], ["condition", "condition"]] as const) {
    const value = filter[name];
    if (value === undefined) continue;
    const parts = Object.entries(value as JsonObject);
    if (typeof value === "string") query.set(parameter, value);
    else if (Array.isArray(value)) query.set(parameter, value.join(","));
    else query.set(parameter, parts.length === 1 ? parts.map(([part, one]) => `${part}=${show(one)}`).join("") : jsonText(value));
  }
  return `/alerts?${query}`;
}
/** What the answer of a preview says of a filter. */
export function previewText(found: JsonObject): string {
  const matched = counted(numberOf(found, "matched"), "alert");
  if (found.complete === true) return `It would have met ${matched} in the last ${PREVIEW_DAYS} days.`;
  return `It would have met ${matched} of the newest ${count(numberOf(found, "examined"))}, which were stored since ${localTime(show(found.from))}.`;
}
/** How many alerts of the last days a subscription or silence with this filter would have met, and the newest of them. */
export async function previewOf(of: "subscriptions" | "silences", filter: Filter | undefined) {
  const answer = await ask("POST", `/v1/${of}/preview`, { body: { filter: filter ?? {}, within: `${PREVIEW_DAYS}d` } });
  const found = answer.json as JsonObject;
  const samples = objects(found, "samples").map((one) => one.alert as JsonObject);
  return (
    <>
      {previewText(found)} <a href={href(queueOf(filter ?? {}))}>Look at them</a>
      {samples.length > 0 && ", or at the newest:"}
      {samples.length > 0 && (
        <ul>
          {samples.map((alert) => (
            <li key={show(alert.id)}>
              <AlertLink alert={alert} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
export function FilterText({ filter }: { filter: JsonObject | undefined }) {
  const parts = Object.entries(filter ?? {});
  if (parts.length === 0) return <span class="quiet">all</span>;
  const text = (value: unknown): string => (Array.isArray(value) ? value.map(show).join(", ") : typeof value === "object" && value !== null ? Object.entries(value as JsonObject).map(([name, one]) => `${name}=${show(one)}`).join(", ") : show(value as string));
  return (
    <>
      {parts.map(([name, value]) => (
        <>
          <span class="field">
            <span class="quiet">{name.replace("_", " ")}</span> <Data value={text(value)} />
          </span>{" "}
        </>
      ))}
    </>
  );
}
