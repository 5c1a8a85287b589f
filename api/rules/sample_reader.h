/// A sample of events: which types it has, and what their fields look like.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time_unit.h"

namespace tocsin::api {
/// Units that the numbers of a time may have.
inline constexpr std::array kSampleUnits = {cep::TimeUnit::kSeconds, cep::TimeUnit::kMilliseconds,
                                            cep::TimeUnit::kMicroseconds,
                                            cep::TimeUnit::kNanoseconds};
/// What one field of one type of events was in the sample.
struct SeenField {
  std::string path;  // as in `from "geo.lat"`
  std::uint64_t values = 0;
  std::uint64_t bools = 0;
  std::uint64_t numbers = 0;
  std::uint64_t texts = 0;
  std::uint64_t times = 0;  // texts that are times
  std::uint64_t dates = 0;  // texts that are dates
  int digits = 0;           // after the point, the most
  bool has_exponent = false;
  bool is_large = false;                     // beyond 64 bits
  std::array<std::uint64_t, 4> plausible{};  // numbers that are plausible times, by kSampleUnits
  std::set<std::string, std::less<>> values_seen;  // up to 10,000
  bool is_distinct = true;                         // no value came twice
};
struct SeenType {
  std::string json_type;
  std::uint64_t events = 0;
  std::vector<SeenField> fields;  // in the order in which they came
};
struct Sample {
  std::vector<SeenType> types;  // in the order in which they came
  std::uint64_t untyped = 0;    // lines that are no JSON object with a text `type`
  bool has_array = false;       // somewhere; the elements of arrays are not looked at
  bool has_odd_key = false;     // one with a point, or empty: no path leads there
};
/// Reads the first 10,000 lines of the file at `path` (gzip and Zstandard by its name). Fails with
/// kNotFound and kIo.
Result<Sample> read_sample(const std::string& path);
}  // namespace tocsin::api
