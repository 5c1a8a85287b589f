#include "api/live/change_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause{500};
// Things that are no longer there, of a topic, which followers may still have to be told.
constexpr std::size_t kGoneMax = 256;

SharedBytes shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}
}  // namespace

struct ChangeFeed::Topic {
  struct Entry {
    SharedBytes event;
    std::string data;
    std::uint64_t revision = 0;
    bool is_gone = false;
  };
  explicit Topic(ChangeTopic of_in) : of(std::move(of_in)) {}

  const ChangeTopic of;
  std::map<std::string, Entry> entries;
  std::size_t gone = 0;         // of them
  std::uint64_t newest = 0;     // revision
  std::uint64_t forgotten = 0;  // up to this revision not all is known that is gone
  std::size_t followers = 0;
  std::optional<steady_clock::time_point> looked_at;
};

// All but what it is made with is guarded by the feed's mutex.
class ChangeFeed::Follower final : public HttpStream {
 public:
  Follower(ChangeFeed& feed, Followed followed, std::function<bool()> may_go_on)
      : feed_(feed), followed_(std::move(followed)), may_go_on_(std::move(may_go_on)) {}
  ~Follower() override {
    const std::lock_guard lock(feed_.mutex_);
    for (const std::size_t place : followed_.topics) --feed_.topics_[place]->followers;
    --feed_.follower_count_;
  }

  void begin(std::function<void()> wake) override {
    const std::lock_guard lock(feed_.mutex_);
    wake_ = std::move(wake);
  }
  Next take(std::vector<SharedBytes>& pieces) override {
    const std::lock_guard lock(feed_.mutex_);
    if (is_over_ || feed_.is_stopped_) return Next::kEnd;
    const auto now = steady_clock::now();
    const std::size_t before = pieces.size();
    if (!told_) pieces.push_back(shared(": changes\n\n"));
    if (!add_changes(pieces)) return Next::kEnd;
    const auto has_more = [&] { return pieces.size() > before; };
    if (!has_more() && is_quiet(now)) pieces.push_back(shared(": heartbeat\n\n"));
    if (!has_more()) return Next::kWait;
    given_at_ = now;
    return Next::kReady;
  }

  // Outside of the feed's lock.
  void check() {
    const bool may_go_on = may_go_on_();
    std::function<void()> wake;
    {
      const std::lock_guard lock(feed_.mutex_);
      is_over_ = is_over_ || !may_go_on || feed_.is_stopped_;
      if (is_over_ || has_news() || is_quiet(steady_clock::now())) wake = wake_;
    }
    if (wake) wake();
  }

 private:
  bool has_news() const {
    return std::ranges::any_of(followed_.topics, [&](std::size_t place) {
      return feed_.topics_[place]->newest > told_.value_or(0);
    });
  }
  bool is_quiet(steady_clock::time_point now) const {
    return followed_.has_heartbeat && now >= given_at_ + feed_.options_.heartbeat;
  }
  // False: something that it would have to be told is forgotten.
  bool add_changes(std::vector<SharedBytes>& pieces) {
    std::vector<std::pair<std::uint64_t, SharedBytes>> changes;
    for (const std::size_t place : followed_.topics) {
      const Topic& topic = *feed_.topics_[place];
      if (told_ && *told_ < topic.forgotten) return false;
      if (told_ && topic.newest <= *told_) continue;
      for (const auto& [key, entry] : topic.entries) {
        const bool is_told = told_ ? entry.revision <= *told_ : entry.is_gone;
        if (!is_told) changes.emplace_back(entry.revision, entry.event);
      }
    }
    // How it is at the beginning comes topic by topic, then each change in its turn.
    if (told_) std::ranges::sort(changes, {}, [](const auto& one) { return one.first; });
    for (auto& [revision, event] : changes) pieces.push_back(std::move(event));
    told_ = feed_.revision_;
    return true;
  }

  ChangeFeed& feed_;
  const Followed followed_;
  const std::function<bool()> may_go_on_;
  std::function<void()> wake_;
  std::optional<std::uint64_t> told_;  // up to this revision; nothing: it has not begun
  steady_clock::time_point given_at_ = steady_clock::now();
  bool is_over_ = false;
};

