#include "cep/stage/whole_engine.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/record/state_layout.h"
#include "cep/stage/stage_change.h"
#include "cep/stage/stage_codec.h"
#include "cep/stage/waiting_rows.h"

namespace tocsin::cep {
namespace {
constexpr KeyGroup kOnly;
constexpr KeyGroupRange kOnlyRange{0, 1};

tl::unexpected<Error> damaged_state() {
  return fail(Errc::kCorrupt, "the state of a stage is damaged");
}
}  // namespace

class WholeEngineImpl {
 public:
  WholeEngineImpl(const Program& program, std::uint64_t hash_seed)
      : program_(program),
        plan_(plan_tag(program_.impl())),
        engine_(program, hash_seed),
        waiting_(program_.impl()),
        batch_(*program_.impl().plan) {}

  Result<void> put(std::string_view block) {
    BlockReader reader(block);
    if (reader.ok() && reader.plan() != plan_) return tl::unexpected(unknown_plan());
    BlockReader::Message message;
    while (reader.next(message)) {
      if (message.kind != MessageKind::kRow || !waiting_.put(message, advancing_)) {
        return tl::unexpected(damaged_block());
      }
    }
    if (!reader.ok()) return tl::unexpected(damaged_block());
    return {};
  }

  Result<bool> advance(EventTime watermark, std::size_t rows_max) {
    TOCSIN_ASSERT(watermark >= watermark_ && watermark >= advancing_, "time does not move back");
    advancing_ = watermark;
    Result<bool> is_done = waiting_.work(watermark, rows_max, batch_, taken_, [this](EventTime to) {
      run(to);
      return true;
    });
    if (!is_done || !*is_done) return is_done;
    if (worked_to_ < watermark) {
      batch_.clear();
      run(watermark);
    }
    watermark_ = watermark;
    return true;
  }

  void track_changes() {
    TOCSIN_ASSERT(advancing_ == kEventTimeMin && waiting_.size() == 0, "before the first block");
    tracks_ = true;
    engine_.track_changes();
  }

  void begin_cut() {
    TOCSIN_ASSERT(tracks_ && !is_cut_open_, "changes are tracked, and the cut before is complete");
    TOCSIN_ASSERT(watermark_ == advancing_ && outbox_.empty(), "nothing is in hand");
    is_cut_open_ = true;
    std::string head;
    ByteWriter to_head(head);
    // An engine may have come to the time itself, of which its ids know.
    const bool is_open = engine_.watermark() > watermark_;
    to_head.text(stage_head({engine_.watermark(), is_open}));
    to_head.raw(engine_.begin_snapshot());
    std::string layout;
    if (cut_.needs_layout()) {
      layout = stage_layout(program_.impl(), own_layout(), StageEntry::kEngine, {});
    }
    cut_.begin(kOnlyRange, std::move(head), std::move(layout));
    waiting_.cut(StageEntry::kWaiting, cut_);
    cut_.end();
  }

  bool write_cut(StageSink& sink, std::size_t bytes_max) {
    TOCSIN_ASSERT(is_cut_open_, "a cut was begun");
    Chunk chunk(bytes_max);
    if (!cut_.write(sink, chunk)) return false;
    KeyEntries to(sink);
    if (!engine_.write_snapshot(to, bytes_max)) return false;
    is_cut_open_ = false;
    return true;
  }

