/// Opens a path as a series of files.
#pragma once
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/series/file_series.h"

namespace tocsin::runtime {
/// A directory, or else a log. `is_at_end`: all that there was at an earlier start had been read.
/// Fails with kIo where there is nothing to begin with, kInvalidArgument for a packed log that is
/// to be followed, kLimit beyond files_max, and kMismatch, saying what to do, where what was read
/// is not to be found or has changed.
Result<std::unique_ptr<FileSeries>> open_series(const std::string& path, FileSeriesOptions options,
                                                bool is_at_end = false);
}  // namespace tocsin::runtime
