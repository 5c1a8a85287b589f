// The state of a run through the C interface: out, and into a run of the same and of other rules.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "tests/library/handles.h"

namespace tocsin::library {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, amount: int }
rule pair "Two payments" {
  by card
  when payment as a then payment as b within 10m
  alert "{a.id} and {b.id}"
}
rule large "A large payment" {
  by card
  when payment as p where amount > 900
  alert "{p.id}"
}
)";
constexpr std::int64_t kStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z
constexpr const char* kOptions = R"({"out_of_orderness":"2s","keeps_state":true})";

std::string payment(int i) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + std::int64_t{i} * 1'000'000) +
         R"(,"id":"p)" + std::to_string(i) + R"(","card":"c)" + std::to_string(i % 3) +
         R"(","amount":)" + std::to_string(100 * (i % 11)) + "}\n";
}
std::uint32_t number(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

// A map as a program that embeds the library would have it: whole entries, by group and key.
using Store = std::map<std::pair<std::uint32_t, std::string>, std::string>;

void cut(Run& run, Store& store) {
  REQUIRE_MESSAGE(tocsin_run_cut(run.get(), run.why.set()) == TOCSIN_OK, run.why.message());
  for (int done = 0; done == 0;) {
    Text entries;
    REQUIRE(tocsin_run_take_cut(run.get(), 50, entries.get(), &done, run.why.set()) == TOCSIN_OK);
    const std::string bytes = entries.text();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::uint32_t key = number(bytes, at + 5);
      const bool is_put = bytes[at] == 1;
      const std::size_t size = 9 + key + (is_put ? 4 + number(bytes, at + 9 + key) : 0);
      const std::pair place(number(bytes, at + 1), bytes.substr(at + 9, key));
      if (is_put) {
        store[place] = bytes.substr(at, size);
      } else {
        store.erase(place);
      }
      at += size;
    }
  }
}

nlohmann::json restore(Run& run, const Store& store) {
  std::string heads;
  std::string others;
  for (const auto& [place, entry] : store) (place.second.size() == 1 ? heads : others) += entry;
  Text report;
  REQUIRE_MESSAGE(tocsin_run_begin_restore(run.get(), heads.data(), heads.size(), report.get(),
                                           run.why.set()) == TOCSIN_OK,
                  run.why.message());
  REQUIRE(tocsin_run_restore(run.get(), others.data(), others.size(), run.why.set()) == TOCSIN_OK);
  auto parsed = nlohmann::json::parse(report.text());
  REQUIRE(tocsin_run_finish_restore(run.get(), parsed.at("is_same") == false, run.why.set()) ==
          TOCSIN_OK);
  return parsed;
}
}  // namespace

TEST_CASE("C runs: one that goes on from a state gives the bytes of one run") {
  const Pack pack(kRules);
  Run whole(pack, kOptions);
  const std::uint32_t all = whole.source("payments");
  for (int i = 0; i < 60; ++i) REQUIRE(whole.push(all, payment(i)) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(whole.get(), 1, whole.why.set()) == TOCSIN_OK);
  const std::string expected = whole.take();
  REQUIRE(lines_in(expected) > 50);

  Store store;
  std::string alerts;
  for (int round = 0; round < 3; ++round) {
    Run run(pack, kOptions);
    if (round > 0) {
      const nlohmann::json report = restore(run, store);
      CHECK(report.at("is_same") == true);
      CHECK(report.at("kept").size() == 2);
    }
    const std::uint32_t source = run.source("payments");
    CHECK(source == 0);
    for (int i = 0; i < 20; ++i) {
      REQUIRE(run.push(source, payment(20 * round + i)) == TOCSIN_OK);
      if (i % 7 != 6) continue;
      alerts += run.take();
      cut(run, store);  // the changes alone
    }
    alerts += run.take();
    cut(run, store);
    if (round < 2) continue;
    REQUIRE(tocsin_run_finish(run.get(), 1, run.why.set()) == TOCSIN_OK);
    alerts += run.take();
    CHECK(run.statistics().at("lines") == 60);
    CHECK(run.statistics().at("alerts") == lines_in(expected));
  }
  CHECK(alerts == expected);
}

