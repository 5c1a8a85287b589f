// console_reads.mjs CONSOLE openapi.json: whether the members of answers that the web console reads are in the document, as what it
// reads them. Which answers a file may read is known by the paths in it, in the files that it uses, and in those that use it: data go
// from one to the other. One line for each member that none of them has, then `N members of M files, N of them not in the document`.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, relative, resolve } from "node:path";

const [folder, documentPath] = process.argv.slice(2);
const ts = createRequire(join(resolve(folder), "package.json"))("typescript");
const openapi = JSON.parse(readFileSync(documentPath, "utf8"));
const { config } = ts.readConfigFile(join(folder, "tsconfig.json"), ts.sys.readFile);
const options = ts.convertCompilerOptionsFromJson(config.compilerOptions, folder).options;
const sourceFolder = join(resolve(folder), "src");
const names = readdirSync(sourceFolder).filter((name) => /\.tsx?$/.test(name));
const program = ts.createProgram(names.map((name) => join(sourceFolder, name)), { ...options, noEmit: true });
const checker = program.getTypeChecker();
const sources = names.map((name) => program.getSourceFile(join(sourceFolder, name)));

// ---- What the document has.
const resolved = (schema) => (schema.$ref ? resolved(schema.$ref.slice(2).split("/").reduce((at, part) => at[part.replaceAll("~1", "/")], openapi)) : schema);
/** A schema and its alternatives. */
function forms(schema) {
  const own = resolved(schema);
  return [own, ...[...(own.oneOf ?? []), ...(own.anyOf ?? []), ...(own.allOf ?? [])].flatMap(forms)];
}
const typesOf = (schema) => forms(schema).flatMap(({ type, properties, enum: values, const: value }) => [type ?? (properties ? "object" : values || value !== undefined ? "string" : [])].flat());
const isAny = (schema) => forms(schema).every((form) => !form.type && !form.properties && !form.enum && !form.oneOf && !form.anyOf && !form.allOf && form.const === undefined);
/** All members below a schema, by name; `seen` are the schemas that were walked. */
function addMembers(schema, to, seen) {
  for (const form of forms(schema)) {
    if (seen.has(form)) continue;
    seen.add(form);
    for (const [name, member] of Object.entries(form.properties ?? {})) {
      to.set(name, [...(to.get(name) ?? []), member]);
      addMembers(member, to, seen);
    }
    if (form.items) addMembers(form.items, to, seen);
    if (typeof form.additionalProperties === "object") addMembers(form.additionalProperties, to, seen);
  }
}
/** The members of what a path's operations take and answer. */
function membersOf(path) {
  const found = new Map();
  const seen = new Set();
  for (const operation of Object.values(openapi.paths[path])) {
    const contents = [operation.requestBody, ...Object.values(operation.responses ?? {})].filter(Boolean).map((one) => resolved(one).content ?? {});
    for (const media of contents.flatMap(Object.values)) if (media.schema) addMembers(media.schema, found, seen);
  }
  return found;
}
const paths = Object.keys(openapi.paths).map((path) => ({ path, parts: path.split("/"), members: membersOf(path) }));
const fits = (parts, written) => parts.length === written.length && parts.every((part, i) => part === written[i] || (part.startsWith("{") && written[i] !== "") || written[i].includes("*"));

