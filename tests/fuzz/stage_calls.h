/// Calls of stages of a job, for the fuzz target `handles`.
#pragma once
#include <tocsin.h>

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tests/fuzz/handle_calls.h"

namespace tocsin::fuzz {
inline constexpr const char* kJobRules = R"(
event payment { ts: time, id: string id, card: string, merchant: string?, amount: decimal(2) }
feature at_merchant = count(payment) by merchant over last 10m
rule pair "Two payments" {
  by card
  when payment as a
  then payment as b where at_merchant >= 0 or amount > 1
  within 10m
  alert "{b.amount}"
  at most 2 per 1m for each b.amount
}
rule again "Two alerts" {
  by card
  when alert pair as first
  then alert pair as second
  within 10m
  alert "twice"
}
)";
inline const tocsin_pack* job_pack() {
  static const tocsin_pack* const kPack = load(kJobRules, nullptr);
  return kPack;
}

// What rules change to: without alerts as events, and with a rule more.
inline const tocsin_pack* next_pack() {
  static const std::string kRules = [] {
    std::string rules = kJobRules;
    rules.erase(rules.find("rule again"));
    return rules + R"(
rule large "A large payment" {
  by card
  when payment where amount > 5
  alert "{amount}"
}
)";
  }();
  static const tocsin_pack* const kPack = load(kRules.c_str(), nullptr);
  return kPack;
}

// Stages of one input: calls in any order, with blocks and entries that came from any of them.
class StageCalls {
 public:
  StageCalls() : text_(tocsin_buffer_new()) {}
  ~StageCalls() {
    for (tocsin_stage* stage : stages_) tocsin_stage_free(stage);
    tocsin_buffer_free(text_);
  }
  StageCalls(const StageCalls&) = delete;
  StageCalls& operator=(const StageCalls&) = delete;

  // A digit for the stage, a letter for the call, the rest for its argument.
  void call(std::string_view line) {
    if (line.size() < 2) return;
    tocsin_stage*& stage = stages_[static_cast<unsigned char>(line[0]) % stages_.size()];
    const std::string rest(line.substr(2));
    const int kind = rest.empty() ? 0 : rest[0] - '0';
    const auto pass = static_cast<std::uint32_t>(rest.size() < 2 ? 0 : rest[1] - '0');
    switch (line[1]) {
      case 'o':
        tocsin_stage_free(stage);
        stage = nullptr;
        TOCSIN_CALL(tocsin_stage_open, job_pack(), kind, pass,
                    kind == TOCSIN_STAGE_SOURCE ? nullptr : R"({"keeps_state":true})", &stage);
        return;
      case 'O':
        tocsin_stage_free(stage);
        stage = nullptr;
        TOCSIN_CALL(tocsin_stage_open, job_pack(), kind, pass, rest.c_str() + rest.size() / 2,
                    &stage);
        return;
      case 'n':
        TOCSIN_CALL(tocsin_stage_set_parts, stage, kind, pass,
                    static_cast<std::uint32_t>(number_in(rest)));
        return;
      default:
        return work(line[1], stage, rest);
    }
  }

 private:
  void work(char letter, tocsin_stage* stage, const std::string& rest) {
    int done = 0;
    std::uint32_t pass = 0;
    std::uint32_t part = 0;
    std::int64_t watermark = 0;
    switch (letter) {
      case 'e': {
        const std::string line = payment(number_in(rest));
        return put_event(stage, std::string_view(line).substr(0, line.size() - 1), INT64_MIN);
      }
      case 'E':
        return put_event(stage, rest, INT64_MIN);
      case 'T':
        return put_event(stage, rest, kStart + events_);
      case 'p': {
        const std::string line = payment(number_in(rest));
        return put_line(stage, std::string_view(line).substr(0, line.size() - 1));
      }
      case 'P':
        return put_line(stage, rest);
      case 's':
        TOCSIN_CALL(tocsin_stage_source_watermark, stage, "a", std::size_t{1}, &watermark);
        return;
      case 'S':
        TOCSIN_CALL(tocsin_stage_end_source, stage, "a", std::size_t{1});
        return;
      case 'k':
        if (TOCSIN_CALL(tocsin_stage_take_lines, stage, TOCSIN_LATE, text_) == TOCSIN_OK) {
          check_lines(text_);
        }
        if (TOCSIN_CALL(tocsin_stage_take_lines, stage, TOCSIN_REJECTED, text_) == TOCSIN_OK) {
          check_lines(text_);
        }
        return;
      case 'b':
        TOCSIN_CALL(tocsin_stage_put, stage, block_.data(), block_.size());
        return;
      case 'B':
        TOCSIN_CALL(tocsin_stage_put, stage, rest.data(), rest.size());
        return;
      case 'a':
        TOCSIN_CALL(tocsin_stage_advance, stage, after_start(rest), std::size_t{2}, &done);
        return;
      case 't':
        if (TOCSIN_CALL(tocsin_stage_take, stage, &done, &pass, &part, text_) == TOCSIN_OK) {
          block_.assign(tocsin_buffer_data(text_), tocsin_buffer_size(text_));
        }
        return;
      case 'l':
        if (TOCSIN_CALL(tocsin_stage_take_alerts, stage, text_) == TOCSIN_OK) check_lines(text_);
        return;
      case 'w':
        TOCSIN_CALL(tocsin_stage_watermark, stage, &watermark);
        return;
      case 'j':
        if (TOCSIN_CALL(tocsin_stage_statistics, stage, text_) == TOCSIN_OK) {
          require(nlohmann::json::accept(tocsin_buffer_data(text_)), "the result is JSON");
        }
        return;
      default:
        return keep(letter, stage, rest);
    }
  }

