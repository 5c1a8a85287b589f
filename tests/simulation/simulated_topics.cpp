#include "tests/simulation/simulated_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/io/line_source.h"
#include "runtime/io/topic_partition.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::simulation {
using namespace runtime;

namespace {
constexpr std::string_view kAccept = "--kafka-accept-gap ";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// What the journal has of a message with this value.
std::string line_of(const std::string& value, std::size_t line_bytes_max) {
  std::string line = value.substr(0, line_bytes_max + kLineBytesUncounted + 1);
  std::ranges::replace(line, '\n', '\r');
  return is_blank(line) ? "\"\"" : line;
}

void read_lines(const ArrivalByValue& record, PartitionRecords& of) {
  std::uint64_t offset = record.first_offset;
  for (std::string_view rest = record.bytes; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    must(end != std::string_view::npos, "a message is in the journal without a line's end");
    of.last_line = rest.substr(0, end);
    if (!is_blank(*of.last_line)) of.lines.push_back({offset, *of.last_line});
    ++offset;
    rest.remove_prefix(end + 1);
  }
  must(offset == record.next_offset, "a record has another number of messages than of offsets");
}
}  // namespace

std::map<std::string, PartitionRecords> read_partitions(const std::vector<std::string>& records) {
  std::map<std::string, PartitionRecords> all;
  for (const std::string& body : records) {
    const Result<JournalRecord> record = decode_record(body);
    must(record.has_value(), "a record cannot be decoded");
    const auto* const value = std::get_if<ArrivalByValue>(&*record);
    if (value == nullptr || !is_partition(value->source)) continue;
    PartitionRecords& of = all[std::string(value->source)];
    if (value->bytes.empty()) of.last_line.reset();
    read_lines(*value, of);
    of.place = value->next_offset;
  }
  return all;
}

SimulatedTopics::SimulatedTopics(const World& world, tests::Random& random, Reached& reached)
    : world_(world), random_(random), reached_(reached) {
  for (const ScriptedSource& source : world_.sources) {
    const std::optional<TopicPartition> id = parse_partition_source(source.name);
    if (!id) continue;
    Partition& partition = partitions_[source.name];
    partition.id = *id;
    partition.script = &source;
    if (id->number == 0 || random_.chance(60)) create(partition);
  }
  if (!empty()) loses_ = random_.chance(40);
}

std::vector<std::string> SimulatedTopics::topics() const {
  std::set<std::string> names;
  for (const auto& [name, partition] : partitions_) names.insert(partition.id.topic);
  return {names.begin(), names.end()};
}

void SimulatedTopics::calm() {
  calm_ = true;
  broker_.is_up = true;
}

// Partitions come in the order of their numbers. One may have lost messages before anybody read it.
void SimulatedTopics::create(Partition& partition) {
  if (broker_.partitions(partition.id.topic).size() < partition.id.number) return;
  broker_.create(partition.id.topic, partition.id.number + 1);
  partition.is_there = true;
  if (!random_.chance(20)) return;
  broker_.skip(partition.id.topic, partition.id.number, 1 + random_.below(1000));
  remove_before(partition, bounds(partition).end);
}

void SimulatedTopics::add(Partition& partition, const std::string& value) {
  const std::uint64_t offset = broker_.produce(partition.id.topic, partition.id.number, value);
  TopicLine line{offset, line_of(value, world_.intake.line_bytes_max)};
  partition.contents[offset] = line.line;
  partition.expected.push_back(std::move(line));
}

