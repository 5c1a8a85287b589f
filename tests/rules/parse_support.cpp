#include "tests/rules/parse_support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

namespace tocsin::tests {
namespace {
using rules::tree::Expr;

class SpanChecker {
 public:
  explicit SpanChecker(const Parsed& parsed)
      : size_(static_cast<std::uint32_t>(parsed.sources.text(parsed.file.file).size())) {}

  void span(const rules::SourceSpan& span) const {
    REQUIRE(span.begin <= span.end);
    REQUIRE(span.end <= size_);
  }
  // Operands lie inside of their expression; so do its operator and name.
  void expr(const Expr* expr) const {
    if (expr == nullptr) return;
    span(expr->span);
    span(expr->op_span);
    for (const auto& arg : expr->args) {
      REQUIRE(arg != nullptr);
      REQUIRE(expr->depth > arg->depth);
      this->expr(arg.get());
      if (expr->kind == rules::tree::ExprKind::kError) continue;
      REQUIRE(arg->span.begin >= expr->span.begin);
      REQUIRE(arg->span.end <= expr->span.end);
    }
    if (expr->aggregate) {
      this->expr(expr->aggregate->argument.get());
      this->expr(expr->aggregate->where.get());
      REQUIRE((expr->aggregate->argument != nullptr || !expr->aggregate->subjects.empty() ||
               expr->aggregate->of.has_value()));
    }
  }
  void record(const rules::tree::Record& record) const {
    span(record.span);
    for (const auto& entry : record.entries) expr(entry.value.get());
  }
  void step(const rules::tree::Step& step) const {
    span(step.span);
    expr(step.where.get());
    if (step.until) expr(step.until->where.get());
    for (const auto& child : step.patterns) pattern(child);
    for (const auto& child : step.members) this->step(child);
  }
  void pattern(const rules::tree::Pattern& pattern) const {
    span(pattern.span);
    REQUIRE(!pattern.elements.empty());
    for (const auto& element : pattern.elements) {
      if (const auto* s = std::get_if<rules::tree::Step>(&element.body)) step(*s);
    }
  }
  void rule(const rules::tree::Rule& rule) const {
    if (rule.when) {
      if (const auto* p = std::get_if<rules::tree::Pattern>(&rule.when->what)) pattern(*p);
    }
    if (rule.having) expr(rule.having->expr.get());
    if (rule.severity) expr(rule.severity->expr.get());
    if (!rule.alert) return;
    record(rule.alert->fields);
    for (const auto& part : rule.alert->parts) {
      span(part.span);
      expr(part.expr.get());
    }
  }

 private:
  std::uint32_t size_;
};
}  // namespace

Parsed parse_text(std::string_view text, const rules::ParseLimits& limits) {
  Parsed parsed;
  const std::uint32_t file = parsed.sources.add("test.tocsin", std::string(text));
  rules::DiagnosticSink sink;
  parsed.file = rules::parse(parsed.sources, file, sink, limits);
  parsed.diagnostics = sink.take();
  return parsed;
}

std::string rendered(const Parsed& parsed) {
  std::string out;
  for (const auto& diagnostic : parsed.diagnostics)
    out += rules::render(parsed.sources, diagnostic);
  return out;
}

std::string summary(const Parsed& parsed) {
  std::string out;
  for (const auto& diagnostic : parsed.diagnostics) {
    const auto& span = diagnostic.primary.span;
    const auto place = parsed.sources.place(span.file, span.begin);
    out += fmt::format("{} {}:{} {}\n", rules::code_name(diagnostic.code), place.line, place.column,
                       diagnostic.message);
  }
  return out;
}

std::string with_edits(const Parsed& parsed) {
  std::vector<rules::Edit> edits;
  for (const auto& diagnostic : parsed.diagnostics) {
    if (diagnostic.edit) edits.push_back(*diagnostic.edit);
  }
  std::ranges::stable_sort(edits, {}, [](const rules::Edit& edit) { return edit.span.begin; });
  const std::string_view text = parsed.sources.text(parsed.file.file);
  std::string out;
  std::size_t at = 0;
  for (const rules::Edit& edit : edits) {
    if (edit.span.begin < at) continue;
    out += text.substr(at, edit.span.begin - at);
    out += edit.text;
    at = edit.span.end;
  }
  out += text.substr(at);
  return out;
}

const rules::tree::Expr& condition_of(const Parsed& parsed) {
  REQUIRE(parsed.file.items.size() == 1);
  return *std::get<rules::tree::Kind>(parsed.file.items[0]).subsets[0].where;
}

void check_spans(const Parsed& parsed) {
  const SpanChecker checker(parsed);
  for (const auto& item : parsed.file.items) {
    std::visit([&](const auto& declaration) { checker.span(declaration.span); }, item);
    if (const auto* rule = std::get_if<rules::tree::Rule>(&item)) checker.rule(*rule);
    if (const auto* kind = std::get_if<rules::tree::Kind>(&item)) {
      for (const auto& subset : kind->subsets) checker.expr(subset.where.get());
    }
    if (const auto* feature = std::get_if<rules::tree::Feature>(&item)) {
      REQUIRE(feature->aggregate != nullptr);
      checker.expr(feature->aggregate.get());
    }
    if (const auto* constant = std::get_if<rules::tree::Const>(&item)) {
      REQUIRE(constant->value != nullptr);
      checker.expr(constant->value.get());
    }
    if (const auto* test = std::get_if<rules::tree::Test>(&item)) {
      for (const auto& line : test->lines) checker.record(line.values);
    }
  }
  for (const auto& diagnostic : parsed.diagnostics) {
    checker.span(diagnostic.primary.span);
    for (const auto& label : diagnostic.labels) checker.span(label.span);
    if (diagnostic.edit) checker.span(diagnostic.edit->span);
    REQUIRE(!diagnostic.message.empty());
  }
}
}  // namespace tocsin::tests
