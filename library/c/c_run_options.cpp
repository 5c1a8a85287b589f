#include "library/c/c_run_options.h"

#include <cstdint>

#include "library/c/c_json_options.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/source_policy.h"

namespace tocsin::library {
namespace {
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 50;
}  // namespace

void read_intake_options(JsonOptions& members, CRunOptions& options) {
  runtime::PushedOptions& run = options.run;
  runtime::IntakeOptions& intake = run.intake;
  intake.ahead_max = cep::Duration{std::int64_t{600} * 1'000'000};
  intake.jump_max = cep::Duration{cep::kDayUs};
  members.duration("out_of_orderness", run.out_of_orderness);
  std::size_t late = 0;
  members.word("late_policy", {"side", "clamp"}, late);
  run.late = late == 0 ? runtime::LatePolicy::kSide : runtime::LatePolicy::kClamp;
  members.duration("late_max", run.late_max);
  members.duration("ahead_max", intake.ahead_max);
  members.duration("jump_max", intake.jump_max);
  std::size_t unknown = 0;
  members.word("unknown_types", {"dead", "ignore"}, unknown);
  intake.unknown_types =
      unknown == 0 ? runtime::UnknownTypes::kDead : runtime::UnknownTypes::kIgnore;
  const auto size = [&members](const char* name, std::uint64_t least, std::uint64_t most,
                               std::size_t& to) {
    std::uint64_t number = to;
    members.number(name, least, most, number);
    to = static_cast<std::size_t>(number);
  };
  size("line_bytes_max", 64, std::uint64_t{1} << 30, intake.line_bytes_max);
  size("unique_ids_max", 1, 1'000'000'000, intake.unique_ids_max);
  size("reorder_bytes_max", 1, kBytesMax, intake.waiting_bytes_max);
  size("output_bytes_max", 1, kBytesMax, options.output_bytes_max);
  members.boolean("keeps_late", options.keeps_late);
  members.boolean("keeps_rejected", options.keeps_rejected);
}

CallResult read_run_options(const char* text, CRunOptions& options) {
  runtime::PushedOptions& run = options.run;
  JsonOptions members(text);
  read_intake_options(members, options);
  std::size_t order = 0;
  members.word("order", {"merged", "position"}, order);
  run.intake.order =
      order == 0 ? runtime::EqualTimeOrder::kMerged : runtime::EqualTimeOrder::kPosition;
  std::uint64_t steps = 100'000;
  members.number("event_steps_max", 1'000, 1'000'000'000, steps);
  run.steps_per_event_max = steps;
  members.number("state_bytes_max", 1, kBytesMax, run.state_bytes_max);
  members.boolean("keeps_state", run.keeps_state);
  std::size_t form = 0;
  members.word("alerts", {"lines", "arrow"}, form);
  options.has_alert_columns = form == 1;
  return members.finish();
}
}  // namespace tocsin::library
