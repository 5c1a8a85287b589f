#include "api/trace/archived_keys.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "api/backtest/archive_question.h"
#include "api/base/exit_code.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/event_time/arrivals.h"
#include "runtime/event_time/slice_loop.h"

namespace tocsin::api {
namespace {
// Beyond so many it is the disk, not a block.
constexpr std::size_t kDamagesMax = 1000;

// Lines of an archive with their ends. How far it is, is counted in records of the archive; those
// that only the journal has count as read.
class ArchiveSource : public runtime::ByteSource {
 public:
  explicit ArchiveSource(std::unique_ptr<NotedLines> lines) : lines_(std::move(lines)) {
    const runtime::ArchiveDirectory& directory = lines_->reader().directory();
    if (directory.files.empty()) return;
    first_ = directory.files.front().header.first_sequence;
    total_ = directory.end_sequence() - first_;
  }

  Result<std::size_t> read(char* to, std::size_t capacity) override {
    while (at_ == pending_.size()) {
      if (has_ended_) return 0;
      if (auto more = next_lines(); !more) return tl::unexpected(more.error());
    }
    const std::size_t size = std::min(capacity, pending_.size() - at_);
    std::memcpy(to, pending_.data() + at_, size);
    at_ += size;
    return size;
  }
  std::uint64_t bytes_read() const override { return std::min(done_, total_); }
  std::optional<std::uint64_t> bytes_total() const override { return total_; }

 private:
  Result<void> next_lines() {
    constexpr std::size_t kBlockBytes = 64 * 1024;
    pending_.clear();
    at_ = 0;
    while (pending_.size() < kBlockBytes) {
      const Result<std::optional<runtime::ArchivedLine>> line = lines_->next();
      if (!line) return tl::unexpected(line.error());
      if (!*line) {
        has_ended_ = true;
        done_ = total_;
        return {};
      }
      done_ = (*line)->arrival.record - std::min((*line)->arrival.record, first_);
      pending_ += (*line)->text;
      pending_ += '\n';
    }
    return {};
  }

  std::unique_ptr<NotedLines> lines_;
  std::string pending_;
  std::size_t at_ = 0;  // of what is next there
  bool has_ended_ = false;
  std::uint64_t first_ = 0, done_ = 0, total_ = 0;  // records
};
}  // namespace

NotedLines::NotedLines(std::unique_ptr<runtime::ArchiveLines> lines, ArchiveNotes& notes)
    : lines_(std::move(lines)), notes_(notes) {
  for (const Error& damage : lines_->reader().directory().damaged) note_damage(damage);
}

Result<std::optional<runtime::ArchivedLine>> NotedLines::next() {
  Result<std::optional<runtime::ArchivedLine>> line = lines_->next();
  while (!line && line.error().code == Errc::kCorrupt && damages_ < kDamagesMax) {
    note_damage(line.error());
    line = lines_->next();
  }
  if (line && !*line) {
    if (std::string missing = archive_missing_text(lines_->reader(), lines_->lines_by_position());
        !missing.empty()) {
      notes_.texts.push_back(std::move(missing));
    }
  }
  return line;
}

void NotedLines::note_damage(const Error& damage) {
  ++damages_;
  notes_.is_damaged = true;
  notes_.texts.push_back(archive_damage_text(damage));
}

Outcome<ArchivedKeys> ArchivedKeys::open(runtime::Files& files, const std::string& data,
                                         const std::string& from, const std::string& to) {
  const runtime::DataPaths paths(data);
  if (const auto is_ours = check_data_directory(files, paths.directory); !is_ours) {
    return stop(exit_code_of(is_ours.error().code), is_ours.error().message);
  }
  Outcome<std::optional<runtime::TimeSpan>> times = archive_span(from, to, "--from, --to");
  if (!times) return tl::unexpected(times.error());
  return ArchivedKeys(files, data, *times);
}

Result<std::unique_ptr<runtime::ByteSource>> ArchivedKeys::read(
    const cep::Program& program, ArchiveNotes& notes,
    const std::vector<cep::KeyQuery>& keys) const {
  auto found = lines(program, notes, keys);
  if (!found) return tl::unexpected(found.error());
  return std::make_unique<ArchiveSource>(*std::move(found));
}

Result<std::unique_ptr<NotedLines>> ArchivedKeys::lines(
    const cep::Program& program, ArchiveNotes& notes, const std::vector<cep::KeyQuery>& keys,
    std::function<bool()> stop_requested) const {
  runtime::LineQuestion question;
  question.times = times_;
  question.keys = keys;
  question.stop_requested = std::move(stop_requested);
  std::optional<cep::Program> types;
  if (question.is_of_events()) types = program;
  auto found = runtime::ArchiveLines::open(*files_, paths_.archive, paths_.journal, types,
                                           std::move(question));
  if (!found) return tl::unexpected(found.error());
  return std::make_unique<NotedLines>(*std::move(found), notes);
}

Result<void> ArchivedKeys::describe(TraceRequest& request) const {
  auto reader = runtime::ArchiveReader::open(*files_, paths_.archive, paths_.journal, {});
  if (!reader) return tl::unexpected(reader.error());
  request.has_key_index = !reader->directory().files.empty();
  if (times_) return {};
  const Result<std::optional<runtime::ArchivedRecord>> first = reader->next();
  // What is damaged is told by who reads it all.
  request.lists_change = first && (!*first || (*first)->sequence == 1);
  return {};
}

Result<std::unique_ptr<runtime::ArchivedArrivals>> ArchivedKeys::replay(
    const cep::Program& program, const runtime::RunOptions& options, bool changes_lists) const {
  runtime::ReplayedArchive from{paths_.archive, paths_.journal, paths_.blobs, times_, std::nullopt};
  from.changes_lists = changes_lists;
  from.line_bytes_max = options.line_bytes_max;
  from.stop_requested = options.stop_requested;
  return runtime::ArchivedArrivals::open(*files_, from, {&program});
}

Result<void> read_keys(const ArchivedKeys& archive, const KeyReading& reading,
                       const runtime::RunOptions& options, ArchiveNotes& notes,
                       const runtime::Advance& advance) {
  const cep::Program& program = reading.program;
  runtime::RunSummary summary;
  if (reading.is_replayed) {
    auto arrivals = archive.replay(program, options, reading.changes_lists);
    if (!arrivals) return tl::unexpected(arrivals.error());
    Result<void> done = runtime::read_arrivals(runtime::UsedEvents::of(program), **arrivals,
                                               options, {}, summary, advance);
    notes = archive_notes(**arrivals);
    return done;
  }
  const std::vector<runtime::Input> inputs = {
      {"the archive", std::nullopt, [&] { return archive.read(program, notes, reading.keys); }}};
  return runtime::read_slices(program.plan(), program.used_fields(), program.used_types(), inputs,
                              options, {}, summary, advance);
}

Result<KeyTrace> trace_archive(KeyTracer& tracer, const ArchivedKeys& archive,
                               const std::string& name, const runtime::RunOptions& options,
                               const runtime::Sinks& sinks, ArchiveNotes& notes) {
  if (!tracer.is_replayed()) {
    const std::vector<runtime::Input> inputs = {
        {name, std::nullopt, [&] { return archive.read(tracer.program(), notes, tracer.keys()); }}};
    return tracer.run(inputs, options, sinks);
  }
  auto arrivals = archive.replay(tracer.program(), options, tracer.request().lists_change);
  if (!arrivals) return tl::unexpected(arrivals.error());
  Result<KeyTrace> trace = tracer.run(**arrivals, options, sinks);
  notes = archive_notes(**arrivals);
  return trace;
}
}  // namespace tocsin::api
