#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "cep/base/assert.h"
#include "cep/match/computed.h"
#include "runtime/decode/decoder.h"
#include "runtime/node/reinjection.h"

namespace tocsin::runtime {
void Node::Impl::begin_record(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended) {
  sequence_ = sequence;
  index_ = 0;
  taken_at_ = taken_at;
  is_appended_ = is_appended;
  effects_.begin_record(sequence, taken_at);
}

Result<void> Node::Impl::append(const JournalRecord& record) {
  const std::uint64_t expected = log_->next_sequence();
  const Result<std::uint64_t> sequence = log_->append(record);
  if (!sequence) return tl::unexpected(sequence.error());
  TOCSIN_ASSERT(*sequence == expected, "a node is its journal's only appender");
  is_appended_ = true;
  return {};
}

Result<void> Node::Impl::end_record() {
  TOCSIN_ASSERT(is_appended_, "effects wait for records that are on their way");
  if (auto flushed = intake_->flush(); !flushed) return flushed;
  return push_effects();
}

Result<void> Node::Impl::push_effects() {
  if (queue_ == nullptr) {  // who only looks
    effects_.drop();
    return {};
  }
  if (!ports_.has_threads && !queue_->has_room()) {
    if (auto committed = commit_here(); !committed) return committed;
  }
  if (auto pushed = effects_.push(*queue_); !pushed) return pushed;
  if (queue_->needs_cause()) log_->hurry();
  return {};
}

Result<void> Node::Impl::advance(cep::Batch& slice, cep::EventTime watermark) {
  alerts_.clear();
  state_.values_missing += cep::fill_computed(program_, slice);
  engine_->advance(slice, watermark, alerts_);
  for (const cep::Alert& alert : alerts_) {
    count_alert(program_.plan(), alert, summary_);
    const StoredAlert* const stored = effects_.add(alert);
    if (stored != nullptr && options_.raised) options_.raised(*stored);
  }
  if (is_live_) chunk();
  return is_appended_ ? push_effects() : Result<void>();
}

std::size_t Node::Impl::index_of(std::string_view name, SourceKind kind) {
  const std::size_t index = state_.source(name);
  if (state_.sources[index].next_offset == 0) state_.sources[index].kind = kind;
  return index;
}

Result<std::size_t> Node::Impl::take_lines(std::size_t source, std::string_view block,
                                           MergeOrder* order, std::uint64_t& count) {
  NodeSource& known = state_.sources[source];
  const std::string_view stream =
      known.kind == SourceKind::kByValue ? stream_of(known.name) : std::string_view(known.name);
  const std::size_t in_intake = intake_->source(stream);
  intake_->name_lines(stream == known.name ? std::string_view() : std::string_view(known.name));
  const std::size_t place = order == nullptr ? 0 : order->current();
  splitter_.resume(known.lines);
  splitter_.begin(block);
  known.has_ended = false;
  Line line;
  count = 0;
  while (splitter_.next(line)) {
    ++count;
    auto taken = intake_->take(in_intake, line, {sequence_, index_++}, taken_at_);
    if (!taken) return tl::unexpected(taken.error());
    if (order == nullptr) continue;
    order->advance(intake_->watermark_of(in_intake));
    if (order->current() != place) break;
  }
  intake_->name_lines({});
  known.lines = splitter_.place();
  summary_.bytes += splitter_.consumed();
  return splitter_.consumed();
}

void Node::Impl::note_traces(const std::vector<TraceRun>& traces, std::uint64_t count) {
  for (const TraceRun& run : traces) {
    if (run.first >= count) return;
    effects_.add(TraceRow{{sequence_, static_cast<std::uint32_t>(run.first)}, run.trace_parent});
  }
}

Result<void> Node::Impl::take_value(const ArrivalByValue& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByValue);
  block_.assign(record.bytes);
  block_.append(kLinePadding, '\n');
  // Before any of their alerts.
  if (const auto traces = decode_traces(record.traces)) note_traces(*traces, record.count);
  std::uint64_t count = 0;
  const Result<std::size_t> taken =
      take_lines(source, std::string_view(block_).substr(0, record.bytes.size()), nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  state_.sources[source].next_offset = record.next_offset;
  note_producer(state_.sources[source], record.bytes);
  return {};
}

// What a producer may send again is compared with what it sent.
void Node::Impl::note_producer(NodeSource& source, std::string_view lines) const {
  if (!is_producer(source)) return;
  source.used_at = taken_at_;
  source.samples.add(lines);
}

Result<void> Node::Impl::take_producers(const Command& command) {
  const Result<ProducerCommand> change = read_producer_command(command.arguments);
  if (!change) return tl::unexpected(change.error());
  std::unordered_set<std::string> names;
  for (const std::string& producer : change->producers) names.insert(producer_source(producer));
  if (change->removes) {
    std::erase_if(state_.sources,
                  [&](const NodeSource& source) { return names.contains(source.name); });
    return {};
  }
  for (const std::string& name : names) {
    NodeSource& source = state_.sources[index_of(name, SourceKind::kByValue)];
    source.owner = change->owner;
    if (source.next_offset == 0) source.used_at = taken_at_;
  }
  return {};
}

Result<void> Node::Impl::take_position(const ArrivalByPosition& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByPosition);
  NodeSource& known = state_.sources[source];
  known.identity = record.identity;
  const auto other_bytes = [&](const std::string& what) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is not what it was: bytes {} to {} {}; put the old contents back, "
                            "or start from a savepoint that was made after them",
                            record.source, record.first_offset, record.next_offset, what));
  };
  if (!known.prefix.is_whole()) {
    const Result<std::string_view> missing =
        ports_.ranges.read(known, known.prefix.missing_from(), known.prefix.bytes());
    if (!missing) return tl::unexpected(missing.error());
    if (!known.prefix.supply(*missing)) return other_bytes("follow on others than before");
  }
  const Result<std::string_view> bytes =
      ports_.ranges.read(known, record.first_offset, record.next_offset);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() != record.next_offset - record.first_offset) {
    return other_bytes("are no longer there");
  }
  known.prefix.add(*bytes);
  if (known.prefix.digest() != record.digest) {
    return other_bytes("were others when they were taken");
  }
  std::uint64_t count = 0;
  const Result<std::size_t> taken = take_lines(source, *bytes, nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  known.next_offset = record.next_offset;
  return {};
}

