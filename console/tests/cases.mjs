// The cases of the browser's tests, in the order in which they run.
import { HOSTILE } from "./world.mjs";

export const cases = [];
/**
 * Each runs with a server that has six alerts: of c1, c1, c2, a hostile one, and two small ones. `options`: rules (a text), more
 * (arguments of the server).
 */
export const check = (name, run, options = {}) => cases.push({ name, run, options });
export const PAYMENTS = [
  [1, "c1", "900.00"],
  [2, "c1", "12345678901234.50"],
  [3, "c2", "500.00"],
  [4, HOSTILE, "700.00", HOSTILE],
  [5, "c3", "1.00"],
  [6, "c4", "2.00"],
];
