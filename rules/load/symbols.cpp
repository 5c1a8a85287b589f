#include "rules/load/symbols.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace tocsin::rules {
namespace {
std::string_view without_blanks(std::string_view line) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return line;
}

// The lines of comment that stand directly above a byte's line, and nothing else on theirs.
std::string comment_above(std::string_view text, std::uint32_t begin) {
  std::vector<std::string_view> lines;
  std::size_t line = text.rfind('\n', begin == 0 ? 0 : begin - 1);
  // Nothing but blanks may stand between the line's begin and the declaration.
  const std::size_t own = line == std::string_view::npos ? 0 : line + 1;
  if (!without_blanks(text.substr(own, begin - own)).empty()) return {};
  while (line != std::string_view::npos && line > 0) {
    const std::size_t before = text.rfind('\n', line - 1);
    const std::size_t from = before == std::string_view::npos ? 0 : before + 1;
    std::string_view comment = without_blanks(text.substr(from, line - from));
    if (!comment.starts_with('#')) break;
    while (comment.starts_with('#')) comment.remove_prefix(1);
    lines.push_back(without_blanks(comment));
    line = before;
  }
  std::string out;
  for (auto each = lines.rbegin(); each != lines.rend(); ++each) {
    if (!out.empty()) out += '\n';
    out += *each;
  }
  return out;
}

class Declarer {
 public:
  Declarer(std::string_view text, std::vector<Symbol>& out) : text_(text), out_(out) {}

  void declare(const tree::Use&) {}
  void declare(const tree::Allow&) {}
  void declare(const tree::Defaults&) {}
  void declare(const tree::Event& event) {
    const auto of = add(SymbolKind::kEvent, event.name, event.span);
    for (const tree::Field& field : event.fields)
      add(SymbolKind::kField, field.name, field.span, of);
  }
  void declare(const tree::Kind& kind) { add(SymbolKind::kKind, kind.name, kind.span); }
  void declare(const tree::Key& key) {
    const auto of = add(SymbolKind::kKey, key.part.name, key.span);
    add_roles(key.part, of);
  }
  void declare(const tree::List& list) { add(SymbolKind::kList, list.name, list.span); }
  void declare(const tree::Table& table) {
    const auto of = add(SymbolKind::kTable, table.name, table.span);
    for (const tree::Name& key : table.keys) add(SymbolKind::kKeyColumn, key, key.span, of);
    for (const tree::Column& column : table.columns) {
      add(SymbolKind::kColumn, column.name, column.span, of);
    }
  }
  void declare(const tree::Const& constant) {
    add(SymbolKind::kConstant, constant.name, constant.span);
  }
  void declare(const tree::Feature& feature) {
    add(SymbolKind::kFeature, feature.name, feature.span);
  }
  void declare(const tree::Features& group) {
    for (const tree::FeatureEntry& entry : group.entries) {
      if (const Place place = add(SymbolKind::kFeature, entry.name, entry.span)) {
        out_[*place].group = group.span;
      }
    }
  }
  void declare(const tree::Rule& rule) {
    const auto of = add(SymbolKind::kRule, rule.name, rule.span);
    if (rule.by) {
      for (const tree::KeyPart& part : rule.by->parts) {
        if (part.members.empty()) continue;
        add(SymbolKind::kKeyPart, part.name, part.span, of);
        add_roles(part, of);
      }
    }
    if (rule.when) {
      if (const auto* pattern = std::get_if<tree::Pattern>(&rule.when->what)) {
        add_steps(*pattern, of);
      } else {
        const auto& window = std::get<tree::EventWindow>(rule.when->what);
        add(SymbolKind::kStep, window.as, window.span, of);
      }
    }
    if (!rule.alert) return;
    for (const tree::Record::Entry& entry : rule.alert->fields.entries) {
      SourceSpan span = entry.name.span;
      if (entry.value) span.end = std::max(span.end, entry.value->span.end);
      add(SymbolKind::kAlertField, entry.name, span, of);
    }
  }
  void declare(const tree::Test& test) {
    if (test.title.text.empty()) return;
    add(SymbolKind::kTest, {test.title.text, test.title.span}, test.span);
  }

 private:
  using Place = std::optional<std::size_t>;

  // Nothing where the name could not be read.
  Place add(SymbolKind kind, const tree::Name& name, SourceSpan span, Place of = {}) {
    if (name.text.empty()) return std::nullopt;
    out_.push_back({kind, name.text, name.span, span, of, {}, comment_above(text_, span.begin)});
    return out_.size() - 1;
  }
  void add_roles(const tree::KeyPart& part, Place of) {
    for (const tree::KeyMember& member : part.members) {
      if (member.role) add(SymbolKind::kRole, *member.role, member.span, of);
    }
  }
  void add_steps(const tree::Pattern& pattern, Place of) {
    for (const tree::Element& element : pattern.elements) {
      if (const auto* step = std::get_if<tree::Step>(&element.body)) add_step(*step, of);
    }
  }
  void add_step(const tree::Step& step, Place of) {
    if (step.as) add(SymbolKind::kStep, *step.as, step.span, of);
    for (const tree::Pattern& pattern : step.patterns) add_steps(pattern, of);
    for (const tree::Step& member : step.members) add_step(member, of);
  }

  std::string_view text_;
  std::vector<Symbol>& out_;
};
}  // namespace

std::string_view symbol_word(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::kEvent:
      return "event";
    case SymbolKind::kField:
      return "field";
    case SymbolKind::kKind:
      return "kind";
    case SymbolKind::kKey:
      return "key";
    case SymbolKind::kList:
      return "list";
    case SymbolKind::kTable:
      return "table";
    case SymbolKind::kKeyColumn:
      return "key column";
    case SymbolKind::kColumn:
      return "column";
    case SymbolKind::kConstant:
      return "constant";
    case SymbolKind::kFeature:
      return "feature";
    case SymbolKind::kRule:
      return "rule";
    case SymbolKind::kKeyPart:
      return "part of the key";
    case SymbolKind::kRole:
      return "role";
    case SymbolKind::kStep:
      return "step";
    case SymbolKind::kAlertField:
      return "field of the alert";
    case SymbolKind::kTest:
      return "test";
  }
  return "";
}

void declare_symbols(const SourceMap& sources, const tree::File& file, std::vector<Symbol>& out) {
  Declarer declarer(sources.text(file.file), out);
  for (const tree::Item& item : file.items) {
    std::visit([&](const auto& declaration) { declarer.declare(declaration); }, item);
  }
}
}  // namespace tocsin::rules
