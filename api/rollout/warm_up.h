/// Rules that are to go on from the events of the last days: they are run over the archive beside
/// the node, up to now, until they are deployed.
///
///   ask() ─▶ reading ─▶ ready, follows the journal ─▶ ask() gives the run away
///               └──────────┴─ nobody asks for some time, or for other rules ─▶ forgotten
///
/// One run at a time, on a thread of its own of lower priority.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "api/node/rule_service.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/node/node.h"
#include "runtime/replay/earlier_run.h"

namespace tocsin::api {
struct WarmUpLimits {
  bool has_archive = false;
  std::uint64_t memory_max = std::uint64_t{1} << 30;
  cep::Duration keep_for{600'000'000};  // since somebody asked last
};

/// Threading: any.
class WarmUp {
 public:
  using Answer = std::variant<WarmingUp, std::unique_ptr<runtime::EarlierRun>>;
  /// `journal_end`: before which record the journal is on disk; fails where the node cannot say.
  /// All must outlive it.
  WarmUp(runtime::Files& files, runtime::Clock& clock, runtime::EarlierEvents from,
         WarmUpLimits limits, std::function<Result<std::uint64_t>()> journal_end);
  WarmUp(const WarmUp&) = delete;
  WarmUp& operator=(const WarmUp&) = delete;
  ~WarmUp();
  /// The run of these rules, a pack with this etag, over the events of the last `replay`; or how
  /// far it is, which the first question begins. Fails with kInUse where others were asked for a
  /// moment ago, and as EarlierRun::take_earlier(), after which the next question begins anew.
  Result<Answer> ask(const std::string& etag, runtime::NodeProgram program, cep::Duration replay);

 private:
  void begin(const std::string& etag, runtime::NodeProgram program, cep::Duration replay);
  void end();
  void serve();
  bool is_forgotten() const;
  bool was_forgotten() const;

  runtime::Files& files_;
  runtime::Clock& clock_;
  const runtime::EarlierEvents from_;
  const WarmUpLimits limits_;
  const std::function<Result<std::uint64_t>()> journal_end_;
  std::mutex asking_;  // one question at a time
  std::string etag_;   // of what runs
  cep::Duration replay_;
  std::unique_ptr<runtime::EarlierRun> run_;  // the thread's own until it has ended
  std::thread thread_;
  std::atomic<bool> must_stop_{false};
  std::atomic<double> progress_{0};
  std::atomic<std::uint64_t> events_{0};
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::chrono::steady_clock::time_point asked_at_;
  bool is_ready_ = false;
  bool has_ended_ = false;
  std::optional<Error> failure_;
};
}  // namespace tocsin::api
