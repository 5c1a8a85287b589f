// Stages of a job through the C interface: two passes and a hold in several parts give the alerts
// of a run.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace tocsin::library {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }
event note { ts: time, card: string, text: string }
feature at_merchant = count(payment) by merchant over last 10m
rule pair "Two payments at a busy merchant" {
  by card
  when payment as a
  then payment as b where at_merchant > 3
  within 10m
  alert "{at_merchant} payments" { merchant: b.merchant }
  at most 2 per 1m for each b.merchant
}
rule again "Two alerts of a card" {
  by card
  when alert pair as first
  then alert pair as second
  within 10m
  alert "twice"
}
rule noted "The same note twice" {
  by card
  when note as a
  then next note as b where b.text = a.text
  within 10m
  alert "{b.text}"
}
)";
constexpr std::int64_t kStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

struct FreeBuffer {
  void operator()(tocsin_buffer* buffer) const { tocsin_buffer_free(buffer); }
  void operator()(tocsin_pack* pack) const { tocsin_pack_free(pack); }
  void operator()(tocsin_run* run) const { tocsin_run_free(run); }
  void operator()(tocsin_stage* stage) const { tocsin_stage_free(stage); }
};
using Buffer = std::unique_ptr<tocsin_buffer, FreeBuffer>;
using Pack = std::unique_ptr<tocsin_pack, FreeBuffer>;
using Stage = std::unique_ptr<tocsin_stage, FreeBuffer>;
std::string text_of(const Buffer& buffer) {
  return {tocsin_buffer_data(buffer.get()), tocsin_buffer_size(buffer.get())};
}

// What a call says of its failure; "" where it succeeds.
template <typename Function, typename... Arguments>
std::string failure(Function&& function, Arguments&&... arguments) {
  tocsin_error* error = nullptr;
  const tocsin_status status = function(std::forward<Arguments>(arguments)..., &error);
  std::string text;
  if (status != TOCSIN_OK) {
    text = std::string(tocsin_status_name(status)) + ": " + tocsin_error_message(error);
  }
  CHECK((error == nullptr) == (status == TOCSIN_OK));
  tocsin_error_free(error);
  return text;
}

Pack pack_of(std::string_view rules) {
  const tocsin_text file = {"rules.tocsin", rules.data(), rules.size()};
  tocsin_pack* pack = nullptr;
  const Buffer diagnostics(tocsin_buffer_new());
  REQUIRE_MESSAGE(
      failure(tocsin_pack_load_texts, &file, 1U, nullptr, &pack, diagnostics.get()) == "",
      text_of(diagnostics));
  return Pack(pack);
}

std::string event_line(int i) {
  const std::string time = std::to_string(kStart + i / 2 * 1'000'000);
  if (i % 5 == 4) {
    return R"({"type":"note","ts":)" + time + R"(,"card":"c)" + std::to_string(i % 3) +
           R"(","text":"seen"})";
  }
  return R"({"type":"payment","ts":)" + time + R"(,"id":"p)" + std::to_string(i) +
         R"(","card":"c)" + std::to_string(i % 7) + R"(","merchant":"m)" + std::to_string(i % 3) +
         R"(","amount":)" + std::to_string(i) + "}";
}
constexpr int kEvents = 120;

std::string alerts_of_run(const Pack& pack) {
  tocsin_run* opened = nullptr;
  REQUIRE(failure(tocsin_run_open, pack.get(), R"({"out_of_orderness":"0s"})", &opened) == "");
  const std::unique_ptr<tocsin_run, FreeBuffer> run(opened);
  std::uint32_t source = 0;
  REQUIRE(failure(tocsin_run_source, run.get(), "a", &source) == "");
  for (int i = 0; i < kEvents; ++i) {
    const std::string line = event_line(i) + "\n";
    REQUIRE(failure(tocsin_run_push, run.get(), source, line.data(), line.size(), nullptr) == "");
  }
  REQUIRE(failure(tocsin_run_finish, run.get(), 1) == "");
  const Buffer lines(tocsin_buffer_new());
  REQUIRE(failure(tocsin_run_take, run.get(), static_cast<int>(TOCSIN_ALERTS), lines.get()) == "");
  return text_of(lines);
}

