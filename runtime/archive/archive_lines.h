/// The lines of a data directory's archive and journal, in the order in which they arrived: all, or
/// those of the events that are asked for.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/key_report.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
/// Which lines are wanted: of every one of these.
struct LineQuestion {
  std::optional<TimeSpan> taken;    // taken in then, by the clock
  std::optional<TimeSpan> times;    // events of then
  std::vector<cep::KeyQuery> keys;  // any of these; nothing: of any key
  /// Asked at each record: whether to end there. May be empty.
  std::function<bool()> stop_requested = {};
  bool is_of_events() const { return times || !keys.empty(); }
};
/// The records among which the lines are. `program` is needed where the question is of events.
ArchiveQuestion archive_question(const std::optional<cep::Program>& program,
                                 const LineQuestion& question);
/// Texts are valid until the next call.
struct ArchivedLine {
  cep::ArrivalNumber arrival;
  std::string_view source;  // input and partition: "http", "kafka:payments/0"
  cep::EventTime taken_at;
  std::optional<cep::EventTime> ts;         // where only events are asked for
  std::optional<cep::EventTypeIndex> type;  // likewise
  std::string_view text;                    // without its end
};

/// Threading: one caller at a time.
class ArchiveLines {
 public:
  /// `archive` and `journal`: the folders. `program` knows the types of event and their keys; it
  /// may be absent where the question is not of events. Fails as ArchiveReader::open().
  static Result<std::unique_ptr<ArchiveLines>> open(Files& files, std::string archive,
                                                    std::string journal,
                                                    const std::optional<cep::Program>& program,
                                                    LineQuestion question);
  ~ArchiveLines();
  /// Nothing at the end. Fails as ArchiveReader::next(), and with kStopped where it was to end.
  Result<std::optional<ArchivedLine>> next();
  /// Lines of records that were taken by position, so far: their text is in the inputs.
  std::uint64_t lines_by_position() const;
  const ArchiveReader& reader() const;

 private:
  struct Parts;
  explicit ArchiveLines(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};
}  // namespace tocsin::runtime
