// Calls of the C interface in any order: each line of the input is a call, of handles that there
// are or are not. No call ends otherwise than with a status, an error object exactly where it
// fails, and JSON where the header says so; and what a run puts out does not depend on how its
// input was cut.
#include <tocsin.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time up to 2s late, id: string id, card: string, amount: decimal(2) }
event confirmation { ts: time, id: string id, card: string }
rule large "A large payment" {
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}"
}
rule unconfirmed "Nobody confirmed" {
  by card
  when payment as p where amount > 1_000 then no confirmation for 5m
  alert "{p.amount} on card {card} was not confirmed"
}
)";
constexpr const char* kJobRules = R"(
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
constexpr std::int64_t kStart = 1'772'452'800'000'000;

// Checks how a call ended.
class Call {
 public:
  ~Call() { tocsin_error_free(error_); }
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  tocsin_error** error() { return &error_; }
  tocsin_status ended(tocsin_status status) const {
    require(std::string_view(tocsin_status_name(status)) != "unknown", "a call gives a status");
    require((error_ == nullptr) == (status == TOCSIN_OK), "an error is set where a call fails");
    require(tocsin_error_status(error_) == status, "an error has the call's status");
    require(nlohmann::json::accept(tocsin_error_json(error_)), "an error is JSON");
    require(status != TOCSIN_INTERNAL, "no argument makes a fault of the library");
    return status;
  }

 private:
  tocsin_error* error_ = reinterpret_cast<tocsin_error*>(this);  // whatever was there
};
#define TOCSIN_CALL(function, ...)                          \
  [&] {                                                     \
    Call call;                                              \
    return call.ended(function(__VA_ARGS__, call.error())); \
  }()

tocsin_pack* load(std::string_view rules, tocsin_buffer* diagnostics) {
  const tocsin_text file = {"rules.tocsin", rules.data(), rules.size()};
  tocsin_pack* pack = nullptr;
  const tocsin_status status =
      TOCSIN_CALL(tocsin_pack_load_texts, &file, 1, nullptr, &pack, diagnostics);
  require((pack != nullptr) == (status == TOCSIN_OK), "there is a pack where rules are right");
  return pack;
}
const tocsin_pack* usual_pack() {
  static const tocsin_pack* const kPack = load(kRules, nullptr);
  return kPack;
}

const tocsin_pack* job_pack() {
  static const tocsin_pack* const kPack = load(kJobRules, nullptr);
  return kPack;
}

void check_lines(const tocsin_buffer* lines) {
  std::string_view text(tocsin_buffer_data(lines), tocsin_buffer_size(lines));
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    require(end != std::string_view::npos, "each line has its end");
    require(nlohmann::json::accept(text.substr(0, end)), "each line is JSON");
    text.remove_prefix(end + 1);
  }
}

std::int64_t number_in(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
// So far after the start; what overflows goes round.
std::int64_t after_start(std::string_view number) {
  const auto offset = static_cast<std::uint64_t>(number_in(number));
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(kStart) + offset);
}

std::string payment(std::int64_t number) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + number % 1'000'000'000) +
         R"(,"id":")" + std::to_string(number) + R"(","card":"c1","amount":2000})" + "\n";
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
          split(std::string_view(tocsin_buffer_data(text_), tocsin_buffer_size(text_)));
        }
        return;
      case 'h':
        TOCSIN_CALL(tocsin_stage_begin_restore, stage, heads_.data(), heads_.size(), text_);
        return;
      case 'r':
        TOCSIN_CALL(tocsin_stage_restore, stage, others_.data(), others_.size());
        return;
      case 'H':
        TOCSIN_CALL(tocsin_stage_begin_restore, stage, rest.data(), rest.size(), nullptr);
        return;
      case 'R':
        TOCSIN_CALL(tocsin_stage_restore, stage, rest.data(), rest.size());
        return;
      case 'f':
        TOCSIN_CALL(tocsin_stage_finish_restore, stage, rest.empty() ? 1 : 0);
        return;
      default:
        TOCSIN_CALL(tocsin_pack_describe_job, job_pack(), text_);
        require(nlohmann::json::accept(tocsin_buffer_data(text_)), "the result is JSON");
    }
  }

  // Entries as the header says.
  void split(std::string_view entries) {
    const auto number = [&](std::size_t at) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        value |= std::uint32_t{static_cast<unsigned char>(entries[at + i])} << (8 * i);
      }
      return value;
    };
    heads_.clear();
    others_.clear();
    while (!entries.empty()) {
      const std::uint32_t key = number(5);
      const bool is_put = entries[0] == 1;
      const std::size_t size = is_put ? 13 + std::size_t{key} + number(9 + key) : 9 + key;
      const bool is_head = key == 1 && entries[9] < 2;
      (is_head ? heads_ : others_) += entries.substr(0, size);
      entries.remove_prefix(size);
    }
  }

  tocsin_buffer* text_;
  std::array<tocsin_stage*, 6> stages_{};
  std::string block_;  // taken last
  std::string heads_;  // of the cut taken last
  std::string others_;
  std::uint32_t events_ = 0;
};

