#include "library/c/c_run_call.h"

namespace tocsin::library {
CallResult check_source(const tocsin_run& run, std::uint32_t source) {
  if (source < run.run.source_count()) return {};
  return fail_call(TOCSIN_INVALID_ARGUMENT, "the run has no source " + std::to_string(source) +
                                                ": tocsin_run_source() gives their numbers");
}

CallResult check_output_room(const tocsin_run& run) {
  if (run.output_bytes() < run.options.output_bytes_max) return {};
  return fail_call(TOCSIN_LIMIT,
                   "lines that were not taken use " + std::to_string(run.output_bytes()) +
                       " bytes of memory, and may use " +
                       std::to_string(run.options.output_bytes_max) +
                       ": take alerts, late and rejected lines with tocsin_run_take(), or turn "
                       "\"keeps_late\" and \"keeps_rejected\" off");
}

CallResult flush(tocsin_run& run) {
  if (run.is_broken || run.is_restoring || run.run.has_failed()) return {};
  run.is_broken = true;
  const Result<void> flushed = run.run.flush();
  run.is_broken = false;
  return call_result(flushed);
}
}  // namespace tocsin::library
