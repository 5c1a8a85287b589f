#include "cep/stage/stage_engine.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/eval/slice.h"
#include "cep/plan/event_type.h"
#include "cep/record/state_values.h"
#include "cep/stage/open_time.h"
#include "cep/stage/row_groups.h"
#include "cep/stage/stage_change.h"
#include "cep/stage/stage_sender.h"
#include "cep/stage/stage_tables.h"
#include "cep/stage/waiting_rows.h"

namespace tocsin::cep {
namespace {

// A value that later passes read, and the tables that do.
struct Given {
  FeatureIndex value;
  std::uint32_t places = 1;
  std::vector<std::uint32_t> readers;
};
// A rule of this pass at whose alerts features of these tables look.
struct Watched {
  RuleIndex rule;
  std::vector<std::uint32_t> readers;
};

std::vector<Given> given_by(const ProgramImpl& program, std::uint32_t pass) {
  std::vector<Given> given;
  for (const ProbeProgram& probe : program.probes) {
    const FeatureProgram& feature = program.features[probe.feature.value];
    if (feature.pass != pass) continue;
    given.push_back({probe.value, program.tables[feature.table].role_places, probe.readers});
  }
  return given;
}

std::vector<Watched> watched_in(const ProgramImpl& program, std::uint32_t pass) {
  std::vector<Watched> watched;
  for (const RuleProgram& rule : program.rules) {
    if (!rule.is_watched || rule.pass != pass) continue;
    Watched& of_rule = watched.emplace_back();
    of_rule.rule = rule.index;
    for (const FeatureProgram& feature : program.features) {
      if (feature.unless == rule.index && feature.take_pass > pass) {
        of_rule.readers.push_back(feature.table);
      }
    }
    if (of_rule.readers.empty()) watched.pop_back();
  }
  return watched;
}

std::vector<std::uint32_t> readers_of(const std::vector<Given>& given,
                                      const std::vector<Watched>& watched) {
  std::vector<std::uint32_t> tables;
  for (const Given& value : given) {
    tables.insert(tables.end(), value.readers.begin(), value.readers.end());
  }
  for (const Watched& rule : watched) {
    tables.insert(tables.end(), rule.readers.begin(), rule.readers.end());
  }
  std::ranges::sort(tables);
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}
}  // namespace

// One pass under one program.
class StagePass {
 public:
  StagePass(Program program, std::uint32_t pass, KeyGroupRange own, std::uint64_t hash_seed,
            StageOutbox& outbox)
      : program_(std::move(program)),
        pass_(pass),
        own_(own),
        slice_(program_.impl()),
        budgets_(program_.impl()),
        tables_(program_.impl(), pass, own, hash_seed, stats_, budgets_),
        sender_(program_.impl(), pass + 1, hash_seed, outbox),
        waiting_(program_.impl()),
        batch_(*program_.impl().plan),
        given_(given_by(program_.impl(), pass)),
        watched_(watched_in(program_.impl(), pass)),
        readers_(program_.impl(), readers_of(given_, watched_), hash_seed) {
    const ProgramImpl& impl = program_.impl();
    TOCSIN_ASSERT(!impl.row_by_row, "a program that can be spread");
    types_.resize(impl.value_count);
    places_.resize(impl.value_count, 1);
    for (const ProbeProgram& probe : impl.probes) {
      types_[probe.value.value] = &impl.features[probe.feature.value].feature->type;
      places_[probe.value.value] =
          impl.tables[impl.features[probe.feature.value].table].role_places;
    }
  }

  // With `end`: none of the rows is at or after it.
  Result<void> put(BlockReader& reader, std::optional<EventTime> end) {
    BlockReader::Message message;
    while (reader.next(message)) {
      if (!waiting_.put(message, advancing_, end)) return tl::unexpected(damaged_block());
    }
    if (!reader.ok()) return tl::unexpected(damaged_block());
    return {};
  }

  Result<bool> advance(EventTime watermark, std::size_t rows_max) {
    TOCSIN_ASSERT(watermark >= watermark_ && watermark >= advancing_, "time does not move back");
    advancing_ = watermark;
    Result<bool> is_done = waiting_.work(watermark, rows_max, batch_, taken_,
                                         [this](EventTime to) { return run(to); });
    if (!is_done || !*is_done) return is_done;
    if (worked_to_ < watermark) {
      batch_.clear();
      taken_.places.clear();
      run(watermark);
    }
    watermark_ = watermark;
    if (watermark == kEventTimeMax) {
      for (const auto& table : tables_.all()) table->end();
      stats_.runs = 0;
    }
    return true;
  }

