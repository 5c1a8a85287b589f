#include "runtime/node/node_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
Error NodeRules::other_rules(const SettingsChange& change) const {
  return {Errc::kMismatch,
          fmt::format("the data directory {0} was begun otherwise: {1}; go on as it was begun, "
                      "or carry its state over: `tocsin savepoint make --data {0} NAME`, then "
                      "`tocsin run RULES --from {0}/savepoints/NAME --data NEW_FOLDER` (a server: "
                      "`tocsin serve RULES --data-from {0}/savepoints/NAME --data NEW_FOLDER`)",
                      parts_.paths.directory, change.text())};
}

// Whether these hold at the journal's end, with which what this start has must fit.
Result<bool> NodeRules::hold_at_end(const NodeSettings& wanted) {
  if (!at_end_) {
    Result<std::optional<Beginning>> latest =
        find_beginning(parts_.ports.files, parts_.paths, true);
    if (!latest) return tl::unexpected(latest.error());
    if (!*latest) return true;
    at_end_ = std::move((*latest)->settings);
  }
  const SettingsChange change = compare_settings(*at_end_, parts_.options.settings);
  if (!change.may_go_on()) return tl::unexpected(other_rules(change));
  return *at_end_ == wanted;
}

// Rules that only show something else are made again too where others took their place later: who
// sees their alerts, and what is read of them, may follow from what was changed.
Result<NodeProgram> NodeRules::program_of(const NodeSettings& wanted,
                                          const std::vector<CheckpointBlob>& blobs) {
  const SettingsChange change = compare_settings(wanted, parts_.options.settings);
  if (change.may_go_on() &&
      (wanted.plan == parts_.options.settings.plan || !parts_.options.compile)) {
    return given_;
  }
  if (!parts_.options.compile) return tl::unexpected(other_rules(change));
  const Result<bool> are_last = hold_at_end(wanted);
  if (!are_last) return tl::unexpected(are_last.error());
  if (*are_last) return given_;
  const Result<std::vector<NamedContents>> texts = read_texts(*parts_.blob_store, blobs);
  if (!texts) return tl::unexpected(texts.error());
  Result<NodeProgram> compiled = parts_.options.compile(wanted, *texts);
  if (!compiled) return compiled;
  const SettingsChange other =
      compare_settings(wanted, settings_of(compiled->program, wanted.options));
  if (other.may_go_on()) return compiled;
  return fail(Errc::kOtherVersion,
              fmt::format("{} holds records of rules that this version of Tocsin reads otherwise: "
                          "{}; use the version that wrote them",
                          parts_.paths.journal, other.text()));
}

void NodeRules::use(NodeProgram next, std::unique_ptr<cep::Engine> engine) {
  parts_.program = std::move(next.program);
  parts_.options.intake = next.intake;
  parts_.options.intake.is_saved = true;
  parts_.options.intake.hash_seed = parts_.options.hash_seed;
  parts_.engine = std::move(engine);
  parts_.effects.use(parts_.program.plan());
  record_.open_intake();
  if (parts_.taker) parts_.taker->use(*parts_.engine, *parts_.intake);
  parts_.summary.alerts_by_rule.assign(parts_.program.plan().rules.size(), 0);
}

