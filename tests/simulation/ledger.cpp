#include "tests/simulation/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cep/data/alert_format.h"
#include "cep/plan/rule.h"
#include "runtime/io/topic_partition.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/prefix_digest.h"
#include "tests/support/engine_run.h"
#include "tests/support/random_journal.h"

namespace tocsin::simulation {
using namespace runtime;

void Ledger::read_journal(Files& files, const std::string& directory, std::uint64_t first,
                          std::uint64_t durable_end) {
  const std::uint64_t known = records_.size() + 1;
  must(durable_end >= known,
       fmt::format("the journal ends before record {}, which was durable: at {}", known - 1,
                   durable_end));
  must(first <= known,
       fmt::format("the journal lets go of records up to {}, of which {} is new", first, known));
  // Some that were seen are looked at again.
  const std::uint64_t from = std::max(first, known > 20 ? known - 20 : 1);
  Result<JournalReader> reader = JournalReader::open(files, directory, from, durable_end);
  must(reader.has_value(), reader ? "" : "the journal cannot be read: " + reader.error().message);
  for (std::uint64_t sequence = from; sequence < durable_end; ++sequence) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    must(entry.has_value(), entry ? "" : "the journal cannot be read: " + entry.error().message);
    must(entry->has_value(), fmt::format("record {} was durable and is not there", sequence));
    const std::string body = tests::body_of((*entry)->record);
    if (sequence < known) {
      must(records_[sequence - 1] == body,
           fmt::format("record {} is another than it was", sequence));
    } else {
      records_.push_back(std::move(body));
    }
  }
}

void Ledger::read_alerts(const StoreReader& store) {
  const Result<EffectReader> reader = EffectReader::open(store);
  if (!reader && reader.error().code == Errc::kNotFound && alerts_.empty()) return;
  must(reader.has_value(), reader ? "" : "the store cannot be read: " + reader.error().message);
  std::uint64_t number = 0;
  const Result<void> read = reader->alerts(1, [&](const StoredAlert& alert) {
    ++number;
    must(alert.number == number, fmt::format("alert {} is missing in the store", number));
    if (number <= alerts_.size()) {
      must(alerts_[number - 1].line == alert.line,
           fmt::format("alert {} is another than it was", number));
    } else {
      alerts_.push_back(alert);
    }
    return true;
  });
  must(read.has_value(), read ? "" : "the store cannot be read: " + read.error().message);
  must(number == alerts_.size(),
       fmt::format("alert {} was stored and is not there", alerts_.size()));
}

void Ledger::acknowledge(const std::string& source, std::uint64_t offset) {
  std::uint64_t& known = acknowledged_[source];
  known = std::max(known, offset);
}

std::uint64_t Ledger::acknowledged(const std::string& source) const {
  const auto found = acknowledged_.find(source);
  return found == acknowledged_.end() ? 0 : found->second;
}

namespace {
class Expecting {
 public:
  explicit Expecting(const World& world) : world_(world), arrivals_(*world.plan, world.arrivals) {}

  void take(std::uint64_t sequence, const std::string& body, Reached& reached) {
    const Result<JournalRecord> record = decode_record(body);
    must(record.has_value(), "a record cannot be decoded");
    if (const auto* value = std::get_if<ArrivalByValue>(&*record)) {
      check_offset(*value);
      add(std::string(value->source), value->bytes, sequence, value->taken_at);
    } else if (const auto* position = std::get_if<ArrivalByPosition>(&*record)) {
      check_offset(*position);
      const std::string text = text_of(std::string(position->source));
      must(position->next_offset <= text.size(), "a record ends behind its file");
      const std::string bytes =
          text.substr(position->first_offset, position->next_offset - position->first_offset);
      PrefixDigest taken;
      taken.add(std::string_view(text).substr(0, position->next_offset));
      must(taken.digest() == position->digest, "a record has another digest than its bytes");
      add(std::string(position->source), bytes, sequence, position->taken_at);
      ++reached["arrivals by position"];
    } else if (const auto* decision = std::get_if<Decision>(&*record)) {
      const cep::EventTime before = arrivals_.watermark();
      arrivals_.decide(*decision);
      if (decision->kind == DecisionKind::kIdle) ++reached["a source is idle"];
      if (decision->kind == DecisionKind::kHeartbeat && arrivals_.watermark() > before) {
        ++reached["a heartbeat moves time"];
      }
    } else if (const auto* command = std::get_if<Command>(&*record)) {
      must(!has_ended_, "a record comes after the end of time");
      has_ended_ = command->name == "time-end";
      if (has_ended_ || command->name == "settle") arrivals_.settle();
    }
  }

