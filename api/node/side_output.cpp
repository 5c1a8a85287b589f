#include "api/node/side_output.h"

#include <fmt/format.h>

#include "runtime/io/side_output_line.h"

namespace tocsin::api {
std::string format_dead_letter(const runtime::DeadLetter& dead_letter) {
  std::string out = "{";
  runtime::append_rejected_members(out, dead_letter.input, dead_letter.line, dead_letter.reason,
                                   dead_letter.text);
  return out + '}';
}

std::string format_late_event(const runtime::LateEvent& late) {
  std::string out = "{";
  runtime::append_late_members(out, late.input, late.line, late.late_by, late.text);
  return out + '}';
}

std::string format_side_output_row(const runtime::SideOutputRow& row, std::uint32_t timeline) {
  std::string out = fmt::format("{{\"arrival\":\"{}:{}\",", row.arrival.record, row.arrival.index);
  if (row.timeline != timeline) out += fmt::format("\"timeline\":{},", row.timeline);
  if (row.kind == runtime::SideOutputKind::kLate) {
    runtime::append_late_members(out, row.source, row.line, row.late_by, row.text);
  } else {
    runtime::append_rejected_members(out, row.source, row.line, row.reason, row.text);
  }
  if (row.reinjected_as != 0) out += fmt::format(",\"reinjected_as\":{}", row.reinjected_as);
  return out + '}';
}
}  // namespace tocsin::api