// ---- What the console reads.
const PATH = /^\/(v1|metrics|readyz)/;
/** The paths of the API that a file names, with stars for what is not known: one that goes on from a star goes on from each of the others. */
function pathsIn(source) {
  const written = new Set();
  const visit = (node) => {
    let text = "";
    if (ts.isStringLiteralLike(node)) text = node.text;
    else if (ts.isTemplateExpression(node)) text = node.head.text + node.templateSpans.map((span) => `*${span.literal.text}`).join("");
    if (PATH.test(text) || text.startsWith("*/")) written.add(text.replace(/\?.*$/, ""));
    ts.forEachChild(node, visit);
  };
  visit(source);
  const begun = [...written].filter((text) => PATH.test(text));
  const whole = [...begun, ...[...written].filter((text) => !PATH.test(text)).flatMap((text) => begun.map((one) => one + text.slice(1)))];
  // What follows the last part may be a query, which begins with a question mark of its own.
  return new Set(paths.filter(({ parts }) => whole.some((text) => fits(parts, text.split("/")) || fits(parts, text.replace(/\*$/, "").split("/")))));
}
const isJsonObject = (node) => {
  const type = checker.getNonNullableType(checker.getTypeAtLocation(node));
  return (type.isUnion() ? type.types : [type]).some((one) => one.aliasSymbol?.name === "JsonObject" || (one.getProperties().length === 0 && one.getStringIndexType()?.aliasSymbol?.name === "Json"));
};
const CALLS = { numberOf: "number", objects: "objects" };
function kindOf(node) {
  let at = node;
  while (ts.isParenthesizedExpression(at.parent) || ts.isNonNullExpression(at.parent)) at = at.parent;
  if (!ts.isAsExpression(at.parent)) return "";
  const text = at.parent.type.getText().replace(/\s*\|\s*undefined/, "").replace(/^readonly /, "");
  return { "JsonObject[]": "objects", "string[]": "strings", JsonObject: "object", number: "number", boolean: "boolean" }[text] ?? "";
}
/** What the console itself puts beside the members of an answer: `{ ...answer.json, etag }`. */
function addedBy(source) {
  const found = new Set();
  const visit = (node) => {
    if (ts.isObjectLiteralExpression(node) && node.properties.some((one) => ts.isSpreadAssignment(one) && isJsonObject(one.expression))) {
      for (const one of node.properties) if (one.name) found.add(one.name.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
function readsIn(source) {
  const found = [];
  // What is no name of ours is a key of a map: `answer.files["text.tocsin"]`.
  const add = (node, name, kind) => /^[a-z]\w*$/.test(name) && found.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, name, kind });
  const visit = (node) => {
    if (ts.isPropertyAccessExpression(node) && isJsonObject(node.expression)) add(node, node.name.text, kindOf(node));
    if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression) && isJsonObject(node.expression)) add(node, node.argumentExpression.text, kindOf(node));
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InKeyword && ts.isStringLiteralLike(node.left) && isJsonObject(node.right)) add(node, node.left.text, "");
    if (ts.isObjectBindingPattern(node) && isJsonObject(node)) for (const one of node.elements) if (!one.dotDotDotToken) add(one, (one.propertyName ?? one.name).getText(), "");
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const [first, second, third] = node.arguments;
      const { text } = node.expression;
      if (Object.hasOwn(CALLS, text) && second && ts.isStringLiteralLike(second)) add(node, second.text, CALLS[text]);
      if (text === "member" && second && ts.isStringLiteralLike(second)) add(node, second.text, third && third.text === "number" ? "number" : "");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
/** The files of src that a file uses. */
const usedBy = (source) => source.statements.filter((one) => (ts.isImportDeclaration(one) || ts.isExportDeclaration(one)) && one.moduleSpecifier?.text.startsWith("./")).flatMap((one) => sources.filter((other) => basename(other.fileName).replace(/\.tsx?$/, "") === one.moduleSpecifier.text.slice(2)));
const uses = new Map(sources.map((source) => [source, usedBy(source)]));
const users = new Map(sources.map((source) => [source, sources.filter((other) => uses.get(other).includes(source))]));
function reached(source, by) {
  const found = new Set([source]);
  for (const one of found) for (const other of by.get(one)) found.add(other);
  return found;
}

const IS = {
  number: (schema) => typesOf(schema).some((type) => type === "integer" || type === "number"),
  boolean: (schema) => typesOf(schema).includes("boolean"),
  object: (schema) => typesOf(schema).includes("object"),
  objects: (schema) => forms(schema).some(({ items }) => items && (typesOf(items).includes("object") || isAny(items))),
  strings: (schema) => forms(schema).some(({ items }) => items && (typesOf(items).includes("string") || isAny(items))),
};
const own = new Map(sources.map((source) => [source, pathsIn(source)]));
const added = new Map(sources.map((source) => [source, addedBy(source)]));
let members = 0;
let wrong = 0;
for (const source of sources) {
  const around = [...reached(source, uses), ...reached(source, users)];
  const from = new Set(around.flatMap((one) => [...own.get(one)]));
  for (const { line, name, kind } of readsIn(source)) {
    members += 1;
    const schemas = [...from].flatMap((one) => one.members.get(name) ?? []);
    if (around.some((one) => added.get(one).has(name)) || schemas.some((schema) => !kind || isAny(schema) || IS[kind](schema))) continue;
    wrong += 1;
    const has = [...new Set(schemas.flatMap(typesOf))].join(" or ");
    console.log(`${relative(resolve(folder), source.fileName)}:${line}: ${name}: ${schemas.length === 0 ? "no answer of its paths has it" : `read as ${kind}, and is ${has}`}`);
  }
}
console.log(`${members} members of ${sources.length} files, ${wrong} of them not in the document`);
process.exit(wrong === 0 && members > 100 ? 0 : 1);