// Of the rows of one type that the exchange has.
std::size_t described_bytes(const nlohmann::json& job, std::string_view from, std::string_view to) {
  for (const nlohmann::json& exchange : job.at("exchanges")) {
    if (exchange.at("from") != from || exchange.at("to") != to) continue;
    return exchange.at("rows").at(0).at("bytes").get<std::size_t>();
  }
  return 0;
}

// A job whose stages have so many parts each, worked one after the other.
class Job {
 public:
  Job(const Pack& pack, std::uint32_t parts, std::uint32_t passes) : parts_(parts) {
    add(pack, TOCSIN_STAGE_SOURCE, 0, 1);
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      add(pack, TOCSIN_STAGE_PASS, pass, parts);
      if (pass == 1) add(pack, TOCSIN_STAGE_HOLD, pass, parts);
    }
    add(pack, TOCSIN_STAGE_ALERTS, 0, 1);
    for (const auto& [from, stage] : stages_) {
      for (const auto& [to, other] : stages_) {
        if (kind(from) == TOCSIN_STAGE_ALERTS || kind(to) == TOCSIN_STAGE_SOURCE) continue;
        if (kind(to) == TOCSIN_STAGE_ALERTS) continue;
        CHECK(failure(tocsin_stage_set_parts, stage.get(), kind(to), std::get<1>(to), parts) == "");
      }
    }
  }

  void put_event(int i) {
    const std::string line = event_line(i);
    int outcome = -1;
    CHECK(failure(tocsin_stage_put_event, stages_.begin()->second.get(), line.data(), line.size(),
                  std::numeric_limits<std::int64_t>::min(), std::uint64_t{7},
                  static_cast<std::uint32_t>(i), 0U, &outcome) == "");
    CHECK(outcome == TOCSIN_EVENT_SENT);
  }
  void advance(std::int64_t watermark) {
    for (const auto& [place, stage] : stages_) {
      int done = kind(place) == TOCSIN_STAGE_SOURCE ? 1 : 0;
      while (done == 0) {
        REQUIRE(failure(tocsin_stage_advance, stage.get(), watermark, std::size_t{3}, &done) == "");
      }
      if (kind(place) == TOCSIN_STAGE_ALERTS) {
        const Buffer lines(tocsin_buffer_new());
        REQUIRE(failure(tocsin_stage_take_alerts, stage.get(), lines.get()) == "");
        alerts += text_of(lines);
      } else {
        take(place, stage);
      }
    }
  }
  // All entries of a stage, by group and key.
  using Entries = std::map<std::pair<int, std::uint32_t>, std::string>;
  Entries cut() {
    Entries entries;
    for (const auto& [place, stage] : stages_) {
      if (kind(place) == TOCSIN_STAGE_SOURCE) continue;
      REQUIRE(failure(tocsin_stage_cut, stage.get()) == "");
      for (int done = 0; done == 0;) {
        const Buffer some(tocsin_buffer_new());
        REQUIRE(failure(tocsin_stage_take_cut, stage.get(), std::size_t{100}, some.get(), &done) ==
                "");
        entries[{kind(place), std::get<1>(place)}] += text_of(some);
      }
    }
    return entries;
  }
  // `entries` of a first cut: no key comes twice, and nothing is removed.
  void restore(const Entries& entries) {
    for (const auto& [place, stage] : stages_) {
      if (kind(place) == TOCSIN_STAGE_SOURCE) continue;
      const std::uint32_t parts = kind(place) == TOCSIN_STAGE_ALERTS ? 1 : parts_;
      std::string heads;
      std::string others;
      const std::string& all = entries.at({kind(place), std::get<1>(place)});
      for (std::size_t at = 0; at < all.size();) {
        const std::uint32_t group = number(all, at + 1);
        const std::uint32_t key = number(all, at + 5);
        const std::uint32_t value = number(all, at + 9 + key);
        REQUIRE(all[at] == 1);
        const std::string entry = all.substr(at, 13 + key + value);
        at += entry.size();
        if (group * parts / 1024 != std::get<2>(place)) continue;
        (key == 1 && entry[9] < 2 ? heads : others) += entry;
      }
      const Buffer report(tocsin_buffer_new());
      REQUIRE(failure(tocsin_stage_begin_restore, stage.get(), heads.data(), heads.size(),
                      report.get()) == "");
      CHECK(nlohmann::json::parse(text_of(report)).at("is_same") == true);
      REQUIRE(failure(tocsin_stage_restore, stage.get(), others.data(), others.size()) == "");
      REQUIRE(failure(tocsin_stage_finish_restore, stage.get(), 1) == "");
    }
  }
  std::string alerts;
  std::map<std::pair<std::string, std::string>, std::size_t> sent;  // bytes from stage to stage

 private:
  // By order of work: hold after its pass; then the pass and the part.
  using Place = std::tuple<int, std::uint32_t, std::uint32_t>;
  static int kind(const Place& place) {
    const int order = std::get<0>(place);
    if (order == 0) return TOCSIN_STAGE_SOURCE;
    if (order == 100) return TOCSIN_STAGE_ALERTS;
    return order % 2 == 1 ? TOCSIN_STAGE_PASS : TOCSIN_STAGE_HOLD;
  }
  static Place place_of(int kind, std::uint32_t pass, std::uint32_t part) {
    const int order = kind == TOCSIN_STAGE_SOURCE   ? 0
                      : kind == TOCSIN_STAGE_ALERTS ? 100
                      : kind == TOCSIN_STAGE_PASS   ? static_cast<int>(2 * pass) + 1
                                                    : static_cast<int>(2 * pass) + 2;
    return {order, pass, part};
  }
  static std::uint32_t number(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    return value;
  }
  void add(const Pack& pack, int kind, std::uint32_t pass, std::uint32_t parts) {
    for (std::uint32_t part = 0; part < parts; ++part) {
      const std::string options = R"({"part":)" + std::to_string(part) + R"(,"parts":)" +
                                  std::to_string(parts) + R"(,"keeps_state":)" +
                                  (kind == TOCSIN_STAGE_SOURCE ? "false" : "true") + "}";
      tocsin_stage* stage = nullptr;
      REQUIRE(failure(tocsin_stage_open, pack.get(), kind, pass, options.c_str(), &stage) == "");
      stages_[place_of(kind, pass, part)].reset(stage);
    }
  }
  static std::string name_of(const Place& place) {
    const std::string pass = std::to_string(std::get<1>(place));
    switch (kind(place)) {
      case TOCSIN_STAGE_SOURCE:
        return "intake";
      case TOCSIN_STAGE_PASS:
        return "pass " + pass;
      case TOCSIN_STAGE_HOLD:
        return "hold " + pass;
      default:
        return "alerts";
    }
  }
  void take(const Place& from, const Stage& stage) {
    for (;;) {
      const Buffer block(tocsin_buffer_new());
      int kind = -1;
      std::uint32_t pass = 0;
      std::uint32_t part = 0;
      REQUIRE(failure(tocsin_stage_take, stage.get(), &kind, &pass, &part, block.get()) == "");
      if (tocsin_buffer_size(block.get()) == 0) return;
      const auto to = stages_.find(place_of(kind, pass, part));
      REQUIRE(to != stages_.end());
      sent[{name_of(from), name_of(to->first)}] += tocsin_buffer_size(block.get());
      REQUIRE(failure(tocsin_stage_put, to->second.get(), tocsin_buffer_data(block.get()),
                      tocsin_buffer_size(block.get())) == "");
    }
  }

  std::uint32_t parts_;
  std::map<Place, Stage> stages_;
};
}  // namespace

