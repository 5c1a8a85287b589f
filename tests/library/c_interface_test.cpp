// The C interface, called as a C program calls it.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/library/handles.h"

namespace tocsin::library {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time up to 2s late, id: string id, card: string, amount: decimal(2), place: string? }
event confirmation { ts: time, id: string id, card: string }
list watched : string = ["c9"]
feature spent = sum(amount of payment) by card over last 1h
rule large "A large payment" {
  by card
  when payment as p where amount > 100 and spent > 50
  alert "{p.amount} on card {card}" { amount: p.amount }
}
rule unconfirmed "Nobody confirmed" {
  by card
  when payment as p where amount > 1_000 and card not in watched then no confirmation for 5m
  alert "{p.amount} on card {card} was not confirmed"
}
)";
constexpr std::int64_t kStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z

std::string payment(int number, std::int64_t seconds, const char* card, int amount) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + seconds * 1'000'000) +
         R"(,"id":"p)" + std::to_string(number) + R"(","card":")" + card + R"(","amount":)" +
         std::to_string(amount) + "}\n";
}
std::string some_payments() {
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += payment(i, i - (i % 3), i % 2 == 0 ? "c1" : "c2", 50 * (i % 30));
    if (i % 10 == 0) lines += "no event\n\n";
  }
  return lines;
}

TEST_CASE("c: versions and names") {
  CHECK(std::string(tocsin_version()) == std::to_string(TOCSIN_VERSION_MAJOR) + "." +
                                             std::to_string(TOCSIN_VERSION_MINOR) + "." +
                                             std::to_string(TOCSIN_VERSION_PATCH));
  CHECK(tocsin_abi() == TOCSIN_ABI);
  for (tocsin_status status = TOCSIN_OK; status <= TOCSIN_INTERNAL; ++status) {
    CHECK(std::string(tocsin_status_name(status)) != "unknown");
  }
  CHECK(std::string(tocsin_status_name(-1)) == "unknown");
  CHECK(std::string(tocsin_status_name(TOCSIN_INTERNAL + 1)) == "unknown");
}

TEST_CASE("c: a chunk may end anywhere") {
  const Pack pack(kRules);
  const std::string lines = some_payments();
  std::string wanted;
  std::string rejected;
  for (const std::size_t size :
       {lines.size(), std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{1000}}) {
    CAPTURE(size);
    for (const bool takes_at_once : {false, true}) {
      Run run(pack);
      const std::uint32_t source = run.source("payments");
      std::string alerts;
      for (std::size_t at = 0; at < lines.size(); at += size) {
        REQUIRE(run.push(source, std::string_view(lines).substr(at, size)) == TOCSIN_OK);
        if (takes_at_once) alerts += run.take();
      }
      REQUIRE(tocsin_run_finish(run.get(), 1, run.why.set()) == TOCSIN_OK);
      alerts += run.take();
      if (wanted.empty()) {
        wanted = alerts;
        rejected = run.take(TOCSIN_REJECTED);
        CHECK(lines_in(wanted) > 20);
        CHECK(lines_in(rejected) == 4);
        CHECK(rejected.starts_with(R"({"input":"payments","line":2,"reason":)"));
      } else {
        CHECK(alerts == wanted);
        CHECK(run.take(TOCSIN_REJECTED) == rejected);
      }
      CHECK(run.take().empty());
    }
  }
}

TEST_CASE("c: a run goes on when its pack is freed") {
  auto* const pack = new Pack(kRules);
  Run run(*pack);
  delete pack;
  const std::uint32_t source = run.source("payments");
  REQUIRE(run.push(source, payment(1, 0, "c1", 500)) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(run.get(), 0, nullptr) == TOCSIN_OK);
  CHECK(lines_in(run.take()) == 1);
}

