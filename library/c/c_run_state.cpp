// The state of a run: entries by key group, out and in.
#include <optional>
#include <string_view>

#include "library/c/c_call.h"
#include "library/c/c_entries.h"
#include "library/c/c_handles.h"
#include "library/c/c_run_call.h"
#include "library/c/c_stage_parts.h"

namespace tocsin::library {
namespace {
CallResult fail_state(const char* what) { return fail_call(TOCSIN_WRONG_STATE, what); }

CallResult check_keeps_state(const tocsin_run& run) {
  if (run.options.run.keeps_state) return {};
  return fail_state("the run was opened without \"keeps_state\"");
}

// The entries whose key is one byte: the head, and the engine's globals.
struct Heads {
  std::optional<std::string_view> head;
  std::optional<std::string_view> engine;
};
CallResult read_heads(std::string_view entries, Heads& heads) {
  ByteReader from(entries);
  while (from.left() > 0) {
    ReadEntry entry;
    if (!read_entry(from, entry) || entry.what != kPut || entry.key.size() != 1 ||
        entry.key[0] > 1) {
      return fail_entries();
    }
    (entry.key[0] == 0 ? heads.head : heads.engine) = entry.value;
  }
  return from.ok() && heads.head && heads.engine ? CallResult() : fail_entries();
}
CallResult restore_entries(runtime::PushedRun& run, std::string_view entries) {
  ByteReader from(entries);
  while (from.left() > 0) {
    ReadEntry entry;
    if (!read_entry(from, entry) || entry.what != kPut) return fail_entries();
    if (entry.key.size() == 1) continue;  // of tocsin_run_begin_restore()
    if (auto restored = run.restore(entry.group, entry.key, entry.value); !restored) {
      return call_result(restored);
    }
  }
  return from.ok() ? CallResult() : fail_entries();
}
}  // namespace
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_run_cut(tocsin_run* run, tocsin_error** error) {
  return call_to_change(run, error, [](tocsin_run& of) -> CallResult {
    if (CallResult keeps = check_keeps_state(of); !keeps) return keeps;
    if (of.is_cut_open) return fail_state("the cut before is not complete");
    if (tocsin::Result<void> flushed = of.run.flush(); !flushed) return call_result(flushed);
    if (of.output_bytes() > 0) {
      return fail_state(
          "there are lines that were not taken: the state would go on behind them. Take all "
          "outputs, then cut");
    }
    if (tocsin::Result<void> begun = of.run.begin_cut(); !begun) return call_result(begun);
    of.is_cut_open = true;
    return {};
  });
}

tocsin_status tocsin_run_take_cut(tocsin_run* run, size_t bytes_max, tocsin_buffer* entries,
                                  int* done, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    if (done == nullptr) return fail_null("done");
    if (!of.is_cut_open) return fail_state("no cut was begun");
    entries->text.clear();
    EntryWriter sink(entries->text);
    of.is_cut_open = !of.run.write_cut(sink, bytes_max);
    *done = of.is_cut_open ? 0 : 1;
    return {};
  });
}

tocsin_status tocsin_run_begin_restore(tocsin_run* run, const void* entries, size_t size,
                                       tocsin_buffer* report, tocsin_error** error) {
  return call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    if (CallResult keeps = check_keeps_state(of); !keeps) return keeps;
    if (of.run.source_count() > 0 || of.run.watermark() > tocsin::cep::kEventTimeMin) {
      return fail_state("only a fresh run is restored");
    }
    Heads heads;
    if (CallResult read = read_heads({static_cast<const char*>(entries), size}, heads); !read) {
      return read;
    }
    of.is_restoring = true;
    const tocsin::Result<tocsin::cep::RestoreReport> begun =
        of.run.begin_restore(*heads.head, *heads.engine);
    if (!begun) return fail_call(begun.error());
    if (report != nullptr) report->text = report_json(*begun);
    return {};
  });
}

tocsin_status tocsin_run_restore(tocsin_run* run, const void* entries, size_t size,
                                 tocsin_error** error) {
  return call_to_restore(run, error, [&](tocsin_run& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    return restore_entries(of.run, {static_cast<const char*>(entries), size});
  });
}

tocsin_status tocsin_run_finish_restore(tocsin_run* run, int writes_all, tocsin_error** error) {
  return call_to_restore(run, error, [&](tocsin_run& of) -> CallResult {
    if (auto restored = of.run.finish_restore(); !restored) return call_result(restored);
    of.is_restoring = false;
    if (writes_all != 0) of.run.mark_all_changed();
    return {};
  });
}
