#include "library/c/c_stage_parts.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/data/alert_format.h"
#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "library/c/c_entries.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::library {
std::optional<int> StagePart::put_event(std::string_view /*line*/,
                                        std::optional<cep::EventTime> /*engine_time*/,
                                        cep::ArrivalNumber /*arrival*/,
                                        std::uint32_t /*equal_number*/) {
  return std::nullopt;
}
std::optional<StagePart::EventTimeOf> StagePart::event_time(std::string_view /*line*/) {
  return std::nullopt;
}
std::optional<Result<int>> StagePart::put_line(std::string_view /*source*/,
                                               std::string_view /*line*/,
                                               std::optional<cep::EventTime> /*taken_at*/,
                                               cep::ArrivalNumber /*arrival*/) {
  return std::nullopt;
}
std::optional<cep::EventTime> StagePart::source_watermark(std::string_view /*source*/) {
  return std::nullopt;
}
bool StagePart::end_source(std::string_view /*source*/) { return false; }
std::optional<std::string> StagePart::take_lines(int /*output*/) { return std::nullopt; }
Result<void> StagePart::put(std::string_view /*block*/) {
  return fail(Errc::kInvalidArgument, "a source takes no blocks");
}
Result<bool> StagePart::advance(cep::EventTime /*watermark*/, std::size_t /*work_max*/) {
  return fail(Errc::kInvalidArgument, "a source has no watermark: its caller has");
}
bool StagePart::write_cut(cep::StageSink& /*sink*/, std::size_t /*bytes_max*/) { return true; }
Result<cep::RestoreReport> StagePart::begin_restore(
    const std::map<std::uint32_t, std::string>& /*heads*/, std::string_view /*layout*/) {
  return fail(Errc::kInvalidArgument, "a source keeps no state");
}
Result<void> StagePart::restore(cep::KeyGroup /*group*/, std::string_view /*key*/,
                                std::string_view /*value*/) {
  return fail(Errc::kInvalidArgument, "a source keeps no state");
}

namespace {
using Json = nlohmann::ordered_json;
// Hash seeds only lay out memory.
constexpr std::uint64_t kHashSeed = 0x70c51;

class SourcePart : public StagePart {
 public:
  explicit SourcePart(const cep::Program& program)
      : program_(program),
        source_(program, kHashSeed),
        decoder_(program_.plan(), program_.used_fields(), program_.used_types()),
        batch_(program_.plan()) {}

  cep::StageOutbox* outbox() override { return &source_.outbox(); }
  void flush() override {
    if (!is_begun_) return;
    decoder_.finish();
    is_begun_ = false;
    values_missing_ += cep::fill_computed(program_, batch_);
    source_.put(batch_);
    batch_.clear();
  }
  std::optional<int> put_event(std::string_view line, std::optional<cep::EventTime> engine_time,
                               cep::ArrivalNumber arrival, std::uint32_t equal_number) override {
    ++lines_;
    const runtime::Decoded decoded = decode(line);
    if (decoded.kind == runtime::LineKind::kDeadLetter) return TOCSIN_EVENT_REJECTED;
    if (decoded.kind == runtime::LineKind::kIgnored) return TOCSIN_EVENT_UNKNOWN;
    if (!decoded.used) return TOCSIN_EVENT_UNUSED;
    if (engine_time && *engine_time < decoded.ts) {
      decoder_.drop();
      return kTooEarly;
    }
    decoder_.keep(engine_time.value_or(decoded.ts), arrival);
    batch_.rows.back().equal_number = equal_number;
    if (batch_.rows.size() >= kRowsMax) flush();
    return TOCSIN_EVENT_SENT;
  }
  std::optional<EventTimeOf> event_time(std::string_view line) override {
    const runtime::Decoded decoded = decode(line);
    if (decoded.kind == runtime::LineKind::kDeadLetter)
      return EventTimeOf{TOCSIN_EVENT_REJECTED, {}};
    if (decoded.kind == runtime::LineKind::kIgnored) return EventTimeOf{TOCSIN_EVENT_UNKNOWN, {}};
    if (decoded.used) decoder_.drop();
    return EventTimeOf{decoded.used ? TOCSIN_EVENT_SENT : TOCSIN_EVENT_UNUSED, decoded.ts};
  }
  bool has_output() override {
    flush();
    return !source_.outbox().empty();
  }
  std::string statistics_json() const override {
    return Json{{"lines", lines_}, {"values_missing", values_missing_}}.dump();
  }

