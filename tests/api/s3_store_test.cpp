// Backups in a bucket: a store in memory that is slow, busy, forgetful or strange.
#include "api/backup/s3_store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tocsin::tests {
namespace {
using namespace api;

class TestClock : public runtime::Clock {
 public:
  cep::EventTime now() override { return time; }
  cep::EventTime time{1'772'452'800'000'000};
};

// A bucket, and what becomes of requests. Lists have pages of two.
struct Bucket {
  std::map<std::string, std::string> objects;
  std::map<std::string, std::map<int, std::string>> uploads;
  std::vector<std::string> asked;                                               // "PUT pre/a"
  std::function<std::optional<Result<HttpWhole>>(const std::string&)> instead;  // asked before
  std::function<void(const std::string&)> after;
  std::string lost;  // how the request begins whose answer does not come, once
  bool knows_conditions = true;
  bool is_stopped = false;
};

HttpWhole answer(int status, std::string body = {}, std::string etag = {}) {
  return {HttpReply{.status = status, .body = std::move(body)}, std::move(etag)};
}
HttpWhole failure(int status, const std::string& code) {
  return answer(status, "<Error><Code>" + code + "</Code><Message>as it is</Message></Error>");
}

class BucketNetwork final : public S3Network {
 public:
  explicit BucketNetwork(Bucket& bucket) : bucket_(bucket) {}
  Result<HttpWhole> ask(const HttpQuestion& question) override {
    if (bucket_.is_stopped) return fail(Errc::kStopped, "given up");
    const std::string what = std::string(question.method) + " " + std::string(question.target);
    bucket_.asked.push_back(what);
    if (bucket_.instead) {
      if (auto given = bucket_.instead(what)) return *std::move(given);
    }
    Result<HttpWhole> done = act(question);
    if (bucket_.after) bucket_.after(what);
    if (bucket_.lost.empty() || !what.starts_with(bucket_.lost)) return done;
    bucket_.lost.clear();
    return fail(Errc::kIo, "no answer in time");
  }
  void stop() override { bucket_.is_stopped = true; }

 private:
  static std::string header(const HttpQuestion& question, std::string_view name) {
    for (const HttpHeader& one : question.headers) {
      if (one.name == name) return one.value;
    }
    return "";
  }
  Result<HttpWhole> act(const HttpQuestion& question) {
    std::string target(question.target);
    const std::size_t at = std::min(target.find('?'), target.size());
    const std::string query = target.substr(at);
    const std::string path = target.substr(0, at);
    if (!path.starts_with("/bank")) return failure(404, "NoSuchBucket");
    const std::string key = path.size() > 6 ? path.substr(6) : "";
    const std::string method(question.method);
    if (key.empty()) return list(query);
    if (method == "GET") return get(key, header(question, "Range"));
    if (method == "DELETE") {
      if (!query.empty()) bucket_.uploads.erase(key);
      if (query.empty()) bucket_.objects.erase(key);
      return answer(204);
    }
    if (query == "?uploads=") {
      bucket_.uploads[key];
      return answer(200, "<UploadId>up</UploadId>");
    }
    if (method == "POST") {
      std::string& whole = bucket_.objects[key];
      whole.clear();
      for (const auto& [number, part] : bucket_.uploads[key]) {
        CHECK(question.body.find("<ETag>\"" + std::to_string(number) + "\"</ETag>") !=
              std::string_view::npos);
        whole += part;
      }
      bucket_.uploads.erase(key);
      return answer(200, "<CompleteMultipartUploadResult/>");
    }
    if (!query.empty()) {
      const int number = std::stoi(query.substr(query.find('=') + 1));
      bucket_.uploads[key][number] = question.body;
      return answer(200, "", "\"" + std::to_string(number) + "\"");
    }
    const bool is_conditional = !header(question, "If-None-Match").empty();
    if (is_conditional && !bucket_.knows_conditions) return failure(501, "NotImplemented");
    if (is_conditional && bucket_.objects.contains(key)) return failure(412, "PreconditionFailed");
    bucket_.objects[key] = question.body;
    return answer(200);
  }
  HttpWhole get(const std::string& key, const std::string& range) {
    const auto found = bucket_.objects.find(key);
    if (found == bucket_.objects.end()) return failure(404, "NoSuchKey");
    const std::size_t from = std::stoul(range.substr(6));
    const std::size_t to = std::stoul(range.substr(range.find('-') + 1));
    if (from >= found->second.size()) return failure(416, "InvalidRange");
    return answer(206, found->second.substr(from, to - from + 1));
  }
  HttpWhole list(const std::string& query) {
    const auto value = [&](const std::string& name) {
      const std::size_t at = query.find(name + "=");
      if (at == query.npos) return std::string();
      const std::size_t begin = at + name.size() + 1;
      std::string text = query.substr(begin, query.find('&', begin) - begin);
      for (std::size_t slash; (slash = text.find("%2F")) != text.npos;) text.replace(slash, 3, "/");
      return text;
    };
    std::string xml = "<ListBucketResult>";
    std::string last;
    int count = 0;
    for (const auto& [name, bytes] : bucket_.objects) {
      if (!name.starts_with(value("prefix")) || name <= value("continuation-token")) continue;
      if (++count > 2) {
        xml += "<IsTruncated>true</IsTruncated><NextContinuationToken>" + last +
               "</NextContinuationToken>";
        break;
      }
      xml += "<Contents><Key>" + name + "</Key><Size>" + std::to_string(bytes.size()) +
             "</Size></Contents>";
      last = name;
    }
    return answer(200, xml + "</ListBucketResult>");
  }

