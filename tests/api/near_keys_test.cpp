// Pages of keys: cursors, limits, and rules that change while they are read.
#include "api/trace/near_keys.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/trace/step_matches.h"
#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "rules/context/rules.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/line_splitter.h"

namespace tocsin::tests {
namespace {
using api::NearKeys;
using api::NearKeysPlace;
using api::NearKeysRequest;

cep::Program program_of(const std::string& text) {
  const rules::Loaded loaded =
      rules::load({"r"}, [&](const std::string&) -> Result<std::string> { return text; });
  REQUIRE(loaded.rules.has_value());
  Result<cep::Program> program = cep::compile(loaded.rules->plan);
  REQUIRE(program.has_value());
  return *std::move(program);
}

constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
rule three "x" { by card when payment as a then payment as b then payment as c within 1h alert "" }
)";

// An engine whose steps run at once.
class KeysWorld {
 public:
  explicit KeysWorld(int cards) : program_(program_of(kRules)), engine_(program_, 1) {
    std::string text;
    for (int i = 0; i < cards; ++i) {
      text += fmt::format(
          R"({{"type":"payment","ts":"2026-03-02T12:00:{:02}Z","id":"{}","card":"c{}","amount":1}})"
          "\n",
          i * 60 / cards, i, i);
    }
    const std::size_t size = text.size();
    text.append(runtime::kLinePadding, '\n');
    runtime::BlockDecoder decoder(program_.plan(), program_.used_fields(), program_.used_types(),
                                  {});
    runtime::DecodedBlock block;
    decoder.decode(std::string_view(text).substr(0, size), false, block);
    std::vector<cep::Alert> alerts;
    for (std::size_t i = 0; i < block.batch_count; ++i) {
      cep::Batch& batch = *block.batches[i];
      for (cep::Row& row : batch.rows) row.engine_time = row.ts;
      engine_.advance(batch, batch.rows.back().engine_time, alerts);
    }
  }
  Result<NearKeys> page(const NearKeysRequest& request) {
    const auto found = api::near_keys(
        request,
        [&](const std::function<bool(const cep::Program&, cep::Engine&)>& step) -> Served<void> {
          do {
            ++steps;
            if (steps > changes_after) program_ = program_of(kRules);
          } while (!step(program_, engine_));
          return {};
        });
    REQUIRE(found.has_value());
    return *found;
  }
  Result<api::StepMatches> count(const api::StepMatchesRequest& request) {
    const auto found = api::step_matches(
        request,
        [&](const std::function<bool(const cep::Program&, cep::Engine&)>& step) -> Served<void> {
          do {
            ++steps;
          } while (!step(program_, engine_));
          return {};
        });
    REQUIRE(found.has_value());
    return *found;
  }
  int steps = 0;
  int changes_after = 1'000'000;

