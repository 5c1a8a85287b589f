/// The state of an intake as that of the judges and the intake of a job, and the other way round.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"
#include "cep/value/time.h"
#include "runtime/job_state/intake_image.h"
#include "runtime/stages/stage_entries.h"

namespace tocsin::runtime {
using PutFrontEntry = std::function<Result<void>(std::string_view stage, cep::KeyGroup,
                                                 std::string_view key, std::string_view value)>;
/// Gives the entries of judges and intake that go on from an intake at this time. `program` is by
/// pass. `base`: above all arrival numbers that the state has.
Result<void> write_front(const cep::Program& program, const IntakeImage& image, cep::GroupTime time,
                         std::uint64_t base, const PutFrontEntry& put);

/// Collects the entries of judges and intake. Threading: one caller at a time.
class FrontOfStages {
 public:
  /// Fails with kCorrupt, kOtherVersion.
  Result<void> collect_judge(cep::KeyGroup group, std::string_view key, std::string_view value);
  Result<void> collect_intake(cep::KeyGroup group, std::string_view key, std::string_view value);
  /// All was collected: an intake that goes on at this time, of the passes. Fails with kCorrupt,
  /// and kConflict where parts have come to other times.
  Result<IntakeImage> finish(cep::GroupTime time);
  /// Above all arrival numbers that the state has.
  std::uint64_t next_record() const { return next_record_; }
  /// How far the sources were read, by name: what comes next has at least this number. After
  /// finish(), as the two before.
  const std::map<std::string, std::uint64_t>& next_numbers() const { return next_numbers_; }

 private:
  void note(cep::ArrivalNumber arrival);

  struct Judged {
    SourcePlace place;
    SourceImage source;
  };
  struct WaitingOf {
    std::string source;
    WaitingImage line;
  };
  std::map<std::string, Judged> judged_;  // by name
  std::map<std::uint32_t, std::string> heads_;
  std::string layout_;
  bool has_judges_ = false;
  std::uint64_t base_ = 0;
  std::uint64_t next_record_ = 1;
  std::map<std::string, std::uint64_t> next_numbers_;
  std::vector<WaitingOf> waiting_;
  std::map<std::pair<std::string, std::string>, std::vector<RecentIds::Entry>> ids_;
  std::map<std::string, std::uint64_t> equals_;  // by line
  cep::EventTime equals_at_;
};
}  // namespace tocsin::runtime
