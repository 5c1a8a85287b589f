/// The captured events of one entry as bytes: each stands once, and is named by its number.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/record/key_record.h"
#include "cep/record/state_layout.h"

namespace tocsin::cep {
/// Collects the events that the blocks of an entry name.
class EventWriter {
 public:
  EventWriter(const ProgramImpl& program, const TableProgram& table)
      : program_(program), table_(table) {}
  void clear();
  /// The event's number; equal events have one.
  std::uint32_t number_of(const KeptEvent& event);
  /// How many there are, then they.
  void write(ByteWriter& to) const;

 private:
  const ProgramImpl& program_;
  const TableProgram& table_;
  std::string bytes_;
  std::vector<std::uint32_t> ends_;                                        // of each in bytes_
  std::string event_;                                                      // the one in hand
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> numbers_;  // by hash; of many
};

/// What the events of one type in entries of a layout become in a table of this program.
struct EventTarget {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t type = kNone;         // kNone: nothing
  std::vector<std::uint32_t> places;  // by written field: its place in the table's layout, kNone
};
std::vector<EventTarget> targets_of_events(const std::vector<StateEvents>& written,
                                           const ProgramImpl& program, const TableProgram& table);

/// Reads them, from any bytes, as a table's records keep them.
class EventReader {
 public:
  EventReader(const ProgramImpl& program, const TableProgram& table)
      : program_(program), table_(table) {}
  /// All events of an entry, none later than `latest`. False for bytes that no EventWriter wrote.
  bool read(ByteReader& from, const std::vector<StateEvents>& written,
            const std::vector<EventTarget>& targets, EventTime latest);
  std::size_t count() const { return places_.size(); }
  /// An event as a record keeps it, `words` long; null where its type is not kept here.
  const KeptEvent* at(std::size_t number) const {
    return places_[number] == kNotHere
               ? nullptr
               : reinterpret_cast<const KeptEvent*>(words_.data() + places_[number]);
  }
  /// The event whose number comes next in `from`; null where no event kept here has it.
  const KeptEvent* next(ByteReader& from) const {
    const std::uint64_t number = from.varint();
    return from.ok() && number < count() ? at(number) : nullptr;
  }

 private:
  static constexpr std::size_t kNotHere = ~std::size_t{0};
  bool read_event(ByteReader& from, const std::vector<StateEvents>& written,
                  const std::vector<EventTarget>& targets, EventTime latest);
  bool read_fields(ByteReader& from, const StateEvents& written, const EventTarget& target,
                   bool has_missing);

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::vector<std::uint64_t> words_;
  std::vector<std::size_t> places_;
  EventParts parts_;
};
/// Whether a word may stand for a value of the type: what a text or a number of this type can be.
bool is_word_of(const Type& type, std::int64_t word);
bool is_utf8(std::string_view text);
}  // namespace tocsin::cep
