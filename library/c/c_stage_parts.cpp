#include "library/c/c_stage_parts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/data/alert_format.h"
#include "cep/engine/state_shares.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/whole_engine.h"
#include "library/c/c_entries.h"
#include "library/c/c_stage_source.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

// A pass, a hold, or a whole engine.
template <typename Engine>
class EnginePart : public StagePart {
 public:
  explicit EnginePart(Engine engine) : engine_(std::move(engine)) {}

  cep::StageOutbox* outbox() override { return &engine_.outbox(); }
  Result<void> put(std::string_view block) override { return engine_.put(block); }
  Result<bool> advance(cep::EventTime watermark, std::size_t work_max) override {
    return engine_.advance(watermark, work_max);
  }
  cep::EventTime watermark() const override { return engine_.watermark(); }
  bool has_output() override { return !engine_.outbox().empty(); }
  StageUse waiting() const override { return {engine_.waiting(), engine_.waiting_bytes()}; }
  StageUse use() const override {
    StageUse use = waiting();
    use.state_bytes = engine_.stats().state_bytes;
    return use;
  }
  std::vector<StageHolder> holders(std::size_t most) override {
    cep::StateShares shares;
    engine_.add_shares(shares);
    std::vector<StageHolder> holders;
    for (const cep::StateShare& share : shares.largest(most)) {
      holders.push_back(
          {fmt::format("{} `{}`", share.is_rule ? "rule" : "feature", share.name), share.bytes});
    }
    return holders;
  }
  void count(tocsin_counters& to) const override {
    const auto stats = engine_.stats();
    to.rows = stats.rows;
    to.keys = stats.keys + stats.values;
  }
  std::string statistics_json() const override {
    const auto stats = engine_.stats();
    Json json{{"rows", stats.rows},
              {"keys", stats.keys},
              {"values", stats.values},
              {"timers", stats.timers},
              {"state_bytes", stats.state_bytes},
              {"runs_lost", stats.runs_lost},
              {"feature_events_lost", stats.feature_events_lost},
              {"matches_truncated", stats.matches_truncated},
              {"alerts_suppressed", stats.alerts_suppressed},
              {"waiting", engine_.waiting()},
              {"waiting_bytes", engine_.waiting_bytes()}};
    return json.dump();
  }
  bool track_changes() override {
    engine_.track_changes();
    return true;
  }
  void begin_cut() override { engine_.begin_cut(); }
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max) override {
    return engine_.write_cut(sink, bytes_max);
  }
  void mark_all_changed() override { engine_.mark_all_changed(); }
  Result<cep::RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                           std::string_view layout) override {
    return engine_.begin_restore(heads, layout);
  }
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value) override {
    return engine_.restore(group, key, value);
  }
  Result<void> finish_restore() override { return engine_.finish_restore(); }

 protected:
  Engine engine_;
};
// One whose rules change.
template <typename Engine>
class ChangingPart : public EnginePart<Engine> {
 public:
  using EnginePart<Engine>::EnginePart;
  Result<void> prepare(const cep::Program& next, cep::EventTime from) override {
    return this->engine_.prepare(next, from);
  }
  std::optional<cep::RestoreReport> take_report() override { return this->engine_.take_report(); }
  const cep::StageChange* awaited() const override { return this->engine_.awaited(); }
};

class AlertsPart : public StagePart {
 public:
  explicit AlertsPart(const cep::Program& program)
      : merge_(program), format_(std::make_unique<cep::AlertFormat>(program.plan())) {}