  Bucket& bucket_;
};

struct World {
  std::unique_ptr<S3Store> open(const std::string& holder = "here", std::int64_t attempts = 3) {
    S3Place place{"bank", "pre/", *parse_webhook_url("http://127.0.0.1:9000"), "us-east-1", true};
    S3Limits limits{.part_bytes = 10, .attempts = attempts, .delay = std::chrono::milliseconds(0)};
    return std::make_unique<S3Store>(place, limits,
                                     S3Ports{std::make_unique<BucketNetwork>(bucket),
                                             [] {
                                               return S3Credentials{"AKIA", "hush", "hush-too"};
                                             },
                                             clock},
                                     holder);
  }
  std::size_t asked(const std::string& what) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        bucket.asked, [&](const std::string& one) { return one.starts_with(what); }));
  }
  Bucket bucket;
  TestClock clock;
};

// What storing 7 bytes at a time gives; `fails_at`: the piece that cannot be read.
Result<void> put(S3Store& store, const std::string& name, const std::string& text,
                 std::size_t fails_at = 1000) {
  std::size_t at = 0;
  return store.put(name, [&]() -> Result<std::string_view> {
    if (at / 7 >= fails_at) return fail(Errc::kIo, "the source has gone");
    const std::string_view piece = std::string_view(text).substr(std::min(at, text.size()), 7);
    at += 7;
    return piece;
  });
}
std::string message(const Result<void>& done) { return done ? "" : done.error().message; }

TEST_CASE("s3 store: objects of any size are stored and read in parts") {
  World world;
  const auto store = world.open();
  for (const std::size_t size : {0, 1, 9, 10, 11, 20, 21, 73}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
    const std::string name = "objects/" + std::to_string(size);
    REQUIRE(put(*store, name, text));
    CHECK(world.bucket.objects["pre/" + name] == text);
    std::string read;
    const auto done = store->read(name, [&](std::string_view piece) -> Result<void> {
      CHECK(piece.size() <= 10);
      read += piece;
      return {};
    });
    REQUIRE(done);
    CHECK(read == text);
  }
  CHECK(world.bucket.uploads.empty());
  // A whole one is one request, and a large one a request for each part and two more.
  CHECK(world.asked("PUT /bank/pre/objects/10") == 1);
  CHECK(world.asked("PUT /bank/pre/objects/73?") == 8);
  CHECK(world.asked("POST /bank/pre/objects/73?") == 2);
  // Over three pages, by name, without what has a longer folder.
  world.bucket.objects["pre/objects-not/1"] = "";
  const auto listed = store->list("objects");
  REQUIRE(listed);
  REQUIRE(listed->size() == 8);
  CHECK((*listed)[2].name == "objects/10");
  CHECK((*listed)[2].bytes == 10);
  REQUIRE(store->remove("objects/10"));
  REQUIRE(store->remove("objects/10"));
  const auto gone = store->read("objects/10", [](std::string_view) { return Result<void>(); });
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::kNotFound);
}

