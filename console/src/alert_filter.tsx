// Which alerts a subscription or a silence is for, as people fill it in and read it.
import { get } from "./api";
import { SEVERITIES } from "./filters";
import { Field, Values } from "./forms";
import { JsonObject, show } from "./json";
import { Data } from "./parts";
import { href } from "./place";
import { objects } from "./table";
import { counted } from "./text";

const PREVIEW_DAYS = 7;
const PREVIEW_MAX = 500;

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
/** How many alerts of the last days it would have matched. */
export async function previewOf(values: Values) {
  const query = new URLSearchParams({ from: new Date(Date.now() - PREVIEW_DAYS * 86_400_000).toISOString(), limit: String(PREVIEW_MAX) });
  const put = (name: string, value: string | undefined) => value && query.set(name, value);
  put("rule", words(values.rules)?.join(","));
  put("tag", words(values.tags)?.join(","));
  put("least_severity", values.least_severity);
  put("key", values.key);
  put("condition", values.condition);
  const page = await get(`/v1/alerts?${query}`);
  const total = objects(page, "alerts").length;
  query.delete("limit");
  return (
    <>
      {page.next ? `More than ${PREVIEW_MAX} alerts` : counted(total, "alert")} with event times of the last {PREVIEW_DAYS} days:{" "}
      <a href={href(`/alerts?${query}`)}>look at them</a>.
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