ChangeFeed::ChangeFeed(std::vector<ChangeTopic> topics, ChangeFeedOptions options)
    : options_(std::move(options)) {
  for (ChangeTopic& topic : topics) topics_.push_back(std::make_unique<Topic>(std::move(topic)));
}
ChangeFeed::~ChangeFeed() { stop(); }

void ChangeFeed::start() {
  thread_ = std::thread([this] {
    runtime::begin_background_thread("change-feed");
    run();
  });
}

void ChangeFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const std::shared_ptr<Follower>& one : all_followers()) one->check();
}

std::shared_ptr<HttpStream> ChangeFeed::follow(Followed followed, std::function<bool()> may_go_on) {
  if (follower_count_.fetch_add(1) >= options_.followers_max) {
    --follower_count_;
    return nullptr;
  }
  std::vector<Topic*> unseen;  // that nobody has looked at of late
  {
    const std::lock_guard lock(mutex_);
    for (const std::size_t place : followed.topics) {
      Topic& topic = *topics_[place];
      if (topic.followers++ == 0) unseen.push_back(&topic);
    }
  }
  const auto follower =
      std::make_shared<Follower>(*this, std::move(followed), std::move(may_go_on));
  for (Topic* const topic : unseen) look(*topic);
  const std::lock_guard lock(mutex_);
  followers_.push_back(follower);
  return follower;
}

std::vector<std::shared_ptr<ChangeFeed::Follower>> ChangeFeed::all_followers() {
  std::vector<std::shared_ptr<Follower>> all;
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [&](const std::weak_ptr<Follower>& one) {
    std::shared_ptr<Follower> follower = one.lock();
    if (!follower) return true;
    all.push_back(std::move(follower));
    return false;
  });
  return all;
}

void ChangeFeed::step() {
  if (options_.is_closing && options_.is_closing()) {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  const std::vector<std::shared_ptr<Follower>> followers = all_followers();
  const auto now = steady_clock::now();
  for (const std::unique_ptr<Topic>& topic : topics_) {
    {
      const std::lock_guard lock(mutex_);
      const bool is_due = !topic->looked_at || now >= *topic->looked_at + topic->of.every;
      if (is_stopped_ || topic->followers == 0 || !is_due) continue;
    }
    look(*topic);
  }
  for (const std::shared_ptr<Follower>& one : followers) one->check();
}

void ChangeFeed::look(Topic& topic) {
  const std::lock_guard looking(looking_);
  const std::optional<ChangingState> state = topic.of.look();
  const std::lock_guard lock(mutex_);
  topic.looked_at = steady_clock::now();
  if (state) take_in(topic, *state);
}

void ChangeFeed::take_in(Topic& topic, const ChangingState& state) {
  const auto change = [&](Topic::Entry& entry, const std::string& data, bool is_gone) {
    entry.event = shared(fmt::format("event: {}\ndata: {}\n\n", topic.of.event, data));
    entry.data = data;
    entry.revision = topic.newest = ++revision_;
    if (is_gone != entry.is_gone) topic.gone += is_gone ? 1 : -1;
    entry.is_gone = is_gone;
  };
  for (const auto& [key, data] : state) {
    Topic::Entry& entry = topic.entries[key];
    if (!entry.event || entry.is_gone || entry.data != data) change(entry, data, false);
  }
  std::erase_if(topic.entries,
                [&](const auto& one) { return !topic.of.gone && !state.contains(one.first); });
  for (auto& [key, entry] : topic.entries) {
    if (!entry.is_gone && !state.contains(key)) change(entry, topic.of.gone(key), true);
  }
  while (topic.gone > kGoneMax) {
    const auto oldest = std::ranges::min_element(topic.entries, {}, [](const auto& one) {
      return one.second.is_gone ? one.second.revision : UINT64_MAX;
    });
    topic.forgotten = oldest->second.revision;
    topic.entries.erase(oldest);
    --topic.gone;
  }
}

void ChangeFeed::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      stopping_.wait_for(lock, kPause, [&] { return is_stopped_; });
      if (is_stopped_) return;
    }
    step();
  }
}
}  // namespace tocsin::api
