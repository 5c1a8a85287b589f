#include "runtime/formats/schema_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
namespace {
using std::chrono::steady_clock;

// Whether another answer may be expected.
bool may_pass(Errc code) {
  return code != Errc::kNotFound && code != Errc::kLimit && code != Errc::kUnsupported &&
         code != Errc::kStopped;
}
}  // namespace

SchemaCache::SchemaCache(std::unique_ptr<SchemaRegistry> registry, Read read,
                         SchemaCacheOptions options)
    : registry_(std::move(registry)), read_(std::move(read)), options_(options) {}

SchemaCache::~SchemaCache() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  registry_->stop();
  for_thread_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SchemaCache::listen(FormatListener listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

FoundSchema SchemaCache::find(std::uint32_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found != entries_.end()) {
    Entry& entry = found->second;
    entry.used = ++calls_;
    if (entry.found.schema || steady_clock::now() < entry.refused_until) return entry.found;
    bytes_ -= entry.bytes;
    entries_.erase(found);
  }
  if (fetched_ == id) return {};
  // Whoever waits for another one asks again.
  wanted_ = id;
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  for_thread_.notify_one();
  return {};
}

void SchemaCache::work() noexcept {
  begin_background_thread("schemas");
  try {
    fetch_all();
  } catch (const std::exception& error) {
    note(fmt::format("no more schemas are fetched from {}: {}", registry_->name(), error.what()));
  }
}

void SchemaCache::fetch_all() {
  std::chrono::milliseconds pause{0};
  std::unique_lock lock(mutex_);
  for (;;) {
    if (pause.count() > 0) for_thread_.wait_for(lock, pause, [&] { return is_stopping_; });
    for_thread_.wait(lock, [&] { return is_stopping_ || wanted_; });
    if (is_stopping_) return;
    const std::uint32_t id = *std::exchange(wanted_, std::nullopt);
    fetched_ = id;
    lock.unlock();
    const bool is_known = take_answer(id, registry_->fetch(id));
    lock.lock();
    fetched_.reset();
    if (is_known) {
      pause = std::chrono::milliseconds(0);
      continue;
    }
    if (!wanted_) wanted_ = id;
    pause = std::clamp(pause * 2, options_.retry_first, options_.retry_most);
  }
}

// False if the registry gave no answer.
bool SchemaCache::take_answer(std::uint32_t id, const Result<RegisteredSchema>& answer) {
  if (!answer && answer.error().code == Errc::kStopped) return false;
  if (!answer && may_pass(answer.error().code)) {
    if (!std::exchange(is_away_, true)) {
      note(fmt::format("the schema registry {} does not answer, and is waited for (schema {}): {}",
                       registry_->name(), id, answer.error().message));
    }
    return false;
  }
  if (std::exchange(is_away_, false))
    note(fmt::format("the schema registry {} answers again", registry_->name()));
  Entry entry;
  if (!answer) {
    entry.found.refusal = answer.error().message;
  } else if (auto schema = read_(*answer); schema) {
    entry.bytes = answer->text.size();
    for (const NamedSchema& reference : answer->references) entry.bytes += reference.text.size();
    entry.found.schema = *std::move(schema);
  } else {
    entry.found.refusal = fmt::format("schema {} cannot be used: {}", id, schema.error().message);
  }
  entry.refused_until = steady_clock::now() + options_.refused_for;
  {
    const std::lock_guard lock(mutex_);
    make_room(entry.bytes);
    entry.used = ++calls_;
    bytes_ += entry.bytes;
    entries_.emplace(id, std::move(entry));
    fetched_.reset();
  }
  const std::lock_guard lock(listener_mutex_);
  if (listener_.arrived) listener_.arrived();
  return true;
}

// For one more, of so many bytes.
void SchemaCache::make_room(std::size_t bytes) {
  while (!entries_.empty() &&
         (entries_.size() >= options_.schemas_max || bytes_ + bytes > options_.bytes_max)) {
    const auto oldest =
        std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.used; });
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
  }
}

void SchemaCache::note(const std::string& text) {
  const std::lock_guard lock(listener_mutex_);
  if (listener_.note) listener_.note(text);
}
}  // namespace tocsin::runtime
