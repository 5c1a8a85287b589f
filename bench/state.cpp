/// State on disk: what a checkpoint of many changed keys costs, and how fast it is read again.
///
///   bench_state [--keys N] [--chunk BYTES] [--checkpoints N] FOLDER
///   bench_state --recover [--keys N] FOLDER      only reads what an earlier run left
///
/// FOLDER is empty, on the disk that is meant; what is written there stays.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/many_keys.h"
#include "bench/measure.h"
#include "bench/warm_memory.h"
#include "cep/engine/engine.h"
#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/io/executor.h"
#include "runtime/io/system_files.h"
#include "runtime/store/rocks_state_store.h"

namespace {
using namespace tocsin;
using bench::cpu_seconds;
using bench::percentile;
using bench::thread_seconds;

// Keeps tasks until they are asked for, so that their time is known apart.
class Later : public runtime::Executor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  void run() {
    const double start = cpu_seconds();
    while (!tasks_.empty()) {
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
    seconds_ += cpu_seconds() - start;
  }
  double take_seconds() { return std::exchange(seconds_, 0); }

 private:
  std::deque<std::function<void()>> tasks_;
  double seconds_ = 0;
};

struct Bench {
  Bench(std::uint64_t key_count, std::size_t bytes_of_chunk, const std::string& folder)
      : keys(key_count), chunk_bytes(bytes_of_chunk), stores(files) {
    options.checkpoints = folder + "/checkpoints";
    options.state = folder + "/state";
    options.semantics = cep::kSemantics;
  }
  std::unique_ptr<runtime::CheckpointWriter> open() {
    return bench::must(runtime::CheckpointWriter::open(files, stores, later, options));
  }

  std::uint64_t keys;
  std::size_t chunk_bytes;
  cep::Program program = bench::many_keys_program();
  runtime::SystemFiles files;
  runtime::RocksStateStores stores;
  Later later;
  runtime::CheckpointOptions options;
};

// One checkpoint while events go on; a chunk at the end of each slice.
void take_checkpoint(Bench& b, cep::Engine& engine, bench::ManyKeys& stream,
                     runtime::CheckpointWriter& writer, runtime::CheckpointScope scope) {
  std::vector<double> before;
  for (int i = 0; i < 200; ++i) {
    stream.prepare(bench::ManyKeys::kSliceRows);
    const double start = thread_seconds();
    stream.advance(engine);
    before.push_back(thread_seconds() - start);
  }
  runtime::CheckpointMeta meta;
  meta.semantics = cep::kSemantics;
  double start = thread_seconds();
  meta.globals = engine.begin_snapshot();
  const double cut = thread_seconds() - start;
  writer.begin(std::move(meta), scope);
  std::vector<double> chunks;
  std::vector<double> slices;
  double copied = 0;
  for (bool is_complete = false; !is_complete;) {
    if (!writer.has_room()) b.later.run();
    start = thread_seconds();
    is_complete = engine.write_snapshot(writer, b.chunk_bytes);
    chunks.push_back(thread_seconds() - start);
    copied += chunks.back();
    stream.prepare(bench::ManyKeys::kSliceRows);
    start = thread_seconds();
    stream.advance(engine);
    slices.push_back(thread_seconds() - start);
  }
  writer.finish();
  b.later.run();
  const runtime::CheckpointStatus status = writer.status();
  if (status.stage != runtime::CheckpointStage::kDone) bench::die(status.error.message);
  const auto entries = static_cast<double>(status.entries);
  const double slower = std::max(0.0, percentile(slices, 0.5) - percentile(before, 0.5)) *
                        static_cast<double>(slices.size());
  std::printf("%10.0f %8.1f %8.2f %7.2f %7.2f %7.2f %9zu %9.0f %9.0f %9.0f\n", entries,
              static_cast<double>(status.entry_bytes) / entries, cut * 1e3,
              percentile(chunks, 0.5) * 1e3, percentile(chunks, 0.99) * 1e3,
              percentile(chunks, 1) * 1e3, chunks.size(), copied * 1e9 / entries,
              slower * 1e9 / entries, b.later.take_seconds() * 1e9 / entries);
}

void recover(Bench& b) {
  constexpr std::size_t kBytesOfKey = 300;  // and more than is needed of it
  bench::warm_memory(static_cast<std::size_t>(b.keys) * kBytesOfKey);
  double start = cpu_seconds();
  const std::unique_ptr<runtime::CheckpointWriter> writer = b.open();
  if (!writer->recovered()) bench::die("the checkpoint is there");
  const double verified = cpu_seconds() - start;
  start = cpu_seconds();
  cep::Engine engine(b.program, 2);
  engine.track_changes();
  bench::must(engine.begin_restore(writer->recovered()->meta.globals));
  bench::must(writer->read([&](const cep::StateKey& key, std::string_view value) {
    return engine.restore(key, value);
  }));
  bench::must(engine.finish_restore());
  const double restored = cpu_seconds() - start;
  const auto keys = static_cast<double>(engine.stats().keys);
  if (engine.stats().keys != b.keys) bench::die("all keys are restored");
  std::printf(
      "\nrecovered %.0f keys: digests %.2f s, reading and restoring %.2f s of CPU; %.2f M "
      "keys a second in all\n",
      keys, verified, restored, keys / (verified + restored) / 1e6);
}
}  // namespace

int main(int argc, char** argv) {
  std::uint64_t keys = 1'000'000;
  std::size_t chunk_bytes = std::size_t{128} << 10;
  std::string folder;
  bool only_recovers = false;
  int checkpoints = 3;  // the first of all keys, the others of all keys again, as changes
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--keys" && i + 1 < argc) {
      keys = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--bite" && i + 1 < argc) {
      chunk_bytes = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--checkpoints" && i + 1 < argc) {
      checkpoints = std::max(1, std::atoi(argv[++i]));
    } else if (argument == "--recover") {
      only_recovers = true;
    } else {
      folder = argument;
    }
  }
  if (folder.empty()) bench::die("usage: bench_state [--keys N] [--bite BYTES] FOLDER");
  Bench b(keys, chunk_bytes, folder);
  if (!only_recovers) {
    cep::Engine engine(b.program, 1);
    engine.track_changes();
    bench::ManyKeys stream(b.program, keys);
    stream.fill(engine, 3);
    const std::unique_ptr<runtime::CheckpointWriter> writer = b.open();
    std::printf("%10s %8s %8s %7s %7s %7s %9s %9s %9s %9s\n", "keys", "bytes", "cut", "bite", "",
                "", "bites", "bites", "slices", "writing");
    std::printf("%10s %8s %8s %7s %7s %7s %9s %9s %9s %9s\n", "changed", "a key", "ms", "ms", "p99",
                "most", "", "ns/key", "ns/key", "ns/key");
    take_checkpoint(b, engine, stream, *writer, runtime::CheckpointScope::kAll);
    for (int i = 1; i < checkpoints; ++i) {
      stream.fill(engine, 1);
      take_checkpoint(b, engine, stream, *writer, runtime::CheckpointScope::kChanges);
    }
  }
  recover(b);
  return 0;
}
