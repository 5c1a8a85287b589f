// Parts of the stages of a job: blocks in, blocks out.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/compile/compile.h"
#include "cep/stage/spread.h"
#include "cep/value/group_range.h"
#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_json_options.h"
#include "library/c/c_run_options.h"
#include "library/c/c_stage_call.h"
#include "library/c/c_stage_front.h"
#include "library/c/c_stage_parts.h"
#include "library/explain/job_plan.h"

namespace tocsin::library {
namespace {
CallResult fail_state(const char* what) { return fail_call(TOCSIN_WRONG_STATE, what); }

CallResult check_edge(const tocsin_stage& stage, int kind, std::uint32_t pass) {
  const std::vector<bool>& holds = stage.room.holds;
  const bool is_known = kind == TOCSIN_STAGE_ALERTS   ? pass == 0
                        : kind == TOCSIN_STAGE_INTAKE ? pass == 0
                        : kind == TOCSIN_STAGE_PASS   ? pass < holds.size()
                        : kind == TOCSIN_STAGE_HOLD   ? pass < holds.size() && holds[pass]
                                                      : false;
  if (is_known) return {};
  return fail_call(TOCSIN_INVALID_ARGUMENT, "the pack has no such stage");
}

struct StageOptions {
  std::uint64_t part = 0;
  std::uint64_t parts = 1;
  std::uint64_t passes = 0;  // 0: those of the pack
  bool keeps_state = false;
  bool allows_one_part = false;
  bool judges_change = true;
  CRunOptions run;  // of a judge and the intake
};
constexpr std::uint64_t kPassesMax = 256;

CallResult read_stage_options(const char* text, int kind, StageOptions& options) {
  JsonOptions members(text);
  if (has_intake_options(kind)) read_intake_options(members, options.run);
  members.number("parts", 1, cep::kKeyGroupCount, options.parts);
  members.number("part", 0, cep::kKeyGroupCount - 1, options.part);
  members.number("passes", 1, kPassesMax, options.passes);
  members.boolean("keeps_state", options.keeps_state);
  members.boolean("one_part", options.allows_one_part);
  if (has_intake_options(kind)) members.boolean("judges_change", options.judges_change);
  if (CallResult done = members.finish(); !done) return done;
  if (options.part < options.parts) return {};
  return fail_call(TOCSIN_INVALID_ARGUMENT, "\"part\" is less than \"parts\"");
}

std::string obstacles_of(const cep::Program& program) {
  std::string text;
  for (const cep::SpreadObstacle& obstacle : cep::spread_obstacles(program)) {
    if (!text.empty()) text += "; ";
    text += obstacle.text;
  }
  return text;
}

// The range of times that a watermark may have; INT64_MAX is the end of time.
std::optional<cep::EventTime> watermark_of(std::int64_t us) {
  if (us == std::numeric_limits<std::int64_t>::max()) return cep::kEventTimeMax;
  if (us < cep::kEventTimeMin.us || us > cep::kEventTimeMax.us) return std::nullopt;
  return cep::EventTime{us};
}
}  // namespace

std::int64_t shown_watermark(cep::EventTime watermark) {
  if (watermark == cep::kEventTimeMin) return std::numeric_limits<std::int64_t>::min();
  if (watermark == cep::kEventTimeMax) return std::numeric_limits<std::int64_t>::max();
  return watermark.us;
}
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_pack_describe_job(const tocsin_pack* pack, tocsin_buffer* json,
                                       tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    if (json == nullptr) return fail_null("json");
    const tocsin_pack::ByPass by_pass = pack->by_pass();
    const tocsin::Result<tocsin::cep::Program>& program = *by_pass;
    if (!program) return fail_call(program.error());
    json->text = job_plan_json(*program);
    return {};
  });
}

