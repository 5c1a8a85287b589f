#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/rule.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
Error Node::Impl::other_rules(const SettingsChange& change) const {
  return {Errc::kMismatch,
          fmt::format("the data directory {0} was begun otherwise: {1}; go on as it was begun, "
                      "or carry its state over: `tocsin savepoint make --data {0} NAME`, then "
                      "`tocsin run RULES --from {0}/savepoints/NAME --data NEW_FOLDER` (a server: "
                      "`tocsin serve RULES --data-from {0}/savepoints/NAME --data NEW_FOLDER`)",
                      paths_.directory, change.text())};
}

// What holds at the journal's end and what this start has must fit.
Result<void> Node::Impl::check_end() {
  const Result<std::optional<Beginning>> latest = find_beginning(ports_.files, paths_, true);
  if (!latest) return tl::unexpected(latest.error());
  if (!*latest) return {};
  const SettingsChange change = compare_settings((*latest)->settings, options_.settings);
  if (change.may_go_on()) return {};
  return tl::unexpected(other_rules(change));
}

Result<NodeProgram> Node::Impl::program_of(const NodeSettings& wanted,
                                           const std::vector<CheckpointBlob>& blobs) {
  const SettingsChange change = compare_settings(wanted, options_.settings);
  if (change.may_go_on()) return given_;
  if (!options_.compile) return tl::unexpected(other_rules(change));
  if (auto checked = check_end(); !checked) return tl::unexpected(checked.error());
  const Result<std::vector<NamedContents>> texts = read_texts(*blob_store_, blobs);
  if (!texts) return tl::unexpected(texts.error());
  Result<NodeProgram> compiled = options_.compile(wanted, *texts);
  if (!compiled) return compiled;
  const SettingsChange other =
      compare_settings(wanted, settings_of(compiled->program, wanted.options));
  if (other.may_go_on()) return compiled;
  return fail(Errc::kOtherVersion,
              fmt::format("{} holds records of rules that this version of Tocsin reads otherwise: "
                          "{}; use the version that wrote them",
                          paths_.journal, other.text()));
}

void Node::Impl::use(NodeProgram next, std::unique_ptr<cep::Engine> engine) {
  program_ = std::move(next.program);
  options_.intake = next.intake;
  options_.intake.is_saved = true;
  engine_ = std::move(engine);
  effects_.use(program_.plan());
  open_intake();
  if (taker_) taker_->use(*engine_, *intake_);
  summary_.alerts_by_rule.assign(program_.plan().rules.size(), 0);
}

// Between two records, when nothing is under way in intake and engine. `carry` is to `engine`.
Result<cep::RestoreReport> Node::Impl::switch_to(NodeProgram next,
                                                 std::unique_ptr<cep::Engine> engine,
                                                 StateMigration& carry) {
  if (taker_) abandon_cut();
  std::string waiting;
  intake_->save(waiting);
  lists_.forget(program_, intake_->watermark());
  const cep::Program before = program_;
  const std::vector<std::uint64_t> alerts_before = summary_.alerts_by_rule;
  Result<cep::RestoreReport> report = carry.finish();
  if (!report) return report;
  std::unique_ptr<cep::Engine> engine_before = std::move(engine_);
  use(std::move(next), std::move(engine));
  let_go(std::move(engine_before));
  report->data_lost = lists_.state_migration(before, program_);
  if (auto restored = intake_->restore(waiting); !restored) {
    return tl::unexpected(restored.error());
  }
  const std::vector<cep::Rule>& rules = program_.plan().rules;
  for (std::size_t i = 0; i < alerts_before.size(); ++i) {
    const auto same = std::ranges::find(rules, before.plan().rules[i].id, &cep::Rule::id);
    if (same == rules.end()) continue;
    summary_.alerts_by_rule[static_cast<std::size_t>(same - rules.begin())] = alerts_before[i];
  }
  return report;
}

// An engine that nobody needs: beside what comes in, for it takes time by the number of keys.
void Node::Impl::let_go(std::unique_ptr<cep::Engine> engine) {
  if (!engine || !ports_.has_threads) return;
  ports_.executor.post(
      [kept = std::shared_ptr<cep::Engine>(std::move(engine))]() mutable { kept.reset(); });
}