TEST_CASE("C stages: a job gives the bytes of a run, also when it goes on in other parts") {
  const Pack pack = pack_of(kRules);
  const Buffer json(tocsin_buffer_new());
  REQUIRE(failure(tocsin_pack_describe_job, pack.get(), json.get()) == "");
  const nlohmann::json job = nlohmann::json::parse(text_of(json));
  CHECK(job.at("can_be_spread") == true);
  REQUIRE(job.at("passes").size() == 3);
  CHECK(job.at("passes")[1].at("hold") == true);
  const std::string expected = alerts_of_run(pack);
  CHECK(std::ranges::count(expected, '\n') > 20);
  for (const std::uint32_t parts : {1U, 3U}) {
    Job first(pack, parts, 3);
    for (int i = 0; i < kEvents / 2; ++i) first.put_event(i);
    first.advance(kStart + 20'000'000);
    Job second(pack, 4 - parts, 3);
    second.restore(first.cut());
    second.alerts = first.alerts;
    for (Job* const either : {&first, &second}) {
      for (int i = kEvents / 2; i < kEvents; ++i) either->put_event(i);
      either->advance(kStart + 40'000'000);
      either->advance(kEnd);
      CHECK(either->alerts == expected);
    }
    // What the stages sent is what the description says, and about as much.
    std::set<std::pair<std::string, std::string>> described;
    for (const nlohmann::json& exchange : job.at("exchanges")) {
      described.emplace(exchange.at("from"), exchange.at("to"));
    }
    std::set<std::pair<std::string, std::string>> seen;
    for (const auto& [edge, bytes] : first.sent) seen.insert(edge);
    CHECK(seen == described);
    const std::size_t rows = first.sent.at({"intake", "pass 1"}) / (kEvents * 4 / 5);
    CHECK(rows > described_bytes(job, "intake", "pass 1") / 2);
    CHECK(rows < described_bytes(job, "intake", "pass 1") * 2);
  }
}

