#include "runtime/inputs/topic_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

namespace tocsin::runtime {
namespace {
std::string accept_option(const TopicPartition& partition, std::uint64_t from, std::uint64_t to) {
  return fmt::format("--kafka-accept-gap {}={}..{}", partition_name(partition), from, to);
}

// A partition stands at `place`, and the broker has `bounds`, or other messages there.
tl::unexpected<Error> missing(const PartitionBounds& bounds, std::uint64_t place) {
  const std::string name = partition_name(bounds.partition);
  const std::string accept = accept_option(bounds.partition, place, bounds.first);
  if (place < bounds.first) {
    return fail(Errc::kMismatch,
                fmt::format("messages of {} were removed before they were read: offset {} is next, "
                            "and the first that the broker has is {}. Nothing was skipped; to go "
                            "on without them, start with {}",
                            name, place, bounds.first, accept));
  }
  if (place > bounds.end) {
    return fail(Errc::kMismatch,
                fmt::format("{} ends at offset {}, and everything before {} was read: the topic "
                            "was truncated, or deleted and created again. To read what it has now, "
                            "start with {}",
                            name, bounds.end, place, accept));
  }
  return fail(Errc::kMismatch,
              fmt::format("the message at offset {} of {} is not the one that was read there: the "
                          "topic was truncated, or deleted and created again, and written again. "
                          "To read what it has now, start with {}",
                          place - 1, name, accept));
}

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// The bytes of the first `count` lines.
std::size_t lines_size(std::string_view lines, std::uint64_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) at = lines.find('\n', at) + 1;
  return at;
}
}  // namespace

std::optional<AcceptedGap> parse_accepted_gap(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t dots = text.find("..");
  if (equals == std::string_view::npos || dots == std::string_view::npos || dots < equals)
    return std::nullopt;
  const auto partition = parse_partition(text.substr(0, equals));
  const auto from = read_number(text.substr(equals + 1, dots - equals - 1));
  const auto to = read_number(text.substr(dots + 2));
  if (!partition || !from || !to) return std::nullopt;
  return AcceptedGap{*partition, *from, *to};
}

TopicInputs::TopicInputs(Node& node, Clock& clock, TimeKeeper& keeper, TopicClient& client,
                         TopicInputOptions options)
    : node_(node),
      clock_(clock),
      keeper_(keeper),
      client_(client),
      options_(std::move(options)),
      commit_at_(clock.now() + options_.commit_every),
      look_at_(clock.now() + options_.look_every) {}

Result<std::unique_ptr<TopicInputs>> TopicInputs::open(Node& node, Clock& clock, TimeKeeper& keeper,
                                                       TopicClient& client,
                                                       TopicInputOptions options) {
  std::unique_ptr<TopicInputs> inputs(
      new TopicInputs(node, clock, keeper, client, std::move(options)));
  if (auto opened = inputs->open_all(); !opened) return tl::unexpected(opened.error());
  return inputs;
}

Result<void> TopicInputs::open_all() {
  const Result<std::vector<PartitionBounds>> all = client_.partitions();
  if (!all) return tl::unexpected(all.error());
  // Of which topics something was read, or was to be, before this start.
  std::set<std::string> known;
  for (const NodeSource& source : node_.sources()) {
    const auto partition = parse_partition_source(source.name);
    if (partition && !source.identity.empty()) known.insert(partition->topic);
  }
  for (const PartitionBounds& bounds : *all) {
    const bool is_known = known.contains(bounds.partition.topic);
    auto opened = open_partition(bounds, options_.begins_at_end && !is_known);
    if (!opened) return opened;
  }
  return leave_others(*all);
}

// A source that nobody reads would hold back time for ever.
Result<void> TopicInputs::leave_others(const std::vector<PartitionBounds>& all) {
  std::set<TopicPartition> present;
  std::set<std::string_view> topics;
  for (const PartitionBounds& bounds : all) {
    present.insert(bounds.partition);
    topics.insert(bounds.partition.topic);
  }
  std::vector<std::string> left;
  for (const NodeSource& source : node_.sources()) {
    const auto partition = parse_partition_source(source.name);
    if (!partition || source.has_ended) continue;
    if (present.contains(*partition)) continue;
    const bool is_read = topics.contains(partition->topic);
    // The topic has fewer partitions than it had: what was in this one was perhaps never read.
    if (is_read && source.next_offset != 0 && accepted(*partition, source.next_offset) == nullptr)
      return missing({*partition, 0, 0}, source.next_offset);
    left.push_back(source.name);
  }
  for (const std::string& name : left) {
    const auto in_intake = node_.intake().find(name);
    if (!in_intake || node_.intake().status(*in_intake).state != SourceState::kActive) continue;
    notes_.push_back(fmt::format("{} is not read now", name));
    auto idle = node_.decide({DecisionKind::kIdle, clock_.now(), name});
    if (!idle) return idle;
  }
  return {};
}

