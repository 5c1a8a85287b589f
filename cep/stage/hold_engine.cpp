#include "cep/stage/hold_engine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/pattern/deferred_alerts.h"
#include "cep/pattern/value_suppression.h"
#include "cep/record/budget.h"
#include "cep/record/state_layout.h"
#include "cep/stage/open_time.h"
#include "cep/stage/place_runs.h"
#include "cep/stage/stage_change.h"
#include "cep/stage/stage_codec.h"
#include "cep/stage/stage_sender.h"
#include "cep/value/order_codec.h"

namespace tocsin::cep {
namespace {
bool has_one_cause(const OrderKey& a, const OrderKey& b) {
  return a.time == b.time && a.phase == b.phase && a.arrival == b.arrival;
}
}  // namespace

// What one pass holds back, under one program.
class StageHold {
 public:
  StageHold(Program program, std::uint32_t pass, KeyGroupRange own, std::uint64_t hash_seed,
            StageOutbox& outbox)
      : program_(std::move(program)),
        pass_(pass),
        own_(own),
        budgets_(program_.impl()),
        deferred_(program_.impl(), stats_, budgets_),
        sender_(program_.impl(), pass + 1, hash_seed, outbox) {}

  // With `end`: none of the matches is at or after it.
  Result<void> put(BlockReader& reader, std::optional<EventTime> end) {
    BlockReader::Message message;
    while (reader.next(message)) {
      ByteReader from(message.body);
      DeferredMatches matches;
      if (message.kind != MessageKind::kMatches || !read_matches(from, program_.impl(), matches) ||
          !from.is_done() || matches.order.time <= advancing_ ||
          (end && matches.order.time >= *end) || !is_own(matches.rule->index)) {
        return tl::unexpected(damaged_block());
      }
      waiting_bytes_ += message.body.size();
      OrderKey order = matches.order;
      waiting_.add(std::move(order)) = {std::move(matches), message.body.size()};
    }
    if (!reader.ok()) return tl::unexpected(damaged_block());
    return {};
  }

  Result<bool> advance(EventTime watermark, std::size_t matches_max) {
    TOCSIN_ASSERT(watermark >= advancing_, "time does not move back");
    advancing_ = watermark;
    std::size_t count = 0;
    OrderKey last;
    while (!waiting_.empty() && waiting_.first().time <= watermark) {
      if (count >= matches_max && count > 0 && !has_one_cause(waiting_.first(), last)) {
        settle();
        return false;
      }
      last = waiting_.first();
      Waits& first = waiting_.first_item();
      waiting_bytes_ -= first.bytes;
      deferred_.add(std::move(first.matches));
      waiting_.pop();
      ++count;
      ++stats_.rows;
    }
    settle();
    watermark_ = watermark;
    if (watermark == kEventTimeMax) {
      deferred_.end();
    } else {
      deferred_.sweep_values(watermark.us);
    }
    return true;
  }

  void track_changes() {
    TOCSIN_ASSERT(watermark_ == advancing_ && !written_, "nothing is in hand");
    tracks_ = true;
    deferred_.track_changes();
  }

  // `change`, `next`: a change that waits, and the hold under its program; null if none does.
  void begin_cut(const StageChange* change, const StageHold* next) {
    TOCSIN_ASSERT(tracks_ && !is_cut_open_, "changes are tracked, and the cut before is complete");
    TOCSIN_ASSERT(watermark_ == advancing_, "nothing is in hand");
    is_cut_open_ = true;
    cut_.begin(own_, stage_head(open_.time_at(watermark_), change),
               cut_.needs_layout() ? layout_bytes() : std::string());
    cut_waiting(StageEntry::kWaiting, *this);
    if (next != nullptr) cut_waiting(StageEntry::kWaitingNext, *next);
    open_.cut(watermark_, own_, cut_);
    cut_.end();
    begin_cut_of_values();
  }

  bool write_cut(StageSink& sink, std::size_t bytes_max) {
    TOCSIN_ASSERT(is_cut_open_, "a cut was begun");
    Chunk chunk(bytes_max);
    if (!cut_.write(sink, chunk) || !write_values(sink, chunk)) return false;
    is_cut_open_ = false;
    return true;
  }

