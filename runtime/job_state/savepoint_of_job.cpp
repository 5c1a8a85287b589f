#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/engine_job.h"
#include "cep/value/shard.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/executor.h"
#include "runtime/job_state/conversion.h"
#include "runtime/job_state/intake_image.h"
#include "runtime/job_state/job_front.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/node/node_state.h"

namespace tocsin::runtime {
namespace {
// The stage of passes, holds and alerts; nothing for the front.
std::optional<cep::StageEdge> edge_of(std::string_view stage) {
  if (stage == kAlerts) return cep::StageEdge{cep::StageEdge::To::kAlerts, 0};
  const bool is_pass = stage.starts_with("pass-");
  if (!is_pass && !stage.starts_with("hold-")) return std::nullopt;
  std::uint32_t pass = 0;
  const char* const end = stage.data() + stage.size();
  const auto [rest, error] = std::from_chars(stage.data() + 5, end, pass);
  if (error != std::errc() || rest != end) return std::nullopt;
  return cep::StageEdge{is_pass ? cep::StageEdge::To::kPass : cep::StageEdge::To::kHold, pass};
}

// What the folder says beside entries of keys.
struct Collected {
  cep::EngineOfStages engine;
  FrontOfStages front;
};

Result<void> collect(JobFolderReader& job, Collected& to) {
  std::vector<std::string> stages;
  for (const JobFolderFile& file : job.head().files) {
    if (std::ranges::find(stages, file.stage) == stages.end()) stages.push_back(file.stage);
  }
  for (const std::string& stage : stages) {
    const std::optional<cep::StageEdge> edge = edge_of(stage);
    if (!edge && stage != kJudges && stage != kIntake) {
      return fail(Errc::kOtherVersion,
                  fmt::format("{} has a stage `{}`, which this program does not know: use the "
                              "version of Tocsin that made it",
                              job.folder(), stage));
    }
    auto read =
        job.read(stage, [&](cep::KeyGroup group, std::string_view key, std::string_view value) {
          if (edge) return to.engine.collect(*edge, group, key, value);
          return stage == kJudges ? to.front.collect_judge(group, key, value)
                                  : to.front.collect_intake(group, key, value);
        });
    if (!read) return read;
  }
  return {};
}

// Entries to a state in folders of its own, by batches that fit in memory: each is a checkpoint.
class StateByBatches {
 public:
  static Result<std::unique_ptr<StateByBatches>> make(const ConversionPorts& ports,
                                                      const std::string& folder,
                                                      std::uint32_t semantics, CheckpointMeta meta,
                                                      std::size_t batch_bytes) {
    std::unique_ptr<StateByBatches> made(new StateByBatches(folder, std::move(meta), batch_bytes));
    CheckpointOptions options;
    options.checkpoints = folder + "/checkpoints";
    options.state = folder + "/state";
    options.semantics = semantics;
    Result<std::unique_ptr<CheckpointWriter>> writer =
        CheckpointWriter::open(ports.files, ports.states, made->executor_, options);
    if (!writer) return tl::unexpected(writer.error());
    made->writer_ = *std::move(writer);
    return made;
  }
  Result<void> put(const cep::StateKey& key, std::string_view value) {
    if (!is_open_) begin();
    writer_->put(key, value);
    bytes_ += key.key.size() + value.size();
    return bytes_ < batch_bytes_ ? Result<void>() : end();
  }
  // The folder of the checkpoint that has all.
  Result<std::string> finish() {
    if (!is_open_ && !has_written_) begin();
    if (is_open_) {
      if (auto ended = end(); !ended) return tl::unexpected(ended.error());
    }
    return checkpoint_path(folder_ + "/checkpoints", writer_->status().number);
  }

 private:
  StateByBatches(std::string folder, CheckpointMeta meta, std::size_t batch_bytes)
      : folder_(std::move(folder)), meta_(std::move(meta)), batch_bytes_(batch_bytes) {}
  void begin() {
    writer_->begin(meta_, has_written_ ? CheckpointScope::kChanges : CheckpointScope::kAll);
    is_open_ = has_written_ = true;
    bytes_ = 0;
  }
  Result<void> end() {
    for (std::uint32_t shard = 0; shard < cep::kShardCount; ++shard) writer_->shard_done(shard);
    writer_->finish();
    is_open_ = false;
    const CheckpointStatus status = writer_->status();
    if (status.stage != CheckpointStage::kDone) return tl::unexpected(status.error);
    return {};
  }

