/// What is said of lines that are not simply taken as they are: the summary counts them and has
/// examples of them, and whoever wants to hear of them is told.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/event_time/jump_hold.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/unknown_type.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
/// What became of a line other than that it was taken as it is.
enum class LineFate : std::uint8_t {
  kClamped,   // taken at the watermark, `late_by` behind
  kRepeated,  // the id of a `unique` type was taken before: told as soon as that is sure
              // (UniqueFilter::foresee()), and when the line's turn comes
  kLate,      // set aside
  kIgnored,   // of a type that no rule file declares, with UnknownTypes::kIgnore
  kDead,      // a dead letter
};
struct JudgedLine {
  cep::ArrivalNumber arrival{};
  LineFate fate = LineFate::kDead;
  cep::Duration late_by;
  std::string reason;  // of kIgnored: the type
};
/// What is set aside; any may be empty. `judged` hears of it too, and of what the others do not.
struct IntakeSinks {
  std::function<void(const LateEvent&)> late;
  std::function<void(const DeadLetter&)> dead_letter;
  std::function<void(const JudgedLine&)> judged = {};
};
/// A line, and the source that it came from.
struct SourceLine {
  std::string_view source;  // its name
  const Line& line;
  cep::ArrivalNumber arrival;
};
/// How late an event is, and what had moved its source's time on (LateEvent).
struct Lateness {
  cep::Duration by;
  std::uint64_t moved_by = 0;
  cep::EventTime moved_to{};
};

/// Counts in a summary, which others count in too: what is counted here is what has a function
/// here. Invariant: the examples are the first of their kind, also where a restore lies between.
/// Threading: one caller at a time.
class LineReports {
 public:
  /// The plan and the summary must outlive it.
  LineReports(const cep::Plan& plan, UnknownTypes unknown_types, IntakeSinks sinks,
              RunSummary& summary);
  LineReports(const LineReports&) = delete;
  LineReports& operator=(const LineReports&) = delete;

  /// From here on sinks hear of lines by this name instead of their source's; empty: by that again.
  /// The name is borrowed.
  void name_lines(std::string_view producer) { producer_ = producer; }
  /// From here on types are those of this plan, which must outlive it too.
  void use_plan(const cep::Plan& plan) {
    plan_ = &plan;
    unknown_reasons_.reset();
    known_reasons_.clear();
  }
  /// What name_lines() was given last.
  std::string_view producer() const { return producer_; }
  /// Whether somebody wants to hear of each line.
  bool has_judged() const { return static_cast<bool>(sinks_.judged); }

  /// An event was taken so much later than its own time.
  void clamped(cep::ArrivalNumber arrival, cep::Duration late_by) {
    ++summary_.clamped;
    if (sinks_.judged) judge(arrival, LineFate::kClamped, late_by);
  }
  /// An event's id was taken before. Counts nothing: it may be told twice (LineFate::kRepeated).
  void repeated(cep::ArrivalNumber arrival) { judge(arrival, LineFate::kRepeated); }
  /// An event of this time was set aside.
  void late(const SourceLine& from, cep::EventTime ts, const Lateness& lateness);
  /// A line is a dead letter for this reason.
  void dead_letter(const SourceLine& from, std::string reason);
  /// A line has more bytes than may be.
  void too_long(const SourceLine& from, std::size_t line_bytes_max);
  /// An event's time is further ahead of the clock than may be.
  void too_far_ahead(const SourceLine& from, cep::EventTypeIndex type, cep::EventTime ts,
                     cep::Duration ahead_max);
  /// An event of this source jumped further than may be, and was not confirmed.
  void jump_rejected(std::string_view source, const HeldLine& held, cep::Duration jump_max);
  /// A line is no event, for this fault: a dead letter, or of a type that no file declares.
  [[gnu::cold]] void no_event(const SourceLine& from, LineKind kind, const LineFault& fault);
  /// Whether no_event() makes a dead letter of a line.
  bool is_dead(LineKind kind) const {
    return kind == LineKind::kDeadLetter ||
           (kind == LineKind::kIgnored && unknown_types_ == UnknownTypes::kDead);
  }
  /// A field of an event is taken as missing.
  void field_missing(const SourceLine& from, const FieldProblem& problem);

  /// Appends all of the summary that an intake counts, with the examples.
  void save(ByteWriter& writer) const;
  /// Reads what save() wrote; without `has_jumps` it has no counts of jumps, as of old.
  void restore(ByteReader& reader, bool has_jumps);

 private:
  std::string_view name_of(const SourceLine& from) const {
    return producer_.empty() ? from.source : producer_;
  }
  [[gnu::cold]] void judge(cep::ArrivalNumber arrival, LineFate fate, cep::Duration late_by = {},
                           std::string reason = {});
  void unknown_type(const SourceLine& from, std::string_view token);
  const std::string& unknown_reason(const std::string& type);

  const cep::Plan* plan_;
  UnknownTypes unknown_types_;
  IntakeSinks sinks_;
  RunSummary& summary_;
  std::string_view producer_;
  std::vector<std::string> ignored_types_;                      // of the summary's examples
  std::string ignored_last_;                                    // the token of one of those
  std::optional<UnknownTypeReasons> unknown_reasons_;           // of the plan, once needed
  std::unordered_map<std::string, std::string> known_reasons_;  // by type, of the last ones
};
}  // namespace tocsin::runtime
