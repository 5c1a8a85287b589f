/// What tocsin_run_open() takes as options.
#pragma once
#include <cstddef>

#include "library/c/c_call.h"
#include "library/c/c_json_options.h"
#include "runtime/pushed/pushed_run.h"

namespace tocsin::library {
struct CRunOptions {
  runtime::PushedOptions run;
  std::size_t output_bytes_max = std::size_t{256} << 20;  // lines that were not taken
  bool has_alert_columns = false;  // alerts are taken as columns, not as lines
  bool keeps_late = true;
  bool keeps_rejected = true;
};
/// Reads those that say how events are judged and put in order, and what is kept of others; into
/// what holds the standard values.
void read_intake_options(JsonOptions& members, CRunOptions& options);
/// Reads all options as the header says them.
CallResult read_run_options(const char* text, CRunOptions& options);
}  // namespace tocsin::library
