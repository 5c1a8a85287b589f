#include "api/node/event_producers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/node/node_source.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kRemovedAtOnce = 1000;  // by one record
constexpr cep::Duration kExpiryInterval{60'000'000};
}  // namespace

ProducerFigures figures_of(const runtime::NodeSource& source) {
  return {source.name.substr(runtime::kPushed.size() + 1), source.owner, source.next_offset,
          source.used_at};
}

bool EventProducers::is_due() const { return clock_.now() - looked_at_ >= kExpiryInterval; }

std::optional<std::size_t> EventProducers::find(const std::string& producer) {
  if (const auto known = sources_.find(producer); known != sources_.end()) return known->second;
  const std::string name = runtime::producer_source(producer);
  const auto& sources = node_->sources();
  const auto found = std::ranges::find_if(sources, [&](const runtime::NodeSource& source) {
    return source.name == name && runtime::is_producer(source);
  });
  if (found == sources.end()) return std::nullopt;
  const auto index = static_cast<std::size_t>(found - sources.begin());
  sources_.emplace(producer, index);
  return index;
}

Served<std::size_t> EventProducers::source_of(const EventBatch& batch, Result<void>& result) {
  const auto failed = [&](const Error& error) {
    result = tl::unexpected(error);
    return tl::unexpected(Refusal{Refusal::Why::kFailed, error.message});
  };
  const auto named = [&](const std::string& name) -> Served<std::size_t> {
    const Result<std::size_t> source = node_->source(name, runtime::SourceKind::kByValue);
    if (!source) return failed(source.error());
    sources_.insert_or_assign(batch.producer, *source);
    return *source;
  };
  if (batch.producer.empty()) {
    const auto known = sources_.find(batch.producer);
    return known != sources_.end() ? known->second : named(std::string(runtime::kPushed));
  }
  const std::optional<std::size_t> known = find(batch.producer);
  if (known) {
    const std::string& owner = node_->sources()[*known].owner;
    if (!owner.empty() && owner != batch.owner) {
      return tl::unexpected(Refusal{
          Refusal::Why::kOwned,
          fmt::format("the producer {} belongs to another token: use a name of your own, or the "
                      "token that sent its events before",
                      batch.producer)});
    }
  }
  const std::uint64_t next = known ? node_->sources()[*known].next_offset : 0;
  if (batch.sequence > next) {
    return tl::unexpected(Refusal{
        Refusal::Why::kGap,
        fmt::format("the producer {} has sent {} events so far, and these would begin after "
                    "{}: send those between first{}",
                    batch.producer, next, batch.sequence,
                    known ? "" : "; one that was removed or has expired begins again at 0"),
        next});
  }
  if (known) {
    if (auto refusal = look_at_repeats(batch, *known)) return tl::unexpected(*std::move(refusal));
    if (!node_->sources()[*known].owner.empty() || batch.owner.empty()) return *known;
  } else if (node_->sources().size() >= most_) {
    if (auto expired = expire(); !expired) return failed(expired.error());
    if (node_->sources().size() >= most_) {
      return tl::unexpected(
          Refusal{Refusal::Why::kProducers,
                  fmt::format("there are {} producers already, the limit (events.producers_max): "
                              "remove some that are no longer used",
                              node_->sources().size())});
    }
  }
  if (!batch.owner.empty()) {
    if (auto owned = change({false, batch.owner, {batch.producer}}); !owned) {
      return failed(owned.error());
    }
  }
  return named(runtime::producer_source(batch.producer));
}

std::optional<Refusal> EventProducers::look_at_repeats(const EventBatch& batch,
                                                       std::size_t source) const {
  const runtime::NodeSource& known = node_->sources()[source];
  if (batch.sequence >= known.next_offset || batch.count == 0) return std::nullopt;
  const auto compared = known.samples.compare(batch.sequence, batch.lines);
  if (compared.differing) {
    return Refusal{
        Refusal::Why::kDiffers,
        fmt::format(
            "the event at {} of the producer {} differs from the one accepted before, and nothing "
            "was accepted now: new events begin at {}, and what is sent again is sent unchanged",
            *compared.differing, batch.producer, known.next_offset),
        known.next_offset, *compared.differing};
  }
  if (compared.compared > 0 || compared.is_unsampled) return std::nullopt;
  return Refusal{Refusal::Why::kTooOld,
                 fmt::format("the events from {} on of the producer {} were accepted so long ago "
                             "that they can no longer be compared: it continues at {}",
                             batch.sequence, batch.producer, known.next_offset),
                 known.next_offset};
}

Result<void> EventProducers::change(const runtime::ProducerCommand& command) {
  if (command.removes) sources_.clear();  // those that were behind one that goes have other places
  return node_->change_producers(command);
}

Result<void> EventProducers::expire() {
  const cep::EventTime now = clock_.now();
  looked_at_ = now;
  if (!expire_after_ || !node_->may_take()) return {};
  runtime::ProducerCommand removal{true, {}, {}};
  const auto give = [&]() -> Result<void> {
    if (removal.producers.empty()) return {};
    expired_ += removal.producers.size();
    auto changed = change(removal);
    removal.producers.clear();
    return changed;
  };
  std::vector<std::string> expired;
  for (const runtime::NodeSource& source : node_->sources()) {
    if (!runtime::is_producer(source)) continue;
    if (now - source.used_at > *expire_after_) {
      expired.push_back(figures_of(source).name);
    }
  }
  for (std::string& name : expired) {
    removal.producers.push_back(std::move(name));
    if (removal.producers.size() < kRemovedAtOnce) continue;
    if (auto given = give(); !given) return given;
  }
  return give();
}
}  // namespace tocsin::api
