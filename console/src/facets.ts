// How many of the loaded alerts have which value.
import { Row } from "./alerts";
import { show } from "./json";
import { ListFilter, SEVERITIES, STATES } from "./filters";

export interface Facet {
  name: ListFilter;
  title: string;
  values: { value: string; count: number; isOn: boolean }[];
}
const VALUES_MAX = 12;

/** Chosen values come with a count of 0 where no row has them, so that they can be given up. */
export function facetsOf(rows: readonly Row[], chosen: { [name in ListFilter]: string[] }): Facet[] {
  const counts: { [name in ListFilter]: Map<string, number> } = { status: new Map(), severity: new Map(), rule: new Map(), tag: new Map() };
  const add = (name: ListFilter, value: string) => counts[name].set(value, (counts[name].get(value) ?? 0) + 1);
  for (const row of rows) {
    add("status", row.state);
    add("severity", show(row.alert.severity));
    add("rule", show(row.alert.rule));
    for (const tag of Array.isArray(row.alert.tags) ? row.alert.tags : []) add("tag", show(tag));
  }
  const facet = (name: ListFilter, title: string, order?: readonly string[]): Facet => {
    const values = new Set([...counts[name].keys(), ...chosen[name], ...(order ?? [])]);
    const all = [...values].map((value) => ({ value, count: counts[name].get(value) ?? 0, isOn: chosen[name].includes(value) }));
    if (order) all.sort((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
    else all.sort((a, b) => Number(b.isOn) - Number(a.isOn) || b.count - a.count || (a.value < b.value ? -1 : 1));
    return { name, title, values: order ? all : all.slice(0, Math.max(VALUES_MAX, chosen[name].length)) };
  };
  return [facet("status", "State", STATES), facet("severity", "Severity", SEVERITIES), facet("rule", "Rule"), facet("tag", "Tag")];
}
