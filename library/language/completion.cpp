#include "library/language/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "library/language/completion_place.h"
#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"
#include "rules/syntax/lexer.h"

namespace tocsin::library {
using rules::Symbol;
using rules::SymbolKind;
using rules::Token;
using rules::TokenKind;

namespace {
struct Snippet {
  std::string_view label;
  std::string_view insert;
};
constexpr auto kDeclarationSnippets = std::to_array<Snippet>({
    {"event", "event ${1:name} {\n  ts: time,\n  id: string id,\n  ${2:field}: ${3:string},\n}"},
    {"kind", "kind ${1:name} = ${2:event} where ${3:condition}"},
    {"list", "list ${1:name} : ${2:string} = [${3:values}]"},
    {"table", "table ${1:name} key ${2:column} { ${3:value}: ${4:string} } from \"${5:file}\""},
    {"const", "const ${1:name} = ${2:value}"},
    {"defaults", "defaults ${1:event} { ${2:field}: ${3:value} }"},
    {"feature", "feature ${1:name} = ${2:count}(${3:event}) by ${4:key} over last ${5:10m}"},
    {"features",
     "features of ${1:event} by ${2:key} over last ${3:10m} {\n  ${4:name} = ${5:count},\n}"},
    {"key", "key ${1:name} = ${2:event}.${3:field} | ${4:event}.${5:field}"},
    {"rule",
     "rule ${1:name} \"${2:title}\" {\n  severity ${3:medium}\n  by ${4:key}\n  when ${5:event}\n"
     "  alert \"${6:message}\"\n}"},
    {"test",
     "test ${1:rule} \"${2:what it shows}\" {\n  starting 2026-01-01T00:00:00Z\n"
     "  0s  ${3:event} { ${4:field}: ${5:value} }\n  expect ${6:alert}\n}"},
    {"use", "use \"${1:schema.tocsin}\""},
    {"allow", "allow ${1:warning} \"${2:reason}\""},
});
constexpr auto kClauseSnippets = std::to_array<Snippet>({
    {"id", "id \"${1:FR-001}\""},
    {"description", "description \"${1:what it is for}\""},
    {"owner", "owner \"${1:team}\""},
    {"severity", "severity ${1:medium}"},
    {"tags", "tags ${1:tag}"},
    {"references", "references \"${1:https://}\""},
    {"falsepositives", "falsepositives \"${1:what else looks like this}\""},
    {"status", "status ${1:shadow}"},
    {"by", "by ${1:key}"},
    {"when", "when ${1:event} where ${2:condition}"},
    {"within", "within ${1:10m}"},
    {"having", "having ${1:condition}"},
    {"considering", "considering ${1:events}"},
    {"without", "without ${1:events}"},
    {"after", "after match ${1:skip past last}"},
    {"prefer", "prefer latest"},
    {"except", "except \"${1:reason}\" where ${2:condition}"},
    {"once", "once per ${1:1h}"},
    {"at", "at most ${1:3} per ${2:1h}"},
    {"allow", "allow ${1:warning} \"${2:reason}\""},
    {"alert", "alert \"${1:message}\""},
});
constexpr std::string_view kTypes[] = {"string", "int",  "decimal(2)", "float",     "bool",
                                       "time",   "date", "duration",   "enum(a, b)"};
constexpr std::string_view kListTypes[] = {"string", "int",   "decimal(2)", "date",
                                           "text",   "regex", "network"};
constexpr std::string_view kWindows[] = {
    "last 10m",      "previous 10m", "last 5 events",   "ever",
    "previous ever", "tumbling 1h",  "session gap 30m", "today in \"Europe/Berlin\"",
    "all last 30d"};
constexpr std::string_view kStepWords[] = {"no",     "first",  "next", "optional",
                                           "one of", "all of", "alert"};
constexpr std::string_view kOperators[] = {
    "and",       "or",      "in",       "not in",        "between",         "is missing",
    "is known",  "matches", "contains", "contains word", "contains any of", "starts with",
    "ends with", "then",    "within",   "over"};

std::string_view warning_name(std::size_t i) {
  static constexpr std::string_view kNames[] = {
#define TOCSIN_ERROR(code, title)
#define TOCSIN_WARNING(code, name, title) name,
#include "rules/text/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
  };
  return i < std::size(kNames) ? kNames[i] : std::string_view();
}

class Completer {
 public:
  Completer(const CheckedPack& pack, CompletionPlace place)
      : pack_(pack), place_(std::move(place)) {}

