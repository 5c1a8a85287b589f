// Runs: lines in, lines out.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "cep/data/alert.h"
#include "cep/plan/severity.h"
#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_run_call.h"
#include "library/c/c_statistics.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::library {
namespace {
// So much is pushed between two looks at what waits to be taken.
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

// Where a run puts out its lines. It goes to a run that has its own place, which does not move.
runtime::Sinks sinks_of(tocsin_run& run) {
  runtime::Sinks sinks;
  sinks.alert = [&run](const cep::Alert& alert) -> Result<void> {
    if (cep::status_of(run.program.plan(), alert) != cep::Status::kLive) return {};
    if (run.options.has_alert_columns) {
      run.alert_columns.add(run.program.plan(), alert, run.format.line(alert));
      return {};
    }
    (run.outputs[TOCSIN_ALERTS] += run.format.line(alert)) += '\n';
    return {};
  };
  if (run.options.keeps_late) {
    sinks.late = [&run](const runtime::LateEvent& late) {
      std::string& out = run.outputs[TOCSIN_LATE] += '{';
      runtime::append_late_members(out, late.input, late.line, late.late_by, late.text);
      out += "}\n";
    };
  }
  if (run.options.keeps_rejected) {
    sinks.dead_letter = [&run](const runtime::DeadLetter& dead) {
      std::string& out = run.outputs[TOCSIN_REJECTED] += '{';
      runtime::append_rejected_members(out, dead.input, dead.line, dead.reason, dead.text);
      out += "}\n";
    };
  }
  return sinks;
}

CallResult push(tocsin_run& run, std::uint32_t source, std::string_view bytes, std::size_t& taken) {
  if (CallResult known = check_source(run, source); !known) return known;
  do {
    if (CallResult room = check_output_room(run); !room) return room;
    const std::string_view piece = bytes.substr(taken, kPieceBytes);
    const runtime::PushedBytes pushed = run.run.push(source, piece);
    taken += pushed.taken;
    if (!pushed.result) return call_result(pushed.result);
  } while (taken < bytes.size());
  return {};
}
}  // namespace
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_run::tocsin_run(const tocsin_pack& pack, const CRunOptions& run_options)
    : options(run_options),
      program(pack.program),
      format(program.plan()),
      run(program, options.run, sinks_of(*this)) {}

std::size_t tocsin_run::output_bytes() const {
  std::size_t bytes = alert_columns.bytes();
  for (const std::string& lines : outputs) bytes += lines.size();
  return bytes;
}

tocsin_status tocsin_run_open(const tocsin_pack* pack, const char* options, tocsin_run** run,
                              tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (run == nullptr) return fail_null("run");
    *run = nullptr;
    if (pack == nullptr) return fail_null("pack");
    CRunOptions read;
    if (CallResult done = read_run_options(options, read); !done) return done;
    *run = new tocsin_run(*pack, read);
    return {};
  });
}

tocsin_status tocsin_run_source(tocsin_run* run, const char* name, uint32_t* source,
                                tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (name == nullptr || *name == '\0') {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "a source needs a name");
    }
    if (source == nullptr) return fail_null("source");
    const tocsin::Result<std::size_t> opened = of.run.source(name);
    if (!opened) return fail_call(opened.error());
    *source = static_cast<uint32_t>(*opened);
    return {};
  });
}

tocsin_status tocsin_run_push(tocsin_run* run, uint32_t source, const char* data, size_t size,
                              size_t* taken, tocsin_error** error) {
  size_t count = 0;
  const tocsin_status status = call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (data == nullptr && size != 0) return fail_null("data");
    return push(of, source, size == 0 ? std::string_view() : std::string_view(data, size), count);
  });
  if (taken != nullptr) *taken = count;
  return status;
}

tocsin_status tocsin_run_end_source(tocsin_run* run, uint32_t source, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (CallResult known = check_source(of, source); !known) return known;
    return call_result(of.run.end(source));
  });
}

tocsin_status tocsin_run_set_clock(tocsin_run* run, int64_t now_us, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (now_us <= tocsin::cep::kEventTimeMin.us || now_us >= tocsin::cep::kEventTimeMax.us) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "now_us is beyond all times");
    }
    of.run.set_clock({now_us});
    return {};
  });
}

tocsin_status tocsin_run_advance(tocsin_run* run, int64_t watermark_us, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    return call_result(of.run.advance({watermark_us}));
  });
}

tocsin_status tocsin_run_finish(tocsin_run* run, int end_of_time, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    return call_result(of.run.finish(end_of_time != 0));
  });
}

tocsin_status tocsin_run_take(tocsin_run* run, int output, tocsin_buffer* lines,
                              tocsin_error** error) {
  return call_to_read(run, error, [&](tocsin_run& of) -> CallResult {
    if (lines == nullptr) return fail_null("lines");
    if (output < TOCSIN_ALERTS || output > TOCSIN_REJECTED) {
      return fail_call(TOCSIN_INVALID_ARGUMENT,
                       "output is TOCSIN_ALERTS, TOCSIN_LATE or TOCSIN_REJECTED");
    }
    if (output == TOCSIN_ALERTS && of.options.has_alert_columns) {
      return fail_call(TOCSIN_WRONG_STATE,
                       "alerts of this run are columns: take them with tocsin_run_take_arrow(), or "
                       "open it without \"alerts\":\"arrow\"");
    }
    if (CallResult flushed = flush(of); !flushed) return flushed;
    std::string& ready = of.outputs[static_cast<std::size_t>(output)];
    lines->text.clear();
    std::swap(lines->text, ready);
    return {};
  });
}

tocsin_status tocsin_run_watermark(tocsin_run* run, int64_t* watermark_us, tocsin_error** error) {
  return call_to_read(run, error, [&](tocsin_run& of) -> CallResult {
    if (watermark_us == nullptr) return fail_null("watermark_us");
    const tocsin::cep::EventTime watermark = of.run.watermark();
    *watermark_us = watermark == tocsin::cep::kEventTimeMin ? std::numeric_limits<int64_t>::min()
                                                            : watermark.us;
    return {};
  });
}

tocsin_status tocsin_run_statistics(tocsin_run* run, tocsin_buffer* json, tocsin_error** error) {
  return call_to_read(run, error, [&](tocsin_run& of) -> CallResult {
    if (json == nullptr) return fail_null("json");
    json->text = statistics_json(of);
    return {};
  });
}

void tocsin_run_free(tocsin_run* run) { delete run; }