TEST_CASE("c: by position events of one time are in the order of sources and lines") {
  const Pack pack(kRules);
  const std::string first = payment(1, 0, "c1", 500) + payment(2, 0, "c2", 600);
  const std::string second = payment(3, 0, "c3", 700) + payment(4, 9, "c4", 10);
  const auto alerts = [&](const char* options, bool is_second_first) {
    Run run(pack, options);
    const std::uint32_t a = run.source("a");
    const std::uint32_t b = run.source("b");
    if (is_second_first) REQUIRE(run.push(b, second) == TOCSIN_OK);
    REQUIRE(run.push(a, first) == TOCSIN_OK);
    if (!is_second_first) REQUIRE(run.push(b, second) == TOCSIN_OK);
    REQUIRE(tocsin_run_advance(run.get(), kStart, run.why.set()) == TOCSIN_OK);
    CHECK(run.take().empty() == (options != nullptr));
    REQUIRE(tocsin_run_finish(run.get(), 0, run.why.set()) == TOCSIN_OK);
    return run.take();
  };
  constexpr const char* kByPosition = R"({"order":"position"})";
  const std::string by_position = alerts(kByPosition, false);
  CHECK(lines_in(by_position) == 3);
  CHECK(alerts(kByPosition, true) == by_position);
  CHECK(alerts(nullptr, true) != by_position);
}

TEST_CASE("c: time moves by promises, and what comes behind them is late") {
  const Pack pack(kRules);
  Run run(pack);
  const std::uint32_t source = run.source("payments");
  std::int64_t watermark = 0;
  REQUIRE(tocsin_run_watermark(run.get(), &watermark, nullptr) == TOCSIN_OK);
  CHECK(watermark == std::numeric_limits<std::int64_t>::min());
  REQUIRE(run.push(source, payment(1, 0, "c1", 1500) + payment(2, 1, "c2", 10)) == TOCSIN_OK);
  CHECK(run.take().empty());  // the event types wait for 2 s
  REQUIRE(tocsin_run_advance(run.get(), kStart + 299'999'999, run.why.set()) == TOCSIN_OK);
  CHECK(lines_in(run.take()) == 1);
  // One deadline after the other, without an event.
  REQUIRE(tocsin_run_advance(run.get(), kStart + 300'000'000, run.why.set()) == TOCSIN_OK);
  CHECK(run.take().find("was not confirmed") != std::string::npos);
  REQUIRE(tocsin_run_watermark(run.get(), &watermark, nullptr) == TOCSIN_OK);
  CHECK(watermark == kStart + 300'000'000);
  REQUIRE(tocsin_run_advance(run.get(), kStart, run.why.set()) == TOCSIN_OK);  // never back
  REQUIRE(run.push(source, payment(3, 299, "c1", 700)) == TOCSIN_OK);
  CHECK(run.take().empty());
  const std::string late = run.take(TOCSIN_LATE);
  CHECK(late.starts_with(R"({"input":"payments","line":3,"late_us":1000000,"text":)"));
  REQUIRE(run.push(source, payment(4, 301, "c1", 700)) == TOCSIN_OK);
  REQUIRE(tocsin_run_end_source(run.get(), source, run.why.set()) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(run.get(), 0, run.why.set()) == TOCSIN_OK);
  CHECK(lines_in(run.take()) == 1);
  for (const std::int64_t beyond :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    Run other(pack);
    CHECK(tocsin_run_advance(other.get(), beyond, nullptr) == TOCSIN_INVALID_ARGUMENT);
  }
}

TEST_CASE("c: the slowest source holds time back until it ends") {
  const Pack pack(kRules);
  Run run(pack, R"({"out_of_orderness":"0"})");
  const std::uint32_t fast = run.source("fast");
  const std::uint32_t slow = run.source("slow");
  CHECK(run.source("fast") == fast);
  REQUIRE(run.push(fast, payment(1, 100, "c1", 500)) == TOCSIN_OK);
  CHECK(run.take().empty());
  REQUIRE(run.push(slow, payment(2, 50, "c1", 600)) == TOCSIN_OK);
  REQUIRE(run.push(slow, R"({"type":"payment","ts":)") == TOCSIN_OK);
  REQUIRE(tocsin_run_end_source(run.get(), slow, run.why.set()) == TOCSIN_OK);
  REQUIRE(tocsin_run_end_source(run.get(), slow, run.why.set()) == TOCSIN_OK);
  const std::string alerts = run.take();
  CHECK(lines_in(alerts) == 2);
  CHECK(alerts.find("600.00") < alerts.find("500.00"));
  CHECK(lines_in(run.take(TOCSIN_REJECTED)) == 1);  // a last line that is cut off
  CHECK(run.push(slow, "x\n") == TOCSIN_WRONG_STATE);
  CHECK(run.why.message() == "the source slow has ended");
  const nlohmann::json figures = run.statistics();
  CHECK(figures["lines"] == 3);
  CHECK(figures["events"] == 2);
  CHECK(figures["rejected"] == 1);
  CHECK(figures["alerts_by_rule"]["large"] == 2);
  CHECK(figures["sources"][1]["state"] == "ended");
  CHECK(figures["engine"]["keys"] == 1);
}