  void track_changes() {
    TOCSIN_ASSERT(worked_to_ == advancing_ && !written_, "nothing is in hand");
    tracks_ = true;
    tables_.track_changes();
  }

  // `change`, `next`: a change that waits, and the pass under its program; null if none does.
  void begin_cut(const StageChange* change, const StagePass* next) {
    TOCSIN_ASSERT(tracks_ && !is_cut_open_, "changes are tracked, and the cut before is complete");
    TOCSIN_ASSERT(watermark_ == advancing_, "nothing is in hand");
    is_cut_open_ = true;
    cut_.begin(own_, stage_head(open_.time_at(watermark_), change),
               cut_.needs_layout() ? layout_bytes() : std::string());
    waiting_.cut(StageEntry::kWaiting, cut_);
    if (next != nullptr) next->waiting_.cut(StageEntry::kWaitingNext, cut_);
    open_.cut(watermark_, own_, cut_);
    cut_.end();
    tables_.begin_cut();
  }

  bool write_cut(StageSink& sink, std::size_t bytes_max) {
    TOCSIN_ASSERT(is_cut_open_, "a cut was begun");
    Chunk chunk(bytes_max);
    if (!cut_.write(sink, chunk) || !tables_.write_cut(sink, chunk)) return false;
    is_cut_open_ = false;
    return true;
  }

