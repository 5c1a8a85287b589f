/// `unique [within D]`: leaves out events whose id was taken before.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/batch.h"
#include "cep/plan.h"
#include "cep/time.h"

namespace tocsin::runtime {
/// Knows the ids taken lately, by event type: those of the last `within`, or all, at most `ids_max`
/// of a type, the newest. Ids are known by 128 bits of their hash. Threading: one caller at a time.
class UniqueFilter {
 public:
  UniqueFilter(const cep::Plan& plan, std::size_t ids_max);
  /// Takes the repeats out of the slice's rows: events whose id an event of their type had that was
  /// taken less than `within` earlier in engine time. A missing id is none. Slices come in order.
  /// Gives how many there were, and tells `repeated`, where there is one, of each.
  std::uint64_t drop_repeats(cep::Batch& slice,
                             const std::function<void(cep::ArrivalNumber)>& repeated = {});
  /// Ids forgotten because there were more than `ids_max`.
  std::uint64_t forgotten() const { return forgotten_; }

  /// Appends what is known: type by type, oldest first.
  void save(ByteWriter& writer) const;
  /// Takes up what save() gave, in a filter that knows nothing. Types that are not `unique` by the
  /// same id field here are left out. False for other bytes.
  bool restore(ByteReader& reader);

 private:
  using Id = std::array<std::uint64_t, 2>;
  struct IdHash {
    std::size_t operator()(const Id& id) const { return static_cast<std::size_t>(id[0]); }
  };
  struct Type {
    bool is_unique = false;
    std::optional<cep::Duration> within;
    cep::FieldIndex id_field;
    std::unordered_map<Id, cep::EventTime, IdHash> taken;
    std::deque<std::pair<cep::EventTime, Id>> in_order;
  };
  bool is_repeat(Type& type, const cep::Row& row, const cep::Value& value);
  void forget_oldest(Type& type);
  Type* find(std::string_view type, std::string_view id_field);

  const cep::Plan& plan_;
  std::size_t ids_max_;
  std::uint64_t forgotten_ = 0;
  bool any_ = false;
  std::vector<Type> types_;
  std::string bytes_;
};
}  // namespace tocsin::runtime
