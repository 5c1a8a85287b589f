#include "runtime/archive/archive_lines.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/archive/archive_keys.h"
#include "runtime/archive/event_finder.h"
#include "runtime/io/line_splitter.h"

namespace tocsin::runtime {
namespace {
// What was taken in before is as long as it may be: nothing is cut again.
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max() / 4;
struct FoundLine {
  std::uint32_t index = 0;  // of the record's lines that are not blank
  std::optional<cep::EventTime> ts;
  std::optional<cep::EventTypeIndex> type;
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
        found.push_back({i, std::nullopt, std::nullopt, line.text});
      }
    }
  }

  void find_events(std::string_view lines) {
    for (const FoundEvent& event : search->find(lines)) {
      if (question.times && !question.times->has(event.ts)) continue;
      const auto has = [&](const cep::KeyQuery& key) {
        return search->keys().has(*event.batch, *event.row, key.table, key.key);
      };
      const bool is_of_key = question.keys.empty() || std::ranges::any_of(question.keys, has);
      if (is_of_key) found.push_back({event.line, event.ts, event.row->type, event.text});
    }
  }

  ArchiveReader reader;
  LineQuestion question;
  std::optional<EventFinder> search;
  std::uint64_t by_position = 0;
  // The record in work.
  std::uint64_t sequence = 0;
  std::string bytes;
  std::string source;
  cep::EventTime taken_at;
  std::vector<FoundLine> found;
  std::size_t next_found = 0;
};

ArchiveQuestion archive_question(const std::optional<cep::Program>& program,
                                 const LineQuestion& question) {
  ArchiveQuestion of_records;
  of_records.taken = question.taken;
  of_records.times = question.times;
  if (question.is_of_events()) {
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
  return of_records;
}

ArchiveLines::ArchiveLines(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ArchiveLines::~ArchiveLines() = default;
std::uint64_t ArchiveLines::lines_by_position() const { return parts_->by_position; }
const ArchiveReader& ArchiveLines::reader() const { return parts_->reader; }

Result<std::unique_ptr<ArchiveLines>> ArchiveLines::open(Files& files, std::string archive,
                                                         std::string journal,
                                                         const std::optional<cep::Program>& program,
                                                         LineQuestion question) {
  ArchiveQuestion of_records = archive_question(program, question);
  Result<ArchiveReader> reader =
      ArchiveReader::open(files, std::move(archive), std::move(journal), std::move(of_records));
  if (!reader) return tl::unexpected(reader.error());
  auto parts = std::make_unique<Parts>(*std::move(reader), std::move(question));
  if (parts->question.is_of_events()) parts->search.emplace(*program);
  return std::unique_ptr<ArchiveLines>(new ArchiveLines(std::move(parts)));
}

Result<std::optional<ArchivedLine>> ArchiveLines::next() {
  while (parts_->next_found == parts_->found.size()) {
    if (parts_->question.stop_requested && parts_->question.stop_requested()) {
      return fail(Errc::kStopped, "the reading was to end");
    }
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
  return ArchivedLine{{parts_->sequence, line.index},
                      parts_->source,
                      parts_->taken_at,
                      line.ts,
                      line.type,
                      line.text};
}
}  // namespace tocsin::runtime
