#include "tests/support/engine_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/data/alert_format.h"
#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/plan/event_type.h"

namespace tocsin::tests {
std::vector<EngineStep> steps_of(const std::vector<oracle::PlacedEvent>& events, cep::EventTime end,
                                 const Cut& cut) {
  const auto count = static_cast<std::size_t>(
      std::find_if(events.begin(), events.end(),
                   [&](const oracle::PlacedEvent& event) { return event.engine_time > end; }) -
      events.begin());
  std::vector<EngineStep> steps;
  for (std::size_t begin = 0; begin < count; begin += cut.rows) {
    const std::size_t stop = std::min(count, begin + cut.rows);
    const std::size_t last = cut.eager && stop < count ? stop : stop - 1;
    steps.push_back({begin, stop, events[last].engine_time});
  }
  steps.push_back({count, count, end});
  return steps;
}

void take_step(const cep::Program& program, cep::Engine& engine,
               const std::vector<oracle::PlacedEvent>& events, const EngineStep& step,
               std::vector<cep::Alert>& alerts) {
  const cep::Plan& plan = program.plan();
  cep::Batch batch(plan);
  for (std::size_t i = step.begin; i < step.end; ++i) {
    const oracle::PlacedEvent& event = events[i];
    std::vector<cep::Value> fields;
    for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.engine_time, event.ts,
                 {0, static_cast<std::uint32_t>(event.arrival)}, fields);
    batch.rows.back().equal_number = event.equal_number;
  }
  cep::fill_computed(program, batch);
  engine.advance(batch, step.watermark, alerts);
}

std::vector<cep::Alert> run_engine(const cep::Program& program,
                                   const std::vector<oracle::PlacedEvent>& events,
                                   cep::EventTime end, const Cut& cut) {
  cep::Engine engine(program, cut.hash_seed);
  std::vector<cep::Alert> alerts;
  for (const EngineStep& step : steps_of(events, end, cut)) {
    take_step(program, engine, events, step, alerts);
  }
  return alerts;
}

std::vector<std::string> alert_lines(const cep::Plan& plan, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> lines;
  for (const cep::Alert& alert : alerts) lines.push_back(cep::format_alert(plan, alert));
  return lines;
}

std::string events_text(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& events) {
  std::string out;
  for (const oracle::PlacedEvent& event : events) {
    const cep::EventType& type = plan.event_types[event.type.value];
    out +=
        fmt::format("{:>3}  {}  {}", event.arrival, cep::format_time(event.engine_time), type.name);
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
      const cep::Value value = event.fields[i].view();
      if (!value.is_missing() && type.time_field != cep::FieldIndex(i)) {
        out += fmt::format(" {}={}", type.fields[i].name, cep::to_text(value));
      }
    }
    if (event.ts != event.engine_time) out += " ts=" + cep::format_time(event.ts);
    out += '\n';
  }
  return out;
}
}  // namespace tocsin::tests