  void mark_all_changed() {
    TOCSIN_ASSERT(tracks_, "changes are tracked");
    is_cut_open_ = false;
    cut_.forget();
    for (const std::uint16_t clause : clauses()) by_value(clause).mark_all_changed();
  }

  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout_bytes) {
    TOCSIN_ASSERT(watermark_ == kEventTimeMin && !written_, "a fresh stage");
    written_ = std::make_unique<StageWritten>();
    if (auto begun = written_->begin(heads, layout_bytes, program_.impl(), layout(),
                                     StageEntry::kValues, {});
        !begun) {
      return tl::unexpected(begun.error());
    }
    watermark_ = advancing_ = written_->least_watermark();
    open_.begin(*written_);
    cut_.note_layout_stored();
    return written_->report();
  }

  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value,
                       std::optional<EventTime> end) {
    TOCSIN_ASSERT(written_ != nullptr, "between begin_restore() and finish_restore()");
    const EventTime* const reached = written_->reached(group);
    const std::vector<std::uint32_t>& targets = written_->targets().values;
    if (reached == nullptr || !own_.has(group) || key.empty()) return damaged_entry(group);
    const auto kind = static_cast<StageEntry>(key.front());
    if (kind == StageEntry::kWaiting) {
      if (!written_->is_same_plan()) return tl::unexpected(waits_under_other_rules("matches"));
      cut_.note_stored(group, key);
      BlockReader reader(value);
      return put(reader, end);
    }
    if (kind == StageEntry::kGiven) {
      cut_.note_stored(group, key);
      return open_.restore(value, sender_.ids()) ? Result<void>() : damaged_entry(group);
    }
    const std::optional<StateKey> of = read_stage_key(StageEntry::kValues, group, key);
    if (!of || of->table >= targets.size()) return damaged_entry(group);
    const std::uint32_t target = targets[of->table];
    if (target == StateTargets::kNone || !is_own(RuleIndex(layout().values[target].rule))) {
      return {};
    }
    if (!by_value(static_cast<std::uint16_t>(target)).restore(of->key, value, *reached)) {
      return damaged_entry(group);
    }
    return {};
  }

  // What waits under the next program was restored: a store has it.
  void note_stored(KeyGroup group, std::string_view key) { cut_.note_stored(group, key); }

  void finish_restore() {
    TOCSIN_ASSERT(written_ != nullptr, "after begin_restore()");
    written_.reset();
  }

  // ---- to a fresh one under another program, which is to go on

  // Matches come from here on.
  void begin_at(EventTime watermark) { advancing_ = watermark; }
  // How far it has come, with the matches that wait.
  EventTime reached() const {
    const EventTime reached = open_.time_at(advancing_).reached;
    return waiting_.empty() ? reached : std::max(reached, waiting_.last().time);
  }
  Result<RestoreReport> begin_going_over(StageHold& next) {
    if (!tracks_) deferred_.track_changes();
    for (const std::uint16_t clause : clauses()) by_value(clause).mark_all_changed();
    begin_cut_of_values();
    std::map<std::uint32_t, std::string> heads;
    for (std::uint32_t group = own_.begin; group < own_.end; ++group) {
      heads[group] = stage_head(open_.time_at(watermark_));
    }
    return next.begin_restore(heads, layout_bytes());
  }
  // True when all has gone over.
  Result<bool> go_over(StageHold& next, std::size_t bytes_max) {
    RestoreSink to(next);
    Chunk chunk(bytes_max);
    const bool is_over = write_values(to, chunk);
    if (!to.restored()) return tl::unexpected(to.restored().error());
    return is_over;
  }
  void clear_first() { cut_.clear_first(); }

  EventTime watermark() const { return watermark_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_bytes_ + waiting_.slot_bytes(); }
  EngineStats stats() const {
    EngineStats stats = stats_;
    stats.values += deferred_.values();
    stats.state_bytes += deferred_.bytes();
    return stats;
  }

  void add_shares(StateShares& shares) {
    for (const std::uint16_t clause : clauses()) {
      shares.add(true, layout().values[clause].name, by_value(clause).bytes());
    }
  }

 private:
  struct Waits {
    DeferredMatches matches;
    std::size_t bytes = 0;  // as they came
  };

  // Entries of a clause as those of a stage: all are of the rule's group.
  class ClauseSink : public StateSink {
   public:
    ClauseSink(StageSink& to, KeyGroup group) : to_(to), group_(group) {}
    void put(const StateKey& key, std::string_view value) override {
      to_.put(group_, stage_entry_key(StageEntry::kValues, key.table, key.key), value);
    }
    void remove(const StateKey& key) override {
      to_.remove(group_, stage_entry_key(StageEntry::kValues, key.table, key.key));
    }
    void shard_done(std::uint32_t /*shard*/) override {}

   private:
    StageSink& to_;
    KeyGroup group_;
  };

  const StateLayout& layout() {
    if (!layout_) layout_ = StateLayout::of(program_.impl());
    return *layout_;
  }
  std::string layout_bytes() {
    return stage_layout(program_.impl(), layout(), StageEntry::kValues, {});
  }
  void cut_waiting(StageEntry kind, const StageHold& of) {
    OrderKey order;
    KeyGroup group;
    std::string messages;  // of all that have this order
    const auto add = [&] {
      std::string key = stage_entry_key(kind);
      ByteWriter to(key);
      write_order(order, to);
      cut_.add(group, std::move(key), seal_block(plan_tag(of.program_.impl()), messages));
      messages.clear();
    };
    of.waiting_.each([&](const OrderKey& next, const Waits& waits) {
      if (!messages.empty() && next != order) add();
      order = next;
      group = of.group_of(waits.matches.rule->index);
      std::string body;
      ByteWriter to(body);
      write_matches(to, waits.matches);
      append_message(messages, MessageKind::kMatches, std::span(&group, 1), body);
    });
    if (!messages.empty()) add();
  }
  void begin_cut_of_values() {
    for (const std::uint16_t clause : clauses()) by_value(clause).begin_cut();
    shard_ = 0;
    clause_ = 0;
  }
  bool write_values(StageSink& sink, Chunk& chunk) {
    const std::vector<std::uint16_t>& numbers = clauses();
    for (; shard_ < kShardCount; ++shard_) {
      for (; clause_ < numbers.size(); ++clause_) {
        const std::uint16_t number = numbers[clause_];
        ClauseSink to(sink, group_of(RuleIndex(layout().values[number].rule)));
        if (!by_value(number).write_cut(number, shard_, to, chunk)) return false;
      }
      clause_ = 0;
    }
    return true;
  }
  KeyGroup group_of(RuleIndex rule) const { return group_of_rule(*program_.impl().plan, rule); }
  bool is_own(RuleIndex index) const {
    const RuleProgram& rule = program_.impl().rules[index.value];
    return rule.pass == pass_ && holds_back_by_values(*rule.rule) && own_.has(group_of(index));
  }
  // The numbers of this part's clauses.
  const std::vector<std::uint16_t>& clauses() {
    if (!clauses_) {
      clauses_.emplace();
      for (std::size_t i = 0; i < layout().values.size(); ++i) {
        if (!is_own(RuleIndex(layout().values[i].rule))) continue;
        clauses_->push_back(static_cast<std::uint16_t>(i));
      }
    }
    return *clauses_;
  }
  ValueSuppression& by_value(std::uint16_t clause) {
    const ValueTable& values = layout().values[clause];
    return deferred_.by_value(RuleIndex(values.rule), values.at_most);
  }
  static tl::unexpected<Error> damaged_entry(KeyGroup group) {
    return fail(Errc::kCorrupt, "the state of a hold is damaged: an entry of key group " +
                                    std::to_string(group.value));
  }

  void settle() {
    alerts_.clear();
    deferred_.settle(alerts_);
    sender_.send_alerts(pass_, alerts_);
    sender_.send_budgets(budgets_);
  }

  Program program_;
  std::uint32_t pass_;
  KeyGroupRange own_;
  EngineStats stats_;
  BudgetLog budgets_;
  DeferredAlerts deferred_;
  StageSender sender_;
  PlaceRuns<OrderKey, Waits> waiting_;  // those of one order as they came
  std::size_t waiting_bytes_ = 0;       // of matches, as they came
  EventTime watermark_ = kEventTimeMin;
  EventTime advancing_ = kEventTimeMin;  // the watermark in hand
  std::vector<Alert> alerts_;
  bool tracks_ = false;
  std::optional<StateLayout> layout_;  // of the program; made when first needed
  std::optional<std::vector<std::uint16_t>> clauses_;
  StageCut cut_;
  OpenTime open_;
  bool is_cut_open_ = false;
  std::uint32_t shard_ = 0;  // that the cut is at
  std::size_t clause_ = 0;
  std::unique_ptr<StageWritten> written_;  // while it is restored
};

