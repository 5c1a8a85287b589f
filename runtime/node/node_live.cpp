#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/node/reinjection.h"

namespace tocsin::runtime {
Result<void> Node::Impl::may_take() const {
  if (!state_.has_time_ended) return {};
  return fail(
      Errc::kConflict,
      fmt::format("in {} time has ended (--final-watermark): it can be looked at, but takes "
                  "no more events; begin another data directory",
                  paths_.directory));
}

Result<void> Node::Impl::check_room() const {
  if (auto room = intake_->check_room(); !room || !options_.memory_max) return room;
  const std::uint64_t rules = engine_->stats().state_bytes;
  const std::uint64_t ids = intake_->unique().bytes();
  const std::uint64_t waiting = intake_->waiting_bytes();
  const std::uint64_t used = rules + ids + waiting;
  if (used <= *options_.memory_max) return {};
  return fail(Errc::kLimit,
              fmt::format("the state takes {} bytes of memory, and may take {}: no more events are "
                          "taken. What rules remember takes {}, the ids of `unique` events {}, "
                          "events that wait to be put in order {}. Nothing is lost, and all that "
                          "is kept can be read; go on with a larger --memory-max",
                          used, *options_.memory_max, rules, ids, waiting));
}

Result<std::size_t> Node::Impl::source(std::string_view name, SourceKind kind) {
  if (const std::optional<std::size_t> known = state_.find(name)) {
    NodeSource& source = state_.sources[*known];
    if (source.next_offset == 0) source.kind = kind;
    if (source.kind != kind) {
      return fail(Errc::kMismatch,
                  fmt::format("{} was read otherwise before: as {}", name,
                              kind == SourceKind::kByValue ? "a file" : "a stream of lines"));
    }
    return *known;
  }
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  const std::string_view stream = kind == SourceKind::kByValue ? stream_of(name) : name;
  if (stream == name || !intake_->find(stream)) {
    const Decision awake{DecisionKind::kAwake, ports_.clock.now(), stream};
    if (auto decided = decide(awake); !decided) return tl::unexpected(decided.error());
  }
  const std::size_t index = state_.source(name);
  state_.sources[index].kind = kind;
  return index;
}

void Node::Impl::refresh(std::size_t source, std::string identity, PrefixDigest prefix) {
  NodeSource& known = state_.sources[source];
  TOCSIN_ASSERT(prefix.is_whole() && prefix.bytes() == known.next_offset,
                "it is of the bytes that were taken");
  known.identity = std::move(identity);
  known.prefix = std::move(prefix);
}

// As many whole lines of the block as a record may carry, and at least one.
std::string_view Node::Impl::room_for(const NodeSource& source, std::string_view block) const {
  const std::size_t most = log_->value_bytes_max();
  if (source.kind == SourceKind::kByPosition || block.size() <= most) return block;
  std::size_t end = block.rfind('\n', most - 1);
  if (end == std::string_view::npos) end = block.find('\n');
  return end == std::string_view::npos ? block : block.substr(0, end + 1);
}

Result<std::size_t> Node::Impl::arrive(std::size_t source, std::string_view block,
                                       MergeOrder* order, const std::vector<TraceRun>& traces) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  begin_record(log_->next_sequence(), ports_.clock.now(), false);
  NodeSource& known = state_.sources[source];
  std::uint64_t count = 0;
  Result<std::size_t> taken = take_lines(source, room_for(known, block), order, count);
  if (!taken) return taken;
  const std::string_view bytes = block.substr(0, *taken);
  Result<void> appended;
  if (known.kind == SourceKind::kByValue) {
    std::string encoded = encode_traces(traces);
    if (encoded.size() > log_->value_bytes_max() - std::min(bytes.size(), log_->value_bytes_max()))
      encoded.clear();
    appended = append(ArrivalByValue{taken_at_, known.name, known.next_offset, known.lines.number,
                                     count, bytes, encoded});
    if (!encoded.empty()) note_traces(traces, count);
    known.next_offset = known.lines.number;
    note_producer(known, bytes);
  } else {
    known.prefix.add(bytes);
    appended =
        append(ArrivalByPosition{taken_at_, known.name, known.identity, known.next_offset,
                                 known.next_offset + bytes.size(), count, known.prefix.digest()});
    known.next_offset += bytes.size();
  }
  if (!appended) return tl::unexpected(appended.error());
  if (auto ended = end_record(); !ended) return tl::unexpected(ended.error());
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return taken;
}

Result<void> Node::Impl::decide(const Decision& decision) {
  if (state_.has_time_ended) return {};
  begin_record(log_->next_sequence(), decision.clock, false);
  if (auto appended = append(decision); !appended) return appended;
  if (auto taken = take_decision(decision); !taken) return taken;
  if (auto ended = end_record(); !ended) return ended;
  return poll();
}

Result<void> Node::Impl::give_command(std::string_view name) {
  if (state_.has_time_ended) return {};
  return give_command({ports_.clock.now(), name, "{}", {}});
}

Result<void> Node::Impl::give_command(const Command& command) {
  begin_record(log_->next_sequence(), command.given_at, false);
  if (auto appended = append(command); !appended) return appended;
  if (auto taken = take_command(command); !taken) return taken;
  if (auto ended = end_record(); !ended) return ended;
  return poll();
}

Result<void> Node::Impl::change_producers(const ProducerCommand& change) {
  const std::string arguments = write_producer_command(change);
  return give_command({ports_.clock.now(), kProducerCommand, arguments, {}});
}

Result<AppendedReinjection> Node::Impl::reinject(SideOutputKind kind,
                                                 const std::vector<cep::ArrivalNumber>& arrivals) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  // So that what was put in again a moment ago says so.
  if (auto stored = store_effects(); !stored) return tl::unexpected(stored.error());
  AppendedReinjection done;
  const Result<SideOutputLines> lines =
      collect_side_output(effect_store_->reader(), kind, arrivals, {}, done);
  if (!lines) return tl::unexpected(lines.error());
  if (done.rows == 0) return done;
  const Result<cep::Digest> digest = blob_store_->put(lines->text);
  if (!digest) return tl::unexpected(digest.error());
  const std::string arguments = write_reinjection(lines->rows);
  const Command command = reinjection_command(ports_.clock.now(), arguments, *lines, *digest);
  if (auto given = give_command(command); !given) return tl::unexpected(given.error());
  return done;
}

Result<void> Node::Impl::poll() {
  if (auto committed = commit_here(); !committed) return committed;
  // Where nothing comes in nothing is appended either, which would hear of it.
  if (auto checked = log_->check(); !checked) return checked;
  if (const EffectQueueStatus status = queue_->status(); status.failure) {
    return tl::unexpected(*status.failure);
  }
  if (!taker_->is_taking() && is_due()) cut();
  chunk();
  taker_->poll();
  note_checkpoint_blobs();
  answer_requests();
  return {};
}

Result<void> Node::Impl::close() {
  if (is_closed_) return {};
  is_closed_ = true;
  call_off();
  taker_->abandon();
  Result<void> durable = log_->close();
  if (durable) {
    queue_->durable(log_->durable_end());
    durable = queue_->close();
  }
  return durable;
}

cep::EngineStats Node::Impl::engine_stats() const {
  cep::EngineStats stats = engine_->stats();
  stats.values_missing += state_.values_missing;
  return stats;
}
}  // namespace tocsin::runtime
