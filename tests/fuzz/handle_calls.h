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

inline std::string payment(std::int64_t number) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + number % 1'000'000'000) +
         R"(,"id":")" + std::to_string(number) + R"(","card":"c1","amount":2000})" + "\n";
}
}  // namespace tocsin::fuzz