// What a record or a checkpoint says of the rules that hold from there on.
Result<void> Node::Impl::take_settings(std::string_view json, std::vector<CheckpointBlob> blobs,
                                       std::string_view what, State state) {
  Result<NodeSettings> wanted = read_settings(json);
  if (!wanted) {
    return fail(wanted.error().code, fmt::format("{}: {}", what, wanted.error().message));
  }
  recovery_.shown_otherwise = compare_settings(*wanted, options_.settings).shown;
  if (!compare_settings(*wanted, profile_).may_go_on()) {
    Result<NodeProgram> next = program_of(*wanted, blobs);
    if (!next) return tl::unexpected(next.error());
    next->program = next->program.with_own_data();
    std::unique_ptr<cep::Engine> engine = make_engine(next->program);
    if (state == State::kNone) {
      use(*std::move(next), std::move(engine));
    } else {
      StateMigration carry(*engine_, *engine);
      auto switched = switch_to(*std::move(next), std::move(engine), carry);
      if (!switched) return tl::unexpected(switched.error());
    }
    profile_ = *wanted;
  }
  settings_ = *std::move(wanted);
  blobs_ = std::move(blobs);
  return {};
}

Result<std::vector<CheckpointBlob>> Node::Impl::keep_texts(
    const std::vector<NamedContents>& texts) {
  std::vector<CheckpointBlob> blobs;
  for (const NamedContents& text : texts) {
    Result<cep::Digest> digest = blob_store_->put(text.contents);
    if (!digest) return tl::unexpected(digest.error());
    blobs.push_back({text.role, text.contents.size(), *digest});
  }
  return blobs;
}

// What holds from here on: settings_ and blobs_.
Result<void> Node::Impl::append_settings(std::string_view name, cep::EventTime given_at) {
  const std::string arguments = write_settings(settings_);
  Command command{given_at, name, arguments, {}};
  for (const CheckpointBlob& blob : blobs_) {
    command.blobs.push_back({blob.role, blob.bytes, blob.digest});
  }
  if (auto appended = append(command); !appended) return appended;
  note_blobs(command);
  return {};
}

Result<void> Node::Impl::prepare(NodeProgram program, std::vector<NamedContents> texts) {
  if (auto may = may_take(); !may) return may;
  call_off();
  Result<std::vector<CheckpointBlob>> blobs = keep_texts(texts);
  if (!blobs) return tl::unexpected(blobs.error());
  NodeSettings settings = settings_of(program.program, settings_.options);
  NodeProgram own{program.program.with_own_data(), program.intake};
  next_.emplace(Next{std::move(program), std::move(own), std::move(settings), std::move(texts),
                     *std::move(blobs), nullptr, nullptr, std::nullopt});
  return {};
}

// Only one of a checkpoint and what is prepared may go by the engine's changes.
void Node::Impl::begin_carrying() {
  if (next_->carry || next_->failure || (taker_->is_taking() && !taker_->is_encoded())) return;
  next_->engine = make_engine(next_->program.program);
  next_->carry = std::make_unique<StateMigration>(*engine_, *next_->engine);
}

// Begins again when it may. The changes since the last checkpoint were taken from the next one.
void Node::Impl::drop_carried() {
  if (!next_ || !next_->carry) return;
  next_->carry.reset();
  let_go(std::move(next_->engine));
  taker_->want_all();
}

void Node::Impl::call_off() {
  drop_carried();
  next_.reset();
}

// A little of a checkpoint, or of what is prepared.
void Node::Impl::chunk() {
  taker_->chunk();
  if (!next_) return;
  begin_carrying();
  if (!next_->carry || next_->carry->is_nearly_done()) return;
  if (auto bitten = next_->carry->chunk(options_.chunk_bytes); !bitten) {
    next_->failure = bitten.error();
    drop_carried();
  }
}

// Says that what is prepared holds from here on; where that fails it is called off.
Result<void> Node::Impl::journal_prepared() {
  TOCSIN_ASSERT(next_.has_value(), "prepare() comes first");
  if (next_->failure) return tl::unexpected(*next_->failure);
  abandon_cut();
  begin_carrying();
  NodeSettings settings_before = std::exchange(settings_, next_->settings);
  std::vector<CheckpointBlob> blobs_before = std::exchange(blobs_, next_->blobs);
  const cep::EventTime given_at = ports_.clock.now();
  begin_record(log_->next_sequence(), given_at, false);
  Result<void> appended = append_settings(kDeployCommand, given_at);
  if (appended) return appended;
  settings_ = std::move(settings_before);
  blobs_ = std::move(blobs_before);
  call_off();
  return appended;
}

// After journal_prepared().
Result<cep::RestoreReport> Node::Impl::activate() {
  Next next = *std::move(next_);
  next_.reset();
  options_.texts = std::move(next.texts);
  crash_point("node.deployed");
  options_.settings = settings_;
  profile_ = settings_;
  given_ = std::move(next.given);
  Result<cep::RestoreReport> report =
      switch_to(std::move(next.program), std::move(next.engine), *next.carry);
  if (!report) return report;
  if (auto ended = end_record(); !ended) return tl::unexpected(ended.error());
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return report;
}
}  // namespace tocsin::runtime