 private:
  template <typename T>
  using Served = api::Served<T>;
  cep::Program program_;
  cep::Engine engine_;
};

NearKeysRequest request_of(std::size_t keys_max, std::uint64_t examined_max) {
  NearKeysRequest request;
  request.keys_max = keys_max;
  request.examined_max = examined_max;
  request.time_max = std::chrono::minutes(10);
  request.salt = 7;
  return request;
}

TEST_CASE("step matches: partial matches of all keys by their step, and what was not counted") {
  KeysWorld world(3'000);
  using std::chrono::seconds;
  const auto all = world.count({"three", 100'000, seconds(60)});
  REQUIRE(all.has_value());
  CHECK(all->rule == "three");
  CHECK(all->by_step == std::vector<std::uint64_t>{3'000});
  CHECK(all->keys == 3'000);
  CHECK(all->complete + all->uncounted == 0);
  CHECK(all->limit == api::NearKeysLimit::kNone);
  CHECK(world.steps >= 3);  // events go on between them
  const auto some = world.count({"three", 1'500, seconds(60)});
  REQUIRE(some.has_value());
  CHECK(some->examined == 1'500);
  CHECK(some->by_step == std::vector<std::uint64_t>{1'500});
  CHECK(some->limit == api::NearKeysLimit::kKeys);
  CHECK(api::step_matches_json(*some).ends_with(R"("all":false,"limited_by":"keys"})"));
  CHECK(world.count({"four", 10, seconds(60)}).error().code == Errc::kNotFound);
}
}  // namespace

TEST_CASE("near keys: a cursor is what was written, and nothing else is one") {
  const cep::KeyPlace from = {1, 1023, UINT64_MAX};
  const cep::KeyNearness nearest = {2, {-5}, {1, 2, 3}};
  for (const NearKeysPlace& place : {NearKeysPlace{from, {}, {}}, NearKeysPlace{{}, {}, nearest},
                                     NearKeysPlace{from, cep::KeyPlace{3, 4, 5}, nearest}}) {
    const std::string cursor = api::near_keys_cursor(0xabc, place);
    CHECK(api::read_near_keys_cursor(0xabc, cursor) == place);
    CHECK_FALSE(api::read_near_keys_cursor(0xabd, cursor).has_value());
    for (std::size_t size = 0; size < cursor.size(); ++size) {
      const auto cut = api::read_near_keys_cursor(0xabc, cursor.substr(0, size));
      CHECK_FALSE((cut.has_value() && *cut == place));
    }
    CHECK_FALSE(api::read_near_keys_cursor(0xabc, cursor + ":").has_value());
    CHECK_FALSE(api::read_near_keys_cursor(0xabc, cursor + ":1").has_value());
    CHECK_FALSE(api::read_near_keys_cursor(0xabc, cursor + "x").has_value());
  }
  CHECK_FALSE(api::read_near_keys_cursor(0xabc, "0000000000000abc:-1:0:0").has_value());
  CHECK_FALSE(api::read_near_keys_cursor(0xabc, "0000000000000abc:0:0:18446744073709551616"));
}

TEST_CASE("near keys: pages by number and by time have each key once, and keep no more than one") {
  KeysWorld world(3'000);
  for (const bool is_nearest : {true, false}) {
    for (const auto& [keys_max, examined_max] :
         {std::pair<std::size_t, std::uint64_t>{100, 100'000}, {100, 450}, {500, 450}, {1, 50}}) {
      NearKeysRequest request = request_of(keys_max, examined_max);
      request.is_nearest = is_nearest;
      std::set<std::string> seen;
      std::size_t twice = 0;
      do {
        const auto page = world.page(request);
        REQUIRE(page.has_value());
        CHECK(page->keys.size() <= keys_max);
        CHECK(page->examined <= examined_max);
        CHECK(page->is_complete == (is_nearest && examined_max > 3'000));
        if (is_nearest) CHECK(std::ranges::is_sorted(page->keys, {}, cep::nearness_of));
        for (const cep::ScannedKey& key : page->keys) {
          if (!seen.insert(api::key_path_text(key).value()).second) ++twice;
        }
        request.cursor = page->next;
      } while (!request.cursor->empty() && seen.size() < 200'000);
      CHECK(seen.size() == 3'000);
      CHECK(twice == 0);
    }
  }
  NearKeysRequest hasty = request_of(10, 100'000);
  hasty.time_max = std::chrono::milliseconds(-1);
  const auto page = world.page(hasty);
  REQUIRE(page.has_value());
  CHECK(page->limit == api::NearKeysLimit::kTime);
  CHECK(page->examined > 0);
  CHECK(page->examined < 3'000);
  CHECK_FALSE(page->next.empty());
}

TEST_CASE("near keys: an unknown rule, and rules that change while keys are read") {
  KeysWorld world(3'000);
  NearKeysRequest request = request_of(10, 100'000);
  request.rule = "thre";
  const auto unknown = world.page(request);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == Errc::kNotFound);
  CHECK(unknown.error().message.find("did you mean three?") != std::string::npos);
  request.rule = "three";
  request.cursor = "0000000000000000:0:0:0";
  CHECK(world.page(request).error().code == Errc::kInvalidArgument);
  request.cursor.reset();
  world.steps = 0;
  world.changes_after = 1;
  const auto changed = world.page(request);
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().code == Errc::kConflict);
}
}  // namespace tocsin::tests