TEST_CASE("C stages: what cannot be spread is refused with the reason") {
  const Pack pack = pack_of(R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }
feature level = avg(amount of payment unless alerted by outlier) by merchant over previous 30d
rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * level
  alert "far"
}
)");
  tocsin_stage* stage = nullptr;
  const std::string why = failure(tocsin_stage_open, pack.get(),
                                  static_cast<int>(TOCSIN_STAGE_PASS), 0U, nullptr, &stage);
  CHECK(stage == nullptr);
  CHECK(why.starts_with("unsupported: the rules cannot be spread: rule `outlier` (by card) reads"));
  const Buffer json(tocsin_buffer_new());
  REQUIRE(failure(tocsin_pack_describe_job, pack.get(), json.get()) == "");
  const nlohmann::json job = nlohmann::json::parse(text_of(json));
  CHECK(job.at("can_be_spread") == false);
  CHECK(job.at("obstacles")[0].at("feature") == "level");
}

TEST_CASE("C stages: a source tells an event's time without taking it") {
  const Pack pack = pack_of(kRules);
  tocsin_stage* opened = nullptr;
  REQUIRE(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_SOURCE), 0U, nullptr,
                  &opened) == "");
  const Stage source(opened);
  const auto read = [&](const std::string& line) {
    std::int64_t time = 7;
    int outcome = -1;
    CHECK(failure(tocsin_stage_event_time, source.get(), line.data(), line.size(), &time,
                  &outcome) == "");
    return std::pair(outcome, time);
  };
  const auto take = [&] {
    const Buffer block(tocsin_buffer_new());
    int kind = -1;
    std::uint32_t pass = 0;
    std::uint32_t part = 0;
    CHECK(failure(tocsin_stage_take, source.get(), &kind, &pass, &part, block.get()) == "");
    return tocsin_buffer_size(block.get());
  };
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
  CHECK(read(event_line(5)) == std::pair<int, std::int64_t>(TOCSIN_EVENT_SENT, kStart + 2'000'000));
  CHECK(read("no event") == std::pair<int, std::int64_t>(TOCSIN_EVENT_REJECTED, kNone));
  CHECK(read(R"({"type":"other","ts":1})") ==
        std::pair<int, std::int64_t>(TOCSIN_EVENT_UNKNOWN, kNone));
  CHECK(take() == 0);
  const std::string line = event_line(6);
  int outcome = -1;
  CHECK(failure(tocsin_stage_put_event, source.get(), line.data(), line.size(), kNone,
                std::uint64_t{1}, 0U, 0U, &outcome) == "");
  CHECK(read(event_line(7)).second == kStart + 3'000'000);
  CHECK(take() > 0);
  std::int64_t time = 0;
  tocsin_stage* pass = nullptr;
  REQUIRE(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_PASS), 0U, nullptr,
                  &pass) == "");
  const Stage other(pass);
  CHECK(failure(tocsin_stage_event_time, other.get(), "", std::size_t{0}, &time, &outcome) ==
        "invalid_argument: only a source takes events");
}