  std::vector<Completion> items() {
    switch (place_.wanted) {
      case WantedHere::kNothing:
        break;
      case WantedHere::kDeclaration:
        add_snippets(kDeclarationSnippets, WordClass::kDeclaration, {});
        break;
      case WantedHere::kClause:
        add_clauses();
        break;
      case WantedHere::kKinds:
        add_symbols(SymbolKind::kEvent, CompletionKind::kEvent);
        add_symbols(SymbolKind::kKind, CompletionKind::kEvent);
        add_roles();
        add_words(kStepWords);
        break;
      case WantedHere::kEvent:
        add_symbols(SymbolKind::kEvent, CompletionKind::kEvent);
        break;
      case WantedHere::kCondition:
        add_operands();
        break;
      case WantedHere::kOperator:
        add_words(kOperators);
        break;
      case WantedHere::kMember:
        add_members();
        break;
      case WantedHere::kEnumWord:
        add_enum_words();
        if (place_.declaration != "test" && place_.declaration != "defaults") add_operands();
        break;
      case WantedHere::kKeys:
        add_fields(place_.all_kinds);
        add_symbols(SymbolKind::kKey, CompletionKind::kKey);
        if (items_.empty()) add_all_fields();
        break;
      case WantedHere::kWindow:
        add_words(kWindows);
        break;
      case WantedHere::kType:
        if (place_.declaration == "list") {
          add_words(kListTypes);
        } else {
          add_words(kTypes);
        }
        break;
      case WantedHere::kRule:
        add_symbols(SymbolKind::kRule, CompletionKind::kRule);
        break;
      case WantedHere::kTestLine:
        add_test_lines();
        break;
      case WantedHere::kRecordField:
        add_record_fields();
        break;
      case WantedHere::kSeverity:
        add_words(std::to_array<std::string_view>({"info", "low", "medium", "high", "critical"}));
        break;
      case WantedHere::kStatus:
        add_words(std::to_array<std::string_view>({"draft", "internal", "shadow", "live"}));
        break;
      case WantedHere::kWarning:
        for (std::size_t i = 0; !warning_name(i).empty(); ++i) {
          add({CompletionKind::kKeyword, std::string(warning_name(i)), {}, "warning", {}});
        }
        break;
    }
    return std::move(items_);
  }

 private:
  void add(Completion item) {
    if (!labels_.insert(item.label).second) return;
    if (item.insert.empty()) item.insert = item.label;
    items_.push_back(std::move(item));
  }
  template <typename Words>
  void add_words(const Words& words) {
    for (const std::string_view word : words) {
      Completion item{CompletionKind::kKeyword, std::string(word), {}, {}, {}};
      if (const WordDoc* doc = find_word(word.substr(0, word.find(' ')))) {
        item.detail = doc->form;
        item.doc = doc->meaning;
      }
      add(std::move(item));
    }
  }
  void add_snippets(std::span<const Snippet> snippets, WordClass of,
                    const std::set<std::string_view>& left_out) {
    for (const Snippet& snippet : snippets) {
      if (left_out.contains(snippet.label)) continue;
      Completion item{CompletionKind::kSnippet,
                      std::string(snippet.label),
                      std::string(snippet.insert),
                      {},
                      {}};
      if (const WordDoc* doc = find_word(snippet.label, of)) {
        item.detail = doc->form;
        item.doc = doc->meaning;
      }
      add(std::move(item));
    }
  }
  // A clause that stands in the rule already may not stand there again, but for two.
  void add_clauses() {
    std::set<std::string_view> written;
    for (const std::string& clause : place_.clauses) {
      if (clause != "except" && clause != "allow") written.insert(clause);
    }
    add_snippets(kClauseSnippets, WordClass::kClause, written);
    if (written.contains("when")) add_words(std::to_array<std::string_view>({"then", "and", "or"}));
  }

