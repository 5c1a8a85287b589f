// The language server's requests that are no part of the protocol.
export interface RunTests {
  uri: string;
  rule?: string;
  title?: string;
}
export interface RanTest {
  rule: string;
  title: string;
  /** From 0. */
  line: number;
  passed: boolean;
  /** What went wrong, as `tocsin test` says it. */
  text: string;
}
export interface RanTests {
  passed: number;
  failed: number;
  tests: RanTest[];
}
export interface Explained {
  rule: string;
  text: string;
}
/** The answer of `tocsin/automaton`. */
export interface PicturedRule extends Explained {
  svg: string;
}

/** Asks the server; it refuses with an error that has the reason. */
export type Ask = <Answer>(method: string, parameters: object) => Promise<Answer>;

export function isRunTests(value: unknown): value is RunTests {
  return typeof value === "object" && value !== null && typeof (value as RunTests).uri === "string";
}
