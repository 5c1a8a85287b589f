/// Numbers events without an id field among their equals: those of one engine time that agree in
/// every declared field.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::runtime {
/// Costs nothing for types with an id field and next to nothing where times differ. Where they do
/// not, events are told apart by their used columns first; only those that agree there are decoded
/// once more from their lines. Threading: one caller at a time.
class EqualNumbers {
 public:
  /// The plan must outlive it.
  explicit EqualNumbers(const cep::Plan& plan);
  /// Sets Row::equal_number of the slice's rows. Slices come in order; equals may stand in several.
  /// All slices have identities (cep::Batch::has_identities), of number 0, or none has.
  void assign(cep::Batch& slice);

  /// Takes up that so many events with this identity came at the row's time, the newest. Slices
  /// have identities then.
  void take_up(const cep::Row& row, std::string identity, std::uint32_t count);

  /// Appends the events of the newest time, which later ones of that time are numbered after.
  void save(ByteWriter& writer) const;
  /// Decodes a line to the only row of `batch`, which is empty; false where it gives none.
  using DecodeLine = std::function<bool(std::string_view line, cep::EventTime, cep::Batch& batch)>;
  /// Takes up what save() gave, where nothing was assigned yet. Lines that give no row are left
  /// out. False for other bytes.
  bool restore(ByteReader& reader, const DecodeLine& decode);

 private:
  // One event, or several equal ones.
  struct Entry {
    std::uint64_t columns_hash = 0;
    std::optional<std::uint64_t> fields_hash;  // of all declared fields, once asked for
    std::uint32_t count = 1;
    cep::Row row;      // its line is borrowed from the slice
    std::string line;  // a copy of it, once the slice is over
  };
  static std::string_view raw_of(const Entry& entry) {
    return entry.line.empty() ? entry.row.raw : std::string_view(entry.line);
  }
  std::uint32_t number(const cep::Row& row, std::uint64_t columns_hash);
  std::uint64_t columns_hash(const cep::Batch& slice, const cep::Row& row) const;
  std::optional<cep::EventTime> newest_time() const;
  std::vector<cep::Value> fields(const Entry& entry, cep::TextArena& scratch) const;
  std::uint64_t fields_hash(const Entry& entry) const;
  bool are_equal(const Entry& a, const Entry& b) const;

  const cep::Plan& plan_;
  bool needed_ = false;
  bool has_identities_ = false;
  // The events of the newest engine time: the only one, or all of them by columns_hash.
  std::optional<Entry> only_;
  std::unordered_map<std::uint64_t, std::vector<Entry>> entries_;
};
}  // namespace tocsin::runtime