  Result<void> put(std::string_view block) override { return merge_.put(block); }
  Result<bool> advance(cep::EventTime watermark, std::size_t /*work_max*/) override {
    for (;;) {
      const cep::Program program = merge_.program();
      std::vector<cep::Alert> alerts;
      const bool is_done = merge_.advance(watermark, alerts);
      rows_ += alerts.size();
      for (const cep::Alert& alert : alerts) {
        if (cep::status_of(program.plan(), alert) != cep::Status::kLive) continue;
        (lines_ += format_->line(alert)) += '\n';
        ++alerts_;
      }
      if (is_done) return true;
      // The rules have changed.
      format_ = std::make_unique<cep::AlertFormat>(merge_.program().plan());
      report_.emplace().is_same_program = false;
    }
  }
  cep::EventTime watermark() const override { return merge_.watermark(); }
  std::optional<std::string> take_alerts() override { return std::exchange(lines_, {}); }
  bool has_output() override { return !lines_.empty(); }
  StageUse waiting() const override { return {merge_.waiting(), merge_.waiting_bytes()}; }
  StageUse use() const override { return waiting(); }
  void count(tocsin_counters& to) const override {
    to.rows = rows_;
    to.alerts = alerts_;
  }
  std::string statistics_json() const override {
    return Json{{"alerts", alerts_}, {"waiting", merge_.waiting()}}.dump();
  }
  bool track_changes() override { return true; }
  void begin_cut() override {
    cut_.clear();
    EntryWriter sink(cut_);
    merge_.cut(sink);
  }
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max) override;
  void mark_all_changed() override { merge_.mark_all_changed(); }
  Result<cep::RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                           std::string_view layout) override {
    const auto head = heads.find(0);
    if (head == heads.end()) return fail(Errc::kCorrupt, "the state has no head of key group 0");
    if (auto begun = merge_.begin_restore(head->second, layout); !begun) {
      return tl::unexpected(begun.error());
    }
    format_ = std::make_unique<cep::AlertFormat>(merge_.program().plan());
    return cep::RestoreReport{};
  }
  Result<void> restore(cep::KeyGroup /*group*/, std::string_view key,
                       std::string_view value) override {
    return merge_.restore(key, value);
  }
  Result<void> finish_restore() override { return merge_.finish_restore(); }
  Result<void> prepare(const cep::Program& next, cep::EventTime from) override {
    return merge_.prepare(next, from);
  }
  std::optional<cep::RestoreReport> take_report() override {
    return std::exchange(report_, std::nullopt);
  }
  const cep::StageChange* awaited() const override { return merge_.awaited(); }

 private:
  cep::AlertMerge merge_;
  std::unique_ptr<cep::AlertFormat> format_;  // of the program that the merge has
  std::optional<cep::RestoreReport> report_;
  std::string lines_;
  std::string cut_;           // entries of the cut in hand that were not given
  std::uint64_t rows_ = 0;    // alerts of all rules
  std::uint64_t alerts_ = 0;  // lines of them
};

bool AlertsPart::write_cut(cep::StageSink& sink, std::size_t bytes_max) {
  ByteReader from(cut_);
  ReadEntry entry;
  std::size_t given = 0;
  while (from.left() > 0 && (given == 0 || given < bytes_max) && read_entry(from, entry)) {
    switch (entry.what) {
      case kPut:
        sink.put(entry.group, entry.key, entry.value);
        break;
      case kRemove:
        sink.remove(entry.group, entry.key);
        break;
      default:
        sink.clear(entry.group);
        break;
    }
    given = cut_.size() - from.left();
  }
  cut_.erase(0, given);
  return cut_.empty();
}

void write_sized(ByteWriter& to, std::string_view bytes) {
  to.u32(static_cast<std::uint32_t>(bytes.size()));
  to.raw(bytes);
}
}  // namespace

JobRoom JobRoom::of(const cep::Program& program) {
  JobRoom room;
  const cep::SpreadPlan plan = cep::spread_plan(program);
  for (const cep::SpreadPlan::Pass& pass : plan.passes) {
    room.holds.push_back(pass.has_hold);
  }
  room.is_whole = plan.is_whole;
  return room;
}

CallResult JobRoom::check(const cep::Program& program) const {
  const JobRoom needed = of(program);
  if (needed.holds.size() > holds.size()) {
    return fail_call(TOCSIN_INVALID_ARGUMENT,
                     fmt::format("the rules have {} passes, and the job has room for {}: open its "
                                 "stages with \"passes\": {}",
                                 needed.holds.size(), holds.size(), needed.holds.size()));
  }
  for (std::size_t pass = 0; pass < needed.holds.size(); ++pass) {
    if (!needed.holds[pass] || holds[pass]) continue;
    return fail_call(TOCSIN_INVALID_ARGUMENT,
                     fmt::format("the rules need a hold behind pass {}, and the job has none: open "
                                 "its stages with \"passes\": {}",
                                 pass, holds.size()));
  }
  return {};
}

