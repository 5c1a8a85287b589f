/// Walks a syntax tree and gives a Layout its tokens, in the order of the text, and the places
/// where lines may end. One printer for both uses: with a source its tokens stand as they were
/// written and its comments come along; without one (a tree that a program made) literals have
/// their canonical form and nothing is remembered. Only the print*.cpp files include it.
///
/// With a source, each call for a token takes the source's next one. What a source may have beyond
/// what is printed are parentheses around parentheses, which are dropped, and a comma behind the
/// last entry of a list, which the layout decides; their comments stay.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/format/layout.h"
#include "rules/syntax/source_tokens.h"
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

class Printer {
 public:
  /// `source` may be null; it and `layout` outlive the printer.
  Printer(Layout& layout, const SourceTokens* source) : layout_(layout), source_(source) {}
  void file(const tree::File& file);
  void expr(const tree::Expr& expr, Tightness least = Tightness::kChoice);

 private:
  // ---- tokens (print_token.cpp)
  void mark(std::string_view text);   // a keyword or mark
  void marks(std::string_view text);  // several, with blanks between them
  void word(std::string_view text);   // a mark and a blank
  void leaf(std::string text);        // a literal or name; `text` where there is no source
  void name(const tree::Name& name);
  void name(const tree::Word& word);
  void string(const tree::StringLiteral& literal);
  void integer(const tree::IntLiteral& literal);
  void duration(const tree::DurationLiteral& literal);
  const SourceToken& take(std::string_view expected);
  void drop();
  bool source_is_at(TokenKind kind) const;  // false where there is none
  void optional_comma();
  // `a, b` between round brackets, behind which a last comma is read but not written.
  template <typename Items, typename Print>
  void tuple(const Items& items, const Print& print);
  void blank() { layout_.blank(); }
  void may_break();  // a blank, or a line's end where what follows has no room
  template <typename Body>
  void indented(const Body& body) {
    layout_.indent();
    body();
    layout_.dedent();
  }
  // `body` on one line, or all of its breaks end one.
  template <typename Body>
  void group(const Body& body) {
    layout_.open();
    body();
    layout_.close();
  }
  // `body` between brackets.
  template <typename Body>
  void enclosed(std::string_view opening, std::string_view closing, const Body& body);

  // How the entries of a list stand that is longer than its line: one on each, or as many as there
  // is room for.
  enum class Packing : std::uint8_t { kOnePerLine, kPacked };
  // Entries between brackets with commas; where the author gave each a line, they keep it.
  // `begin_of(entry)` is its first byte.
  template <typename Entries, typename BeginOf, typename Print>
  void entries(std::string_view opening, std::string_view closing, const Entries& list,
               Packing packing, const BeginOf& begin_of, const Print& print,
               std::uint32_t extra_columns = 0);
  // `a, b, c`, filling lines.
  template <typename Items, typename Print>
  void comma_list(const Items& items, const Print& print);

  // ---- expressions (print_expression.cpp)
  void bare(const tree::Expr& expr);
  void chain(const tree::Expr& expr);
  void condition(const tree::Expr& expr);  // its `and`s and `or`s are not indented further
  void infix(const tree::Expr& expr);
  void choice(const tree::Expr& expr);
  void arguments(std::string_view opening, std::string_view closing,
                 const std::vector<tree::ExprPtr>& args, std::size_t from);
  void literal(const tree::Expr& expr);
  void list(const tree::Expr& expr);
  void aggregate(const tree::AggregateCall& call);
  void parameter(const tree::AggregateParam& param);
  void where(const tree::ExprPtr& where);
  void unless(const std::optional<tree::Unless>& unless);
  void window(const tree::Window& window);
  void zone(const tree::Zone& zone);
  void kind(const tree::KindRef& ref);
  void kinds(const std::vector<tree::KindRef>& refs);

  // ---- patterns (print_pattern.cpp)
  void pattern(const tree::Pattern& pattern);
  void element(const tree::Element& element);
  void absence(const tree::Absence& absence);
  void step(const tree::Step& step);
  void count(const tree::Count& count);
  void event_window(const tree::EventWindow& window);

