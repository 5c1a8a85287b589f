#include "runtime/event_time/arrivals.h"

#include <chrono>

#include "runtime/event_time/slice_loop.h"

namespace tocsin::runtime {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kProgressInterval{200};

Result<void> read_all(Arrivals& arrivals, Intake& intake, const RunOptions& options,
                      const Sinks& sinks, const RunSummary& summary) {
  steady_clock::time_point next_progress;
  for (;;) {
    const Result<bool> given = arrivals.give(intake);
    if (!given) return tl::unexpected(given.error());
    const steady_clock::time_point now = steady_clock::now();
    if (sinks.progress && (!*given || now >= next_progress)) {
      next_progress = now + kProgressInterval;
      sinks.progress({arrivals.done(), arrivals.total(), summary.events, summary.alerts});
    }
    if (!*given) return {};
    if (options.stop_requested && options.stop_requested()) {
      return fail(Errc::kStopped, "stopped");
    }
    if (Result<void> room = intake.check_room(); !room) return room;
  }
}
}  // namespace

Result<void> read_arrivals(const UsedEvents& used, Arrivals& arrivals, const RunOptions& options,
                           const Sinks& sinks, RunSummary& summary, const Advance& advance,
                           const Settle& settle) {
  Intake intake(used, intake_options(used.plan, options, settle != nullptr),
                {sinks.late, sinks.dead_letter}, summary, advance);
  const SettleAtEnd at_end(settle);
  Result<void> read = read_all(arrivals, intake, options, sinks, summary);
  // A clock may have moved time beyond the newest event.
  if (read) read = intake.flush();
  // What came before an error is processed too; then time stands still, since more was to come.
  Result<void> rest =
      intake.finish(read && options.final_watermark, read ? options.until : std::nullopt);
  if (rest && settle) rest = settle();
  return rest ? read : rest;
}
}  // namespace tocsin::runtime
