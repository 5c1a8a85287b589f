/// The files of a directory as a series.
#pragma once
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/series/file_series.h"

namespace tocsin::runtime {
/// As open_series(). `known`: what is kept of it; null: nothing.
Result<std::unique_ptr<FileSeries>> open_directory_series(const std::string& path,
                                                          FileSeriesOptions options,
                                                          const SeriesState* known, bool is_at_end);
}  // namespace tocsin::runtime
