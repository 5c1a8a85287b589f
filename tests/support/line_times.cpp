#include "tests/support/line_times.h"

#include <fmt/format.h>

#include "cep/data/batch.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/io/line_source.h"

namespace tocsin::tests {
namespace {
constexpr const char* kTick = "tick of nobody";
}  // namespace

void add_tick(cep::Plan& plan) {
  cep::EventType tick;
  tick.name = "tick_of_nobody";
  tick.json_type = kTick;
  cep::Field ts;
  ts.name = "ts";
  ts.path = {"ts"};
  ts.type.kind = cep::TypeKind::kTime;
  tick.fields.push_back(ts);
  plan.event_types.push_back(tick);
}
std::string tick_line(cep::EventTime ts) {
  return fmt::format(R"({{"type":"{}","ts":"{}"}})", kTick, cep::format_time(ts));
}

void for_each_line(const cep::Program& program, const std::vector<std::string>& lines,
                   const std::function<bool(std::size_t, const runtime::Decoded&)>& decoded) {
  runtime::Decoder decoder(program.plan(), program.used_fields(), program.used_types());
  cep::Batch batch(program.plan());
  decoder.begin(batch);
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::string padded = lines[n] + std::string(runtime::kLinePadding, '\n');
    const runtime::Decoded line =
        decoder.decode(std::string_view(padded).substr(0, lines[n].size()));
    if (line.kind == runtime::LineKind::kEvent && line.used) decoder.drop();
    if (!decoded(n, line)) return;
  }
}

std::size_t first_line_from(const cep::Program& program, const std::vector<std::string>& lines,
                            cep::EventTime at) {
  std::size_t first = lines.size();
  for_each_line(program, lines, [&](std::size_t n, const runtime::Decoded& line) {
    if (line.kind == runtime::LineKind::kEvent && line.ts >= at) first = n;
    return first == lines.size();
  });
  return first;
}
}  // namespace tocsin::tests