  std::string written_name(const std::string& name) const {
    return rules::is_plain_name(name) ? name : "`" + name + "`";
  }
  void add_symbol(const Symbol& symbol, CompletionKind kind) {
    // One line of its declaration.
    std::string detail(pack_.text(symbol.span));
    if (const std::size_t end = detail.find('\n'); end != std::string::npos) detail.resize(end);
    add({kind, symbol.name, written_name(symbol.name), std::move(detail), symbol.doc});
  }
  void add_symbols(SymbolKind kind, CompletionKind as) {
    for (const Symbol& symbol : pack_.symbols()) {
      if (symbol.kind == kind) add_symbol(symbol, as);
    }
  }
  void add_roles() {
    for (const Symbol& symbol : pack_.symbols()) {
      if (symbol.kind == SymbolKind::kRole) add_symbol(symbol, CompletionKind::kEvent);
    }
  }

  // The event types that a kind is made of.
  std::vector<SymbolPlace> events_of(const std::string& kind) const {
    std::vector<SymbolPlace> events;
    std::vector<std::string> todo = {kind};
    std::set<std::string> seen;
    while (!todo.empty()) {
      const std::string name = std::move(todo.back());
      todo.pop_back();
      if (!seen.insert(name).second) continue;
      if (const auto event = pack_.find(SymbolKind::kEvent, name)) events.push_back(*event);
      if (const auto found = pack_.find(SymbolKind::kKind, name)) {
        for (const Token& token : tokens_of(pack_.text(pack_.symbols()[*found].span))) {
          if (token.is(TokenKind::kName)) todo.push_back(token.text);
        }
      }
      for (const Symbol& symbol : pack_.symbols()) {
        if (symbol.kind != SymbolKind::kRole || symbol.name != name) continue;
        const std::vector<Token> tokens = tokens_of(pack_.text(symbol.span));
        if (!tokens.empty()) todo.push_back(tokens.front().text);
      }
    }
    return events;
  }
  void add_fields(const std::vector<std::string>& kinds) {
    for (const std::string& kind : kinds) {
      for (const SymbolPlace event : events_of(kind)) add_parts(event, CompletionKind::kField);
    }
  }
  void add_parts(SymbolPlace of, CompletionKind kind) {
    for (const SymbolPlace part : pack_.parts(of)) add_symbol(pack_.symbols()[part], kind);
  }
  void add_all_fields() { add_symbols(SymbolKind::kField, CompletionKind::kField); }

  void add_operands() {
    if (place_.declaration == "event") {
      add_all_fields();
    } else {
      add_fields(place_.kinds.empty() ? place_.all_kinds : place_.kinds);
    }
    for (const StepSoFar& step : place_.steps) {
      std::string detail = step.is_loop ? "a loop" : "a step";
      for (const std::string& kind : step.kinds) detail += " " + kind;
      add({CompletionKind::kStep, step.name, written_name(step.name), std::move(detail), {}});
    }
    add_symbols(SymbolKind::kFeature, CompletionKind::kFeature);
    add_symbols(SymbolKind::kConstant, CompletionKind::kConstant);
    add_symbols(SymbolKind::kList, CompletionKind::kConstant);
    add_symbols(SymbolKind::kTable, CompletionKind::kConstant);
    for (const WordDoc& doc : word_docs()) {
      if (doc.of != WordClass::kFunction && doc.of != WordClass::kAggregate) continue;
      add({CompletionKind::kFunction, std::string(doc.word), std::string(doc.word) + "(${1})",
           std::string(doc.form), std::string(doc.meaning)});
    }
    add_words(std::to_array<std::string_view>({"not", "if", "true", "false"}));
  }

