#include "api/backtest/archive_input.h"

#include <fmt/format.h>

#include "api/backtest/archive_question.h"
#include "api/base/exit_code.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/node/node.h"

namespace tocsin::api {
ArchiveNotes archive_notes(const runtime::ArchivedArrivals& arrivals) {
  ArchiveNotes notes;
  for (const Error& damage : arrivals.damages()) {
    notes.is_damaged = true;
    notes.texts.push_back(archive_damage_text(damage));
  }
  std::string missing = archive_missing_text(arrivals.reader(), arrivals.lines_by_position());
  if (!missing.empty()) notes.texts.push_back(std::move(missing));
  for (const std::string& lost : arrivals.lists_lost()) {
    notes.texts.push_back(fmt::format("tocsin: {}\n", lost));
  }
  if (arrivals.reinjections() > 0) {
    notes.texts.push_back(fmt::format(
        "tocsin: lines that had been set aside were put in again {}, which is left out here\n",
        rules::format_count(arrivals.reinjections(), "time")));
  }
  return notes;
}

Outcome<void> adopt_archive_settings(runtime::Files& files, const std::string& data,
                                     Configuration& settings) {
  const Result<std::optional<runtime::Beginning>> beginning =
      runtime::find_beginning(files, runtime::DataPaths(data), false);
  if (!beginning) return stop(exit_code_of(beginning.error().code), beginning.error().message);
  if (!*beginning) return {};
  return adopt_options((*beginning)->settings.options, settings);
}

Outcome<ArchiveInput> ArchiveInput::open(runtime::Files& files, const std::string& data,
                                         const std::string& from, const std::string& to,
                                         const std::string& lists_as_of) {
  const runtime::DataPaths paths(data);
  if (const auto is_ours = check_data_directory(files, paths.directory); !is_ours) {
    return stop(exit_code_of(is_ours.error().code), is_ours.error().message);
  }
  Outcome<std::optional<runtime::TimeSpan>> times = archive_span(from, to, "--from, --to");
  if (!times) return tl::unexpected(times.error());
  Outcome<std::optional<cep::EventTime>> as_of = archive_time(lists_as_of, "--lists-as-of");
  if (!as_of) return tl::unexpected(as_of.error());
  runtime::ReplayedArchive read{paths.archive, paths.journal, paths.blobs, *times, *as_of};
  return ArchiveInput(files, std::move(read));
}

Result<std::unique_ptr<runtime::ArchivedArrivals>> ArchiveInput::read(
    const std::vector<const cep::Program*>& programs, const runtime::RunOptions& options) const {
  runtime::ReplayedArchive from = from_;
  from.line_bytes_max = options.line_bytes_max;
  from.reads_ahead = true;
  from.stop_requested = options.stop_requested;
  return runtime::ArchivedArrivals::open(*files_, from, programs);
}
}  // namespace tocsin::api
