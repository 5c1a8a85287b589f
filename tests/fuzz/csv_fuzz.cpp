// Any bytes as CSV. Each line of the input is in one record, each record is an event or has a
// reason, an event's JSON is good, and blocks cut at whole records have the rows of the whole.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "runtime/csv/csv_header.h"
#include "runtime/csv/csv_rows.h"
#include "runtime/decode/marked_lines.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
constexpr std::size_t kBytesMax = 200;

cep::Field field(std::string name, cep::TypeKind kind, std::vector<std::string> path = {}) {
  cep::Field f;
  f.path = path.empty() ? std::vector<std::string>{name} : std::move(path);
  f.name = std::move(name);
  f.type.kind = kind;
  if (kind == cep::TypeKind::kDecimal) f.type.scale = 2;
  return f;
}

cep::Plan make_plan() {
  using enum cep::TypeKind;
  cep::EventType payment;
  payment.name = "payment";
  payment.json_type = "payment";
  payment.fields = {field("ts", kTime), field("a", kString), field("b", kDecimal),
                    field("c", kBool, {"x", "c"}), field("d", kFloat, {"x", "d"})};
  payment.time_field = cep::FieldIndex(std::size_t{0});
  cep::Plan plan;
  plan.event_types = {std::move(payment)};
  return plan;
}
const cep::Plan& plan() {
  static const cep::Plan kPlan = make_plan();
  return kPlan;
}

// A row as text, and its JSON where it is an event.
using Rows = std::vector<std::string>;
Rows rows_of(std::string_view text, const runtime::CsvEvents& events, bool is_first) {
  const std::string padded = std::string(text) + std::string(runtime::kLinePadding, '"');
  const std::string_view block = std::string_view(padded).substr(0, text.size());
  runtime::CsvRows reader;
  runtime::CsvRow row;
  runtime::JsonBuffer json;
  Rows rows;
  std::size_t bytes = 0;
  std::uint64_t lines = 0;
  reader.begin(block, events, kBytesMax, is_first);
  while (reader.next(row, json)) {
    bytes += row.size;
    lines += row.line_count;
    require(row.size > 0, "a row has bytes");
    if (row.kind == runtime::CsvRow::Kind::kRejected) {
      require(!reader.reason().empty(), "what is no event has a reason");
      require(json.size() == 0, "and no JSON");
    }
    rows.emplace_back(row.text);
    if (row.kind != runtime::CsvRow::Kind::kEvent) continue;
    require(nlohmann::json::accept(json.padded()), "an event's JSON is good");
    rows.emplace_back(json.padded());
    json.clear();
  }
  require(bytes == text.size(), "no byte is lost");
  std::uint64_t feeds = text.empty() || text.ends_with('\n') ? 0 : 1;
  for (const char c : text) feeds += c == '\n' ? 1 : 0;
  require(lines == feeds, "every line is counted once");
  return rows;
}

void try_text(std::string_view text) {
  runtime::CsvOptions options;
  options.type = "payment";
  if (!text.empty() && text.front() == '#') options.has_decimal_comma = true;
  const auto recognised = runtime::recognise_csv(text, options, plan(), "in.csv");
  require(recognised || !recognised.error().message.empty(), "a refusal has a reason");
  runtime::CsvFormat format;
  format.separator = recognised ? recognised->separator : ',';
  format.columns =
      recognised ? recognised->columns : std::vector<std::string>{"ts", "a", "x.c", "b", "e"};
  format.type = options.type;
  format.has_decimal_comma = options.has_decimal_comma;
  const auto again = runtime::read_csv_format(runtime::write_csv_format(format));
  require(!recognised || again == format, "a format that is written is read again");
  const runtime::CsvEvents events(plan(), format, runtime::OtherColumns::kWritten);
  const Rows whole = rows_of(text, events, true);
  // Cut after whole records, with any number of bytes at hand.
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size() / 2 + 1}) {
    Rows rows;
    std::string_view rest = text;
    for (std::size_t seen = step; !rest.empty(); seen += step) {
      const bool is_all = seen >= rest.size();
      const std::size_t size =
          is_all ? rest.size()
                 : runtime::whole_csv_records(rest.substr(0, seen), format.separator, kBytesMax);
      if (size == 0) continue;
      const Rows some = rows_of(rest.substr(0, size), events, rest.size() == text.size());
      rows.insert(rows.end(), some.begin(), some.end());
      rest.remove_prefix(size);
      seen = 0;
    }
    require(rows == whole, "rows do not depend on where blocks end");
  }
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_text(tocsin::fuzz::text_of(data, size));
  return 0;
}
