/// The time that a part of a stage goes on from where an engine has worked at it already, and more
/// may come at it: alerts that are equal to those of the engine get the next numbers.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cep/engine/alert_ids.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// How often each id was given at a time.
struct GivenAt {
  EventTime time;
  std::map<AlertDigest, std::uint32_t> counts;
};
/// The value of an entry StageEntry::kGiven.
std::string write_given(const GivenAt& given);
/// Nothing for bytes that are none.
std::optional<GivenAt> read_given(std::string_view bytes);

/// Nothing is open in a part that has come further. Threading: one caller at a time.
class OpenTime {
 public:
  void begin(const StageWritten& written) { at_ = written.open_at(); }
  /// Takes up what was given; false for bytes that are none.
  bool restore(std::string_view value, AlertIds& ids);
  /// What heads say of a part with this watermark.
  GroupTime time_at(EventTime watermark) const {
    return is_open(watermark) ? GroupTime{*at_, true} : GroupTime{watermark, false};
  }
  /// Adds what was given to a cut: each group has it, as any of its keys may be alerted of again.
  void cut(EventTime watermark, KeyGroupRange own, StageCut& to) const;

 private:
  bool is_open(EventTime watermark) const { return at_ && watermark < *at_; }
  std::optional<EventTime> at_;
  std::string given_;  // as it was restored
};
}  // namespace tocsin::cep
