// What entries that were written or come from a file would change of a list, before they are sent.
import { get, part } from "./api";
import { show } from "./json";
import { Data } from "./parts";
import { numberOf, objects } from "./table";
import { count, counted } from "./text";

const PAGE = 10_000;
const PAGES_MAX = 20; // of a longer list it is not known what is there
const BAD_SHOWN = 10;

export interface Import {
  fresh: number;
  there: number;
  twice: number; // lines that an earlier line says too
  bad: { line: number; why: string }[];
}
/** One text for equal values: 010.50 is 10.5. */
export function sameValue(type: string, text: string): string {
  if (!/^(int|float|decimal)/.test(type)) return text;
  const [, sign = "", digits = "", rest = ""] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? [];
  if (digits === "" && rest === "") return /\d/.test(text) && !/[1-9]/.test(text) ? "0" : text;
  return `${sign === "-" ? "-" : ""}${digits || "0"}${rest && `.${rest}`}`;
}
/** Why a line is no value of the type; empty: it is one. */
export function faultOf(type: string, text: string): string {
  if (type === "bool") return /^(true|false)$/.test(text) ? "" : "neither true nor false";
  if (type === "int") return /^-?\d+$/.test(text) ? "" : "no whole number";
  if (type === "float") return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? "" : "no number";
  const places = /^decimal\((\d+)\)$/.exec(type)?.[1];
  if (places === undefined) return "";
  if (!/^-?\d+(\.\d+)?$/.test(text)) return "no number";
  return (sameValue(type, text).split(".")[1] ?? "").length > Number(places) ? `more than ${places} places` : "";
}
export function importOf(type: string, text: string, known: ReadonlySet<string>): Import {
  const found: Import = { fresh: 0, there: 0, twice: 0, bad: [] };
  const seen = new Set<string>();
  text.split("\n").forEach((line, at) => {
    const value = line.trim();
    if (value === "") return;
    const why = faultOf(type, value);
    const same = sameValue(type, value);
    if (why) found.bad.push({ line: at + 1, why: `${value}: ${why}` });
    else if (seen.has(same)) found.twice += 1;
    else if (known.has(same)) found.there += 1;
    else found.fresh += 1;
    seen.add(same);
  });
  return found;
}
/** What a list has now; nothing where it is too long to be read for that. */
async function readKnown(at: string, type: string): Promise<Set<string> | undefined> {
  const known = new Set<string>();
  for (let [page, cursor] = [0, ""]; page < PAGES_MAX; page += 1) {
    const list = await get(`${at}?limit=${PAGE}${cursor && `&cursor=${part(cursor)}`}`);
    if (numberOf(list, "size") > PAGE * PAGES_MAX) return undefined;
    for (const entry of objects(list, "entries")) if (entry.ended !== true) known.add(sameValue(type, show(entry.value)));
    if (list.next === undefined) return known;
    cursor = show(list.next);
  }
  return undefined;
}
/** What adding them would come to, or replacing all by them. */
export async function previewImport(at: string, type: string, text: string, isWhole = false) {
  const known = await readKnown(at, type);
  const { fresh, there, twice, bad } = importOf(type, text, known ?? new Set());
  return (
    <>
      {known ? `${counted(fresh, "value is", "values are")} new, ${count(there)} there already${isWhole ? `, ${count(known.size - there)} that are there now would be gone` : ""}` : `${counted(fresh, "value")}; the list is too long to say which are there already`}
      {twice > 0 && `, ${counted(twice, "line says", "lines say")} what an earlier one does`}.{" "}
      {bad.length > 0 && (
        <>
          {counted(bad.length, "line is", "lines are")} wrong{bad.length > BAD_SHOWN && `, of which the first ${BAD_SHOWN}`}:
          <ul>
            {bad.slice(0, BAD_SHOWN).map(({ line, why }) => (
              <li>
                line {line}: <Data value={why} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
