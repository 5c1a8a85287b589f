#include "tests/runtime/loop_run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <utility>

#include "cep/data/batch.h"
#include "tests/support/printing.h"

namespace tocsin::tests {
LoopOutcome run_loop(const std::vector<runtime::Input>& inputs, const runtime::RunOptions& options,
                     const cep::Plan& plan) {
  LoopOutcome outcome;
  runtime::Sinks sinks;
  sinks.late = [&](const runtime::LateEvent& event) {
    outcome.late.push_back(fmt::format("{}:{} {} by {} {}", event.input, event.line, event.ts.us,
                                       event.late_by.us, event.text));
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& letter) {
    outcome.dead.push_back(fmt::format("{}:{} {}", letter.input, letter.line, letter.reason));
  };
  cep::EventTime last = cep::kEventTimeMin;
  const runtime::Advance advance = [&](const cep::Batch& slice,
                                       cep::EventTime watermark) -> Result<void> {
    CHECK(slice.rows.size() <= options.slice_rows_max);
    // The engine relies on these.
    std::vector<std::uint32_t> counts(plan.event_types.size());
    cep::ArrivalNumber arrival;
    for (const cep::Row& row : slice.rows) {
      REQUIRE((row.engine_time > last || (row.engine_time == last && row.arrival > arrival) ||
               arrival.record == 0));
      REQUIRE(row.engine_time >= last);
      REQUIRE(row.index == counts[row.type.value]++);
      last = row.engine_time;
      arrival = row.arrival;
      std::string text = fmt::format("{}/{}/{} {}", row.engine_time.us, row.ts.us,
                                     row.arrival.record, plan.event_types[row.type.value].name);
      for (std::size_t f = 0; f < plan.event_types[row.type.value].fields.size(); ++f) {
        text += ' ' + cep::to_text(slice.value(plan, row, cep::FieldIndex(f)));
      }
      outcome.rows.push_back(text + fmt::format(" #{}", row.equal_number));
    }
    for (std::size_t t = 0; t < counts.size(); ++t) {
      for (const cep::Column& column : slice.types[t].fields)
        REQUIRE(column.known.size() == counts[t]);
    }
    REQUIRE(watermark >= last);
    last = watermark;
    outcome.watermarks.push_back(watermark);
    outcome.slices.push_back(slice.rows.size());
    return {};
  };
  const Result<void> done = runtime::read_slices(plan, all_fields(plan), all_types(plan), inputs,
                                                 options, sinks, outcome.summary, advance);
  if (!done) outcome.error = done.error().message;
  return outcome;
}

runtime::Input in_memory(std::string name, std::string contents) {
  return {std::move(name), std::move(contents)};
}

std::string login(std::int64_t ts, const std::string& user) {
  return fmt::format(R"({{"type":"login","ts":{},"user":"{}"}})", ts, user);
}
std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += line + "\n";
  return text;
}
}  // namespace tocsin::tests
