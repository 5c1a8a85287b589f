// Messages that name their schema, with a registry that is slow, away, or does not know it.
#include "runtime/formats/registry_format.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/decode/undecoded_message.h"
#include "runtime/formats/avro_schema.h"
#include "runtime/formats/schema_cache.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
constexpr std::size_t kBytesMax = 1000;

// What the registry answers, and what it was asked. It outlives the registry that it is shared
// with.
struct Answers {
  std::mutex mutex;
  std::map<std::uint32_t, std::string> schemas;
  bool is_away = false;
  std::vector<std::uint32_t> asked;
  std::atomic<bool> is_stopped{false};

  void set_away(bool away) {
    const std::lock_guard lock(mutex);
    is_away = away;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return asked.size();
  }
};
class FakeRegistry : public SchemaRegistry {
 public:
  explicit FakeRegistry(std::shared_ptr<Answers> answers) : answers_(std::move(answers)) {}
  Result<RegisteredSchema> fetch(std::uint32_t id) override {
    const std::lock_guard lock(answers_->mutex);
    if (answers_->is_stopped) return fail(Errc::kStopped, "stopped");
    answers_->asked.push_back(id);
    if (answers_->is_away) return fail(Errc::kIo, "connection refused");
    const auto found = answers_->schemas.find(id);
    if (found == answers_->schemas.end())
      return fail(Errc::kNotFound, fmt::format("schema {} is unknown to the registry", id));
    return RegisteredSchema{"AVRO", found->second, {}};
  }
  void stop() override { answers_->is_stopped = true; }
  std::string name() const override { return "http://registry"; }

 private:
  const std::shared_ptr<Answers> answers_;
};

class World {
 public:
  explicit World(SchemaCacheOptions options = {}) {
    options.retry_first = std::chrono::milliseconds(1);
    options.retry_most = std::chrono::milliseconds(4);
    const auto read = [](const RegisteredSchema& schema) {
      return AvroSchema::parse(schema.text, schema.references, EventTypeFrom::kField)
          .map([](const auto& parsed) -> std::shared_ptr<const MessageSchema> { return parsed; });
    };
    format_ = std::make_unique<RegistryFormat>(
        std::make_unique<SchemaCache>(std::make_unique<FakeRegistry>(answers), read, options));
    format_->listen({[this] { arrived(); }, [this](const std::string& text) { note(text); }});
  }
  ~World() { format_->listen({}); }

  Conversion try_once(const std::string& message, std::string& line) {
    return format_->convert(message, kBytesMax, line);
  }
  // The line, once there is one.
  std::string line_of(const std::string& message) {
    for (;;) {
      std::string line;
      if (try_once(message, line) != Conversion::kLater) return line;
      CHECK(line.empty());
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(10),
                        [&] { return std::exchange(has_arrived_, false); });
    }
  }
  std::string reason_of(const std::string& message) {
    const std::string line = line_of(message);
    const auto reason = undecoded_reason(line);
    return reason ? std::string(*reason) : "none";
  }
  void wait_for_notes(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return notes_.size() >= count; });
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

  const std::shared_ptr<Answers> answers = std::make_shared<Answers>();

 private:
  void arrived() {
    const std::lock_guard lock(mutex_);
    has_arrived_ = true;
    changed_.notify_all();
  }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(text);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_arrived_ = false;
  std::vector<std::string> notes_;
  std::unique_ptr<RegistryFormat> format_;
};

std::string message(std::uint32_t id, const std::string& bytes) {
  std::string all(1, '\0');
  for (const unsigned shift : {24U, 16U, 8U, 0U}) all += static_cast<char>(id >> shift & 0xff);
  return all + bytes;
}
const std::string kPay = R"({"type":"record","name":"pay","fields":[{"name":"n","type":"long"}]})";

TEST_CASE("registry: a schema is asked for once, and messages wait for it") {
  World world;
  world.answers->schemas[0x01020304] = kPay;
  world.answers->schemas[7] = R"("string")";
  std::string line;
  CHECK(world.try_once(message(0x01020304, "\2"), line) == Conversion::kLater);
  CHECK(world.line_of(message(0x01020304, "\2")) == R"({"type":"pay","n":1})");
  CHECK(world.line_of(message(7, "\2a")) == R"("a")");
  for (int i = 0; i < 10; ++i) CHECK(world.line_of(message(0x01020304, "\4")).ends_with("2}"));
  CHECK(world.answers->asked == std::vector<std::uint32_t>{0x01020304, 7});
  CHECK(world.notes().empty());
}