  void mark_all_changed() {
    TOCSIN_ASSERT(tracks_, "changes are tracked");
    is_cut_open_ = false;
    cut_.forget();
    tables_.mark_all_changed();
  }

  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout_bytes) {
    TOCSIN_ASSERT(watermark_ == kEventTimeMin && !written_, "a fresh stage");
    written_ = std::make_unique<StageWritten>();
    if (auto begun = written_->begin(heads, layout_bytes, program_.impl(), layout(),
                                     StageEntry::kKey, tables_.numbers());
        !begun) {
      return tl::unexpected(begun.error());
    }
    watermark_ = advancing_ = worked_to_ = written_->least_watermark();
    open_.begin(*written_);
    cut_.note_layout_stored();
    return written_->report();
  }

  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value,
                       std::optional<EventTime> end) {
    TOCSIN_ASSERT(written_ != nullptr, "between begin_restore() and finish_restore()");
    const EventTime* const reached = written_->reached(group);
    if (reached == nullptr || !own_.has(group) || key.empty()) return damaged_entry(group);
    const auto kind = static_cast<StageEntry>(key.front());
    if (kind == StageEntry::kWaiting) {
      if (!written_->is_same_plan()) return tl::unexpected(waits_under_other_rules("rows"));
      cut_.note_stored(group, key);
      BlockReader reader(value);
      return put(reader, end);
    }
    if (kind == StageEntry::kGiven) {
      cut_.note_stored(group, key);
      return open_.restore(value, sender_.ids()) ? Result<void>() : damaged_entry(group);
    }
    const std::optional<StateKey> of = read_stage_key(StageEntry::kKey, group, key);
    if (!of || !tables_.restore(written_->targets(), *of, value, *reached)) {
      return damaged_entry(group);
    }
    return {};
  }

  // What waits under the next program was restored: a store has it.
  void note_stored(KeyGroup group, std::string_view key) { cut_.note_stored(group, key); }

  void finish_restore() {
    TOCSIN_ASSERT(written_ != nullptr, "after begin_restore()");
    tables_.settle_restored();
    written_.reset();
  }

  // ---- to a fresh one under another program, which is to go on

  // Rows come from here on.
  void begin_at(EventTime watermark) { advancing_ = watermark; }
  // How far it has come, with the rows that wait.
  EventTime reached() const {
    return std::max(open_.time_at(advancing_).reached, waiting_.last_time());
  }
  Result<RestoreReport> begin_going_over(StagePass& next) {
    if (!tracks_) tables_.track_changes();
    tables_.mark_all_changed();
    tables_.begin_cut();
    std::map<std::uint32_t, std::string> heads;
    for (std::uint32_t group = own_.begin; group < own_.end; ++group) {
      heads[group] = stage_head(open_.time_at(watermark_));
    }
    return next.begin_restore(heads, layout_bytes());
  }
  // True when all has gone over.
  Result<bool> go_over(StagePass& next, std::size_t bytes_max) {
    RestoreSink to(next);
    Chunk chunk(bytes_max);
    const bool is_over = tables_.write_cut(to, chunk);
    if (!to.restored()) return tl::unexpected(to.restored().error());
    return is_over;
  }
  void clear_first() { cut_.clear_first(); }

  EventTime watermark() const { return watermark_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_.bytes(); }
  EngineStats stats() const {
    EngineStats stats = stats_;
    for (const auto& table : tables_.all()) {
      stats.keys += table->keys();
      stats.timers += table->timers();
      stats.state_bytes += table->bytes();
    }
    return stats;
  }

  void add_shares(StateShares& shares) {
    for (std::size_t i = 0; i < tables_.all().size(); ++i) {
      cep::add_shares(*tables_.all()[i], layout().tables[tables_.numbers()[i]], shares);
    }
  }

 private:
  const StateLayout& layout() {
    if (!layout_) layout_ = StateLayout::of(program_.impl());
    return *layout_;
  }
  std::string layout_bytes() {
    return stage_layout(program_.impl(), layout(), StageEntry::kKey, tables_.numbers());
  }
  static tl::unexpected<Error> damaged_entry(KeyGroup group) {
    return fail(Errc::kCorrupt, "the state of a stage is damaged: an entry of key group " +
                                    std::to_string(group.value));
  }

  // The batch's rows, then time moves on to `watermark`.
  bool run(EventTime watermark) {
    slice_.begin_texts();
    slice_.begin(batch_, stats_.values_missing);
    stats_.rows += batch_.rows.size();
    if (!take_known()) return false;
    alerts_.clear();
    for (const auto& table : tables_.all()) {
      table->run(pass_, slice_, watermark, alerts_);
      send_matches(*table);
    }
    stats_.rows_relevant += slice_.relevant_rows();
    send_known();
    sender_.send_alerts(pass_, alerts_);
    for (const auto& table : tables_.all()) table->sweep(watermark, 0);
    sender_.send_budgets(budgets_);
    worked_to_ = watermark;
    return true;
  }

  // What earlier passes know of the rows.
  bool take_known() {
    for (std::uint32_t row = 0; row < taken_.places.size(); ++row) {
      const WaitingRows::Waiting& waiting = taken_.known[row];
      for (const WaitingRows::Known& known : waiting.values) {
        const Type* const type = types_[known.value.value];
        ByteReader from(waiting.bytes_of(known));
        Value value;
        if (type == nullptr || known.place >= places_[known.value.value] ||
            !restore_value(from, type, value) || !from.is_done()) {
          return false;
        }
        if (value.kind == ValueKind::kString) value.text = batch_.texts.store(value.text);
        slice_.values(known.value)
            .put(std::size_t{row} * places_[known.value.value] + known.place, value);
      }
      for (const RuleIndex rule : waiting.marks) {
        if (!program_.impl().rules[rule.value].is_watched) return false;
        slice_.mark_alerted(rule, row);
      }
    }
    return true;
  }

  // What this pass knows of them now, to later ones.
  void send_known() {
    if (given_.empty() && watched_.empty()) return;
    readers_.find(slice_);
    for (std::uint32_t row = 0; row < taken_.places.size(); ++row) {
      const std::span<const RowGroups::Touch> touches = readers_.of(row);
      if (touches.empty()) continue;
      for (const Given& given : given_) {
        const ValueColumn& values = slice_.values(given.value);
        for (std::uint32_t place = 0; place < given.places; ++place) {
          const std::size_t entry = std::size_t{row} * given.places + place;
          if (!values.is_written(entry)) continue;
          send(touches, given.readers, MessageKind::kValue, row, [&](ByteWriter& to) {
            to.varint(given.value.value);
            to.varint(place);
            save_value(to, values.at(entry));
          });
        }
      }
      for (const Watched& watched : watched_) {
        if (!slice_.is_alerted(watched.rule, row)) continue;
        send(touches, watched.readers, MessageKind::kMark, row,
             [&](ByteWriter& to) { to.varint(watched.rule.value); });
      }
    }
  }

  template <typename Write>
  void send(std::span<const RowGroups::Touch> touches, const std::vector<std::uint32_t>& readers,
            MessageKind kind, std::uint32_t row, Write&& write) {
    read_.clear();
    for (const RowGroups::Touch& touch : touches) {
      if (std::ranges::find(readers, touch.table) == readers.end()) continue;
      // What the same pass reads in place, or does not see, is not sent.
      if (pass_of(program_.impl().tables[touch.table]) > pass_) read_.push_back(touch);
    }
    if (read_.empty()) return;
    body_.clear();
    ByteWriter to(body_);
    write_place(to, taken_.places[row]);
    write(to);
    sender_.send_to(read_, kind, body_);
  }

  void send_matches(TableState& table) {
    for (const DeferredMatches& matches : table.deferred().take()) {
      body_.clear();
      ByteWriter to(body_);
      write_matches(to, matches);
      sender_.send_to_hold(pass_, matches.rule->index, body_);
    }
  }

  Program program_;
  std::uint32_t pass_;
  KeyGroupRange own_;
  EngineStats stats_;
  Slice slice_;
  BudgetLog budgets_;
  StageTables tables_;
  StageSender sender_;
  WaitingRows waiting_;
  Batch batch_;
  WaitingRows::Taken taken_;           // of the batch's rows
  std::vector<const Type*> types_;     // by value; null: it has no column
  std::vector<std::uint32_t> places_;  // by value: of roles
  std::vector<Given> given_;
  std::vector<Watched> watched_;
  RowGroups readers_;
  EventTime watermark_ = kEventTimeMin;
  EventTime advancing_ = kEventTimeMin;  // the watermark in hand
  EventTime worked_to_ = kEventTimeMin;
  std::vector<Alert> alerts_;
  std::vector<RowGroups::Touch> read_;
  std::string body_;
  bool tracks_ = false;
  std::optional<StateLayout> layout_;  // of the program; made when first needed
  StageCut cut_;
  OpenTime open_;
  bool is_cut_open_ = false;
  std::unique_ptr<StageWritten> written_;  // while it is restored
};

