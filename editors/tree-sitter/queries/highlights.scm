; What each node is shown as. Where two patterns fit a node, the later one counts (Neovim 0.8 and newer, Helix, Zed).

(identifier) @variable
(quoted_identifier) @variable

; words, written by editors/grammars.py
[
  "after" "alert" "alerted" "all" "allow" "and" "any" "as" "at" "between" "by" "case" "considering"
  "const" "consume" "contains" "day" "defaults" "description" "each" "else" "ends" "event" "events"
  "ever" "every" "evidence" "except" "excluding" "expect" "expires" "falsepositives" "feature"
  "features" "first" "for" "from" "gap" "greedy" "having" "id" "if" "ignoring" "in" "is" "key"
  "kind" "known" "last" "late" "latest" "list" "match" "matches" "missing" "month" "most" "needs"
  "next" "no" "not" "of" "once" "one" "optional" "or" "order" "over" "owner" "past" "per" "pii"
  "prefer" "previous" "references" "rule" "session" "severity" "skip" "starting" "starts" "status"
  "table" "tags" "test" "then" "this" "times" "to" "today" "tumbling" "unique" "unless" "until" "up"
  "use" "week" "weight" "when" "where" "while" "with" "within" "without" "word" "year" "half life"
] @keyword
[
  "bool" "date" "decimal" "duration" "enum" "float" "int" "network" "regex" "string" "text" "time"
] @type.builtin
[
  "draft" "internal" "live" "shadow"
] @constant.builtin
((severity (identifier) @constant.builtin) (#any-of? @constant.builtin "info" "low" "medium" "high" "critical"))
; end of words

(comment) @comment @spell
(string) @string
(string_in_message) @string
(message) @string @spell
(interpolation) @none
(interpolation "{" @punctuation.special "}" @punctuation.special)
(escape) @string.escape
(regex) @string.regexp
[(integer) (decimal) (float) (duration) (date) (time)] @number
(boolean) @boolean
(prev) @variable.builtin

(member name: (_) @variable.member)
((member name: (identifier) @keyword) (#any-of? @keyword "first" "last"))
(entry name: (_) @variable.member)
(field name: (_) @variable.member)
(column name: (_) @variable.member)
(key_part name: (_) @variable.member)
(key_member field: (_) @variable.member)

(event name: (_) @type)
(kind name: (_) @type)
(step kind: (_) @type)
(absence kind: (_) @type)
(without kind: (_) @type)
(considering kind: (_) @type)
(until kind: (_) @type)
(event_window kind: (_) @type)
(subset kind: (_) @type)
(features kind: (_) @type)
(key_member kind: (_) @type)
(defaults event: (_) @type)
(test_event event: (_) @type)

(const name: (_) @constant)
(list name: (_) @constant)
(table name: (_) @constant)
(feature name: (_) @property)
(feature_entry name: (_) @property)
(rule name: (_) @function)
(test rule: (_) @function)
(call function: (_) @function.call)
(feature_entry aggregate: (_) @function.call)
(allow warning: (_) @attribute)
(tags (identifier) @constant.builtin)

["=" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/" "%" "|" "?" ".."] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
