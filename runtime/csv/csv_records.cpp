#include "runtime/csv/csv_records.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <algorithm>
#include <bit>
#include <cstring>

namespace tocsin::runtime {
namespace {
constexpr std::size_t kNone = std::string_view::npos;
// A byte order mark and a carriage return do not count.
constexpr std::size_t kUncounted = 4;

std::size_t find_in(std::string_view text, char c, std::size_t from, std::size_t end) {
  if (from >= end) return kNone;
  const void* const found = std::memchr(text.data() + from, c, end - from);
  return found == nullptr ? kNone
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// The quote that closes what was opened before `from`, before `end`; kNone where none does.
std::size_t closing_quote(std::string_view text, std::size_t from, std::size_t end) {
  for (std::size_t at = from;; at += 2) {
    at = find_in(text, '"', at, end);
    if (at == kNone || at + 1 >= text.size() || text[at + 1] != '"') return at;
  }
}

constexpr std::size_t kMarkedBytes = 16;

// Marks the bytes that are `c` among the kMarkedBytes from `text` on.
unsigned marks_of(const char* text, char c) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))));
#else
  unsigned marks = 0;
  for (std::size_t i = 0; i < kMarkedBytes; ++i) marks |= text[i] == c ? 1U << i : 0U;
  return marks;
#endif
}

// Adds fields from `begin` on up to one in quotes, or to the end; gives where that one begins, or
// what is behind the record.
std::size_t split_plain(std::string_view record, char separator, std::size_t begin,
                        std::vector<CsvField>& fields) {
  const char* const text = record.data();
  for (std::size_t at = begin; at < record.size(); at += kMarkedBytes) {
    for (unsigned marks = marks_of(text + at, separator); marks != 0; marks &= marks - 1) {
      const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(marks));
      if (end >= record.size()) break;
      fields.push_back({record.substr(begin, end - begin)});
      begin = end + 1;
      if (begin < record.size() && text[begin] == '"') return begin;
    }
  }
  fields.push_back({record.substr(begin)});
  return record.size() + 1;
}
}  // namespace

CsvRecord find_csv_record(std::string_view text, char separator, std::size_t bytes_max,
                          bool is_all) {
  using enum CsvRecord::Kind;
  const std::size_t most = bytes_max + kUncounted;
  const std::size_t first_feed = text.find('\n');
  const auto broken = [&]() -> CsvRecord {
    if (first_feed != kNone) return {kBroken, first_feed + 1, false};
    return is_all ? CsvRecord{kBroken, text.size(), false} : CsvRecord{};
  };
  // What has come is all, or the rest is to be waited for.
  const auto at_end = [&](bool has_lines) -> CsvRecord {
    if (has_lines && text.size() > most) return broken();
    return is_all ? CsvRecord{kWhole, text.size(), has_lines} : CsvRecord{};
  };
  const std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t feed = first_feed;
  std::size_t at = begin;
  bool has_lines = false;
  for (;;) {
    const std::size_t stop = std::min(feed, text.size());
    const std::size_t quote = find_in(text, '"', at, stop);
    if (quote == kNone) {
      if (feed == kNone) return at_end(has_lines);
      if (has_lines && feed > most) return broken();
      return {kWhole, feed + 1, has_lines};
    }
    at = quote + 1;
    if (quote != begin && text[quote - 1] != separator) continue;
    const std::size_t close = closing_quote(text, at, std::min(text.size(), most + 1));
    if (close == kNone) return is_all || text.size() > most ? broken() : CsvRecord{};
    has_lines = has_lines || close > stop;
    at = close + 1;
    if (at < text.size() && text[at] == '\r') ++at;
    if (at == text.size()) return at_end(has_lines);
    const bool is_good = text[at] == '\n' || (text[at] == separator && at == close + 1);
    if (!is_good) return broken();
    if (close > stop) feed = text.find('\n', at);
  }
}

std::size_t whole_csv_records(std::string_view text, char separator, std::size_t bytes_max) {
  if (find_in(text, '"', 0, text.size()) == kNone) return text.rfind('\n') + 1;
  std::size_t size = 0;
  while (size < text.size()) {
    const CsvRecord record = find_csv_record(text.substr(size), separator, bytes_max, false);
    if (record.kind == CsvRecord::Kind::kOpen) break;
    size += record.size;
  }
  return size;
}

void split_csv_record(std::string_view record, char separator, std::vector<CsvField>& fields) {
  fields.clear();
  for (std::size_t at = 0; at <= record.size();) {
    if (at == record.size() || record[at] != '"') {
      at = split_plain(record, separator, at, fields);
      continue;
    }
    const std::size_t close = closing_quote(record, at + 1, record.size());
    const std::string_view inside = record.substr(at + 1, close - at - 1);
    fields.push_back({inside, true, find_in(inside, '"', 0, inside.size()) != kNone});
    at = close + 2;
  }
}

BrokenQuote find_broken_quote(std::string_view line, char separator) {
  BrokenQuote broken;
  for (std::size_t at = 0; at < line.size(); ++at, ++broken.field) {
    if (line[at] == '"') {
      const std::size_t close = closing_quote(line, at + 1, line.size());
      if (close == kNone) return broken;
      at = close + 1;
      broken.is_closed = at < line.size() && line[at] != separator;
      if (broken.is_closed) return broken;
    } else {
      at = std::min(line.find(separator, at), line.size());
    }
  }
  return broken;
}

std::string_view without_line_end(std::string_view record) {
  if (record.ends_with('\n')) record.remove_suffix(1);
  if (record.ends_with('\r')) record.remove_suffix(1);
  return record;
}
}  // namespace tocsin::runtime
