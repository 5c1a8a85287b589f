// Tests: the offsets of the events stand in one column.
#include <algorithm>

#include "cep/value/time.h"
#include "rules/format/print_parts.h"

namespace tocsin::rules {
namespace {
constexpr std::size_t kBehindOffset = 2;  // blanks
// Events under one another are read like a table, which a broken row poisons.
constexpr std::uint32_t kExtraColumns = 20;

void print_expected(TokenPrinter& p, const tree::Expected& expected) {
  p.word("expect");
  p.mark("alert");
  if (expected.times) {
    p.blank();
    p.integer(*expected.times);
    p.blank();
    p.mark("times");
  }
  if (expected.at) {
    p.blank();
    p.word("at");
    p.duration(*expected.at);
  }
  if (!expected.fields) return;
  p.blank();
  print_record(p, *expected.fields, kExtraColumns);
}
}  // namespace

void print_declaration(TokenPrinter& p, const tree::Test& item) {
  const auto offset_size = [](const tree::TestLine& line) {
    return line.offset.text.empty() ? cep::format_duration(line.offset.value).size()
                                    : line.offset.text.size();
  };
  std::size_t width = 0;
  for (const tree::TestLine& line : item.lines) {
    if (!line.until) width = std::max(width, offset_size(line));
  }
  bool first = true;
  const auto next_line = [&] {
    p.layout().line_break(BreakForm::kAlways, first ? BreakRole::kFirst : BreakRole::kEntry);
    first = false;
  };
  p.word("test");
  p.name(item.rule);
  p.blank();
  p.string(item.title);
  p.blank();
  p.mark("{");
  p.indented([&] {
    if (item.starting) {
      next_line();
      p.word("starting");
      p.leaf(item.starting_text.empty() ? cep::format_time(*item.starting) : item.starting_text);
    }
    for (const tree::TestLine& line : item.lines) {
      next_line();
      if (line.until) {
        p.word("until");
        p.duration(line.offset);
        continue;
      }
      p.duration(line.offset);
      p.layout().own_text(fill(offset_size(line), width + kBehindOffset));
      p.name(line.event);
      p.blank();
      print_record(p, line.values, kExtraColumns);
    }
    if (item.expected.empty()) {
      next_line();
      p.marks("expect no alert");
    }
    for (const tree::Expected& each : item.expected) {
      next_line();
      print_expected(p, each);
    }
  });
  p.layout().line_break(BreakForm::kAlways, BreakRole::kClosing);
  p.mark("}");
}
}  // namespace tocsin::rules
