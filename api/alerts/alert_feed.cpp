#include "api/alerts/alert_feed.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/alerts/alert_events.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPauseMax{500};
constexpr std::size_t kRowsAtOnce = 256;
// What waits for a client; one that is further behind reads the store itself.
constexpr std::size_t kPendingBytesMax = std::size_t{256} << 10;
// Changes of triage that wait for the thread.
constexpr std::size_t kTriagedMax = 4096;

SharedBytes shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}
}  // namespace

// What was stored behind a number, and what was done with alerts meanwhile, formatted.
struct AlertFeed::Batch {
  struct Item {
    runtime::StoredAlert alert;
    SharedBytes event;
    SharedBytes masked;  // the same bytes where nothing is masked
  };
  struct Done {
    runtime::StoredAlert alert;
    SharedBytes event;
  };
  std::vector<Item> items;
  std::vector<Done> done;
  SharedBytes from_here;   // where some of that is not there, else null
  std::uint64_t mark = 0;  // all up to it is in `items`, or is gone
  bool has_more = false;
};

// Locks: the feed's before a follower's.
class AlertFeed::Follower final : public HttpStream {
 public:
  Follower(AlertFeed& feed, AlertFilter filter, std::uint64_t after, AlertKinds kinds,
           std::function<bool()> may_go_on)
      : feed_(feed),
        filter_(std::move(filter)),
        kinds_(kinds),
        may_go_on_(std::move(may_go_on)),
        last_(after) {
    if (kinds_.triage) ++feed_.with_triage_;
    add(shared(": alerts\n\n"));
  }
  ~Follower() override {
    if (kinds_.triage) --feed_.with_triage_;
    --feed_.follower_count_;
  }

  void begin(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  Next take(std::vector<SharedBytes>& pieces) override {
    const std::lock_guard lock(mutex_);
    is_over_ = is_over_ || feed_.is_stopped_;
    if (!pending_.empty()) {
      pieces = std::exchange(pending_, {});
      pending_bytes_ = 0;
      return is_over_ ? Next::kEnd : Next::kReady;
    }
    if (is_over_) return Next::kEnd;
    return has_caught_up_ ? Next::kWait : Next::kWork;
  }
  void work() override {
    std::uint64_t last = 0;
    bool is_first = false;
    {
      const std::lock_guard lock(mutex_);
      last = last_;
      is_first = std::exchange(is_first_, false);
    }
    std::string text;
    bool has_more = false;
    bool is_good = true;
    if (is_first) is_good = begin_at(last, text);
    if (is_good) {
      const Result<std::string> events = read_alert_events(feed_.reader_, filter_, last, has_more);
      is_good = events.has_value();
      if (is_good) text += *events;
    }
    const std::lock_guard feed_lock(feed_.mutex_);
    const std::lock_guard lock(mutex_);
    if (!is_good || feed_.is_stopped_ || !may_go_on_()) {
      is_over_ = true;
      return;
    }
    if (kinds_.alerts && !text.empty()) add(shared(std::move(text)));
    last_ = last;
    if (has_more) return;
    // Where nobody has caught up the feed stands still.
    if (feed_.followers_.empty()) feed_.last_ = std::max(feed_.last_, last_);
    if (last_ < feed_.last_) return;
    has_caught_up_ = true;
    if (kinds_.triage) add(shared(triage_from_here_event()));
    feed_.followers_.push_back(std::static_pointer_cast<Follower>(self_.lock()));
    // What was stored since it read has told nobody.
    feed_.notify();
  }

  // Under the feed's lock, of one that has caught up. Whether it still has.
  bool give(const Batch& batch, steady_clock::time_point now) {
    const bool may_go_on = may_go_on_();
    std::function<void()> wake;
    bool stays = false;
    {
      const std::lock_guard lock(mutex_);
      if (may_go_on) {
        give_events(batch);
        if (pending_.empty() && now >= given_at_ + feed_.options_.heartbeat)
          add(shared(kinds_.alerts ? heartbeat_event(last_) : ": heartbeat\n\n"));
      }
      is_over_ = is_over_ || !may_go_on;
      // Who lags behind goes on by itself.
      has_caught_up_ = pending_bytes_ <= kPendingBytesMax;
      stays = has_caught_up_ && !is_over_;
      if (!pending_.empty() || !stays) wake = wake_;
    }
    if (wake) wake();
    return stays;
  }
  void end() {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      wake = wake_;
    }
    if (wake) wake();
  }
  void set_self(std::weak_ptr<Follower> self) { self_ = std::move(self); }

 private:
  // Where the store was put back to an earlier time, what the client has is not ours.
  bool begin_at(std::uint64_t& last, std::string& text) const {
    const Result<runtime::EmittedMark> mark = feed_.reader_.mark();
    if (!mark) return false;
    if (last > mark->number) {
      text = gap_event(mark->number + 1, last, mark->number);
      last = mark->number;
    }
    return true;
  }
  void give_events(const Batch& batch) {
    for (const Batch::Item& item : batch.items) {
      const std::uint64_t number = item.alert.number;
      if (number <= last_) continue;
      if (number > last_ + 1) add_gap(number - 1);
      last_ = number;
      if (kinds_.alerts && filter_.admits(item.alert)) add(filter_.mask ? item.masked : item.event);
    }
    if (!batch.has_more && last_ < batch.mark) {
      add_gap(batch.mark);
      last_ = batch.mark;
    }
    if (!kinds_.triage) return;
    if (batch.from_here) add(batch.from_here);
    for (const Batch::Done& one : batch.done) {
      if (filter_.admits(one.alert)) add(one.event);
    }
  }
  void add_gap(std::uint64_t to) {
    if (kinds_.alerts) add(shared(gap_event(last_ + 1, to, to)));
  }
  void add(SharedBytes piece) {
    pending_bytes_ += piece->size();
    pending_.push_back(std::move(piece));
    given_at_ = steady_clock::now();
  }

