/// What a node knows of each of its sources: a function of its journal.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/line_samples.h"
#include "runtime/io/line_splitter.h"
#include "runtime/journal/prefix_digest.h"
#include "runtime/series/series_state.h"

namespace tocsin::runtime {
enum class SourceKind : std::uint8_t {
  kByValue = 0,     // the journal holds its lines
  kByPosition = 1,  // a file that does not change holds them
};
struct NodeSource {
  std::string name;
  SourceKind kind = SourceKind::kByValue;
  std::string identity;  // of a file, as ArrivalByPosition has it; the latest: what it is known by
                         // and, behind a space, how its rows are read where it is CSV. Of a
                         // partition: message_identity(), or kNoMessage
  std::uint64_t next_offset = 0;  // by value: lines; by position: bytes, unpacked; of a partition:
                                  // the offset of the message that comes next
  LinePlace lines;
  PrefixDigest prefix;  // by position: of the bytes before next_offset
  // Of files that are read one after the other, by value; next_offset and lines are of the one at
  // hand, and next_offset counts its bytes, unpacked.
  std::optional<SeriesState> series;
  bool has_ended = false;
  // Of a producer (is_producer()):
  std::string owner;       // the name of the token that it belongs to; empty: nobody's yet
  cep::EventTime used_at;  // when its newest lines were taken, in processing time
  LineSamples samples;     // of its lines, by their place in its sequence
};
/// The name under which producers push lines, and under which the intake knows all of them: they
/// share one time. A producer whose lines are counted apart, so that it may send them again, is a
/// source by value of its own, "http/PRODUCER".
inline constexpr std::string_view kPushed = "http";
inline bool is_producer(const NodeSource& source) {
  const std::string_view name = source.name;
  return source.kind == SourceKind::kByValue && !source.series && name.size() > kPushed.size() &&
         name.starts_with(kPushed) && name[kPushed.size()] == '/';
}
/// What the intake knows a source by value by.
inline std::string_view stream_of(std::string_view source) {
  const bool is_producer = source.size() > kPushed.size() && source.starts_with(kPushed) &&
                           source[kPushed.size()] == '/';
  return is_producer ? kPushed : source;
}
/// How the rows of a file are read (write_csv_format()), from its identity; empty: JSON lines.
inline std::string_view row_format(std::string_view identity) {
  const std::size_t space = identity.find(' ');
  return space == std::string_view::npos ? std::string_view() : identity.substr(space + 1);
}
/// The identity of a partition (runtime/io/topic_partition.h) whose place was set, and of which no
/// message was taken since.
inline constexpr std::string_view kNoMessage = "-";
/// What the last message that was taken of a partition is known by, before next_offset: a digest of
/// the last of `lines`, which end with a line feed. kNoMessage for one that was not converted to
/// JSON.
std::string message_identity(std::string_view lines);

void write_source(const NodeSource& source, ByteWriter& to);
/// The reader is not ok() after anything but what write_source() wrote.
NodeSource read_source(ByteReader& from);
/// What makes a source a producer.
void write_producer(const NodeSource& source, ByteWriter& to);
void read_producer(ByteReader& from, NodeSource& source);

/// What the journal says of producers, as the arguments of a command:
///
///   {"do":"own","owner":"till-7","producers":["till-7"]}
///   {"do":"remove","producers":["till-7","till-8"]}
struct ProducerCommand {
  bool removes = false;  // else they belong to `owner` from here on
  std::string owner;
  std::vector<std::string> producers;  // as clients name them: sources without "http/"
};
std::string write_producer_command(const ProducerCommand& command);
/// Fails with kCorrupt.
Result<ProducerCommand> read_producer_command(std::string_view json);
/// The source that is a producer.
std::string producer_source(std::string_view producer);

/// The bytes of files that a journal only points at, for replay. A port.
class RangeReader {
 public:
  RangeReader() = default;
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;
  virtual ~RangeReader() = default;
  /// The bytes [first, next) of the source, kLinePadding readable bytes after them, until the next
  /// call; fewer where it has no more. Fails with kNotFound, kIo where it cannot be read.
  virtual Result<std::string_view> read(const NodeSource& source, std::uint64_t first,
                                        std::uint64_t next) = 0;
};
}  // namespace tocsin::runtime
