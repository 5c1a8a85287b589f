// Where the states of a rule's automaton and its transitions are drawn: states from left to right in their order, steps to the
// next as lines, those that pass over states as arcs above, those that stay as loops, those that go back as arcs below.

export interface Box {
  name: string;
  kind: string;
  x: number; // of its left side
  width: number;
}
export interface Edge {
  number: number; // of the transition, from 1
  path: string; // as SVG has it
  labelX: number;
  labelY: number;
}
export interface Drawing {
  boxes: Box[];
  edges: Edge[];
  middle: number; // of the boxes, from the top
  width: number;
  height: number;
}
export interface Transition {
  number: number;
  from: number;
  to: number;
}
const LETTER = 8;
const PADDING = 24;
const BOX_MIN = 56;
export const BOX_HEIGHT = 32;
const GAP = 64;
const RISE = 26; // of an arc, for each state that it passes
const MARGIN = 12;
const LOOP = 22;

export function drawingOf(states: readonly { name: string; kind: string }[], transitions: readonly Transition[]): Drawing {
  let x = MARGIN;
  const boxes = states.map(({ name, kind }): Box => {
    const box = { name, kind, x, width: Math.max(BOX_MIN, [...name].length * LETTER + PADDING) };
    x += box.width + GAP;
    return box;
  });
  const known = transitions.filter(({ from, to }) => boxes[from] && boxes[to]);
  const span = ({ from, to }: Transition) => Math.abs(to - from);
  const highest = (some: Transition[], least: number) => some.reduce((most, one) => Math.max(most, span(one) * RISE), least);
  const over = known.filter(({ from, to }) => to > from + 1);
  const back = known.filter(({ from, to }) => to < from);
  const above = Math.max(highest(over, 0), known.some(({ from, to }) => from === to) ? LOOP : 0);
  const middle = MARGIN + above + BOX_HEIGHT / 2 + (above > 0 ? 10 : 0);
  const [top, bottom] = [middle - BOX_HEIGHT / 2, middle + BOX_HEIGHT / 2];
  const centre = (at: number) => (boxes[at] as Box).x + (boxes[at] as Box).width / 2;
  const edges = known.map((one): Edge => {
    const { number, from, to } = one;
    const rise = span(one) * RISE;
    if (from === to) {
      const at = centre(from);
      return { number, path: `M${at - 14} ${top}C${at - 14} ${top - LOOP * 1.3} ${at + 14} ${top - LOOP * 1.3} ${at + 14} ${top}`, labelX: at, labelY: top - LOOP };
    }
    if (to === from + 1) {
      const begin = (boxes[from] as Box).x + (boxes[from] as Box).width;
      const end = (boxes[to] as Box).x;
      return { number, path: `M${begin} ${middle}L${end} ${middle}`, labelX: (begin + end) / 2 - 4, labelY: middle };
    }
    const [begin, end] = [centre(from) + (to > from ? 8 : -8), centre(to) + (to > from ? -8 : 8)];
    const [side, way] = to > from ? [top, -1] : [bottom, 1];
    return { number, path: `M${begin} ${side}C${begin} ${side + way * rise * 1.33} ${end} ${side + way * rise * 1.33} ${end} ${side}`, labelX: (begin + end) / 2, labelY: side + way * rise };
  });
  const below = highest(back, 0);
  return { boxes, edges, middle, width: Math.max(0, x - GAP) + MARGIN, height: bottom + MARGIN + below + (below > 0 ? 10 : 0) };
}
