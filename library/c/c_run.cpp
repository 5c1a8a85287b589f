// Runs: lines in, lines out.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "cep/data/alert.h"
#include "cep/plan/severity.h"
#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_statistics.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::library {
namespace {
// So much is pushed between two looks at what waits to be taken.
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

CallResult call_result(const Result<void>& result) {
  if (!result) return fail_call(result.error());
  return {};
}

// Where a run puts out its lines. It goes to a run that has its own place, which does not move.
runtime::Sinks sinks_of(tocsin_run& run) {
  runtime::Sinks sinks;
  sinks.alert = [&run](const cep::Alert& alert) -> Result<void> {
    if (cep::status_of(run.program.plan(), alert) != cep::Status::kLive) return {};
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

// The run's one caller.
class OneCaller {
 public:
  explicit OneCaller(std::atomic<bool>& flag)
      : flag_(flag), is_alone_(!flag.exchange(true, std::memory_order_acquire)) {}
  ~OneCaller() {
    if (is_alone_) flag_.store(false, std::memory_order_release);
  }
  OneCaller(const OneCaller&) = delete;
  OneCaller& operator=(const OneCaller&) = delete;
  bool is_alone() const { return is_alone_; }

 private:
  std::atomic<bool>& flag_;
  bool is_alone_;
};

// A call that reads the run alone.
template <typename Work>
tocsin_status call_to_read(tocsin_run* run, tocsin_error** error, Work&& work) {
  return guarded(error, [&]() -> CallResult {
    if (run == nullptr) return fail_null("run");
    const OneCaller caller(run->is_in_use);
    if (!caller.is_alone()) {
      return fail_call(TOCSIN_WRONG_STATE, "another thread is in a call of this run");
    }
    return std::forward<Work>(work)(*run);
  });
}

// A call that changes the run: what an exception leaves half done is not used any more.
template <typename Work>
tocsin_status call_to_change(tocsin_run* run, tocsin_error** error, Work&& work) {
  return call_to_read(run, error, [&work](tocsin_run& of) -> CallResult {
    if (of.is_broken) {
      return fail_call(TOCSIN_WRONG_STATE,
                       "the run has failed and takes nothing more: a call ended in the middle");
    }
    of.is_broken = true;
    CallResult done = std::forward<Work>(work)(of);
    of.is_broken = false;
    return done;
  });
}

CallResult check_source(const tocsin_run& run, std::uint32_t source) {
  if (source < run.run.source_count()) return {};
  return fail_call(TOCSIN_INVALID_ARGUMENT, "the run has no source " + std::to_string(source) +
                                                ": tocsin_run_source() gives their numbers");
}

CallResult check_output_room(const tocsin_run& run) {
  if (run.output_bytes() < run.options.output_bytes_max) return {};
  return fail_call(TOCSIN_LIMIT,
                   "lines that were not taken use " + std::to_string(run.output_bytes()) +
                       " bytes of memory, and may use " +
                       std::to_string(run.options.output_bytes_max) +
                       ": take alerts, late and rejected lines with tocsin_run_take(), or turn "
                       "\"keeps_late\" and \"keeps_rejected\" off");
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
  std::size_t bytes = 0;
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
    if (!of.is_broken && !of.run.has_failed()) {
      of.is_broken = true;
      const tocsin::Result<void> flushed = of.run.flush();
      of.is_broken = false;
      if (!flushed) return fail_call(flushed.error());
    }
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
