/// Lines that a stage sets aside, as JSON lines until they are taken: those of a run's outputs.
#pragma once
#include <cstddef>
#include <string>
#include <utility>

#include "runtime/event_time/line_reports.h"

namespace tocsin::runtime {
struct SideLinesOptions {
  bool keeps_late = true;  // else they are only counted
  bool keeps_dead = true;
};
/// It stays where it is while its sinks are used.
class SideLines {
 public:
  explicit SideLines(const SideLinesOptions& options) : options_(options) {}
  SideLines(const SideLines&) = delete;
  SideLines& operator=(const SideLines&) = delete;
  /// What LineReports are to tell; `judged` as given.
  IntakeSinks sinks(std::function<void(const JudgedLine&)> judged);
  /// Moves out what there is, each line with its end.
  std::string take_late() { return std::exchange(late_, {}); }
  std::string take_dead() { return std::exchange(dead_, {}); }
  std::size_t bytes() const { return late_.size() + dead_.size(); }

 private:
  SideLinesOptions options_;
  std::string late_;
  std::string dead_;
};
}  // namespace tocsin::runtime