std::optional<cep::EventTime> SimulatedTopics::produce(Partition& partition, std::size_t count) {
  const TopicPartition& id = partition.id;
  std::optional<cep::EventTime> newest;
  for (; count > 0 && partition.produced < partition.script->lines.size(); --count) {
    if (random_.chance(6)) {
      ++reached_["offsets without messages"];
      const bool are_many = random_.chance(5);
      broker_.skip(id.topic, id.number, are_many ? 5000 : 1 + random_.below(5));
    }
    if (random_.chance(4)) {
      ++reached_["a message without a value"];
      broker_.produce(id.topic, id.number, std::nullopt);
    }
    const std::string& line = partition.script->lines[partition.produced];
    newest =
        std::max(newest.value_or(cep::kEventTimeMin), partition.script->times[partition.produced]);
    ++partition.produced;
    std::string value = line.substr(0, line.size() - 1);
    if (value.starts_with('{') && random_.chance(5)) value.insert(1, "\n ");
    add(partition, value);
  }
  return newest;
}

std::optional<cep::EventTime> SimulatedTopics::grow(bool whole) {
  std::optional<cep::EventTime> newest;
  for (auto& [name, partition] : partitions_) {
    if (!partition.is_there && (whole || random_.chance(20))) create(partition);
    if (!partition.is_there || (!whole && (partition.is_quiet || random_.chance(40)))) continue;
    const auto time = produce(partition, whole ? SIZE_MAX : random_.below(20));
    if (time) newest = std::max(newest.value_or(cep::kEventTimeMin), *time);
  }
  return newest;
}

PartitionBounds SimulatedTopics::bounds(const Partition& partition) const {
  const tests::ModelPartition* const found = broker_.find(partition.id);
  return {partition.id, found->first, found->end};
}

void SimulatedTopics::remove_before(Partition& partition, std::uint64_t first) {
  broker_.retain_from(partition.id.topic, partition.id.number, first);
  std::erase_if(partition.contents, [&](const auto& one) { return one.first < first; });
  has_removed_ = true;
}

void SimulatedTopics::remove_some(const Node& node) {
  if (calm_ || !random_.chance(loses_ ? 40 : 20)) return;
  for (auto& [name, partition] : partitions_) {
    const NodeSource* const known = find(node, name);
    if (!partition.is_known || known == nullptr || random_.chance(50)) continue;
    const PartitionBounds has = bounds(partition);
    const bool is_harmful = loses_ && random_.chance(40);
    const std::uint64_t last = is_harmful ? has.end : std::min(partition.place, has.end);
    if (last <= has.first) continue;
    const std::uint64_t first = has.first + 1 + random_.below(last - has.first);
    remove_before(partition, first);
    ++reached_[first > known->next_offset ? "messages are removed before they are read"
                                          : "messages are removed that were read"];
  }
}

// What was sent is sent again, at times up to where the reader stands.
void SimulatedTopics::fill_again(Partition& partition, const NodeSource* known) {
  partition.produced -= random_.below(partition.produced + 1);
  partition.is_quiet = random_.chance(50);
  if (random_.chance(40)) produce(partition, random_.below(30));
  const std::uint64_t place = known == nullptr ? 0 : known->next_offset;
  const std::uint64_t end = bounds(partition).end;
  if (!partition.is_quiet || place <= end) return;
  constexpr std::uint64_t kMost = 20;  // many events at one time may match almost without end
  if (place - end > kMost)
    broker_.skip(partition.id.topic, partition.id.number, place - end - kMost);
  while (bounds(partition).end < place) {
    const std::string& line = random_.pick(partition.script->lines);
    add(partition, line.substr(0, line.size() - 1));
  }
}

void SimulatedTopics::change_before(const Node& node) {
  for (auto& [name, partition] : partitions_) partition.is_quiet = false;
  if (calm_ || !loses_ || !random_.chance(20)) return;
  const std::string topic = random_.pick(topics());
  const bool is_deleted = random_.chance(50);
  const auto count = static_cast<std::uint32_t>(broker_.partitions(topic).size());
  if (is_deleted) {
    broker_.remove(topic);
    broker_.create(topic, count);
  }
  ++reached_[is_deleted ? "a topic is deleted and created again" : "partitions lose their ends"];
  for (auto& [name, partition] : partitions_) {
    if (partition.id.topic != topic || !partition.is_there) continue;
    partition.is_changed = true;
    const PartitionBounds has = bounds(partition);
    const std::uint64_t end = has.end - random_.below(std::min<std::size_t>(
                                            static_cast<std::size_t>(has.end - has.first) + 1, 20));
    if (!is_deleted) broker_.truncate(topic, partition.id.number, end);
    std::erase_if(partition.contents,
                  [&](const auto& one) { return is_deleted || one.first >= end; });
    if (is_deleted && !partition.script->lines.empty()) fill_again(partition, find(node, name));
  }
}

