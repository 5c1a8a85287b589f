/// How entries of the engine's state are numbered: which table holds what of which operator, and
/// how its captured events look. Written into the globals of each snapshot, so that entries can be
/// read by another program too.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/compile/program.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
/// The format of globals and entries (docs/decisions/0011-engine-state-format.md). A change of what
/// any state is written as takes the next number; what was written before stays readable.
inline constexpr std::uint8_t kStateFormat = 1;
/// Format 0 is what builds before the first release wrote: the same bytes under another number.
constexpr bool is_known_state_format(std::uint8_t format) { return format <= kStateFormat; }
/// How the state of an operator is written.
enum class StateKind : std::uint8_t {
  kNone,  // it keeps nothing
  kFeature,
  kRuns,
  kStrict,
  kPattern,
};
/// One rule or feature in a table. Rules that share a strict group are parts of their own.
struct StatePart {
  StateKind kind = StateKind::kNone;
  bool is_rule = true;
  std::uint32_t index = 0;  // of the rule or feature in the plan; not written
  std::string name;         // the rule's id, the feature's name: for people
  Digest state{};
  Digest suppression{};
  std::vector<Digest> values;  // of the features that are kept with a match, in their order
};
struct StateField {
  std::string name;
  TypeKind kind = TypeKind::kBool;
  std::string type;  // as type_name() says
};
/// A field that records keep of events of `type`: its own or a step value.
StateField state_field(const EventType& type, const CaptureLayout& layout, FieldIndex field);
/// The captured events of one type: the fields that are kept, in their order.
struct StateEvents {
  std::string type;
  bool keeps_identity = false;
  std::vector<StateField> fields;
};
struct StateTable {
  std::vector<StatePart> parts;
  std::vector<StateEvents> events;  // by event type
};
/// Suppression by other values than the rule's key has a table for each clause.
struct ValueTable {
  std::uint32_t rule = 0;  // not written
  bool at_most = false;    // else `once`
  std::string name;        // the rule's id
  Digest suppression{};
};
/// Fails with kOtherVersion for globals of a format that this program does not know.
Result<void> check_state_format(std::string_view globals);
struct StateLayout {
  std::vector<StateTable> tables;  // those of the program, by number
  std::vector<ValueTable> values;  // their numbers follow

  static StateLayout of(const ProgramImpl& program);
  void write(ByteWriter& to) const;
  /// False for bytes that write() did not write.
  bool read(ByteReader& from);
};
/// The part of a table that an operator's state is written as; of a group that of its feature or
/// rule `place`. By op - 1, then by place.
std::vector<std::vector<std::uint32_t>> parts_of_operators(const TableProgram& table,
                                                           const ProgramImpl& program);
/// The type that a value kept with a match has.
const Type& type_of_value(const ProgramImpl& program, FeatureIndex value);
/// Whether matches of the rule are suppressed by other values than its key.
bool holds_back_by_values(const Rule& rule);
}  // namespace tocsin::cep