TEST_CASE("C runs: a state goes on under other rules, with a report") {
  Store store;
  {
    const Pack pack(kRules);
    Run run(pack, kOptions);
    REQUIRE(run.push(run.source("payments"), payment(1)) == TOCSIN_OK);
    REQUIRE(tocsin_run_advance(run.get(), kStart + 1'000'000, run.why.set()) == TOCSIN_OK);
    run.take();
    cut(run, store);
  }
  std::string rules(kRules);
  rules.replace(rules.find("amount > 900"), 12, "amount > 800");
  const Pack changed(rules);
  Run run(changed, kOptions);
  const nlohmann::json report = restore(run, store);
  CHECK(report.at("is_same") == false);
  CHECK(report.at("kept") == nlohmann::json::parse(R"([{"rule":"pair"}])"));
  CHECK(report.at("started") == nlohmann::json::parse(R"([{"rule":"large"}])"));
  REQUIRE(run.push(run.source("payments"), payment(4)) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(run.get(), 0, run.why.set()) == TOCSIN_OK);
  CHECK(run.take().find("p1 and p4") != std::string::npos);
}

TEST_CASE("C runs: what is no state, and calls at the wrong time, are refused") {
  const Pack pack(kRules);
  Run without(pack);
  CHECK(tocsin_run_cut(without.get(), without.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(without.why.message() == "the run was opened without \"keeps_state\"");

  Run run(pack, kOptions);
  const std::uint32_t source = run.source("payments");
  REQUIRE(run.push(source, payment(10) + payment(13) + payment(30)) == TOCSIN_OK);
  CHECK(tocsin_run_cut(run.get(), run.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(run.why.message().starts_with("there are lines that were not taken"));
  run.take();
  const std::string line = payment(31);
  REQUIRE(run.push(source, line.substr(0, 20)) == TOCSIN_OK);
  CHECK(tocsin_run_cut(run.get(), run.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(run.why.message().starts_with("the source payments has had a part of a line"));
  REQUIRE(run.push(source, line.substr(20)) == TOCSIN_OK);
  Store store;
  cut(run, store);
  Text entries;
  int done = 0;
  CHECK(tocsin_run_take_cut(run.get(), 1, entries.get(), &done, run.why.set()) ==
        TOCSIN_WRONG_STATE);
  CHECK(tocsin_run_restore(run.get(), "", 0, run.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(tocsin_run_begin_restore(run.get(), "", 0, nullptr, run.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(run.why.message() == "only a fresh run is restored");

  Run other(pack, kOptions);
  CHECK(tocsin_run_begin_restore(other.get(), "x", 1, nullptr, other.why.set()) == TOCSIN_CORRUPT);
  std::string heads;
  for (const auto& [place, entry] : store) {
    if (place.second.size() == 1) heads += entry;
  }
  std::string newer = heads;
  newer[newer.find("R\1") + 1] = 2;  // the format
  CHECK(tocsin_run_begin_restore(other.get(), newer.data(), newer.size(), nullptr,
                                 other.why.set()) == TOCSIN_OTHER_VERSION);
  Run third(pack, kOptions);
  REQUIRE(tocsin_run_begin_restore(third.get(), heads.data(), heads.size(), nullptr,
                                   third.why.set()) == TOCSIN_OK);
  CHECK(third.push(0, payment(1)) == TOCSIN_WRONG_STATE);
  CHECK(third.why.message() == "the run's restore is not complete");
  // Without the rest it is no state.
  CHECK(tocsin_run_finish_restore(third.get(), 0, third.why.set()) == TOCSIN_CORRUPT);
}
}  // namespace tocsin::library
