// Words that the language gives a meaning, by what they are shown as. Each has it only at its place.

export type WordClass = "declaration" | "word" | "value" | "type" | "function";
const ROWS: readonly { of: WordClass; words: string }[] = [
  // words, written by editors/grammars.py
  { of: "declaration", words: "allow const defaults event feature features key kind list rule table test use" },
  { of: "word", words: "after alert alerted all and any as at between by case considering consume contains day description" },
  { of: "word", words: "each else ends events ever every evidence except excluding expect expires falsepositives first for" },
  { of: "word", words: "from gap greedy half having id if ignoring in is known last late latest life match matches missing" },
  { of: "word", words: "month most needs next no not of once one optional or order over owner past per pii prefer prev" },
  { of: "word", words: "previous references session severity skip starting starts status tags then this times to today" },
  { of: "word", words: "tumbling unique unless until up week weight when where while with within without word year" },
  { of: "value", words: "critical draft false high info internal live low medium shadow true" },
  { of: "type", words: "bool date decimal duration enum float int network regex string text time" },
  { of: "function", words: "abs avg capture ceil coalesce concat count distance_km distinct entropy ewma exp floor hour ip_in" },
  { of: "function", words: "length ln lower matched max min mode normalize percentile pow round similarity since split sqrt" },
  { of: "function", words: "stddev stddev_pop substring sum upper weekday" },
  // end of words
];
export const WORDS: ReadonlyMap<string, WordClass> = new Map(ROWS.flatMap(({ of, words }) => words.split(" ").map((word) => [word, of] as const)));