HoldEngine::HoldEngine(Program program, std::uint32_t pass, KeyGroupRange own,
                       std::uint64_t hash_seed)
    : impl_(std::make_unique<ChangingStage<StageHold>>(std::move(program), pass, own, hash_seed)) {}
HoldEngine::~HoldEngine() = default;
HoldEngine::HoldEngine(HoldEngine&&) noexcept = default;
HoldEngine& HoldEngine::operator=(HoldEngine&&) noexcept = default;
Result<void> HoldEngine::put(std::string_view block) { return impl_->put(block); }
Result<bool> HoldEngine::advance(EventTime watermark, std::size_t matches_max) {
  return impl_->advance(watermark, matches_max);
}
Result<void> HoldEngine::prepare(Program next, EventTime from) {
  return impl_->prepare(std::move(next), from);
}
std::optional<RestoreReport> HoldEngine::take_report() { return impl_->take_report(); }
const StageChange* HoldEngine::awaited() const { return impl_->awaited(); }
void HoldEngine::track_changes() { impl_->track_changes(); }
void HoldEngine::begin_cut() { impl_->begin_cut(); }
bool HoldEngine::write_cut(StageSink& sink, std::size_t bytes_max) {
  return impl_->write_cut(sink, bytes_max);
}
void HoldEngine::mark_all_changed() { impl_->mark_all_changed(); }
Result<RestoreReport> HoldEngine::begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                                std::string_view layout) {
  return impl_->begin_restore(heads, layout);
}
Result<void> HoldEngine::restore(KeyGroup group, std::string_view key, std::string_view value) {
  return impl_->restore(group, key, value);
}
Result<void> HoldEngine::finish_restore() { return impl_->finish_restore(); }
StageOutbox& HoldEngine::outbox() { return impl_->outbox(); }
EventTime HoldEngine::watermark() const { return impl_->watermark(); }
EngineStats HoldEngine::stats() const { return impl_->stats(); }
void HoldEngine::add_shares(StateShares& shares) { impl_->add_shares(shares); }
std::size_t HoldEngine::waiting() const { return impl_->waiting(); }
std::size_t HoldEngine::waiting_bytes() const { return impl_->waiting_bytes(); }
}  // namespace tocsin::cep