const AcceptedGap* TopicInputs::accepted(const TopicPartition& partition,
                                         std::uint64_t from) const {
  const auto gap = std::ranges::find_if(options_.accepted_gaps, [&](const AcceptedGap& one) {
    return one.partition == partition && one.from == from;
  });
  return gap == options_.accepted_gaps.end() ? nullptr : &*gap;
}

// One that leads to where the broker has messages.
const AcceptedGap* TopicInputs::accepted(const PartitionBounds& bounds, std::uint64_t from) const {
  const AcceptedGap* const gap = accepted(bounds.partition, from);
  return gap != nullptr && gap->to >= bounds.first && gap->to <= bounds.end ? gap : nullptr;
}

Result<void> TopicInputs::accept(std::size_t source, const AcceptedGap& gap) {
  if (auto placed = node_.set_place(source, gap.to); !placed) return placed;
  notes_.push_back(fmt::format("{} goes on at offset {} instead of {}",
                               node_.sources()[source].name, gap.to, gap.from));
  return {};
}

// Where a partition goes on, which the journal says from here on.
Result<std::uint64_t> TopicInputs::first_place(const PartitionBounds& bounds, std::size_t source,
                                               bool begins_at_end) {
  const NodeSource& known = node_.sources()[source];
  if (known.identity.empty()) {
    const std::uint64_t place = begins_at_end ? bounds.end : bounds.first;
    if (auto placed = node_.set_place(source, place); !placed)
      return tl::unexpected(placed.error());
    return place;
  }
  const std::uint64_t place = known.next_offset;
  const bool is_missing = place < bounds.first || place > bounds.end;
  // A partition that went back comes to the place of its gap again, which is then no gap any more:
  // where the message before it can be compared, that tells.
  const AcceptedGap* const gap = accepted(bounds, place);
  if (gap != nullptr && (is_missing || known.identity == kNoMessage)) {
    if (auto gone = accept(source, *gap); !gone) return tl::unexpected(gone.error());
    return gap->to;
  }
  if (is_missing) return missing(bounds, place);
  // The last message that was taken is read once more, and compared.
  return known.identity == kNoMessage || place == bounds.first ? place : place - 1;
}

Result<void> TopicInputs::open_partition(const PartitionBounds& bounds, bool begins_at_end) {
  const std::string name = partition_source(bounds.partition);
  const Result<std::size_t> source = node_.source(name, SourceKind::kByValue);
  if (!source) return tl::unexpected(source.error());
  const Result<std::uint64_t> place = first_place(bounds, *source, begins_at_end);
  if (!place) return tl::unexpected(place.error());
  const std::optional<std::size_t> in_intake = node_.intake().find(name);
  if (!in_intake) return fail(Errc::kInternal, "a source is not known: " + name);
  // As an input of this start it holds back time, which is a record.
  if (node_.sources()[*source].has_ended ||
      node_.intake().status(*in_intake).state != SourceState::kActive) {
    auto awake = node_.decide({DecisionKind::kAwake, clock_.now(), name});
    if (!awake) return awake;
  }
  const Result<std::size_t> in_client = client_.begin(bounds.partition, *place);
  if (!in_client) return tl::unexpected(in_client.error());
  Partition partition;
  partition.id = bounds.partition;
  partition.source = *source;
  partition.in_intake = *in_intake;
  partition.in_keeper = keeper_.source(name);
  partition.in_client = *in_client;
  if (options_.until_end) partition.until = bounds.end;
  partitions_.push_back(std::move(partition));
  return {};
}

