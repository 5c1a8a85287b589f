/// The stages that the C interface opens, under one interface; and entries of their state as bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/outbox.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "library/c/c_call.h"

namespace tocsin::library {
/// What a kind of stage does not do, it refuses.
class StagePart {
 public:
  StagePart() = default;
  virtual ~StagePart() = default;
  StagePart(const StagePart&) = delete;
  StagePart& operator=(const StagePart&) = delete;

  /// Null: it sends to no other stage.
  virtual cep::StageOutbox* outbox() { return nullptr; }
  /// Moves what was put to the outbox, as far as nothing else decides when.
  virtual void flush() {}
  /// TOCSIN_EVENT_SENT and so on, kTooEarly; nothing where it is no source.
  static constexpr int kTooEarly = -1;  // the engine time is before the event's own
  virtual std::optional<int> put_event(std::string_view line,
                                       std::optional<cep::EventTime> engine_time,
                                       cep::ArrivalNumber arrival, std::uint32_t equal_number);
  /// What put_event() would make of a line, and the event's own time. Nothing is kept.
  struct EventTimeOf {
    int outcome = 0;
    std::optional<cep::EventTime> time;
  };
  virtual std::optional<EventTimeOf> event_time(std::string_view line);
  /// TOCSIN_EVENT_SENT and so on; nothing where it is no judge.
  virtual std::optional<Result<int>> put_line(std::string_view source, std::string_view line,
                                              std::optional<cep::EventTime> taken_at,
                                              cep::ArrivalNumber arrival);
  /// Nothing where it is no judge.
  virtual std::optional<cep::EventTime> source_watermark(std::string_view source);
  /// False where it is no judge.
  virtual bool end_source(std::string_view source);
  /// `output` is TOCSIN_LATE or TOCSIN_REJECTED; nothing where it sets none aside.
  virtual std::optional<std::string> take_lines(int output);
  virtual Result<void> put(std::string_view block);
  virtual Result<bool> advance(cep::EventTime watermark, std::size_t work_max);
  virtual cep::EventTime watermark() const { return cep::kEventTimeMin; }
  /// Nothing where it gives no alerts.
  virtual std::optional<std::string> take_alerts() { return std::nullopt; }
  /// Whether something waits to be taken.
  virtual bool has_output() = 0;
  virtual std::string statistics_json() const = 0;

  /// False where it keeps no state; else as cep::StageEngine has them.
  virtual bool track_changes() { return false; }
  virtual void begin_cut() {}
  virtual bool write_cut(cep::StageSink& sink, std::size_t bytes_max);
  virtual void mark_all_changed() {}
  virtual Result<cep::RestoreReport> begin_restore(
      const std::map<std::uint32_t, std::string>& heads, std::string_view layout);
  virtual Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value);
  virtual Result<void> finish_restore() { return {}; }
};
/// Null where the program has no such stage. A source, and the stage of alerts, have all groups.
std::unique_ptr<StagePart> make_stage_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own);
cep::StageEdge edge_of(int kind, std::uint32_t pass);
int kind_of(cep::StageEdge edge);

/// Entries as bytes: u8 1 put, 2 remove | u32 group | u32 size, key | put: u32 size, value; little
/// endian.
class EntryWriter : public cep::StageSink {
 public:
  explicit EntryWriter(std::string& to) : to_(to) {}
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override;
  void remove(cep::KeyGroup group, std::string_view key) override;

 private:
  std::string& to_;
};
/// The heads and layout among entries.
struct StageHeads {
  std::map<std::uint32_t, std::string> heads;
  std::string layout;
};
CallResult read_heads(std::string_view entries, StageHeads& heads);
/// Gives all others to the part.
CallResult restore_entries(StagePart& part, std::string_view entries);

std::string report_json(const cep::RestoreReport& report);
}  // namespace tocsin::library
