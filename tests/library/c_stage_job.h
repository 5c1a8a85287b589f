// A job of stages through the C interface, worked one stage after the other.
#pragma once
#include <doctest/doctest.h>
#include <tocsin.h>

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
// Three passes, of which the second has a hold.
inline constexpr const char* kJobRules = R"(
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
inline constexpr std::int64_t kStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z
inline constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

struct FreeBuffer {
  void operator()(tocsin_buffer* buffer) const { tocsin_buffer_free(buffer); }
  void operator()(tocsin_pack* pack) const { tocsin_pack_free(pack); }
  void operator()(tocsin_run* run) const { tocsin_run_free(run); }
  void operator()(tocsin_stage* stage) const { tocsin_stage_free(stage); }
};
using Buffer = std::unique_ptr<tocsin_buffer, FreeBuffer>;
using Pack = std::unique_ptr<tocsin_pack, FreeBuffer>;
using Stage = std::unique_ptr<tocsin_stage, FreeBuffer>;
inline std::string text_of(const Buffer& buffer) {
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

inline Pack pack_of(std::string_view rules) {
  const tocsin_text file = {"rules.tocsin", rules.data(), rules.size()};
  tocsin_pack* pack = nullptr;
  const Buffer diagnostics(tocsin_buffer_new());
  REQUIRE_MESSAGE(
      failure(tocsin_pack_load_texts, &file, 1U, nullptr, &pack, diagnostics.get()) == "",
      text_of(diagnostics));
  return Pack(pack);
}

inline std::string event_line(int i) {
  const std::string time = std::to_string(kStart + i / 2 * 1'000'000);
  if (i % 5 == 4) {
    return R"({"type":"note","ts":)" + time + R"(,"card":"c)" + std::to_string(i % 3) +
           R"(","text":"seen"})";
  }
  return R"({"type":"payment","ts":)" + time + R"(,"id":"p)" + std::to_string(i) +
         R"(","card":"c)" + std::to_string(i % 7) + R"(","merchant":"m)" + std::to_string(i % 3) +
         R"(","amount":)" + std::to_string(i) + "}";
}
inline constexpr int kEvents = 120;

inline std::string alerts_of_run(const Pack& pack) {
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

// A job whose stages have so many parts each, worked one after the other.
class Job {
 public:
  // With `has_room`: each pass has a hold. `options`: further members of all stages' options.
  Job(const Pack& pack, std::uint32_t parts, std::uint32_t passes, bool has_room = false,
      const std::string& options = "")
      : parts_(parts) {
    room_ = options;
    if (has_room) room_ += R"(,"passes":)" + std::to_string(passes);
    add(pack, TOCSIN_STAGE_SOURCE, 0, 1);
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      add(pack, TOCSIN_STAGE_PASS, pass, parts);
      if (pass == 1 || has_room) add(pack, TOCSIN_STAGE_HOLD, pass, parts);
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
  void prepare(const Pack& next, std::int64_t from) {
    for (const auto& [place, stage] : stages_) {
      CHECK(failure(tocsin_stage_prepare, stage.get(), next.get(), from) == "");
    }
  }
  // What the stages report of a change, each text once.
  std::set<std::string> reports() {
    std::set<std::string> reports;
    for (const auto& [place, stage] : stages_) {
      const Buffer json(tocsin_buffer_new());
      REQUIRE(failure(tocsin_stage_take_report, stage.get(), json.get()) == "");
      reports.insert(text_of(json));
    }
    return reports;
  }
  void advance(std::int64_t watermark) {
    for (const auto& [place, stage] : stages_) {
      int done = 0;
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
  // `entries` of a cut that has everything: no key comes twice, and nothing is removed. `next`:
  // what rules change to at `from`, which the state waits for.
  void restore(const Entries& entries, const tocsin_pack* next = nullptr, std::int64_t from = 0) {
    for (const auto& [place, stage] : stages_) {
      if (kind(place) == TOCSIN_STAGE_SOURCE) continue;
      const std::uint32_t parts = kind(place) == TOCSIN_STAGE_ALERTS ? 1 : parts_;
      std::string heads;
      std::string others;
      const std::string& all = entries.at({kind(place), std::get<1>(place)});
      for (std::size_t at = 0; at < all.size();) {
        const std::uint32_t group = number(all, at + 1);
        const std::uint32_t key = number(all, at + 5);
        if (all[at] == 3) {
          REQUIRE(key == 0);
          at += 9;
          continue;
        }
        REQUIRE(all[at] == 1);
        const std::uint32_t value = number(all, at + 9 + key);
        const std::string entry = all.substr(at, 13 + key + value);
        at += entry.size();
        if (group * parts / 1024 != std::get<2>(place)) continue;
        (key == 1 ? heads : others) += entry;
      }
      const Buffer report(tocsin_buffer_new());
      REQUIRE(failure(tocsin_stage_begin_restore, stage.get(), heads.data(), heads.size(),
                      report.get()) == "");
      const nlohmann::json reported = nlohmann::json::parse(text_of(report));
      if (kind(place) != TOCSIN_STAGE_ALERTS) CHECK(reported.at("is_same") == true);
      CHECK(reported.contains("waits_for") == (next != nullptr));
      if (next != nullptr) {
        CHECK(reported.at("waits_for").at("from_us") == from);
        CHECK(failure(tocsin_stage_finish_restore, stage.get(), 1)
                  .starts_with("wrong_state: the state waits for a change of rules at "));
        REQUIRE(failure(tocsin_stage_prepare, stage.get(), next, from) == "");
      }
      REQUIRE(failure(tocsin_stage_restore, stage.get(), others.data(), others.size()) == "");
      REQUIRE(failure(tocsin_stage_finish_restore, stage.get(), 1) == "");
    }
  }
  const Stage& stage(int kind, std::uint32_t pass, std::uint32_t part) const {
    return stages_.at(place_of(kind, pass, part));
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
                                  (kind == TOCSIN_STAGE_SOURCE ? "false" : "true") + room_ + "}";
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
  std::string room_;
  std::map<Place, Stage> stages_;
};
}  // namespace tocsin::library