const NodeSource* SimulatedTopics::find(const Node& node, const std::string& source) {
  const auto found = std::ranges::find(node.sources(), source, &NodeSource::name);
  return found == node.sources().end() || found->identity.empty() ? nullptr : &*found;
}

void SimulatedTopics::go_on(Partition& partition, std::uint64_t place) {
  partition.place = place;
  partition.expected.resize(partition.read);
  for (auto one = partition.contents.lower_bound(place); one != partition.contents.end(); ++one)
    partition.expected.push_back({one->first, one->second});
}

// Whether the operator has accepted that it goes on elsewhere than at `place`, and what that means.
bool SimulatedTopics::accept(Partition& partition, std::uint64_t place) {
  const PartitionBounds has = bounds(partition);
  const auto gap = std::ranges::find_if(accepted_, [&](const AcceptedGap& one) {
    return one.partition == partition.id && one.from == place;
  });
  if (gap == accepted_.end() || gap->to < has.first || gap->to > has.end) return false;
  ++reached_["a gap is accepted"];
  go_on(partition, gap->to);
  partition.is_accepted = true;
  return true;
}

void SimulatedTopics::expect_opening(const Node& node, const std::vector<std::string>& records) {
  has_removed_ = false;
  std::map<std::string, PartitionRecords> found = read_partitions(records);
  for (auto& [name, partition] : partitions_) {
    if (partition.is_there) expect(partition, find(node, name), found[name]);
  }
}

void SimulatedTopics::expect(Partition& partition, const NodeSource* known,
                             const PartitionRecords& records) {
  const std::string name = partition_name(partition.id);
  const std::vector<TopicLine>& lines = records.lines;
  must(lines.size() <= partition.expected.size() &&
           std::equal(lines.begin(), lines.end(), partition.expected.begin()),
       fmt::format("{} was not read message by message", name));
  partition.is_known = known != nullptr;
  partition.opened_behind = known != nullptr ? known->identity : std::string();
  partition.read = lines.size();
  partition.is_other = partition.is_accepted = partition.is_out_of_bounds = false;
  const PartitionBounds has = bounds(partition);
  if (!partition.is_known) {
    go_on(partition, has.first);
    partition.opened_at = has.first;
    return;
  }
  const std::uint64_t place = known->next_offset;
  must(place == records.place,
       fmt::format("{} goes on at {}, and the journal says {}", name, place, records.place));
  const auto committed = broker_.committed.find(name);
  must(partition.is_changed || committed == broker_.committed.end() || committed->second <= place,
       fmt::format("the broker heard that {} was read beyond {}, where it goes on", name, place));
  if (place > has.first && place <= has.end && records.last_line) {
    const auto& messages = broker_.find(partition.id)->messages;
    const auto last = messages.find(place - 1);
    const auto line = partition.contents.find(place - 1);
    partition.is_other =
        last != messages.end() &&
        *records.last_line != (line == partition.contents.end() ? "" : line->second);
  }
  if (partition.is_other) ++reached_["another message is where it was read to"];
  partition.is_out_of_bounds = place < has.first || place > has.end;
  partition.opened_at = partition.place = place;
  // What cannot be compared may be another one as well.
  const bool may_be_other = partition.is_other || partition.is_out_of_bounds || !records.last_line;
  if (may_be_other && accept(partition, place)) {
    partition.is_out_of_bounds = false;
    if (!partition.is_other) partition.opened_at = partition.place;
    return;
  }
  if (partition.is_other || partition.is_out_of_bounds) return;
  if (partition.is_changed) return go_on(partition, place);
  must(lines.empty() || lines.back().offset < place, name + " goes back");
  must(
      lines.size() == partition.expected.size() || partition.expected[lines.size()].offset >= place,
      fmt::format("{} goes on at {}, behind messages that are not in the journal", name, place));
}

