/// A journal of random records in simulated files, and what the archive must know of each, written
/// down as they are made.
#pragma once
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/value/key.h"
#include "runtime/archive/archive_keys.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/archive/archive_writer.h"
#include "runtime/node/node_log.h"
#include "tests/support/random.h"
#include "tests/support/random_journal.h"
#include "tests/support/rule_text.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
inline constexpr const char* kArchivedRules = R"(
event payment { ts: time, id: int id, card: string, shop: int, amount: decimal(2)? }
event login { ts: time, user: string }
rule cards "Cards" { by card when payment where count(payment) over last 10m >= 3 alert "a" }
rule shops "Shops" { by card, shop when payment then payment within 5m alert "b" }
rule users "Users" { by user when login where count(login) over last 10m >= 3 alert "c" }
)";

// What a later day adds: a type, and a key.
inline constexpr const char* kLaterRules = R"(
event other { ts: time, card: string }
rule others "Others" { by card when other where count(other) over last 10m >= 3 alert "d" }
rule shop "Shop" { by shop when payment where count(payment) over last 10m >= 3 alert "e" }
)";

struct ArchivedEvent {
  std::uint32_t line = 0;
  cep::EventTime time;
  std::string text;
  std::string card = {};  // empty: none
  std::optional<std::int64_t> shop = {};
};
struct Archived {
  std::string body;
  std::optional<cep::EventTime> taken;
  std::vector<std::string> lines;
  std::vector<ArchivedEvent> events;
  std::vector<ArchivedEvent> others;  // of the type that kArchivedRules do not declare
};

class ArchiveWorld {
 public:
  static constexpr const char* kJournal = "data/journal";
  static constexpr const char* kArchive = "data/archive";
  static constexpr std::uint64_t kSegmentBytes = 8192;

  explicit ArchiveWorld(Random& random)
      : random_(random), records_(random), program(program_of(kArchivedRules)) {
    open();
  }
  void open() {
    log.reset();
    runtime::JournalOptions options;
    options.segment_bytes = kSegmentBytes;
    options.extend_bytes = 512;
    auto opened = runtime::DirectLog::open(files, clock, kJournal, options);
    REQUIRE_MESSAGE(opened, opened.error().message);
    log = *std::move(opened);
    // What was not on disk before a crash is as if it had never been.
    all.resize(log->next_sequence() - 1);
  }
  /// One record more, which is in the journal's memory; false where that fails.
  bool append() {
    Archived& made = all.emplace_back();
    runtime::JournalRecord record = random_.chance(arrivals) ? arrival(made) : records_.next(300);
    if (const auto* const value = std::get_if<runtime::ArrivalByValue>(&record)) {
      made.taken = value->taken_at;
    } else if (const auto* const place = std::get_if<runtime::ArrivalByPosition>(&record)) {
      made.taken = place->taken_at;
    }
    made.body = body_of(record);
    if (log->append(record)) return true;
    all.pop_back();
    return false;
  }

  static cep::Program program_of(const std::string& rules) {
    const Result<cep::Program> program = cep::compile(plan_of(rules));
    REQUIRE_MESSAGE(program, program.error().message);
    return *program;
  }
  static std::uint64_t digest_of(const std::vector<cep::Value>& key) {
    return runtime::key_digest(cep::key_bytes(key));
  }

 private:
  runtime::JournalRecord arrival(Archived& made) {
    lines_.clear();
    const std::size_t count = random_.below(6);
    for (std::size_t i = 0; i < count; ++i) {
      made.lines.push_back(line(made));
      lines_ += made.lines.back() + "\n";
      if (random_.chance(5)) lines_ += " \n";
    }
    const cep::EventTime taken{now_ += random_.between(0, 1'000'000)};
    return runtime::ArrivalByValue{taken, random_.pick({"http", "topic/3"}), 7, 8, count, lines_};
  }
  std::string line(Archived& made) {
    const cep::EventTime time{now_ + random_.between(-2'000'000, 2'000'000)};
    const std::string card = fmt::format("c{}", random_.below(60));
    const std::int64_t shop = random_.between(-2, 4);
    ArchivedEvent event{static_cast<std::uint32_t>(made.lines.size()), time, {}};
    switch (random_.below(8)) {
      case 0:
        return "no event";
      case 1:
        event.card = card;
        event.text = fmt::format(R"({{"type":"other","ts":{},"card":"{}"}})", time.us, card);
        made.others.push_back(event);
        return event.text;
      case 2:  // its second key lacks a part
        event.card = card;
        event.text =
            fmt::format(R"({{"type":"payment","ts":{},"id":1,"card":"{}"}})", time.us, card);
        break;
      case 3:  // the user's key has the same bytes as a card's
        event.text = fmt::format(R"({{"type":"login","ts":{},"user":"{}"}})", time.us, card);
        break;
      default:
        event.card = card;
        event.shop = shop;
        event.text = fmt::format(R"({{"ts":{},"type":"payment","id":2,"card":"{}","shop":{}}})",
                                 time.us, card, shop);
    }
    made.events.push_back(event);
    return event.text;
  }

  Random& random_;
  RandomRecords records_;
  std::string lines_;
  std::int64_t now_ = 1'772'452'000'000'000;  // not long before the clock

 public:
  std::size_t arrivals = 85;  // of a hundred records, that are by value and of events
  SimulatedFiles files;
  SimulatedClock clock;
  cep::Program program;
  std::unique_ptr<runtime::NodeLog> log;
  std::vector<Archived> all;  // by sequence - 1
};
}  // namespace tocsin::tests
