#include <fmt/format.h>

#include <memory>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/engine_job.h"
#include "runtime/event_time/run_options.h"
#include "runtime/job_state/conversion.h"
#include "runtime/job_state/intake_image.h"
#include "runtime/job_state/job_front.h"
#include "runtime/node/node_state.h"

namespace tocsin::runtime {
namespace {
std::string folder_stage(cep::StageEdge edge) {
  switch (edge.to) {
    case cep::StageEdge::To::kPass:
      return pass_stage(edge.pass);
    case cep::StageEdge::To::kHold:
      return hold_stage(edge.pass);
    case cep::StageEdge::To::kAlerts:
      return std::string(kAlerts);
    case cep::StageEdge::To::kIntake:
      break;
  }
  return std::string(kIntake);
}

// What a job has no place for.
Result<void> check_state(const CheckpointMeta& meta, const cep::Program& program,
                         const std::string& from) {
  RunSummary summary;
  summary.alerts_by_rule.resize(program.plan().rules.size());
  const Result<NodeState> state = NodeState::restore(meta.node, program.plan(), summary);
  if (!state)
    return fail(state.error().code, fmt::format("{}/node: {}", from, state.error().message));
  if (state->has_time_ended) {
    return fail(Errc::kConflict,
                fmt::format("{} was made after time had ended (--final-watermark): nothing can go "
                            "on from it",
                            from));
  }
  if (!state->lists.empty()) {
    return fail(Errc::kConflict,
                "entries of lists or tables were changed while the rules ran, and a job has those "
                "of the rule files: write them into the files, deploy these, and export again");
  }
  return {};
}
}  // namespace

Result<ConvertedState> job_of_savepoint(const ConversionPorts& ports, const cep::Program& program,
                                        const JobOfSavepoint& options) {
  const Result<GoodCheckpoint> good = load_checkpoint(ports.files, options.from);
  if (!good) return tl::unexpected(good.error());
  const CheckpointMeta& meta = good->meta;
  if (meta.semantics != options.semantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was made under semantics {}, and this program runs under semantics "
                            "{}: use the version of Tocsin that made it",
                            options.from, meta.semantics, options.semantics));
  }
  if (auto can = check_state(meta, program, options.from); !can) return tl::unexpected(can.error());
  const Result<IntakeImage> intake = read_intake(meta.intake);
  if (!intake) {
    return fail(intake.error().code,
                fmt::format("{}/intake: {}", options.from, intake.error().message));
  }
  const Result<cep::StagesOfEngine> engine = cep::StagesOfEngine::make(program, meta.globals);
  if (!engine) return tl::unexpected(engine.error());
  Result<std::unique_ptr<JobFolderWriter>> writer =
      JobFolderWriter::create(ports.files, options.to);
  if (!writer) return tl::unexpected(writer.error());
  JobFolderWriter& to = **writer;
  const cep::StagesOfEngine::Put put = [&](cep::StageEdge edge, cep::KeyGroup group,
                                           std::string_view key, std::string_view value) {
    return to.put(folder_stage(edge), group, key, value);
  };
  auto done = write_front(program, *intake, engine->time(), meta.position,
                          [&](std::string_view stage, cep::KeyGroup group, std::string_view key,
                              std::string_view value) { return to.put(stage, group, key, value); });
  if (done) done = engine->begin(put);
  if (!done) return tl::unexpected(done.error());
  const Result<std::unique_ptr<StateScan>> scan = ports.states.read(good->directory + "/state");
  if (!scan) return tl::unexpected(scan.error());
  ConvertedState converted;
  converted.plan = meta.plan_digest;
  converted.waiting = intake->waiting.size();
  converted.time = engine->time().reached;
  const auto take = [&](const cep::StateKey& key, std::string_view value) {
    ++converted.entries;
    return engine->put(key, value, put);
  };
  if (auto read = read_pieces(**scan, take, options.progress); !read) {
    return tl::unexpected(read.error());
  }
  for (const SourceImage& source : intake->sources.sources) {
    converted.sources.push_back({source.name, source.last_line + 1, false});
  }
  if (auto finished = to.finish(meta.semantics); !finished) return tl::unexpected(finished.error());
  return converted;
}
}  // namespace tocsin::runtime