  void add_members() {
    const std::string& base = place_.member_of.front();
    if (place_.member_of.size() > 1 && place_.member_of[1] == "[]") {
      if (const auto table = pack_.find(SymbolKind::kTable, base)) {
        for (const SymbolPlace part : pack_.parts(*table)) {
          if (pack_.symbols()[part].kind == SymbolKind::kColumn) {
            add_symbol(pack_.symbols()[part], CompletionKind::kField);
          }
        }
      }
      return;
    }
    if (base == "prev") return add_fields(place_.kinds);
    const auto step = std::ranges::find(place_.steps, base, &StepSoFar::name);
    if (step != place_.steps.end()) {
      if (step->is_loop && place_.member_of.size() == 1) {
        add_words(std::to_array<std::string_view>({"first", "last"}));
      }
      add_fields(step->kinds);
      add_symbols(SymbolKind::kFeature, CompletionKind::kFeature);
      return;
    }
    add_fields({base});  // `key card = payment.…`
  }

  void add_enum_words() {
    const std::vector<std::string>& kinds = place_.kinds.empty() ? place_.all_kinds : place_.kinds;
    for (const std::string& kind : kinds) {
      for (const SymbolPlace event : events_of(kind)) {
        const auto field = pack_.find(SymbolKind::kField, place_.compared, event);
        if (field) add_words_of(pack_.symbols()[*field]);
      }
    }
    if (place_.compared == "severity") {
      add_words(std::to_array<std::string_view>({"info", "low", "medium", "high", "critical"}));
    }
  }
  void add_words_of(const Symbol& field) {
    const std::vector<Token> tokens = tokens_of(pack_.text(field.span));
    std::size_t at = 0;
    while (at < tokens.size() && !tokens[at].is(TokenKind::kColon)) ++at;
    const bool in_test = place_.declaration == "test" || place_.declaration == "defaults";
    if (at + 1 < tokens.size() && tokens[at + 1].is("bool")) {
      return add_words(std::to_array<std::string_view>({"true", "false"}));
    }
    if (at + 2 >= tokens.size() || !tokens[at + 1].is("enum")) return;
    for (at += 3; at < tokens.size() && !tokens[at].is(TokenKind::kParenClose); ++at) {
      if (tokens[at].is(TokenKind::kComma)) continue;
      const bool quoted = in_test || tokens[at].is(TokenKind::kString);
      const std::string word = quoted ? "\"" + tokens[at].text + "\"" : tokens[at].text;
      add({CompletionKind::kEnumWord, word, {}, "of " + field.name, {}});
    }
  }

  void add_record_fields() {
    if (const auto event = pack_.find(SymbolKind::kEvent, place_.compared)) {
      for (const SymbolPlace part : pack_.parts(*event)) {
        Symbol field = pack_.symbols()[part];
        if (field.name == "ts") continue;  // given by the line's offset
        const std::string insert = written_name(field.name) + ": ${1}";
        add({CompletionKind::kField, field.name, insert, std::string(pack_.text(field.span)),
             field.doc});
      }
      return;
    }
    // Of an expected alert.
    add_words(std::to_array<std::string_view>({"severity", "score", "message"}));
    for (const Symbol& symbol : pack_.symbols()) {
      if (symbol.kind == SymbolKind::kAlertField) add_symbol(symbol, CompletionKind::kField);
    }
  }

  void add_test_lines() {
    const auto lines = std::to_array<Snippet>({
        {"expect alert", "expect alert"},
        {"expect alert at", "expect alert at ${1:1m}"},
        {"expect no alert", "expect no alert"},
        {"until", "until ${1:10m}"},
        {"starting", "starting ${1:2026-01-01T00:00:00Z}"},
        {"0s", "${1:0s}  ${2:event} { ${3:field}: ${4:value} }"},
    });
    for (const Snippet& line : lines) {
      add({CompletionKind::kSnippet, std::string(line.label), std::string(line.insert), {}, {}});
    }
  }

  const CheckedPack& pack_;
  CompletionPlace place_;
  std::vector<Completion> items_;
  std::set<std::string> labels_;
};
}  // namespace

Completions completions_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte) {
  const std::string_view text = pack.sources().text(file);
  CompletionPlace place = completion_place(text, tokens_of(text), byte);
  Completions completions{{file, place.begin, byte}, {}};
  completions.items = Completer(pack, std::move(place)).items();
  return completions;
}
}  // namespace tocsin::library