TEST_CASE("c: an event ahead of the clock that the caller set is rejected") {
  const Pack pack(kRules);
  Run run(pack, R"({"ahead_max":"1m"})");
  const std::uint32_t source = run.source("payments");
  REQUIRE(tocsin_run_set_clock(run.get(), kStart, run.why.set()) == TOCSIN_OK);
  REQUIRE(run.push(source, payment(1, 61, "c1", 500) + payment(2, 60, "c1", 500)) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(run.get(), 0, nullptr) == TOCSIN_OK);
  CHECK(lines_in(run.take()) == 1);
  CHECK(lines_in(run.take(TOCSIN_REJECTED)) == 1);
  Run other(pack, R"({"ahead_max":"1m"})");  // without a clock none is ahead of it
  REQUIRE(other.push(other.source("payments"), payment(1, 61, "c1", 500)) == TOCSIN_OK);
  REQUIRE(tocsin_run_finish(other.get(), 0, nullptr) == TOCSIN_OK);
  CHECK(lines_in(other.take()) == 1);
}

TEST_CASE("c: limits refuse what does not fit, and the rest can be pushed again") {
  const Pack pack(kRules);
  Run run(pack, R"({"output_bytes_max":400})");
  const std::uint32_t source = run.source("payments");
  std::string alerts;
  for (int i = 0; i < 20; ++i) {
    const std::string line = payment(i, 10 * i, "c1", 500);
    std::size_t taken = 99;
    if (tocsin_run_push(run.get(), source, line.data(), line.size(), &taken, run.why.set()) ==
        TOCSIN_LIMIT) {
      CHECK(taken == 0);
      CHECK(run.why.message().find("tocsin_run_take()") != std::string::npos);
      alerts += run.take();
      REQUIRE(run.push(source, line) == TOCSIN_OK);
    }
    REQUIRE(tocsin_run_advance(run.get(), kStart + 10'000'000 * i, nullptr) == TOCSIN_OK);
  }
  CHECK(lines_in(alerts + run.take()) == 20);

  Run small(pack, R"({"reorder_bytes_max":1})");
  const std::uint32_t waiting = small.source("payments");
  REQUIRE(small.push(waiting, payment(1, 0, "c1", 500)) == TOCSIN_OK);
  CHECK(small.push(waiting, payment(2, 1, "c1", 500)) == TOCSIN_LIMIT);
  REQUIRE(tocsin_run_finish(small.get(), 0, nullptr) == TOCSIN_OK);
  CHECK(lines_in(small.take()) == 1);

  Run counted(pack, R"({"keeps_rejected":false,"keeps_late":false})");
  REQUIRE(counted.push(counted.source("payments"), "no event\n") == TOCSIN_OK);
  CHECK(counted.take(TOCSIN_REJECTED).empty());
  CHECK(counted.statistics()["rejected"] == 1);

  Run full(pack, R"({"state_bytes_max":1})");
  const std::uint32_t many = full.source("payments");
  REQUIRE(full.push(many, some_payments()) == TOCSIN_OK);
  CHECK(tocsin_run_finish(full.get(), 0, full.why.set()) == TOCSIN_LIMIT);
  CHECK(full.push(many, "x\n") == TOCSIN_WRONG_STATE);
  CHECK(full.why.message().starts_with("the run has failed"));
  CHECK(tocsin_run_finish(full.get(), 0, nullptr) == TOCSIN_WRONG_STATE);
  full.take();
}

