#include "runtime/stages/side_lines.h"

#include "runtime/io/side_output_line.h"

namespace tocsin::runtime {
IntakeSinks SideLines::sinks(std::function<void(const JudgedLine&)> judged) {
  IntakeSinks sinks;
  sinks.judged = std::move(judged);
  if (options_.keeps_late) {
    sinks.late = [this](const LateEvent& late) {
      late_ += '{';
      append_late_members(late_, late.input, late.line, late.late_by, late.text);
      late_ += "}\n";
    };
  }
  if (options_.keeps_dead) {
    sinks.dead_letter = [this](const DeadLetter& dead) {
      dead_ += '{';
      append_rejected_members(dead_, dead.input, dead.line, dead.reason, dead.text);
      dead_ += "}\n";
    };
  }
  return sinks;
}
}  // namespace tocsin::runtime
