/// JSON that is written member by member.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cep/value/value.h"

namespace tocsin::api {
/// Members and elements in order, put together as text: values keep all their digits.
class JsonText {
 public:
  void open(char bracket) {
    separate();
    text_ += bracket;
    is_first_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    is_first_ = false;
  }
  void name(std::string_view name) {
    separate();
    cep::append_json_string(text_, name);
    text_ += ':';
    is_first_ = true;
  }
  void open(std::string_view of, char bracket) {
    name(of);
    open(bracket);
  }
  void text(std::string_view value) {
    separate();
    cep::append_json_string(text_, value);
  }
  void number(std::uint64_t value) { raw(fmt::format("{}", value)); }
  void value(const cep::Value& value) {
    separate();
    if (value.is_missing()) {
      text_ += "null";
    } else {
      cep::append_json(text_, value);
    }
  }
  void raw(std::string_view json) {
    separate();
    text_ += json;
  }
  void member(std::string_view of, std::string_view value) {
    name(of);
    text(value);
  }
  void member(std::string_view of, std::uint64_t value) {
    name(of);
    number(value);
  }
  std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (!is_first_) text_ += ',';
    is_first_ = false;
  }
  std::string text_;
  bool is_first_ = true;
};
}  // namespace tocsin::api