Result<void> TopicInputs::look_for_new() {
  if (clock_.now() < look_at_) return {};
  look_at_ = clock_.now() + options_.look_every;
  const Result<std::vector<TopicPartition>> added = client_.new_partitions();
  if (!added) return tl::unexpected(added.error());
  found_.insert(found_.end(), added->begin(), added->end());
  while (!found_.empty()) {
    const TopicPartition partition = found_.front();
    const Result<PartitionBounds> bounds = client_.bounds(partition);
    if (!bounds && bounds.error().code == Errc::kStopped) return {};  // which the caller sees too
    if (!bounds && bounds.error().code != Errc::kIo) return tl::unexpected(bounds.error());
    if (!bounds) {
      // No broker leads it yet. To look takes time, which others need too.
      look_at_ = clock_.now() + options_.look_again_after;
      if (!std::exchange(is_find_noted_, true)) {
        notes_.push_back(fmt::format("{} is new, and is waited for: {}",
                                     partition_source(partition), bounds.error().message));
      }
      return {};
    }
    if (auto opened = open_partition(*bounds, false); !opened) return opened;
    notes_.push_back(fmt::format("{} is new, and is read", partition_source(partition)));
    found_.pop_front();
    is_find_noted_ = false;
  }
  return {};
}

Result<bool> TopicInputs::step() {
  if (auto looked = look_for_new(); !looked) return tl::unexpected(looked.error());
  commit_due();
  Partition* next = nullptr;
  for (Partition& partition : partitions_) {
    if (partition.is_over) continue;
    if (auto filled = fill(partition); !filled) return tl::unexpected(filled.error());
    if (partition.rest.empty()) continue;
    partition.is_paused = !node_.intake().may_read(partition.in_intake);
    if (partition.is_paused) {
      tell_silence(partition, false);
    } else if (next == nullptr || node_.intake().watermark_of(partition.in_intake) <
                                      node_.intake().watermark_of(next->in_intake)) {
      next = &partition;
    }
  }
  if (next == nullptr) {
    // Perhaps somebody waits for what was taken.
    node_.hurry();
    return false;
  }
  if (auto taken = take(*next); !taken) return tl::unexpected(taken.error());
  return true;
}

// The next block of the partition, where it has none in hand.
Result<void> TopicInputs::fill(Partition& partition) {
  if (!partition.rest.empty()) return {};
  partition.is_paused = false;
  const std::uint64_t next_offset = node_.sources()[partition.source].next_offset;
  if (partition.until && next_offset >= *partition.until) return end(partition);
  const Result<MessagesAtHand> at_hand = client_.take(partition.in_client, partition.block);
  if (!at_hand) return tl::unexpected(at_hand.error());
  switch (*at_hand) {
    case MessagesAtHand::kBlock:
      return begin_block(partition);
    case MessagesAtHand::kNothing:
      tell_silence(partition, false);
      return {};
    case MessagesAtHand::kEnd:
      if (partition.until) return end(partition);
      tell_silence(partition, true);
      return {};
    case MessagesAtHand::kOutOfRange:
      break;
  }
  const Result<PartitionBounds> bounds = client_.bounds(partition.id);
  if (!bounds) return tl::unexpected(bounds.error());
  // Only the last message that was taken is no longer there: a start does without it.
  if (next_offset >= bounds->first && next_offset <= bounds->end) {
    return fail(Errc::kIo,
                fmt::format("what the broker has of {} changed while it was looked at: start again",
                            partition_name(partition.id)));
  }
  return missing(*bounds, next_offset);
}

// What was taken before is passed over, once it was compared.
Result<void> TopicInputs::begin_block(Partition& partition) {
  const NodeSource& known = node_.sources()[partition.source];
  const std::uint64_t next = known.next_offset;
  const MessageBlock& block = partition.block;
  partition.rest = block.lines();
  if (block.first_offset() < next) {
    const std::uint64_t last = std::min(next, block.next_offset());
    const std::size_t passed = lines_size(partition.rest, last - block.first_offset());
    const std::string identity =
        last == next ? message_identity(partition.rest.substr(0, passed)) : known.identity;
    const bool is_known = known.identity != kNoMessage && identity != kNoMessage;
    if (is_known && identity != known.identity) return begin_other(partition);
    partition.rest.remove_prefix(passed);
    if (partition.rest.empty()) return {};
  } else if (partition.until && block.first_offset() >= *partition.until) {
    partition.rest = {};
    return end(partition);
  } else if (block.first_offset() > next) {
    // Offsets without messages, of which the broker says nothing else.
    if (auto placed = node_.set_place(partition.source, block.first_offset()); !placed)
      return placed;
  }
  if (partition.until && block.next_offset() > *partition.until) {
    const std::uint64_t left = *partition.until - std::max(next, block.first_offset());
    partition.rest = partition.rest.substr(0, lines_size(partition.rest, left));
  }
  partition.is_silent.reset();
  const std::optional<Decision> awake = keeper_.arrived(partition.in_keeper);
  return awake ? node_.decide(*awake) : Result<void>();
}