// Between two records, when nothing is under way in intake and engine. `migration` is to `engine`,
// also from that of `past`, which may be null.
Result<cep::RestoreReport> NodeRules::switch_to(NodeProgram next,
                                                std::unique_ptr<cep::Engine> engine,
                                                StateMigration& migration, PastRun* past) {
  if (parts_.taker) checkpoints_.abandon();
  if (past != nullptr) {
    if (auto joined = past->join(*parts_.intake); !joined) return tl::unexpected(joined.error());
  }
  std::string waiting;
  parts_.intake->save(waiting);
  parts_.lists.forget(parts_.program, parts_.intake->watermark());
  const cep::Program before = parts_.program;
  const std::vector<std::uint64_t> alerts_before = parts_.summary.alerts_by_rule;
  Result<cep::RestoreReport> report = migration.finish();
  if (!report) return report;
  std::unique_ptr<cep::Engine> engine_before = std::move(parts_.engine);
  use(std::move(next), std::move(engine));
  parts_.release(std::move(engine_before));
  report->data_lost = parts_.lists.state_migration(before, parts_.program);
  if (auto restored = parts_.intake->restore(waiting); !restored) {
    return tl::unexpected(restored.error());
  }
  if (past != nullptr) parts_.intake->add_waiting(past->waiting());
  const std::vector<cep::Rule>& rules = parts_.program.plan().rules;
  for (std::size_t i = 0; i < alerts_before.size(); ++i) {
    const auto same = std::ranges::find(rules, before.plan().rules[i].id, &cep::Rule::id);
    if (same == rules.end()) continue;
    parts_.summary.alerts_by_rule[static_cast<std::size_t>(same - rules.begin())] =
        alerts_before[i];
  }
  return report;
}

// What other rules make of earlier events, up to the record in hand, which brings them.
Result<std::unique_ptr<PastRun>> NodeRules::past_of(
    const NodeProgram& program, const std::vector<CheckpointBlob>& blobs) const {
  if (std::ranges::find(blobs, kPastRole, &CheckpointBlob::role) == blobs.end()) return nullptr;
  if (!parts_.options.past) {
    return fail(Errc::kMismatch,
                fmt::format("{} has rules that go on from earlier events in record {}: only a "
                            "server reads them again",
                            parts_.paths.journal, record_.sequence()));
  }
  Result<std::unique_ptr<PastRun>> past = parts_.options.past(program, entry_blobs(blobs));
  if (!past) return past;
  if (auto given = give_past(**past, record_.sequence()); !given) {
    return tl::unexpected(given.error());
  }
  return past;
}

// The records of the journal that it has not taken yet, before `end`.
Result<void> NodeRules::give_past(PastRun& past, std::uint64_t end) const {
  if (past.next_sequence() >= end) return {};
  Result<JournalReader> reader =
      JournalReader::open(parts_.ports.files, parts_.paths.journal, past.next_sequence(), end);
  if (!reader) return tl::unexpected(reader.error());
  while (past.next_sequence() < end) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return fail(Errc::kInternal, "the journal has ended before its end");
    if (auto taken = past.take((*entry)->sequence, (*entry)->record); !taken) return taken;
  }
  return {};
}

// What a record or a checkpoint says of the rules that hold from there on.
Result<void> NodeRules::take_settings(std::string_view json,
                                      const std::vector<CheckpointBlob>& blobs,
                                      std::string_view what, State state) {
  Result<NodeSettings> wanted = read_settings(json);
  if (!wanted) {
    return fail(wanted.error().code, fmt::format("{}: {}", what, wanted.error().message));
  }
  parts_.recovery.shown_otherwise = compare_settings(*wanted, parts_.options.settings).shown;
  if (wanted->plan != profile_.plan || !compare_settings(*wanted, profile_).may_go_on()) {
    Result<NodeProgram> next = program_of(*wanted, rule_blobs(blobs));
    if (!next) return tl::unexpected(next.error());
    next->program = next->program.with_own_data();
    std::unique_ptr<cep::Engine> engine = parts_.make_engine(next->program);
    if (state == State::kNone) {
      use(*std::move(next), std::move(engine));
    } else {
      const Result<std::unique_ptr<PastRun>> past = past_of(*next, blobs);
      if (!past) return tl::unexpected(past.error());
      StateMigration migration(*parts_.engine, *past ? &(*past)->engine() : nullptr, *engine);
      auto switched = switch_to(*std::move(next), std::move(engine), migration, past->get());
      if (!switched) return tl::unexpected(switched.error());
    }
    profile_ = *wanted;
  }
  parts_.settings = *std::move(wanted);
  parts_.blobs = rule_blobs(blobs);
  return {};
}

