#include "runtime/archive/archive_lines.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/archive/archive_keys.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/line_splitter.h"

namespace tocsin::runtime {
namespace {
// What was taken in before is as long as it may be: nothing is cut again.
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max() / 4;
constexpr std::size_t kRowsPerBatch = 2048;

// Tells events apart.
struct EventSearch {
  explicit EventSearch(const cep::Program& program)
      : keys(program),
        decoder(program.plan(), keys.used_fields(), keys.used_types(),
                BlockOptions{kAnyLength, kRowsPerBatch}) {}
  ArchiveKeys keys;
  BlockDecoder decoder;
  DecodedBlock block;
};
struct FoundLine {
  std::uint32_t index = 0;  // of the record's lines that are not blank
  std::optional<cep::EventTime> ts;
  std::string_view text;
};
}  // namespace

struct ArchiveLines::Parts {
  Parts(ArchiveReader archive_reader, LineQuestion line_question)
      : reader(std::move(archive_reader)), question(std::move(line_question)) {}

  void take(const ArrivalByValue& record) {
    bytes.assign(record.bytes);
    bytes.append(kLinePadding, '\n');
    found.clear();
    next_found = 0;
    source = record.source;
    taken_at = record.taken_at;
    if (question.taken && !question.taken->has(taken_at)) return;
    const std::string_view lines = std::string_view(bytes).substr(0, record.bytes.size());
    if (search) {
      find_events(lines);
    } else {
      LineSplitter splitter(kAnyLength);
      splitter.begin(lines);
      Line line;
      for (std::uint32_t i = 0; splitter.next(line); ++i) {
        found.push_back({i, std::nullopt, line.text});
      }
    }
  }

  void find_events(std::string_view lines) {
    search->decoder.decode(lines, false, search->block);
    std::size_t batch = 0;
    std::size_t row = 0;
    for (std::uint32_t i = 0; i < search->block.lines.size(); ++i) {
      const BlockLine& line = search->block.lines[i];
      if (!line.used) continue;
      while (row == search->block.batches[batch]->rows.size()) {
        ++batch;
        row = 0;
      }
      const cep::Batch& rows = *search->block.batches[batch];
      const cep::Row& event = rows.rows[row++];
      if (question.times && !question.times->has(event.ts)) continue;
      const auto has = [&](const cep::KeyQuery& key) {
        return search->keys.has(rows, event, key.table, key.key);
      };
      const bool is_of_key = question.keys.empty() || std::ranges::any_of(question.keys, has);
      if (is_of_key) found.push_back({i, event.ts, line.text});
    }
  }

  ArchiveReader reader;
  LineQuestion question;
  std::optional<EventSearch> search;
  std::uint64_t by_position = 0;
  // The record in work.
  std::uint64_t sequence = 0;
  std::string bytes;
  std::string source;
  cep::EventTime taken_at;
  std::vector<FoundLine> found;
  std::size_t next_found = 0;
};

ArchiveLines::ArchiveLines(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ArchiveLines::~ArchiveLines() = default;
std::uint64_t ArchiveLines::lines_by_position() const { return parts_->by_position; }
const ArchiveReader& ArchiveLines::reader() const { return parts_->reader; }

Result<std::unique_ptr<ArchiveLines>> ArchiveLines::open(Files& files, std::string archive,
                                                         std::string journal,
                                                         const std::optional<cep::Program>& program,
                                                         LineQuestion question) {
  ArchiveQuestion of_records;
  of_records.taken = question.taken;
  of_records.times = question.times;
  const bool is_of_events = question.is_of_events();
  if (is_of_events) {
    const ArchiveKeys keys(*program);
    std::vector<EventReading> times = keys.time_readings();
    of_records.time_readings = digest_of(times);
    if (of_records.times) of_records.readings = std::move(times);
    for (const cep::KeyQuery& key : question.keys) {
      of_records.keys.push_back(key_digest(key.key));
      for (EventReading& reading : keys.key_readings(key.table)) {
        of_records.readings.push_back(std::move(reading));
      }
    }
  }
  Result<ArchiveReader> reader =
      ArchiveReader::open(files, std::move(archive), std::move(journal), std::move(of_records));
  if (!reader) return tl::unexpected(reader.error());
  auto parts = std::make_unique<Parts>(*std::move(reader), std::move(question));
  if (is_of_events) parts->search.emplace(*program);
  return std::unique_ptr<ArchiveLines>(new ArchiveLines(std::move(parts)));
}

Result<std::optional<ArchivedLine>> ArchiveLines::next() {
  while (parts_->next_found == parts_->found.size()) {
    const Result<std::optional<ArchivedRecord>> record = parts_->reader.next();
    if (!record) return tl::unexpected(record.error());
    if (!*record) return std::nullopt;
    parts_->sequence = (*record)->sequence;
    if (const auto* const value = std::get_if<ArrivalByValue>(&(*record)->record)) {
      parts_->take(*value);
    } else if (const auto* const place = std::get_if<ArrivalByPosition>(&(*record)->record)) {
      parts_->by_position += place->count;
    }
  }
  const FoundLine& line = parts_->found[parts_->next_found++];
  return ArchivedLine{
      {parts_->sequence, line.index}, parts_->source, parts_->taken_at, line.ts, line.text};
}
}  // namespace tocsin::runtime
