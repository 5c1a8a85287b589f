/// The values of one feature window as bytes: logical, so that equal contents are equal bytes
/// whatever the layout of memory was. Numbers are varints, floats their bits; a text stands where
/// it first comes, and is named by its number in that order from then on.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cep/aggregate/counted_words.h"
#include "cep/aggregate/event_ring.h"
#include "cep/aggregate/exact_sum.h"
#include "cep/aggregate/window_spec.h"
#include "cep/base/byte_codec.h"

namespace tocsin::cep {
class WordWriter {
 public:
  WordWriter(ByteWriter& to, const WindowSpec& spec, const WindowMemory& memory)
      : to_(to), spec_(spec), memory_(memory) {}
  ByteWriter& bytes() { return to_; }
  void word(Word word);
  /// A number of events, times and words.
  void events(const EventRing& ring);
  /// Different words, sorted: numbers by value, texts by their bytes.
  void set(const CountedWords& words);
  /// The same, each with how often it is there.
  void counts(const CountedWords& words);

 private:
  std::vector<Word> sorted(const CountedWords& words) const;

  ByteWriter& to_;
  const WindowSpec& spec_;
  const WindowMemory& memory_;
  std::unordered_map<Word, std::uint64_t> written_;  // texts
};

/// Reads what WordWriter wrote, from any bytes. Words are checked to be values of the type.
class WordReader {
 public:
  WordReader(ByteReader& from, const WindowSpec& spec, WindowMemory& memory)
      : from_(from), spec_(spec), memory_(memory) {}
  WordReader(const WordReader&) = delete;
  WordReader& operator=(const WordReader&) = delete;
  ~WordReader();
  ByteReader& bytes() { return from_; }
  /// A word, with one holder more: the caller; false where there is none.
  bool word(Word& word);
  /// Into an empty ring, which becomes the words' holder, also of those read before a failure.
  bool events(EventRing& ring);
  /// Into an empty set, the same; at most `most` words.
  bool set(CountedWords& words, std::uint64_t most);
  /// The same with how often each is there, together at most `most` times.
  bool counts(CountedWords& words, std::uint64_t most);

 private:
  bool words_of(CountedWords& words, std::uint64_t most, bool has_times);

  ByteReader& from_;
  const WindowSpec& spec_;
  WindowMemory& memory_;
  std::vector<Word> texts_;  // in the order of their numbers, held once each
  std::unordered_set<Word> known_;
};

/// A time within [kEventTimeMin, kEventTimeMax].
void save_time(ByteWriter& to, EventTime time);
bool restore_time(ByteReader& from, EventTime& time);
/// Any number of 128 bits.
void save_number(ByteWriter& to, Int128 number);
Int128 restore_number(ByteReader& from);
/// A sum of values; whatever order they came in gives equal bytes.
void save_sum(ByteWriter& to, const ExactSum& sum);
bool restore_sum(ByteReader& from, ExactSum& sum);
}  // namespace tocsin::cep
