/// A node's service on files and a clock of a test's own, over several lives of one folder.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "api/node/node_service.h"
#include "cep/engine/engine.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
using namespace api;
using namespace runtime;
using namespace std::chrono_literals;
inline constexpr std::chrono::milliseconds kLong = 20s;

inline constexpr const char* kRules = R"(
event payment { ts: time, id: string id unique, card: string, amount: decimal(2) }
rule large "A large payment" {
  by card
  when payment as p where amount > 100
  alert "{p.amount}"
}
rule silent "Nothing more came" {
  by card
  when payment as p where amount > 1_000 then no payment for 5m
  alert "{p.amount}"
}
)";

// A gate before every sync of the journal: shut, it waits; broken, it fails.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_shut = false;
  bool is_broken = false;
  bool is_full = false;  // nothing can be written
  int waiting = 0;

  void set_full(bool full) {
    const std::lock_guard lock(mutex);
    is_full = full;
  }
  FileResult<void> pass_write() {
    const std::lock_guard lock(mutex);
    if (is_full) return tl::unexpected(FileError{FileErrc::kNoSpace, "no space left"});
    return {};
  }

  void set(bool shut, bool broken = false) {
    {
      const std::lock_guard lock(mutex);
      is_shut = shut;
      is_broken = broken;
    }
    changed.notify_all();
  }
  FileResult<void> pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return !is_shut; });
    --waiting;
    if (is_broken) return tl::unexpected(FileError{FileErrc::kIo, "the disk is gone"});
    return {};
  }
  void wait_for_one() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting > 0; });
  }
};

class GatedFile : public File {
 public:
  GatedFile(std::unique_ptr<File> file, Gate& gate) : file_(std::move(file)), gate_(gate) {}
  FileResult<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) override {
    return file_->read(offset, to, capacity);
  }
  FileResult<std::size_t> write(std::uint64_t offset, std::string_view bytes) override {
    if (auto passed = gate_.pass_write(); !passed) return tl::unexpected(passed.error());
    return file_->write(offset, bytes);
  }
  FileResult<void> sync() override {
    if (auto passed = gate_.pass(); !passed) return passed;
    return file_->sync();
  }
  FileResult<std::uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  Gate& gate_;
};

class GatedFiles : public SystemFiles {
 public:
  explicit GatedFiles(Gate& gate) : gate_(gate) {}
  FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    FileResult<std::unique_ptr<File>> file = SystemFiles::open(path, mode);
    if (!file || path.find("/journal/") == std::string::npos) return file;
    return std::make_unique<GatedFile>(*std::move(file), gate_);
  }

 private:
  Gate& gate_;
};

class SteppedClock : public Clock {
 public:
  cep::EventTime now() override { return cep::EventTime{us.load()}; }
  std::atomic<std::int64_t> us{1'772'452'860'000'000};
};

class NoRanges : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

// A folder that outlives the services in it.
struct Home {
  Home() {
    folder = (std::filesystem::temp_directory_path() / "tocsin-service-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const rules::Loaded loaded = load_files({{"rules.tocsin", kRules}}, {"rules.tocsin"});
    REQUIRE(loaded.rules);
    Result<cep::Program> compiled = cep::compile(loaded.rules->plan);
    REQUIRE(compiled);
    program = *std::move(compiled);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { std::filesystem::remove_all(folder); }
  std::string folder;
  ModelDisk disk;
  std::optional<cep::Program> program;
};

// A node and its service; a new one goes on where the one before it stopped.
struct Life {
  explicit Life(Home& home_in, NodeServiceOptions options = {},
                std::optional<cep::Duration> bound = cep::Duration{0},
                const std::function<void(NodeOptions&)>& adjust = {})
      : home(home_in) {
    options.failed = [this] { has_failed = true; };
    service = std::make_unique<NodeService>(clock, std::move(options));
    Result<DataDirectory> opened = DataDirectory::open(files, home.folder + "/data", true);
    REQUIRE_MESSAGE(opened, opened.error().message);
    directory = *std::move(opened);
    Result<std::unique_ptr<Store>> made = home.disk.open(effect_families());
    REQUIRE(made);
    store = *std::move(made);
    ports.reset(new NodePorts{files, clock, *store, states, executor, ranges, true});
    NodeOptions node;
    node.settings = settings_of(*home.program, {});
    RunOptions run;
    run.out_of_orderness = bound;
    run.late = LatePolicy::kClamp;
    run.late_max = cep::Duration{60'000'000};
    node.intake = intake_options(home.program->plan(), run);
    node.segment_bytes = 64 << 10;
    if (adjust) adjust(node);
    service->listen(node);
    Result<std::unique_ptr<Node>> up =
        Node::open(*ports, *directory, *home.program, std::move(node));
    REQUIRE_MESSAGE(up, up.error().message);
    const auto started = service->start(*std::move(up));
    REQUIRE_MESSAGE(started, started.error().message);
  }
  Served<EventAnswer> take(const std::string& lines, const std::string& producer = "",
                           std::uint64_t sequence = 0, std::chrono::milliseconds patience = kLong,
                           std::optional<std::chrono::milliseconds> alerts = {}) const {
    EventBatch batch;
    batch.lines = lines;
    batch.count = static_cast<std::size_t>(std::ranges::count(lines, '\n'));
    batch.producer = producer;
    batch.sequence = sequence;
    batch.wait_for_alerts = alerts;
    const auto answered = std::make_shared<std::promise<Served<EventAnswer>>>();
    service->take(std::move(batch), patience, [answered](Served<EventAnswer> answer) {
      answered->set_value(std::move(answer));
    });
    return answered->get_future().get();
  }
  Home& home;
  Gate gate;
  GatedFiles files{gate};
  SteppedClock clock;
  ModelStateStores states{files};
  NoRanges ranges;
  std::atomic<bool> has_failed{false};
  std::optional<DataDirectory> directory;
  std::unique_ptr<Store> store;
  ThreadExecutor executor;
  std::unique_ptr<NodePorts> ports;
  std::unique_ptr<NodeService> service;
};

inline std::string payment(std::int64_t second, const std::string& amount = "1",
                           const std::string& id = "") {
  return R"({"type":"payment","ts":)" + std::to_string(1'772'452'800'000'000 + second * 1'000'000) +
         R"(,"id":")" + (id.empty() ? std::to_string(second) : id) + R"(","card":"c","amount":)" +
         amount + "}\n";
}
inline std::string statuses(const Served<EventAnswer>& answer, std::size_t count) {
  REQUIRE_MESSAGE(answer, answer.error().detail);
  std::string text;
  auto other = answer->others.begin();
  for (std::size_t place = 0; place < count; ++place) {
    const bool is_other = other != answer->others.end() && other->place == place;
    text += event_status_name(is_other ? (other++)->status : EventStatus::kAccepted).substr(0, 2);
    text += ' ';
  }
  CHECK(other == answer->others.end());
  return text;
}
}  // namespace tocsin::tests