  void put_event(tocsin_stage* stage, std::string_view line, std::int64_t engine_time) {
    int outcome = 0;
    const std::uint32_t index = events_++;
    TOCSIN_CALL(tocsin_stage_put_event, stage, line.data(), line.size(), engine_time,
                std::uint64_t{1}, index, 0U, &outcome);
  }

  void put_line(tocsin_stage* stage, std::string_view line) {
    int outcome = 0;
    const std::uint32_t index = events_++;
    TOCSIN_CALL(tocsin_stage_put_line, stage, "a", std::size_t{1}, line.data(), line.size(),
                INT64_MIN, std::uint64_t{1}, index, &outcome);
  }

  // Cuts and restores.
  void keep(char letter, tocsin_stage* stage, const std::string& rest) {
    int done = 0;
    switch (letter) {
      case 'c':
        TOCSIN_CALL(tocsin_stage_cut, stage);
        return;
      case 'C':
        if (TOCSIN_CALL(tocsin_stage_take_cut, stage, std::size_t{1} << 20, text_, &done) ==
            TOCSIN_OK) {
          state_.split(std::string_view(tocsin_buffer_data(text_), tocsin_buffer_size(text_)));
        }
        return;
      case 'h':
        TOCSIN_CALL(tocsin_stage_begin_restore, stage, state_.heads.data(), state_.heads.size(),
                    text_);
        return;
      case 'r':
        TOCSIN_CALL(tocsin_stage_restore, stage, state_.others.data(), state_.others.size());
        return;
      case 'H':
        TOCSIN_CALL(tocsin_stage_begin_restore, stage, rest.data(), rest.size(), nullptr);
        return;
      case 'R':
        TOCSIN_CALL(tocsin_stage_restore, stage, rest.data(), rest.size());
        return;
      case 'q':
        TOCSIN_CALL(tocsin_stage_prepare, stage, next_pack(), after_start(rest));
        return;
      case 'Q':
        if (TOCSIN_CALL(tocsin_stage_take_report, stage, text_) == TOCSIN_OK) {
          require(
              tocsin_buffer_size(text_) == 0 || nlohmann::json::accept(tocsin_buffer_data(text_)),
              "the result is JSON");
        }
        return;
      case 'm':
        TOCSIN_CALL(tocsin_stage_memory, stage, std::uint64_t{1} << (number_in(rest) % 30));
        return;
      case 'M': {
        tocsin_counters counters;
        if (TOCSIN_CALL(tocsin_stage_count, stage, &counters, sizeof(counters)) == TOCSIN_OK) {
          require(counters.alerts <= counters.rows, "alerts are worked on");
        }
        return;
      }
      case 'f':
        TOCSIN_CALL(tocsin_stage_finish_restore, stage, rest.empty() ? 1 : 0);
        return;
      default:
        TOCSIN_CALL(tocsin_pack_describe_job, job_pack(), text_);
        require(nlohmann::json::accept(tocsin_buffer_data(text_)), "the result is JSON");
    }
  }

  tocsin_buffer* text_;
  std::array<tocsin_stage*, 6> stages_{};
  std::string block_;   // taken last
  SplitEntries state_;  // of the cut taken last
  std::uint32_t events_ = 0;
};
}  // namespace tocsin::fuzz