std::unique_ptr<StagePart> make_stage_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own,
                                           const JobRoom& room) {
  switch (kind) {
    case TOCSIN_STAGE_SOURCE:
      return pass == 0 ? make_source_part(program) : nullptr;
    case TOCSIN_STAGE_PASS:
      if (pass >= room.holds.size()) return nullptr;
      if (room.is_whole) {
        return std::make_unique<EnginePart<cep::WholeEngine>>(cep::WholeEngine(program, kHashSeed));
      }
      return std::make_unique<ChangingPart<cep::StageEngine>>(
          cep::StageEngine(program, pass, own, kHashSeed));
    case TOCSIN_STAGE_HOLD:
      if (pass >= room.holds.size() || !room.holds[pass]) return nullptr;
      return std::make_unique<ChangingPart<cep::HoldEngine>>(
          cep::HoldEngine(program, pass, own, kHashSeed));
    case TOCSIN_STAGE_ALERTS:
      return pass == 0 ? std::make_unique<AlertsPart>(program) : nullptr;
    default:
      return nullptr;
  }
}

cep::StageEdge edge_of(int kind, std::uint32_t pass) {
  using To = cep::StageEdge::To;
  return {kind == TOCSIN_STAGE_PASS     ? To::kPass
          : kind == TOCSIN_STAGE_HOLD   ? To::kHold
          : kind == TOCSIN_STAGE_INTAKE ? To::kIntake
                                        : To::kAlerts,
          pass};
}
int kind_of(cep::StageEdge edge) {
  using To = cep::StageEdge::To;
  if (edge.to == To::kPass) return TOCSIN_STAGE_PASS;
  if (edge.to == To::kIntake) return TOCSIN_STAGE_INTAKE;
  return edge.to == To::kHold ? TOCSIN_STAGE_HOLD : TOCSIN_STAGE_ALERTS;
}

void EntryWriter::put(cep::KeyGroup group, std::string_view key, std::string_view value) {
  ByteWriter to(to_);
  ++count_;
  to.u8(kPut);
  to.u32(group.value);
  write_sized(to, key);
  write_sized(to, value);
}
void EntryWriter::remove(cep::KeyGroup group, std::string_view key) {
  ByteWriter to(to_);
  ++count_;
  to.u8(kRemove);
  to.u32(group.value);
  write_sized(to, key);
}
void EntryWriter::clear(cep::KeyGroup group) {
  ByteWriter to(to_);
  ++count_;
  to.u8(kClear);
  to.u32(group.value);
  write_sized(to, {});
}

CallResult read_heads(std::string_view entries, StageHeads& heads) {
  ByteReader from(entries);
  while (from.left() > 0) {
    const std::size_t begin = entries.size() - from.left();
    ReadEntry entry;
    if (!read_entry(from, entry) || entry.what != kPut || entry.key.size() != 1) {
      return fail_entries();
    }
    const auto kind = static_cast<cep::StageEntry>(entry.key[0]);
    if (kind == cep::StageEntry::kHead) {
      heads.heads[entry.group.value] = entry.value;
    } else if (kind == cep::StageEntry::kLayout) {
      heads.layout = entry.value;
    } else {
      heads.others += entries.substr(begin, entries.size() - from.left() - begin);
    }
  }
  return from.ok() ? CallResult() : fail_entries();
}

CallResult restore_entries(StagePart& part, std::string_view entries) {
  ByteReader from(entries);
  while (from.left() > 0) {
    ReadEntry entry;
    if (!read_entry(from, entry) || entry.what != kPut) return fail_entries();
    const auto kind = static_cast<cep::StageEntry>(entry.key[0]);
    if (kind == cep::StageEntry::kHead || kind == cep::StageEntry::kLayout) continue;
    const Result<void> restored = part.restore(entry.group, entry.key, entry.value);
    if (!restored) return fail_call(restored.error());
  }
  return from.ok() ? CallResult() : fail_entries();
}

std::string report_json(const cep::RestoreReport& report, const cep::StageChange* awaited) {
  constexpr const char* kFates[] = {"kept", "started", "replayed", "lost"};
  Json json;
  json["is_same"] = report.is_same_program;
  for (const char* const fate : kFates) json[fate] = Json::array();
  json["suppression_lost"] = Json::array();
  for (const cep::RestoreReport::Line& line : report.lines) {
    Json of{{line.is_rule ? "rule" : "feature", line.name}};
    if (line.suppression_lost) json["suppression_lost"].push_back(of);
    json[kFates[static_cast<std::size_t>(line.fate)]].push_back(std::move(of));
  }
  if (awaited != nullptr) {
    json["waits_for"] = {{"from_us", awaited->from.us}, {"rules", cep::hex(awaited->plan)}};
  }
  return json.dump();
}
}  // namespace tocsin::library