TEST_CASE("registry: one that is away is waited for, and said once") {
  World world;
  world.answers->schemas[1] = kPay;
  world.answers->is_away = true;
  std::string line;
  CHECK(world.try_once(message(1, "\2"), line) == Conversion::kLater);
  world.wait_for_notes(1);
  while (world.answers->count() < 5)
    CHECK(world.try_once(message(1, "\2"), line) == Conversion::kLater);
  world.answers->set_away(false);
  CHECK(world.line_of(message(1, "\2")) == R"({"type":"pay","n":1})");
  CHECK(world.notes() ==
        std::vector<std::string>{
            "the schema registry http://registry does not answer, and is waited for (schema 1): "
            "connection refused",
            "the schema registry http://registry answers again"});
  // What is known needs no registry.
  world.answers->set_away(true);
  CHECK(world.line_of(message(1, "\4")) == R"({"type":"pay","n":2})");
}

TEST_CASE(
    "registry: what cannot be converted is a line with its reason, and what follows goes on") {
  World world;
  world.answers->schemas[1] = kPay;
  world.answers->schemas[2] = "{";
  CHECK(world.reason_of("") == "the message is empty");
  CHECK(world.reason_of("{}") == "no number of a schema: the first byte is 123, not 0");
  CHECK(world.reason_of(std::string("\0\0\0\1", 4)) ==
        "no number of a schema: the message ends within it");
  CHECK(world.reason_of(message(9, "")) == "schema 9 is unknown to the registry");
  CHECK(world.reason_of(message(2, "")).starts_with("schema 2 cannot be used: the schema is no "));
  CHECK(world.reason_of(message(1, "")) == "`n`: the bytes end early");
  CHECK(world.line_of(message(1, "\2x")) ==
        R"({"undecoded":"1 bytes are left behind the value","base64":"AAAAAAECeA=="})");
  CHECK(world.line_of(message(1, "\2")) == R"({"type":"pay","n":1})");
  // Both are not asked for again soon.
  world.reason_of(message(9, ""));
  world.reason_of(message(2, ""));
  CHECK(world.answers->count() == 3);
}

TEST_CASE("registry: a schema that it did not know is asked for again later") {
  SchemaCacheOptions options;
  options.refused_for = std::chrono::milliseconds(0);
  World world(options);
  std::string line;
  CHECK(world.try_once(message(5, "\2"), line) == Conversion::kLater);
  while (world.answers->count() < 1) {
  }
  {
    const std::lock_guard lock(world.answers->mutex);
    world.answers->schemas[5] = kPay;
  }
  CHECK(world.line_of(message(5, "\2")) == R"({"type":"pay","n":1})");
}

TEST_CASE("registry: so many schemas are kept, those that were used last") {
  SchemaCacheOptions options;
  options.schemas_max = 3;
  World world(options);
  for (std::uint32_t id = 0; id < 100; ++id) world.answers->schemas[id] = kPay;
  for (std::uint32_t id = 0; id < 100; ++id) world.line_of(message(id, "\2"));
  CHECK(world.answers->count() == 100);
  for (std::uint32_t id = 97; id < 100; ++id) world.line_of(message(id, "\2"));
  CHECK(world.answers->count() == 100);
  world.line_of(message(0, "\2"));
  CHECK(world.answers->count() == 101);
}

TEST_CASE("registry: schemas of so many bytes are kept, and one that is larger alone") {
  SchemaCacheOptions options;
  options.bytes_max = 2 * kPay.size() + 1;
  World world(options);
  for (std::uint32_t id = 0; id < 4; ++id) world.answers->schemas[id] = kPay;
  world.answers->schemas[9] = kPay + std::string(3 * kPay.size(), ' ');
  for (const std::uint32_t id : {0U, 1U, 0U, 1U, 2U}) world.line_of(message(id, "\2"));
  CHECK(world.answers->count() == 3);
  for (const std::uint32_t id : {1U, 2U, 0U}) world.line_of(message(id, "\2"));
  CHECK(world.answers->count() == 4);
  for (int i = 0; i < 3; ++i) CHECK(world.line_of(message(9, "\2")) == R"({"type":"pay","n":1})");
  CHECK(world.answers->count() == 5);
  world.line_of(message(0, "\2"));
  CHECK(world.answers->count() == 6);
}

TEST_CASE("undecoded messages: the line fits, whatever the message and the reason are") {
  for (const std::size_t size : {0, 1, 2, 3, 500, 700, 5000}) {
    for (const std::size_t reason : {0, 10, 299, 300, 2000}) {
      std::string line;
      append_undecoded(line, std::string(reason, 'r'), std::string(size, '\xff'), kBytesMax);
      CHECK(line.size() <= kBytesMax);
      CHECK(undecoded_reason(line) == std::string(std::min<std::size_t>(reason, 300), 'r'));
    }
  }
  std::string line;
  append_undecoded(line, "a \"b\" \\ \n \xc3\xa9", "", kBytesMax);
  CHECK(line == R"({"undecoded":"a 'b' ? ? ??","base64":""})");
  CHECK_FALSE(undecoded_reason(R"({"type":"undecoded"})"));
}
}  // namespace
}  // namespace tocsin::tests
