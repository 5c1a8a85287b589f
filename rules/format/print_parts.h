/// Prints the constructs of a syntax tree, each with the layout of its form. The print_*.cpp files
/// have them by kind: expressions, patterns, declarations, rules, tests.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/format/token_printer.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// How tightly an expression binds; an operand that binds less than its place asks for stands in
/// parentheses.
enum class Tightness : std::uint8_t {
  kChoice,
  kOr,
  kAnd,
  kNot,
  kComparison,
  kSum,
  kProduct,
  kUnary,
  kPostfix,
  kPrimary
};
Tightness tightness(const tree::Expr& expr);

/// The whole file.
void print_file(TokenPrinter& p, const tree::File& file);

// ---- declarations
void print_declaration(TokenPrinter& p, const tree::Use& item);
void print_declaration(TokenPrinter& p, const tree::Allow& item);
void print_declaration(TokenPrinter& p, const tree::Event& item);
void print_declaration(TokenPrinter& p, const tree::Kind& item);
void print_declaration(TokenPrinter& p, const tree::Key& item);
void print_declaration(TokenPrinter& p, const tree::List& item);
void print_declaration(TokenPrinter& p, const tree::Table& item);
void print_declaration(TokenPrinter& p, const tree::Const& item);
void print_declaration(TokenPrinter& p, const tree::Defaults& item);
void print_declaration(TokenPrinter& p, const tree::Feature& item);
void print_declaration(TokenPrinter& p, const tree::Features& item);
void print_declaration(TokenPrinter& p, const tree::Rule& item);
void print_declaration(TokenPrinter& p, const tree::Test& item);
/// `{ name: value, … }`. `extra_columns`: by how much it may be longer than a line.
void print_record(TokenPrinter& p, const tree::Record& record, std::uint32_t extra_columns = 0);
/// `allow WARNING "reason"`.
void print_allow(TokenPrinter& p, const tree::Name& warning, const tree::StringLiteral& reason);
void print_key(TokenPrinter& p, const tree::KeyPart& part);

// ---- patterns
void print_pattern(TokenPrinter& p, const tree::Pattern& pattern);
void print_event_window(TokenPrinter& p, const tree::EventWindow& window);
void print_kind(TokenPrinter& p, const tree::KindRef& ref);
void print_kinds(TokenPrinter& p, const std::vector<tree::KindRef>& refs);

// ---- expressions
/// In parentheses if it binds less than `least`.
void print_expr(TokenPrinter& p, const tree::Expr& expr, Tightness least = Tightness::kChoice);
/// Its `and`s and `or`s are not indented further.
void print_condition(TokenPrinter& p, const tree::Expr& expr);
/// `where CONDITION`; nothing for null.
void print_where(TokenPrinter& p, const tree::ExprPtr& where);
void print_unless(TokenPrinter& p, const std::optional<tree::Unless>& unless);
void print_parameter(TokenPrinter& p, const tree::AggregateParam& param);
void print_window(TokenPrinter& p, const tree::Window& window);
void print_zone(TokenPrinter& p, const tree::Zone& zone);
}  // namespace tocsin::rules