// The last message that was taken is another one by now: only what was accepted leads on.
Result<void> TopicInputs::begin_other(Partition& partition) {
  partition.rest = {};
  const std::uint64_t place = node_.sources()[partition.source].next_offset;
  const Result<PartitionBounds> bounds = client_.bounds(partition.id);
  if (!bounds) return tl::unexpected(bounds.error());
  const AcceptedGap* const gap = accepted(*bounds, place);
  if (gap == nullptr) return missing(*bounds, place);
  if (auto gone = accept(partition.source, *gap); !gone) return gone;
  client_.go_to(partition.in_client, gap->to);
  return fill(partition);
}

// The keeper goes through all sources, and time passes by itself between two of its decisions.
void TopicInputs::tell_silence(Partition& partition, bool is_silent) {
  if (partition.is_silent == is_silent) return;
  partition.is_silent = is_silent;
  if (is_silent) {
    keeper_.found_empty(partition.in_keeper);
  } else {
    keeper_.paused(partition.in_keeper);
  }
}

// Lines of the partition's block, until it is too far ahead of the others.
Result<void> TopicInputs::take(Partition& partition) {
  constexpr std::size_t kLimit = SIZE_MAX;  // no partition's place: comes first beyond the drift
  const Intake& intake = node_.intake();
  std::optional<MergeOrder> order;
  if (const cep::EventTime limit = intake.drift_limit();
      partitions_.size() > 1 && limit != cep::kEventTimeMax) {
    const cep::EventTime own = intake.watermark_of(partition.in_intake);
    order.emplace(
        std::vector<MergeOrder::Place>{{own, partition.source}, {std::max(own, limit), kLimit}});
  }
  const Result<std::size_t> taken =
      node_.arrive(partition.source, partition.rest, order ? &*order : nullptr);
  if (!taken) return tl::unexpected(taken.error());
  partition.rest.remove_prefix(*taken);
  bytes_taken_ += *taken;
  return {};
}

Result<void> TopicInputs::end(Partition& partition) {
  partition.is_over = true;
  keeper_.ended(partition.in_keeper);
  const std::string name = node_.sources()[partition.source].name;
  return node_.decide({DecisionKind::kEnded, clock_.now(), name});
}

bool TopicInputs::is_over() const { return std::ranges::all_of(partitions_, &Partition::is_over); }

std::vector<PartitionPlace> TopicInputs::places() const {
  std::vector<PartitionPlace> places;
  for (const Partition& partition : partitions_)
    places.push_back({partition.id, node_.sources()[partition.source].next_offset});
  return places;
}

// What was on disk an interval ago, so that the broker never hears of more than there is.
void TopicInputs::commit_due() {
  if (clock_.now() < commit_at_) return;
  commit_at_ = clock_.now() + options_.commit_every;
  if (pending_ && node_.durable_end() > pending_->sequence) {
    client_.commit(pending_->places);
    pending_.reset();
  }
  if (pending_ || committed_bytes_ == bytes_taken_) return;
  committed_bytes_ = bytes_taken_;
  pending_ = PendingCommit{places(), node_.next_sequence() - 1};
}

void TopicInputs::finish() { client_.commit(places()); }

std::vector<PartitionFigures> TopicInputs::figures() const {
  std::vector<PartitionFigures> figures;
  for (const Partition& partition : partitions_) {
    const NodeSource& source = node_.sources()[partition.source];
    PartitionFigures one{source.name, source.next_offset, {}, partition.is_paused};
    if (const std::optional<std::uint64_t> end = client_.end_of(partition.in_client))
      one.lag = *end - std::min(*end, source.next_offset);
    figures.push_back(std::move(one));
  }
  return figures;
}

std::vector<std::string> TopicInputs::take_notes() { return std::exchange(notes_, {}); }
}  // namespace tocsin::runtime
