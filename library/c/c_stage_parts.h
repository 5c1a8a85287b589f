/// The stages that the C interface opens, by kind; and entries of their state as bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/outbox.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "library/c/c_call.h"
#include "library/c/c_stage_part.h"

namespace tocsin::library {
/// The passes that a job has stages for, and which of them have a hold: a program that needs no
/// others can run in it.
struct JobRoom {
  std::vector<bool> holds;  // by pass
  bool is_whole = false;    // one pass in one part: the program cannot be spread
  /// What the program needs.
  static JobRoom of(const cep::Program& program);
  /// With a hold for each pass.
  static JobRoom of_passes(std::size_t passes) { return {std::vector<bool>(passes, true)}; }
  /// Fails with TOCSIN_INVALID_ARGUMENT where the program needs more.
  CallResult check(const cep::Program& program) const;
};
/// Null where the job has no such stage. A source, and the stage of alerts, have all groups.
std::unique_ptr<StagePart> make_stage_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own,
                                           const JobRoom& room);
cep::StageEdge edge_of(int kind, std::uint32_t pass);
int kind_of(cep::StageEdge edge);

/// Entries as bytes: u8 1 put, 2 remove, 3 clear | u32 group | u32 size, key | put: u32 size,
/// value; little endian. To clear has no key.
class EntryWriter : public cep::StageSink {
 public:
  explicit EntryWriter(std::string& to) : to_(to) {}
  /// Entries so far.
  std::uint64_t count() const { return count_; }
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override;
  void remove(cep::KeyGroup group, std::string_view key) override;
  void clear(cep::KeyGroup group) override;

 private:
  std::string& to_;
  std::uint64_t count_ = 0;
};
/// The heads and layout among entries whose key is one byte.
struct StageHeads {
  std::map<std::uint32_t, std::string> heads;
  std::string layout;
  std::string others;  // entries of other kinds
};
CallResult read_heads(std::string_view entries, StageHeads& heads);
/// Gives all others to the part.
CallResult restore_entries(StagePart& part, std::string_view entries);

/// `awaited`: a change that the state waits for, null if there is none.
std::string report_json(const cep::RestoreReport& report,
                        const cep::StageChange* awaited = nullptr);
}  // namespace tocsin::library
