#include "tests/support/random_journal.h"

#include <algorithm>
#include <utility>

#include "runtime/journal/trace_context.h"

namespace tocsin::tests {
using namespace runtime;

namespace {
constexpr const char* kTraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
}  // namespace

std::string_view RandomRecords::text(std::size_t bytes_max) {
  std::string text(random_.below(bytes_max + 1), '\0');
  // Zeros among them, as in what no frame should be taken for.
  for (char& letter : text) {
    letter = random_.chance(20) ? '\0' : static_cast<char>(random_.below(256));
  }
  texts_.push_back(std::move(text));
  return texts_.back();
}

JournalRecord RandomRecords::next(std::size_t bytes_max) {
  const std::size_t size = random_.chance(10) ? bytes_max : std::min<std::size_t>(bytes_max, 90);
  const cep::EventTime time{static_cast<std::int64_t>(random_.next())};
  const std::uint64_t offset = random_.next() >> (1 + random_.below(63));
  switch (random_.below(5)) {
    case 0:
    case 1: {
      ArrivalByValue record{time, text(8), offset, offset + random_.below(100), random_.below(9),
                            {}};
      record.bytes = text(size);
      if (random_.chance(20)) {
        const std::uint64_t first = random_.below(9);
        texts_.push_back(
            encode_traces({{first, kTraceParent}, {first + 1 + random_.below(9), ""}}));
        record.traces = texts_.back();
        record.bytes = record.bytes.substr(
            0, record.bytes.size() - std::min(record.bytes.size(), record.traces.size() + 2));
      }
      return record;
    }
    case 2: {
      ArrivalByPosition record{time, text(30), text(30), offset, offset + random_.below(1000),
                               7,    {}};
      record.digest = digest_range(record.source);
      return record;
    }
    case 3: {
      Decision record;
      record.kind = random_.pick({DecisionKind::kIdle, DecisionKind::kAwake,
                                  DecisionKind::kHeartbeat, DecisionKind::kEnded});
      record.clock = time;
      record.source = text(8);
      return record;
    }
    default: {
      Command record{time, text(8), text(40), {}};
      for (std::size_t i = random_.below(3); i > 0; --i) {
        record.blobs.push_back({text(8), offset, cep::sha256("x")});
      }
      return record;
    }
  }
}

std::string body_of(const JournalRecord& record) {
  std::string body;
  body += encode_front(record, body);
  return body;
}

std::vector<JournalRecord> sample_records() {
  const cep::EventTime noon{1'772'452'860'000'000};
  ArrivalByPosition by_position{noon, "events/2026-03.ndjson", "3f", 1'048'576, 2'097'152, 3'704,
                                {}};
  static const std::string kTraces = encode_traces({{1, kTraceParent}});
  by_position.digest = digest_range("{}\n");
  return {
      ArrivalByValue{noon, "-", 1, 3, 2, "{\"type\":\"payment\"}\n{}\n"},
      ArrivalByValue{{-1}, "", 0, 0, 0, ""},
      ArrivalByValue{noon, "topic/3", UINT64_MAX - 1, UINT64_MAX, 1, std::string_view("\0\xff", 2)},
      by_position,
      Decision{DecisionKind::kIdle, noon, "topic/3"},
      Decision{DecisionKind::kAwake, noon, "topic/3"},
      Decision{DecisionKind::kHeartbeat, noon, ""},
      Decision{DecisionKind::kEnded, noon, "topic/3"},
      Command{noon,
              "deploy",
              "{\"rules\":2}",
              {{"cards.tocsin", 812, cep::sha256("a")}, {"", 0, cep::sha256("")}}},
      Command{noon, "forget", "c1", {}},
      ArrivalByValue{noon, "http", 3, 5, 2, "{}\n{}\n", kTraces},
  };
}
}  // namespace tocsin::tests
