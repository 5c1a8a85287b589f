#include "runtime/inputs/partition_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/io/topic_partition.h"
#include "runtime/node/node_source.h"

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

PartitionReading::PartitionReading(Clock& clock, TopicClient& client, TopicInputOptions options)
    : clock_(clock),
      client_(client),
      options_(std::move(options)),
      commit_at_(clock.now() + options_.commit_every),
      look_at_(clock.now() + options_.look_every) {}

Result<void> PartitionReading::open_all() {
  const Result<std::vector<PartitionBounds>> all = client_.partitions();
  if (!all) return tl::unexpected(all.error());
  // Of which topics something was read, or was to be, before this start.
  std::set<std::string> topics;
  for (const KnownPartition& one : known()) {
    if (one.has_place) topics.insert(one.id.topic);
  }
  for (const PartitionBounds& bounds : *all) {
    const bool is_known = topics.contains(bounds.partition.topic);
    auto opened = open_partition(bounds, options_.begins_at_end && !is_known);
    if (!opened) return opened;
  }
  return leave_others(*all);
}

Result<void> PartitionReading::leave_others(const std::vector<PartitionBounds>& all) {
  std::set<TopicPartition> present;
  std::set<std::string_view> topics;
  for (const PartitionBounds& bounds : all) {
    present.insert(bounds.partition);
    topics.insert(bounds.partition.topic);
  }
  for (const KnownPartition& one : known()) {
    if (one.has_ended || present.contains(one.id)) continue;
    const bool is_read = topics.contains(one.id.topic);
    // The topic has fewer partitions than it had: what was in this one was perhaps never read.
    if (is_read && one.next_offset != 0 && accepted(one.id, one.next_offset) == nullptr)
      return missing({one.id, 0, 0}, one.next_offset);
    if (auto left = leave(one.id); !left) return left;
  }
  return {};
}

const AcceptedGap* PartitionReading::accepted(const TopicPartition& partition,
                                              std::uint64_t from) const {
  const auto gap = std::ranges::find_if(options_.accepted_gaps, [&](const AcceptedGap& one) {
    return one.partition == partition && one.from == from;
  });
  return gap == options_.accepted_gaps.end() ? nullptr : &*gap;
}

// One that leads to where the broker has messages.
const AcceptedGap* PartitionReading::accepted(const PartitionBounds& bounds,
                                              std::uint64_t from) const {
  const AcceptedGap* const gap = accepted(bounds.partition, from);
  return gap != nullptr && gap->to >= bounds.first && gap->to <= bounds.end ? gap : nullptr;
}

Result<void> PartitionReading::accept(std::size_t source, const AcceptedGap& gap) {
  if (auto placed = set_place(source, gap.to); !placed) return placed;
  notes_.push_back(fmt::format("{} goes on at offset {} instead of {}",
                               partition_source(gap.partition), gap.to, gap.from));
  return {};
}

