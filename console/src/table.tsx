// The table of all screens: it scrolls within its place, and sorts where it has all rows.
import { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { JsonObject, show } from "./json";
import { Data, State, Time } from "./parts";
import { count } from "./text";

export interface Column<T> {
  title: string;
  cell: (row: T) => ComponentChildren;
  by?: (row: T) => string | number; // what it sorts by
  isNumber?: boolean;
  isHead?: boolean; // names its row
}
interface Order {
  column: number;
  isDown: boolean;
}

function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order): readonly T[] {
  const by = columns[order.column]?.by;
  if (!by) return rows;
  return [...rows].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    const way = left < right ? -1 : left > right ? 1 : 0;
    return order.isDown ? -way : way;
  });
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  empty?: string;
  sorts?: boolean; // by the columns that say by what: only where no row is on another page
}
export function Table<T>({ label, columns, rows, empty = "There are none.", sorts = false }: Props<T>) {
  const [order, setOrder] = useState<Order>({ column: 0, isDown: false });
  if (rows.length === 0) return <p class="quiet">{empty}</p>;
  const heading = (column: Column<T>, at: number) => {
    const style = column.isNumber ? "number" : undefined;
    if (!sorts || !column.by)
      return (
        <th key={column.title} scope="col" class={style}>
          {column.title || <span class="hidden">To do</span>}
        </th>
      );
    const isOurs = order.column === at;
    return (
      <th key={column.title} scope="col" class={style} aria-sort={isOurs ? (order.isDown ? "descending" : "ascending") : "none"}>
        <button type="button" class="plain" onClick={() => setOrder({ column: at, isDown: isOurs ? !order.isDown : column.isNumber === true })}>
          {column.title}
        </button>
      </th>
    );
  };
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      <table>
        <thead>
          <tr>{columns.map(heading)}</tr>
        </thead>
        <tbody>
          {(sorts ? sorted(rows, columns, order) : rows).map((row) => (
            <tr>
              {columns.map((column) =>
                column.isHead ? (
                  <th scope="row">{column.cell(row)}</th>
                ) : (
                  <td class={column.isNumber ? "number" : undefined}>{column.cell(row)}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function numberOf(value: JsonObject | undefined, name: string): number {
  return Number(show(value?.[name])) || 0;
}
/** A column of one member of the API's rows. */
export function member(title: string, name: string, as: "head" | "data" | "number" | "time" | "state" = "data"): Column<JsonObject> {
  const value = (row: JsonObject) => show(row[name]);
  switch (as) {
    case "number":
      return { title, isNumber: true, by: (row) => numberOf(row, name), cell: (row) => (value(row) === "" ? "" : count(numberOf(row, name))) };
    case "time":
      return { title, by: value, cell: (row) => (row[name] === null ? "" : <Time at={value(row)} />) };
    case "state":
      return { title, by: value, cell: (row) => <State name={value(row)} /> };
    default:
      return { title, by: value, cell: (row) => <Data value={row[name]} />, isHead: as === "head" };
  }
}
/** A list of objects of an answer; empty where the answer has none. */
export function objects(document: JsonObject | undefined, name: string): JsonObject[] {
  const list = document?.[name];
  return Array.isArray(list) ? (list as JsonObject[]) : [];
}