  void mark_all_changed() {
    TOCSIN_ASSERT(tracks_, "changes are tracked");
    is_cut_open_ = false;
    cut_.forget();
    engine_.mark_all_changed();
  }

  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout) {
    TOCSIN_ASSERT(advancing_ == kEventTimeMin && !written_, "a fresh stage");
    const auto head = heads.find(kOnly.value);
    if (head == heads.end() || heads.size() != 1) return damaged_state();
    ByteReader from(head->second);
    const std::string stage_head_bytes(from.text());
    if (!from.ok()) return damaged_state();
    written_ = std::make_unique<StageWritten>();
    if (auto begun = written_->begin({{kOnly.value, stage_head_bytes}}, layout, program_.impl(),
                                     own_layout(), StageEntry::kEngine, {});
        !begun) {
      return tl::unexpected(begun.error());
    }
    Result<RestoreReport> report = engine_.begin_restore(from.raw(from.left()));
    if (!report) return report;
    watermark_ = advancing_ = worked_to_ = written_->least_watermark();
    cut_.note_layout_stored();
    report->is_same_program = report->is_same_program && written_->is_same_plan();
    return report;
  }

  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value) {
    TOCSIN_ASSERT(written_ != nullptr, "between begin_restore() and finish_restore()");
    if (key.empty()) return damaged_state();
    const auto kind = static_cast<StageEntry>(key.front());
    if (kind == StageEntry::kWaiting) {
      if (!written_->is_same_plan()) return tl::unexpected(waits_under_other_rules("rows"));
      cut_.note_stored(group, key);
      return put(value);
    }
    const std::optional<StateKey> of = read_stage_key(StageEntry::kKey, group, key);
    return of ? engine_.restore(*of, value) : damaged_state();
  }

  Result<void> finish_restore() {
    TOCSIN_ASSERT(written_ != nullptr, "after begin_restore()");
    written_.reset();
    return engine_.finish_restore();
  }

  StageOutbox& outbox() { return outbox_; }
  EventTime watermark() const { return watermark_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_.bytes(); }
  EngineStats stats() const { return engine_.stats(); }
  void add_shares(StateShares& shares) {
    const std::vector<RuleTotals> totals = engine_.rule_totals();
    for (std::size_t i = 0; i < totals.size(); ++i) {
      shares.add(true, program_.plan().rules[i].id, totals[i].bytes);
    }
  }

 private:
  const StateLayout& own_layout() {
    if (!layout_) layout_ = StateLayout::of(program_.impl());
    return *layout_;
  }

  // The batch's rows, then time moves on to `watermark`.
  void run(EventTime watermark) {
    alerts_.clear();
    engine_.advance(batch_, watermark, alerts_);
    for (const Alert& alert : alerts_) {
      body_.clear();
      ByteWriter to(body_);
      write_alert(to, alert);
      outbox_.put(plan_, {StageEdge::To::kAlerts, 0}, MessageKind::kAlert, std::span(&kOnly, 1),
                  body_);
    }
    worked_to_ = watermark;
  }

  Program program_;
  PlanTag plan_;
  Engine engine_;
  WaitingRows waiting_;
  Batch batch_;
  WaitingRows::Taken taken_;
  StageOutbox outbox_;
  std::vector<Alert> alerts_;
  std::string body_;
  EventTime watermark_ = kEventTimeMin;
  EventTime advancing_ = kEventTimeMin;  // the watermark in hand
  EventTime worked_to_ = kEventTimeMin;
  bool tracks_ = false;
  StageCut cut_;
  bool is_cut_open_ = false;
  std::optional<StateLayout> layout_;      // of the program; made when first needed
  std::unique_ptr<StageWritten> written_;  // while it is restored
};

WholeEngine::WholeEngine(const Program& program, std::uint64_t hash_seed)
    : impl_(std::make_unique<WholeEngineImpl>(program, hash_seed)) {}
WholeEngine::~WholeEngine() = default;
WholeEngine::WholeEngine(WholeEngine&&) noexcept = default;
WholeEngine& WholeEngine::operator=(WholeEngine&&) noexcept = default;
Result<void> WholeEngine::put(std::string_view block) { return impl_->put(block); }
Result<bool> WholeEngine::advance(EventTime watermark, std::size_t rows_max) {
  return impl_->advance(watermark, rows_max);
}
StageOutbox& WholeEngine::outbox() { return impl_->outbox(); }
EventTime WholeEngine::watermark() const { return impl_->watermark(); }
EngineStats WholeEngine::stats() const { return impl_->stats(); }
void WholeEngine::add_shares(StateShares& shares) { impl_->add_shares(shares); }
std::size_t WholeEngine::waiting() const { return impl_->waiting(); }
std::size_t WholeEngine::waiting_bytes() const { return impl_->waiting_bytes(); }
void WholeEngine::track_changes() { impl_->track_changes(); }
void WholeEngine::begin_cut() { impl_->begin_cut(); }
bool WholeEngine::write_cut(StageSink& sink, std::size_t bytes_max) {
  return impl_->write_cut(sink, bytes_max);
}
void WholeEngine::mark_all_changed() { impl_->mark_all_changed(); }
Result<RestoreReport> WholeEngine::begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                                 std::string_view layout) {
  return impl_->begin_restore(heads, layout);
}
Result<void> WholeEngine::restore(KeyGroup group, std::string_view key, std::string_view value) {
  return impl_->restore(group, key, value);
}
Result<void> WholeEngine::finish_restore() { return impl_->finish_restore(); }
}  // namespace tocsin::cep