tocsin_status tocsin_stage_open(const tocsin_pack* pack, int kind, uint32_t pass,
                                const char* options, tocsin_stage** stage, tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (stage == nullptr) return fail_null("stage");
    *stage = nullptr;
    if (pack == nullptr) return fail_null("pack");
    StageOptions read;
    if (CallResult done = read_stage_options(options, kind, read); !done) return done;
    const tocsin_pack::ByPass by_pass = pack->by_pass();
    const tocsin::Result<tocsin::cep::Program>& program = *by_pass;
    if (!program) return fail_call(program.error());
    const std::string obstacles = obstacles_of(*program);
    if (!obstacles.empty() && !read.allows_one_part) {
      return fail_call(TOCSIN_UNSUPPORTED, "the rules cannot be spread: " + obstacles);
    }
    if (!obstacles.empty() && kind == TOCSIN_STAGE_PASS && read.parts > 1) {
      return fail_call(TOCSIN_INVALID_ARGUMENT,
                       "rules that cannot be spread run in one part: \"parts\" is 1");
    }
    auto made = std::make_unique<tocsin_stage>();
    const tocsin::cep::KeyGroupRange own = tocsin::cep::groups_of_part(
        static_cast<std::uint32_t>(read.part), static_cast<std::uint32_t>(read.parts));
    made->room = read.passes == 0 || !obstacles.empty() ? JobRoom::of(*program)
                                                        : JobRoom::of_passes(read.passes);
    if (CallResult fits = made->room.check(*program); !fits) return fits;
    made->part =
        has_intake_options(kind)
            ? make_front_part(*program, kind, pass, own, read.run,
                              static_cast<tocsin::runtime::JudgesChange>(read.judges_change))
            : make_stage_part(*program, kind, pass, own, made->room);
    if (made->part == nullptr) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "the pack has no such stage");
    }
    made->keeps_state = read.keeps_state;
    if (read.keeps_state && !made->part->track_changes()) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "a source keeps no state");
    }
    *stage = made.release();
    return {};
  });
}

tocsin_status tocsin_stage_set_parts(tocsin_stage* stage, int kind, uint32_t pass, uint32_t parts,
                                     tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (CallResult known = check_edge(of, kind, pass); !known) return known;
    if (parts == 0 || parts > tocsin::cep::kKeyGroupCount) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "a stage has 1 to 1,024 parts");
    }
    tocsin::cep::StageOutbox* const outbox = of.part->outbox();
    if (outbox == nullptr) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "this stage sends to no other");
    }
    if (of.part->has_output()) return fail_state("what there is to send was not taken");
    outbox->set_parts(edge_of(kind, pass), parts);
    return {};
  });
}

tocsin_status tocsin_stage_put_event(tocsin_stage* stage, const char* line, size_t size,
                                     int64_t engine_time_us, uint64_t record, uint32_t index,
                                     uint32_t equal_number, int* outcome, tocsin_error** error) {
  return call_stage(
      stage, error,
      [&](tocsin_stage& of) -> CallResult {
        if (outcome == nullptr) return fail_null("outcome");
        if (line == nullptr && size != 0) return fail_null("line");
        std::optional<tocsin::cep::EventTime> engine_time;
        if (engine_time_us != std::numeric_limits<std::int64_t>::min()) {
          engine_time = watermark_of(engine_time_us);
          if (!engine_time) return fail_call(TOCSIN_INVALID_ARGUMENT, "engine_time_us is no time");
        }
        const std::string_view text = size == 0 ? std::string_view() : std::string_view(line, size);
        const std::optional<int> taken =
            of.part->put_event(text, engine_time, {record, index, 0}, equal_number);
        if (!taken) return fail_call(TOCSIN_INVALID_ARGUMENT, "only a source takes events");
        if (*taken == StagePart::kTooEarly) {
          return fail_call(TOCSIN_INVALID_ARGUMENT,
                           "engine_time_us is before the event's own time");
        }
        if (*taken == StagePart::kTooLate) {
          return fail_call(TOCSIN_INVALID_ARGUMENT,
                           "the event is at or before the source's watermark");
        }
        *outcome = *taken;
        return {};
      },
      true);
}

tocsin_status tocsin_stage_put_line(tocsin_stage* stage, const char* source, size_t source_size,
                                    const char* line, size_t size, int64_t taken_at_us,
                                    uint64_t record, uint32_t index, int* outcome,
                                    tocsin_error** error) {
  return call_stage(
      stage, error,
      [&](tocsin_stage& of) -> CallResult {
        if (outcome == nullptr) return fail_null("outcome");
        if (source == nullptr) return fail_null("source");
        if (source_size == 0) return fail_call(TOCSIN_INVALID_ARGUMENT, "a source needs a name");
        if (line == nullptr && size != 0) return fail_null("line");
        std::optional<tocsin::cep::EventTime> taken_at;
        if (taken_at_us != std::numeric_limits<std::int64_t>::min()) {
          taken_at = watermark_of(taken_at_us);
          if (!taken_at) return fail_call(TOCSIN_INVALID_ARGUMENT, "taken_at_us is no time");
        }
        if (of.is_restoring) return fail_state("the stage is being restored");
        const std::string_view text = size == 0 ? std::string_view() : std::string_view(line, size);
        const std::optional<tocsin::Result<int>> taken =
            of.part->put_line({source, source_size}, text, taken_at, {record, index, 0});
        if (!taken) return fail_call(TOCSIN_INVALID_ARGUMENT, "only a judge takes lines");
        of.is_fresh = false;
        if (!*taken) return fail_call(taken->error());
        *outcome = **taken;
        return {};
      },
      true);
}

