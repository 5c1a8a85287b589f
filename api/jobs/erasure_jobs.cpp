#include "api/jobs/erasure_jobs.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/io/background_thread.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::chrono::seconds kTryAgain{5};
constexpr std::string_view kEnding = ".json";

Result<std::string> make_salt() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "there is no randomness for what is to be erased");
  std::string salt;
  for (const unsigned char byte : bytes) salt += fmt::format("{:02x}", byte);
  return salt;
}
}  // namespace

ErasureJobs::ErasureJobs(ErasurePorts ports)
    : ports_(std::move(ports)), folder_(ports_.paths.directory + "/erasures") {}

Result<std::unique_ptr<ErasureJobs>> ErasureJobs::open(ErasurePorts ports) {
  std::unique_ptr<ErasureJobs> jobs(new ErasureJobs(std::move(ports)));
  if (auto loaded = jobs->load(); !loaded) return tl::unexpected(loaded.error());
  jobs->thread_ = std::thread([&jobs = *jobs] { jobs.serve(); });
  return jobs;
}

ErasureJobs::~ErasureJobs() { stop(); }

void ErasureJobs::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> ErasureJobs::load() {
  if (auto made = runtime::make_durable_directory(ports_.files, folder_); !made)
    return tl::unexpected(runtime::to_error(made.error()));
  const auto names = ports_.files.list(folder_);
  if (!names) return tl::unexpected(runtime::to_error(names.error()));
  for (const std::string& name : *names) {
    const std::string path = folder_ + "/" + name;
    if (name.ends_with(runtime::kUnfinishedEnding)) {
      if (auto removed = runtime::remove_tree(ports_.files, path); !removed) return removed;
    }
    if (!name.ends_with(kEnding)) continue;
    const auto file = ports_.files.open(path, runtime::OpenMode::kRead);
    if (!file) return tl::unexpected(runtime::to_error(file.error()));
    std::string text;
    if (auto read = runtime::read_range(**file, 0, UINT64_MAX, text); !read)
      return tl::unexpected(runtime::to_error(read.error()));
    Result<Erasure> erasure = decode_erasure(text, path);
    if (!erasure) return tl::unexpected(erasure.error());
    // Which files the journal lets go of for good is known to the process that was told so.
    if (erasure->step == ErasureStep::kJournal) erasure->step = ErasureStep::kState;
    const std::uint64_t number = erasure->number;
    erasures_.emplace(number, *std::move(erasure));
  }
  return {};
}

std::string ErasureJobs::path_of(std::uint64_t number) const {
  return fmt::format("{}/{:08}{}", folder_, number, kEnding);
}

Result<void> ErasureJobs::put(const Erasure& erasure) const {
  return runtime::put_file(ports_.files, path_of(erasure.number), encode_erasure(erasure));
}

Result<ordered_json> ErasureJobs::add(runtime::ErasedValue what, std::string who,
                                      std::string reason) {
  Result<std::string> salt = make_salt();
  if (!salt) return tl::unexpected(salt.error());
  Erasure erasure;
  erasure.name = std::move(what.name);
  erasure.mark = ports_.mark(what.value);
  erasure.value = std::move(what.value);
  erasure.salt = *std::move(salt);
  erasure.who = std::move(who);
  erasure.reason = std::move(reason);
  erasure.began = ports_.clock.now();
  const std::lock_guard lock(mutex_);
  erasure.number = erasures_.empty() ? 1 : erasures_.rbegin()->first + 1;
  if (auto kept = put(erasure); !kept) return tl::unexpected(kept.error());
  ordered_json shown = show(erasure);
  erasures_.emplace(erasure.number, std::move(erasure));
  changed_.notify_all();
  return shown;
}

ordered_json ErasureJobs::show(const Erasure& erasure) const {
  return show_erasure(erasure, erasure.number == running_ ? problem_ : std::string());
}

std::vector<ordered_json> ErasureJobs::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ordered_json> all;
  for (auto one = erasures_.rbegin(); one != erasures_.rend(); ++one)
    all.push_back(show(one->second));
  return all;
}

std::optional<ordered_json> ErasureJobs::find(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = erasures_.find(number);
  if (found == erasures_.end()) return std::nullopt;
  return show(found->second);
}

// The oldest that is not done; with the lock held.
std::optional<Erasure> ErasureJobs::next_one() const {
  for (const auto& [number, erasure] : erasures_) {
    if (erasure.step != ErasureStep::kDone) return erasure;
  }
  return std::nullopt;
}

bool ErasureJobs::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_;
}

void ErasureJobs::note(const Erasure& erasure, std::string problem) {
  const std::lock_guard lock(mutex_);
  erasures_[erasure.number] = erasure;
  problem_ = std::move(problem);
}

void ErasureJobs::serve() {
  runtime::begin_background_thread("erasures");
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    std::optional<Erasure> next = next_one();
    running_ = next ? next->number : 0;
    if (!next) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    Erasure& erasure = *next;
    ErasureWork work(
        ports_, erasure,
        [&]() -> Result<void> {
          if (auto kept = put(erasure); !kept) return kept;
          note(erasure, "");
          return {};
        },
        [this] { return is_stopping(); });
    const Result<void> done = work.run();
    if (!done) note(erasure, done.error().message);
    lock.lock();
    if (!done && !is_stopping_) changed_.wait_for(lock, kTryAgain);
  }
}
}  // namespace tocsin::api
