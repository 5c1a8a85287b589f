/// The events that a server has archived, as an input of a backtest.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/base/configuration.h"
#include "api/node/run_arguments.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/files.h"
#include "runtime/replay/archived_arrivals.h"

namespace tocsin::api {
/// What was not read, told by whoever ran.
struct ArchiveNotes {
  std::vector<std::string> texts;  // each with its line end
  bool is_damaged = false;
};
ArchiveNotes archive_notes(const runtime::ArchivedArrivals& arrivals);

/// Takes over, where nobody set it, how the server of the data directory judges events by time.
/// Fails with kDataDirectory where its settings cannot be read.
Outcome<void> adopt_archive_settings(runtime::Files& files, const std::string& data,
                                     Configuration& settings);

/// A data directory, to be read again as it came.
class ArchiveInput {
 public:
  /// `from` and `to` as `tocsin archive cat` has them; empty: all lines. `lists_as_of`: the time at
  /// which lists and tables were as they are to be; empty: they change as they did. Fails with
  /// kUsage for a time that is none, and with kDataDirectory for a folder that is no data
  /// directory.
  static Outcome<ArchiveInput> open(runtime::Files& files, const std::string& data,
                                    const std::string& from, const std::string& to,
                                    const std::string& lists_as_of);
  /// The arrivals from the beginning; with `from` or `to` those that are events by the types of the
  /// programs, whose lists and tables change meanwhile. `files` of open() must outlive it. Fails as
  /// ArchivedArrivals::open().
  Result<std::unique_ptr<runtime::ArchivedArrivals>> read(
      const std::vector<const cep::Program*>& programs, const runtime::RunOptions& options) const;

 private:
  ArchiveInput(runtime::Files& files, runtime::ReplayedArchive from)
      : files_(&files), from_(std::move(from)) {}

  runtime::Files* files_;
  runtime::ReplayedArchive from_;
};
}  // namespace tocsin::api
