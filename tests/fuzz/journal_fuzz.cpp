// Any bytes as the files of a journal. Reading never crashes, gives only records that encode to the
// bytes they were read from, and gives the same as the writer finds when it opens the same files;
// what the writer then appends is read back behind it. Checksums would keep nearly all inputs from
// the code behind them, so they are made good for most.
//
//   u8 shape | then segments: u16 size | header fields and frames as bytes
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_writer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/simulated_files.h"

namespace tocsin::fuzz {
namespace {
using namespace runtime;
constexpr const char* kDirectory = "d/journal";

std::string encode(const JournalRecord& record) {
  std::string body;
  body += encode_front(record, body);
  return body;
}

void try_body(std::string_view body) {
  const Result<JournalRecord> record = decode_record(body);
  if (!record) {
    require(!record.error().message.empty(), "a refusal says why");
    return;
  }
  require(encode(*record) == body, "a record encodes to what it was decoded from");
}

// Gives the checksum that a header or frame should have, where there is room for one.
void mend_header(std::string& block) {
  store_number(block.data() + 12, crc32c(std::string_view(block).substr(16),
                                         crc32c(std::string_view(block).substr(0, 12))));
}

void mend_frames(std::string& file, std::uint32_t seed) {
  std::size_t at = kSegmentHeaderBytes;
  while (at + kFrameHeaderBytes < file.size()) {
    const std::size_t bytes = unsealed_bytes(file.data() + at);
    if (bytes == kFrameHeaderBytes || at + bytes > file.size()) return;
    const auto sequence = load_number<std::uint64_t>(file.data() + at + 8);
    const std::uint64_t since = load_number<std::uint32_t>(file.data() + at + 16);
    seal_frame(file.data() + at, seed, sequence - since);
    at += bytes;
  }
}

// Segments from the input: for each its size, then header fields or frames.
void put_segments(tests::SimulatedFiles& files, std::string_view input, std::uint8_t shape) {
  const bool mends = (shape & 1) != 0;
  const bool is_chained = (shape & 2) != 0;
  std::uint64_t first_sequence = 1;
  for (std::uint64_t id = 1; id <= 4 && input.size() > 2; ++id) {
    ByteReader reader(input.substr(0, 2));
    std::size_t size = std::size_t{reader.u8()} << 8;
    size |= reader.u8();
    input.remove_prefix(2);
    const std::string_view part = input.substr(0, std::min(size, input.size()));
    input.remove_prefix(part.size());
    SegmentHeader header;
    header.id = id;
    header.first_sequence = first_sequence;
    header.previous_id = id - 1;
    header.semantics = 1;
    std::string file = encode_segment_header(header);
    if (is_chained) {
      file.append(part);
    } else {
      // The part writes over the header's fields too.
      file.replace(8, std::min<std::size_t>(part.size(), 88), part.substr(0, 88));
      if (part.size() > 88) file.append(part.substr(88));
      if (mends) mend_header(file);
    }
    if (mends) mend_frames(file, frame_seed(header));
    SegmentScan scan(file, header);
    while (scan.next()) {
    }
    (void)scan.tail();
    first_sequence = scan.sequence();
    files.put(segment_path(kDirectory, id), file);
  }
}

struct Found {
  bool is_good = false;
  std::vector<std::string> bodies;
  std::uint64_t next = 0;
};

Found read_all(tests::SimulatedFiles& files) {
  Found found;
  const Result<JournalDirectory> directory = survey_journal(files, kDirectory);
  if (!directory) return found;
  const std::uint64_t first =
      directory->segments.empty() ? 1 : directory->segments.front().header.first_sequence;
  Result<JournalReader> reader = JournalReader::open(files, kDirectory, first);
  if (!reader) return found;
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) {
      require(!entry.error().message.empty(), "a refusal says why");
      return found;
    }
    if (!*entry) break;
    require((*entry)->sequence == first + found.bodies.size(), "sequences have no gaps");
    found.bodies.push_back(encode((*entry)->record));
  }
  found.is_good = true;
  found.next = reader->sequence();
  return found;
}

void try_journal(std::string_view input, std::uint8_t shape) {
  tests::SimulatedFiles files;
  put_segments(files, input, shape);
  const Found before = read_all(files);
  tests::SimulatedClock clock;
  JournalOptions options;
  options.segment_bytes = 1 << 16;
  options.extend_bytes = 0;
  options.accept_other_semantics = true;
  {
    const Result<std::unique_ptr<JournalWriter>> writer =
        JournalWriter::open(files, clock, kDirectory, options);
    if (!writer) {
      // The writer reads the last segment only: it refuses less, never more.
      require(!before.is_good, "what can be read can be opened");
      return;
    }
    if (!before.is_good) return;
    require((*writer)->durable_end() == before.next, "reader and writer find the same end");
    JournalGroup group;
    require(group.add(before.next, Decision{DecisionKind::kIdle, {5}, "s"},
                      (*writer)->frame_bytes_max()),
            "a small record fits");
    require((*writer)->commit(group) == CommitState::kDurable, "it is written");
  }
  Found after = read_all(files);
  require(after.is_good && after.next == before.next + 1, "and read back");
  after.bodies.pop_back();
  require(after.bodies == before.bodies, "behind what was there");
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = tocsin::fuzz::text_of(data, size);
  if (input.empty()) return 0;
  const auto shape = static_cast<std::uint8_t>(input.front());
  if ((shape & 4) != 0) {
    tocsin::fuzz::try_body(input.substr(1));
  } else {
    tocsin::fuzz::try_journal(input.substr(1), shape);
  }
  return 0;
}