TEST_CASE("C stages: calls that make no sense are refused") {
  const Pack pack = pack_of(kRules);
  const auto open = [&](int kind, std::uint32_t pass, const char* options) {
    tocsin_stage* stage = nullptr;
    const std::string why = failure(tocsin_stage_open, pack.get(), kind, pass, options, &stage);
    return std::pair(Stage(stage), why);
  };
  CHECK(open(TOCSIN_STAGE_PASS, 3, nullptr).second ==
        "invalid_argument: the pack has no such stage");
  CHECK(open(TOCSIN_STAGE_HOLD, 0, nullptr).second ==
        "invalid_argument: the pack has no such stage");
  CHECK(open(9, 0, nullptr).second == "invalid_argument: the pack has no such stage");
  CHECK(open(TOCSIN_STAGE_PASS, 0, R"({"part":2,"parts":2})").second ==
        "invalid_argument: \"part\" is less than \"parts\"");
  CHECK(open(TOCSIN_STAGE_SOURCE, 0, R"({"keeps_state":true})").second ==
        "invalid_argument: a source keeps no state");
  const auto [pass, why] = open(TOCSIN_STAGE_PASS, 0, nullptr);
  REQUIRE(why == "");
  int done = 0;
  CHECK(failure(tocsin_stage_cut, pass.get()) ==
        "wrong_state: the stage was opened without \"keeps_state\"");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{5}, std::size_t{10}, &done) == "");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{4}, std::size_t{10}, &done) ==
        "invalid_argument: a watermark is a time at or after the one before");
  CHECK(failure(tocsin_stage_begin_restore, pass.get(), "", std::size_t{0}, nullptr) ==
        "wrong_state: only a fresh stage is restored");
  CHECK(failure(tocsin_stage_restore, pass.get(), "", std::size_t{0}) ==
        "wrong_state: no restore was begun");
  std::int64_t watermark = 0;
  CHECK(failure(tocsin_stage_watermark, pass.get(), &watermark) == "");
  CHECK(watermark == 5);
  const Buffer json(tocsin_buffer_new());
  CHECK(failure(tocsin_stage_statistics, pass.get(), json.get()) == "");
  CHECK(nlohmann::json::parse(text_of(json)).at("rows") == 0);
  CHECK(failure(tocsin_stage_put, pass.get(), "no block", std::size_t{8}) ==
        "corrupt: a block of another stage is damaged");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{6}, std::size_t{10}, &done) ==
        "wrong_state: the stage has failed and takes nothing more");
}
}  // namespace tocsin::library
