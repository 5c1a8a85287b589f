#include "cep/aggregate/window_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

namespace tocsin::cep {
namespace {
// Whether a word other than a text's is a value of the type.
bool is_value(Word word, const Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return word == 0 || word == 1;
    case TypeKind::kFloat:
      return std::isfinite(std::bit_cast<double>(word));
    case TypeKind::kEnum:
      return type.words != nullptr && word >= 0 &&
             static_cast<std::uint64_t>(word) < type.words->size();
    default:
      return true;
  }
}
// Limbs of the sum of 2^64 squares of floats, whose bits lie in 2 * 1074 + 2 * 1024 places.
constexpr std::uint64_t kLimbsMax = 72;
}  // namespace

void WordWriter::word(Word word) {
  if (!spec_.is_text) {
    if (spec_.value_type.kind == TypeKind::kFloat) {
      to_.i64(word);
    } else {
      to_.signed_varint(word);
    }
    return;
  }
  const auto [place, is_new] = written_.try_emplace(word, written_.size());
  if (is_new) {
    to_.varint(0);
    to_.text(memory_.texts.text(static_cast<std::uint32_t>(word)));
  } else {
    to_.varint(place->second + 1);
  }
}

void WordWriter::events(const EventRing& ring) {
  to_.varint(ring.size());
  for (std::uint64_t i = 0; i < ring.size(); ++i) {
    if (i == 0) {
      save_time(to_, ring.time(0));
    } else {
      to_.varint(static_cast<std::uint64_t>((ring.time(i) - ring.time(i - 1)).us));
    }
    if (ring.has_passed()) to_.varint(ring.counts(i) ? 1 : 0);
    if (spec_.has_value && ring.counts(i)) word(ring.word(i));
  }
}

std::vector<Word> WordWriter::sorted(const CountedWords& words) const {
  std::vector<Word> sorted;
  sorted.reserve(words.count());
  words.for_each([&](Word word) { sorted.push_back(word); });
  if (spec_.is_text) {
    const auto text = [&](Word word) {
      return memory_.texts.text(static_cast<std::uint32_t>(word));
    };
    std::ranges::sort(sorted, {}, text);
  } else {
    std::ranges::sort(sorted);
  }
  return sorted;
}

void WordWriter::set(const CountedWords& words) {
  to_.varint(words.count());
  for (const Word word : sorted(words)) this->word(word);
}

void WordWriter::counts(const CountedWords& words) {
  to_.varint(words.count());
  for (const Word word : sorted(words)) {
    this->word(word);
    to_.varint(words.times(word));
  }
}

WordReader::~WordReader() {
  for (const Word word : texts_) drop_word(word, spec_, memory_);
}

bool WordReader::word(Word& word) {
  if (!spec_.is_text) {
    word = spec_.value_type.kind == TypeKind::kFloat ? from_.i64() : from_.signed_varint();
    return from_.ok() && is_value(word, spec_.value_type);
  }
  const std::uint64_t number = from_.varint_up_to(texts_.size());
  if (number > 0) {
    word = texts_[number - 1];
    hold_word(word, spec_, memory_);
    return true;
  }
  const std::string_view text = from_.text();
  if (!from_.ok() || text.size() > std::numeric_limits<std::uint32_t>::max()) return false;
  word = memory_.texts.hold(text);
  if (!known_.insert(word).second) {
    drop_word(word, spec_, memory_);
    return false;
  }
  texts_.push_back(word);
  hold_word(word, spec_, memory_);
  return true;
}

bool WordReader::events(EventRing& ring) {
  const std::uint64_t count = from_.varint_up_to(from_.left());
  EventTime time;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i == 0) {
      if (!restore_time(from_, time)) return false;
    } else {
      time.us += static_cast<std::int64_t>(
          from_.varint_up_to(static_cast<std::uint64_t>((kEventTimeMax - time).us)));
    }
    Word word = 0;
    const bool counts = !ring.has_passed() || from_.varint_up_to(1) == 1;
    if (!from_.ok() || (spec_.has_value && counts && !this->word(word))) return false;
    ring.push(time, word, counts);
  }
  return from_.ok();
}

bool WordReader::set(CountedWords& words, std::uint64_t most) {
  return words_of(words, most, false);
}

bool WordReader::counts(CountedWords& words, std::uint64_t most) {
  return words_of(words, most, true);
}

bool WordReader::words_of(CountedWords& words, std::uint64_t most, bool has_times) {
  const std::uint64_t count = from_.varint_up_to(std::min<std::uint64_t>(most, from_.left()));
  Word before = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    Word word = 0;
    if (!this->word(word)) return false;
    const std::uint64_t times = has_times ? from_.varint_up_to(most) : 1;
    if (times == 0 || !words.add(word, times)) {
      drop_word(word, spec_, memory_);
      return false;
    }
    most -= times;
    const auto text = [&](Word of) { return memory_.texts.text(static_cast<std::uint32_t>(of)); };
    if (i > 0 && (spec_.is_text ? text(before) >= text(word) : before >= word)) return false;
    before = word;
  }
  return from_.ok();
}

void save_time(ByteWriter& to, EventTime time) { to.signed_varint(time.us); }
bool restore_time(ByteReader& from, EventTime& time) {
  time.us = from.signed_varint();
  return from.ok() && time >= kEventTimeMin && time <= kEventTimeMax;
}

// The low half as a number of 64 bits, and what is left in units of 2^64: mostly 0.
void save_number(ByteWriter& to, Int128 number) {
  const auto low = static_cast<std::int64_t>(number);
  to.signed_varint(low);
  to.signed_varint(static_cast<std::int64_t>((number >> 64) + (low < 0 ? 1 : 0)));
}
Int128 restore_number(ByteReader& from) {
  const std::int64_t low = from.signed_varint();
  const std::int64_t high = from.signed_varint();
  __extension__ typedef unsigned __int128 UInt128;
  return static_cast<Int128>((static_cast<UInt128>(high) << 64) +
                             static_cast<UInt128>(static_cast<Int128>(low)));
}

// Limbs of zeros below are no part of the value.
void save_sum(ByteWriter& to, const ExactSum& sum) {
  const std::vector<std::uint64_t> limbs = sum.magnitude();
  const auto first = std::ranges::find_if(limbs, [](std::uint64_t limb) { return limb != 0; });
  to.varint(static_cast<std::uint64_t>(limbs.end() - first) << 1 | (sum.is_negative() ? 1U : 0U));
  if (first == limbs.end()) return;
  to.varint(sum.low() + static_cast<std::uint64_t>(first - limbs.begin()));
  for (auto limb = first; limb != limbs.end(); ++limb) to.u64(*limb);
}
bool restore_sum(ByteReader& from, ExactSum& sum) {
  const std::uint64_t head = from.varint_up_to(2 * kLimbsMax + 1);
  const bool negative = (head & 1) != 0;
  const std::uint64_t count = head >> 1;
  if (count == 0) return from.ok() && !negative;
  const std::uint64_t low = from.varint_up_to(kLimbsMax);
  std::uint64_t least = 0;
  std::uint64_t limb = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    limb = from.u64();
    if (i == 0) least = limb;
    sum.add(limb, static_cast<std::uint32_t>(64 * (low + i)), negative);
  }
  return from.ok() && least != 0 && limb != 0;
}
}  // namespace tocsin::cep
