// Calls of the C interface in any order: each line of the input is a call, of handles that there
// are or are not. No call ends otherwise than with a status, an error object exactly where it
// fails, and JSON where the header says so; and what a run puts out does not depend on how its
// input was cut.
#include <tocsin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/handle_calls.h"
#include "tests/fuzz/stage_calls.h"
#include "tests/support/arrow_batch.h"

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
const tocsin_pack* usual_pack() {
  static const tocsin_pack* const kPack = load(kRules, nullptr);
  return kPack;
}

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
      case 'V':
        if (TOCSIN_CALL(tocsin_pack_list_tests, pack_, text_) == TOCSIN_OK) check_lines(text_);
        return;
      case 'R': {
        const auto number = static_cast<std::size_t>(number_in(rest));
        if (TOCSIN_CALL(tocsin_pack_run_test, pack_, number, text_) == TOCSIN_OK) check_json();
        return;
      }
      case 'Q':
        TOCSIN_CALL(tocsin_pack_explain, pack_, rest.c_str(), nullptr, text_);
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
      case 'B':
        return push_batch(run, source,
                          std::string_view(rest).substr(std::min<std::size_t>(1, rest.size())));
      case 'K':
        return take_batch(run);
      case 'J':
        if (TOCSIN_CALL(tocsin_run_statistics, run, text_) == TOCSIN_OK) check_json();
        return;
      default:
        return keep(letter, run, rest);
    }
  }

  // Cuts and restores.
  void keep(char letter, tocsin_run* run, const std::string& rest) {
    int done = 0;
    switch (letter) {
      case 'c':
        TOCSIN_CALL(tocsin_run_cut, run);
        return;
      case 'd':
        if (TOCSIN_CALL(tocsin_run_take_cut, run, std::size_t{1} << 20, text_, &done) ==
            TOCSIN_OK) {
          state_.split({tocsin_buffer_data(text_), tocsin_buffer_size(text_)});
        }
        return;
      case 'h':
        TOCSIN_CALL(tocsin_run_begin_restore, run, state_.heads.data(), state_.heads.size(), text_);
        return;
      case 'H':
        TOCSIN_CALL(tocsin_run_begin_restore, run, rest.data(), rest.size(), nullptr);
        return;
      case 'r':
        TOCSIN_CALL(tocsin_run_restore, run, state_.others.data(), state_.others.size());
        return;
      case 'R':
        TOCSIN_CALL(tocsin_run_restore, run, rest.data(), rest.size());
        return;
      case 'f':
        TOCSIN_CALL(tocsin_run_finish_restore, run, rest.empty() ? 1 : 0);
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

  // Columns whose formats, values and damages the text's bytes choose.
  static void push_batch(tocsin_run* run, std::uint32_t source, std::string_view bytes) {
    constexpr std::array<const char*, 19> kFormats = {
        "u",       "U",   "vu",  "l",   "I",      "c",         "g",  "f", "b", "tsu:",
        "tsn:UTC", "tDs", "tdD", "tdm", "d:10,2", "d:9,-3,32", "+l", "z", "n"};
    constexpr std::array<const char*, 5> kNames = {"type", "ts", "id", "card", "amount"};
    std::size_t at = 0;
    const auto next = [&]() -> std::size_t {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at++]) : 0;
    };
    const std::size_t rows = next() % 8;
    const std::size_t damage = next();
    std::vector<tests::ArrowColumnSource> columns;
    for (const char* const name : kNames) {
      tests::ArrowColumnSource column{name, kFormats[next() % kFormats.size()], {}};
      column.is_dictionary = column.format == "u" && next() % 4 == 0;
      column.skipped = next() % 3;
      for (std::size_t row = 0; row < rows; ++row) {
        tests::ArrowCell cell;
        const std::size_t value = next();
        cell.is_null = value % 8 == 7;
        cell.number = value < 128 ? kStart + static_cast<std::int64_t>(value)
                                  : static_cast<std::int64_t>(value) - 160;
        cell.real = static_cast<double>(value) / 4;
        cell.text = value % 2 == 0 ? "payment" : std::string(bytes.substr(at % 7, value % 20));
        column.cells.push_back(std::move(cell));
      }
      columns.push_back(std::move(column));
    }
    tests::ArrowBatch batch(columns, next() % 3);
    ArrowArray& child = *batch.array().children[damage % kNames.size()];
    switch (damage / 8) {
      case 1:
        child.length -= 1;
        break;
      case 2:
        child.offset = -1;
        break;
      case 3:
        child.n_buffers -= 1;
        break;
      case 4:
        batch.array().children[0] = nullptr;
        break;
      case 5:
        batch.array().n_children += 1;
        break;
      case 6:
        if (child.n_buffers > 1) child.buffers[1] = nullptr;
        break;
      case 7:
        batch.array().release = nullptr;
        break;
      default:
        break;
    }
    std::int64_t taken = -1;
    const tocsin_status status =
        TOCSIN_CALL(tocsin_run_push_arrow, run, source, damage % 2 == 0 ? nullptr : "payment",
                    &batch.schema(), &batch.array(), static_cast<std::int64_t>(damage % 3), &taken);
    require(taken >= 0 && taken <= static_cast<std::int64_t>(rows), "no more rows than there are");
    require(status != TOCSIN_CORRUPT || taken == 0, "nothing is taken of what is damaged");
  }
  static void take_batch(tocsin_run* run) {
    ArrowSchema schema{};
    ArrowArray alerts{};
    if (TOCSIN_CALL(tocsin_run_take_arrow, run, &schema, &alerts) != TOCSIN_OK) {
      require(schema.release == nullptr && alerts.release == nullptr, "a failed call gives none");
      return;
    }
    require(alerts.n_children == schema.n_children, "a schema is that of its array");
    alerts.release(&alerts);
    schema.release(&schema);
  }

  void check_json() const {
    require(nlohmann::json::accept(tocsin_buffer_data(text_)), "the result is JSON");
  }

  SplitEntries state_;  // of a run's cut
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