// Where a partition goes on, which is written down from here on.
Result<std::uint64_t> PartitionReading::first_place(const PartitionBounds& bounds,
                                                    std::size_t source, bool begins_at_end) {
  const Place known = place_of(source);
  if (known.identity.empty()) {
    const std::uint64_t place = begins_at_end ? bounds.end : bounds.first;
    if (auto placed = set_place(source, place); !placed) return tl::unexpected(placed.error());
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

Result<void> PartitionReading::open_partition(const PartitionBounds& bounds, bool begins_at_end) {
  const Result<std::size_t> source = source_of(bounds.partition);
  if (!source) return tl::unexpected(source.error());
  const Result<std::uint64_t> place = first_place(bounds, *source, begins_at_end);
  if (!place) return tl::unexpected(place.error());
  Partition partition;
  partition.id = bounds.partition;
  partition.index = partitions_.size();
  partition.source = *source;
  if (auto begun = begin_reading(partition); !begun) return begun;
  const Result<std::size_t> in_client = client_.begin(bounds.partition, *place);
  if (!in_client) return tl::unexpected(in_client.error());
  partition.in_client = *in_client;
  if (options_.until_end) partition.until = bounds.end;
  partitions_.push_back(std::move(partition));
  return {};
}

Result<void> PartitionReading::look_for_new() {
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

Result<bool> PartitionReading::step() {
  if (auto looked = look_for_new(); !looked) return tl::unexpected(looked.error());
  commit_due();
  Partition* next = nullptr;
  for (Partition& partition : partitions_) {
    if (partition.is_over) continue;
    if (auto filled = fill(partition); !filled) return tl::unexpected(filled.error());
    if (!partition.rest.empty() && comes_first(partition, next)) next = &partition;
  }
  if (next == nullptr) {
    nothing_left();
    return false;
  }
  const Result<std::size_t> taken = take_lines(*next);
  if (!taken) return tl::unexpected(taken.error());
  next->rest.remove_prefix(*taken);
  bytes_taken_ += *taken;
  return true;
}

// The next block of the partition, where it has none in hand.
Result<void> PartitionReading::fill(Partition& partition) {
  if (!partition.rest.empty()) return {};
  partition.is_paused = false;
  const std::uint64_t next_offset = place_of(partition.source).next_offset;
  if (partition.until && next_offset >= *partition.until) return end(partition);
  const Result<MessagesAtHand> at_hand = client_.take(partition.in_client, partition.block);
  if (!at_hand) return tl::unexpected(at_hand.error());
  switch (*at_hand) {
    case MessagesAtHand::kBlock:
      return begin_block(partition);
    case MessagesAtHand::kNothing:
      found_empty(partition, false);
      return {};
    case MessagesAtHand::kEnd:
      if (partition.until) return end(partition);
      found_empty(partition, true);
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
Result<void> PartitionReading::begin_block(Partition& partition) {
  const Place known = place_of(partition.source);
  const std::uint64_t next = known.next_offset;
  const MessageBlock& block = partition.block;
  partition.rest = block.lines();
  if (block.first_offset() < next) {
    const std::uint64_t last = std::min(next, block.next_offset());
    const std::size_t passed = lines_size(partition.rest, last - block.first_offset());
    const std::string identity = last == next ? message_identity(partition.rest.substr(0, passed))
                                              : std::string(known.identity);
    const bool is_known = known.identity != kNoMessage && identity != kNoMessage;
    if (is_known && identity != known.identity) return begin_other(partition);
    partition.rest.remove_prefix(passed);
    if (partition.rest.empty()) return {};
  } else if (partition.until && block.first_offset() >= *partition.until) {
    partition.rest = {};
    return end(partition);
  } else if (block.first_offset() > next) {
    // Offsets without messages, of which the broker says nothing else.
    if (auto placed = set_place(partition.source, block.first_offset()); !placed) return placed;
  }
  if (partition.until && block.next_offset() > *partition.until) {
    const std::uint64_t left = *partition.until - std::max(next, block.first_offset());
    partition.rest = partition.rest.substr(0, lines_size(partition.rest, left));
  }
  return arrived(partition);
}

// The last message that was taken is another one by now: only what was accepted leads on.
Result<void> PartitionReading::begin_other(Partition& partition) {
  partition.rest = {};
  const std::uint64_t place = place_of(partition.source).next_offset;
  const Result<PartitionBounds> bounds = client_.bounds(partition.id);
  if (!bounds) return tl::unexpected(bounds.error());
  const AcceptedGap* const gap = accepted(*bounds, place);
  if (gap == nullptr) return missing(*bounds, place);
  if (auto gone = accept(partition.source, *gap); !gone) return gone;
  client_.go_to(partition.in_client, gap->to);
  return fill(partition);
}

Result<void> PartitionReading::end(Partition& partition) {
  partition.is_over = true;
  return ended(partition);
}

bool PartitionReading::is_over() const {
  return std::ranges::all_of(partitions_, &Partition::is_over);
}

std::vector<PartitionPlace> PartitionReading::places() const {
  std::vector<PartitionPlace> places;
  for (const Partition& partition : partitions_)
    places.push_back({partition.id, place_of(partition.source).next_offset});
  return places;
}

// What was on disk an interval ago, so that the broker never hears of more than there is.
void PartitionReading::commit_due() {
  if (clock_.now() < commit_at_) return;
  commit_at_ = clock_.now() + options_.commit_every;
  if (pending_ && is_on_disk(pending_->taken)) {
    client_.commit(pending_->places);
    pending_.reset();
  }
  if (pending_ || committed_bytes_ == bytes_taken_) return;
  committed_bytes_ = bytes_taken_;
  pending_ = PendingCommit{places(), newest_taken()};
}

void PartitionReading::finish() { client_.commit(places()); }

std::vector<PartitionFigures> PartitionReading::figures() const {
  std::vector<PartitionFigures> figures;
  for (const Partition& partition : partitions_) {
    const std::uint64_t next = place_of(partition.source).next_offset;
    PartitionFigures one{partition_source(partition.id), next, {}, partition.is_paused};
    if (const std::optional<std::uint64_t> end = client_.end_of(partition.in_client))
      one.lag = *end - std::min(*end, next);
    figures.push_back(std::move(one));
  }
  return figures;
}

std::vector<std::string> PartitionReading::take_notes() { return std::exchange(notes_, {}); }
}  // namespace tocsin::runtime