  std::string folder_;
  CheckpointMeta meta_;
  std::size_t batch_bytes_;
  InlineExecutor executor_;
  std::unique_ptr<CheckpointWriter> writer_;
  bool is_open_ = false;
  bool has_written_ = false;
  std::size_t bytes_ = 0;
};

// Removes what was made on the way.
class WorkFolder {
 public:
  WorkFolder(Files& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~WorkFolder() { static_cast<void>(remove_tree(files_, path_)); }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  Result<void> make() const {
    if (auto removed = remove_tree(files_, path_); !removed) return removed;
    const FileResult<void> made = files_.make_directory(path_);
    return made ? Result<void>() : tl::unexpected(to_error(made.error()));
  }
  const std::string& path() const { return path_; }

 private:
  Files& files_;
  std::string path_;
};

// Where the sources of the job go on.
Result<NodeState> find_sources(const SavepointOfJob& options, const FrontOfStages& front,
                               IntakeImage& intake, ConvertedState& converted) {
  NodeState state;
  for (SourceImage& image : intake.sources.sources) {
    const std::uint64_t next = front.next_numbers().at(image.name);
    Result<std::optional<NodeSource>> source = options.find_source(image.name, next);
    if (!source) return tl::unexpected(source.error());
    converted.sources.push_back({image.name, next, !source->has_value()});
    if (!*source) {
      image.state = SourceState::kEnded;
      continue;
    }
    (*source)->has_ended = image.state == SourceState::kEnded;
    image.last_line = std::max(image.last_line, (*source)->lines.number);
    state.sources.push_back(**std::move(source));
  }
  return state;
}
}  // namespace

Result<ConvertedState> savepoint_of_job(const ConversionPorts& ports, const cep::Program& program,
                                        const SavepointOfJob& options) {
  const std::string name = options.to.substr(options.to.find_last_of('/') + 1);
  if (auto checked = check_savepoint_name(name); !checked) return tl::unexpected(checked.error());
  const Result<bool> found = exists(ports.files, options.to);
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    return fail(Errc::kConflict, fmt::format("{} is there already: name a folder that does not "
                                             "exist yet",
                                             options.to));
  }
  const std::uint32_t semantics = options.settings.semantics;
  Result<JobFolderReader> job = JobFolderReader::open(ports.files, options.from, semantics);
  if (!job) return tl::unexpected(job.error());
  Collected collected;
  if (auto done = collect(*job, collected); !done) return tl::unexpected(done.error());
  if (auto done = collected.engine.finish(); !done) return tl::unexpected(done.error());
  Result<IntakeImage> intake = collected.front.finish(collected.engine.time());
  if (!intake) return tl::unexpected(intake.error());
  ConvertedState converted;
  const Result<NodeState> state = find_sources(options, collected.front, *intake, converted);
  if (!state) return tl::unexpected(state.error());

  const FileResult<void> parent = make_durable_directory(ports.files, parent_path(options.to));
  if (!parent) return tl::unexpected(to_error(parent.error()));
  const WorkFolder work(ports.files, options.to + ".work");
  if (auto made = work.make(); !made) return tl::unexpected(made.error());
  CheckpointMeta meta;
  meta.timeline.id = options.timeline;
  meta.semantics = semantics;
  meta.plan_digest = options.settings.plan;
  meta.position = meta.trim = collected.front.next_record();
  ByteWriter mark(meta.mark);
  write_mark({}, mark);
  meta.watermark = intake->sources.watermark;
  meta.taken_at = ports.clock.now();
  meta.settings = write_settings(options.settings);
  meta.globals = collected.engine.globals();
  meta.intake = write_intake(*intake);
  RunSummary summary;
  summary.alerts_by_rule.resize(program.plan().rules.size());
  state->save(program.plan(), summary, meta.node);
  Result<BlobStore> blobs = BlobStore::open(ports.files, work.path() + "/blobs");
  if (!blobs) return tl::unexpected(blobs.error());
  for (const NamedContents& text : options.texts) {
    const Result<cep::Digest> digest = blobs->put(text.contents);
    if (!digest) return tl::unexpected(digest.error());
    meta.blobs.push_back({text.role, text.contents.size(), *digest});
  }
  Result<std::unique_ptr<StateByBatches>> to =
      StateByBatches::make(ports, work.path(), semantics, std::move(meta), options.batch_bytes);
  if (!to) return tl::unexpected(to.error());
  for (const JobFolderFile& file : job->head().files) {
    const std::optional<cep::StageEdge> edge = edge_of(file.stage);
    if (!edge) continue;
    auto read = job->read(
        file,
        [&](cep::KeyGroup group, std::string_view key, std::string_view value) -> Result<void> {
          const std::optional<cep::StateKey> of = collected.engine.key_of(*edge, group, key);
          if (!of) return {};
          if (options.progress && converted.entries % 1'024 == 0)
            options.progress(converted.entries);
          ++converted.entries;
          return (*to)->put(*of, value);
        });
    if (!read) return tl::unexpected(read.error());
  }
  const Result<std::string> checkpoint = (*to)->finish();
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  const Result<Manifest> made =
      make_savepoint(ports.files, *checkpoint, work.path() + "/blobs", options.to, name);
  if (!made) return tl::unexpected(made.error());
  converted.waiting = intake->waiting.size();
  converted.time = collected.engine.time().reached;
  converted.plan = collected.engine.plan();
  return converted;
}
}  // namespace tocsin::runtime