Result<std::vector<CheckpointBlob>> NodeRules::keep_texts(const std::vector<NamedContents>& texts) {
  std::vector<CheckpointBlob> blobs;
  for (const NamedContents& text : texts) {
    Result<cep::Digest> digest = parts_.blob_store->put(text.contents);
    if (!digest) return tl::unexpected(digest.error());
    blobs.push_back({text.role, text.contents.size(), *digest});
  }
  return blobs;
}

// The settings and blobs that hold from here on.
Result<void> NodeRules::append_settings(std::string_view name, cep::EventTime given_at,
                                        const PastRun* past) {
  const std::string arguments = write_settings(parts_.settings);
  Command command{given_at, name, arguments, {}};
  std::vector<CheckpointBlob> kept;
  if (past != nullptr) kept = past->kept();
  for (const auto* const blobs : {&std::as_const(parts_.blobs), &std::as_const(kept)}) {
    for (const CheckpointBlob& blob : *blobs) {
      command.blobs.push_back({blob.role, blob.bytes, blob.digest});
    }
  }
  if (auto appended = record_.append(command); !appended) return appended;
  blob_keeper_.note(record_.sequence(), command);
  return {};
}

Result<void> NodeRules::prepare(NodeProgram program, std::vector<NamedContents> texts,
                                std::unique_ptr<PastRun>&& past) {
  if (auto may = parts_.may_take(); !may) return may;
  next_.call_off();
  if (past) {
    // A start from the last checkpoint must find in the journal what comes behind the kept state.
    if (past->kept_before() < checkpoints_.position()) {
      return fail(Errc::kConflict,
                  "a checkpoint was taken since the state was kept: keep it again");
    }
    if (auto durable = record_.write_journal(); !durable) return durable;
    if (auto given = give_past(*past, parts_.log->next_sequence()); !given) return given;
  }
  Result<std::vector<CheckpointBlob>> blobs = keep_texts(texts);
  if (!blobs) return tl::unexpected(blobs.error());
  NodeSettings settings = settings_of(program.program, parts_.settings.options);
  next_.set(std::move(program), std::move(settings), std::move(texts), *std::move(blobs),
            std::move(past));
  return {};
}

// Says that what is prepared holds from here on; where that fails it is called off.
Result<void> NodeRules::journal_prepared() {
  TOCSIN_ASSERT(next_.is_set(), "prepare() comes first");
  if (next_.rules().failure) return tl::unexpected(*next_.rules().failure);
  checkpoints_.abandon();
  next_.begin_migration();
  NodeSettings settings_before = std::exchange(parts_.settings, next_.rules().settings);
  std::vector<CheckpointBlob> blobs_before = std::exchange(parts_.blobs, next_.rules().blobs);
  const cep::EventTime given_at = parts_.ports.clock.now();
  record_.begin(parts_.log->next_sequence(), given_at, false);
  // An append that fails may have come to the disk.
  if (next_.has_past()) next_.rules().past->journaled();
  Result<void> appended = append_settings(kDeployCommand, given_at, next_.rules().past.get());
  if (appended) return appended;
  parts_.settings = std::move(settings_before);
  parts_.blobs = std::move(blobs_before);
  next_.call_off();
  return appended;
}

// After journal_prepared().
Result<cep::RestoreReport> NodeRules::activate() {
  NextRules::Rules next = next_.take();
  parts_.options.texts = std::move(next.texts);
  crash_point("node.deployed");
  parts_.options.settings = parts_.settings;
  profile_ = parts_.settings;
  given_ = std::move(next.given);
  Result<cep::RestoreReport> report =
      switch_to(std::move(next.program), std::move(next.engine), *next.migration, next.past.get());
  if (!report) return report;
  if (auto ended = record_.end(); !ended) return tl::unexpected(ended.error());
  parts_.release(std::move(next.past));
  return report;
}
}  // namespace tocsin::runtime
