/// How far a run is, as one line of a terminal that is written over.
#pragma once
#include <string>

#include "runtime/event_time/run.h"

namespace tocsin::api {
/// "[=====>    ]  45 %  1,204,000 events  850,000/s  12 alerts  3.1 s left", cut to `columns`;
/// where the size of the inputs is not known, without bar, share and time left. `seconds`: since
/// the run began.
std::string format_progress(const runtime::Progress& progress, double seconds, int columns);

/// The line on standard error; shows nothing unless it is a terminal. Threading: one caller.
class ProgressLine {
 public:
  /// `wanted` false: never shown.
  explicit ProgressLine(bool wanted);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const runtime::Progress& progress, double seconds);
  /// Any text, cut to the terminal.
  void show_text(std::string text);
  /// Leaves an empty line for other messages.
  void clear();

 private:
  bool is_shown_;
  bool is_dirty_ = false;
};
}  // namespace tocsin::api