TEST_CASE("c: rules with errors give diagnostics, a status and no pack") {
  const tocsin_text files[] = {text_of("a.tocsin", "rule broken { when nothing }\n"),
                               text_of("words.txt", "a\n")};
  tocsin_pack* pack = reinterpret_cast<tocsin_pack*>(1);
  Text diagnostics;
  Why why;
  CHECK(tocsin_pack_load_texts(files, 2, nullptr, &pack, diagnostics.get(), why.set()) ==
        TOCSIN_INVALID_RULES);
  CHECK(pack == nullptr);
  CHECK(why.status() == TOCSIN_INVALID_RULES);
  CHECK(why.message().starts_with("the rules have errors: "));
  CHECK(nlohmann::json::parse(why.json())["status"] == "invalid_rules");
  const std::string first = diagnostics.text().substr(0, diagnostics.text().find('\n'));
  const nlohmann::json shown = nlohmann::json::parse(first);
  CHECK(shown["level"] == "error");
  CHECK(shown["file"] == "a.tocsin");

  // A file that is not there is a diagnostic too.
  const char* const paths[] = {"/nowhere/rules.tocsin"};
  CHECK(tocsin_pack_load_files(paths, 1, nullptr, &pack, diagnostics.get(), why.set()) ==
        TOCSIN_INVALID_RULES);
  CHECK(diagnostics.text().find("/nowhere/rules.tocsin") != std::string::npos);
}

