/// Handles of the C interface as tests use them.
#pragma once
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tocsin::library {
/// An error that a call sets; freed with its next use.
class Why {
 public:
  Why() = default;
  ~Why() { tocsin_error_free(error_); }
  Why(const Why&) = delete;
  Why& operator=(const Why&) = delete;
  tocsin_error** set() {
    tocsin_error_free(error_);
    error_ = nullptr;
    return &error_;
  }
  std::string message() const { return tocsin_error_message(error_); }
  tocsin_status status() const { return tocsin_error_status(error_); }
  std::string json() const { return tocsin_error_json(error_); }
  bool is_set() const { return error_ != nullptr; }

 private:
  tocsin_error* error_ = nullptr;
};
class Text {
 public:
  Text() : buffer_(tocsin_buffer_new()) {}
  ~Text() { tocsin_buffer_free(buffer_); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  tocsin_buffer* get() { return buffer_; }
  std::string text() const { return {tocsin_buffer_data(buffer_), tocsin_buffer_size(buffer_)}; }

 private:
  tocsin_buffer* buffer_;
};

inline tocsin_text text_of(const char* name, std::string_view data) {
  return {name, data.data(), data.size()};
}

class Pack {
 public:
  explicit Pack(std::string_view rules) {
    const tocsin_text file = text_of("rules.tocsin", rules);
    Text diagnostics;
    REQUIRE_MESSAGE(tocsin_pack_load_texts(&file, 1, nullptr, &pack_, diagnostics.get(),
                                           why_.set()) == TOCSIN_OK,
                    diagnostics.text());
  }
  ~Pack() { tocsin_pack_free(pack_); }
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;
  tocsin_pack* get() const { return pack_; }

 private:
  tocsin_pack* pack_ = nullptr;
  Why why_;
};

class Run {
 public:
  explicit Run(const Pack& pack, const char* options = nullptr) {
    REQUIRE_MESSAGE(tocsin_run_open(pack.get(), options, &run_, why.set()) == TOCSIN_OK,
                    why.message());
  }
  ~Run() { tocsin_run_free(run_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  tocsin_run* get() const { return run_; }
  std::uint32_t source(const char* name) {
    std::uint32_t index = 0;
    REQUIRE(tocsin_run_source(run_, name, &index, why.set()) == TOCSIN_OK);
    return index;
  }
  tocsin_status push(std::uint32_t source, std::string_view bytes) {
    return tocsin_run_push(run_, source, bytes.data(), bytes.size(), nullptr, why.set());
  }
  std::string take(int output = TOCSIN_ALERTS) {
    Text lines;
    REQUIRE_MESSAGE(tocsin_run_take(run_, output, lines.get(), why.set()) == TOCSIN_OK,
                    why.message());
    return lines.text();
  }
  nlohmann::json statistics() {
    Text json;
    REQUIRE(tocsin_run_statistics(run_, json.get(), why.set()) == TOCSIN_OK);
    return nlohmann::json::parse(json.text());
  }
  Why why;

 private:
  tocsin_run* run_ = nullptr;
};

inline std::size_t lines_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}
}  // namespace tocsin::library
