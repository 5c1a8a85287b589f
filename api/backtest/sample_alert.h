/// An alert that a report shows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tocsin::api {
/// An alert as it is, and as people read it.
struct SampleAlert {
  std::string json;  // format 1
  std::string time;
  std::string key;  // "card c1, merchant m7"
  std::string message;
  std::vector<std::string> events;  // "hit 2026-03-02T12:00:00Z: amount 250.00", the values read
  std::uint64_t events_omitted = 0;
};
}  // namespace tocsin::api
