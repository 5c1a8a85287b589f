/// Steps with a journal of small segments in simulated files, for tests.
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_writer.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests::journal_steps {
using namespace runtime;  // NOLINT(google-build-using-namespace): what is tested
inline constexpr const char* kDirectory = "data/journal";
inline constexpr const char* kFirstSegment = "data/journal/segment-000000000001";

inline JournalOptions small() {
  JournalOptions options;
  options.segment_bytes = 8192;
  options.extend_bytes = 512;
  return options;
}

inline std::unique_ptr<JournalWriter> open(SimulatedFiles& files,
                                           const JournalOptions& options = small()) {
  static SimulatedClock clock;
  Result<std::unique_ptr<JournalWriter>> writer =
      JournalWriter::open(files, clock, kDirectory, options);
  REQUIRE_MESSAGE(writer, writer.error().message);
  return *std::move(writer);
}

inline Error open_error(SimulatedFiles& files, const JournalOptions& options = small()) {
  SimulatedClock clock;
  const Result<std::unique_ptr<JournalWriter>> writer =
      JournalWriter::open(files, clock, kDirectory, options);
  REQUIRE_FALSE(writer);
  return writer.error();
}

inline JournalRecord record_of(std::string_view bytes) {
  return ArrivalByValue{{7}, "-", 0, 0, 1, bytes};
}

/// One group of records with these bytes.
inline CommitState commit(JournalWriter& writer, const std::vector<std::string>& all) {
  JournalGroup group;
  std::uint64_t sequence = writer.durable_end();
  for (const std::string& bytes : all) {
    REQUIRE(group.add(sequence++, record_of(bytes), writer.frame_bytes_max()));
  }
  return writer.commit(group);
}

/// The bytes of all records from `from` on, or the error.
inline Result<std::vector<std::string>> read(SimulatedFiles& files, std::uint64_t from = 1,
                                             std::uint64_t until = JournalReader::kToEnd) {
  Result<JournalReader> reader = JournalReader::open(files, kDirectory, from, until);
  if (!reader) return tl::unexpected(reader.error());
  std::vector<std::string> all;
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return all;
    CHECK((*entry)->sequence == from + all.size());
    all.emplace_back(std::get<ArrivalByValue>((*entry)->record).bytes);
  }
}

using Texts = std::vector<std::string>;
}  // namespace tocsin::tests::journal_steps