Result<void> Node::Impl::take_decision(const Decision& decision) {
  if (decision.kind == DecisionKind::kAwake) {
    const std::size_t source = state_.source(decision.source);
    state_.sources[source].has_ended = false;
  }
  if (decision.kind == DecisionKind::kEnded) {
    if (const auto source = state_.find(decision.source)) state_.sources[*source].has_ended = true;
  }
  intake_->decide(decision);
  return {};
}

Result<void> Node::Impl::take_command(const Command& command) {
  note_blobs(command);
  if (command.name == kBeginCommand || command.name == kPresentCommand ||
      command.name == kDeployCommand) {
    std::vector<CheckpointBlob> blobs;
    for (const BlobReference& blob : command.blobs) {
      blobs.push_back({std::string(blob.role), blob.bytes, blob.digest});
    }
    return take_settings(command.arguments, std::move(blobs), paths_.journal,
                         command.name == kBeginCommand ? State::kNone : State::kCarried);
  }
  if (command.name == kReinjectCommand) return take_again(command);
  if (command.name == kListCommand) return take_list(command);
  if (command.name == kProducerCommand) return take_producers(command);
  if (command.name == kSettleCommand) return intake_->finish(false, std::nullopt);
  if (command.name == kEndTimeCommand) {
    state_.has_time_ended = true;
    return intake_->finish(true, std::nullopt);
  }
  return fail(Errc::kOtherVersion,
              fmt::format("{} has a command `{}` in record {}, which a newer version of Tocsin "
                          "wrote: use that version",
                          paths_.journal, command.name, sequence_));
}

// Late lines come as a source of their own, which takes them now, at W; dead ones as any line.
Result<void> Node::Impl::take_again(const Command& command) {
  const Result<Reinjection> reinjection = read_reinjection(command.arguments);
  if (!reinjection) return tl::unexpected(reinjection.error());
  if (auto may = may_take(); !may) return may;
  if (command.blobs.size() != 1) return fail(Errc::kCorrupt, "a re-injection has no lines");
  Result<std::string> lines = blob_store_->get(command.blobs.front().digest);
  if (!lines) return tl::unexpected(lines.error());
  const std::size_t bytes = lines->size();
  lines->append(kLinePadding, '\n');
  const bool is_late = reinjection->kind == SideOutputKind::kLate;
  SourcePolicy policy = options_.intake.policy;
  if (is_late) policy.late = LatePolicy::kClamp;
  if (is_late) policy.late_max.reset();
  const std::string name =
      fmt::format("{} put in again by record {}", is_late ? "late events" : "lines", sequence_);
  const std::size_t source = intake_->source(name, policy);
  LineSplitter splitter(options_.intake.line_bytes_max);
  splitter.begin(std::string_view(*lines).substr(0, bytes));
  Line line;
  while (splitter.next(line)) {
    auto taken = intake_->take(source, line, {sequence_, index_++}, taken_at_);
    if (!taken) return taken;
  }
  intake_->decide(DecisionKind::kEnded, source, taken_at_);
  for (const Reinjection::Row& row : reinjection->rows) {
    effects_.add(Reinjected{reinjection->kind, row.timeline, row.arrival, sequence_});
  }
  return {};
}
}  // namespace tocsin::runtime