TEST_CASE("s3 store: the bucket is in the path, or in the host") {
  World world;
  S3Place place{"bank", "", *parse_webhook_url("http://127.0.0.1:9000"), "us-east-1", false};
  S3Client client(place, {},
                  {std::make_unique<BucketNetwork>(world.bucket),
                   [] {
                     return S3Credentials{"AKIA", "hush"};
                   },
                   world.clock});
  world.bucket.instead = [](const std::string&) { return Result<HttpWhole>(answer(200)); };
  CHECK(client.ask({.method = "GET", .name = "a b"}));
  CHECK(client.ask({.method = "GET", .query = {{"list-type", "2"}}}));
  CHECK(world.bucket.asked == std::vector<std::string>{"GET /a%20b", "GET /?list-type=2"});
}

TEST_CASE("s3 store: what cannot be read whole is not stored, and leaves no parts") {
  World world;
  const auto store = world.open();
  world.bucket.objects["pre/a"] = "before";
  const std::string text(50, 'x');
  CHECK(message(put(*store, "a", text, 0)) == "the source has gone");
  CHECK(message(put(*store, "a", text, 5)) == "the source has gone");
  CHECK(world.bucket.objects["pre/a"] == "before");
  CHECK(world.bucket.uploads.empty());
  // Nor what the store does not take.
  world.bucket.instead = [](const std::string& what) -> std::optional<Result<HttpWhole>> {
    if (what.find("partNumber=3") == what.npos) return std::nullopt;
    return failure(403, "AccessDenied");
  };
  CHECK_FALSE(put(*store, "a", text));
  CHECK(world.bucket.uploads.empty());
  // An upload may fail with status 200.
  world.bucket.instead = [](const std::string& what) -> std::optional<Result<HttpWhole>> {
    if (!what.starts_with("POST /bank/pre/a?uploadId")) return std::nullopt;
    return failure(200, "InternalError");
  };
  CHECK(message(put(*store, "a", text)).find("POST was answered with 200 InternalError") !=
        std::string::npos);
  CHECK(world.asked("POST /bank/pre/a?uploadId") == 3);
  CHECK(world.bucket.objects["pre/a"] == "before");
}

TEST_CASE("s3 store: a busy store is asked again, and others are not") {
  World world;
  const auto store = world.open();
  std::vector<Result<HttpWhole>> next;
  world.bucket.instead = [&](const std::string&) -> std::optional<Result<HttpWhole>> {
    if (next.empty()) return std::nullopt;
    auto one = std::move(next.back());
    next.pop_back();
    return one;
  };
  const Result<HttpWhole> silent = fail(Errc::kIo, "no answer in time");
  for (const Result<HttpWhole>& one :
       {Result<HttpWhole>(failure(503, "SlowDown")), Result<HttpWhole>(answer(500)), silent,
        Result<HttpWhole>(failure(400, "RequestTimeout"))}) {
    next = {one, one};
    CHECK(put(*store, "a", "text"));
  }
  next = {silent, silent, silent};
  CHECK(message(put(*store, "a", "text")) ==
        "s3://bank/pre/a at http://127.0.0.1:9000/: no answer in time; it was tried 3 times "
        "(backups.s3_attempts)");
  struct Refusal {
    int status;
    const char* code;
    const char* remedy;
  };
  for (const Refusal& one :
       {Refusal{403, "SignatureDoesNotMatch", "the secret does not belong to the access key"},
        Refusal{403, "InvalidAccessKeyId", "it does not know the access key"},
        Refusal{403, "RequestTimeTooSkewed", "set the clock"},
        Refusal{403, "Whatever", "allow s3:ListBucket"},
        Refusal{400, "ExpiredToken", "give new ones"},
        Refusal{400, "AuthorizationHeaderMalformed", "set backups.s3_region"},
        Refusal{404, "NoSuchBucket", "there is no such bucket"},
        Refusal{301, "", "set backups.s3_region and backups.s3_endpoint"},
        Refusal{418, "Teapot", "(\"as it is\")"}}) {
    world.bucket.asked.clear();
    next = {failure(one.status, one.code)};
    const std::string text = message(put(*store, "a", "text"));
    CAPTURE(text);
    CHECK(text.starts_with("s3://bank/pre/a at http://127.0.0.1:9000/: PUT was answered with "));
    CHECK(text.find(one.remedy) != std::string::npos);
    CHECK(text.find("hush") == std::string::npos);
    CHECK(world.bucket.asked.size() == 1);
  }
  // Without its bucket an object is not just missing.
  next = {failure(404, "NoSuchBucket")};
  const auto read = store->read("a", [](std::string_view) { return Result<void>(); });
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kIo);
  store->stop();
  const auto stopped = put(*store, "a", "text");
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::kStopped);
}

