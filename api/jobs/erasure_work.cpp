#include "api/jobs/erasure_work.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "api/alerts/alert_line.h"
#include "cep/engine/key_report.h"
#include "runtime/archive/archive_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_directory.h"

namespace tocsin::api {
namespace {
constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::milliseconds kPatience{10'000};
constexpr std::size_t kRowsAtOnce = 200;
constexpr std::string_view kErasedReason = "erased";

Error error_of(const Refusal& refusal) { return {Errc::kConflict, refusal.detail}; }
}  // namespace

Result<void> ErasureWork::run() {
  const auto steps = {std::pair{ErasureStep::kState, &ErasureWork::erase_state},
                      std::pair{ErasureStep::kJournal, &ErasureWork::leave_journal},
                      std::pair{ErasureStep::kArchive, &ErasureWork::erase_archive}};
  for (const auto& [step, work] : steps) {
    if (erasure_.step != step) continue;
    if (auto done = (this->*work)(); !done) return done;
    erasure_.step = static_cast<ErasureStep>(static_cast<int>(step) + 1);
    if (auto saved = save_(); !saved) return saved;
    runtime::crash_point("erasure.step");
  }
  if (auto done = erase_alerts(); !done) return done;
  if (auto done = look_for_remains(); !done) return done;
  erasure_.step = ErasureStep::kDone;
  erasure_.ended = ports_.clock.now();
  erasure_.value.clear();
  erasure_.salt.clear();
  return save_();
}

Result<void> ErasureWork::pause() const {
  if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
  std::this_thread::sleep_for(kPause);
  return {};
}

Result<void> ErasureWork::ask(std::function<Result<void>(runtime::Node&)> question) {
  if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
  Result<void> done;
  const Served<void> asked =
      ports_.node.ask([&](runtime::Node& node) { done = question(node); }, kPatience);
  if (!asked) return tl::unexpected(error_of(asked.error()));
  return done;
}

runtime::ValueFinder ErasureWork::finder() const {
  return {{erasure_.name, erasure_.value}, cep::input_members(ports_.program(), erasure_.name)};
}

// ---- the state, and what checkpoints and journal have of it

Result<void> ErasureWork::erase_once() {
  const std::string what =
      runtime::write_erased_value({erasure_.name, erasure_.value}, erasure_.salt);
  runtime::Erased erased;
  Result<void> done = ask([&](runtime::Node& node) -> Result<void> {
    const Result<runtime::Erased> found = runtime::NodeErasure(node).erase(what);
    if (!found) return tl::unexpected(found.error());
    erased = *found;
    return {};
  });
  if (!done) return done;
  erasure_.keys += erased.keys;
  erasure_.waiting_events += erased.waiting;
  erasure_.last_record = erased.record;
  const Served<void> durable = ports_.node.wait_durable(erased.record, kPatience);
  if (!durable) return tl::unexpected(error_of(durable.error()));
  return save_();
}

Result<void> ErasureWork::take_checkpoint() {
  std::uint64_t number = 0;
  Result<void> asked = ask([&](runtime::Node& node) -> Result<void> {
    number = node.request_checkpoint();
    return {};
  });
  if (!asked) return asked;
  for (bool is_there = false; !is_there;) {
    if (auto paused = pause(); !paused) return paused;
    asked = ask([&](runtime::Node& node) -> Result<void> {
      const runtime::CheckpointFigures figures = node.checkpoints();
      is_there = figures.answered >= number;
      if (is_there && !figures.failure.empty()) return fail(Errc::kIo, figures.failure);
      return {};
    });
    if (!asked) return asked;
  }
  return {};
}

// The second command stands in a segment of its own, so that those before it have nothing that came
// later and go soon. The first checkpoint writes everything anew, and after the second no start
// needs what was before the first.
Result<void> ErasureWork::erase_state() {
  if (auto erased = erase_once(); !erased) return erased;
  erasure_.first_record = erasure_.last_record;
  Result<void> done = ask([](runtime::Node& node) -> Result<void> {
    runtime::NodeErasure(node).begin_anew();
    return {};
  });
  if (done) done = erase_once();
  if (done) done = take_checkpoint();
  if (done) {
    done = ask([](runtime::Node& node) -> Result<void> {
      const Result<std::uint64_t> noted = runtime::NodeErasure(node).note();
      if (!noted) return tl::unexpected(noted.error());
      return {};
    });
  }
  if (done) done = take_checkpoint();
  return done;
}

Result<bool> ErasureWork::is_journal_left() {
  const Result<runtime::JournalDirectory> journal =
      runtime::survey_journal(ports_.files, ports_.paths.journal);
  if (!journal) {
    // One was just let go of.
    if (journal.error().code == Errc::kNotFound) return false;
    return tl::unexpected(journal.error());
  }
  if (journal->segments.empty()) return false;
  if (journal->segments.front().header.first_sequence <= erasure_.first_record) return false;
  const std::string what =
      runtime::write_erased_value({erasure_.name, erasure_.value}, erasure_.salt);
  return runtime::exists(ports_.files, ports_.paths.blobs + "/" + cep::hex(cep::sha256(what)))
      .map([](bool is_there) { return !is_there; });
}

Result<void> ErasureWork::leave_journal() {
  constexpr int kLooksOfCheckpoint = 100;
  for (int looks = 1;; ++looks) {
    const Result<bool> is_left = is_journal_left();
    if (!is_left) return tl::unexpected(is_left.error());
    if (*is_left) return {};
    if (auto paused = pause(); !paused) return paused;
    if (looks % kLooksOfCheckpoint != 0) continue;
    std::string problem;
    Result<void> noted = ask([&](runtime::Node& node) -> Result<void> {
      problem = node.checkpoints().archive.failure;
      const Result<std::uint64_t> record = runtime::NodeErasure(node).note();
      if (!record) return tl::unexpected(record.error());
      return {};
    });
    if (noted) noted = take_checkpoint();
    if (!noted) return noted;
    if (!problem.empty()) return fail(Errc::kIo, problem);
  }
}

// ---- what is stored

Result<void> ErasureWork::erase_archive() {
  const Result<runtime::ArchiveDirectory> archive =
      runtime::survey_archive(ports_.files, ports_.paths.archive);
  if (!archive) return tl::unexpected(archive.error());
  if (!archive->damaged.empty()) return tl::unexpected(archive->damaged.front());
  runtime::ValueFinder value = finder();
  const cep::Program program = ports_.program();
  for (const runtime::ArchiveFile& file : archive->files) {
    if (file.header.first_sequence > erasure_.last_record) break;
    if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
    const Result<std::uint64_t> lines = runtime::erase_from_archive(
        ports_.files, file, erasure_.last_record, value, program, ports_.archive);
    if (!lines && lines.error().code == Errc::kNotFound) continue;  // removed for its age
    if (!lines) return tl::unexpected(lines.error());
    if (*lines == 0) continue;
    erasure_.archived_events += *lines;
    if (auto saved = save_(); !saved) return saved;
  }
  return {};
}

Result<void> ErasureWork::erase_alerts() {
  runtime::ValueFinder value = finder();
  const auto timelines = ports_.effects.reader().timelines();
  if (!timelines) return tl::unexpected(timelines.error());
  const std::uint32_t timeline = timelines->empty() ? 0 : timelines->back().ordinal;
  if (auto done = erase_alerts(value, timeline); !done) return done;
  if (auto done = erase_side_output(value, timeline); !done) return done;
  for (const runtime::StoreFamily family :
       {runtime::kAlertFamily, runtime::kTriageFamily, runtime::kLateFamily, runtime::kDeadFamily,
        runtime::kMetaFamily, runtime::kMessageFamily}) {
    if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
    if (auto written = ports_.store.rewrite(family); !written) return written;
  }
  return {};
}

// Alerts of later events stay: those were set off behind the last command. Comments go first: a
// crash leaves an alert by which they are found again.
Result<void> ErasureWork::erase_alerts(runtime::ValueFinder& finder, std::uint32_t timeline) {
  std::vector<std::string> ids;
  const auto is_one = [&](const runtime::StoredAlert& alert) {
    const bool is_later =
        alert.timeline == timeline && alert.order.arrival.record > erasure_.last_record;
    return !is_later && finder.is_in(alert.line);
  };
  const auto look = [&](const runtime::StoredAlert& alert) {
    if (is_one(alert)) ids.push_back(alert.id);
    return false;
  };
  const auto erase = [&](runtime::StoredAlert& alert) {
    if (!is_one(alert)) return false;
    if (finder.is_in(json_member(alert.line, "key"))) alert.order.key.clear();
    alert.line = erased_alert(alert.line);
    return true;
  };
  for (std::optional<std::uint64_t> from = 0; from;) {
    if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
    ids.clear();
    auto next = ports_.effects.change_alerts(*from, kRowsAtOnce, look);
    if (!next) return tl::unexpected(next.error());
    for (const std::string& id : ids) {
      const Result<bool> had = triage_.erase_comments(id);
      if (!had) return tl::unexpected(had.error());
      erasure_.comments += *had ? 1 : 0;
    }
    if (!ids.empty()) next = ports_.effects.change_alerts(*from, kRowsAtOnce, erase);
    if (!next) return tl::unexpected(next.error());
    from = *next;
    erasure_.alerts += ids.size();
    if (ids.empty()) continue;
    if (auto saved = save_(); !saved) return saved;
  }
  return {};
}

Result<void> ErasureWork::erase_side_output(runtime::ValueFinder& finder, std::uint32_t timeline) {
  const auto change = [&](runtime::SideOutputRow& row) {
    if (row.timeline == timeline && row.arrival.record > erasure_.last_record) return false;
    if (!finder.is_in(row.text)) return false;
    row.text = runtime::kErasedLine;
    row.reason = kErasedReason;
    ++erasure_.side_output;
    return true;
  };
  for (const auto kind : {runtime::SideOutputKind::kLate, runtime::SideOutputKind::kDead}) {
    std::optional<std::string> next = "";
    while (next) {
      if (is_stopping_()) return fail(Errc::kStopped, "the server stops");
      const auto changed = ports_.effects.change_side_output(kind, *next, kRowsAtOnce, change);
      if (!changed) return tl::unexpected(changed.error());
      next = *changed;
    }
  }
  return {};
}

// What is left alone: savepoints are copies that somebody wanted, reports of backtests and small
// files may name the value.
Result<void> ErasureWork::look_for_remains() {
  namespace fs = std::filesystem;
  constexpr std::uintmax_t kBytesMax = std::uintmax_t{64} << 20;
  erasure_.remains.clear();
  const auto savepoints = runtime::list_savepoints(ports_.files, ports_.paths.savepoints);
  if (!savepoints) return tl::unexpected(savepoints.error());
  for (const runtime::SavepointEntry& one : *savepoints) {
    if (one.manifest && one.manifest->meta.position > erasure_.last_record) continue;
    erasure_.remains.push_back("savepoints/" + one.name);
  }
  const fs::path root = ports_.paths.directory;
  for (const char* const folder : {"", "backtests", "blobs"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / folder, error)) {
      if (!entry.is_regular_file(error) || entry.file_size(error) > kBytesMax) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      if (bytes.find(erasure_.value) == bytes.npos) continue;
      erasure_.remains.push_back(fs::relative(entry.path(), root, error).string());
    }
  }
  return {};
}
}  // namespace tocsin::api
