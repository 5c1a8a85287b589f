// Tests: the offsets of the events stand in one column.
#include <algorithm>

#include "cep/value/time.h"
#include "rules/format/printer.h"

namespace tocsin::rules {
namespace {
constexpr std::size_t kBehindOffset = 2;  // blanks
// Events under one another are read like a table, which a broken row poisons.
constexpr std::uint32_t kExtraColumns = 20;
}  // namespace

void Printer::expected(const tree::Expected& expected) {
  word("expect");
  mark("alert");
  if (expected.times) {
    blank();
    integer(*expected.times);
    blank();
    mark("times");
  }
  if (expected.at) {
    blank();
    word("at");
    duration(*expected.at);
  }
  if (!expected.fields) return;
  blank();
  record(*expected.fields, kExtraColumns);
}

void Printer::declaration(const tree::Test& item) {
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
    layout_.line_break(BreakForm::kAlways, first ? BreakRole::kFirst : BreakRole::kEntry);
    first = false;
  };
  word("test");
  name(item.rule);
  blank();
  string(item.title);
  blank();
  mark("{");
  indented([&] {
    if (item.starting) {
      next_line();
      word("starting");
      leaf(item.starting_text.empty() ? cep::format_time(*item.starting) : item.starting_text);
    }
    for (const tree::TestLine& line : item.lines) {
      next_line();
      if (line.until) {
        word("until");
        duration(line.offset);
        continue;
      }
      duration(line.offset);
      layout_.own_text(fill(offset_size(line), width + kBehindOffset));
      name(line.event);
      blank();
      record(line.values, kExtraColumns);
    }
    if (item.expected.empty()) {
      next_line();
      marks("expect no alert");
    }
    for (const tree::Expected& each : item.expected) {
      next_line();
      expected(each);
    }
  });
  layout_.line_break(BreakForm::kAlways, BreakRole::kClosing);
  mark("}");
}
}  // namespace tocsin::rules
