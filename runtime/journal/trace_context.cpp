#include "runtime/journal/trace_context.h"

#include <algorithm>

namespace tocsin::runtime {
namespace {
constexpr std::string_view kShape = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
constexpr std::size_t kTraceId = 3;
constexpr std::size_t kTraceIdSize = 32;
constexpr std::size_t kSpanId = 36;
constexpr std::size_t kSpanIdSize = 16;

int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}
}  // namespace

std::optional<std::string> read_trace_parent(std::string_view text) {
  const std::string_view known = text.substr(0, kShape.size());
  const auto fits = [](char letter, char shape) {
    return shape == '-' ? letter == '-' : digit_of(letter) >= 0;
  };
  if (!std::ranges::equal(known, kShape, fits) || known.starts_with("ff")) return std::nullopt;
  const std::string_view rest = text.substr(kShape.size());
  if (!rest.empty() && (known.starts_with("00") || rest.front() != '-')) return std::nullopt;
  const auto is_zero = [](std::string_view part) {
    return part.find_first_not_of('0') == std::string_view::npos;
  };
  if (is_zero(known.substr(kTraceId, kTraceIdSize)) || is_zero(known.substr(kSpanId, kSpanIdSize)))
    return std::nullopt;
  std::string trace = "00" + std::string(known.substr(2, kShape.size() - 4));
  trace += (digit_of(known.back()) & 1) != 0 ? "01" : "00";
  return trace;
}

std::string with_span(std::string_view trace_parent, std::string_view span_id) {
  std::string trace(trace_parent);
  trace.replace(kSpanId, kSpanIdSize, span_id);
  return trace;
}

void add_trace(std::vector<TraceRun>& runs, std::uint64_t first, std::string_view trace_parent) {
  if (runs.empty() ? trace_parent.empty() : runs.back().trace_parent == trace_parent) return;
  runs.push_back({first, std::string(trace_parent)});
}

std::vector<TraceRun> traces_from(const std::vector<TraceRun>& runs, std::uint64_t first) {
  std::vector<TraceRun> rest;
  for (const TraceRun& run : runs) {
    if (run.first <= first) {
      rest.clear();
      if (!run.trace_parent.empty()) rest.push_back({0, run.trace_parent});
    } else {
      add_trace(rest, run.first - first, run.trace_parent);
    }
  }
  return rest;
}

std::string encode_traces(const std::vector<TraceRun>& runs) {
  std::string bytes;
  ByteWriter to(bytes);
  for (const TraceRun& run : runs) {
    to.varint(run.first);
    to.text(run.trace_parent);
  }
  return bytes;
}

std::optional<std::vector<TraceRun>> decode_traces(std::string_view bytes) {
  ByteReader from(bytes);
  std::vector<TraceRun> runs;
  while (from.left() > 0 && from.ok()) {
    TraceRun run;
    run.first = from.varint();
    run.trace_parent = from.text();
    const bool is_trace =
        run.trace_parent.empty() || read_trace_parent(run.trace_parent) == run.trace_parent;
    const bool is_later = runs.empty() ? !run.trace_parent.empty()
                                       : run.first > runs.back().first &&
                                             run.trace_parent != runs.back().trace_parent;
    if (!is_trace || !is_later) return std::nullopt;
    runs.push_back(std::move(run));
  }
  return from.is_done() ? std::optional(std::move(runs)) : std::nullopt;
}
}  // namespace tocsin::runtime
