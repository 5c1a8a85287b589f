#include "runtime/checkpoint/checkpoint.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/rocks_state_store.h"
#include "tests/support/golden.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
using tests::StateChanges;
using tests::StateMap;
using tests::store_key;

Manifest sample_manifest() {
  Manifest manifest;
  CheckpointMeta& meta = manifest.meta;
  meta.number = 7;
  for (std::uint8_t i = 0; i < 16; ++i) meta.timeline.id[i] = static_cast<std::uint8_t>(i + 1);
  meta.timeline.parent[0] = 0xff;
  meta.timeline.parent_sequence = 900;
  meta.semantics = 6;
  meta.plan_digest = cep::sha256("plan");
  meta.position = 1001;
  meta.trim = 990;
  meta.mark = std::string("\0mark", 5);
  meta.watermark = cep::EventTime{1'772'452'860'000'000};
  meta.taken_at = cep::EventTime{1'772'452'861'000'000};
  meta.settings = R"({"late":"side"})";
  meta.blobs = {{"rules/cards.tocsin", 12, cep::sha256("rule text")}, {"", 0, cep::sha256("")}};
  manifest.files = {{"engine", 5, digest_range("globe")},
                    {"state/000012.sst", 0, digest_range("")}};
  return manifest;
}

TEST_CASE("manifest: its bytes are fixed, and say all") {
  const Manifest manifest = sample_manifest();
  Manifest savepoint = manifest;
  savepoint.savepoint = "before-easter";
  const Manifest least;
  std::string text = "# a checkpoint, a savepoint, nothing\n";
  for (const Manifest& one : {manifest, savepoint, least}) {
    const std::string bytes = encode_manifest(one);
    text += tests::hex_of(bytes) + "\n";
    const Result<Manifest> read = decode_manifest(bytes, "m");
    REQUIRE(read);
    CHECK(*read == one);
  }
  tests::check_golden("checkpoint.txt", text);
}

// With the head that a program of another format would write.
std::string with_format(const Manifest& manifest, std::uint32_t format) {
  std::string bytes = encode_manifest(manifest);
  constexpr std::size_t kFormatAt = 8;
  constexpr std::size_t kDigestAt = 20;
  constexpr std::size_t kBodyAt = 36;
  store_number(bytes.data() + kFormatAt, format);
  const RangeDigest digest =
      digest_range(bytes.substr(kFormatAt, kDigestAt - kFormatAt) + bytes.substr(kBodyAt));
  std::copy(digest.begin(), digest.end(), bytes.begin() + kDigestAt);
  return bytes;
}

TEST_CASE("manifest: any other bytes are damage, and a newer format is refused by name") {
  const std::string bytes = encode_manifest(sample_manifest());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {1, 128}) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      const Result<Manifest> read = decode_manifest(flipped, "DIR/manifest");
      REQUIRE_FALSE(read);
      CHECK(read.error().code == Errc::kCorrupt);
      CHECK(read.error().message.starts_with("DIR/manifest is damaged: "));
    }
    CHECK_FALSE(decode_manifest(std::string_view(bytes).substr(0, i), "m"));
  }
  CHECK_FALSE(decode_manifest(bytes + "x", "m"));
  const Result<Manifest> newer =
      decode_manifest(with_format(sample_manifest(), kCheckpointFormat + 1), "DIR/manifest");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message.starts_with("DIR/manifest has format 1"));
  // Names stay in the folder, and are in order.
  for (const char* name : {"", ".", "../a", "a/..", "/a", "a//b", "a/", "manifest"}) {
    CAPTURE(name);
    Manifest manifest = sample_manifest();
    manifest.files[0].name = name;
    CHECK_FALSE(decode_manifest(encode_manifest(manifest), "m"));
  }
  Manifest twice = sample_manifest();
  twice.files[1].name = twice.files[0].name;
  CHECK_FALSE(decode_manifest(encode_manifest(twice), "m"));
  Manifest ahead = sample_manifest();
  ahead.meta.trim = ahead.meta.position + 1;
  CHECK_FALSE(decode_manifest(encode_manifest(ahead), "m"));
}

