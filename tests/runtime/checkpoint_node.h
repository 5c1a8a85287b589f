/// A writer of checkpoints in a folder of its own, for tests.
#pragma once
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/io/executor.h"
#include "runtime/io/files.h"
#include "runtime/store/state_store.h"
#include "tests/support/state_entries.h"

namespace tocsin::tests {
/// A manifest with the head that a program of another format would write.
inline std::string with_format(const runtime::Manifest& manifest, std::uint32_t format) {
  std::string bytes = runtime::encode_manifest(manifest);
  constexpr std::size_t kFormatAt = 8;
  constexpr std::size_t kDigestAt = 20;
  constexpr std::size_t kBodyAt = 36;
  store_number(bytes.data() + kFormatAt, format);
  const runtime::RangeDigest digest =
      runtime::digest_range(bytes.substr(kFormatAt, kDigestAt - kFormatAt) + bytes.substr(kBodyAt));
  std::copy(digest.begin(), digest.end(), bytes.begin() + kDigestAt);
  return bytes;
}

/// Runs tasks at once, or, where they are to wait, later.
class PatientExecutor : public runtime::Executor {
 public:
  void post(std::function<void()> task) override {
    tasks_.push_back(std::move(task));
    if (!waits_) run();
  }
  void wait() { waits_ = true; }
  void go_on() {
    waits_ = false;
    run();
  }

 private:
  void run() {
    while (!tasks_.empty()) {
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  std::deque<std::function<void()>> tasks_;
  bool waits_ = false;
};

/// A data directory, what stands in it, and a writer with nobody else in the way.
class CheckpointNode {
 public:
  CheckpointNode(runtime::Files& files, runtime::StateStores& stores, std::string folder)
      : files_(files), stores_(stores), folder_(std::move(folder)) {}
  Result<void> open() {
    options.checkpoints = checkpoints();
    options.state = folder_ + "/state";
    options.semantics = cep::kSemantics;
    Result<std::unique_ptr<runtime::CheckpointWriter>> opened =
        runtime::CheckpointWriter::open(files_, stores_, executor_, options);
    if (!opened) return tl::unexpected(opened.error());
    writer_ = *std::move(opened);
    return {};
  }
  void close() { writer_.reset(); }
  std::string checkpoints() const { return folder_ + "/checkpoints"; }
  runtime::CheckpointWriter& writer() { return *writer_; }
  PatientExecutor& executor() { return executor_; }

  static runtime::CheckpointMeta meta_of(std::uint64_t position) {
    runtime::CheckpointMeta meta;
    meta.semantics = cep::kSemantics;
    meta.position = position;
    meta.trim = position - 1;
    meta.globals = fmt::format("globals {}", position);
    meta.intake = fmt::format("intake {}", position);
    meta.node = std::string(position % 7, 'n');
    return meta;
  }
  static runtime::CheckpointMeta meta_of(std::uint64_t position, std::uint64_t number) {
    runtime::CheckpointMeta meta = meta_of(position);
    meta.number = number;
    return meta;
  }

  // A whole checkpoint of these changes.
  runtime::CheckpointStatus take(
      const StateChanges& changes, std::uint64_t position,
      runtime::CheckpointScope scope = runtime::CheckpointScope::kChanges) {
    writer_->begin(meta_of(position), scope);
    std::optional<std::uint32_t> shard;
    for (const auto& [bytes, value] : changes) {
      const cep::StateKey key = runtime::parse_store_key(bytes);
      if (shard && key.group.value % 5 == 0) writer_->shard_done(*shard);
      shard = key.group.value / 16;
      if (value) {
        writer_->put(key, *value);
      } else {
        writer_->remove(key);
      }
    }
    writer_->finish();
    return writer_->status();
  }

  StateMap state() {
    StateMap all;
    const Result<void> read = writer_->read([&](const cep::StateKey& key, std::string_view value) {
      all.emplace(store_key(key), value);
      return Result<void>();
    });
    REQUIRE(read);
    return all;
  }

  runtime::CheckpointOptions options;

 private:
  runtime::Files& files_;
  runtime::StateStores& stores_;
  std::string folder_;
  PatientExecutor executor_;
  std::unique_ptr<runtime::CheckpointWriter> writer_;
};

inline StateChanges all_of(const StateMap& state) { return {state.begin(), state.end()}; }
}  // namespace tocsin::tests