  AlertFeed& feed_;
  const AlertFilter filter_;
  const AlertKinds kinds_;
  const std::function<bool()> may_go_on_;
  std::weak_ptr<Follower> self_;
  std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<SharedBytes> pending_;
  std::size_t pending_bytes_ = 0;
  std::uint64_t last_;
  steady_clock::time_point given_at_;
  bool is_first_ = true;
  bool has_caught_up_ = false;
  bool is_over_ = false;
};

AlertFeed::AlertFeed(runtime::EffectReader reader, AlertFeedOptions options)
    : reader_(reader), options_(std::move(options)) {}
AlertFeed::~AlertFeed() { stop(); }

void AlertFeed::start() {
  thread_ = std::thread([this] {
    runtime::begin_background_thread("alert-feed");
    run();
  });
}

void AlertFeed::notify() {
  {
    const std::lock_guard lock(news_mutex_);
    has_news_ = true;
  }
  changed_.notify_all();
}

void AlertFeed::triaged(const runtime::StoredAlert& alert, const TriageRecord& record) {
  if (with_triage_ == 0) return;  // who comes now reads it
  std::string event = triage_event(alert, record);
  {
    const std::lock_guard lock(news_mutex_);
    if (triaged_.size() == kTriagedMax) {
      triaged_.clear();
      is_triage_lost_ = true;
    }
    triaged_.push_back({alert.number, std::move(event)});
  }
  notify();
}

void AlertFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (const std::weak_ptr<Follower>& one : followers_) {
      if (const std::shared_ptr<Follower> follower = one.lock()) follower->end();
    }
    followers_.clear();
  }
  notify();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<HttpStream> AlertFeed::follow(AlertFilter filter, std::uint64_t after,
                                              AlertKinds kinds, std::function<bool()> may_go_on) {
  if (follower_count_.fetch_add(1) >= options_.followers_max) {
    --follower_count_;
    return nullptr;
  }
  auto follower =
      std::make_shared<Follower>(*this, std::move(filter), after, kinds, std::move(may_go_on));
  follower->set_self(follower);
  return follower;
}

// Reading holds no lock, as those who store alerts call notify().
bool AlertFeed::step() {
  std::uint64_t after = 0;
  bool has_followers = false;
  {
    const std::lock_guard lock(mutex_);
    after = last_;
    has_followers = !followers_.empty();
  }
  if (!has_followers) return false;
  Batch batch = read_batch(after);
  read_triage(batch);
  const auto now = steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return false;
  std::erase_if(followers_, [&](const std::weak_ptr<Follower>& one) {
    const std::shared_ptr<Follower> follower = one.lock();
    return !follower || !follower->give(batch, now);
  });
  last_ = std::max(last_, batch.mark);
  return batch.has_more;
}

AlertFeed::Batch AlertFeed::read_batch(std::uint64_t after) const {
  Batch batch;
  batch.mark = after;
  const Result<runtime::EmittedMark> mark = reader_.mark();
  if (!mark || mark->number <= after) return batch;
  const Result<void> read = reader_.alerts(after + 1, [&](const runtime::StoredAlert& alert) {
    if (alert.number > mark->number) return false;
    batch.has_more = batch.items.size() == kRowsAtOnce;
    if (batch.has_more) return false;
    const SharedBytes event = shared(alert_event(alert.number, alert.line));
    const std::string line = options_.mask ? options_.mask(alert) : std::string();
    const bool is_same = line.empty() || line == alert.line;
    batch.items.push_back(
        {alert, event, is_same ? event : shared(alert_event(alert.number, line))});
    return true;
  });
  // What cannot be read now is read again the next time.
  if (!read) {
    Batch nothing;
    nothing.mark = after;
    return nothing;
  }
  batch.mark = batch.has_more ? batch.items.back().alert.number : mark->number;
  return batch;
}

// The alert says who may be told.
void AlertFeed::read_triage(Batch& batch) {
  std::vector<Triaged> triaged;
  bool is_lost = false;
  {
    const std::lock_guard lock(news_mutex_);
    triaged = std::exchange(triaged_, {});
    is_lost = std::exchange(is_triage_lost_, false);
  }
  for (Triaged& one : triaged) {
    const Result<void> read = reader_.alerts(one.number, [&](const runtime::StoredAlert& alert) {
      if (alert.number == one.number) {
        batch.done.push_back({alert, shared(std::move(one.event))});
      }
      return false;
    });
    is_lost = is_lost || !read;
  }
  if (is_lost) batch.from_here = shared(triage_from_here_event());
}

void AlertFeed::run() {
  const std::chrono::milliseconds pause = std::min(options_.heartbeat, kPauseMax);
  for (;;) {
    {
      std::unique_lock lock(news_mutex_);
      changed_.wait_for(lock, pause, [&] { return has_news_ || is_stopped_; });
      if (is_stopped_) return;
      has_news_ = false;
    }
    while (step()) {
    }
  }
}
}  // namespace tocsin::api
