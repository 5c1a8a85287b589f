/// The state of judges and parts of the intake, as entries by key group (cep/stage/stage_state.h):
/// what they write of themselves, and a cut while it is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// The first byte of an entry's key, beside cep::StageEntry::kHead and kLayout.
enum class FrontEntry : std::uint8_t {
  kLine = 16,    // a line that waits: its place; the message
  kIds = 17,     // ids of a `unique` type: a number; the ids
  kSource = 18,  // a source of a judge: its name; its time and what it holds
  kEquals = 19,  // events of a time that has begun: identity; how many are equal, and the line
  kBase = 20,    // alone, of a judge: what arrival numbers are added to
};
std::string front_key(FrontEntry kind, std::string_view rest);

/// What a group, or a judge, has come to, and the change of rules that waits, null if none does;
/// and what wrote it, with which rules.
std::string front_head(cep::EventTime watermark, const cep::StageChange* change = nullptr);
std::string front_layout(const cep::Program& program, FrontEntry holds);

/// The heads and the layout that a part goes on from.
class FrontWritten {
 public:
  /// `heads` by group. kCorrupt for bytes of no stage of this kind, kOtherVersion for those of
  /// other formats or semantics.
  Result<void> begin(const std::map<std::uint32_t, std::string>& heads, std::string_view layout,
                     const cep::Program& program, FrontEntry holds);
  /// The rules that wrote it, and whether the program has them.
  const cep::Digest& plan() const { return plan_; }
  bool is_same_plan() const { return is_same_plan_; }
  /// A change of rules that waited.
  const std::optional<cep::StageChange>& change() const { return change_; }
  const std::map<std::uint32_t, cep::EventTime>& watermarks() const { return watermarks_; }
  /// kEventTimeMin without heads.
  cep::EventTime least_watermark() const;

 private:
  Result<void> read_head(std::uint32_t group, std::string_view bytes);

  cep::Digest plan_{};
  bool is_same_plan_ = false;
  std::optional<cep::StageChange> change_;
  std::map<std::uint32_t, cep::EventTime> watermarks_;
};

/// The entries of a cut that are still to be given.
class FrontCut {
 public:
  void put(cep::KeyGroup group, std::string key, std::string value) {
    entries_.push_back({group, std::move(key), std::move(value), true});
  }
  void remove(cep::KeyGroup group, std::string key) {
    entries_.push_back({group, std::move(key), {}, false});
  }
  /// Gives the next ones, at least one, until they have `bytes_max` bytes or more; true when there
  /// are no more.
  bool write(cep::StageSink& sink, std::size_t bytes_max);
  void clear() { *this = {}; }

 private:
  struct Entry {
    cep::KeyGroup group;
    std::string key;
    std::string value;
    bool is_put = true;
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};
/// What the entry of a source begins with; its judge's state follows.
struct SourcePlace {
  std::optional<cep::ArrivalNumber> last;  // of its lines, as who reads it numbers them
  std::uint64_t taken_before = 0;          // lines with lesser numbers were taken elsewhere
};
void write_source_place(ByteWriter& to, const SourcePlace& place);
/// The reader is not ok() after anything else.
SourcePlace read_source_place(ByteReader& from);
/// The value of FrontEntry::kBase. With it no arrival number passes 64 bits.
std::string write_base(std::uint64_t base);
std::optional<std::uint64_t> read_base(std::string_view bytes);
inline constexpr std::uint64_t kBaseMax = std::uint64_t{1} << 63;
/// What a damaged entry is refused with.
Error damaged_entry(cep::KeyGroup group);
}  // namespace tocsin::runtime
