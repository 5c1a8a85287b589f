// Backtests of a server: what is kept when a crash comes at any operation, and how they wait, run
// and end.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "api/jobs/backtest_jobs.h"
#include "api/jobs/job_store.h"
#include "api/jobs/verify_backtests.h"
#include "runtime/journal/file_tree.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace api;
using runtime::FileErrc;

constexpr const char* kFolder = "data/backtests";

BacktestJob job_of(std::uint64_t number, BacktestState state) {
  BacktestJob job;
  job.number = number;
  job.state = state;
  job.who = "ann";
  job.request = R"({"files":["a.tocsin"]})";
  job.asked_at.us = 5;
  if (has_ended(state)) job.ended_at = cep::EventTime{7};
  if (state == BacktestState::kFailed) job.failure = "why";
  job.notes = {"a note"};
  if (state == BacktestState::kDone) {
    BacktestRates rates{number, {7}, false, {1}, {3}, "shared", {}};
    rates.rules["huge"] = {"digest", 4, 20'000, 3};
    rates.rules["small"] = {"other", 0, 0, 0};
    job.rates = std::make_shared<const BacktestRates>(std::move(rates));
  }
  return job;
}
StoredReport report_of(std::uint64_t number) {
  // With a decimal, whose digits a parsed number would lose.
  return {"{\n  \"events\": " + std::to_string(number) + ",\n  \"amount\": 900.00\n}", "text",
          "<p>"};
}
void make_folder(SimulatedFiles& files) {
  REQUIRE(files.make_directory("data"));
  REQUIRE(files.sync_directory("."));
}

// What a server does with its backtests; false where it was stopped by a failure. `last`: the
// newest that was answered for.
bool work_on(JobStore& store, std::uint64_t& last) {
  const auto add = [&](std::uint64_t number) {
    if (!store.put(job_of(number, BacktestState::kQueued))) return false;
    last = number;
    if (!store.put(job_of(number, BacktestState::kRunning))) return false;
    if (!store.put_report(number, report_of(number), 10'000)) return false;
    return store.put(job_of(number, BacktestState::kDone)).has_value();
  };
  if (!add(1) || !add(2) || !store.remove(1)) return false;
  if (!store.put(job_of(3, BacktestState::kFailed))) return false;
  last = 3;
  return store.remove(3).has_value();
}

// Waits for what another thread does.
template <typename Condition>
bool comes(const Condition& condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// A server's backtests, whose work waits until it is let go, or stopped.
struct World {
  explicit World(BacktestLimits with = {}) : limits(with) {
    make_folder(files);
    open();
  }
  void open() {
    jobs.reset();
    auto opened =
        BacktestJobs::open(files, clock, kFolder, limits,
                           [this](const BacktestRequest& request, const BacktestControl& control) {
                             return work(request, control);
                           });
    REQUIRE_MESSAGE(opened, opened.error().message);
    jobs = *std::move(opened);
  }
  Result<StoredReport> work(const BacktestRequest& request, const BacktestControl& control) {
    control.progress(0.5);
    control.notes->push_back("seen");
    while (!goes && !control.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (control.stop_requested()) return fail(Errc::kStopped, "stopped");
    *control.rates = std::make_shared<BacktestRates>();
    (*control.rates)->shared = std::to_string(request.samples);
    if (request.samples == 0) return fail(Errc::kLimit, "too much");
    return report_of(request.samples);
  }
  std::uint64_t add(std::size_t samples = 1) {
    BacktestRequest request;
    request.samples = samples;
    const auto added = jobs->add(std::move(request), "{}", "ann");
    REQUIRE_MESSAGE(added, added.error().message);
    return added->job.number;
  }
  BacktestState state(std::uint64_t number) const { return jobs->find(number)->job.state; }
  bool reaches(std::uint64_t number, BacktestState wanted) const {
    return comes([&] { return state(number) == wanted; });
  }

  SimulatedFiles files;
  SimulatedClock clock;
  BacktestLimits limits;
  std::atomic<bool> goes{false};
  std::unique_ptr<BacktestJobs> jobs;
};
}  // namespace

TEST_CASE("backtests of a server: what is on disk is read as it was") {
  for (int state = 0; state < 5; ++state) {
    const BacktestJob job = job_of(12, static_cast<BacktestState>(state));
    const std::string text = job_file_text(job);
    const Result<BacktestJob> read = parse_job(text, 12, "p");
    REQUIRE(read);
    CHECK(job_file_text(*read) == text);
    CHECK(read->state == job.state);
    REQUIRE((read->rates != nullptr) == (job.rates != nullptr));
    if (job.rates) CHECK(read->rates->rules.at("huge").on_that_day == 3);
    CHECK(parse_job(text, 13, "p").error().code == Errc::kCorrupt);
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ 1);
      const Result<BacktestJob> damaged = parse_job(other, 12, "p");
      if (damaged) CHECK_MESSAGE(job_file_text(*damaged) == text, at);
    }
  }
}

TEST_CASE("backtests of a server: a crash at any operation leaves a state that was") {
  std::size_t crashes = 0;
  for (std::uint64_t crash_at = 0;; ++crash_at) {
    SimulatedFiles files;
    make_folder(files);
    const std::uint64_t begin = files.operations();
    files.fault = [&](std::uint64_t number, FileOperation, const std::string&) {
      return number == begin + crash_at ? Fault::kCrash : Fault::kNone;
    };
    bool is_done = false;
    std::uint64_t last = 0;
    {
      Result<JobStore> store = JobStore::open(files, kFolder);
      is_done = store && work_on(*store, last);
    }
    files.fault = {};
    if (is_done) break;
    ++crashes;
    REQUIRE(files.crashed());
    files.cut_power();
    const Result<JobStore> store = JobStore::open(files, kFolder);
    REQUIRE_MESSAGE(store, store.error().message);
    CHECK(store->damaged().empty());
    std::size_t reports = 0;
    for (const auto& [number, job] : store->jobs()) {
      CHECK(job.who == "ann");
      const Result<StoredReport> report = store->read_report(number);
      CHECK(report.has_value() == (job.state == BacktestState::kDone));
      if (!report) continue;
      ++reports;
      CHECK(report->json == report_of(number).json);
    }
    CHECK((store->report_bytes() > 0) == (reports > 0));
    const bool has_next = *runtime::exists(files, std::string(kFolder) + "/next.json");
    CHECK(files.list(kFolder)->size() == store->jobs().size() + reports + (has_next ? 1 : 0));
    // No number is used twice.
    CHECK(store->next_number() > last);
    runtime::VerifyReport verified;
    verify_backtests(files, kFolder, verified);
    CHECK(verified.damaged.empty());
    CHECK(verified.notes.empty());
  }
  CHECK(crashes > 30);
}

TEST_CASE("backtests of a server: one runs, others wait, as many as may") {
  World world({.queue_max = 2});
  const std::uint64_t first = world.add();
  REQUIRE(world.reaches(first, BacktestState::kRunning));
  CHECK(comes([&] { return world.jobs->find(first)->progress == 0.5; }));
  CHECK(world.jobs->find(first)->seconds_left.has_value());
  const std::uint64_t second = world.add(0);
  const std::uint64_t third = world.add();
  CHECK(world.jobs->add({}, "{}", "ann").error().code == Errc::kInUse);
  CHECK(world.jobs->report(third).error().code == Errc::kConflict);
  CHECK(world.jobs->remove(first).error().code == Errc::kConflict);
  world.goes = true;
  REQUIRE(world.reaches(third, BacktestState::kDone));
  CHECK(world.state(first) == BacktestState::kDone);
  CHECK(world.state(second) == BacktestState::kFailed);
  CHECK(world.jobs->find(second)->job.failure == "too much");
  CHECK(world.jobs->find(third)->job.notes == std::vector<std::string>{"seen"});
  CHECK(world.jobs->report(third)->json == report_of(1).json);
  // What gates ask: of those that are done, the newest first, over a restart too.
  world.add(7);
  REQUIRE(comes([&] { return world.jobs->rates().size() == 3; }));
  world.open();
  const auto rates = world.jobs->rates();
  REQUIRE(rates.size() == 3);
  CHECK(rates.front()->shared == "7");
  CHECK(rates.front()->backtest == third + 1);
  CHECK(rates.front()->ended_at == world.jobs->find(third + 1)->job.ended_at);
  CHECK(rates.back()->backtest == first);
  REQUIRE(world.jobs->remove(third + 1));
  CHECK(world.jobs->rates().size() == 2);
}

TEST_CASE("backtests of a server: figures count what was asked, refused and ended") {
  World world({.queue_max = 2});
  const std::uint64_t first = world.add();
  REQUIRE(world.reaches(first, BacktestState::kRunning));
  world.add(0);
  const std::uint64_t third = world.add();
  CHECK(world.jobs->add({}, "{}", "ann").error().code == Errc::kInUse);
  world.goes = true;
  REQUIRE(world.reaches(third, BacktestState::kDone));
  const BacktestFigures figures = world.jobs->figures();
  CHECK(figures.done == 2);
  CHECK(figures.failed == 1);
  CHECK(figures.refused == 1);
  CHECK(figures.kept == 3);
  CHECK(world.jobs->list().front().job.number == third);
}

TEST_CASE("backtests of a server: what waits or runs is cancelled, what has ended is removed") {
  World world;
  const std::uint64_t first = world.add();
  const std::uint64_t second = world.add();
  const std::uint64_t third = world.add();
  REQUIRE(world.reaches(first, BacktestState::kRunning));
  CHECK(world.jobs->cancel(second)->job.state == BacktestState::kCancelled);
  CHECK(world.jobs->cancel(first)->job.state == BacktestState::kCancelled);
  CHECK(world.jobs->cancel(first).error().code == Errc::kConflict);
  CHECK(world.jobs->cancel(99).error().code == Errc::kNotFound);
  world.goes = true;
  REQUIRE(world.reaches(third, BacktestState::kDone));
  for (const std::uint64_t number : {first, second, third}) REQUIRE(world.jobs->remove(number));
  CHECK(world.jobs->remove(first).error().code == Errc::kNotFound);
  // What is left says which numbers were used.
  CHECK(*world.files.list(kFolder) == std::vector<std::string>{"next.json"});
  world.open();
  CHECK(world.jobs->list().empty());
  CHECK(world.add() == third + 1);
}

TEST_CASE("backtests of a server: a check names what is damaged, missing or somebody else's") {
  SimulatedFiles files;
  make_folder(files);
  runtime::VerifyReport none;
  verify_backtests(files, kFolder, none);
  CHECK(none.damaged.empty());
  {
    Result<JobStore> store = JobStore::open(files, kFolder);
    REQUIRE(store);
    for (const std::uint64_t number : {1, 2, 3, 4}) {
      REQUIRE(store->put_report(number, report_of(number), 10'000));
      REQUIRE(store->put(job_of(number, BacktestState::kDone)));
    }
    REQUIRE(store->remove(4));
  }
  const auto path_of = [](const char* name) { return std::string(kFolder) + "/" + name; };
  const auto spoil = [&](const char* name) {
    std::string text = *runtime::read_whole(files, path_of(name));
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
    REQUIRE(runtime::remove_tree(files, path_of(name)));
    REQUIRE(runtime::write_synced(files, path_of(name), text));
  };
  runtime::VerifyReport good;
  verify_backtests(files, kFolder, good);
  CHECK(good.damaged.empty());
  CHECK(good.notes.empty());
  CHECK(good.bytes > 1000);
  REQUIRE(runtime::write_synced(files, path_of("letter.txt"), "dear"));
  REQUIRE(runtime::write_synced(files, path_of("00000009.json.part"), "{"));
  spoil("00000001.json");
  spoil("00000002.report.json");
  spoil("next.json");
  REQUIRE(runtime::remove_tree(files, path_of("00000003.report.json")));
  runtime::VerifyReport bad;
  verify_backtests(files, kFolder, bad);
  REQUIRE(bad.damaged.size() == 4);
  CHECK(bad.damaged[0].message.find("00000001.json is damaged") != std::string::npos);
  CHECK(bad.damaged[1].message.find("00000002.report.json is damaged") != std::string::npos);
  CHECK(bad.damaged[2].message.find("00000003.report.json is missing") != std::string::npos);
  CHECK(bad.damaged[3].message.find("next.json is damaged") != std::string::npos);
  REQUIRE(bad.notes.size() == 1);
  CHECK(bad.notes[0].find("letter.txt is no file of a backtest") != std::string::npos);
}

TEST_CASE("backtests of a server: the next start knows what was, and what did not end has failed") {
  World world({.kept_max = 3});
  world.goes = true;
  const std::uint64_t done = world.add();
  REQUIRE(world.reaches(done, BacktestState::kDone));
  world.goes = false;
  const std::uint64_t ran = world.add();
  const std::uint64_t waited = world.add();
  REQUIRE(world.reaches(ran, BacktestState::kRunning));
  world.open();
  CHECK(world.state(done) == BacktestState::kDone);
  CHECK(world.state(ran) == BacktestState::kFailed);
  CHECK(world.jobs->find(ran)->job.failure.find("while it ran") != std::string::npos);
  CHECK(world.jobs->find(waited)->job.failure.find("before it began") != std::string::npos);
  world.goes = true;
  const std::uint64_t next = world.add();
  CHECK(next > waited);
  REQUIRE(world.reaches(next, BacktestState::kDone));
  CHECK_FALSE(world.jobs->find(done));  // the oldest went
  CHECK(world.jobs->figures().removed == 1);
}

TEST_CASE("backtests of a server: reports are bounded, and a full disk fails one and no other") {
  World world({.kept_bytes_max = 100});
  world.goes = true;
  const std::uint64_t large = world.add();
  REQUIRE(world.reaches(large, BacktestState::kFailed));
  CHECK(world.jobs->find(large)->job.failure.find("backtests.kept_bytes_max") != std::string::npos);
  world.limits = {};
  world.open();
  world.files.fault = [](std::uint64_t, FileOperation operation, const std::string& path) {
    const bool is_report = path.find(".report.json") != std::string::npos;
    return is_report && operation == FileOperation::kWrite ? Fault::kNoSpace : Fault::kNone;
  };
  const std::uint64_t full = world.add();
  REQUIRE(world.reaches(full, BacktestState::kFailed));
  world.files.fault = {};
  const std::uint64_t good = world.add();
  REQUIRE(world.reaches(good, BacktestState::kDone));
  CHECK(world.jobs->report(good));
}
}  // namespace tocsin::tests