// The handles of one input, and its calls.
class Calls {
 public:
  Calls() : text_(tocsin_buffer_new()) {}
  ~Calls() {
    for (tocsin_run* run : runs_) tocsin_run_free(run);
    tocsin_pack_free(pack_);
    tocsin_buffer_free(text_);
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // A letter for the call, a digit for the run, the rest for its argument.
  void call(std::string_view line) {
    if (line.size() < 2) return;
    tocsin_run*& run = runs_[static_cast<unsigned char>(line[1]) % runs_.size()];
    const std::string rest(line.substr(2));
    switch (line[0]) {
      case 'Z':
        return stages_.call(line.substr(1));
      case 'L':
        tocsin_pack_free(pack_);
        pack_ = load(rest, text_);
        return check_lines(text_);
      case 'D':
        if (TOCSIN_CALL(tocsin_pack_describe, pack_, text_) == TOCSIN_OK) check_json();
        return;
      case 'O':
        tocsin_run_free(run);
        run = nullptr;
        TOCSIN_CALL(tocsin_run_open, pack_ != nullptr ? pack_ : usual_pack(), rest.c_str(), &run);
        return;
      case 'X':
        tocsin_run_free(run);
        run = nullptr;
        return;
      case 'Y':
        tocsin_pack_free(pack_);
        pack_ = nullptr;
        return;
      default:
        return call_run(line[0], run, rest);
    }
  }

 private:
  void call_run(char letter, tocsin_run* run, const std::string& rest) {
    const std::uint32_t source = static_cast<std::uint32_t>(rest.empty() ? 0 : rest[0] - '0');
    std::uint32_t opened = 0;
    std::int64_t watermark = 0;
    switch (letter) {
      case 'S':
        TOCSIN_CALL(tocsin_run_source, run, rest.c_str(), &opened);
        return;
      case 'G':
        return push(run, source,
                    payment(number_in(
                        std::string_view(rest).substr(std::min<std::size_t>(1, rest.size())))));
      case 'P':
        return push(run, source, rest + "\n");
      case 'p':
        return push(run, source, rest);
      case 'E':
        TOCSIN_CALL(tocsin_run_end_source, run, source);
        return;
      case 'C':
        TOCSIN_CALL(tocsin_run_set_clock, run, after_start(rest));
        return;
      case 'A':
        TOCSIN_CALL(tocsin_run_advance, run, after_start(rest));
        return;
      case 'W':
        TOCSIN_CALL(tocsin_run_watermark, run, &watermark);
        return;
      case 'F':
        TOCSIN_CALL(tocsin_run_finish, run, static_cast<int>(source));
        return;
      case 'T':
        if (TOCSIN_CALL(tocsin_run_take, run, static_cast<int>(source), text_) == TOCSIN_OK) {
          check_lines(text_);
        }
        return;
      case 'J':
        if (TOCSIN_CALL(tocsin_run_statistics, run, text_) == TOCSIN_OK) check_json();
        return;
      default:
        TOCSIN_CALL(tocsin_run_take, run, 0, nullptr);
    }
  }

  static void push(tocsin_run* run, std::uint32_t source, std::string_view bytes) {
    std::size_t taken = bytes.size() + 1;
    const tocsin_status status =
        TOCSIN_CALL(tocsin_run_push, run, source, bytes.data(), bytes.size(), &taken);
    require(taken <= bytes.size(), "no more is taken than there is");
    require(status != TOCSIN_OK || taken == bytes.size(), "a call that succeeds takes all");
  }

  void check_json() const {
    require(nlohmann::json::accept(tocsin_buffer_data(text_)), "the result is JSON");
  }

  tocsin_buffer* text_;
  tocsin_pack* pack_ = nullptr;
  StageCalls stages_;
  std::array<tocsin_run*, 3> runs_{};
};

// What a run puts out of these bytes, cut into pieces of up to `piece_max` bytes.
std::string outputs_of(std::string_view bytes, std::size_t piece_max) {
  tocsin_run* run = nullptr;
  std::uint32_t source = 0;
  TOCSIN_CALL(tocsin_run_open, usual_pack(), R"({"line_bytes_max":200})", &run);
  TOCSIN_CALL(tocsin_run_source, run, "a", &source);
  std::array<std::string, 3> outputs;
  tocsin_buffer* const lines = tocsin_buffer_new();
  const auto take = [&] {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      TOCSIN_CALL(tocsin_run_take, run, static_cast<int>(i), lines);
      check_lines(lines);
      outputs[i].append(tocsin_buffer_data(lines), tocsin_buffer_size(lines));
    }
  };
  for (std::size_t at = 0; at < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[at]);
    const std::string_view piece = bytes.substr(at, 1 + byte % piece_max);
    TOCSIN_CALL(tocsin_run_push, run, source, piece.data(), piece.size(), nullptr);
    at += piece.size();
    if (byte % 8 == 0) take();
  }
  TOCSIN_CALL(tocsin_run_finish, run, 1);
  take();
  tocsin_run_free(run);
  tocsin_buffer_free(lines);
  return outputs[0] + '\f' + outputs[1] + '\f' + outputs[2];
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = tocsin::fuzz::text_of(data, size);
  tocsin::fuzz::require(tocsin::fuzz::outputs_of(text, 30) == tocsin::fuzz::outputs_of(text, 255),
                        "what is put out does not depend on pieces");
  tocsin::fuzz::Calls calls;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    calls.call(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}