  // ---- declarations (print_declaration.cpp)
  void declaration(const tree::Use& item);
  void declaration(const tree::Allow& item);
  void declaration(const tree::Event& item);
  void declaration(const tree::Kind& item);
  void declaration(const tree::Key& item);
  void declaration(const tree::List& item);
  void declaration(const tree::Table& item);
  void declaration(const tree::Const& item);
  void declaration(const tree::Defaults& item);
  void declaration(const tree::Feature& item);
  void declaration(const tree::Features& item);
  void declaration(const tree::Rule& item);  // print_rule.cpp
  void declaration(const tree::Test& item);  // print_test.cpp
  void field(const tree::Field& field);
  void type(const tree::TypeRef& type);
  void modifier(const tree::Modifier& modifier);
  void feature_entry(const tree::FeatureEntry& entry, std::size_t name_width);
  void names(const std::vector<tree::Name>& names);
  void record(const tree::Record& record, std::uint32_t extra_columns = 0);

  // ---- rules (print_rule.cpp)
  void clause(const tree::Rule& rule, tree::ClauseKind kind, std::size_t place);
  void key(const tree::KeyPart& part);
  void after(const tree::AfterClause& clause);
  void without(const tree::WithoutClause& clause);
  void except(const tree::ExceptClause& clause);
  template <typename SuppressedWarning>
  void allow(const SuppressedWarning& suppressed_warning) {
    word("allow");
    name(suppressed_warning.warning);
    blank();
    string(suppressed_warning.reason);
  }
  void once(const tree::OnceClause& clause);
  void each(const std::vector<tree::ExprPtr>& exprs);
  void alert(const tree::AlertClause& clause);

  // ---- tests (print_test.cpp)
  void expected(const tree::Expected& expected);

  Layout& layout_;
  const SourceTokens* source_;
  std::size_t next_ = 0;  // of the source's tokens
};

/// A name as it is written, with its back-quotes.
std::string name_text(const tree::Name& name);
/// Columns that the names of `entries` are filled up to, so that what follows them stands in one
/// column. A name much longer than a name should be sticks out.
template <typename Entries>
std::size_t name_width(const Entries& entries) {
  constexpr std::size_t kWidthMax = 24;
  std::size_t width = 0;
  for (const auto& entry : entries) {
    const std::size_t own = name_text(entry.name).size();
    if (own <= kWidthMax && own > width) width = own;
  }
  return width;
}
/// The blanks that fill a name of `size` up to `width` columns.
inline std::string fill(std::size_t size, std::size_t width) {
  return std::string(size < width ? width - size : 0, ' ');
}

// ---- inline
template <typename Body>
void Printer::enclosed(std::string_view opening, std::string_view closing, const Body& body) {
  group([&] {
    mark(opening);
    layout_.indent();
    layout_.line_break(BreakForm::kNothing, BreakRole::kFirst);
    body();
    layout_.dedent();
    layout_.line_break(BreakForm::kNothing, BreakRole::kClosing);
    mark(closing);
  });
}

template <typename Entries, typename BeginOf, typename Print>
void Printer::entries(std::string_view opening, std::string_view closing, const Entries& list,
                      Packing packing, const BeginOf& begin_of, const Print& print,
                      std::uint32_t extra_columns) {
  bool own_lines = source_ != nullptr;
  for (const auto& entry : list) own_lines = own_lines && source_->starts_line(begin_of(entry));
  const bool blank = opening == "{" && !list.empty();
  const BreakForm form = own_lines && !list.empty() ? BreakForm::kAlways
                         : blank                    ? BreakForm::kBlank
                                                    : BreakForm::kNothing;
  layout_.open(extra_columns);
  mark(opening);
  layout_.indent();
  bool first = true;
  for (const auto& entry : list) {
    if (first) {
      layout_.line_break(form, BreakRole::kFirst);
    } else {
      mark(",");
      const BreakForm between = own_lines ? BreakForm::kAlways : BreakForm::kBlank;
      if (packing == Packing::kOnePerLine || own_lines) {
        layout_.line_break(between, BreakRole::kEntry);
      } else {
        group([&] {
          layout_.line_break(between, BreakRole::kEntry);
          group([&] { print(entry); });
        });
        continue;
      }
    }
    first = false;
    print(entry);
  }
  if (!list.empty()) optional_comma();
  layout_.dedent();
  layout_.line_break(form, BreakRole::kClosing);
  mark(closing);
  layout_.close();
}

template <typename Items, typename Print>
void Printer::tuple(const Items& items, const Print& print) {
  enclosed("(", ")", [&] {
    comma_list(items, print);
    if (source_is_at(TokenKind::kComma)) drop();
  });
}

template <typename Items, typename Print>
void Printer::comma_list(const Items& items, const Print& print) {
  bool first = true;
  for (const auto& item : items) {
    if (!first) {
      mark(",");
      may_break();
    }
    first = false;
    print(item);
  }
}
}  // namespace tocsin::rules