 private:
  static constexpr std::size_t kRowsMax = 2'048;
  // The event is to be kept or dropped where the type is used.
  runtime::Decoded decode(std::string_view line) {
    if (!std::exchange(is_begun_, true)) decoder_.begin(batch_);
    padded_.assign(line);
    padded_.append(runtime::kLinePadding, '\0');
    return decoder_.decode(std::string_view(padded_).substr(0, line.size()));
  }
  cep::Program program_;
  cep::StageSource source_;
  runtime::Decoder decoder_;
  cep::Batch batch_;
  bool is_begun_ = false;
  std::string padded_;
  std::uint64_t lines_ = 0;
  std::uint64_t values_missing_ = 0;
};

// A pass or a hold.
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
  Result<void> finish_restore() override {
    engine_.finish_restore();
    return {};
  }

 private:
  Engine engine_;
};

class AlertsPart : public StagePart {
 public:
  explicit AlertsPart(const cep::Program& program)
      : program_(program), merge_(program), format_(program_.plan()) {}

  Result<void> put(std::string_view block) override { return merge_.put(block); }
  Result<bool> advance(cep::EventTime watermark, std::size_t /*work_max*/) override {
    std::vector<cep::Alert> alerts;
    merge_.advance(watermark, alerts);
    for (const cep::Alert& alert : alerts) {
      if (cep::status_of(program_.plan(), alert) != cep::Status::kLive) continue;
      (lines_ += format_.line(alert)) += '\n';
      ++alerts_;
    }
    return true;
  }
  cep::EventTime watermark() const override { return merge_.watermark(); }
  std::optional<std::string> take_alerts() override { return std::exchange(lines_, {}); }
  bool has_output() override { return !lines_.empty(); }
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
    return cep::RestoreReport{};
  }
  Result<void> restore(cep::KeyGroup /*group*/, std::string_view key,
                       std::string_view value) override {
    return merge_.restore(key, value);
  }

 private:
  cep::Program program_;
  cep::AlertMerge merge_;
  cep::AlertFormat format_;
  std::string lines_;
  std::string cut_;  // entries of the cut in hand that were not given
  std::uint64_t alerts_ = 0;
};

bool AlertsPart::write_cut(cep::StageSink& sink, std::size_t bytes_max) {
  ByteReader from(cut_);
  ReadEntry entry;
  std::size_t given = 0;
  while (from.left() > 0 && (given == 0 || given < bytes_max) && read_entry(from, entry)) {
    if (entry.is_put) {
      sink.put(entry.group, entry.key, entry.value);
    } else {
      sink.remove(entry.group, entry.key);
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

std::unique_ptr<StagePart> make_stage_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own) {
  const cep::SpreadPlan plan = cep::spread_plan(program);
  switch (kind) {
    case TOCSIN_STAGE_SOURCE:
      return pass == 0 ? std::make_unique<SourcePart>(program) : nullptr;
    case TOCSIN_STAGE_PASS:
      if (pass >= plan.passes.size()) return nullptr;
      return std::make_unique<EnginePart<cep::StageEngine>>(
          cep::StageEngine(program, pass, own, kHashSeed));
    case TOCSIN_STAGE_HOLD:
      if (pass >= plan.passes.size() || !plan.passes[pass].has_hold) return nullptr;
      return std::make_unique<EnginePart<cep::HoldEngine>>(
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
  to.u8(1);
  to.u32(group.value);
  write_sized(to, key);
  write_sized(to, value);
}
void EntryWriter::remove(cep::KeyGroup group, std::string_view key) {
  ByteWriter to(to_);
  to.u8(2);
  to.u32(group.value);
  write_sized(to, key);
}

CallResult read_heads(std::string_view entries, StageHeads& heads) {
  ByteReader from(entries);
  while (from.left() > 0) {
    ReadEntry entry;
    if (!read_entry(from, entry) || !entry.is_put || entry.key.size() != 1) return fail_entries();
    const auto kind = static_cast<cep::StageEntry>(entry.key[0]);
    if (kind == cep::StageEntry::kHead) {
      heads.heads[entry.group.value] = entry.value;
    } else if (kind == cep::StageEntry::kLayout) {
      heads.layout = entry.value;
    } else {
      return fail_entries();
    }
  }
  return from.ok() ? CallResult() : fail_entries();
}

CallResult restore_entries(StagePart& part, std::string_view entries) {
  ByteReader from(entries);
  while (from.left() > 0) {
    ReadEntry entry;
    if (!read_entry(from, entry) || !entry.is_put) return fail_entries();
    const auto kind = static_cast<cep::StageEntry>(entry.key[0]);
    if (kind == cep::StageEntry::kHead || kind == cep::StageEntry::kLayout) continue;
    const Result<void> restored = part.restore(entry.group, entry.key, entry.value);
    if (!restored) return fail_call(restored.error());
  }
  return from.ok() ? CallResult() : fail_entries();
}

std::string report_json(const cep::RestoreReport& report) {
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
  return json.dump();
}
}  // namespace tocsin::library
