#include "api/rollout/warm_up.h"

#include <random>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
using std::chrono::steady_clock;
namespace {
// Between two looks at what the journal has got.
constexpr std::chrono::milliseconds kFollowInterval{200};
// Who asks goes on asking; nobody else's rules take the place of such a run.
constexpr std::chrono::seconds kInUseFor{30};
}  // namespace

WarmUp::WarmUp(runtime::Files& files, runtime::Clock& clock, runtime::EarlierEvents from,
               WarmUpLimits limits, std::function<Result<std::uint64_t>()> journal_end)
    : files_(files),
      clock_(clock),
      from_(std::move(from)),
      limits_(limits),
      journal_end_(std::move(journal_end)) {}

WarmUp::~WarmUp() { end(); }

Result<WarmUp::Answer> WarmUp::ask(const std::string& etag, runtime::NodeProgram program,
                                   cep::Duration replay) {
  const std::lock_guard one_at_a_time(asking_);
  if (thread_.joinable() && (etag != etag_ || replay != replay_)) {
    std::unique_lock lock(mutex_);
    if (!has_ended_ && steady_clock::now() - asked_at_ < kInUseFor) {
      return fail(Errc::kInUse,
                  "earlier events are being read for other rules: ask again when that is done");
    }
    lock.unlock();
    end();
  }
  if (was_forgotten()) end();
  if (!thread_.joinable()) begin(etag, std::move(program), replay);
  std::unique_lock lock(mutex_);
  asked_at_ = steady_clock::now();
  const auto is_over = [this] { return is_ready_ || has_ended_; };
  if (!changed_.wait_for(lock, kFollowInterval, is_over))
    return Answer(WarmingUp{progress_, events_});
  lock.unlock();
  must_stop_ = true;
  changed_.notify_all();
  thread_.join();
  std::unique_ptr<runtime::EarlierRun> run = std::move(run_);
  if (failure_) return tl::unexpected(*failure_);
  run->ask_no_more();
  return Answer(std::move(run));
}

void WarmUp::begin(const std::string& etag, runtime::NodeProgram program, cep::Duration replay) {
  etag_ = etag;
  replay_ = replay;
  must_stop_ = false;
  progress_ = 0;
  events_ = 0;
  is_ready_ = has_ended_ = false;
  failure_.reset();
  asked_at_ = steady_clock::now();
  runtime::EarlierRunOptions options;
  options.number = std::random_device()();
  options.memory_max = limits_.memory_max;
  options.stop_requested = [this] { return must_stop_.load() || is_forgotten(); };
  options.progress = [this](double progress, std::uint64_t events) {
    progress_ = progress;
    events_ = events;
  };
  run_ = runtime::EarlierRun::make(files_, from_, std::move(program), clock_.now() - replay,
                                   std::move(options));
  thread_ = std::thread([this] { serve(); });
}

void WarmUp::end() {
  if (!thread_.joinable()) return;
  must_stop_ = true;
  changed_.notify_all();
  thread_.join();
  run_.reset();
}

bool WarmUp::is_forgotten() const {
  const std::lock_guard lock(mutex_);
  return steady_clock::now() - asked_at_ > std::chrono::microseconds(limits_.keep_for.us);
}

// It came to its end because nobody asked, and who asks now begins anew.
bool WarmUp::was_forgotten() const {
  const std::lock_guard lock(mutex_);
  return has_ended_ && failure_ && failure_->code == Errc::kStopped;
}

void WarmUp::serve() {
  runtime::begin_background_thread("replay");
  runtime::lower_priority_of_thread();
  Result<void> done = run_->take_earlier(journal_end_().value_or(0));
  while (done) {
    const Result<std::uint64_t> end = journal_end_();
    done = end ? run_->catch_up(*end) : tl::unexpected(end.error());
    if (!done) break;
    std::unique_lock lock(mutex_);
    is_ready_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, kFollowInterval, [this] { return must_stop_.load(); });
    if (must_stop_) break;
    lock.unlock();
    if (is_forgotten()) done = fail(Errc::kStopped, "nobody asked for it any more");
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  // What was asked to stop because it was ready is as good as it was.
  if (!done && !(is_ready_ && must_stop_ && done.error().code == Errc::kStopped)) {
    is_ready_ = false;
    failure_ = done.error();
    run_.reset();  // its memory
  }
  changed_.notify_all();
}
}  // namespace tocsin::api
