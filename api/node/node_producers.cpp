#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "api/node/node_service.h"
#include "runtime/node/node_source.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
constexpr std::size_t kRemovedAtOnce = 1000;  // by one record

ProducerFigures figures_of(const runtime::NodeSource& source) {
  return {source.name.substr(runtime::kPushed.size() + 1), source.owner, source.next_offset,
          source.used_at};
}
}  // namespace

std::optional<std::size_t> NodeService::find_producer(const std::string& producer) {
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

// The source in the node that a batch goes to; what the node itself says is in `result`. A batch
// that is refused leaves nothing behind, and takes no producer for its own.
Served<std::size_t> NodeService::source_of(const EventBatch& batch, Result<void>& result) {
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
  const std::optional<std::size_t> known = find_producer(batch.producer);
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
  } else if (node_->sources().size() >= options_.limits.producers_max) {
    if (auto expired = expire_producers(); !expired) return failed(expired.error());
    if (node_->sources().size() >= options_.limits.producers_max) {
      return tl::unexpected(
          Refusal{Refusal::Why::kProducers,
                  fmt::format("there are {} producers already, the limit (events.producers_max): "
                              "remove some that are no longer used",
                              node_->sources().size())});
    }
  }
  if (!batch.owner.empty()) {
    if (auto owned = change_producers({false, batch.owner, {batch.producer}}); !owned) {
      return failed(owned.error());
    }
  }
  return named(runtime::producer_source(batch.producer));
}

// Why the lines that were taken before may not be sent again so.
std::optional<Refusal> NodeService::look_at_repeats(const EventBatch& batch,
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

Result<void> NodeService::change_producers(const runtime::ProducerCommand& change) {
  if (change.removes) sources_.clear();  // those that were behind one that goes have other places
  return node_->change_producers(change);
}

// Forgets those that have sent nothing for a long time.
Result<void> NodeService::expire_producers() {
  const cep::EventTime now = clock_.now();
  producers_looked_at_ = now;
  if (!options_.producers_expire || node_->has_time_ended()) return {};
  runtime::ProducerCommand change{true, {}, {}};
  const auto give = [&]() -> Result<void> {
    if (change.producers.empty()) return {};
    producers_expired_ += change.producers.size();
    auto changed = change_producers(change);
    change.producers.clear();
    return changed;
  };
  std::vector<std::string> expired;
  for (const runtime::NodeSource& source : node_->sources()) {
    if (!runtime::is_producer(source)) continue;
    if (now - source.used_at > *options_.producers_expire) {
      expired.push_back(figures_of(source).name);
    }
  }
  for (std::string& name : expired) {
    change.producers.push_back(std::move(name));
    if (change.producers.size() < kRemovedAtOnce) continue;
    if (auto given = give(); !given) return given;
  }
  return give();
}

// --- on a caller's thread ------------------------------------------------------------------------

Served<std::vector<ProducerFigures>> NodeService::producers(const std::string& after,
                                                            std::size_t most,
                                                            milliseconds patience) {
  std::vector<ProducerFigures> found;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        for (const runtime::NodeSource& source : node.sources()) {
          if (!runtime::is_producer(source)) continue;
          ProducerFigures one = figures_of(source);
          if (one.name > after) found.push_back(std::move(one));
        }
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  std::ranges::sort(found, {}, &ProducerFigures::name);
  if (found.size() > most) found.resize(most);
  return found;
}

Served<std::optional<ProducerFigures>> NodeService::producer(const std::string& name,
                                                             milliseconds patience) {
  std::optional<ProducerFigures> found;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        if (const auto known = find_producer(name)) found = figures_of(node.sources()[*known]);
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  return found;
}

Served<Result<bool>> NodeService::remove_producer(const std::string& name, milliseconds patience) {
  Result<bool> removed = false;
  std::uint64_t record = 0;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        if (!find_producer(name)) return;
        auto changed = change_producers({true, {}, {name}});
        if (changed) {
          removed = true;
        } else {
          removed = tl::unexpected(changed.error());
        }
        record = node.next_sequence() - 1;
        node.hurry();
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  if (removed && *removed) {
    if (auto durable = wait_durable(record, patience); !durable) {
      return tl::unexpected(durable.error());
    }
  }
  return removed;
}
}  // namespace tocsin::api
