/// A part of a stage that the C interface opens, whatever its kind.
#pragma once
#include <tocsin.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::library {
/// What a change of rules is refused with where rules do not change: kInvalidArgument.
Error rules_stay();

/// INT64_MIN: there is none yet; INT64_MAX: the end of time.
std::int64_t shown_watermark(cep::EventTime watermark);

/// What a stage holds, now; bytes of memory.
struct StageUse {
  std::uint64_t waiting = 0;  // rows, lines, groups of matches, alerts
  std::uint64_t waiting_bytes = 0;
  std::uint64_t state_bytes = 0;
};
/// Who holds memory.
struct StageHolder {
  std::string what;  // "rule `x`"
  std::uint64_t bytes = 0;
};

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
  /// TOCSIN_EVENT_SENT and so on, kTooEarly, kTooLate; nothing where it is no source.
  static constexpr int kTooEarly = -1;  // the engine time is before the event's own
  static constexpr int kTooLate = -2;   // it is not after the source's watermark
  virtual std::optional<int> put_event(std::string_view line,
                                       std::optional<cep::EventTime> engine_time,
                                       cep::ArrivalNumber arrival, std::uint32_t equal_number);
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
  virtual Result<bool> advance(cep::EventTime watermark, std::size_t work_max) = 0;
  virtual cep::EventTime watermark() const { return cep::kEventTimeMin; }
  /// Nothing where it gives no alerts.
  virtual std::optional<std::string> take_alerts() { return std::nullopt; }
  /// As cep::StageEngine has them; kInvalidArgument where rules do not change. What a source or
  /// alerts report has no lines.
  virtual Result<void> prepare(const cep::Program& next, cep::EventTime from);
  virtual std::optional<cep::RestoreReport> take_report() { return std::nullopt; }
  virtual const cep::StageChange* awaited() const { return nullptr; }
  /// Whether something waits to be taken.
  virtual bool has_output() = 0;
  virtual std::string statistics_json() const = 0;
  /// What waits; state_bytes are left out, which takes longer.
  virtual StageUse waiting() const { return {}; }
  virtual StageUse use() const { return {}; }
  /// Who holds most of the state, the largest first. Looks at some of it.
  virtual std::vector<StageHolder> holders(std::size_t /*most*/) { return {}; }
  /// What a kind of stage counts.
  virtual void count(tocsin_counters& /*to*/) const {}

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
/// Hash seeds only lay out memory.
inline constexpr std::uint64_t kHashSeed = 0x70c51;
}  // namespace tocsin::library