TEST_CASE("c: texts find each other by paths relative to their names") {
  const std::string_view schema = "event login { ts: time, user: string }\n";
  const std::string_view rules =
      "use \"../schema.tocsin\"\nlist names : string from \"names.txt\"\n"
      "rule seen \"A name\" { by user when login as l where user in names alert \"{user}\" }\n";
  const tocsin_text files[] = {text_of("pack/rules/./a.tocsin", rules),
                               text_of("pack/schema.tocsin", schema),
                               text_of("pack/rules/names.txt", "eve\n")};
  tocsin_pack* pack = nullptr;
  Text text;
  Why why;
  REQUIRE_MESSAGE(
      tocsin_pack_load_texts(files, 3, nullptr, &pack, text.get(), why.set()) == TOCSIN_OK,
      text.text());
  REQUIRE(tocsin_pack_describe(pack, text.get(), why.set()) == TOCSIN_OK);
  const nlohmann::json needs = nlohmann::json::parse(text.text());
  CHECK(needs["lists"][0]["entries"] == 1);
  tocsin_pack_free(pack);
  const tocsin_text twice[] = {text_of("a.tocsin", schema), text_of("./a.tocsin", schema)};
  CHECK(tocsin_pack_load_texts(twice, 2, nullptr, &pack, nullptr, why.set()) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(why.message() == "two texts have the name a.tocsin");
}

TEST_CASE("c: what a pack needs") {
  const Pack pack(kRules);
  Text text;
  REQUIRE(tocsin_pack_describe(pack.get(), text.get(), nullptr) == TOCSIN_OK);
  const nlohmann::json needs = nlohmann::json::parse(text.text());
  CHECK(needs["passes"] == 1);
  const nlohmann::json& type = needs["types"][0];
  CHECK(type["name"] == "payment");
  CHECK(type["time_field"] == "ts");
  CHECK(type["id_field"] == "id");
  CHECK(type["late_us"] == 2'000'000);
  for (const nlohmann::json& field : type["fields"]) {
    CAPTURE(field.dump());
    CHECK(field["used"] == (field["name"] != "place"));
  }
  CHECK(needs["keys"].size() == 1);
  CHECK(needs["keys"][0]["parts"][0]["name"] == "card");
  CHECK(needs["rules"][0]["reads_features"] == nlohmann::json({"spent"}));
  CHECK(needs["rules"][0]["events"] == nlohmann::json({"payment"}));
  CHECK(needs["rules"][1]["reads_features"].empty());
  CHECK(needs["features"][0]["events"] == nlohmann::json({"payment"}));
}

TEST_CASE("c: options that cannot be used are refused, with what can") {
  const Pack pack(kRules);
  struct Row {
    const char* options;
    const char* message;
  };
  for (const Row& row : {
           Row{"[]", "options are one JSON object"},
           Row{"{", "options are one JSON object"},
           Row{R"({"out_of_ordernes":"1s"})", "did you mean \"out_of_orderness\"?"},
           Row{R"({"out_of_orderness":5})", "takes a duration"},
           Row{R"({"out_of_orderness":"-5s"})", "takes a duration"},
           Row{R"({"late_policy":"drop"})", "takes \"side\" or \"clamp\""},
           Row{R"({"event_steps_max":1})", "takes a whole number from 1000 to"},
           Row{R"({"event_steps_max":-1})", "takes a whole number"},
           Row{R"({"output_bytes_max":null})", "takes a whole number"},
           Row{R"({"keeps_late":1})", "takes true or false"},
       }) {
    CAPTURE(row.options);
    tocsin_run* run = nullptr;
    Why why;
    CHECK(tocsin_run_open(pack.get(), row.options, &run, why.set()) == TOCSIN_INVALID_ARGUMENT);
    CHECK(run == nullptr);
    CHECK_MESSAGE(why.message().find(row.message) != std::string::npos, why.message());
  }
  const Run run(pack, R"({"state_bytes_max":null,"jump_max":null,"late_max":"1h"})");
}

TEST_CASE("c: what must not be NULL and is, is refused by name") {
  const Pack pack(kRules);
  Run run(pack);
  Why why;
  Text text;
  tocsin_pack* loaded = nullptr;
  CHECK(tocsin_pack_load_files(nullptr, 1, nullptr, &loaded, nullptr, why.set()) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(why.message() == "paths must not be NULL");
  CHECK(tocsin_pack_load_texts(nullptr, 0, nullptr, nullptr, nullptr, nullptr) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_describe(nullptr, text.get(), nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_describe(pack.get(), nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_open(nullptr, nullptr, nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_source(run.get(), nullptr, nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_push(run.get(), 0, "x\n", 2, nullptr, why.set()) == TOCSIN_INVALID_ARGUMENT);
  CHECK(why.message() == "the run has no source 0: tocsin_run_source() gives their numbers");
  const std::uint32_t source = run.source("a");
  CHECK(tocsin_run_push(run.get(), source, nullptr, 1, nullptr, nullptr) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_push(run.get(), source, nullptr, 0, nullptr, nullptr) == TOCSIN_OK);
  CHECK(tocsin_run_take(run.get(), 3, text.get(), nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_take(run.get(), TOCSIN_ALERTS, nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_watermark(run.get(), nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_advance(nullptr, 0, nullptr) == TOCSIN_INVALID_ARGUMENT);
  tocsin_pack_free(nullptr);
  tocsin_run_free(nullptr);
  tocsin_buffer_free(nullptr);
  tocsin_error_free(nullptr);
  CHECK(std::string(tocsin_error_json(nullptr)) == "{}");
  CHECK(tocsin_buffer_size(nullptr) == 0);
}

TEST_CASE("c: one pack, many threads, each with a run") {
  const Pack pack(kRules);
  const std::string lines = some_payments();
  std::vector<std::string> alerts(4);
  std::vector<std::thread> threads;
  for (std::string& of : alerts) {
    threads.emplace_back([&pack, &lines, &of] {
      tocsin_run* run = nullptr;
      tocsin_buffer* const text = tocsin_buffer_new();
      std::uint32_t source = 0;
      tocsin_run_open(pack.get(), nullptr, &run, nullptr);
      tocsin_run_source(run, "payments", &source, nullptr);
      tocsin_run_push(run, source, lines.data(), lines.size(), nullptr, nullptr);
      tocsin_run_finish(run, 1, nullptr);
      tocsin_run_take(run, TOCSIN_ALERTS, text, nullptr);
      of = std::string(tocsin_buffer_data(text), tocsin_buffer_size(text));
      tocsin_buffer_free(text);
      tocsin_run_free(run);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(lines_in(alerts.front()) > 20);
  for (const std::string& of : alerts) CHECK(of == alerts.front());
}
}  // namespace
}  // namespace tocsin::library