// Runs tasks at once, or, where they are to wait, later.
class PatientExecutor : public Executor {
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

// A data directory, what stands in it, and a writer with nobody else in the way.
class Node {
 public:
  Node(Files& files, StateStores& stores, std::string folder)
      : files_(files), stores_(stores), folder_(std::move(folder)) {}
  Result<void> open() {
    options.checkpoints = checkpoints();
    options.state = folder_ + "/state";
    options.semantics = cep::kSemantics;
    Result<std::unique_ptr<CheckpointWriter>> opened =
        CheckpointWriter::open(files_, stores_, executor_, options);
    if (!opened) return tl::unexpected(opened.error());
    writer_ = *std::move(opened);
    return {};
  }
  void close() { writer_.reset(); }
  std::string checkpoints() const { return folder_ + "/checkpoints"; }
  CheckpointWriter& writer() { return *writer_; }
  PatientExecutor& executor() { return executor_; }

  static CheckpointMeta meta_of(std::uint64_t position) {
    CheckpointMeta meta;
    meta.semantics = cep::kSemantics;
    meta.position = position;
    meta.trim = position - 1;
    meta.globals = fmt::format("globals {}", position);
    meta.intake = fmt::format("intake {}", position);
    meta.node = std::string(position % 7, 'n');
    return meta;
  }
  static CheckpointMeta meta_of(std::uint64_t position, std::uint64_t number) {
    CheckpointMeta meta = meta_of(position);
    meta.number = number;
    return meta;
  }

  // A whole checkpoint of these changes.
  CheckpointStatus take(const StateChanges& changes, std::uint64_t position,
                        CheckpointScope scope = CheckpointScope::kChanges) {
    writer_->begin(meta_of(position), scope);
    std::optional<std::uint32_t> shard;
    for (const auto& [bytes, value] : changes) {
      const cep::StateKey key = parse_store_key(bytes);
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
      all.emplace(tests::store_key(key), value);
      return Result<void>();
    });
    REQUIRE(read);
    return all;
  }

  CheckpointOptions options;

 private:
  Files& files_;
  StateStores& stores_;
  std::string folder_;
  PatientExecutor executor_;
  std::unique_ptr<CheckpointWriter> writer_;
};

StateChanges all_of(const StateMap& state) { return {state.begin(), state.end()}; }

// Two are kept, each start goes on from the newest, increments add up.
void check_writer(Files& files, StateStores& stores, const std::string& folder) {
  Node node(files, stores, folder);
  REQUIRE(node.open());
  CHECK_FALSE(node.writer().recovered());
  CHECK(node.writer().status().stage == CheckpointStage::kIdle);
  CHECK(node.state().empty());
  StateMap expected;
  tests::Random random(3);
  for (std::uint64_t number = 1; number <= 12; ++number) {
    CAPTURE(number);
    const StateChanges changes = tests::random_changes(random, 50, 60);
    tests::apply_changes(changes, expected);
    const CheckpointStatus status = node.take(changes, number * 10);
    REQUIRE(status.stage == CheckpointStage::kDone);
    CHECK(status.number == number);
    CHECK(status.position == number * 10);
    CHECK(status.journal_needed_from == (number == 1 ? 0 : number * 10 - 11));
    CHECK(status.entries == changes.size());
    CHECK(status.files > 4);
    std::vector<std::uint64_t> kept{number};
    if (number > 1) kept.insert(kept.begin(), number - 1);
    CHECK(*list_checkpoints(files, node.checkpoints()) == kept);
    if (number % 3 != 0) continue;
    node.close();
    REQUIRE(node.open());
    REQUIRE(node.writer().recovered());
    CHECK(node.writer().recovered()->meta == Node::meta_of(number * 10, number));
    CHECK(node.writer().status().number == number);
    CHECK(node.writer().status().position == number * 10);
    CHECK(node.writer().status().journal_needed_from == number * 10 - 11);
    CHECK(node.state() == expected);
  }
  // Everything anew: what was there is gone.
  expected = {{store_key(0, "only"), "this"}};
  REQUIRE(node.take(all_of(expected), 500, CheckpointScope::kAll).stage == CheckpointStage::kDone);
  REQUIRE(node.take({}, 510).stage == CheckpointStage::kDone);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
  // One that is given up leaves what was there, and asks for everything.
  node.writer().begin(Node::meta_of(600), CheckpointScope::kChanges);
  node.writer().put(parse_store_key(store_key(0, "lost")), "");
  node.writer().abandon();
  CHECK(node.writer().status().stage == CheckpointStage::kFailed);
  CHECK(node.writer().status().number == 14);
  CHECK(node.writer().wants_all());
  expected[store_key(0, "more")] = "";
  REQUIRE(node.take(all_of(expected), 610, CheckpointScope::kAll).number == 16);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
  std::string newest;
  node.writer().with_newest([&](const std::string& directory) { newest = directory; });
  CHECK(newest == checkpoint_path(node.checkpoints(), 16));
  CHECK(verify_checkpoint(files, newest));
}

