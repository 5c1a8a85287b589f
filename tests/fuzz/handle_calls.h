/// Calls of the C interface whose ends are checked, for the fuzz target `handles`.
#pragma once
#include <tocsin.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
inline constexpr std::int64_t kStart = 1'772'452'800'000'000;

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

inline tocsin_pack* load(std::string_view rules, tocsin_buffer* diagnostics) {
  const tocsin_text file = {"rules.tocsin", rules.data(), rules.size()};
  tocsin_pack* pack = nullptr;
  const tocsin_status status =
      TOCSIN_CALL(tocsin_pack_load_texts, &file, 1, nullptr, &pack, diagnostics);
  require((pack != nullptr) == (status == TOCSIN_OK), "there is a pack where rules are right");
  return pack;
}
inline void check_lines(const tocsin_buffer* lines) {
  std::string_view text(tocsin_buffer_data(lines), tocsin_buffer_size(lines));
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    require(end != std::string_view::npos, "each line has its end");
    require(nlohmann::json::accept(text.substr(0, end)), "each line is JSON");
    text.remove_prefix(end + 1);
  }
}

inline std::int64_t number_in(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
// So far after the start; what overflows goes round.
inline std::int64_t after_start(std::string_view number) {
  const auto offset = static_cast<std::uint64_t>(number_in(number));
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(kStart) + offset);
}

/// Entries of a state, as the header says: those whose key is one byte, and all others.
struct SplitEntries {
  std::string heads;
  std::string others;
  void split(std::string_view entries) {
    const auto number = [&](std::size_t at) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        value |= std::uint32_t{static_cast<unsigned char>(entries[at + i])} << (8 * i);
      }
      return value;
    };
    heads.clear();
    others.clear();
    while (!entries.empty()) {
      const std::uint32_t key = number(5);
      const std::size_t size = 9 + key + (entries[0] == 1 ? 4 + number(9 + key) : 0);
      (key == 1 ? heads : others) += entries.substr(0, size);
      entries.remove_prefix(size);
    }
  }
};

inline std::string payment(std::int64_t number) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + number % 1'000'000'000) +
         R"(,"id":")" + std::to_string(number) + R"(","card":"c1","amount":2000})" + "\n";
}
}  // namespace tocsin::fuzz