TEST_CASE("s3 store: one holds it") {
  World world;
  const auto here = world.open();
  const auto there = world.open("there");
  CHECK(here->check().error().code == Errc::kNotFound);
  auto hold = here->hold();
  REQUIRE(hold);
  CHECK(world.bucket.objects["pre/FORMAT"] == kBackupMark);
  CHECK(here->check());
  const auto refused = there->hold();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kInUse);
  CHECK(refused.error().message.find("s3://bank/pre/ is held by here until 2026-") == 0);
  hold->reset();
  CHECK_FALSE(world.bucket.objects.contains("pre/LOCK"));
  CHECK(there->hold());

  // What a crash left is taken over by the same one at once, and by others later.
  world.bucket.objects["pre/LOCK"] =
      R"({"holder":"there","nonce":"1","until":"2026-03-02T12:10:00Z"})";
  CHECK(here->hold().error().code == Errc::kInUse);
  hold = there->hold();
  REQUIRE(hold);
  const std::string left = world.bucket.objects["pre/LOCK"];
  hold->reset();
  world.bucket.objects["pre/LOCK"] = left;
  world.clock.time = world.clock.time + kS3HoldTime + cep::Duration{1};
  hold = here->hold();
  REQUIRE(hold);
  hold->reset();

  world.bucket.objects["pre/LOCK"] = "{}";
  CHECK(here->hold().error().message.find("LOCK is damaged: remove it") != std::string::npos);
  world.bucket.objects.erase("pre/LOCK");
  world.bucket.objects["pre/FORMAT"] = "tocsin backups 2\n";
  CHECK(here->hold().error().code == Errc::kOtherVersion);
  world.bucket.objects.erase("pre/FORMAT");
  world.bucket.objects["pre/photo.jpg"] = "";
  CHECK(here->hold().error().code == Errc::kUnsupported);
  CHECK_FALSE(world.bucket.objects.contains("pre/LOCK"));
}

TEST_CASE("s3 store: a hold is renewed, and one that was lost changes nothing") {
  World world;
  const auto here = world.open();
  auto hold = here->hold();
  REQUIRE(hold);
  const std::string first = world.bucket.objects["pre/LOCK"];
  REQUIRE(put(*here, "a", "text"));
  CHECK(world.bucket.objects["pre/LOCK"] == first);
  world.clock.time = world.clock.time + cep::Duration{kS3HoldTime.us / 2};
  REQUIRE(put(*here, "a", "text"));
  CHECK(world.bucket.objects["pre/LOCK"] != first);
  world.clock.time = world.clock.time + cep::Duration{kS3HoldTime.us + 1};
  const auto there = world.open("there");
  const auto other = there->hold();
  REQUIRE(other);
  for (const Result<void>& changed : {put(*here, "a", "x"), here->remove("a")}) {
    REQUIRE_FALSE(changed);
    CHECK(changed.error().code == Errc::kInUse);
  }
  CHECK(world.bucket.objects["pre/a"] == "text");
  hold->reset();  // that of the other one stays
  CHECK(world.bucket.objects.contains("pre/LOCK"));
}

TEST_CASE("s3 store: a race for the hold, and an answer that is lost") {
  World world;
  const auto here = world.open();
  // Somebody comes between the look and the lock.
  world.bucket.after = [&](const std::string& what) {
    if (!what.starts_with("GET /bank/pre/LOCK")) return;
    world.bucket.objects["pre/LOCK"] =
        R"({"holder":"there","nonce":"1","until":"2026-03-02T12:10:00Z"})";
  };
  const auto late = here->hold();
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kInUse);
  world.bucket.after = {};
  world.bucket.objects.clear();
  // The lock is written, and the answer does not come: the second attempt finds one there.
  world.bucket.lost = "PUT /bank/pre/LOCK";
  world.bucket.asked.clear();
  CHECK(here->hold());
  CHECK(world.asked("PUT /bank/pre/LOCK") == 2);
  // A store that knows no conditions is held too.
  world.bucket.objects.clear();
  world.bucket.knows_conditions = false;
  CHECK(here->hold());
}
}  // namespace
}  // namespace tocsin::tests
