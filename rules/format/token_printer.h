/// Prints tokens into a Layout, in the order of the text, and the places where lines may end. One
/// printer for both uses: with a source its tokens stay as they were written and its comments are
/// kept; without one (a tree that a program made) literals have their canonical form and nothing is
/// remembered.
///
/// With a source, each call for a token takes the source's next one. What a source may have beyond
/// what is printed are parentheses around parentheses, which are dropped, and a comma behind the
/// last entry of a list, which the layout decides; their comments stay.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/format/layout.h"
#include "rules/syntax/source_tokens.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// How the entries of a list that is longer than its line are placed: one on each line, or as many
/// as there is room for.
enum class Packing : std::uint8_t { kOnePerLine, kPacked };

class TokenPrinter {
 public:
  /// `source` may be null; it and `layout` outlive the printer.
  TokenPrinter(Layout& layout, const SourceTokens* source) : layout_(layout), source_(source) {}
  Layout& layout() { return layout_; }
  bool has_source() const { return source_ != nullptr; }
  /// The source is at a token of this kind; false where there is none.
  bool source_is_at(TokenKind kind) const;
  /// Passes over the source's next token, and keeps its comments.
  void drop();
  /// Ends the text, with the comments behind the last declaration.
  void end();

  /// A keyword or mark.
  void mark(std::string_view text);
  /// Several, with blanks between them.
  void marks(std::string_view text);
  /// Marks, and a blank.
  void word(std::string_view text);
  /// A literal or name: `text` where there is no source.
  void leaf(std::string text);
  void name(const tree::Name& name);
  void name(const tree::Word& word);
  void string(const tree::StringLiteral& literal);
  void integer(const tree::IntLiteral& literal);
  void duration(const tree::DurationLiteral& literal);

  void blank() { layout_.blank(); }
  /// A blank, or a line's end where what follows has no room.
  void may_break();
  template <typename Body>
  void indented(const Body& body) {
    layout_.indent();
    body();
    layout_.dedent();
  }
  /// `body` on one line, or all of its breaks end one.
  template <typename Body>
  void group(const Body& body) {
    layout_.open();
    body();
    layout_.close();
  }
  /// `body` between brackets.
  template <typename Body>
  void enclosed(std::string_view opening, std::string_view closing, const Body& body);
  /// `a, b, c`, filling lines.
  template <typename Items, typename Print>
  void comma_list(const Items& items, const Print& print);
  /// `a, b` between round brackets, behind which a last comma is read but not written.
  template <typename Items, typename Print>
  void tuple(const Items& items, const Print& print);
  /// Entries between brackets with commas; where the author gave each a line, they keep it.
  /// `begin_of(entry)` is its first byte.
  template <typename Entries, typename BeginOf, typename Print>
  void entries(std::string_view opening, std::string_view closing, const Entries& list,
               Packing packing, const BeginOf& begin_of, const Print& print,
               std::uint32_t extra_columns = 0);

 private:
  const SourceToken& take(std::string_view expected);
  void optional_comma();

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
void TokenPrinter::enclosed(std::string_view opening, std::string_view closing, const Body& body) {
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
void TokenPrinter::entries(std::string_view opening, std::string_view closing, const Entries& list,
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
void TokenPrinter::tuple(const Items& items, const Print& print) {
  enclosed("(", ")", [&] {
    comma_list(items, print);
    if (source_is_at(TokenKind::kComma)) drop();
  });
}

template <typename Items, typename Print>
void TokenPrinter::comma_list(const Items& items, const Print& print) {
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