TEST_CASE("checkpoints: another may begin before the one that was given up is cleared away") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");
  REQUIRE(node.open());
  const StateMap before = {{store_key(0, "a"), "1"}, {store_key(70, "b"), "2"}};
  REQUIRE(node.take(all_of(before), 100).stage == CheckpointStage::kDone);
  node.executor().wait();
  node.writer().begin(Node::meta_of(200), CheckpointScope::kChanges);
  node.writer().put(parse_store_key(store_key(0, "lost")), "");
  node.writer().shard_done(0);
  node.writer().put(parse_store_key(store_key(70, "lost")), "");
  node.writer().abandon();
  CHECK(node.writer().status().stage == CheckpointStage::kFailed);
  CHECK(node.writer().wants_all());
  const StateMap after = {{store_key(0, "c"), "3"}};
  CHECK(node.take(all_of(after), 210, CheckpointScope::kAll).stage == CheckpointStage::kTaking);
  CHECK_FALSE(node.writer().wants_all());
  node.executor().go_on();
  CHECK(node.writer().status().stage == CheckpointStage::kDone);
  CHECK(node.writer().status().position == 210);
  CHECK_FALSE(node.writer().wants_all());
  CHECK(*list_checkpoints(files, node.checkpoints()) == std::vector<std::uint64_t>{1, 3});
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == after);
}

TEST_CASE("checkpoints: two are kept, and each start goes on from the newest") {
  tests::SimulatedFiles simulated;
  tests::ModelStateStores model(simulated);
  check_writer(simulated, model, "data");
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores rocks(files);
  check_writer(files, rocks, folder.path());
}

TEST_CASE("checkpoints: what is large goes to several files, and is the same") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores stores(files);
  Node node(files, stores, folder.path());
  node.options.group_bytes = 5'000;
  node.options.run_bytes = 20'000;
  node.options.in_flight_bytes_max = 1;
  REQUIRE(node.open());
  StateMap expected;
  tests::Random random(5);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const StateChanges changes = tests::random_changes(random, 3000, 2000);
    tests::apply_changes(changes, expected);
    CHECK(node.writer().has_room());
    REQUIRE(node.take(changes, number).stage == CheckpointStage::kDone);
  }
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
}

TEST_CASE("checkpoints: of several pieces for one key the last counts") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");
  REQUIRE(node.open());
  CheckpointWriter& writer = node.writer();
  const std::string a = store_key(1, "a");
  const std::string b = store_key(1, "b");
  writer.begin(Node::meta_of(5), CheckpointScope::kChanges);
  writer.put(parse_store_key(a), "1");
  writer.put(parse_store_key(b), "2");
  writer.remove(parse_store_key(a));
  writer.put(parse_store_key(a), "3");
  writer.put(parse_store_key(b), "4");
  writer.remove(parse_store_key(b));
  writer.finish();
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == StateMap{{a, "3"}});
}

TEST_CASE("checkpoints: where most of the state changes each time, everything anew is preferred") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");
  REQUIRE(node.open());
  StateMap state;
  for (int i = 0; i < 100; ++i) state[store_key(0, std::to_string(i))] = "1";
  REQUIRE(node.take(all_of(state), 10).stage == CheckpointStage::kDone);
  CHECK_FALSE(node.writer().prefers_all());
  const auto some = [&](std::size_t count) {
    StateChanges changes;
    for (auto& [key, value] : state) {
      if (changes.size() < count) changes[key] = value = "2";
    }
    return changes;
  };
  REQUIRE(node.take(some(30), 20).stage == CheckpointStage::kDone);
  CHECK_FALSE(node.writer().prefers_all());
  REQUIRE(node.take(some(70), 30).stage == CheckpointStage::kDone);
  int whole_ones = 0;
  for (; node.writer().prefers_all() && whole_ones < 100; ++whole_ones) {
    REQUIRE(node.take(all_of(state), 40, CheckpointScope::kAll).stage == CheckpointStage::kDone);
  }
  // Now and then it is found out whether that is still so.
  CHECK(whole_ones > 1);
  CHECK(whole_ones < 20);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == state);
}

