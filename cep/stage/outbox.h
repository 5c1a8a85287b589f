/// What a stage has to send: messages in blocks, one block open for each receiver.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cep/base/result.h"
#include "cep/stage/stage_codec.h"
#include "cep/value/key.h"

namespace tocsin::cep {
/// What a block says of the plan under which its messages were written: two plans differ in it.
using PlanTag = std::uint64_t;
PlanTag plan_tag(const ProgramImpl& program);
/// Of messages that have nothing of a plan: lines.
inline constexpr PlanTag kOfNoPlan = 0;

/// Where messages go.
struct StageEdge {
  enum class To : std::uint8_t { kPass, kHold, kAlerts, kIntake };
  To to = To::kPass;
  std::uint32_t pass = 0;  // 0 of kAlerts and kIntake
  friend auto operator<=>(const StageEdge&, const StageEdge&) = default;
};
struct StageBlock {
  StageEdge edge;
  std::uint32_t part = 0;  // of the receiving stage's parts
  std::string bytes;
};

/// Appends a message to those of a block that is to be sealed; the groups ascend.
void append_message(std::string& messages, MessageKind kind, std::span<const KeyGroup> groups,
                    std::string_view body);
/// The block of these messages: the number of the format, the plan's tag, a checksum, then they.
std::string seal_block(PlanTag plan, std::string_view messages);

class StageOutbox {
 public:
  /// The stage behind the edge has so many parts from now on, at least one; until then it has one.
  /// Requires that nothing for the edge is waiting.
  void set_parts(StageEdge edge, std::uint32_t parts);
  /// A message to each part that has some of the groups, which are ascending: with those that it
  /// has.
  void put(PlanTag plan, StageEdge edge, MessageKind kind, std::span<const KeyGroup> groups,
           std::string_view body);
  /// The next block; false where nothing is left. Blocks of one edge, part and plan come in the
  /// order in which they were filled.
  bool take(StageBlock& block);
  bool empty() const { return open_.empty() && full_.empty(); }
  /// Bytes that wait to be taken.
  std::size_t bytes() const { return bytes_; }

 private:
  using Receiver = std::tuple<StageEdge, std::uint32_t, PlanTag>;
  static constexpr std::size_t kBlockBytes = std::size_t{32} << 10;

  std::map<StageEdge, std::uint32_t> parts_;
  std::map<Receiver, std::string> open_;
  std::deque<StageBlock> full_;
  std::size_t bytes_ = 0;
};

/// What bytes are refused with that no stage of the program wrote, or that come too late: kCorrupt.
Error damaged_block();

/// Goes through the messages of a block.
class BlockReader {
 public:
  struct Message {
    MessageKind kind = MessageKind::kRow;
    std::vector<KeyGroup> groups;
    std::string_view body;
  };
  explicit BlockReader(std::string_view block);
  /// False at the end, and where bytes are none or were damaged: then ok() is false.
  bool next(Message& message);
  bool ok() const { return ok_; }
  /// Of the plan under which its messages were written.
  PlanTag plan() const { return plan_; }

 private:
  ByteReader from_;
  bool ok_ = true;
  PlanTag plan_ = 0;
};
}  // namespace tocsin::cep