tocsin_status tocsin_stage_source_watermark(tocsin_stage* stage, const char* source,
                                            size_t source_size, int64_t* watermark_us,
                                            tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (source == nullptr) return fail_null("source");
    if (watermark_us == nullptr) return fail_null("watermark_us");
    const std::optional<tocsin::cep::EventTime> watermark =
        of.part->source_watermark({source, source_size});
    if (!watermark) return fail_call(TOCSIN_INVALID_ARGUMENT, "only a judge has sources");
    *watermark_us = shown_watermark(*watermark);
    return {};
  });
}

tocsin_status tocsin_stage_end_source(tocsin_stage* stage, const char* source, size_t source_size,
                                      tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (source == nullptr) return fail_null("source");
    if (source_size == 0) return fail_call(TOCSIN_INVALID_ARGUMENT, "a source needs a name");
    if (of.is_restoring) return fail_state("the stage is being restored");
    if (!of.part->end_source({source, source_size})) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "only a judge has sources");
    }
    of.is_fresh = false;
    return {};
  });
}

tocsin_status tocsin_stage_take_lines(tocsin_stage* stage, int output, tocsin_buffer* lines,
                                      tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (lines == nullptr) return fail_null("lines");
    if (output != TOCSIN_LATE && output != TOCSIN_REJECTED) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "output is TOCSIN_LATE or TOCSIN_REJECTED");
    }
    std::optional<std::string> taken = of.part->take_lines(output);
    if (!taken) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "only a judge and the intake set lines aside");
    }
    lines->text = *std::move(taken);
    return {};
  });
}

tocsin_status tocsin_stage_put(tocsin_stage* stage, const void* block, size_t size,
                               tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (block == nullptr) return fail_null("block");
    if (of.is_restoring) return fail_state("the stage is being restored");
    if (CallResult room = check_memory_for_block(of); !room) return room;
    of.is_fresh = false;
    return call_result(of.part->put({static_cast<const char*>(block), size}));
  });
}

tocsin_status tocsin_stage_advance(tocsin_stage* stage, int64_t watermark_us, size_t work_max,
                                   int* done, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (done == nullptr) return fail_null("done");
    const std::optional<tocsin::cep::EventTime> watermark = watermark_of(watermark_us);
    if (!watermark || *watermark < of.watermark) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "a watermark is a time at or after the one before");
    }
    if (of.is_restoring) return fail_state("the stage is being restored");
    of.is_fresh = false;
    const tocsin::Result<bool> advanced = of.part->advance(*watermark, work_max);
    if (!advanced) return fail_call(advanced.error());
    of.watermark = *watermark;
    of.is_done = *advanced;
    *done = *advanced ? 1 : 0;
    return check_memory(of);
  });
}

tocsin_status tocsin_stage_take(tocsin_stage* stage, int* kind, uint32_t* pass, uint32_t* part,
                                tocsin_buffer* block, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (kind == nullptr) return fail_null("kind");
    if (pass == nullptr) return fail_null("pass");
    if (part == nullptr) return fail_null("part");
    if (block == nullptr) return fail_null("block");
    block->text.clear();
    tocsin::cep::StageBlock next;
    of.part->flush();
    tocsin::cep::StageOutbox* const outbox = of.part->outbox();
    if (outbox == nullptr) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "this stage sends to no other");
    }
    if (!outbox->take(next)) return {};
    *kind = kind_of(next.edge);
    *pass = next.edge.pass;
    *part = next.part;
    block->text = std::move(next.bytes);
    return {};
  });
}

tocsin_status tocsin_stage_take_alerts(tocsin_stage* stage, tocsin_buffer* lines,
                                       tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (lines == nullptr) return fail_null("lines");
    std::optional<std::string> alerts = of.part->take_alerts();
    if (!alerts) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "only the stage of alerts gives them");
    }
    lines->text = *std::move(alerts);
    return {};
  });
}