TEST_CASE("checkpoints: the executor's thread does the work while pieces are given") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  tests::ModelStateStores stores(files);
  CheckpointOptions options;
  options.checkpoints = folder.path() + "/checkpoints";
  options.state = folder.path() + "/state";
  options.semantics = cep::kSemantics;
  options.in_flight_bytes_max = 2000;
  options.group_bytes = 1000;
  options.run_bytes = 3000;
  StateMap state;
  tests::Random random(11);
  ThreadExecutor executor;
  for (std::uint64_t position = 1; position <= 4; ++position) {
    auto writer = CheckpointWriter::open(files, stores, executor, options);
    REQUIRE(writer);
    for (int i = 0; i < 3; ++i) {
      const StateChanges changes = tests::random_changes(random, 400, 300);
      tests::apply_changes(changes, state);
      (*writer)->begin(Node::meta_of(position), CheckpointScope::kChanges);
      for (const auto& [bytes, value] : changes) {
        const cep::StateKey key = parse_store_key(bytes);
        while (!(*writer)->has_room()) std::this_thread::yield();
        if (value) {
          (*writer)->put(key, *value);
        } else {
          (*writer)->remove(key);
        }
        if (random.chance(10)) (*writer)->shard_done(key.group.value / 16);
      }
      (*writer)->finish();
      std::promise<std::string> newest;
      (*writer)->with_newest([&](const std::string& directory) { newest.set_value(directory); });
      const std::string directory = newest.get_future().get();
      CHECK((*writer)->status().stage == CheckpointStage::kDone);
      CHECK(directory == checkpoint_path(options.checkpoints, (*writer)->status().number));
    }
  }
  InlineExecutor none;
  auto writer = CheckpointWriter::open(files, stores, none, options);
  REQUIRE(writer);
  StateMap found;
  REQUIRE((*writer)->read([&](const cep::StateKey& key, std::string_view value) {
    found.emplace(tests::store_key(key), value);
    return Result<void>();
  }));
  CHECK(found == state);
}

// Two checkpoints in "data/checkpoints", as a plain copy of the files.
struct TwoCheckpoints {
  TwoCheckpoints() {
    tests::SimulatedFiles files;
    tests::ModelStateStores stores(files);
    Node node(files, stores, "data");
    REQUIRE(node.open());
    const StateChanges first{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
    REQUIRE(node.take(first, 10).stage == CheckpointStage::kDone);
    REQUIRE(node.take({{store_key(0, "a"), "3"}}, 20).stage == CheckpointStage::kDone);
    older = {{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
    newer = {{store_key(0, "a"), "3"}, {store_key(1, "b"), "2"}};
    for (const std::string& path : files.paths()) {
      if (path.find("/checkpoints/") != std::string::npos) contents[path] = files.contents(path);
    }
  }
  // With one change. Files with two names become two.
  void put_all(tests::SimulatedFiles& files) const {
    for (const auto& [path, bytes] : contents) files.put(path, bytes);
  }
  std::map<std::string, std::string> contents;
  StateMap older;
  StateMap newer;
};

TEST_CASE("checkpoints: any damage is found and named, and the older one takes over") {
  const TwoCheckpoints two;
  const std::string directory = "data/checkpoints";
  const std::string newest = checkpoint_path(directory, 2);
  // `is_gone`: the file is not there at all.
  const auto check = [&](const std::string& path, const std::string& bytes, bool is_gone) {
    CAPTURE(path);
    tests::SimulatedFiles files;
    two.put_all(files);
    if (is_gone) {
      REQUIRE(files.remove(path));
    } else {
      files.put(path, bytes);
    }
    const auto found = newest_good(files, directory, cep::kSemantics);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->meta == Node::meta_of(10, 1));
    REQUIRE((*found)->damaged.size() == 1);
    CHECK((*found)->damaged[0].directory == newest);
    CHECK((*found)->damaged[0].message.starts_with(path + " is damaged: "));
    CHECK(verify_checkpoint(files, newest).error().message == (*found)->damaged[0].message);
  };
  for (const auto& [path, bytes] : two.contents) {
    if (!path.starts_with(newest)) continue;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
      check(path, flipped, false);
      check(path, bytes.substr(0, i), false);
    }
    check(path, bytes + '\0', false);
    check(path, "", true);
  }
  check(newest + "/state/000009.run", "a stranger", false);
}

TEST_CASE("checkpoints: a start sets damaged ones aside, and goes on with the numbers") {
  const TwoCheckpoints two;
  tests::SimulatedFiles files;
  two.put_all(files);
  files.put("data/checkpoints/000000000002/intake", "other");
  files.put("data/checkpoints/000000000003.new/half", "");
  files.put("data/checkpoints/000000000001.old/half", "");
  files.put("data/state/old", "");
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");
  REQUIRE(node.open());
  CHECK(node.writer().recovered()->meta == Node::meta_of(10, 1));
  CHECK(node.writer().recovered()->damaged.size() == 1);
  CHECK(node.state() == two.older);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000001", "000000000002.damaged"});
  CHECK(node.writer().status().journal_needed_from == 0);
  CHECK(node.take({}, 20).number == 4);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000001", "000000000002.damaged", "000000000004"});
  CHECK(node.take({}, 30).number == 5);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000004", "000000000005"});
}

TEST_CASE("checkpoints: without a whole one, or of another meaning, a start is refused by name") {
  const TwoCheckpoints two;
  const std::string directory = "data/checkpoints";
  tests::SimulatedFiles files;
  CHECK_FALSE(*newest_good(files, directory, cep::kSemantics));
  two.put_all(files);
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");

  const auto other = newest_good(files, directory, cep::kSemantics + 1);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::kOtherVersion);
  CHECK(other.error().message.starts_with("data/checkpoints/000000000002 was made with semantics"));

