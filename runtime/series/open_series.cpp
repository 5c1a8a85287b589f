#include "runtime/series/open_series.h"

#include <utility>

#include "runtime/series/directory_series.h"
#include "runtime/series/log_series.h"
#include "runtime/series/series_state.h"

namespace tocsin::runtime {
Result<std::unique_ptr<FileSeries>> open_series(const std::string& path, FileSeriesOptions options,
                                                bool is_at_end) {
  const SeriesState* known = options.kept ? options.kept() : nullptr;
  if (known != nullptr && known->file.empty()) known = nullptr;
  if (FileSeries::is_directory(path, *options.files))
    return open_directory_series(path, std::move(options), known, is_at_end);
  return open_log_series(path, std::move(options), known);
}
}  // namespace tocsin::runtime