  const oracle::Arrivals& arrivals() const { return arrivals_; }
  bool has_ended() const { return has_ended_; }

 private:
  template <typename Record>
  void check_offset(const Record& record) {
    std::uint64_t& next = next_offset_[std::string(record.source)];
    // It sets a place; whether it may is a matter of the topic (SimulatedTopics).
    const bool is_place = is_partition(record.source) && record.first_offset == record.next_offset;
    if (is_place) next = record.first_offset;
    must(record.first_offset == next,
         fmt::format("{} goes on at {}, and {} is next", record.source, record.first_offset, next));
    next = record.next_offset;
  }
  std::string text_of(const std::string& name) const {
    for (const ScriptedSource& source : world_.sources) {
      if (source.name == name) return source.text();
    }
    throw Broken("the journal has a source that nobody knows: " + name);
  }
  void add(const std::string& source, std::string_view bytes, std::uint64_t sequence,
           cep::EventTime taken_at) {
    std::uint32_t index = 0;
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view line = bytes.substr(0, end);
      arrivals_.line(source, line, {sequence, index++}, taken_at);
      if (end == std::string_view::npos) break;
      bytes.remove_prefix(end + 1);
    }
  }

  const World& world_;
  oracle::Arrivals arrivals_;
  std::map<std::string, std::uint64_t> next_offset_;
  bool has_ended_ = false;
};

std::vector<std::string> texts(const std::vector<oracle::SetSideOutput>& lines) {
  std::vector<std::string> all;
  for (const oracle::SetSideOutput& line : lines) all.push_back(line.text);
  return all;
}

// Lines of those that anybody sees.
std::vector<std::string> visible(const World& world, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> lines;
  for (const cep::Alert& alert : alerts) {
    const cep::Status status = world.plan->rules[alert.rule.value].status;
    if (status == cep::Status::kLive || status == cep::Status::kShadow) {
      lines.push_back(cep::format_alert(*world.plan, alert));
    }
  }
  return lines;
}
}  // namespace

Expected expect(const World& world, const std::vector<std::string>& records, Reached& reached) {
  Expecting expecting(world);
  for (std::size_t i = 0; i < records.size(); ++i) expecting.take(i + 1, records[i], reached);
  must(expecting.has_ended(), "the journal has no end of time");
  const oracle::Arrivals& arrivals = expecting.arrivals();
  Expected expected;
  expected.lines = arrivals.lines();
  expected.late = texts(arrivals.late());
  expected.dead = texts(arrivals.dead());
  expected.clamped = arrivals.clamped();
  const std::vector<oracle::PlacedEvent> placed = arrivals.placed();
  expected.events = placed.size();
  oracle::Options options;
  options.work_max = 20'000;
  const std::optional<oracle::Outcome> outcome = oracle::evaluate(*world.plan, placed, options);
  expected.engine_alerts =
      visible(world, tests::run_engine(*world.program, placed, cep::kEventTimeMax, {.rows = 16}));
  expected.by_oracle = outcome.has_value();
  expected.alerts = outcome ? visible(world, outcome->alerts) : expected.engine_alerts;
  return expected;
}
}  // namespace tocsin::simulation