StageEngine::StageEngine(Program program, std::uint32_t pass, KeyGroupRange own,
                         std::uint64_t hash_seed)
    : impl_(std::make_unique<ChangingStage<StagePass>>(std::move(program), pass, own, hash_seed)) {}
StageEngine::~StageEngine() = default;
StageEngine::StageEngine(StageEngine&&) noexcept = default;
StageEngine& StageEngine::operator=(StageEngine&&) noexcept = default;
Result<void> StageEngine::put(std::string_view block) { return impl_->put(block); }
Result<bool> StageEngine::advance(EventTime watermark, std::size_t rows_max) {
  return impl_->advance(watermark, rows_max);
}
Result<void> StageEngine::prepare(Program next, EventTime from) {
  return impl_->prepare(std::move(next), from);
}
std::optional<RestoreReport> StageEngine::take_report() { return impl_->take_report(); }
const StageChange* StageEngine::awaited() const { return impl_->awaited(); }
void StageEngine::track_changes() { impl_->track_changes(); }
void StageEngine::begin_cut() { impl_->begin_cut(); }
bool StageEngine::write_cut(StageSink& sink, std::size_t bytes_max) {
  return impl_->write_cut(sink, bytes_max);
}
void StageEngine::mark_all_changed() { impl_->mark_all_changed(); }
Result<RestoreReport> StageEngine::begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                                 std::string_view layout) {
  return impl_->begin_restore(heads, layout);
}
Result<void> StageEngine::restore(KeyGroup group, std::string_view key, std::string_view value) {
  return impl_->restore(group, key, value);
}
Result<void> StageEngine::finish_restore() { return impl_->finish_restore(); }
StageOutbox& StageEngine::outbox() { return impl_->outbox(); }
EventTime StageEngine::watermark() const { return impl_->watermark(); }
EngineStats StageEngine::stats() const { return impl_->stats(); }
void StageEngine::add_shares(StateShares& shares) { impl_->add_shares(shares); }
std::size_t StageEngine::waiting() const { return impl_->waiting(); }
std::size_t StageEngine::waiting_bytes() const { return impl_->waiting_bytes(); }
}  // namespace tocsin::cep
