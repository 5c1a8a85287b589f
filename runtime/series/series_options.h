/// What the reading of a series of files is told.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/byte_source.h"
#include "runtime/series/input_files.h"

namespace tocsin::runtime {
struct SeriesState;
/// A file of which the rest is not to be found, and what an operator goes on without: what was
/// written behind these bytes.
struct AcceptedLoss {
  std::string path;
  std::uint64_t bytes = 0;
};
/// "payments.log=1048576". Nothing for other texts.
std::optional<AcceptedLoss> parse_accepted_loss(std::string_view text);

struct FileSeriesOptions {
  /// At the end more is waited for, until `stop_requested`.
  bool follows = false;
  /// How often a followed file is looked at that has nothing new.
  std::chrono::milliseconds look_every{200};
  /// For how long a log that was renamed must have had nothing new before it is left.
  std::chrono::milliseconds rotate_wait{5'000};
  /// Files in a directory, and of those how many that were read are remembered.
  std::size_t files_max = 100'000;
  std::vector<AcceptedLoss> accepted_losses;
  /// Of a path: a followed file is begun only once it has a whole first line. May be empty: none
  /// is.
  std::function<bool(std::string_view)> has_header;
  /// What is kept of the series now, by whoever journals what is begun; null, or empty: nothing is.
  std::function<const SeriesState*()> kept;
  StopRequested stop_requested;
  /// Must outlive the series.
  InputFiles* files = &system_input_files();
};
}  // namespace tocsin::runtime
