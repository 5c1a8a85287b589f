// The grammar of rule files for tree-sitter. A word is a keyword only where the grammar has it: elsewhere it is a name, as in the
// language. What the checker refuses for other reasons than its form, such as a second `when`, is accepted.

const OR = 1;
const AND = 2;
const NOT = 3;
const COMPARE = 4;
const ADD = 5;
const MULTIPLY = 6;
const NEGATE = 7;
const POSTFIX = 8;

const list = (rule) => seq(rule, repeat(seq(",", rule)));
// In brackets a comma may stand behind the last.
const bracketed = (open, rule, close) => seq(open, optional(seq(list(rule), optional(","))), close);
const either = (...words) => choice(...words);

module.exports = grammar({
  name: "tocsin",
  word: ($) => $.identifier,
  extras: ($) => [/\s/, /\uFEFF/, $.comment],
  inline: ($) => [$._declaration, $._clause],
  supertypes: ($) => [$.expression],
  conflicts: ($) => [],

  rules: {
    source_file: ($) => repeat($._declaration),
    comment: () => token(/#[^\n]*/),

    // ---- declarations
    _declaration: ($) =>
      choice($.use, $.allow, $.event, $.kind, $.key, $.list, $.table, $.const, $.defaults, $.feature, $.features, $.rule, $.test),
    use: ($) => seq("use", field("path", $.string)),
    allow: ($) => seq("allow", field("warning", $._name), field("reason", $.string)),
    event: ($) => seq("event", field("name", $._name), optional(seq("from", field("type", $.string))), bracketed("{", $.field, "}")),
    field: ($) => seq(field("name", $._name), ":", field("type", $.type), repeat($.modifier), optional(seq("=", field("value", $.expression)))),
    type: ($) =>
      seq(
        choice("bool", "int", "float", seq("decimal", "(", $.integer, ")"), "string", "time", "date", "duration",
          seq("enum", bracketed("(", $._word, ")"))),
        optional("?"),
      ),
    modifier: ($) =>
      choice(seq("up", "to", $.duration, "late"), seq("unique", optional(seq("within", $.duration))), "id", "key",
        seq("from", choice($.integer, $.string)), seq("in", $.identifier), "pii", "evidence"),
    kind: ($) => seq("kind", field("name", $._name), "=", $.subset, repeat(seq("|", $.subset))),
    subset: ($) => seq($._kind_reference, optional($.where)),
    key: ($) => seq("key", field("name", $._name), "=", $._members),
    list: ($) =>
      seq("list", field("name", $._name), ":", field("type", $.list_type),
        choice(seq("from", field("path", $.string)), seq("=", field("values", $.array)))),
    list_type: ($) =>
      choice("string", "int", seq("decimal", "(", $.integer, ")"), "date", "network", seq("text", optional(seq("ignoring", "case"))), "regex"),
    table: ($) =>
      seq("table", field("name", $._name), "key", list(field("key", $._name)), bracketed("{", $.column, "}"),
        choice(seq("from", field("path", $.string)), seq("=", bracketed("{", $.row, "}")))),
    column: ($) => seq(field("name", $._name), ":", choice(field("type", $.type), seq("list", "of", "string"), "network")),
    row: ($) => seq(choice($._literal, bracketed("(", $._literal, ")")), ":", $.record),
    const: ($) => seq("const", field("name", $._name), "=", field("value", $._literal)),
    defaults: ($) => seq("defaults", field("event", $._name), $.record),
    record: ($) => bracketed("{", $.entry, "}"),
    entry: ($) => seq(field("name", $._name), ":", field("value", $.expression)),

    // ---- features
    feature: ($) =>
      seq("feature", field("name", $._name), "=", field("aggregate", alias($._plain_call, $.call)), optional($._by), "over", $.window),
    features: ($) =>
      seq("features", "of", $._kinds, optional($._by), "over", $.window, bracketed("{", $.feature_entry, "}")),
    _by: ($) => seq("by", list(field("key", $._name))),
    feature_entry: ($) =>
      seq(field("name", $._name), "=", field("aggregate", $.identifier),
        optional(choice(field("argument", $.expression), seq("(", field("argument", $.expression), ",", $._parameter, ")"))),
        optional($.where), optional($.unless)),
    window: ($) => prec.right(seq(optional("all"), $._range, optional(seq("every", $.duration)), optional(seq("needs", $.integer, "events")))),
    _range: ($) =>
      prec.right(choice(
        seq("last", $.duration, optional(seq("excluding", "last", $.duration))),
        seq("last", $.integer, "events", optional($._window_where)),
        seq("previous", $.duration),
        seq("previous", $.integer, "events", optional(seq("within", $.duration)), optional($._window_where)),
        seq("previous", "ever"),
        seq("tumbling", $.duration),
        seq("today", "in", $.zone),
        seq("this", either("week", "month", "year"), "in", $.zone),
        seq("session", "gap", $.duration),
        "ever",
      )),
    _window_where: ($) => prec(1, seq("where", "(", field("condition", $.expression), ")")),
    zone: ($) => choice($.string, prec.right(seq($._name, repeat(seq(".", $._name))))),
    unless: ($) => seq("unless", "alerted", "by", field("rule", $._name)),
    where: ($) => seq("where", field("condition", $.expression)),

    // ---- expressions
    expression: ($) =>
      choice($.if, $.binary, $.unary, $.presence, $.between, $.member, $.index, $.call, $.array, $.parenthesized, $.prev, $.boolean, $.integer,
        $.decimal, $.float, $.string, $.duration, $.date, $.time, $.regex, $._variable),
    _variable: ($) => prec(-1, $._name),
    if: ($) => prec.right(0, seq("if", $.expression, "then", $.expression, "else", $.expression)),
    binary: ($) => {
      const operators = [
        [OR, "or"], [AND, "and"],
        ...["=", "!=", "<", "<=", ">", ">=", "in", seq("not", "in"), "matches", seq("matches", "any", "of"), "contains", seq("contains", "word"),
          seq("contains", "any", optional("word"), "of"), seq("starts", "with"), seq("ends", "with")].map((operator) => [COMPARE, operator]),
        [ADD, "+"], [ADD, "-"], [MULTIPLY, "*"], [MULTIPLY, "/"], [MULTIPLY, "%"],
      ];
      return choice(...operators.map(([level, operator]) =>
        prec.left(level, seq(field("left", $.expression), operator, field("right", $.expression)))));
    },
    between: ($) => prec.left(COMPARE, seq($.expression, "between", $.expression, "and", $.expression)),
    presence: ($) => prec.left(COMPARE, seq($.expression, "is", either("missing", "known"))),
    unary: ($) => choice(prec(NOT, seq("not", $.expression)), prec(NEGATE, seq("-", $.expression))),
    member: ($) => prec.left(POSTFIX, seq(field("object", $.expression), ".", field("name", $._name))),
    index: ($) => prec.left(POSTFIX, seq(field("object", $.expression), "[", list($.expression), "]")),
    call: ($) => prec.right(POSTFIX, seq($._call, optional(seq("over", $.window)))),
    _plain_call: ($) => $._call,
    _call: ($) => seq(field("function", $._name), "(", optional(seq($._argument, repeat(seq(",", $._parameter)))), ")"),
    _argument: ($) =>
      seq(choice($.expression, $._alert_kinds), optional(seq("of", $._kinds)), optional($.where), optional($.unless)),
    _alert_kinds: ($) => seq($._alert_kind, repeat(seq("or", $._kind_reference))),
    _parameter: ($) => choice($.expression, $.half_life, $.weight),
    half_life: ($) => seq(alias(token(prec(1, /half[ \t\r\n]+life/)), "half life"), $.duration),
    weight: ($) => seq("weight", $._number),
    array: ($) => bracketed("[", $.expression, "]"),
    parenthesized: ($) => seq("(", $.expression, ")"),
    prev: () => "prev",

    // ---- rules
    rule: ($) => seq("rule", field("name", $._name), field("title", $.string), "{", repeat($._clause), "}"),
    _clause: ($) =>
      choice($.id, $.description, $.owner, $.severity, $.tags, $.references, $.falsepositives, $.status, $.by, $.when, $.within, $.having,
        $.considering, $.without, $.after_match, $.prefer, $.except, $.once, $.at_most, $.allow, $.alert),
    id: ($) => seq("id", $._word),
    description: ($) => seq("description", $.string),
    owner: ($) => seq("owner", $.string),
    severity: ($) => seq("severity", $.expression),
    tags: ($) => seq("tags", list($._word)),
    references: ($) => seq("references", list($.string)),
    falsepositives: ($) => seq("falsepositives", list($.string)),
    status: () => seq("status", either("draft", "internal", "shadow", "live")),
    by: ($) => seq("by", list($.key_part)),
    key_part: ($) => seq(field("name", $._name), optional(seq("=", $._members))),
    _members: ($) => seq($.key_member, repeat(seq("|", $.key_member))),
    key_member: ($) => seq($._kind_reference, ".", field("field", $._name), optional(seq("as", field("role", $._name)))),
    when: ($) => seq("when", choice($.event_window, $.pattern)),
    event_window: ($) =>
      seq(
        choice(seq("session", "of", $._kinds, "gap", $.duration),
          seq("tumbling", choice($.duration, seq(either("day", "week", "month", "year"), "in", $.zone)), "of", $._kinds)),
        "as", field("name", $._name), optional($.where)),
    within: ($) => seq("within", $.duration),
    having: ($) => seq("having", $.expression),
    considering: ($) => seq("considering", $._kinds),
    without: ($) => seq("without", $._kinds, optional($.where), optional(seq("for", $.duration))),
    after_match: ($) =>
      seq("after", "match",
        choice(seq("no", "skip"), "consume",
          seq("skip", choice(seq("past", "last"), seq("to", choice("next", seq(either("first", "last"), $._name)))))),
        optional(seq("in", "order"))),
    prefer: () => seq("prefer", "latest"),
    except: ($) => seq("except", field("reason", $.string), $.where, optional(seq("expires", $.date))),
    once: ($) =>
      seq("once", choice(seq("while", $.expression), seq("per", choice($.duration, $._once_unit, field("step", $._name)))), optional($._for_each)),
    _once_unit: ($) => seq(either("day", "week", "month", "year"), "in", $.zone),
    at_most: ($) => seq("at", "most", $.integer, "per", $.duration, optional($._for_each)),
    _for_each: ($) => seq("for", "each", list($.expression)),
    alert: ($) => seq("alert", field("message", $.message), optional($.record)),

    // ---- patterns
    pattern: ($) => prec.right(seq($.step, repeat(seq("then", choice($.absence, $._next_step))))),
    _next_step: ($) => seq(optional(either("next", "first")), optional(seq("within", $.duration)), $.step),
    absence: ($) => seq("no", optional("next"), $._kinds, optional($.where), optional(seq("for", $.duration))),
    step: ($) =>
      seq(optional("optional"), optional($.count),
        choice(
          seq($._kinds, optional(seq("as", field("name", $._name))), optional($.where), optional($.until)),
          seq("(", $.pattern, ")"),
          prec.right(seq("one", "of", bracketed("{", $.pattern, "}"), optional(seq("as", field("name", $._name))))),
          seq("all", "of", bracketed("{", $.step, "}")),
        )),
    until: ($) => seq("until", $._kinds, optional($.where)),
    count: ($) => seq($.integer, optional(choice("+", seq("..", $.integer))), optional(either("next", "each")), optional("greedy")),
    _kinds: ($) => prec.right(seq($._kind_reference, repeat(seq("or", $._kind_reference)))),
    _kind_reference: ($) => choice($._alert_kind, field("kind", $._name)),
    _alert_kind: ($) => choice(seq("alert", field("rule", $._name)), seq("any", "alert")),

    // ---- tests
    test: ($) =>
      seq("test", field("rule", $._name), field("title", $.string), "{", optional(seq("starting", $.time)), repeat(choice($.test_event, $.test_until)),
        repeat1($.expect), "}"),
    test_event: ($) => seq(field("offset", $.duration), field("event", $._name), $.record),
    test_until: ($) => seq("until", $.duration),
    expect: ($) => seq("expect", choice(seq("no", "alert"), seq("alert", optional(seq($.integer, "times")), optional(seq("at", $.duration)), optional($.record)))),

    // ---- words
    _name: ($) =>
      choice($.identifier, $.quoted_identifier, ...["weight", "day", "week", "month", "year"].map((word) => prec(-1, alias(word, $.identifier)))),
    _word: ($) => choice($._name, $.string),
    _literal: ($) =>
      choice($._number, seq("-", $._number), $.string, $.boolean, $.duration, $.date, $.time, $.regex, $._name,
        alias($._literal_array, $.array)),
    _literal_array: ($) => bracketed("[", $._literal, "]"),
    _number: ($) => choice($.integer, $.decimal, $.float),
    boolean: () => either("true", "false"),
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    quoted_identifier: () => /`[^`\r\n]+`/,
    integer: () => /[0-9][0-9_]*/,
    decimal: () => /[0-9][0-9_]*\.[0-9]+/,
    float: () => /[0-9][0-9_]*(\.[0-9]+)?[eE][+-]?[0-9]+/,
    duration: () => /([0-9][0-9_]*(ms|[smhdw]))+/,
    date: () => /[0-9]{4}-[0-9]{2}-[0-9]{2}/,
    time: () => /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})/,
    regex: () => token(seq("/", repeat1(choice(/[^\/\\\r\n\[]/, /\\[^\r\n]/, /\[([^\]\\\r\n]|\\[^\r\n])*\]/)), "/", /i?/)),
    string: ($) => choice($._string, alias($._escaped_string, $.string_in_message)),
    _string: ($) => seq('"', repeat(choice($._string_text, $.escape)), token.immediate('"')),
    _string_text: () => token.immediate(prec(1, /[^"\\\r\n]+/)),
    // A string in an expression of a message.
    _escaped_string: () => token(/\\"([^"\\\r\n]|\\[^"\r\n])*\\"/),
    escape: () => token.immediate(prec(1, /\\(["\\\/bfnrt]|u[0-9A-Fa-f]{4})/)),
    message: ($) => seq('"', repeat(choice($._message_text, $.escape, $.interpolation)), token.immediate('"')),
    _message_text: () => token.immediate(prec(1, /([^"\\\r\n{}]|\{\{|\}\})+/)),
    interpolation: ($) => seq(token.immediate("{"), $.expression, "}"),
  },
});