void SimulatedTopics::check_opening(const Node& node) const {
  for (const auto& [name, partition] : partitions_) {
    if (!partition.is_there) continue;
    must(!partition.is_out_of_bounds,
         fmt::format("{} is read, though messages are missing at {}", name, partition.place));
    const NodeSource* const known = find(node, name);
    must(known != nullptr, name + " is not read");
    must(known->next_offset == partition.opened_at,
         fmt::format("{} goes on at {} instead of {}", name, known->next_offset,
                     partition.opened_at));
  }
}

void SimulatedTopics::note_found(const Node& node) {
  for (auto& [name, partition] : partitions_) {
    const NodeSource* const known = find(node, name);
    if (!partition.is_there || known == nullptr) continue;
    // What was gone back to may end where the reading stood, behind another message.
    const bool has_moved = known->next_offset != partition.opened_at ||
                           (partition.is_known && known->identity != partition.opened_behind);
    // What was accepted before may lead somewhere by now.
    must(!has_moved || !partition.is_other || partition.is_accepted ||
             accept(partition, partition.opened_at),
         name + " goes on behind another message than was read there");
    if (has_moved) partition.is_other = false;
    if (partition.is_known) continue;
    partition.is_known = true;
    partition.read = 0;
    go_on(partition, bounds(partition).first);
  }
}

void SimulatedTopics::explain(const Error& error, const Node& node) {
  const std::size_t at = error.message.find(kAccept);
  if (error.code == Errc::kIo && at == std::string::npos) {
    const bool is_changing = error.message.find("start again") != std::string::npos;
    must(is_changing ? has_removed_ : !broker_.is_up,
         "the topics are not read, though nothing is wrong: " + error.message);
    ++reached_[is_changing ? "a topic changes while it is compared" : "no broker answers a start"];
    return;
  }
  must(error.code == Errc::kMismatch && at != std::string::npos,
       "the topics are not read, though nothing is wrong: " + error.message);
  const auto gap = parse_accepted_gap(std::string_view(error.message).substr(at + kAccept.size()));
  must(gap.has_value(), "a gap is not named as it is accepted: " + error.message);
  const auto found = partitions_.find(partition_source(gap->partition));
  must(found != partitions_.end(), "a partition is named that there is not: " + error.message);
  const Partition& partition = found->second;
  const PartitionBounds has = bounds(partition);
  const NodeSource* const known = find(node, found->first);
  must(known != nullptr && gap->from == known->next_offset && gap->to == has.first,
       "another gap is named than there is: " + error.message);
  const bool is_other = partition.is_other && (!partition.is_accepted || has_removed_);
  must(gap->from < has.first || gap->from > has.end || is_other,
       "a gap is named, though nothing is missing: " + error.message);
  ++reached_["missing messages are named"];
  if (!calm_ && random_.chance(20)) return;  // the operator tries again
  if (random_.chance(10)) accepted_.clear();
  accepted_.push_back(*gap);
}

bool SimulatedTopics::has_more(const Node& node) const {
  return std::ranges::any_of(partitions_, [&](const auto& entry) {
    const auto& [name, partition] = entry;
    if (!partition.is_there || partition.produced < partition.script->lines.size()) return true;
    const NodeSource* const known = find(node, name);
    if (known == nullptr || partition.is_other) return true;
    if (known->next_offset < bounds(partition).first) return true;
    return !partition.contents.empty() && partition.contents.rbegin()->first >= known->next_offset;
  });
}
}  // namespace tocsin::simulation
