/// A log that is appended to and rotated, as a series.
#pragma once
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/series/file_series.h"

namespace tocsin::runtime {
/// As open_series(). `known`: what is kept of it; null: nothing.
Result<std::unique_ptr<FileSeries>> open_log_series(const std::string& path,
                                                    FileSeriesOptions options,
                                                    const SeriesState* known);
}  // namespace tocsin::runtime