tocsin_status tocsin_stage_prepare(tocsin_stage* stage, const tocsin_pack* next, int64_t from_us,
                                   tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (next == nullptr) return fail_null("next");
    if (of.room.is_whole) return fail_call(rules_stay());
    const std::optional<tocsin::cep::EventTime> from = watermark_of(from_us);
    if (!from) return fail_call(TOCSIN_INVALID_ARGUMENT, "from_us is no time");
    const tocsin_pack::ByPass by_pass = next->by_pass();
    const tocsin::Result<tocsin::cep::Program>& program = *by_pass;
    if (!program) return fail_call(program.error());
    if (CallResult fits = of.room.check(*program); !fits) return fits;
    return call_result(of.part->prepare(*program, *from));
  });
}

tocsin_status tocsin_stage_take_report(tocsin_stage* stage, tocsin_buffer* json,
                                       tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (json == nullptr) return fail_null("json");
    json->text.clear();
    if (const auto report = of.part->take_report()) json->text = report_json(*report);
    return {};
  });
}

tocsin_status tocsin_stage_cut(tocsin_stage* stage, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (!of.keeps_state) return fail_state("the stage was opened without \"keeps_state\"");
    if (of.is_restoring) return fail_state("the stage is being restored");
    if (of.is_cut_open) return fail_state("the cut before is not complete");
    if (!of.is_done) return fail_state("the watermark in hand is not worked through");
    if (of.part->has_output()) return fail_state("what there is to take was not taken");
    of.part->begin_cut();
    of.is_cut_open = true;
    return {};
  });
}

tocsin_status tocsin_stage_take_cut(tocsin_stage* stage, size_t bytes_max, tocsin_buffer* entries,
                                    int* done, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    if (done == nullptr) return fail_null("done");
    if (!of.is_cut_open) return fail_state("no cut was begun");
    entries->text.clear();
    EntryWriter sink(entries->text);
    of.is_cut_open = !of.part->write_cut(sink, bytes_max);
    of.cut_entries += sink.count();
    of.cut_bytes += entries->text.size();
    if (!of.is_cut_open) ++of.cuts;
    *done = of.is_cut_open ? 0 : 1;
    return {};
  });
}

tocsin_status tocsin_stage_begin_restore(tocsin_stage* stage, const void* entries, size_t size,
                                         tocsin_buffer* report, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    if (!of.is_fresh) return fail_state("only a fresh stage is restored");
    StageHeads heads;
    if (CallResult read = read_heads({static_cast<const char*>(entries), size}, heads); !read) {
      return read;
    }
    of.is_fresh = false;
    const tocsin::Result<tocsin::cep::RestoreReport> restored =
        of.part->begin_restore(heads.heads, heads.layout);
    if (!restored) return fail_call(restored.error());
    of.is_restoring = true;
    of.watermark = of.part->watermark();
    if (auto others = restore_entries(*of.part, heads.others); !others) return others;
    if (report != nullptr) report->text = report_json(*restored, of.part->awaited());
    return {};
  });
}

tocsin_status tocsin_stage_restore(tocsin_stage* stage, const void* entries, size_t size,
                                   tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (entries == nullptr) return fail_null("entries");
    if (!of.is_restoring) return fail_state("no restore was begun");
    return restore_entries(*of.part, {static_cast<const char*>(entries), size});
  });
}

tocsin_status tocsin_stage_finish_restore(tocsin_stage* stage, int writes_all,
                                          tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (!of.is_restoring) return fail_state("no restore was begun");
    if (auto finished = of.part->finish_restore(); !finished) return fail_call(finished.error());
    of.is_restoring = false;
    if (writes_all != 0 && of.keeps_state) of.part->mark_all_changed();
    return check_memory(of);
  });
}

tocsin_status tocsin_stage_watermark(tocsin_stage* stage, int64_t* watermark_us,
                                     tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (watermark_us == nullptr) return fail_null("watermark_us");
    *watermark_us = shown_watermark(of.part->watermark());
    return {};
  });
}

tocsin_status tocsin_stage_statistics(tocsin_stage* stage, tocsin_buffer* json,
                                      tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (json == nullptr) return fail_null("json");
    json->text = of.part->statistics_json();
    return {};
  });
}

void tocsin_stage_free(tocsin_stage* stage) { delete stage; }
