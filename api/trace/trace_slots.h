/// How many replays of the archive run at a time: traces, histories and explanations together.
#pragma once
#include <atomic>
#include <chrono>

#include "api/rest/problem.h"

namespace tocsin::api {
// Each takes a processor and reads the disk.
inline constexpr int kTracesAtOnce = 1;
inline constexpr std::chrono::seconds kTraceTimeMost{30};

/// Threading: any.
class TraceSlots {
 public:
  /// Held while a replay runs; `is_free` says whether it may.
  struct Place {
    explicit Place(TraceSlots& of) : running(of.running_), is_free(++running <= kTracesAtOnce) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --running; }
    std::atomic<int>& running;
    const bool is_free;
  };
  /// The answer where no place is free.
  static HttpResponse busy() {
    return unavailable_response("a trace or another replay is running: ask again when it ended");
  }

 private:
  std::atomic<int> running_{0};
};
}  // namespace tocsin::api