  const std::string manifest = manifest_path(checkpoint_path(directory, 2));
  files.put(manifest, with_format(*read_manifest(files, checkpoint_path(directory, 2)), 1));
  const auto newer = newest_good(files, directory, cep::kSemantics);
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message.starts_with(manifest + " has format 1"));
  CHECK(node.open().error().code == Errc::kOtherVersion);

  files.put(manifest, "");
  files.put("data/checkpoints/000000000001/engine", "");
  const std::vector<std::string> before = files.paths();
  const auto none = newest_good(files, directory, cep::kSemantics);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::kCorrupt);
  CHECK(none.error().message.find(manifest + " is damaged") != std::string::npos);
  CHECK(none.error().message.find("000000000001/engine is damaged") != std::string::npos);
  CHECK(node.open().error().code == Errc::kCorrupt);
  CHECK(files.paths() == before);
}

TEST_CASE(
    "checkpoints: after a crash at any operation a start finds the old or the new one, whole") {
  const StateChanges first{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
  const StateChanges second{{store_key(0, "a"), std::nullopt}, {store_key(2, "c"), "3"}};
  const StateMap before{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
  const StateMap after{{store_key(1, "b"), "2"}, {store_key(2, "c"), "3"}};
  std::uint64_t old_ones = 0;
  std::uint64_t new_ones = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    bool is_over = false;
    for (std::uint64_t at = 0; !is_over; ++at) {
      CAPTURE(at);
      tests::SimulatedFiles files(seed);
      tests::ModelStateStores stores(files);
      Node node(files, stores, "data");
      REQUIRE(node.open());
      REQUIRE(node.take({}, 5).stage == CheckpointStage::kDone);
      REQUIRE(node.take(first, 10).stage == CheckpointStage::kDone);
      const std::uint64_t crash_at = files.operations() + at;
      files.fault = [crash_at](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number == crash_at ? tests::Fault::kCrash : tests::Fault::kNone;
      };
      const CheckpointStatus status = node.take(second, 20);
      is_over = !files.crashed();
      files.fault = nullptr;
      // A process that died, or a power failure.
      if (seed == 0) {
        files.restart();
      } else {
        files.cut_power();
      }
      REQUIRE(node.open());
      const bool is_new = node.writer().recovered()->meta.position == 20;
      if (status.stage == CheckpointStage::kDone) CHECK(is_new);
      if (!is_new) CHECK(node.writer().recovered()->meta.position == 10);
      CHECK(node.writer().recovered()->damaged.empty());
      CHECK(node.state() == (is_new ? after : before));
      ++(is_new ? new_ones : old_ones);
      // Whatever was left lies in nobody's way.
      CHECK(node.take(all_of(after), 30, CheckpointScope::kAll).stage == CheckpointStage::kDone);
      CHECK(list_checkpoints(files, node.checkpoints())->size() == 2);
      CHECK(files.list(node.checkpoints())->size() == 2);
    }
  }
  CHECK(old_ones > 100);
  CHECK(new_ones > 10);
}

// What happened to a data directory over many lives, and what must be in it.
struct History {
  std::map<std::uint64_t, StateMap> states;  // by position, of all that were begun
  std::uint64_t done = 0;                    // that of the newest that was said to be on disk
  std::uint64_t position = 1;                // of the newest that was begun
  StateMap now;
};

// One life: opens, looks at what is there, and takes checkpoints until something ends it.
void live(tests::Random& random, tests::SimulatedFiles& files, History& history,
          std::uint64_t& recovered_newer) {
  tests::ModelStateStores stores(files);
  Node node(files, stores, "data");
  node.options.group_bytes = random.chance(50) ? 200 : std::size_t{1} << 20;
  node.options.run_bytes = random.chance(50) ? 500 : std::size_t{1} << 20;
  const Result<void> opened = node.open();
  if (!opened) {
    CHECK(opened.error().code != Errc::kCorrupt);
    return;
  }
  const auto& recovered = node.writer().recovered();
  const std::uint64_t position = recovered ? recovered->meta.position : 0;
  REQUIRE(position >= history.done);
  recovered_newer += position > history.done ? 1 : 0;
  if (recovered) {
    CHECK(recovered->damaged.empty());
    REQUIRE(history.states.contains(position));
    CHECK(recovered->meta == Node::meta_of(position, recovered->meta.number));
    if (files.crashed()) return;
    const auto fault = std::exchange(files.fault, nullptr);
    CHECK(node.state() == history.states[position]);
    files.fault = fault;
  }
  history.now = recovered ? history.states[position] : StateMap();
  history.done = position;
  for (int i = 0; i < 6 && !files.crashed(); ++i) {
    StateChanges changes = tests::random_changes(random, random.below(20), 30);
    tests::apply_changes(changes, history.now);
    const bool all = node.writer().wants_all() || random.chance(10);
    if (all) changes = all_of(history.now);
    // A number may come again, where one of it never was on disk; the position never does.
    CheckpointMeta meta = Node::meta_of(++history.position);
    const std::uint64_t taken = node.writer().begin(
        std::move(meta), all ? CheckpointScope::kAll : CheckpointScope::kChanges);
    history.states[history.position] = history.now;
    for (const auto& [bytes, value] : changes) {
      const cep::StateKey key = parse_store_key(bytes);
      if (value) {
        node.writer().put(key, *value);
      } else {
        node.writer().remove(key);
      }
      if (random.chance(20)) node.writer().shard_done(key.group.value / 16);
    }
    node.writer().finish();
    const CheckpointStatus status = node.writer().status();
    REQUIRE(status.stage != CheckpointStage::kTaking);
    if (status.stage == CheckpointStage::kDone) {
      CHECK(status.number == taken);
      CHECK(status.position == history.position);
      history.done = history.position;
    } else {
      CHECK(node.writer().wants_all());
    }
  }
}

TEST_CASE(
    "checkpoints: whatever fails, a start finds the newest that was done, or the next, whole") {
  std::uint64_t recovered_newer = 0;
  std::uint64_t crashes = 0;
  tests::for_all_seeds("CHECKPOINT", 100, [&](tests::Random& random) {
    tests::SimulatedFiles files(random.next());
    History history;
    for (int life = 0; life < 6; ++life) {
      const std::uint64_t crash_at = files.operations() + random.below(life == 5 ? 1 : 600);
      const std::size_t failures = random.chance(50) ? 2 : 0;
      if (life < 5) {
        files.fault = [&, crash_at, failures](std::uint64_t number, tests::FileOperation,
                                              const std::string&) {
          if (number == crash_at) return tests::Fault::kCrash;
          if (!random.chance(failures)) return tests::Fault::kNone;
          return random.pick({tests::Fault::kFail, tests::Fault::kNoSpace, tests::Fault::kShort,
                              tests::Fault::kInterrupted});
        };
      } else {
        files.fault = nullptr;
      }
      live(random, files, history, recovered_newer);
      crashes += files.crashed() ? 1 : 0;
      if (random.chance(70)) {
        files.cut_power();
      } else {
        files.restart();
      }
    }
  });
  CHECK(crashes > 0);
  MESSAGE(crashes << " crashes, " << recovered_newer << " found more than was said to be done");
}
}  // namespace
}  // namespace tocsin::runtime
