// JSON as it was sent: a number keeps its digits (900.00 stays 900.00, and 12345678901234567.89 loses none), and the source of an
// object can be had byte by byte.

/** A number that a JavaScript number would write otherwise. */
export class Digits {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}
export type Json = null | boolean | number | string | Digits | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

class Given {
  constructor(value: object) {
    return value;
  }
}
/** A member that no listing or copy of an object has. Each collection of garbage walks all of a WeakMap, which long lists would fill. */
class Source extends Given {
  readonly #text: string;
  constructor(value: object, text: string) {
    super(value);
    this.#text = text;
  }
  static of(value: object): string {
    return #text in value ? value.#text : "";
  }
}
/** The text that an object or array was parsed from. */
export const sourceOf = (value: object): string => Source.of(value);

/** An object that inherits nothing: a member may be named __proto__. One of Object.create(null) takes three times the memory. */
const Bare = function () {} as unknown as new () => JsonObject;
Bare.prototype = Object.create(null);

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANK = /[ \t\r\n]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const DEPTH_MAX = 200;

class Parser {
  private at = 0;
  constructor(private readonly text: string) {}

  whole(): Json {
    const value = this.value(0);
    this.blank();
    if (this.at !== this.text.length) this.fail();
    return value;
  }
  private fail(): never {
    throw new SyntaxError(`no JSON at character ${this.at}`);
  }
  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) this.fail();
    this.at += found[0].length;
    return found[0];
  }
  private blank(): void {
    if (this.text.charCodeAt(this.at) <= 32) this.take(BLANK);
  }
  private eat(letter: string): boolean {
    this.blank();
    if (this.text[this.at] !== letter) return false;
    this.at += 1;
    return true;
  }
  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail();
    this.at += word.length;
    return value;
  }
  private value(depth: number): Json {
    if (depth > DEPTH_MAX) this.fail();
    this.blank();
    const begin = this.at;
    switch (this.text[this.at]) {
      case "{": {
        const value = this.object(depth);
        new Source(value, this.text.slice(begin, this.at));
        return value;
      }
      case "[": {
        const value = this.array(depth);
        new Source(value, this.text.slice(begin, this.at));
        return value;
      }
      case '"':
        return this.string();
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default: {
        const text = this.take(NUMBER);
        const number = Number(text);
        return String(number) === text ? number : new Digits(text);
      }
    }
  }
  private object(depth: number): JsonObject {
    const value: JsonObject = new Bare();
    this.at += 1;
    if (this.eat("}")) return value;
    do {
      this.blank();
      if (this.text[this.at] !== '"') this.fail();
      const name = this.string();
      if (!this.eat(":")) this.fail();
      value[name] = this.value(depth + 1);
    } while (this.eat(","));
    if (!this.eat("}")) this.fail();
    return value;
  }
  private array(depth: number): Json[] {
    const value: Json[] = [];
    this.at += 1;
    if (this.eat("]")) return value;
    do value.push(this.value(depth + 1));
    while (this.eat(","));
    if (!this.eat("]")) this.fail();
    return value;
  }
  private string(): string {
    const begin = this.at;
    this.at += 1;
    for (;;) {
      this.take(PLAIN);
      if (this.text[this.at] === '"') break;
      if (this.text[this.at] !== "\\") this.fail();
      this.at += 2;
    }
    this.at += 1;
    return JSON.parse(this.text.slice(begin, this.at)) as string;
  }
}

/** Throws SyntaxError for what is no JSON. */
export function parseJson(text: string): Json {
  return new Parser(text).whole();
}
/** A value as JSON; Digits keep theirs. Without members that are undefined. */
export function jsonText(value: unknown): string {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => `${JSON.stringify(name)}:${jsonText(one)}`)
      .join(",")}}`;
  return JSON.stringify(value);
}
/** What somebody typed: a number with its digits where it is one, else a text. */
export function typed(text: string): Digits | string {
  NUMBER.lastIndex = 0;
  return NUMBER.exec(text)?.[0] === text ? new Digits(text) : text;
}
/** A value as people read it: digits as they were sent. */
export function show(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (value instanceof Digits) return value.text;
  return sourceOf(value);
}
